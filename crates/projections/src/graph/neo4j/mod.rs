//! The store in Neo4j 5, over Bolt, with nothing but what the Community edition has.
//!
//! Tenants share one database: every node and edge carries `tenant_id` and `partition`, and every statement names
//! the tenant or the partition. Ids are unique per label within a tenant, since trading partners may record one lot
//! under one id (ADR 6). Values travel as parameters; a statement's text may hold names from code alone. Nothing
//! here may decide what counts as of a time.
//!
//! Community has one database, so the generation beside the live one stands in it too, under labels and types of its
//! own ([`names`]). A switch exchanges what differs between the two in one transaction: everything that is the same,
//! which is most if not all, stays where it is (ADR 13).

mod apply;
mod checkpoint;
mod clear;
mod config;
mod difference;
mod digest;
mod edge_row;
mod error;
mod exchange;
mod genealogy;
mod generations;
mod names;
mod node_row;
mod read;
mod retire;
mod schema;
mod side;
mod sockets;
mod tenant_statement;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use checkpoint::Visible;
pub use config::Neo4jConfig;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use neo4rs::Graph;
use uuid::Uuid;

use self::names::Generation;
use self::side::Side;
use self::sockets::Sockets;
use self::tenant_statement::TenantReader;
use super::{
    Batch, Checkpoint, Claim, DigestScope, EdgeDirection, GraphStore, ListQuery, Node, ReadModel, Sink,
    StoreError, TraceDirection,
};
use crate::changes::{Change, Edge, EdgeType, Label};

/// The name of this store.
const STORE: &str = "neo4j";
/// Most rows that one statement carries, so that neither side holds more of a large batch at once.
const STATEMENT_ROWS_MAX: usize = 5_000;

/// The graph of traceability in Neo4j.
#[derive(Clone)]
pub struct Neo4jGraph {
    graph: Graph,
    address: String,
    sockets: Arc<Sockets>,
    visible: Arc<Visible>,
}

impl std::fmt::Debug for Neo4jGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Neo4jGraph").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Neo4jGraph {
    /// Connects, and asks the server for its version: 5 or later.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the server cannot be reached within some seconds, refuses the user or is
    /// too old.
    pub async fn connect(config: Neo4jConfig) -> Result<Self, StoreError> {
        let address = config.address();
        let graph = config.open().await?;
        let sockets = Arc::new(Sockets::to(&address));
        Ok(Self { graph, address, sockets, visible: Arc::default() })
    }

    /// Names of constraints and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] where the server does not answer.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        schema::missing(&self.graph).await
    }

    fn live(&self) -> Side {
        self.side(Generation::Live, Arc::clone(&self.visible))
    }

    fn side(&self, generation: Generation, visible: Arc<Visible>) -> Side {
        let (graph, sockets) = (self.graph.clone(), Arc::clone(&self.sockets));
        Side { graph, generation, sockets, visible }
    }

    /// The driver, for lookups, which may be large.
    fn reader(&self) -> TenantReader<'_> {
        self.sockets.send_at_once();
        TenantReader::of(&self.graph)
    }

    /// Where the graph is, e.g. `bolt://db:7687/neo4j`; without user and password.
    #[must_use]
    pub fn describe(&self) -> String {
        self.address.clone()
    }
}

#[async_trait]
impl ReadModel for Neo4jGraph {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        schema::identity(&self.graph).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.live().migrate().await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.live().checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        self.live().claim(partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        self.live().clear(partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.live().digest(scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.live().counts(scope).await
    }
}

#[async_trait]
impl Sink<Change> for Neo4jGraph {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.live().apply(batch).await
    }

    async fn rehearse(&self, batch: Batch) -> Result<(), StoreError> {
        self.live().rehearse(batch).await
    }
}

#[async_trait]
impl GraphStore for Neo4jGraph {
    async fn nodes(&self, tenant: TenantId, label: Label, ids: &[Uuid]) -> Result<Vec<Node>, StoreError> {
        read::nodes(&self.reader(), tenant, label, ids).await
    }

    async fn list(&self, tenant: TenantId, query: &ListQuery) -> Result<Vec<Node>, StoreError> {
        read::list(&self.reader(), tenant, query).await
    }

    async fn edges(
        &self,
        tenant: TenantId,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        let wanted = read::WantedEdges { label, ids, edge_types, direction };
        read::edges(&self.reader(), tenant, &wanted).await
    }

    async fn genealogy(
        &self,
        tenant: TenantId,
        start: Uuid,
        direction: TraceDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        genealogy::genealogy(&self.reader(), tenant, start, direction).await
    }
}
