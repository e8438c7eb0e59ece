//! What a running runner does when nothing fails: whole commits, in order, once, and an orderly stop.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Partition, Position, SharedLog};
use foodflow_projections::runner::{ProjectionState, Runner, RunnerConfig, StartError};
use foodflow_projections::store::ReadModel as _;
use uuid::Uuid;

use super::store::RecordingStore;
use super::support::{P0, SOON, TestProjection, append, config, memory_log, start, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_whole_commits_are_applied() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let mut ends = vec![];
    for round in 0..60 {
        ends.push(append(&log, tenant, 1 + round * 7 % 11).await.0);
    }
    let runner = start(&log, &store, &Arc::default());
    for round in 0..60 {
        ends.push(append(&log, tenant, 1 + round * 5 % 9).await.0);
        tokio::task::yield_now().await;
    }
    let last = Position(*ends.last().unwrap());
    wait(&runner, last).await;
    store.assert_applied_once(P0, last);
    assert!(store.ends().iter().all(|end| ends.contains(end)), "{:?} within {ends:?}", store.ends());
}

#[tokio::test]
async fn what_comes_while_the_store_is_busy_becomes_one_batch() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let runner = Runner::start(
        log.clone(),
        store.clone(),
        Arc::new(TestProjection::default()),
        RunnerConfig { batch_messages_max: 50, ..config() },
    )
    .unwrap();
    store.hold();
    append(&log, tenant, 1).await;
    store.until_applying().await;
    for _ in 0..70 {
        append(&log, tenant, 1).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    store.release();
    wait(&runner, Position(71)).await;
    assert_eq!(store.ends(), [1, 51, 71]);
    store.assert_applied_once(P0, Position(71));
}

#[tokio::test]
async fn a_commit_larger_than_the_bound_is_one_batch() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    append(&log, tenant, 2).await;
    append(&log, tenant, 900).await;
    append(&log, tenant, 1).await;
    let runner = start(&log, &store, &Arc::default());
    wait(&runner, Position(903)).await;
    assert_eq!(store.ends(), [2, 902, 903]);
}

#[tokio::test]
async fn a_stop_finishes_the_batch_in_flight_and_a_new_runner_goes_on() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    store.hold();
    for _ in 0..20 {
        append(&log, tenant, 2).await;
    }
    let runner = start(&log, &store, &Arc::default());
    store.until_applying().await;
    let stopping = tokio::spawn({
        let runner = runner.clone();
        async move { runner.stop().await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert!(!stopping.is_finished(), "it waits for the batch in flight");
    store.release();
    stopping.await.unwrap();
    assert_eq!(store.ends(), [4]);
    assert_eq!(runner.progress().applied(P0).await.unwrap(), Position(4));
    assert_eq!(runner.status().await[0].state, ProjectionState::Stopped);
    assert!(!runner.is_ready());
    runner.stop().await;

    let runner = start(&log, &store, &Arc::default());
    wait(&runner, Position(40)).await;
    store.assert_applied_once(P0, Position(40));
}

#[tokio::test]
async fn workers_end_when_the_last_handle_is_dropped() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    append(&log, tenant, 1).await;
    let runner = start(&log, &store, &Arc::default());
    wait(&runner, Position(1)).await;
    drop(runner);
    while Arc::strong_count(&store) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_partition_is_run_or_those_that_are_named() {
    let log: SharedLog = Arc::new(MemoryLog::new(3));
    let store = Arc::new(RecordingStore::default());
    let mut heads = std::collections::BTreeMap::new();
    for _ in 0..90 {
        let tenant = TenantId(Uuid::now_v7());
        heads.insert(log.partition_of(tenant), append(&log, tenant, 3).await);
    }
    assert_eq!(heads.len(), 3);
    let named = RunnerConfig { partitions: Some(vec![Partition(2), Partition(0), Partition(2)]), ..config() };
    let projection = Arc::new(TestProjection::default());
    let some = Runner::start(log.clone(), store.clone(), projection.clone(), named).unwrap();
    for partition in [Partition(0), Partition(2)] {
        some.progress().wait_for(partition, heads[&partition], SOON).await.unwrap();
    }
    assert_eq!(store.checkpoint(Partition(1)).await.unwrap().position, Position(0));
    assert_eq!(some.status().await.len(), 2);
    // Two runners on one partition do no harm.
    let all = Runner::start(log.clone(), store.clone(), projection.clone(), config()).unwrap();
    for (partition, head) in &heads {
        all.progress().wait_for(*partition, *head, SOON).await.unwrap();
        store.assert_applied_once(*partition, *head);
    }
    let beyond = RunnerConfig { partitions: Some(vec![Partition(3)]), ..config() };
    let refused = Runner::start(log, store, projection, beyond).err();
    assert_eq!(refused, Some(StartError::NoSuchPartition { partition: 3, last: 2 }));
}
