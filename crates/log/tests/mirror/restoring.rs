//! A log that lost its tail is completed from its copy; one that differs is left as it is.

use std::sync::Arc;

use foodflow_log::mirror::{Compared, Finding, Mirror};
use foodflow_log::{Commit, NewMessage, Position, SharedLog};
use tokio_util::sync::CancellationToken;

use crate::support::{assert_same, copy, everything, heads, memory, plant_log};

/// A log with the first `messages` messages of every partition of `log`, whether or not they end with a commit.
async fn cut(log: &SharedLog, messages: usize) -> anyhow::Result<SharedLog> {
    let shorter = memory();
    for partition in everything(log).await? {
        let mut ends = std::collections::HashMap::new();
        for message in partition.into_iter().take(messages) {
            let expected = ends.insert((message.tenant, message.stream.clone()), message.position);
            let expected = expected.unwrap_or(Position(0));
            let messages = vec![NewMessage { stream: message.stream, expected, payload: message.payload }];
            let commit =
                Commit { tenant: message.tenant, recorded_at: jiff::Timestamp::UNIX_EPOCH, messages };
            shorter.append(commit).await?;
        }
    }
    Ok(shorter)
}

async fn restore(from: &SharedLog, log: &SharedLog) -> anyhow::Result<Vec<Compared>> {
    let mirror = Mirror::new(Arc::clone(from), Arc::clone(log))?;
    let compared = mirror.compare().await?;
    mirror.complete(&compared, CancellationToken::new()).await?;
    Ok(compared.partitions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_comes_back_wherever_it_was_cut() -> anyhow::Result<()> {
    let (log, _) = plant_log(41, 300).await?;
    let copied = memory();
    copy(&log, &copied).await?;
    // Most of these cut some partition within a commit.
    for length in [0, 1, 2, 3, 40, 41, 42, 43, 44, 45, 10_000] {
        let damaged = cut(&log, length).await?;
        let compared = restore(&copied, &damaged).await?;
        assert!(compared.iter().all(|one| one.finding.is_none()), "{length}: {compared:?}");
        assert_same(&log, &damaged).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_appended_anywhere_where_anything_differs() -> anyhow::Result<()> {
    let (log, mut plant) = plant_log(42, 300).await?;
    let copied = memory();
    copy(&log, &copied).await?;
    let damaged = cut(&log, 20).await?;
    // Written after the damage, in one partition alone.
    let tenant = plant.tenants()[0];
    let stray = plant.make(tenant, &[777]);
    damaged.append(stray).await?;
    let (before, partition) = (heads(&*damaged).await, log.partition_of(tenant));
    let compared = restore(&copied, &damaged).await?;
    let findings: Vec<_> = compared.iter().filter(|one| one.finding.is_some()).collect();
    let [one] = findings[..] else { panic!("{compared:?}") };
    let Some(Finding::Differs(difference)) = &one.finding else { panic!("{one:?}") };
    assert_eq!((difference.partition, difference.position), (partition, Position(21)));
    assert_eq!(heads(&*damaged).await, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_holds_more_than_its_copy_needs_nothing() -> anyhow::Result<()> {
    let (log, mut plant) = plant_log(43, 200).await?;
    let copied = memory();
    copy(&log, &copied).await?;
    plant.work(&*log, 30).await?;
    let before = everything(&log).await?;
    let compared = restore(&copied, &log).await?;
    assert!(compared.iter().all(|one| one.finding.is_none()));
    assert!(compared.iter().any(|one| one.target_head > one.source_head));
    assert_eq!(everything(&log).await?, before);
    Ok(())
}
