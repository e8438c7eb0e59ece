//! Keeping the live projectors from their partitions for the moment of a comparison or of the switch.
//!
//! A hold ends by itself soon after its holder is gone: a rebuild that dies in this moment stops nobody for long.

use std::sync::Arc;
use std::time::Duration;

use foodflow_log::Partition;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::RebuildError;
use super::filling::Means;
use crate::store::generations::Generations;
use crate::store::{Claim, StoreError};

/// How often a partition is asked for that another rebuild holds.
const HELD_POLL: Duration = Duration::from_millis(200);
/// How many times its term a hold of somebody else is waited for.
const TERMS_WAITED: u32 = 4;
/// How many times a hold is renewed at most; behind that it ends, and the switch is refused.
const RENEWALS_MAX: u32 = 120;

/// Partitions that are held, and kept so by a task until this is dropped.
pub(super) struct Holds<C: Send + 'static> {
    store: Arc<dyn Generations<C>>,
    holder: Uuid,
    partitions: Vec<Partition>,
    renewing: JoinHandle<()>,
    stop: CancellationToken,
    /// When the first was taken.
    pub(super) since: Instant,
}

impl<C: Clone + Send + Sync + 'static> Holds<C> {
    /// Holds `partitions`; answers the live claims in their order.
    pub(super) async fn take(
        means: &Means<C>,
        store: &Arc<dyn Generations<C>>,
        partitions: Vec<Partition>,
    ) -> Result<(Self, Vec<Claim>), RebuildError> {
        let (holder, term) = (Uuid::new_v4(), means.options.hold_term);
        let (mut claims, mut since) = (Vec::with_capacity(partitions.len()), Instant::now());
        for partition in &partitions {
            match hold(means, store, *partition, holder).await {
                Ok(claim) => claims.push(claim),
                Err(error) => {
                    release(means, store, &partitions[..claims.len()], holder).await;
                    return Err(error.into());
                }
            }
            if claims.len() == 1 {
                since = Instant::now();
            }
        }
        let stop = CancellationToken::new();
        let renewing = tokio::spawn(renew(Arc::clone(store), partitions.clone(), holder, term, stop.clone()));
        Ok((Self { store: Arc::clone(store), holder, partitions, renewing, stop, since }, claims))
    }

    /// Lets the projectors go on; also after the switch, which ends what is held: a renewal may have come behind it.
    pub(super) async fn release(mut self, means: &Means<C>) {
        self.stop.cancel();
        if let Err(error) = (&mut self.renewing).await {
            tracing::warn!(%error, "holds were not renewed");
        }
        release(means, &self.store, &self.partitions, self.holder).await;
    }
}

impl<C: Send + 'static> Drop for Holds<C> {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Holds one partition; waits for a rebuild that died while it held it.
async fn hold<C: Clone + Send + Sync + 'static>(
    means: &Means<C>,
    store: &Arc<dyn Generations<C>>,
    partition: Partition,
    holder: Uuid,
) -> Result<Claim, StoreError> {
    let (term, began) = (means.options.hold_term, Instant::now());
    loop {
        match means.retry.store(|| store.hold(partition, holder, term)).await {
            Err(StoreError::Held { until, .. }) if began.elapsed() < term * TERMS_WAITED => {
                tracing::debug!(partition = partition.0, %until, "another rebuild holds the partition");
                tokio::time::sleep(HELD_POLL).await;
            }
            outcome => return outcome,
        }
    }
}

async fn release<C: Clone + Send + Sync + 'static>(
    means: &Means<C>,
    store: &Arc<dyn Generations<C>>,
    partitions: &[Partition],
    holder: Uuid,
) {
    for partition in partitions {
        if let Err(error) = means.retry.store(|| store.release(*partition, holder)).await {
            tracing::warn!(partition = partition.0, %error, "a hold was not released and ends with its term");
        }
    }
}

async fn renew<C: Send + 'static>(
    store: Arc<dyn Generations<C>>,
    partitions: Vec<Partition>,
    holder: Uuid,
    term: Duration,
    stop: CancellationToken,
) {
    for _ in 0..RENEWALS_MAX {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(term / 3) => {}
        }
        for partition in &partitions {
            if let Err(error) = store.hold(*partition, holder, term).await {
                tracing::warn!(partition = partition.0, %error, "a hold was not renewed");
            }
        }
    }
}
