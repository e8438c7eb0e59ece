//! What is never copied, and what is never taken for a copy.

use std::sync::Arc;

use foodflow_log::memory::MemoryLog;
use foodflow_log::mirror::{Finding, MirrorError};
use foodflow_log::verify::Rule;
use foodflow_log::{Commit, Envelope, Partition, Position, SharedLog};

use crate::support::{assert_beginning, compare, copy, everything, heads, memory, plant_log};
use crate::writer::Plant;

/// A log that holds what a plant writes, but for the changes that `edit` makes to the commit with this number.
async fn edited(commits: usize, at: usize, edit: impl Fn(&mut Vec<Envelope>)) -> anyhow::Result<SharedLog> {
    let (log, mut plant) = (memory(), Plant::new(31));
    let (tenant, mut end) = (plant.tenants()[0], Position(0));
    for number in 0..commits {
        let mut commit = plant.make(tenant, &[7]);
        if number == at {
            let mut events = Envelope::decode_batch(&commit.messages[0].payload)?;
            edit(&mut events);
            commit.messages[0].payload = Envelope::encode_batch(&events)?.into();
        }
        commit.messages[0].expected = end;
        end = Position(end.0 + 1);
        plant.append(&*log, commit).await?;
    }
    Ok(log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_source_is_copied_up_to_the_break() -> anyhow::Result<()> {
    type Edit = fn(&mut Vec<Envelope>);
    let edits: [(Edit, Rule); 4] = [
        (|events| events[0].prevhash = Default::default(), Rule::Chain),
        (|events| events[0].sequence += 1, Rule::Sequence),
        (|events| events[0].subject = "batch/other".to_owned(), Rule::Envelope),
        (Vec::clear, Rule::Payload),
    ];
    for (edit, rule) in edits {
        let log = edited(10, 6, edit).await?;
        let target = memory();
        for _ in 0..2 {
            match copy(&log, &target).await {
                Err(MirrorError::SourceBroken(link)) => {
                    assert_eq!((link.rule, link.position), (rule, Position(7)))
                }
                other => panic!("{rule:?}: {other:?}"),
            }
            assert_eq!(heads(&*target).await.iter().sum::<u64>(), 6);
            assert_beginning(&target, &log).await?;
        }
        let compared = compare(&log, &target).await?;
        let found: Vec<_> = compared.into_iter().filter_map(|one| one.finding).collect();
        let [Finding::Broken(link)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((link.rule, link.position), (rule, Position(7)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_short_is_not_copied() -> anyhow::Result<()> {
    let (log, mut plant) = plant_log(32, 0).await?;
    let tenant = plant.tenants()[0];
    plant.commit(&*log, tenant, &[1]).await?;
    let mut cut = plant.make(tenant, &[2, 3, 4]);
    cut.messages.pop();
    log.append(cut).await?;
    let target = memory();
    match copy(&log, &target).await {
        Err(MirrorError::SourceBroken(link)) => assert_eq!((link.rule, link.position.0), (Rule::Commit, 3)),
        other => panic!("{other:?}"),
    }
    assert_eq!(heads(&*target).await.iter().sum::<u64>(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_no_copy_is_left_as_it_is() -> anyhow::Result<()> {
    let (log, _) = plant_log(33, 300).await?;
    let (other, _) = plant_log(34, 100).await?;
    let before = everything(&other).await?;
    let error = copy(&log, &other).await.unwrap_err();
    assert!(matches!(error, MirrorError::Differs(_)), "{error}");
    let compared = compare(&log, &other).await?;
    for one in &compared {
        let Some(Finding::Differs(difference)) = &one.finding else { panic!("{one:?}") };
        assert_eq!((difference.position, one.same_until), (Position(1), Position(0)));
    }

    let (longer, _) = plant_log(33, 400).await?;
    let longest = everything(&longer).await?;
    let error = copy(&log, &longer).await.unwrap_err();
    assert!(matches!(error, MirrorError::TargetBeyond { .. } | MirrorError::Differs(_)), "{error}");
    assert_eq!((everything(&other).await?, everything(&longer).await?), (before, longest));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_difference_is_named() -> anyhow::Result<()> {
    let log = edited(40, usize::MAX, |_| ()).await?;
    for changed in [0, 17, 39] {
        // A change that breaks no rule by itself.
        let target = memory();
        for (index, message) in everything(&log).await?.into_iter().flatten().enumerate() {
            let mut events = Envelope::decode_batch(&message.payload)?;
            if index == changed {
                events[0].actor = "eve".to_owned();
            }
            let (expected, stream) = (Position(message.position.0 - 1), message.stream);
            let payload = Envelope::encode_batch(&events)?.into();
            let messages = vec![foodflow_log::NewMessage { stream, expected, payload }];
            let recorded_at = events[0].time;
            target.append(Commit { tenant: message.tenant, recorded_at, messages }).await?;
        }
        let position = Position(changed as u64 + 1);
        let finding = compare(&log, &target).await?.into_iter().find_map(|one| one.finding);
        match finding {
            Some(Finding::Differs(found)) => assert_eq!((found.position, found.what), (position, "payload")),
            other => panic!("{changed}: {other:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_has_as_many_partitions_as_its_source() {
    let (four, one): (SharedLog, SharedLog) = (memory(), Arc::new(MemoryLog::new(1)));
    for (source, target) in [(&four, &one), (&one, &four)] {
        let error = copy(source, target).await.unwrap_err();
        assert!(matches!(error, MirrorError::PartitionCounts { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_the_target_has_elsewhere_is_a_difference() -> anyhow::Result<()> {
    // The same last message, but another stream before it: only the stream's own check can tell.
    let (log, mut plant) = (memory(), Plant::new(35));
    let (tenant, mut twin) = (plant.tenants()[0], Plant::new(35));
    let target = memory();
    let tail = plant.make(tenant, &[9]);
    plant.commit(&*log, tenant, &[1]).await?;
    twin.commit(&*target, tenant, &[2]).await?;
    for log in [&log, &target] {
        log.append(tail.clone()).await?;
    }
    plant.commit(&*log, tenant, &[2]).await?;
    let error = copy(&log, &target).await.unwrap_err();
    assert!(matches!(error, MirrorError::StreamDiffers { expected: Position(0), .. }), "{error}");
    assert_eq!(target.head(log.partition_of(tenant)).await?, Position(2));
    assert_eq!(Partition::of(tenant, 4), log.partition_of(tenant));
    Ok(())
}
