//! Reading the file, over read-only connections that never wait for the writer.
//!
//! Every statement either names the tenant or serves the port's explicit read over all tenants.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foodflow_domain::TenantId;
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqlitePoolOptions, SqliteRow};
use sqlx::{Row, Sqlite, SqlitePool};
use uuid::Uuid;

use super::failure::log_error;
use super::file;
use crate::event_log::{
    Direction, LOADED_BYTES_MAX, LOADED_MESSAGES_MAX, LogError, Page, Partition, Position, READ_MESSAGES_MAX,
    ReadQuery, StoredMessage, StreamId,
};

/// Connections, and with it the reads at one time; further reads wait their turn.
const CONNECTIONS_MAX: u32 = 4;
const CONNECTION_WAIT: Duration = Duration::from_secs(10);
/// Most messages of a subscription's page.
const PAGE_MESSAGES_MAX: usize = 512;
/// A subscription's page ends with the message that brings it to this many bytes.
const PAGE_BYTES_MAX: usize = 4 << 20;

const HEAD: &str = "SELECT coalesce(max(position), 0) FROM message";
/// The first message after a position is the one whose predecessor is the last at or before it: so the
/// index over `expected` finds it, wherever the position lies.
pub(super) const LOAD: &str = "SELECT position, tenant, stream, payload FROM message
    WHERE tenant = ?1 AND stream = ?2 AND position > ?3 AND expected >= coalesce((
        SELECT expected FROM message WHERE tenant = ?1 AND stream = ?2 AND expected <= ?3
        ORDER BY expected DESC LIMIT 1), 0)
    ORDER BY expected LIMIT ?4";
pub(super) const FORWARD_OF_TENANT: &str = "SELECT position, tenant, stream, payload FROM message
    WHERE tenant = ?3 AND position > ?1 ORDER BY position LIMIT ?2";
pub(super) const BACKWARD_OF_TENANT: &str = "SELECT position, tenant, stream, payload FROM message
    WHERE tenant = ?3 AND position < ?1 ORDER BY position DESC LIMIT ?2";
const FORWARD_OF_ALL: &str = "SELECT position, tenant, stream, payload FROM message
    WHERE position > ?1 ORDER BY position LIMIT ?2";
const BACKWARD_OF_ALL: &str = "SELECT position, tenant, stream, payload FROM message
    WHERE position < ?1 ORDER BY position DESC LIMIT ?2";

type Statement = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// The log's read side; clones share the connections.
#[derive(Clone)]
pub(super) struct Reader {
    path: Arc<Path>,
    pool: SqlitePool,
}

impl Reader {
    pub(super) async fn open(path: &Path) -> Result<Self, LogError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECTION_WAIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(file::options(path).read_only(true))
            .await
            .map_err(|error| log_error(path, &error))?;
        Ok(Self { path: path.into(), pool })
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) async fn head(&self) -> Result<u64, LogError> {
        let head: i64 =
            sqlx::query_scalar(HEAD).fetch_one(&self.pool).await.map_err(|error| self.failed(&error))?;
        Ok(head.cast_unsigned())
    }

    pub(super) async fn load(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let limit = limit.clamp(1, LOADED_MESSAGES_MAX);
        let statement = sqlx::query(LOAD).bind(key(tenant)).bind(stream.to_string()).bind(number(after));
        self.bounded(statement.bind(one_more(limit)), limit, LOADED_BYTES_MAX).await
    }

    pub(super) async fn read(&self, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        let limit = query.limit.min(READ_MESSAGES_MAX);
        self.all(range(query.tenant, query.direction, query.from, limit)).await
    }

    /// The next messages after `after`, as many as one page holds.
    pub(super) async fn page(&self, tenant: Option<TenantId>, after: Position) -> Result<Page, LogError> {
        let statement = range(tenant, Direction::Forward, after, PAGE_MESSAGES_MAX + 1);
        self.bounded(statement, PAGE_MESSAGES_MAX, PAGE_BYTES_MAX).await
    }

    /// What `statement` answers, up to `messages_max` messages or the one that brings them to `bytes_max` bytes. The
    /// statement reads one message more, which tells whether that is all.
    async fn bounded(
        &self,
        statement: Statement,
        messages_max: usize,
        bytes_max: usize,
    ) -> Result<Page, LogError> {
        let mut rows = statement.fetch(&self.pool);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await.map_err(|error| self.failed(&error))? {
            if messages.len() == messages_max || bytes >= bytes_max {
                return Ok(Page { messages, reached_end: false });
            }
            let message = self.message(&row)?;
            bytes += message.payload.len();
            messages.push(message);
        }
        Ok(Page { messages, reached_end: true })
    }

    async fn all(&self, statement: Statement) -> Result<Vec<StoredMessage>, LogError> {
        let mut rows = statement.fetch(&self.pool);
        let mut messages = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(|error| self.failed(&error))? {
            messages.push(self.message(&row)?);
        }
        Ok(messages)
    }

    fn message(&self, row: &SqliteRow) -> Result<StoredMessage, LogError> {
        let position: i64 = row.try_get(0).map_err(|error| self.failed(&error))?;
        let corrupt = |reason: String| LogError::Corrupt {
            place: format!("{}, position {position}", self.path.display()),
            reason,
        };
        let tenant: &[u8] = row.try_get(1).map_err(|error| corrupt(error.to_string()))?;
        let tenant = Uuid::from_slice(tenant).map_err(|error| corrupt(error.to_string()))?;
        let stream: &str = row.try_get(2).map_err(|error| corrupt(error.to_string()))?;
        let stream = StreamId::parse(stream).ok_or_else(|| corrupt(format!("`{stream}` is not a stream")))?;
        let payload: Vec<u8> = row.try_get(3).map_err(|error| corrupt(error.to_string()))?;
        Ok(StoredMessage {
            partition: Partition(0),
            position: Position(position.cast_unsigned()),
            tenant: TenantId(tenant),
            stream,
            payload: Bytes::from(payload),
        })
    }

    fn failed(&self, error: &sqlx::Error) -> LogError {
        log_error(&self.path, error)
    }
}

fn range(tenant: Option<TenantId>, direction: Direction, from: Position, limit: usize) -> Statement {
    let sql = match (tenant, direction) {
        (Some(_), Direction::Forward) => FORWARD_OF_TENANT,
        (Some(_), Direction::Backward) => BACKWARD_OF_TENANT,
        (None, Direction::Forward) => FORWARD_OF_ALL,
        (None, Direction::Backward) => BACKWARD_OF_ALL,
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = sqlx::query(sql).bind(number(from)).bind(limit);
    match tenant {
        Some(tenant) => statement.bind(key(tenant)),
        None => statement,
    }
}

/// A bound that lets one row more through.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit + 1).unwrap_or(i64::MAX)
}

/// The tenant as the file holds it.
pub(super) fn key(tenant: TenantId) -> Vec<u8> {
    tenant.0.into_bytes().to_vec()
}

/// The position as SQLite's integer; what lies beyond it lies beyond every message.
fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}
