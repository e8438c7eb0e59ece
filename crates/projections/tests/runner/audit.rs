//! What is noticed without a failure being told: a worker that stands still, positions that are not there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Position, SharedLog};
use foodflow_projections::runner::{
    ProjectionState, ProjectionStatus, Runner, RunnerConfig, RunnerHandle, metric_definitions,
};
use foodflow_projections::store::{Checkpoint, ReadModel as _};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusBuilder;
use uuid::Uuid;

use super::store::RecordingStore;
use super::support::{P0, TestProjection, append, config, memory_log, start, until, wait};
use super::withholding::WithholdingLog;

/// Looks often, and does not wait long.
fn watchful() -> RunnerConfig {
    RunnerConfig {
        stall_after: Duration::from_millis(100),
        audit_interval: Duration::from_millis(10),
        ..config()
    }
}

fn new_tenant() -> TenantId {
    TenantId(Uuid::now_v7())
}

async fn status(runner: &RunnerHandle) -> ProjectionStatus {
    runner.status().await.remove(0)
}

/// The value of a metric of the only partition.
fn metric(text: &str, name: &str) -> u64 {
    let series = format!("{name}{{projection=\"notes\",store=\"recording\",partition=\"0\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

// One thread: the recorder is that thread's own.
#[tokio::test]
async fn a_store_that_hangs_is_noticed_long_before_it_is_given_up() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (log, store) = (memory_log(), Arc::new(RecordingStore::default()));
    let projection = Arc::new(TestProjection::default());
    let runner = Runner::start(log.clone(), store.clone(), projection, watchful()).unwrap();
    wait(&runner, append(&log, new_tenant(), 2).await).await;
    assert!(runner.is_ready());
    store.hold();
    append(&log, new_tenant(), 3).await;
    until(&runner, ProjectionState::Stuck).await;
    let stuck = status(&runner).await;
    let error = stuck.error.unwrap();
    assert!(error.contains("nothing was applied for") && error.contains("after position 2"), "{error}");
    assert_eq!((stuck.position, stuck.lag_events), (Position(2), 3));
    assert!(!runner.is_ready());
    assert_eq!(metric(&metrics.render(), metric_definitions::STUCK), 1);
    store.release();
    wait(&runner, Position(5)).await;
    until(&runner, ProjectionState::Running).await;
    assert!(runner.is_ready());
    assert_eq!(metric(&metrics.render(), metric_definitions::STUCK), 0);
    store.assert_applied_once(P0, Position(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_projection_that_never_returns_is_noticed() {
    let (log, store) = (memory_log(), Arc::new(RecordingStore::default()));
    let projection = Arc::new(TestProjection::default());
    let runner = Runner::start(log.clone(), store.clone(), projection.clone(), watchful()).unwrap();
    wait(&runner, append(&log, new_tenant(), 1).await).await;
    let blocked = projection.block_at(Position(3));
    append(&log, new_tenant(), 4).await;
    until(&runner, ProjectionState::Stuck).await;
    assert!(!runner.is_ready());
    drop(blocked);
    wait(&runner, Position(5)).await;
    until(&runner, ProjectionState::Running).await;
    assert!(runner.is_ready());
    store.assert_applied_once(P0, Position(5));
}

// One thread: the recorder is that thread's own.
#[tokio::test]
async fn a_log_that_withholds_positions_stops_the_projection() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let withholding = Arc::new(WithholdingLog::new(MemoryLog::new(1)));
    let log: SharedLog = withholding.clone();
    let store = Arc::new(RecordingStore::default());
    for _ in 0..4 {
        append(&log, new_tenant(), 3).await;
    }
    // A whole commit, so that what lies around it fits together.
    withholding.withhold([4, 5, 6]);
    let runner =
        Runner::start(log.clone(), store.clone(), Arc::new(TestProjection::default()), watchful()).unwrap();
    until(&runner, ProjectionState::Stuck).await;
    let stuck = status(&runner).await;
    let error = stuck.error.unwrap();
    assert!(error.contains("delivers position 7 where 4 was expected"), "{error}");
    assert_eq!(stuck.position, Position(3), "nothing is applied over the gap");
    assert!(!runner.is_ready());
    let text = metrics.render();
    assert_eq!(metric(&text, metric_definitions::GAP_POSITIONS), 3);
    assert_eq!(metric(&text, metric_definitions::STUCK), 1);
    withholding.withhold([]);
    wait(&runner, Position(12)).await;
    until(&runner, ProjectionState::Running).await;
    assert_eq!(metric(&metrics.render(), metric_definitions::GAP_POSITIONS), 0);
    store.assert_applied_once(P0, Position(12));
}

// One thread: the recorder is that thread's own.
#[tokio::test]
async fn what_the_log_lacks_behind_the_checkpoint_is_found() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let withholding = Arc::new(WithholdingLog::new(MemoryLog::new(1)));
    let log: SharedLog = withholding.clone();
    let store = Arc::new(RecordingStore::default());
    let runner =
        Runner::start(log.clone(), store.clone(), Arc::new(TestProjection::default()), watchful()).unwrap();
    let mut last = Position(0);
    for _ in 0..300 {
        last = append(&log, new_tenant(), 3).await;
    }
    wait(&runner, last).await;
    until(&runner, ProjectionState::Running).await;
    for lost in [vec![last.0], vec![400, 401]] {
        withholding.withhold(lost.clone());
        until(&runner, ProjectionState::Degraded).await;
        let error = status(&runner).await.error.unwrap();
        let lacks = format!("the log lacks {} of the positions", lost.len());
        assert!(error.contains(&lacks), "{error}");
        assert_eq!(metric(&metrics.render(), metric_definitions::GAP_POSITIONS), lost.len() as u64);
        assert!(runner.is_ready(), "another start would not mend it");
        // The log goes on, and what it lacks lies further back with every pass.
        for _ in 0..200 {
            last = append(&log, new_tenant(), 1).await;
        }
        wait(&runner, last).await;
        let behind = Instant::now();
        while behind.elapsed() < 20 * watchful().audit_interval {
            let status = status(&runner).await;
            assert_eq!(status.state, ProjectionState::Degraded, "a later pass forgot it: {status:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        withholding.withhold([]);
        until(&runner, ProjectionState::Running).await;
    }
}

#[tokio::test]
async fn a_read_model_that_lost_what_was_applied_is_found() {
    let (log, store) = (memory_log(), Arc::new(RecordingStore::default()));
    let projection = Arc::new(TestProjection::default());
    let runner = Runner::start(log.clone(), store.clone(), projection, watchful()).unwrap();
    wait(&runner, append(&log, new_tenant(), 9).await).await;
    until(&runner, ProjectionState::Running).await;
    let whole = store.checkpoint(P0).await.unwrap();
    store.set_checkpoint(P0, Position(4));
    until(&runner, ProjectionState::Degraded).await;
    let error = status(&runner).await.error.unwrap();
    assert!(error.contains("stands at position 4, although 9 was applied"), "{error}");
    store.set_whole_checkpoint(P0, whole);
    until(&runner, ProjectionState::Running).await;
}

#[tokio::test]
async fn a_read_model_of_another_log_is_told_by_its_times() {
    let (log, store) = (memory_log(), Arc::new(RecordingStore::default()));
    for _ in 0..3 {
        append(&log, new_tenant(), 2).await;
    }
    let right = {
        let runner = start(&log, &store, &Arc::default());
        wait(&runner, Position(6)).await;
        runner.stop().await;
        store.checkpoint(P0).await.unwrap()
    };
    let recorded_at = Some(Timestamp::UNIX_EPOCH);
    store.set_whole_checkpoint(P0, Checkpoint::new(Position(6), recorded_at));
    let runner = start(&log, &store, &Arc::default());
    until(&runner, ProjectionState::Stuck).await;
    let error = status(&runner).await.error.unwrap();
    assert!(error.contains("filled from a log that recorded it at 1970-01-01"), "{error}");
    store.set_whole_checkpoint(P0, right);
    until(&runner, ProjectionState::Running).await;
}
