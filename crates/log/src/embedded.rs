//! Adapter over one SQLite file: the log of an installation without servers.
//!
//! One writer task puts everything that waits into one transaction (group commit); readers have connections
//! of their own and never wait for it. Several processes may open the same file.
//!
//! What must never happen here: an acknowledged commit that is not on disk, half a commit, a position that
//! is used twice or left out, or a stream with two messages after the same one.

mod failure;
mod file;
mod group;
mod reader;
mod records;
mod subscription;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::event_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Page, Partition, Position, ReadQuery,
    StoredMessage, StreamId, check_run,
};
use crate::head::raise;
use crate::queue::{Bounds, Queue};
use crate::records::SharedRecords;
use reader::Reader;
use records::RecordsFile;
use writer::Writer;

/// What waits for the writer, and what it puts into one transaction.
const BOUNDS: Bounds = Bounds {
    waiting_max: 1_024,
    waiting_bytes_max: 64 << 20,
    group_messages_max: 4_000,
    group_bytes_max: 16 << 20,
};
/// How often commits of other processes are looked for while someone subscribes.
const HEAD_POLL: Duration = Duration::from_millis(250);
/// How long closing waits for reads that are under way.
const READERS_CLOSE_WAIT: Duration = Duration::from_secs(5);

/// The event log in one SQLite file, with one partition.
pub struct EmbeddedLog {
    path: PathBuf,
    queue: Queue,
    reader: Reader,
    records: Arc<RecordsFile>,
    head: Arc<watch::Sender<u64>>,
    closing: CancellationToken,
    writer: Mutex<Option<JoinHandle<Option<SqliteConnection>>>>,
}

impl EmbeddedLog {
    /// Opens the log at `path`, and creates it with its folder where there is none.
    ///
    /// # Errors
    /// [`LogError::Configuration`] where the file is not an event log, was written by a newer version, or
    /// cannot be written; [`LogError::Unavailable`] where another process holds it for too long.
    pub async fn open(path: &Path) -> Result<Self, LogError> {
        let path = std::path::absolute(path).map_err(|error| LogError::Configuration {
            reason: format!("`{}` is not a usable path: {error}", path.display()),
        })?;
        let connection = file::open(&path).await?;
        let reader = Reader::open(&path).await?;
        let head = Arc::new(watch::Sender::new(reader.head().await?));
        let closing = CancellationToken::new();
        let (queue, waiting) = Queue::new(BOUNDS, closing.clone());
        let writer = Writer::new(path.clone(), connection, waiting, Arc::clone(&head));
        let writer = tokio::spawn(writer.run());
        tokio::spawn(watch_other_processes(reader.clone(), Arc::clone(&head), closing.clone()));
        let records = Arc::new(RecordsFile::beside(&path, closing.clone()));
        Ok(Self { path, queue, reader, records, head, closing, writer: Mutex::new(Some(writer)) })
    }

    fn closed(&self) -> LogError {
        LogError::Unavailable { reason: format!("the log at {} is closed", self.path.display()) }
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

fn only_partition(partition: Partition) -> Result<(), LogError> {
    if partition == Partition(0) {
        return Ok(());
    }
    Err(LogError::Configuration {
        reason: format!("there is no partition {}: an embedded log has only partition 0", partition.0),
    })
}

/// Wakes subscriptions for commits that another process has written.
async fn watch_other_processes(reader: Reader, head: Arc<watch::Sender<u64>>, closing: CancellationToken) {
    while closing.run_until_cancelled(tokio::time::sleep(HEAD_POLL)).await.is_some() {
        if head.receiver_count() == 0 {
            continue;
        }
        match reader.head().await {
            Ok(position) => raise(&head, position),
            Err(_) if closing.is_cancelled() => return,
            Err(error) => tracing::warn!(%error, "cannot look for commits of other processes; trying again"),
        }
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    fn partition_count(&self) -> u16 {
        1
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        commit.check()?;
        self.queue.append(commit, || self.closed()).await
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        only_partition(partition)?;
        check_run(self.partition_count(), partition, &commits)?;
        self.queue.append_run(after, commits, || self.closed()).await
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        self.reader.load(tenant, stream, after, limit).await
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        only_partition(partition)?;
        self.reader.head().await.map(Position)
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        only_partition(partition)?;
        self.reader.read(query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        only_partition(partition)?;
        if self.closing.is_cancelled() {
            return Err(self.closed());
        }
        let head = self.head.subscribe();
        raise(&self.head, self.reader.head().await?);
        Ok(subscription::start(self.reader.clone(), tenant, after, head, self.closing.clone()))
    }

    fn records(&self) -> SharedRecords {
        Arc::clone(&self.records) as _
    }

    fn describe(&self) -> String {
        format!("embedded log at {}", self.path.display())
    }

    async fn close(&self) {
        self.closing.cancel();
        let mut writer = self.writer.lock().await;
        let Some(task) = writer.as_mut() else { return };
        let connection = task.await.ok().flatten();
        *writer = None;
        let readers = async { tokio::join!(self.reader.close(), self.records.close()) };
        if tokio::time::timeout(READERS_CLOSE_WAIT, readers).await.is_err() {
            tracing::warn!(path = %self.path.display(), "a read is still under way; closing the log without it");
        }
        let Some(mut connection) = connection else { return };
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
        if let Err(error) = checkpoint.and(connection.close().await) {
            tracing::warn!(path = %self.path.display(), %error, "the log was closed without a checkpoint; nothing is lost");
        }
    }
}
