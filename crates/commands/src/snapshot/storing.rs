//! Storing snapshots in the background: one after another, and never more waiting than a few.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use foodflow_domain::StreamAggregate;
use foodflow_log::personal::PersonalError;
use foodflow_log::{Expected, Keyring, RecordError, RecordKey, RecordKind, Records, SharedRecords};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use super::format::{self, Found};
use super::{Place, Standing};
use crate::loaded::Kept;
use crate::metric_definitions::{snapshot_rejected, snapshot_written};

/// Snapshots that wait to be stored; what comes on top is dropped, and asked for again later.
const WAITING_MAX: usize = 64;
/// How long it rests after each, in times of what that took: where the disk is busy it leaves it to the commits.
const REST_TIMES: u32 = 3;
/// How often storing is tried again where another process stores a snapshot of the same stream.
const TRIES_MAX: usize = 3;

/// The snapshots beside a log.
pub(crate) struct Snapshots {
    records: SharedRecords,
    keyring: Arc<Keyring>,
    queue: OnceLock<mpsc::Sender<Order>>,
}

/// What the background is asked for.
enum Order {
    Store(Pending),
    /// Say when everything before this is done.
    Tell(oneshot::Sender<()>),
}

/// A snapshot that waits to be stored.
pub(super) struct Pending {
    pub(super) place: Place,
    pub(super) key: RecordKey,
    pub(super) kept: Arc<dyn Kept>,
    /// Revision of a snapshot that was found to be wrong, and is replaced whatever it says.
    pub(super) replaces: Option<u64>,
}

impl Snapshots {
    /// Those in `records`. Nothing runs in the background before the first one is to be stored.
    pub(crate) const fn of(records: SharedRecords, keyring: Arc<Keyring>) -> Self {
        Self { records, keyring, queue: OnceLock::new() }
    }

    /// The stored snapshot of a stream. One that cannot be had is as good as none.
    pub(crate) async fn find<A: StreamAggregate>(&self, place: &Place) -> Option<Found<A>> {
        match self.records.get(RecordKind::Snapshot, &place.key()?).await {
            Ok(Some(record)) => Some(format::decode(&record, place, &self.keyring).await),
            Ok(None) => None,
            Err(error) => {
                tracing::debug!(stream = %place.stream, %error, "no snapshot can be had; reading the whole stream");
                snapshot_rejected("unavailable");
                None
            }
        }
    }

    /// Asks for a snapshot to be stored, unless too many wait already.
    pub(crate) fn ask(&self, place: Place, kept: Arc<dyn Kept>, replaces: Option<u64>) {
        let Some(key) = place.key() else { return };
        if self.queue().try_send(Order::Store(Pending { place, key, kept, replaces })).is_err() {
            snapshot_written("dropped");
        }
    }

    /// Waits until everything that was asked for so far is stored or given up.
    pub(crate) async fn stored(&self) {
        let (tell, told) = oneshot::channel();
        if self.queue().send(Order::Tell(tell)).await.is_ok() {
            // An error means that nothing is stored any more.
            let _ = told.await;
        }
    }

    fn queue(&self) -> &mpsc::Sender<Order> {
        self.queue.get_or_init(|| {
            let (queue, waiting) = mpsc::channel(WAITING_MAX);
            tokio::spawn(store_all(Arc::clone(&self.records), Arc::clone(&self.keyring), waiting));
            queue
        })
    }
}

/// Stores what waits, of each stream only the last one, until nobody can ask any more.
async fn store_all(records: SharedRecords, keyring: Arc<Keyring>, mut waiting: mpsc::Receiver<Order>) {
    let mut orders = Vec::with_capacity(WAITING_MAX);
    while waiting.recv_many(&mut orders, WAITING_MAX).await > 0 {
        let mut latest: HashMap<RecordKey, Pending> = HashMap::new();
        let mut tells = Vec::new();
        for order in orders.drain(..) {
            match order {
                Order::Tell(tell) => tells.push(tell),
                Order::Store(mut pending) => {
                    if let Some(earlier) = latest.remove(&pending.key) {
                        pending.replaces = pending.replaces.or(earlier.replaces);
                        snapshot_written("superseded");
                    }
                    latest.insert(pending.key.clone(), pending);
                }
            }
        }
        for pending in latest.into_values() {
            let stream = pending.place.stream.clone();
            let began = Instant::now();
            let outcome = store(&*records, &keyring, pending).await.unwrap_or_else(|error| {
                tracing::debug!(%stream, error, "a snapshot was not stored; the next one may be");
                "failed"
            });
            snapshot_written(outcome);
            tokio::time::sleep(began.elapsed() * REST_TIMES).await;
        }
        for tell in tells {
            // Who no longer waits need not be told.
            let _ = tell.send(());
        }
    }
}

/// Stores a snapshot, unless as late a one is stored already; answers what became of it.
pub(super) async fn store(
    records: &dyn Records,
    keyring: &Keyring,
    pending: Pending,
) -> Result<&'static str, String> {
    let Pending { place, key, kept, replaces } = pending;
    let standing = kept.standing();
    let value = match sealed(keyring, &place, kept).await? {
        Sealed::As(value) => Bytes::from(value),
        Sealed::Forgotten => return Ok("forgotten"),
    };
    for _ in 0..TRIES_MAX {
        let found = records.get(RecordKind::Snapshot, &key).await.map_err(|error| error.to_string())?;
        let expected = match found {
            None => Expected::New,
            Some(found) => {
                let is_wrong = replaces == Some(found.revision);
                if !is_wrong && is_as_late(format::standing(&found.value, &place), standing) {
                    return Ok("superseded");
                }
                Expected::Revision(found.revision)
            }
        };
        match records.put(RecordKind::Snapshot, &key, value.clone(), expected).await {
            Ok(_) => return Ok("stored"),
            Err(RecordError::Conflict { .. }) => {}
            Err(RecordError::TooLarge { .. }) => return Ok("too-large"),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok("superseded")
}

/// A snapshot with what belongs to persons sealed.
enum Sealed {
    As(Vec<u8>),
    /// The state still holds something of a person who was forgotten.
    Forgotten,
}

async fn sealed(keyring: &Keyring, place: &Place, kept: Arc<dyn Kept>) -> Result<Sealed, String> {
    let blocked = |error: tokio::task::JoinError| error.to_string();
    let of = Arc::clone(&kept);
    let state = tokio::task::spawn_blocking(move || of.state()).await.map_err(blocked)?;
    let mut state = state.map_err(|error| error.to_string())?;
    match keyring.seal(place.tenant, state.get()).await {
        Ok(None) => {}
        Ok(Some(text)) => state = RawValue::from_string(text).map_err(|error| error.to_string())?,
        Err(PersonalError::Forgotten { .. }) => return Ok(Sealed::Forgotten),
        Err(error) => return Err(error.to_string()),
    }
    let place = place.clone();
    let value = tokio::task::spawn_blocking(move || kept.snapshot(&place, &state)).await.map_err(blocked)?;
    value.map(Sealed::As).map_err(|error| error.to_string())
}

/// Whether this program can do as much with the stored snapshot as with the new one.
fn is_as_late(stored: Option<Standing>, new: Standing) -> bool {
    stored.is_some_and(|stored| stored.shape == new.shape && stored.position >= new.position)
}
