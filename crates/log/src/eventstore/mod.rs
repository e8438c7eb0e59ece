//! The EventStoreDB adapter: each partition is one stream of events, and a position its revision and one.
//!
//! EventStoreDB appends several events atomically to one stream, never to several. So a partition's messages stand in
//! one stream, a commit is one append, and where the aggregates' streams end is known from an index of the partition's
//! stream, which each process makes and keeps up to date (see `docs/adr/0011-eventstoredb.md`).
//!
//! **What is proven.** The whole contract suite runs against this adapter over streams in memory, which proves what the
//! adapter decides, and nothing about a server. No EventStoreDB server is started by the tests of this repository. Who has
//! one runs the suite against it: `cargo xtask test --eventstore-url esdb://…`.
//!
//! - [`streams`]: what is needed of a server;
//! - `client`, with the feature `eventstore`: an EventStoreDB server;
//! - `names`, `message`, `manifest`: how a log looks there;
//! - `index`, `partition`, `subscription`: reading; `writer`: appending;
//! - `records`: the records beside the log.

#[cfg(feature = "eventstore")]
mod client;
mod index;
mod manifest;
mod message;
mod names;
mod partition;
mod records;
pub mod streams;
mod subscription;
mod writer;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "eventstore")]
pub use self::client::{ANSWER_TIMEOUT_DEFAULT, EventStoreConfig, prepare_tls};
pub use self::streams::{EventStreams, NewEvent, ReadLimit, StreamEnd, StreamError, StreamEvent};

use self::names::Names;
use self::partition::PartitionLog;
use self::records::StreamRecords;
use crate::event_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, PARTITIONS_DEFAULT, Page, Partition,
    Position, ReadQuery, StoredMessage, StreamId, check_run,
};
use crate::queue::Queue;
use crate::records::SharedRecords;

/// What the names of a log's streams begin with unless it is told otherwise.
pub const PREFIX_DEFAULT: &str = "foodflow";

/// The event log on streams of events.
pub struct EventStoreLog {
    place: String,
    partitions: Vec<Arc<PartitionLog>>,
    queues: Vec<Queue>,
    records: Arc<StreamRecords>,
    closing: CancellationToken,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

impl EventStoreLog {
    /// Opens the log whose streams begin with `prefix`, and makes one where there is none, of `partitions` or
    /// [`PARTITIONS_DEFAULT`] partitions. One that exists must have as many, if a number is given.
    ///
    /// # Errors
    /// [`LogError::Configuration`] where the settings do not fit, [`LogError::Unavailable`] where there is no answer.
    pub async fn open(
        streams: Arc<dyn EventStreams>,
        prefix: &str,
        partitions: Option<u16>,
    ) -> Result<Self, LogError> {
        let names = names(prefix)?;
        let wanted = partitions.unwrap_or(PARTITIONS_DEFAULT);
        let count = manifest::ensure(&*streams, &names.manifest(), wanted).await?;
        Self::start(streams, names, count, partitions)
    }

    /// Opens the log like [`Self::open`] and changes nothing; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_existing(
        streams: Arc<dyn EventStreams>,
        prefix: &str,
        partitions: Option<u16>,
    ) -> Result<Option<Self>, LogError> {
        let names = names(prefix)?;
        let Some(count) = manifest::find(&*streams, &names.manifest()).await? else { return Ok(None) };
        Self::start(streams, names, count, partitions).map(Some)
    }

    fn start(
        streams: Arc<dyn EventStreams>,
        names: Names,
        count: u16,
        wanted: Option<u16>,
    ) -> Result<Self, LogError> {
        let place = streams.describe();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != count) {
            let reason = format!(
                "the log at {place} has {count} partitions, not {wanted}; leave the setting out or set it to {count}"
            );
            return Err(LogError::Configuration { reason });
        }
        let closing = CancellationToken::new();
        let (mut partitions, mut queues, mut writers) = (Vec::new(), Vec::new(), Vec::new());
        for partition in (0..count).map(Partition) {
            let log = PartitionLog::new(Arc::clone(&streams), partition, names.partition(partition));
            let log = Arc::new(log);
            let (queue, taker) = Queue::new(writer::BOUNDS, closing.clone());
            writers.push(tokio::spawn(writer::run(Arc::clone(&log), taker)));
            partitions.push(log);
            queues.push(queue);
        }
        let records = Arc::new(StreamRecords::new(streams, names, closing.clone()));
        Ok(Self { place, partitions, queues, records, closing, writers: Mutex::new(writers) })
    }

    fn partition(&self, partition: Partition) -> Result<&Arc<PartitionLog>, LogError> {
        if self.closing.is_cancelled() {
            return Err(self.closed());
        }
        self.partitions.get(usize::from(partition.0)).ok_or_else(|| LogError::Configuration {
            reason: format!("there is no partition {}; the log has {}", partition.0, self.partitions.len()),
        })
    }

    fn queue(&self, partition: Partition) -> Result<&Queue, LogError> {
        self.partition(partition)?;
        Ok(&self.queues[usize::from(partition.0)])
    }

    fn closed(&self) -> LogError {
        LogError::Unavailable { reason: format!("the log at {} is closed", self.place) }
    }
}

fn names(prefix: &str) -> Result<Names, LogError> {
    Names::new(prefix).map_err(|reason| LogError::Configuration { reason })
}

impl fmt::Debug for EventStoreLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStoreLog").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Drop for EventStoreLog {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

#[async_trait]
impl EventLog for EventStoreLog {
    fn partition_count(&self) -> u16 {
        // Never more than PARTITIONS_MAX.
        u16::try_from(self.partitions.len()).unwrap_or(u16::MAX)
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        commit.check()?;
        let queue = self.queue(self.partition_of(commit.tenant))?;
        queue.append(commit, || self.closed()).await
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        let queue = self.queue(partition)?;
        check_run(self.partition_count(), partition, &commits)?;
        queue.append_run(after, commits, || self.closed()).await
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        self.partition(self.partition_of(tenant))?.load_page(tenant, stream, after, limit).await
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.partition(partition)?.head().await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.partition(partition)?.read(&query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let partition = Arc::clone(self.partition(partition)?);
        Ok(subscription::start(partition, tenant, after, self.closing.clone()))
    }

    fn records(&self) -> SharedRecords {
        Arc::clone(&self.records) as _
    }

    fn describe(&self) -> String {
        self.place.clone()
    }

    async fn close(&self) {
        self.closing.cancel();
        for writer in self.writers.lock().await.drain(..) {
            if let Err(error) = writer.await {
                tracing::error!(%error, "a writer of the event log failed");
            }
        }
    }
}
