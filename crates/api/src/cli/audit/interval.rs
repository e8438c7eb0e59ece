//! Signs checkpoints now and then, in a process that serves.
//!
//! Several processes may do so: of two that sign the same, one finds that it is done.

use std::sync::Arc;

use foodflow_log::{Partition, SharedLog};
use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::signer::Signer;
use crate::config::Config;

/// Signs every `interval` until `stop` is cancelled.
#[must_use]
pub fn start(
    config: &Config,
    interval: SignedDuration,
    log: SharedLog,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let config = Arc::new(config.clone());
    tokio::spawn(async move {
        let wait = interval.unsigned_abs();
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            // Dropped where it waits: a record is one write.
            let Some(round) = stop.run_until_cancelled(Box::pin(sign_all(&config, &log))).await else {
                return;
            };
            if let Err(error) = round {
                tracing::error!(error = format!("{error:#}"), "no checkpoint was signed; trying again later");
            }
        }
    })
}

async fn sign_all(config: &Config, log: &SharedLog) -> anyhow::Result<()> {
    let mut signer = Signer::open(config, log).await?.quietly();
    for partition in (0..log.partition_count()).map(Partition) {
        if let Some(checkpoint) = signer.sign(partition).await? {
            let (number, position) = (checkpoint.statement.number, checkpoint.statement.size);
            tracing::info!(number, partition = partition.0, %position, "signed checkpoint {number}");
        }
    }
    Ok(())
}
