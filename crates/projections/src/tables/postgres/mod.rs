//! The tables of one projection in a PostgreSQL database.
//!
//! Table, column and index names are the documented ones, in the schema that the connection finds first. Every statement
//! is derived from the description of its table; rows travel as arrays of columns (`UNNEST`), many new rows by `COPY`.
//!
//! - [`connect`]: the connections, shared by all projections of a process;
//! - [`apply`]: a batch and its checkpoint, in one transaction;
//! - [`checkpoint`]: checkpoints and claims;
//! - [`schema`]: tables and their layout, and clearing;
//! - [`read`]: rows, and digests;
//! - [`statements`], [`values`], [`copy`]: what is written and read, for one table and for one value.

mod apply;
mod checkpoint;
pub mod connect;
mod copy;
mod error;
mod read;
mod schema;
mod statements;
mod values;

use std::sync::Arc;

use async_trait::async_trait;
use foodflow_log::Partition;
use sqlx::PgPool;
use uuid::Uuid;

pub use connect::PostgresConfig;

use self::error::{STORE, unavailable};
use self::statements::TableStatements;
use super::projection::TableProjection;
use super::row::Row;
use super::select::Select;
use super::{Batch, TableChange, TableStore};
use crate::store::{Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError};

/// The tables of one projection in a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct PostgresTables {
    pool: PgPool,
    projection: &'static TableProjection,
    statements: Arc<[TableStatements]>,
}

impl PostgresTables {
    /// The tables of `projection` behind these connections. Call [`ReadModel::migrate`] before anything else.
    #[must_use]
    pub fn new(pool: PgPool, projection: &'static TableProjection) -> Self {
        let statements = projection.sources.iter().map(|source| TableStatements::of(source.table)).collect();
        Self { pool, projection, statements }
    }

    /// Names of tables and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the server does not answer.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(unavailable)?;
        schema::missing(&mut connection, self.projection).await
    }
}

#[async_trait]
impl ReadModel for PostgresTables {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        schema::identity(&self.pool).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(&self.pool, self.projection).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(unavailable)?;
        Ok(checkpoint::stored(&mut connection, self.projection.name, partition).await?.checkpoint)
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        checkpoint::claim(&self.pool, self.projection.name, partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        schema::clear(&self.pool, self.projection, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        read::digest(&self.pool, self.projection, scope).await
    }
}

#[async_trait]
impl Sink<TableChange> for PostgresTables {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        apply::apply(&self.pool, self.projection, &self.statements, batch).await
    }
}

#[async_trait]
impl TableStore for PostgresTables {
    async fn rows(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        read::rows(&self.pool, select).await
    }
}
