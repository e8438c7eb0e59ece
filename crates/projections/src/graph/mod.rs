//! The property graph of traceability: its port, and the two stores behind it.
//!
//! Stores answer with every edge, retired ones too; what counts at an event time and as known at a position is
//! decided once, in [`crate::food_graph`], for both. Every statement names the tenant.
//!
//! - [`fold`]: the changes of a batch, ready to be written in bulk;
//! - [`canonical`]: the digest that both stores answer alike;
//! - [`embedded`]: the store in one SQLite file;
//! - [`neo4j`]: the store in a Neo4j server.

pub mod canonical;
pub mod embedded;
pub mod fold;
pub mod neo4j;

use std::collections::BTreeMap;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use jiff::Timestamp;
use uuid::Uuid;

use crate::changes::{Change, Edge, EdgeType, Label, NodeKey, Value};

/// Most nodes that a page of [`GraphStore::list`] holds.
pub const PAGE_NODES_MAX: usize = 500;

/// A node as the store holds it; property names as documented.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Label and id.
    pub key: NodeKey,
    /// Its properties.
    pub properties: BTreeMap<String, Value>,
}

/// Up to where a projection has applied a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Last applied position; 0 before all.
    pub position: Position,
    /// Recorded time of that position, where there is one.
    pub recorded_at: Option<Timestamp>,
}

/// The changes of one batch of whole commits.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The partition that was read.
    pub partition: Partition,
    /// Changes in log order, each with its tenant.
    pub changes: Vec<(TenantId, Change)>,
    /// Where the projection stands once they are applied.
    pub checkpoint: Checkpoint,
}

/// Which edges of a node are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeDirection {
    /// Edges that start at the node.
    Outgoing,
    /// Edges that end at the node.
    Incoming,
}

/// Which way a genealogy is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceDirection {
    /// From an input to what was made of it.
    Forward,
    /// From an output to what it was made of.
    Backward,
}

/// A page of nodes of one label.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// The label.
    pub label: Label,
    /// Equality filters on properties; names come from code, never from a client.
    pub filters: Vec<(&'static str, Value)>,
    /// Nodes with an id greater than this, in order of id (UUID text).
    pub after: Option<Uuid>,
    /// 1 to [`PAGE_NODES_MAX`].
    pub limit: usize,
}

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached or refused.
    #[error("the {store} read model is unavailable: {reason}")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// What is stored is not what this program writes.
    #[error(
        "the {store} read model holds something unexpected: {reason}; rebuild it with `foodflow rebuild`"
    )]
    Corrupt {
        /// Which store.
        store: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A trace reaches more lots than it may hold.
    #[error("the trace reaches more than {max} lots")]
    TooLarge {
        /// The bound.
        max: usize,
    },
}

/// Most edges that one trace may hold in memory.
pub const TRACE_EDGES_MAX: usize = 2_000_000;

/// A store of the traceability graph.
#[async_trait]
pub trait GraphStore: Send + Sync + 'static {
    /// `embedded` or `neo4j`.
    fn name(&self) -> &'static str;

    /// Creates or updates schema objects (constraints, indexes, tables); safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn migrate(&self) -> Result<(), StoreError>;

    /// Where the projection stands in `partition`.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError>;

    /// Applies the batch and its checkpoint in one transaction. A batch whose checkpoint is not beyond the
    /// stored one is passed over: it was applied before.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was applied.
    async fn apply(&self, batch: Batch) -> Result<(), StoreError>;

    /// Removes everything of `partition`'s tenants and its checkpoint, ahead of a rebuild.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn clear(&self, partition: Partition) -> Result<(), StoreError>;

    /// The nodes of these ids that exist, in no order.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn nodes(&self, tenant: TenantId, label: Label, ids: &[Uuid]) -> Result<Vec<Node>, StoreError>;

    /// A page of nodes in order of id.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn list(&self, tenant: TenantId, query: &ListQuery) -> Result<Vec<Node>, StoreError>;

    /// Every edge (retired too) of these types at these nodes, in order of position, then line, then id.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn edges(
        &self,
        tenant: TenantId,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError>;

    /// The genealogy around `start`: every `USES_INGREDIENT` edge (retired too) whose output lot is `start` or
    /// reached from it in `direction` over such edges; each lot is visited once. In order of position, line, id.
    ///
    /// Forward this includes the other inputs of reached lots, which shares need.
    ///
    /// # Errors
    /// [`StoreError`]; `TooLarge` beyond [`TRACE_EDGES_MAX`] edges.
    async fn genealogy(
        &self,
        tenant: TenantId,
        start: Uuid,
        direction: TraceDirection,
    ) -> Result<Vec<Edge>, StoreError>;

    /// Digest of the tenant's nodes and edges, or of all tenants' in `partition`: order-independent, the same in
    /// every store that holds the same.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError>;
}

/// What a digest covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestScope {
    /// One tenant.
    Tenant(TenantId),
    /// Every tenant of a partition.
    Partition(Partition),
}
