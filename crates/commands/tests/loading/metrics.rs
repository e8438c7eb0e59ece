//! What the metrics say of loads and snapshots.

use foodflow_commands::metric_definitions;
use foodflow_log::{EventLog as _, Expected, RecordKind};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::fixture::Fixture;
use super::plant::Plant;
use super::{TAIL_MESSAGES_MAX, key};

// One thread: the recorder is that thread's own.
#[tokio::test(flavor = "current_thread")]
async fn every_load_and_every_snapshot_is_counted() -> anyhow::Result<()> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    metric_definitions::describe();
    let fixture = Fixture::memory().await?;
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, TAIL_MESSAGES_MAX + 2).await?;
    writer.snapshots_stored().await;
    plant.look(&fixture.process(), lot).await?;
    let spoilt = bytes::Bytes::from_static(b"spoilt");
    fixture.log.records().put(RecordKind::Snapshot, &key(&plant, lot), spoilt, Expected::Any).await?;
    plant.look(&fixture.process(), lot).await?;

    let text = metrics.render();
    let value = |line: &str| {
        let found = text.lines().find_map(|one| one.strip_prefix(line)?.trim().parse::<u64>().ok());
        found.unwrap_or_else(|| panic!("no `{line}` in {text}"))
    };
    assert_eq!(value("foodflow_commands_loads_total{source=\"snapshot\"}"), 1);
    assert!(value("foodflow_commands_loads_total{source=\"stream\"}") >= 1);
    assert!(value("foodflow_commands_loads_total{source=\"cache\"}") > TAIL_MESSAGES_MAX as u64);
    assert!(value("foodflow_commands_loaded_messages_total") > TAIL_MESSAGES_MAX as u64);
    assert_eq!(value("foodflow_commands_snapshot_rejections_total{reason=\"undecodable\"}"), 1);
    assert_eq!(value("foodflow_commands_snapshot_writes_total{outcome=\"stored\"}"), 1);
    assert!(text.contains("# HELP foodflow_commands_loads_total Aggregates loaded"), "{text}");
    Ok(())
}
