//! Subscriptions: in order, without gap or repetition, live, resumable.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position, SharedLog};
use futures::StreamExt as _;
use tokio::task::JoinHandle;

use crate::fixture::{Fixture, append_new, everything, positions, take, tenant, tenant_in};

pub(crate) async fn a_subscription_starts_at_the_beginning(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let partition = log.partition_of(tenant);
    append_new(log, tenant, 3).await?;
    append_new(log, tenant, 1_000).await?;
    append_new(log, tenant, 500).await?;
    let mut subscription = log.subscribe(partition, None, Position(0)).await?;
    assert_eq!(take(&mut subscription, 1_503).await?, everything(log, partition).await?);
    Ok(())
}

pub(crate) async fn a_subscription_starts_in_the_middle(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let partition = log.partition_of(tenant);
    append_new(log, tenant, 10).await?;
    for after in [1, 4, 9] {
        let mut subscription = log.subscribe(partition, None, Position(after)).await?;
        let expected: Vec<_> = (after + 1..=10).collect();
        assert_eq!(positions(&take(&mut subscription, expected.len()).await?), expected);
    }
    Ok(())
}

pub(crate) async fn a_subscription_goes_on_with_what_is_appended_later(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let partition = log.partition_of(tenant);
    let mut from_start = log.subscribe(partition, None, Position(0)).await?;
    append_new(log, tenant, 2).await?;
    assert_eq!(positions(&take(&mut from_start, 2).await?), [1, 2]);
    let mut from_head = log.subscribe(partition, None, Position(2)).await?;
    let silence = tokio::time::timeout(Duration::from_millis(200), from_head.next()).await;
    assert!(silence.is_err(), "nothing comes after the head: {silence:?}");
    for count in [1, 3, 1] {
        let appended = append_new(log, tenant, count).await?;
        let expected: Vec<_> = (appended.first.0..=appended.last.0).collect();
        assert_eq!(positions(&take(&mut from_start, count).await?), expected);
        assert_eq!(positions(&take(&mut from_head, count).await?), expected);
    }
    Ok(())
}

pub(crate) async fn a_subscription_of_one_tenant_sees_no_other(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let (mine, theirs) = (tenant_in(log, Partition(0)), tenant_in(log, Partition(0)));
    append_new(log, theirs, 2).await?;
    append_new(log, mine, 2).await?;
    append_new(log, theirs, 2).await?;
    let mut subscription = log.subscribe(Partition(0), Some(mine), Position(3)).await?;
    append_new(log, theirs, 1).await?;
    append_new(log, mine, 2).await?;
    let seen = take(&mut subscription, 3).await?;
    assert_eq!(positions(&seen), [4, 8, 9]);
    assert!(seen.iter().all(|message| message.tenant == mine));
    let silence = tokio::time::timeout(Duration::from_millis(200), subscription.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    Ok(())
}

pub(crate) async fn a_subscription_resumes_without_gap_or_repetition(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let (mine, theirs) = (tenant_in(log, Partition(0)), tenant_in(log, Partition(0)));
    let writers = [write(&fixture.log, mine, 60), write(&fixture.log, theirs, 60)];
    let of_all = read_in_pieces(&fixture.log, None, 240).await?;
    let of_mine = read_in_pieces(&fixture.log, Some(mine), 120).await?;
    for writer in writers {
        writer.await??;
    }
    let all = everything(log, Partition(0)).await?;
    assert_eq!(positions(&of_all), (1..=240).collect::<Vec<_>>());
    assert_eq!(of_all, all);
    let expected: Vec<_> = all.into_iter().filter(|message| message.tenant == mine).collect();
    assert_eq!(of_mine, expected);
    Ok(())
}

/// Appends `commits` times one and three messages in turn: two each on average.
fn write(log: &SharedLog, tenant: TenantId, commits: usize) -> JoinHandle<anyhow::Result<()>> {
    let log = Arc::clone(log);
    tokio::spawn(async move {
        for index in 0..commits {
            append_new(&*log, tenant, if index % 2 == 0 { 1 } else { 3 }).await?;
        }
        Ok(())
    })
}

/// Reads `count` messages, dropping the subscription after every few and resuming from the last one.
async fn read_in_pieces(
    log: &SharedLog,
    tenant: Option<TenantId>,
    count: usize,
) -> anyhow::Result<Vec<foodflow_log::StoredMessage>> {
    let mut read: Vec<foodflow_log::StoredMessage> = Vec::new();
    for piece in [1, 2, 7, 30].into_iter().cycle() {
        if read.len() == count {
            break;
        }
        let after = read.last().map_or(Position(0), |message| message.position);
        let mut subscription = log.subscribe(Partition(0), tenant, after).await?;
        read.extend(take(&mut subscription, piece.min(count - read.len())).await?);
    }
    Ok(read)
}

pub(crate) async fn a_subscription_ends_with_the_log(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    append_new(log, tenant, 1).await?;
    let mut subscription = log.subscribe(log.partition_of(tenant), None, Position(0)).await?;
    take(&mut subscription, 1).await?;
    log.close().await;
    let end = tokio::time::timeout(Duration::from_secs(10), subscription.next()).await?;
    assert!(matches!(end, None | Some(Err(_))), "{end:?}");
    Ok(())
}
