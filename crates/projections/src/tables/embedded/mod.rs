//! The tables of one projection in one SQLite file.
//!
//! Tables and columns have the documented names; ids are the 16 bytes of a UUID, instants microseconds since 1970,
//! decimals, dates and JSON text. How the file is opened, and its checkpoints, are in [`crate::sqlite`].
//!
//! - [`apply`]: a batch and its checkpoint, in one transaction;
//! - [`schema`]: the tables, derived from their description, and clearing;
//! - [`read`]: rows, and digests;
//! - [`statements`], [`values`]: what is written and read, for one table and for one value.

mod apply;
mod read;
mod schema;
mod statements;
mod values;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_log::Partition;
use uuid::Uuid;

pub use self::schema::definition;
use self::statements::TableStatements;
use super::projection::TableProjection;
use super::row::Row;
use super::select::Select;
use super::{Batch, TableChange, TableStore};
use crate::sqlite::error::{STORE, unavailable};
use crate::sqlite::{Connections, checkpoint, identity};
use crate::store::{Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError};

/// The tables of one projection in one SQLite file.
#[derive(Debug, Clone)]
pub struct EmbeddedTables {
    file: Connections,
    projection: &'static TableProjection,
    statements: Arc<[TableStatements]>,
}

impl EmbeddedTables {
    /// Opens the file at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be opened.
    pub async fn open(path: &Path, projection: &'static TableProjection) -> Result<Self, StoreError> {
        Ok(Self::of(Connections::open(path).await?, projection))
    }

    /// Tables in memory, empty, and gone with the value. Call [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory(projection: &'static TableProjection) -> Result<Self, StoreError> {
        Ok(Self::of(Connections::in_memory().await?, projection))
    }

    fn of(file: Connections, projection: &'static TableProjection) -> Self {
        let statements = projection.sources.iter().map(|source| TableStatements::of(source.table)).collect();
        Self { file, projection, statements }
    }

    /// Names of tables and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be read.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.file.readers.acquire().await.map_err(unavailable)?;
        schema::missing(&mut connection, self.projection).await
    }

    /// Finishes what runs and closes the file; later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.file.close().await;
    }
}

#[async_trait]
impl ReadModel for EmbeddedTables {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        identity::identity(&self.file.readers).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(&self.file.writer, self.projection).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        let mut connection = self.file.readers.acquire().await.map_err(unavailable)?;
        Ok(checkpoint::stored_claim(&mut connection, self.projection.name, partition).await?.checkpoint)
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        checkpoint::claim(&self.file.writer, self.projection.name, partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        schema::clear(&self.file.writer, self.projection, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        read::digest(&self.file.readers, self.projection, scope).await
    }
}

#[async_trait]
impl Sink<TableChange> for EmbeddedTables {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        apply::apply(&self.file.writer, self.projection, &self.statements, batch).await
    }
}

#[async_trait]
impl TableStore for EmbeddedTables {
    async fn rows(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        read::rows(&self.file.readers, select).await
    }
}
