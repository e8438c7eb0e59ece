//! The traceability graph in one SQLite file (`schemas/embedded/food_graph.sql`).
//!
//! One connection writes, a few read; in WAL mode neither waits for the other. `synchronous=NORMAL` is enough: a
//! power cut may take the last transactions back, each whole and with its checkpoint, and the projection reads
//! them from the log again. The log is the truth; nothing here may be known to this file alone.
//!
//! - [`apply`]: a batch and its checkpoint, in one transaction;
//! - [`read`], [`list`]: what queries ask for;
//! - [`maintain`]: the tables and their version, clearing, digests;
//! - [`properties`], [`edge_row`], [`bulk`]: how values and rows are written and read.

mod apply;
mod bulk;
mod edge_row;
mod error;
mod list;
mod maintain;
mod properties;
mod read;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use uuid::Uuid;

use self::error::unavailable;
use super::{
    Batch, Checkpoint, Claim, DigestScope, EdgeDirection, GraphStore, ListQuery, Node, ReadModel, Sink,
    StoreError, TraceDirection,
};
use crate::changes::{Change, Edge, EdgeType, Label};

/// Connections that read at the same time, at most.
const READERS_MAX: u32 = 4;
/// How long a writer of another process is waited for, in seconds.
const BUSY_TIMEOUT_S: u64 = 10;
/// Page cache of the writing connection, in KiB: index pages of random ids are met again and again.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Page cache of one reading connection, in KiB.
const READER_CACHE_KIB: i64 = 16 * 1024;
/// How much of the file is read through memory mapping, in bytes.
const MMAP_BYTES_MAX: i64 = 1 << 30;
/// Rows that a reading connection may be ahead of what is taken from it.
const ROWS_AHEAD_MAX: usize = 1_024;
/// Pages in the write-ahead log before they are moved into the file (64 MiB): a page that several batches touch
/// is moved once.
const WAL_PAGES: i64 = 16 * 1024;

/// The graph in one SQLite file.
#[derive(Debug, Clone)]
pub struct EmbeddedGraph {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl EmbeddedGraph {
    /// Opens the file at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(BUSY_TIMEOUT_S))
            .pragma("mmap_size", MMAP_BYTES_MAX.to_string())
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", WAL_PAGES.to_string());
        let writing = options.clone().pragma("cache_size", (-WRITER_CACHE_KIB).to_string());
        let reading = options
            .row_buffer_size(ROWS_AHEAD_MAX)
            .pragma("cache_size", (-READER_CACHE_KIB).to_string())
            .pragma("query_only", "on");
        let writer =
            SqlitePoolOptions::new().max_connections(1).connect_with(writing).await.map_err(unavailable)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(reading)
            .await
            .map_err(unavailable)?;
        Ok(Self { writer, readers })
    }

    /// A graph in memory, empty, and gone with the value. Call [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory() -> Result<Self, StoreError> {
        // A database in memory lives as long as its only connection.
        let pool = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(SqliteConnectOptions::new().in_memory(true).row_buffer_size(ROWS_AHEAD_MAX))
            .await
            .map_err(unavailable)?;
        Ok(Self { writer: pool.clone(), readers: pool })
    }

    /// Names of tables and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be read.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        maintain::missing_schema(&mut connection).await
    }

    /// Finishes what runs and closes the file; later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl ReadModel for EmbeddedGraph {
    fn name(&self) -> &'static str {
        error::STORE
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        maintain::migrate(&self.writer).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        Ok(read::stored_claim(&mut connection, partition).await?.checkpoint)
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        apply::claim(&self.writer, partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        maintain::clear(&self.writer, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        maintain::digest(&self.readers, scope).await
    }
}

#[async_trait]
impl Sink<Change> for EmbeddedGraph {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        apply::apply(&self.writer, batch).await
    }
}

#[async_trait]
impl GraphStore for EmbeddedGraph {
    async fn nodes(&self, tenant: TenantId, label: Label, ids: &[Uuid]) -> Result<Vec<Node>, StoreError> {
        read::nodes(&self.readers, tenant, label, ids).await
    }

    async fn list(&self, tenant: TenantId, query: &ListQuery) -> Result<Vec<Node>, StoreError> {
        list::list(&self.readers, tenant, query).await
    }

    async fn edges(
        &self,
        tenant: TenantId,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::edges(&self.readers, tenant, label, ids, edge_types, direction).await
    }

    async fn genealogy(
        &self,
        tenant: TenantId,
        start: Uuid,
        direction: TraceDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::genealogy(&self.readers, tenant, start, direction).await
    }
}
