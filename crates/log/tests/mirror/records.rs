//! The audit records come along, each behind what it is about.

use std::sync::Arc;

use foodflow_log::mirror::{Finding, Mirror, MirrorError};
use foodflow_log::records::LISTED_RECORDS_MAX;
use foodflow_log::{EventLog, Expected, Partition, Record, RecordKey, RecordKind, SharedLog};
use foodflow_testkit::servers::NatsServer;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::signing::{checkpoint, introduce};
use crate::support::{assert_same, copy, folder, heads, memory, on_server, plant_log, wait_until};
use crate::writer::Plant;

/// Numbered records, each with what is written under it.
async fn records(log: &dyn EventLog) -> anyhow::Result<Vec<(RecordKey, bytes::Bytes)>> {
    let listed = log.records().list(RecordKind::Checkpoint, "", None, LISTED_RECORDS_MAX).await?;
    Ok(listed.into_iter().map(|Record { key, value, .. }| (key, value)).collect())
}

/// A log that was signed twice, by two keys.
async fn signed_log(seed: u64) -> anyhow::Result<(SharedLog, Plant)> {
    let (log, mut plant) = plant_log(seed, 150).await?;
    introduce(&*log, 1, 1).await?;
    checkpoint(&*log, 1).await?;
    plant.work(&*log, 100).await?;
    introduce(&*log, 1, 2).await?;
    checkpoint(&*log, 2).await?;
    Ok((log, plant))
}

fn key(number: u64) -> RecordKey {
    RecordKey::new(format!("0000000000000.{number:03}")).expect("it is a key")
}

async fn overwrite(log: &SharedLog, number: u64, change: impl Fn(&str) -> String) -> anyhow::Result<()> {
    let found = log.records().get(RecordKind::Checkpoint, &key(number)).await?.expect("it is there");
    let text = std::str::from_utf8(&found.value)?;
    let changed = change(text);
    assert_ne!(changed, text);
    log.records().put(RecordKind::Checkpoint, &key(number), changed.into(), Expected::Any).await?;
    Ok(())
}

async fn finding(from: &SharedLog, to: &SharedLog) -> anyhow::Result<Option<Finding>> {
    let compared = Mirror::new(Arc::clone(from), Arc::clone(to))?.compare().await?;
    Ok(compared.finding().cloned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_go_through_every_adapter_and_come_back_the_same() -> anyhow::Result<()> {
    let (first, mut plant) = signed_log(61).await?;
    let (place, again, server) = (TempDir::new()?, TempDir::new()?, NatsServer::start().await?);
    let (second, third, fourth) = (folder(&place).await?, on_server(&server).await?, folder(&again).await?);
    let expected = records(&*first).await?;
    assert!(expected.len() > 6, "keys and checkpoints");
    for (from, to) in [(&first, &second), (&second, &third), (&third, &fourth)] {
        copy(from, to).await?;
        assert_same(from, to).await?;
        assert_eq!(records(&**to).await?, expected);
        let compared = Mirror::new(Arc::clone(from), Arc::clone(to))?.compare().await?;
        assert!(compared.finding().is_none(), "{compared:?}");
        assert_eq!(
            compared.partitions.iter().map(|one| one.checkpoints).sum::<u64>(),
            expected.len() as u64 - 2
        );
    }
    plant.work(&*first, 20).await?;
    checkpoint(&*first, 2).await?;
    let mirror = Mirror::new(Arc::clone(&first), Arc::clone(&fourth))?;
    mirror.copy(CancellationToken::new()).await?;
    let (all, standing) = (records(&*first).await?, mirror.records_standing());
    assert_eq!(records(&*fourth).await?, all);
    assert_eq!(
        (standing.copied(), standing.records),
        ((all.len() - expected.len()) as u64, all.len() as u64)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_waits_for_the_messages_that_it_covers() -> anyhow::Result<()> {
    let (log, _) = signed_log(62).await?;
    // As it was at the first checkpoints, with what was signed since.
    let (shorter, target) = (plant_log(62, 150).await?.0, memory());
    let signed = records(&*log).await?;
    for (key, value) in signed.clone() {
        shorter.records().put(RecordKind::Checkpoint, &key, value, Expected::New).await?;
    }
    copy(&shorter, &target).await?;
    assert_same(&shorter, &target).await?;
    // The key that follows is about no message.
    let first_round = 1 + heads(&*shorter).await.iter().filter(|head| **head > 0).count();
    assert_eq!(records(&*target).await?, signed[..=first_round]);
    copy(&log, &target).await?;
    assert_eq!(records(&*target).await?, signed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_later_follows() -> anyhow::Result<()> {
    let (log, mut plant) = signed_log(63).await?;
    let place = TempDir::new()?;
    let target = folder(&place).await?;
    let mirror = Mirror::new(Arc::clone(&log), Arc::clone(&target))?;
    let stop = CancellationToken::new();
    let signing = async {
        plant.work(&*log, 30).await?;
        checkpoint(&*log, 2).await?;
        let sought = records(&*log).await?;
        wait_until("the records are there", async || records(&*target).await.unwrap() == sought).await;
        stop.cancel();
        anyhow::Ok(())
    };
    let (followed, signed) = tokio::join!(mirror.follow(stop.clone()), signing);
    followed?;
    signed?;
    assert_eq!(finding(&log, &target).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_record_is_copied_nowhere_and_named() -> anyhow::Result<()> {
    let (log, _) = signed_log(64).await?;
    overwrite(&log, 3, |text| text.replace("\"size\":", "\"size\":1")).await?;
    let target = memory();
    let error = copy(&log, &target).await.unwrap_err();
    let MirrorError::SourceRecordsBroken(broken) = &error else { panic!("{error}") };
    assert_eq!((broken.number, records(&*target).await?.len()), (3, 2));
    assert_same(&log, &target).await?;
    match finding(&log, &target).await? {
        Some(Finding::SourceRecordsBroken(broken)) => assert_eq!(broken.number, 3),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_another_signer_are_told_apart() -> anyhow::Result<()> {
    let (log, _) = signed_log(65).await?;
    let target = memory();
    let (mine, _) = signed_log(65).await?;
    copy(&mine, &target).await?;
    // The same messages and first records, and then another key.
    let other = memory();
    let shorter = plant_log(65, 150).await?.0;
    copy(&shorter, &other).await?;
    introduce(&*other, 1, 1).await?;
    checkpoint(&*other, 1).await?;
    introduce(&*other, 1, 3).await?;
    let number = records(&*other).await?.len() as u64;
    let error = copy(&log, &other).await.unwrap_err();
    let MirrorError::RecordsDiffer(difference) = &error else { panic!("{error}") };
    assert_eq!(difference.number, number);
    match finding(&log, &other).await? {
        Some(Finding::RecordsDiffer(found)) => assert_eq!(found, *difference),
        found => panic!("{found:?}"),
    }
    // A copy that was signed itself has more than its log.
    introduce(&*target, 2, 4).await?;
    let error = copy(&log, &target).await.unwrap_err();
    assert!(
        matches!(error, MirrorError::RecordsBeyond { of_source, of_target } if of_target == of_source + 1)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_message_that_was_changed_shows_by_its_checkpoint() -> anyhow::Result<()> {
    let (log, _) = signed_log(66).await?;
    let changed = memory();
    for partition in (0..log.partition_count()).map(Partition) {
        crate::support::copy_but_for_the_last(&log, &changed, partition).await?;
    }
    for (key, value) in records(&*log).await? {
        changed.records().put(RecordKind::Checkpoint, &key, value, Expected::New).await?;
    }
    let found = finding(&changed, &memory()).await?;
    assert!(matches!(&found, Some(Finding::NotSigned(_))), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_log_has_its_records_again_and_keeps_those_that_are_newer() -> anyhow::Result<()> {
    let (log, mut plant) = signed_log(67).await?;
    let (copied, restored) = (memory(), memory());
    copy(&log, &copied).await?;
    let restore = async |log: &SharedLog| {
        let mirror = Mirror::new(Arc::clone(&copied), Arc::clone(log))?;
        let compared = mirror.compare().await?;
        assert!(compared.finding().is_none(), "{compared:?}");
        mirror.complete(&compared, CancellationToken::new()).await
    };
    restore(&restored).await?;
    assert_eq!(records(&*restored).await?, records(&*log).await?);
    plant.work(&*log, 10).await?;
    checkpoint(&*log, 2).await?;
    let before = records(&*log).await?;
    restore(&log).await?;
    assert_eq!(records(&*log).await?, before);
    Ok(())
}
