//! Bare PostgreSQL: one insert per commit into a table of events, whose unique index is the version check.

use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::race::Client;
use crate::random::Random;

/// Connections, at most; the peer has as many. More than this gain nothing on a machine of a few cores.
pub(super) const CONNECTIONS_MAX: u32 = 64;
const SCHEMA: &str = "CREATE TABLE raw_events (stream UUID NOT NULL, version BIGINT NOT NULL, payload BYTEA NOT NULL, \
                      UNIQUE (stream, version))";
const INSERT: &str = "INSERT INTO raw_events (stream, version, payload) VALUES ($1, $2, $3)";

/// A table of events in a database, behind some connections.
pub(super) struct RawPostgres {
    pool: PgPool,
}

impl RawPostgres {
    /// Connects, and makes the table.
    ///
    /// # Errors
    /// Where the server refuses, or does not write through to the disk.
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .connect_with(options.options([("synchronous_commit", "on")]))
            .await?;
        let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&pool).await?;
        ensure!(fsync == "on", "the server runs with fsync={fsync}: its commits are not durable");
        sqlx::query(SCHEMA).execute(&pool).await?;
        Ok(Self { pool })
    }

    /// A client that extends a stream of its own by this payload, again and again.
    pub(super) fn client(self: &Arc<Self>, payload: &Bytes) -> Box<dyn Client> {
        let stream = Random::next_part().id();
        Box::new(Inserting { store: Arc::clone(self), stream, version: 0, payload: payload.clone() })
    }
}

struct Inserting {
    store: Arc<RawPostgres>,
    stream: Uuid,
    version: i64,
    payload: Bytes,
}

#[async_trait]
impl Client for Inserting {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.version += 1;
        sqlx::query(INSERT)
            .bind(self.stream)
            .bind(self.version)
            .bind(&self.payload[..])
            .execute(&self.store.pool)
            .await?;
        Ok(())
    }
}
