//! What a runner does when something fails: nothing lost, nothing twice, and it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Position, SharedLog};
use foodflow_projections::runner::{ProjectionState, Runner, RunnerConfig};
use uuid::Uuid;

use super::store::{Fault, RecordingStore};
use super::support::{
    FlakyLog, P0, TestProjection, append, append_raw, config, memory_log, start, until, wait,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_store_loses_nothing_and_applies_nothing_twice() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let faults = (0..40).map(|nth| if nth % 3 == 0 { Fault::LoseAnswer } else { Fault::Refuse });
    store.fail(faults);
    let runner = start(&log, &store, &Arc::default());
    let mut ends = vec![];
    for round in 0..200 {
        ends.push(append(&log, tenant, 1 + round % 4).await.0);
        if round % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    let last = Position(*ends.last().unwrap());
    wait(&runner, last).await;
    assert_eq!(store.faults_left(), 0);
    store.assert_applied_once(P0, last);
    assert!(store.ends().iter().all(|end| ends.contains(end)));
    until(&runner, ProjectionState::Running).await;
    assert!(runner.is_ready());
}

#[tokio::test]
async fn a_store_that_is_away_is_shown_until_it_is_back() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    store.set_unreachable(true);
    let runner = start(&log, &store, &Arc::default());
    until(&runner, ProjectionState::Retrying).await;
    assert!(!runner.is_ready());
    store.set_unreachable(false);
    // Nothing is in the log: it is enough that the subscription stands.
    until(&runner, ProjectionState::Running).await;
    store.set_unreachable(true);
    append(&log, tenant, 2).await;
    until(&runner, ProjectionState::Retrying).await;
    let status = runner.status().await.remove(0);
    assert!(status.error.unwrap().contains("cable cut"));
    assert_eq!((status.position, status.head, status.lag_events), (Position(0), Position(2), 2));
    store.set_unreachable(false);
    wait(&runner, Position(2)).await;
    until(&runner, ProjectionState::Running).await;
    store.assert_applied_once(P0, Position(2));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_asked_again() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    store.hold();
    append(&log, tenant, 2).await;
    let impatient = RunnerConfig { answer_timeout: Duration::from_millis(20), ..config() };
    let projection = Arc::new(TestProjection::default());
    let runner = Runner::start(log, store.clone(), projection, impatient).unwrap();
    until(&runner, ProjectionState::Retrying).await;
    assert!(runner.status().await[0].error.as_ref().unwrap().contains("no answer within 20ms"));
    store.release();
    wait(&runner, Position(2)).await;
    store.assert_applied_once(P0, Position(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_breaks_off_is_resumed() {
    let inner = MemoryLog::new(1);
    let flaky = Arc::new(FlakyLog { inner, breaks_after: 7, subscriptions: AtomicU64::new(0) });
    let log: SharedLog = flaky.clone();
    let (store, tenant) = (Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let mut ends = vec![];
    for _ in 0..50 {
        ends.push(append(&log, tenant, 3).await.0);
    }
    let runner = start(&log, &store, &Arc::default());
    wait(&runner, Position(150)).await;
    store.assert_applied_once(P0, Position(150));
    assert!(store.ends().iter().all(|end| ends.contains(end)));
    assert!(flaky.subscriptions.load(Ordering::SeqCst) > 20);
}

#[tokio::test]
async fn a_message_that_is_no_event_stops_its_partition_visibly() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    append(&log, tenant, 3).await;
    // It has no place in a commit, so it cannot even wait.
    append_raw(&log, tenant, b"[]").await;
    append(&log, tenant, 3).await;
    let runner = start(&log, &store, &Arc::default());
    wait(&runner, Position(3)).await;
    until(&runner, ProjectionState::Stuck).await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let status = runner.status().await.remove(0);
        assert_eq!(status.state, ProjectionState::Stuck);
        assert!(status.error.as_deref().unwrap().starts_with("position 4 cannot be projected"), "{status:?}");
        assert_eq!((status.position, status.lag_events), (Position(3), 4));
        assert!(!runner.is_ready());
    }
    // A failure of the store on the way does not hide it.
    store.set_unreachable(true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(runner.status().await[0].state, ProjectionState::Stuck);
    store.assert_applied_once(P0, Position(3));
}

#[tokio::test]
async fn a_read_model_of_another_log_is_not_passed_over() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    append(&log, tenant, 3).await;
    store.set_checkpoint(P0, Position(40));
    let runner = start(&log, &store, &Arc::default());
    until(&runner, ProjectionState::Stuck).await;
    let error = runner.status().await.remove(0).error.unwrap();
    assert!(error.contains("stands at position 40, but the log ends at 3"), "{error}");
    store.set_checkpoint(P0, Position(0));
    wait(&runner, Position(3)).await;
    until(&runner, ProjectionState::Running).await;
}

#[tokio::test]
async fn a_panic_of_the_projection_is_noticed() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let projection = Arc::new(TestProjection::default());
    let runner = start(&log, &store, &projection);
    wait(&runner, append(&log, tenant, 1).await).await;
    assert!(runner.is_ready());
    projection.panic_at(Position(2));
    append(&log, tenant, 1).await;
    until(&runner, ProjectionState::Stopped).await;
    assert_eq!(runner.status().await[0].error.as_deref(), Some("the worker panicked"));
    assert!(!runner.is_ready());
    runner.stop().await;
}

#[tokio::test]
async fn a_panic_of_the_store_is_noticed() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    store.fail([Fault::Refuse, Fault::Panic]);
    let runner = start(&log, &store, &Arc::default());
    append(&log, tenant, 1).await;
    until(&runner, ProjectionState::Stopped).await;
    let error = runner.status().await.remove(0).error.unwrap();
    assert!(error.starts_with("the worker panicked; before that: applying positions 1 to 1:"), "{error}");
    assert!(!runner.is_ready());
}
