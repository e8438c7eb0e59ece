//! Lag, state and metrics.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::runner::{Owner, ProjectionState, Runner, RunnerConfig, metric_definitions};
use jiff::{SignedDuration, Timestamp};
use metrics_exporter_prometheus::PrometheusBuilder;
use uuid::Uuid;

use super::store::RecordingStore;
use super::support::{
    P0, TestProjection, append, append_at, append_raw, config, memory_log, start, until, wait,
};

#[tokio::test]
async fn lag_is_the_age_of_the_oldest_message_that_is_not_applied() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let ago = |seconds| Timestamp::now() - SignedDuration::from_secs(seconds);
    let runner = start(&log, &store, &Arc::default());
    wait(&runner, append_at(&log, tenant, 1, ago(1_000)).await).await;
    let status = runner.status().await.remove(0);
    assert_eq!((status.lag_events, status.lag_seconds), (0, 0.0), "caught up, however old the last one is");

    store.hold();
    append_at(&log, tenant, 2, ago(100)).await;
    append_at(&log, tenant, 2, ago(50)).await;
    let status = runner.status().await.remove(0);
    assert_eq!((status.position, status.head, status.lag_events), (Position(1), Position(5), 4));
    assert!((100.0..130.0).contains(&status.lag_seconds), "{}", status.lag_seconds);
    assert_eq!(status.state, ProjectionState::Running);
    append_at(&log, tenant, 2, ago(50)).await;
    assert_eq!(runner.status().await[0].state, ProjectionState::CatchingUp, "more than a batch behind");
    assert!(runner.is_ready());

    store.release();
    wait(&runner, Position(7)).await;
    let status = runner.status().await.remove(0);
    assert_eq!((status.lag_events, status.lag_seconds), (0, 0.0));
}

#[tokio::test]
async fn status_is_written_as_documented() {
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let projection = Arc::new(TestProjection::default());
    let owner = Owner { id: Uuid::from_u128(7), process: "plant-7/4711".to_owned() };
    let named = RunnerConfig { owner: Some(owner), ..config() };
    let runner = Runner::start(log.clone(), store.clone(), projection.clone(), named).unwrap();
    wait(&runner, append_at(&log, tenant, 1, Timestamp::now()).await).await;
    until(&runner, ProjectionState::Running).await;
    let status = serde_json::to_value(runner.status().await).unwrap();
    let expected = serde_json::json!([{
        "projection": "notes", "store": "recording", "partition": 0, "position": 1, "head": 1,
        "owner": {"id": "00000000-0000-0000-0000-000000000007", "process": "plant-7/4711"},
        "lag_events": 0, "lag_seconds": 0.0, "state": "running",
    }]);
    assert_eq!(status, expected);
    let one = serde_json::to_value(runner.status_of(P0).await).unwrap();
    assert_eq!((&one, runner.status_of(Partition(1)).await), (&expected[0], None));
    log.close().await;
    until(&runner, ProjectionState::Retrying).await;
    let status = runner.status().await.remove(0);
    assert!(status.error.unwrap().contains("closed"));
    assert_eq!(status.head, Position(1), "what is known");
    assert!(!runner.is_ready());
}

// One thread: the recorder is that thread's own.
#[tokio::test]
async fn metrics_tell_lag_messages_batches_and_failures() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (log, store, tenant) = (memory_log(), Arc::new(RecordingStore::default()), TenantId(Uuid::now_v7()));
    let projection = Arc::new(TestProjection::default());
    for _ in 0..2 {
        append_at(&log, tenant, 2, Timestamp::now() - SignedDuration::from_secs(60)).await;
    }
    append_raw(&log, tenant, b"no events").await;
    append(&log, tenant, 1).await;
    let runner = Runner::start(log, store, projection.clone(), config()).unwrap();
    until(&runner, ProjectionState::Stuck).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    let text = metrics.render();
    let value = |name: &str, more: &str| -> f64 {
        let series = format!("{name}{{projection=\"notes\",store=\"recording\",partition=\"0\"{more}}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
    };
    assert_eq!(value(metric_definitions::LAG_EVENTS, "") as u64, 2);
    assert_eq!(value(metric_definitions::LEASE_HELD, "") as u64, 1);
    assert!((60.0..90.0).contains(&value(metric_definitions::LAG_SECONDS, "")));
    assert_eq!(value(metric_definitions::APPLIED_MESSAGES, "") as u64, 4);
    assert!(value(&format!("{}_count", metric_definitions::BATCH_SECONDS), "") >= 1.0);
    assert!(value(metric_definitions::FAILURES, ",kind=\"projection\"") >= 1.0);
    assert!(text.contains("# HELP foodflow_projections_lag_seconds Age of the oldest message"));
}
