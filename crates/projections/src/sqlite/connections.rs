//! The connections to one SQLite file.
//!
//! One connection writes, a few read; in WAL mode neither waits for the other. Who writes has the file's write lock
//! from the beginning of the transaction.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, SqliteConnection, Transaction};

use super::error::{STORE, unavailable};
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

/// How often emptying the write-ahead log is tried while readers hold it.
const SCRUB_TRIES_MAX: u32 = 100;
const SCRUB_PAUSE: Duration = Duration::from_millis(50);

/// A transaction that has the write lock of its file.
pub(crate) type Writing = Transaction<'static, Sqlite>;

/// The connections to one file.
#[derive(Debug)]
pub(crate) struct Connections {
    writer: SqlitePool,
    pub(crate) readers: SqlitePool,
}

impl Connections {
    /// Opens the file at `path`, which is made where it does not exist; its directory must.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let writing = writing(path).create_if_missing(true);
        let reading = options(path)
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

    /// A database in memory, gone with the value.
    pub(super) async fn in_memory() -> Result<Self, StoreError> {
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

    /// Begins a transaction with the write lock.
    pub(crate) async fn begin(&self) -> Result<Writing, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)
    }

    /// Begins a transaction that reads as of one moment.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.readers.begin().await.map_err(unavailable)
    }

    /// Writes the file anew, without what was removed from it, and empties the write-ahead log.
    pub(crate) async fn scrub(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.acquire().await.map_err(unavailable)?;
        sqlx::query("VACUUM").execute(&mut *writer).await.map_err(unavailable)?;
        for _ in 0..SCRUB_TRIES_MAX {
            let (is_busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&mut *writer)
                .await
                .map_err(unavailable)?;
            if is_busy == 0 {
                return Ok(());
            }
            tokio::time::sleep(SCRUB_PAUSE).await;
        }
        let reason = "readers keep the write-ahead log from being emptied; try again".to_owned();
        Err(StoreError::Unavailable { store: STORE, reason })
    }

    /// Finishes what runs and closes the file; later calls answer `Unavailable`.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A connection of its own to a file that exists, whose commits are on disk, with everything that was committed before,
/// when they are acknowledged.
pub(crate) async fn durable(path: &Path) -> Result<SqliteConnection, StoreError> {
    writing(path).synchronous(SqliteSynchronous::Full).connect().await.map_err(unavailable)
}

fn writing(path: &Path) -> SqliteConnectOptions {
    options(path).pragma("cache_size", (-WRITER_CACHE_KIB).to_string())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(BUSY_TIMEOUT_S))
        .pragma("mmap_size", MMAP_BYTES_MAX.to_string())
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", WAL_PAGES.to_string())
}
