//! Revocations in an SQLite file, so that a restart does not make void tokens valid again.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use foodflow_domain::TenantId;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use uuid::Uuid;

use super::STORE;
use crate::keys::KeyStoreError;

const DEFINITION: &str = include_str!("../../../../../schemas/embedded/keys.sql");
/// How long a write may take, waiting included.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// A revocation as the file holds it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) tenant: TenantId,
    pub(super) subject: String,
    pub(super) issued_until_us: i64,
    pub(super) expires_at: Timestamp,
}

/// The file.
#[derive(Debug)]
pub(super) struct RevocationFile {
    pool: SqlitePool,
    /// Changes when another connection has written.
    version: AtomicI64,
}

impl RevocationFile {
    pub(super) async fn open(path: &Path) -> Result<Self, KeyStoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(WRITE_MAX);
        let opened = async {
            let pool = SqlitePoolOptions::new()
                // Always the same one: to it alone others' changes are told.
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(WRITE_MAX)
                .connect_with(options)
                .await?;
            sqlx::raw_sql(DEFINITION).execute(&pool).await?;
            Ok(Self { pool, version: AtomicI64::new(0) })
        };
        opened.await.map_err(unavailable)
    }

    /// Whether another process has written since this was last asked.
    pub(super) async fn has_changed(&self) -> Result<bool, KeyStoreError> {
        let asked = sqlx::query_scalar("PRAGMA data_version").fetch_one(&self.pool);
        let version: i64 = asked.await.map_err(unavailable)?;
        Ok(self.version.swap(version, Ordering::Relaxed) != version)
    }

    /// What has not ended; all else is removed.
    pub(super) async fn read(&self, now: Timestamp) -> Result<Vec<Row>, KeyStoreError> {
        sqlx::query("DELETE FROM revocation WHERE expires_at <= ?")
            .bind(now.as_microsecond())
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        let rows: Vec<(Vec<u8>, String, i64, i64)> =
            sqlx::query_as("SELECT tenant_id, subject, issued_until, expires_at FROM revocation")
                .fetch_all(&self.pool)
                .await
                .map_err(unavailable)?;
        let rows = rows.into_iter().map(|(tenant, subject, issued_until_us, expires_us)| {
            let tenant = Uuid::from_slice(&tenant).map_err(|error| corrupt(error.to_string()))?;
            let expires_at =
                Timestamp::from_microsecond(expires_us).map_err(|error| corrupt(error.to_string()))?;
            Ok(Row { tenant: TenantId(tenant), subject, issued_until_us, expires_at })
        });
        rows.collect()
    }

    pub(super) async fn write(
        &self,
        tenant: TenantId,
        subject: &str,
        until_us: i64,
        ttl: Duration,
    ) -> Result<(), KeyStoreError> {
        let expires_us = Timestamp::now()
            .as_microsecond()
            .saturating_add_unsigned(u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX));
        sqlx::query(
            "INSERT INTO revocation (tenant_id, subject, issued_until, expires_at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (tenant_id, subject) DO UPDATE SET issued_until = max(issued_until, excluded.issued_until), \
             expires_at = max(expires_at, excluded.expires_at)",
        )
        .bind(tenant.0.as_bytes().as_slice())
        .bind(subject)
        .bind(until_us)
        .bind(expires_us)
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(unavailable)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unavailable(error: sqlx::Error) -> KeyStoreError {
    KeyStoreError::Unavailable { store: STORE, reason: error.to_string() }
}

fn corrupt(reason: String) -> KeyStoreError {
    KeyStoreError::Corrupt { store: STORE, what: "a revocation", reason }
}
