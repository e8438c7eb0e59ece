//! The traceability graph in one SQLite file (`schemas/embedded/food_graph.sql`).
//!
//! How the file is opened, and its checkpoints, are in [`crate::sqlite`]. Nothing here may be known to this file alone.
//!
//! - [`apply`]: a batch and its checkpoint, in one transaction;
//! - [`read`], [`list`]: what queries ask for;
//! - [`maintain`]: the tables and their version, clearing, digests;
//! - [`properties`], [`edge_row`]: how values and rows are written and read.

mod apply;
mod edge_row;
mod list;
mod maintain;
mod properties;
mod read;

use std::path::Path;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use uuid::Uuid;

use super::{
    Batch, Checkpoint, Claim, DigestScope, EdgeDirection, GraphStore, ListQuery, Node, ReadModel, Sink,
    StoreError, TraceDirection,
};
use crate::changes::{Change, Edge, EdgeType, Label};
use crate::sqlite::error::{STORE, unavailable};
use crate::sqlite::{Connections, checkpoint, identity};

/// The projection that the file holds.
const PROJECTION: &str = "food_graph";

/// The graph in one SQLite file.
#[derive(Debug, Clone)]
pub struct EmbeddedGraph {
    file: Connections,
}

impl EmbeddedGraph {
    /// Opens the file at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: Connections::open(path).await? })
    }

    /// A graph in memory, empty, and gone with the value. Call [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Ok(Self { file: Connections::in_memory().await? })
    }

    /// Names of tables and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be read.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.file.readers.acquire().await.map_err(unavailable)?;
        maintain::missing_schema(&mut connection).await
    }

    /// Finishes what runs and closes the file; later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.file.close().await;
    }
}

#[async_trait]
impl ReadModel for EmbeddedGraph {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        identity::identity(&self.file.readers).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        maintain::migrate(&self.file.writer).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        let mut connection = self.file.readers.acquire().await.map_err(unavailable)?;
        Ok(checkpoint::stored_claim(&mut connection, PROJECTION, partition).await?.checkpoint)
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        checkpoint::claim(&self.file.writer, PROJECTION, partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        maintain::clear(&self.file.writer, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        maintain::digest(&self.file.readers, scope).await
    }
}

#[async_trait]
impl Sink<Change> for EmbeddedGraph {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        apply::apply(&self.file.writer, batch).await
    }
}

#[async_trait]
impl GraphStore for EmbeddedGraph {
    async fn nodes(&self, tenant: TenantId, label: Label, ids: &[Uuid]) -> Result<Vec<Node>, StoreError> {
        read::nodes(&self.file.readers, tenant, label, ids).await
    }

    async fn list(&self, tenant: TenantId, query: &ListQuery) -> Result<Vec<Node>, StoreError> {
        list::list(&self.file.readers, tenant, query).await
    }

    async fn edges(
        &self,
        tenant: TenantId,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::edges(&self.file.readers, tenant, label, ids, edge_types, direction).await
    }

    async fn genealogy(
        &self,
        tenant: TenantId,
        start: Uuid,
        direction: TraceDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::genealogy(&self.file.readers, tenant, start, direction).await
    }
}
