//! The meters of a process that serves them.

use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// How often what was measured is summed up, so that it takes no memory where nobody asks for it.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts them.
///
/// # Errors
/// Where this process has started them before.
pub fn start() -> anyhow::Result<PrometheusHandle> {
    let meters = PrometheusBuilder::new().install_recorder().context("cannot start the meters")?;
    let kept = meters.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            kept.run_upkeep();
        }
    });
    Ok(meters)
}
