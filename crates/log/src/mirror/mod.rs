//! A second copy of a log: message for message, from any adapter to any adapter, verified on the way.
//!
//! A message stands in the target where it stands in the source: in the same partition, at the same position, byte for
//! byte. So whatever reads the one log reads the other, and a log that has lost its tail is completed from its copy.
//! Where that cannot be, the copy ends there with a named reason ([`MirrorError`]).
//!
//! - `start`: where the target stands, and whether it is the beginning of the source;
//! - `reader`, `run`: the source's messages, verified, as runs of whole commits;
//! - `partition`: one partition's copy; `retries`: how often what may pass is tried again;
//! - [`trail`]: the copy of the audit records, behind the messages that they are about;
//! - [`compare`]: both logs read through, message against message; [`records`]: and their audit records;
//! - [`standing`]: how far the copy is.
//!
//! Nothing is kept beside the target: what it holds says where to go on, so that an end at any moment, be it by
//! `kill -9`, leaves neither a gap nor a repetition.
//!
//! What must never happen here: a message that is copied though it is not in order; one that stands elsewhere than in
//! the source; a message of either log that is changed.
//!
//! Memory, per partition: three runs of at most 4 MiB (or one larger commit), what the adapters read ahead, and the
//! ends of the streams that were met last, at most 262,144 of them. A comparison keeps the end of every stream, and of both
//! logs' audit records the hashes.

pub mod compare;
pub mod error;
mod partition;
mod reader;
pub mod records;
mod retries;
mod run;
pub mod standing;
mod start;
pub mod trail;

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::compare::{Compared, Comparison, Difference, Finding};
pub use self::error::MirrorError;
pub use self::records::{ComparedRecords, RecordsDifference};
pub use self::standing::PartitionStanding;
pub use self::trail::RecordsStanding;

use self::partition::PartitionCopy;
use self::retries::Retries;
use self::standing::Standing;
use self::trail::{SharedStanding, TrailCopy};
use crate::event_log::{Partition, Position, SharedLog};

/// A source and the target that becomes, or is, its copy.
pub struct Mirror {
    source: SharedLog,
    target: SharedLog,
    standings: Vec<Arc<Standing>>,
    records: Arc<SharedStanding>,
}

impl Mirror {
    /// Of `source` in `target`.
    ///
    /// # Errors
    /// [`MirrorError::PartitionCounts`] where one has more partitions than the other.
    pub fn new(source: SharedLog, target: SharedLog) -> Result<Self, MirrorError> {
        let (of_source, of_target) = (source.partition_count(), target.partition_count());
        if of_source != of_target {
            return Err(MirrorError::PartitionCounts { of_source, of_target });
        }
        let standings = (0..of_source).map(|number| Arc::new(Standing::new(Partition(number)))).collect();
        Ok(Self { source, target, standings, records: Arc::default() })
    }

    /// How far the audit records are.
    #[must_use]
    pub fn records_standing(&self) -> RecordsStanding {
        self.records.get()
    }

    /// How far each partition is, in their order.
    #[must_use]
    pub fn standings(&self) -> Vec<PartitionStanding> {
        self.standings.iter().map(|one| one.get()).collect()
    }

    /// Copies up to the source's heads as of now, then the audit records of what the target holds, or until `stop`.
    ///
    /// # Errors
    /// The first [`MirrorError`]; a failure that may pass is tried again some times.
    pub async fn copy(&self, stop: CancellationToken) -> Result<(), MirrorError> {
        let Some(ends) = self.ends(&stop).await? else { return Ok(()) };
        Self::run(self.copies(ends), &stop).await?;
        Self::run([self.copy_of_records(false)], &stop).await
    }

    /// Copies, and goes on with what is appended to the source and signed of it, until `stop`.
    ///
    /// # Errors
    /// The first [`MirrorError`]; a failure that may pass is tried again for as long as it takes.
    pub async fn follow(&self, stop: CancellationToken) -> Result<(), MirrorError> {
        let messages = self.copies(self.partitions().map(|partition| (partition, None)).collect());
        Self::run(messages.chain([self.copy_of_records(true)]), &stop).await
    }

    /// Reads both logs through up to their heads as of now, verifies the source and holds it against its checkpoints,
    /// and compares every message and every audit record.
    ///
    /// # Errors
    /// [`MirrorError`] where a log does not answer; what is found in one is no error, but a [`Finding`].
    pub async fn compare(&self) -> Result<Comparison, MirrorError> {
        // The records first: what was signed by then is in the log by then.
        let (trail, records) = records::compare_records(&self.source, &self.target).await?;
        let trail = Arc::new(trail);
        let mut partitions = JoinSet::new();
        for standing in &self.standings {
            let (source, target) = (Arc::clone(&self.source), Arc::clone(&self.target));
            partitions.spawn(compare::compare(source, target, Arc::clone(&trail), Arc::clone(standing)));
        }
        let mut compared = Vec::with_capacity(self.standings.len());
        while let Some(outcome) = partitions.join_next().await {
            compared.push(outcome.unwrap_or_else(|error| Err(MirrorError::panicked(&error)))?);
        }
        compared.sort_by_key(|one| one.partition);
        Ok(Comparison { partitions: compared, records })
    }

    /// Appends to the target what [`Self::compare`] found it to lack; nothing, where there is any [`Finding`].
    ///
    /// # Errors
    /// As [`Self::copy`].
    pub async fn complete(&self, compared: &Comparison, stop: CancellationToken) -> Result<(), MirrorError> {
        if compared.finding().is_some() {
            return Ok(());
        }
        let lacking = compared.partitions.iter().filter(|one| one.target_head < one.source_head);
        let lacking = lacking.map(|one| (one.partition, Some(one.source_head))).collect();
        Self::run(self.copies(lacking), &stop).await?;
        if compared.records.of_target < compared.records.of_source {
            Self::run([self.copy_of_records(false)], &stop).await?;
        }
        Ok(())
    }

    fn partitions(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..self.source.partition_count()).map(Partition)
    }

    /// Where the source ends now; `None` where it was told to stop meanwhile.
    async fn ends(&self, stop: &CancellationToken) -> Result<Option<Ends>, MirrorError> {
        let mut ends = Ends::with_capacity(self.standings.len());
        for (partition, standing) in self.partitions().zip(&self.standings) {
            let Some(head) = self.end(partition, standing, stop).await? else { return Ok(None) };
            ends.push((partition, Some(head)));
        }
        Ok(Some(ends))
    }

    async fn end(
        &self,
        partition: Partition,
        standing: &Standing,
        stop: &CancellationToken,
    ) -> Result<Option<Position>, MirrorError> {
        let mut retries = Retries::new(true);
        loop {
            let error = match stop.run_until_cancelled(self.source.head(partition)).await {
                None => return Ok(None),
                Some(Ok(head)) => return Ok(Some(head)),
                Some(Err(error)) => MirrorError::SourceFailed(error),
            };
            let delay = retries.next(error, |error| {
                tracing::warn!(partition = partition.0, %error, "the copy tries again");
                standing.tries_again(error.to_string());
            })?;
            if stop.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                return Ok(None);
            }
        }
    }

    /// The copies of these partitions, each to its end, if it has one.
    fn copies(&self, ends: Ends) -> impl Iterator<Item = Work> {
        ends.into_iter().map(|(partition, until)| -> Work {
            let (source, target) = (Arc::clone(&self.source), Arc::clone(&self.target));
            let standing = Arc::clone(&self.standings[usize::from(partition.0)]);
            Box::new(move |stop| {
                Box::pin(PartitionCopy { source, target, partition, until, standing, stop }.run())
            })
        })
    }

    fn copy_of_records(&self, follows: bool) -> Work {
        let (source, target) = (Arc::clone(&self.source), Arc::clone(&self.target));
        let standing = Arc::clone(&self.records);
        Box::new(move |stop| Box::pin(TrailCopy { source, target, standing, follows, stop }.run()))
    }

    /// Does all `works` at once; where one fails, tells the others to stop and answers its error.
    async fn run(works: impl IntoIterator<Item = Work>, stop: &CancellationToken) -> Result<(), MirrorError> {
        // The others end in order when one fails.
        let stop = stop.child_token();
        let mut running: JoinSet<_> = works.into_iter().map(|work| work(stop.clone())).collect();
        let mut first_error = Ok(());
        while let Some(outcome) = running.join_next().await {
            let outcome = outcome.unwrap_or_else(|error| Err(MirrorError::panicked(&error)));
            if outcome.is_err() && first_error.is_ok() {
                stop.cancel();
                first_error = outcome;
            }
        }
        first_error
    }
}

/// Partitions, and up to where each is copied; `None` follows for ever.
type Ends = Vec<(Partition, Option<Position>)>;

/// A part of a copy, which ends where it is told to stop.
type Work = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, Result<(), MirrorError>> + Send>;
