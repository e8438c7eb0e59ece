//! Loading nodes and edges in few calls, however many there are.

use std::collections::{HashMap, HashSet};
use std::panic;

use foodflow_domain::{TenantId, Unit};
use tokio::task;
use uuid::Uuid;

use crate::changes::{Edge, EdgeType, Label, Value};
use crate::graph::{EdgeDirection, GraphStore, Node, StoreError};

/// Most ids that one call to a store names.
const IDS_PER_CALL_MAX: usize = 20_000;

/// The graph of one tenant in one store.
#[derive(Clone, Copy)]
pub(super) struct Graph<'a> {
    pub(super) store: &'a dyn GraphStore,
    pub(super) tenant: TenantId,
}

impl Graph<'_> {
    /// The nodes of these ids that exist, by id.
    pub(super) async fn nodes(&self, label: Label, ids: &[Uuid]) -> Result<HashMap<Uuid, Node>, StoreError> {
        let mut nodes = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(IDS_PER_CALL_MAX) {
            let found = self.store.nodes(self.tenant, label, ids).await?;
            nodes.extend(found.into_iter().map(|node| (node.key.id, node)));
        }
        Ok(nodes)
    }

    /// Every edge (retired too) of these types that starts at these nodes.
    pub(super) async fn edges_from(
        &self,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
    ) -> Result<Vec<Edge>, StoreError> {
        self.edges(label, ids, edge_types, EdgeDirection::Outgoing).await
    }

    /// Every edge (retired too) of these types that ends at these nodes.
    pub(super) async fn edges_to(
        &self,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
    ) -> Result<Vec<Edge>, StoreError> {
        self.edges(label, ids, edge_types, EdgeDirection::Incoming).await
    }

    async fn edges(
        &self,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        let mut edges = Vec::new();
        for ids in ids.chunks(IDS_PER_CALL_MAX) {
            edges.append(&mut self.store.edges(self.tenant, label, ids, edge_types, direction).await?);
        }
        Ok(edges)
    }
}

/// Each id once, in order of first appearance.
pub(super) fn distinct(ids: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

/// Runs what may take long on a thread where it keeps no other query waiting.
pub(super) async fn decide<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => panic::resume_unwind(error.into_panic()),
    }
}

/// A text property.
pub(super) fn text<'a>(node: Option<&'a Node>, name: &str) -> Option<&'a str> {
    match node?.properties.get(name)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The node's name as people know it: a lot whose own event is still in quarantine goes by its id, so that no
/// answer leaves it out.
pub(super) fn named(nodes: &HashMap<Uuid, Node>, id: Uuid, property: &str) -> String {
    text(nodes.get(&id), property).map_or_else(|| id.to_string(), str::to_owned)
}

/// The unit that a lot's quantities are in today.
pub(super) fn unit_of(node: Option<&Node>) -> Option<Unit> {
    text(node, "unit")?.parse().ok()
}
