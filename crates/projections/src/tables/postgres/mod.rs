//! The tables of one projection in a PostgreSQL database.
//!
//! Table, column and index names are the documented ones, in the schema that the connection finds first. Every statement
//! is derived from the description of its table; rows travel as arrays of columns (`UNNEST`), many new rows by `COPY`.
//!
//! - [`connect`]: the connections of one projection;
//! - [`place`]: where a generation's tables are; [`slot`]: one generation;
//! - [`apply`]: a batch and its checkpoint, in one transaction;
//! - [`checkpoint`]: checkpoints, claims and holds;
//! - [`generations`]: filling one beside the live one, and switching;
//! - [`isolation`]: who reads, and the policies that show it one tenant's rows alone;
//! - [`schema`]: tables and their layout, and clearing;
//! - [`scrubbing`]: old rows, out of the server's files;
//! - [`read`]: rows, digests and counts;
//! - [`statements`], [`values`], [`copy`]: what is written and read, for one table and for one value.

mod apply;
mod checkpoint;
pub mod connect;
mod copy;
mod error;
mod generations;
mod isolation;
mod place;
mod read;
mod schema;
mod scrubbing;
mod slot;
mod statements;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_log::Partition;
use sqlx::PgPool;
use tokio::sync::OnceCell;
use uuid::Uuid;

pub use connect::PostgresConfig;

use self::error::unavailable;
use self::place::Place;
use self::slot::Slot;
use super::projection::TableProjection;
use super::row::Row;
use super::select::Select;
use super::{Batch, TableChange, TableStore};
use crate::store::{Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError, Survey};

/// The tables of one projection in a PostgreSQL database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PostgresTables {
    live: Slot,
    beside: Slot,
    readers: PgPool,
    schema: Arc<OnceCell<String>>,
}

impl PostgresTables {
    /// The tables of `projection` behind these connections. Call [`ReadModel::migrate`] before anything else.
    #[must_use]
    pub fn new(pool: PgPool, projection: &'static TableProjection) -> Self {
        let live = Slot::new(pool.clone(), projection, Place::live());
        let readers = isolation::readers(&pool);
        let beside = Slot::new(pool, projection, Place::other(projection.name));
        Self { live, beside, readers, schema: Arc::default() }
    }

    /// The connections that rows are read by: as a role that sees those of one tenant at a time, and writes nothing.
    #[must_use]
    pub const fn readers(&self) -> &PgPool {
        &self.readers
    }

    /// The schema of the live tables. A reader's search path is its own.
    async fn schema(&self) -> Result<&str, StoreError> {
        let find = || async {
            let mut connection = self.live.pool.acquire().await.map_err(unavailable)?;
            self.live.place.schema(&mut connection).await
        };
        Ok(self.schema.get_or_try_init(find).await?)
    }

    /// Names of what [`ReadModel::migrate`] would make: tables, indexes, and what keeps tenants apart; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the server does not answer.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.live.pool.acquire().await.map_err(unavailable)?;
        schema::missing(&mut connection, self.live.projection).await
    }
}

#[async_trait]
impl ReadModel for PostgresTables {
    fn name(&self) -> &'static str {
        self.live.name()
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        self.live.identity().await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.live.migrate().await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.live.checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        self.live.claim(partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        self.live.clear(partition).await
    }

    async fn scrub(&self) -> Result<Vec<String>, StoreError> {
        self.live.scrub().await
    }

    async fn left_by_scrub(&self) -> Result<Vec<String>, StoreError> {
        self.live.left_by_scrub().await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.live.digest(scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.live.counts(scope).await
    }

    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        self.live.survey(partition, scope).await
    }
}

#[async_trait]
impl Sink<TableChange> for PostgresTables {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.live.apply(batch).await
    }

    async fn rehearse(&self, batch: Batch) -> Result<(), StoreError> {
        self.live.rehearse(batch).await
    }
}

#[async_trait]
impl TableStore for PostgresTables {
    async fn rows(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        read::rows(&self.readers, self.schema().await?, select).await
    }
}
