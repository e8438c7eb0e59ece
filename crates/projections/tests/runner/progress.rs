//! Waiting for a position: here, and in a process that runs no worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_log::Position;
use foodflow_projections::runner::{Progress, WaitError};
use foodflow_projections::store::ReadModel as _;
use futures::future::join_all;
use uuid::Uuid;

use super::store::RecordingStore;
use super::support::{P0, SOON, append, memory_log, start, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_read_by_its_position() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let runner = start(&log, &store, &Arc::default());
    for _ in 0..300 {
        let position = append(&log, tenant, 2).await;
        wait(&runner, position).await;
        assert!(store.checkpoint(P0).await.unwrap().position >= position);
        assert!(runner.progress().applied(P0).await.unwrap() >= position);
    }
}

#[tokio::test]
async fn a_wait_that_is_over_says_where_the_read_model_is() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let runner = start(&log, &store, &Arc::default());
    wait(&runner, append(&log, tenant, 1).await).await;
    store.hold();
    let position = append(&log, tenant, 2).await;
    for progress in [runner.progress().clone(), Progress::from_store(store.clone())] {
        for limit in [Duration::ZERO, Duration::from_millis(30)] {
            let began = Instant::now();
            let behind = progress.wait_for(P0, position, limit).await;
            let Err(WaitError::Behind { wanted: Position(3), current: Position(1) }) = behind else {
                panic!("{behind:?}");
            };
            assert!((limit..limit + Duration::from_secs(2)).contains(&began.elapsed()));
        }
        progress.wait_for(P0, Position(1), Duration::ZERO).await.unwrap();
        progress.wait_for(P0, Position(0), Duration::ZERO).await.unwrap();
    }
    let waiting = tokio::spawn({
        let progress = runner.progress().clone();
        async move { progress.wait_for(P0, position, SOON).await }
    });
    tokio::task::yield_now().await;
    store.release();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn many_waiters_elsewhere_are_few_queries() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let position = append(&log, tenant, 1).await;
    let progress = Progress::from_store(store.clone());
    let began = Instant::now();
    let waiters = join_all((0..500).map(|_| progress.wait_for(P0, position, SOON)));
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        start(&log, &store, &Arc::default())
    };
    let (outcomes, _runner) = tokio::join!(waiters, later);
    assert!(outcomes.iter().all(Result::is_ok));
    let intervals = began.elapsed().as_millis() as usize / 5;
    assert!(store.checkpoints_read() <= intervals + 5, "{} in {intervals}", store.checkpoints_read());
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_an_error() {
    let store = Arc::new(RecordingStore::default());
    store.set_unreachable(true);
    let progress = Progress::from_store(store);
    assert!(matches!(progress.wait_for(P0, Position(1), SOON).await, Err(WaitError::Store(_))));
    progress.applied(P0).await.unwrap_err();
}

#[tokio::test]
async fn where_the_worker_is_gone_the_store_is_asked() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let gone = start(&log, &store, &Arc::default());
    gone.stop().await;
    let position = append(&log, tenant, 1).await;
    let elsewhere = start(&log, &store, &Arc::default());
    wait(&gone, position).await;
    assert_eq!(gone.progress().applied(P0).await.unwrap(), position);
    elsewhere.stop().await;
}
