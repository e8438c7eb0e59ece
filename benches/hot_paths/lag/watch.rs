//! When which position was seen: in a subscription of the log, and in the read model.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use foodflow_log::{MessageStream, Partition, Position};
use foodflow_projections::runner::{Progress, WaitError};
use futures::StreamExt as _;

use super::load::Acknowledged;

/// When which position was seen first, in order.
pub(super) type Seen = Arc<Mutex<Vec<(Position, Instant)>>>;

/// Notes what the read model has applied, for ever.
///
/// # Errors
/// Where the store does not answer.
pub(super) async fn watch_progress(
    progress: Progress,
    partition: Partition,
    from: Position,
    seen: Seen,
) -> anyhow::Result<()> {
    let mut last = from;
    loop {
        match progress.wait_for(partition, Position(last.0 + 1), Duration::from_secs(1)).await {
            Ok(()) => {
                last = progress.applied(partition).await?;
                lock(&seen).push((last, Instant::now()));
            }
            Err(WaitError::Behind { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Notes what a subscription delivers, for ever.
///
/// # Errors
/// Where it ends.
pub(super) async fn watch_log(mut messages: MessageStream, seen: Seen) -> anyhow::Result<()> {
    while let Some(message) = messages.next().await {
        let position = message?.position;
        lock(&seen).push((position, Instant::now()));
    }
    bail!("the subscription ended")
}

/// Waits until a position was seen.
pub(super) async fn until(seen: &Seen, position: Position) {
    while lock(seen).last().is_none_or(|(last, _)| *last < position) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How long after its acknowledgement each command was seen.
///
/// # Errors
/// Where one never was.
pub(super) fn lags(all: &[&Acknowledged], seen: &Seen) -> anyhow::Result<Vec<Duration>> {
    let seen = lock(seen);
    let lag = |one: &&Acknowledged| {
        let first = seen.partition_point(|(position, _)| *position < one.position);
        let (_, at) = seen.get(first).context("a command was never seen")?;
        Ok(at.saturating_duration_since(one.at))
    };
    all.iter().map(lag).collect()
}

fn lock(seen: &Seen) -> MutexGuard<'_, Vec<(Position, Instant)>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
