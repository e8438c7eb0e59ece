//! The copy of the audit records: in their order, each behind the messages that it is about.
//!
//! The records are one chain, so that the target's are the beginning of the source's. A checkpoint waits until the target
//! holds what it covers, and what follows it waits too.
//!
//! What must never happen here: a checkpoint in the target of messages that it lacks; a record that is put in the place
//! of another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::MirrorError;
use super::records::RecordsDifference;
use super::retries::Retries;
use crate::audit::record::RecordHash;
use crate::audit::{AuditRecord, KnownRecords, Trail, TrailError, TrailStore, trail_store};
use crate::event_log::SharedLog;
use crate::records::Records;

/// How often the source is asked for new records while it is followed.
const RECORDS_EVERY: Duration = Duration::from_secs(5);

/// How far the copy of the audit records is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RecordsStanding {
    /// Records that the target had at the start; `None` until it was asked.
    pub begun_behind: Option<u64>,
    /// Records that the target has.
    pub records: u64,
    /// How often it was tried again since the start.
    pub retries: u64,
    /// Why it does not get on, while it does not.
    pub trouble: Option<String>,
}

impl RecordsStanding {
    /// Records that the target has gained since the start.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.begun_behind.map_or(0, |begin| self.records.saturating_sub(begin))
    }
}

/// The standing, which the copy writes and whoever wants to know reads.
#[derive(Debug, Default)]
pub(super) struct SharedStanding(Mutex<RecordsStanding>);

impl SharedStanding {
    pub(super) fn get(&self) -> RecordsStanding {
        self.lock().clone()
    }

    fn reached(&self, records: u64) {
        let mut standing = self.lock();
        standing.begun_behind.get_or_insert(records);
        standing.records = records;
        standing.trouble = None;
    }

    fn tries_again(&self, why: String) {
        let mut standing = self.lock();
        standing.retries += 1;
        standing.trouble = Some(why);
    }

    /// A holder that panicked leaves values that can still be read.
    fn lock(&self) -> MutexGuard<'_, RecordsStanding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The copy of a log's audit records.
pub(super) struct TrailCopy {
    pub(super) source: SharedLog,
    pub(super) target: SharedLog,
    pub(super) standing: Arc<SharedStanding>,
    /// Whether it goes on with what is signed later.
    pub(super) follows: bool,
    pub(super) stop: CancellationToken,
}

impl TrailCopy {
    /// Copies what the target holds the messages of; where it follows, until it is told to stop.
    pub(super) async fn run(self) -> Result<(), MirrorError> {
        let mut retries = Retries::new(!self.follows);
        loop {
            let before = self.standing.get().records;
            let session = self.stop.run_until_cancelled(self.session()).await;
            let Some(Err(error)) = session else { return Ok(()) };
            if self.standing.get().records > before {
                retries.begin_anew();
            }
            let delay = retries.next(error, |error| {
                tracing::warn!(%error, "the copy of the audit records tries again");
                self.standing.tries_again(error.to_string());
            })?;
            if self.stop.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn session(&self) -> Result<(), MirrorError> {
        let trail = self.start().await?;
        self.standing.reached(trail.len());
        let mut onward = Onward { trail, waiting: None };
        loop {
            self.go_on(&mut onward).await?;
            if !self.follows {
                return Ok(());
            }
            tokio::time::sleep(RECORDS_EVERY).await;
        }
    }

    /// The source's records as far as the target has them.
    async fn start(&self) -> Result<Trail, MirrorError> {
        let of_target = read(&*self.target.records()).await;
        of_target.ended.map_err(MirrorError::of_target_records)?;
        let (records, mut trail) = (self.source.records(), Trail::default());
        let store = TrailStore(&*records);
        let mut expected = of_target.hashes.into_iter();
        loop {
            let listed = store.next(&trail).await.map_err(MirrorError::of_source_records)?;
            let is_end = listed.is_empty();
            for record in listed {
                let Some(in_target) = expected.next() else { return Ok(trail) };
                let taken = trail_store::take(&mut trail, &record).map_err(MirrorError::of_source_records)?;
                let in_source = AuditRecord::hash(&record.value);
                if in_source != in_target {
                    let number = taken.number();
                    return Err(MirrorError::RecordsDiffer(RecordsDifference {
                        number,
                        in_source,
                        in_target,
                    }));
                }
            }
            if is_end {
                return match expected.len() as u64 {
                    0 => Ok(trail),
                    more => Err(MirrorError::RecordsBeyond {
                        of_source: trail.len(),
                        of_target: trail.len() + more,
                    }),
                };
            }
        }
    }

    /// Copies what can be copied now of what comes next.
    async fn go_on(&self, onward: &mut Onward) -> Result<(), MirrorError> {
        let records = self.source.records();
        let source = TrailStore(&*records);
        loop {
            if let Some((record, line)) = &onward.waiting {
                if !self.is_covered(record).await? {
                    return Ok(());
                }
                self.put(record.number(), line.clone()).await?;
                onward.waiting = None;
            }
            let listed = source.next(&onward.trail).await.map_err(MirrorError::of_source_records)?;
            if listed.is_empty() {
                return Ok(());
            }
            for record in listed {
                let taken = trail_store::take(&mut onward.trail, &record);
                let taken = taken.map_err(MirrorError::of_source_records)?;
                if !self.is_covered(&taken).await? {
                    onward.waiting = Some((taken, record.value));
                    return Ok(());
                }
                self.put(taken.number(), record.value).await?;
            }
        }
    }

    async fn put(&self, number: u64, line: Bytes) -> Result<(), MirrorError> {
        let records = self.target.records();
        let put = TrailStore(&*records).put(number, line).await;
        if !put.map_err(MirrorError::of_target_records)? {
            return Err(MirrorError::RecordsMoved { number });
        }
        self.standing.reached(number);
        Ok(())
    }

    /// Whether the target holds what the record is about.
    async fn is_covered(&self, record: &AuditRecord) -> Result<bool, MirrorError> {
        let AuditRecord::Checkpoint(checkpoint) = record else { return Ok(true) };
        let statement = &checkpoint.statement;
        let head = self.target.head(statement.partition).await.map_err(MirrorError::TargetFailed)?;
        Ok(head >= statement.size)
    }
}

/// Where the copy goes on.
struct Onward {
    /// The source's records as far as they were checked.
    trail: Trail,
    /// The last of them, where the target lacks messages that it is about.
    waiting: Option<(AuditRecord, Bytes)>,
}

/// The audit records of a log, as far as they are what was signed.
pub(super) struct ReadTrail {
    pub(super) trail: Trail,
    /// Of each record, in their order.
    pub(super) hashes: Vec<RecordHash>,
    /// What ended the reading before the end.
    pub(super) ended: Result<(), TrailError>,
}

/// Reads the audit records beside a log.
pub(super) async fn read(records: &dyn Records) -> ReadTrail {
    let (store, mut trail, mut hashes) = (TrailStore(records), Trail::default(), Vec::new());
    let followed = store.follow(&mut trail, |_, line| {
        hashes.push(AuditRecord::hash(line));
        Ok::<_, TrailError>(())
    });
    let ended = match followed.await {
        Ok(()) => store.check_end(&trail, &KnownRecords::default()).await,
        Err(error) => Err(error),
    };
    ReadTrail { trail, hashes, ended }
}
