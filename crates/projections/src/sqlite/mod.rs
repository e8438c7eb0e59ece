//! What the embedded stores share: how a SQLite file is opened, its checkpoints, and statements for many rows.
//!
//! One connection writes, a few read; in WAL mode neither waits for the other. `synchronous=NORMAL` is enough: a
//! power cut may take the last transactions back, each whole and with its checkpoint, and the projection reads
//! them from the log again. The log is the truth; nothing may be known to such a file alone.

pub(crate) mod bulk;
pub(crate) mod checkpoint;
pub(crate) mod error;
pub(crate) mod identity;

use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use self::error::{corrupt, unavailable};
use crate::store::StoreError;

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

/// The connections to one file.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    /// The one that writes.
    pub(crate) writer: SqlitePool,
    /// Those that read.
    pub(crate) readers: SqlitePool,
}

impl Connections {
    /// Opens the file at `path`, which is made where it does not exist; its directory must.
    ///
    /// # Errors
    /// `Unavailable` where the file cannot be opened.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
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

    /// A database in memory, empty, and gone with the value.
    ///
    /// # Errors
    /// `Unavailable` where SQLite refuses.
    pub(crate) async fn in_memory() -> Result<Self, StoreError> {
        // It lives as long as its only connection.
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

    /// Finishes what runs and closes the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// An id as its 16 bytes.
pub(crate) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Reads an id.
///
/// # Errors
/// `Corrupt` where the column does not hold 16 bytes.
pub(crate) fn uuid(row: &SqliteRow, column: usize) -> Result<Uuid, StoreError> {
    let bytes: &[u8] = row.try_get(column).map_err(unavailable)?;
    Uuid::from_slice(bytes).map_err(|error| corrupt(error.to_string()))
}

/// Names of tables and indexes in the file, if `PRAGMA user_version` is `layout`; else none.
///
/// # Errors
/// `Unavailable` where the file cannot be read.
pub(crate) async fn objects_of_layout(
    connection: &mut SqliteConnection,
    layout: i64,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE (SELECT user_version FROM pragma_user_version) = ?",
    )
    .bind(layout)
    .fetch_all(connection)
    .await
    .map_err(unavailable)
}
