//! The traceability graph in SQLite (`schemas/embedded/food_graph.sql`), each generation in a file of its own.
//!
//! Files, checkpoints and generations are those of every embedded store ([`crate::sqlite`]).
//!
//! - [`apply`]: the changes of a batch;
//! - [`read`], [`list`]: what queries ask for;
//! - [`digest`]: digests and counts;
//! - [`maintain`]: the tables and their version, clearing;
//! - [`tenant`]: the rows of one tenant, for a switch of it alone;
//! - [`properties`], [`edge_row`]: how values and rows are written and read.

mod apply;
mod digest;
mod edge_row;
mod list;
mod maintain;
mod properties;
mod read;
mod tenant;
mod tenant_statement;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::{DigestScope, EdgeDirection, GraphStore, ListQuery, Node, StoreError, TraceDirection};
use crate::changes::{Change, Edge, EdgeType, Label};
use crate::sqlite::contents::Contents;
use crate::sqlite::store::{EmbeddedStore, live_file};

/// The graph in SQLite files.
pub type EmbeddedGraph = EmbeddedStore<GraphContents>;

/// Nodes and edges.
#[derive(Debug, Clone, Copy)]
pub struct GraphContents;

impl EmbeddedStore<GraphContents> {
    /// Opens the graph at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`](crate::store::ReadModel::migrate) before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a file cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, GraphContents).await
    }

    /// A graph in memory, empty, and gone with the value. Call [`ReadModel::migrate`](crate::store::ReadModel::migrate)
    /// before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::in_memory_with(GraphContents).await
    }

    /// The file of the live generation of the graph at `path`, whether it is there or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it cannot be told.
    pub fn live_file(path: &Path) -> Result<PathBuf, StoreError> {
        live_file(path)
    }
}

impl Contents for GraphContents {
    type Change = Change;

    fn projection(&self) -> &'static str {
        "food_graph"
    }

    async fn migrate(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        maintain::migrate(connection).await
    }

    async fn missing_schema(&self, connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
        maintain::missing_schema(connection).await
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        partition: Partition,
        changes: Vec<(TenantId, Change)>,
    ) -> Result<(), StoreError> {
        apply::apply(connection, partition, changes).await
    }

    async fn clear(&self, connection: &mut SqliteConnection, partition: Partition) -> Result<(), StoreError> {
        maintain::clear(connection, partition).await
    }

    async fn digest(
        &self,
        connection: &mut SqliteConnection,
        scope: DigestScope,
    ) -> Result<String, StoreError> {
        digest::digest(connection, scope).await
    }

    async fn counts(
        &self,
        connection: &mut SqliteConnection,
        scope: DigestScope,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        digest::counts(connection, scope).await
    }

    async fn remove_tenant(
        &self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        tenant::remove(connection, tenant).await
    }

    async fn copy_tenant(
        &self,
        connection: &mut SqliteConnection,
        from: &'static str,
        to: &'static str,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        tenant::copy(connection, from, to, tenant).await
    }
}

#[async_trait]
impl GraphStore for EmbeddedGraph {
    async fn nodes(&self, tenant: TenantId, label: Label, ids: &[Uuid]) -> Result<Vec<Node>, StoreError> {
        read::nodes(&self.readers().await?, tenant, label, ids).await
    }

    async fn list(&self, tenant: TenantId, query: &ListQuery) -> Result<Vec<Node>, StoreError> {
        list::list(&self.readers().await?, tenant, query).await
    }

    async fn edges(
        &self,
        tenant: TenantId,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::edges(&self.readers().await?, tenant, label, ids, edge_types, direction).await
    }

    async fn genealogy(
        &self,
        tenant: TenantId,
        start: Uuid,
        direction: TraceDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::genealogy(&self.readers().await?, tenant, start, direction).await
    }
}
