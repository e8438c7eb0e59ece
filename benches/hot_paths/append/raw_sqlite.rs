//! The bare SQLite file: one transaction per commit, with the log's own table and pragmas.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Kind;
use crate::race::Client;
use crate::random::Random;

const SCHEMA: &str = include_str!("../../../schemas/embedded/log.sql");
const INSERT: &str = "INSERT INTO message (position, tenant, stream, expected, recorded_at, payload) \
                      VALUES (?, ?, ?, ?, ?, ?)";

/// One connection, which the clients take turns on: SQLite has one writer at a time.
pub(super) struct RawSqlite {
    writer: Mutex<Writer>,
}

struct Writer {
    connection: SqliteConnection,
    position: i64,
}

impl RawSqlite {
    /// A new file with the log's table.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(super) async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-16384")
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        Ok(Self { writer: Mutex::new(Writer { connection, position: 0 }) })
    }

    /// A client that writes these payloads, one transaction after another.
    pub(super) fn client(self: &Arc<Self>, kind: Kind, payloads: &[Bytes]) -> Box<dyn Client> {
        let mut random = Random::next_part();
        let tenant = random.id();
        let own = (kind == Kind::Adjustment).then(|| Stream { id: random.id(), end: 0 });
        Box::new(Transacting { store: Arc::clone(self), random, tenant, own, payloads: payloads.to_vec() })
    }
}

/// A stream that its client alone writes to.
struct Stream {
    id: Uuid,
    end: i64,
}

struct Transacting {
    store: Arc<RawSqlite>,
    random: Random,
    tenant: Uuid,
    /// The client's stream; new ones each time where there is none.
    own: Option<Stream>,
    payloads: Vec<Bytes>,
}

#[async_trait]
impl Client for Transacting {
    async fn once(&mut self) -> anyhow::Result<()> {
        let mut writer = self.store.writer.lock().await;
        let Writer { connection, position } = &mut *writer;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        for payload in &self.payloads {
            *position += 1;
            let (id, expected) = match &mut self.own {
                Some(own) => (own.id, std::mem::replace(&mut own.end, *position)),
                None => (self.random.id(), 0),
            };
            sqlx::query(INSERT)
                .bind(*position)
                .bind(self.tenant.as_bytes().to_vec())
                .bind(format!("food_graph.batch.{id}"))
                .bind(expected)
                .bind(Timestamp::now().as_microsecond())
                .bind(payload.to_vec())
                .execute(&mut *connection)
                .await?;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        Ok(())
    }
}
