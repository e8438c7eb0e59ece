//! The tables of one projection in SQLite, each generation in a file of its own.
//!
//! Tables and columns have the documented names; ids are the 16 bytes of a UUID, instants microseconds since 1970,
//! decimals, dates and JSON text. Files, checkpoints and generations are those of every embedded store
//! ([`crate::sqlite`]).
//!
//! - [`apply`]: the changes of a batch;
//! - [`schema`]: the tables, derived from their description; clearing, and the rows of one tenant;
//! - [`read`]: rows, digests and counts;
//! - [`statements`], [`values`]: what is written and read, for one table and for one value.

mod apply;
mod read;
mod schema;
mod statements;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::SqliteConnection;

pub use self::schema::definition;
use self::statements::TableStatements;
use super::projection::TableProjection;
use super::row::Row;
use super::select::Select;
use super::{TableChange, TableStore};
use crate::sqlite::contents::Contents;
use crate::sqlite::store::{EmbeddedStore, live_file};
use crate::store::{DigestScope, StoreError};

/// The tables of one projection in SQLite files.
pub type EmbeddedTables = EmbeddedStore<TableContents>;

/// The tables of one projection.
#[derive(Debug, Clone)]
pub struct TableContents {
    projection: &'static TableProjection,
    statements: Arc<[TableStatements]>,
}

impl EmbeddedStore<TableContents> {
    /// Opens the tables at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`](crate::store::ReadModel::migrate) before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a file cannot be opened.
    pub async fn open(path: &Path, projection: &'static TableProjection) -> Result<Self, StoreError> {
        Self::open_with(path, TableContents::of(projection)).await
    }

    /// Tables in memory, empty, and gone with the value. Call
    /// [`ReadModel::migrate`](crate::store::ReadModel::migrate) before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory(projection: &'static TableProjection) -> Result<Self, StoreError> {
        Self::in_memory_with(TableContents::of(projection)).await
    }

    /// The file of the live generation of the tables at `path`, whether it is there or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it cannot be told.
    pub fn live_file(path: &Path) -> Result<PathBuf, StoreError> {
        live_file(path)
    }
}

impl TableContents {
    fn of(projection: &'static TableProjection) -> Self {
        let statements = projection.sources.iter().map(|source| TableStatements::of(source.table)).collect();
        Self { projection, statements }
    }
}

impl Contents for TableContents {
    type Change = TableChange;

    fn projection(&self) -> &'static str {
        self.projection.name
    }

    async fn migrate(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        schema::migrate(connection, self.projection).await
    }

    async fn missing_schema(&self, connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
        schema::missing(connection, self.projection).await
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        partition: Partition,
        changes: Vec<(TenantId, TableChange)>,
    ) -> Result<(), StoreError> {
        apply::apply(connection, self.projection, &self.statements, partition, changes).await
    }

    async fn clear(&self, connection: &mut SqliteConnection, partition: Partition) -> Result<(), StoreError> {
        schema::clear(connection, self.projection, partition).await
    }

    async fn digest(
        &self,
        connection: &mut SqliteConnection,
        scope: DigestScope,
    ) -> Result<String, StoreError> {
        read::digest(connection, self.projection, scope).await
    }

    async fn counts(
        &self,
        connection: &mut SqliteConnection,
        scope: DigestScope,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        read::counts(connection, self.projection, scope).await
    }

    async fn remove_tenant(
        &self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        schema::remove_tenant(connection, self.projection, tenant).await
    }

    async fn copy_tenant(
        &self,
        connection: &mut SqliteConnection,
        from: &'static str,
        to: &'static str,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        schema::copy_tenant(connection, self.projection, (from, to), tenant).await
    }
}

#[async_trait]
impl TableStore for EmbeddedStore<TableContents> {
    async fn rows(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        read::rows(&self.readers().await?, select).await
    }
}
