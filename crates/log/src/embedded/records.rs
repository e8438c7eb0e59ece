//! The records beside the log: a second SQLite file, made with the first record.
//!
//! Each write is one statement that checks what it expects, so that it is atomic against other processes as well,
//! and nobody who gives up leaves half of it behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqlitePool};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::failure::log_error;
use super::file;
use crate::event_log::LogError;
use crate::records::{
    Expected, LISTED_BYTES_MAX, LISTED_RECORDS_MAX, Record, RecordError, RecordKey, RecordKind, Records,
    check_size, key_range,
};

/// How often the write-ahead log is asked to be emptied while readers of any process hold it: each waits by itself.
const CHECKPOINT_TRIES: u32 = 5;
/// Connections that read; further reads wait their turn.
const READERS_MAX: u32 = 2;
/// How long a read or a write waits for its turn.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

const GET: &str = "SELECT key, value, revision FROM record WHERE kind = ?1 AND key = ?2";
const LIST: &str = "SELECT key, value, revision FROM record
    WHERE kind = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4";
// Replacing gives the key a new revision.
const PUT_ANY: &str =
    "INSERT OR REPLACE INTO record (kind, key, value) VALUES (?1, ?2, ?3) RETURNING revision";
const PUT_NEW: &str = "INSERT INTO record (kind, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (kind, key) DO NOTHING RETURNING revision";
const PUT_REVISION: &str = "INSERT OR REPLACE INTO record (kind, key, value) SELECT ?1, ?2, ?3
    WHERE EXISTS (SELECT 1 FROM record WHERE kind = ?1 AND key = ?2 AND revision = ?4) RETURNING revision";
const DELETE: &str = "DELETE FROM record WHERE kind = ?1 AND key = ?2 AND (?3 IS NULL OR revision = ?3)";

/// The records of the embedded log.
pub(super) struct RecordsFile {
    path: PathBuf,
    closing: CancellationToken,
    opened: OnceCell<Connections>,
}

struct Connections {
    /// One connection: writers take turns without SQLite's polling.
    writer: SqlitePool,
    /// One connection that does not wait for the disk, for what is made again.
    hasty_writer: SqlitePool,
    readers: SqlitePool,
}

impl RecordsFile {
    /// The records of the log at `log`, until `closing` is cancelled; touches nothing.
    pub(super) fn beside(log: &Path, closing: CancellationToken) -> Self {
        let mut name = log.file_stem().unwrap_or_default().to_owned();
        name.push("-records");
        if let Some(extension) = log.extension() {
            name.push(".");
            name.push(extension);
        }
        Self { path: log.with_file_name(name), closing, opened: OnceCell::new() }
    }

    pub(super) async fn close(&self) {
        if let Some(connections) = self.opened.get() {
            connections.readers.close().await;
            connections.hasty_writer.close().await;
            connections.writer.close().await;
        }
    }

    /// The file as it is, or `None` where nothing was ever written.
    async fn found(&self) -> Result<Option<&Connections>, LogError> {
        if !self.opened.initialized() {
            // On this thread: one look costs less than handing it to another.
            let exists = self.path.try_exists().map_err(|error| self.unavailable(&error))?;
            if !exists {
                return self.refuse_closed().map(|()| None);
            }
        }
        self.made().await.map(Some)
    }

    /// The file, which is made where there is none.
    async fn made(&self) -> Result<&Connections, LogError> {
        self.refuse_closed()?;
        self.opened.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<Connections, LogError> {
        file::prepare(&self.path, &file::RECORDS).await?;
        let options = file::options(&self.path);
        // What is replaced is overwritten in its place; see `scrub` for the write-ahead log.
        let writing = options.clone().pragma("secure_delete", "ON");
        let writer = self.connect(1, writing.clone()).await?;
        let hasty = writing.synchronous(SqliteSynchronous::Normal);
        let hasty_writer = self.connect(1, hasty).await?;
        let readers = self.connect(READERS_MAX, options.read_only(true)).await?;
        Ok(Connections { writer, hasty_writer, readers })
    }

    async fn connect(&self, connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool, LogError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECTION_WAIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options);
        pool.await.map_err(|error| self.failed(&error))
    }

    fn refuse_closed(&self) -> Result<(), LogError> {
        if self.closing.is_cancelled() {
            let reason = format!("the records at {} are closed", self.path.display());
            return Err(LogError::Unavailable { reason });
        }
        Ok(())
    }

    fn failed(&self, error: &sqlx::Error) -> LogError {
        log_error(&self.path, error)
    }

    fn unavailable(&self, error: &std::io::Error) -> LogError {
        LogError::Unavailable { reason: format!("{}: {error}", self.path.display()) }
    }

    fn record(&self, row: &sqlx::sqlite::SqliteRow) -> Result<Record, LogError> {
        let corrupt = |reason: String| LogError::Corrupt { place: self.path.display().to_string(), reason };
        let key: String = row.try_get(0).map_err(|error| corrupt(error.to_string()))?;
        let value: Vec<u8> = row.try_get(1).map_err(|error| corrupt(error.to_string()))?;
        let revision: i64 = row.try_get(2).map_err(|error| corrupt(error.to_string()))?;
        let key = RecordKey::new(key).map_err(|error| corrupt(error.to_string()))?;
        Ok(Record { key, value: value.into(), revision: revision.cast_unsigned() })
    }
}

impl Connections {
    const fn writer(&self, kind: RecordKind) -> &SqlitePool {
        if kind.is_made_again() { &self.hasty_writer } else { &self.writer }
    }
}

/// The revision as SQLite's integer; what lies beyond it was never given.
fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

#[async_trait]
impl Records for RecordsFile {
    async fn get(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, RecordError> {
        let Some(connections) = self.found().await? else { return Ok(None) };
        let row = sqlx::query(GET).bind(kind.name()).bind(key.as_str()).fetch_optional(&connections.readers);
        let row = row.await.map_err(|error| self.failed(&error))?;
        Ok(row.map(|row| self.record(&row)).transpose()?)
    }

    async fn put(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: Bytes,
        expected: Expected,
    ) -> Result<u64, RecordError> {
        check_size(key, &value)?;
        let connections = self.made().await?;
        let (sql, revision) = match expected {
            Expected::Any => (PUT_ANY, None),
            Expected::New => (PUT_NEW, None),
            Expected::Revision(revision) => (PUT_REVISION, Some(number(revision))),
        };
        let mut put = sqlx::query_scalar(sql).bind(kind.name()).bind(key.as_str()).bind(value.to_vec());
        if let Some(revision) = revision {
            put = put.bind(revision);
        }
        // To the statement's end, which is where it is committed: a single row would leave a failure of that unseen.
        let written: Vec<i64> =
            put.fetch_all(connections.writer(kind)).await.map_err(|error| self.failed(&error))?;
        match written.first() {
            Some(revision) => Ok(revision.cast_unsigned()),
            None => Err(RecordError::Conflict { key: key.clone() }),
        }
    }

    async fn delete(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError> {
        let conflict = || Err(RecordError::Conflict { key: key.clone() });
        let revision = match expected {
            Expected::Any => None,
            Expected::New => return if self.get(kind, key).await?.is_none() { Ok(()) } else { conflict() },
            Expected::Revision(revision) => Some(number(revision)),
        };
        let Some(connections) = self.found().await? else {
            return if revision.is_none() { Ok(()) } else { conflict() };
        };
        let delete = sqlx::query(DELETE).bind(kind.name()).bind(key.as_str()).bind(revision);
        let done = delete.execute(connections.writer(kind)).await.map_err(|error| self.failed(&error))?;
        if revision.is_some() && done.rows_affected() == 0 { conflict() } else { Ok(()) }
    }

    async fn list(
        &self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordError> {
        let Some(connections) = self.found().await? else { return Ok(Vec::new()) };
        let (start, end) = key_range(prefix, after);
        let limit = i64::try_from(limit.min(LISTED_RECORDS_MAX)).unwrap_or(i64::MAX);
        let statement = sqlx::query(LIST).bind(kind.name()).bind(start).bind(end).bind(limit);
        let mut rows = statement.fetch(&connections.readers);
        let (mut listed, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await.map_err(|error| self.failed(&error))? {
            let record = self.record(&row)?;
            bytes += record.value.len();
            listed.push(record);
            if bytes >= LISTED_BYTES_MAX {
                break;
            }
        }
        Ok(listed)
    }

    async fn scrub(&self, kind: RecordKind, _: Option<&RecordKey>) -> Result<(), RecordError> {
        let Some(connections) = self.found().await? else { return Ok(()) };
        for _ in 0..CHECKPOINT_TRIES {
            let emptied = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)");
            let is_held: i64 =
                emptied.fetch_one(connections.writer(kind)).await.map_err(|error| self.failed(&error))?;
            if is_held == 0 {
                return Ok(());
            }
        }
        let reason = format!(
            "a reader of {} keeps its write-ahead log from being emptied; end it and try again",
            self.path.display()
        );
        Err(LogError::Unavailable { reason }.into())
    }
}
