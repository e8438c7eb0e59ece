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
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::changes::{Change, Edge, EdgeType, Label, NodeKey, Value};
pub use crate::store::generations::Generations;
pub use crate::store::{Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError};

/// The changes of one batch of whole commits to the graph.
pub type Batch = crate::store::Batch<Change>;

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

/// Which edges of a node are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeDirection {
    /// Edges that start at the node.
    Outgoing,
    /// Edges that end at the node.
    Incoming,
}

/// Which way a genealogy is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
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

/// Most edges that one trace may hold in memory.
pub const TRACE_EDGES_MAX: usize = 2_000_000;

/// A store of the traceability graph.
#[async_trait]
pub trait GraphStore: Generations<Change> {
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
}
