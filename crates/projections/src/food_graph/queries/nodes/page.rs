//! One node or a page of nodes, with their relations.

use std::collections::HashMap;

use foodflow_domain::TenantId;
use futures::try_join;
use uuid::Uuid;

use super::super::load::{Graph, distinct};
use super::properties::Properties;
use crate::changes::{Edge, EdgeType, Label, Value};
use crate::graph::{GraphStore, ListQuery, Node, PAGE_NODES_MAX, StoreError};
pub use crate::page::{Page, PageRequest};

/// A node as it is answered.
pub(super) trait NodeView: Sized {
    /// Its label.
    const LABEL: Label;
    /// Types of edges that start at it and are shown.
    const OUTGOING: &'static [EdgeType] = &[];
    /// Types of edges that end at it and are shown.
    const INCOMING: &'static [EdgeType] = &[];

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` where a property that every such node has is missing.
    fn read(properties: Properties<'_>, relations: &Relations) -> Result<Self, StoreError>;
}

/// The edges of a page's nodes that count today.
#[derive(Debug, Default)]
pub(super) struct Relations {
    outgoing: HashMap<Uuid, Vec<Edge>>,
    incoming: HashMap<Uuid, Vec<Edge>>,
}

impl Relations {
    async fn load<V: NodeView>(graph: Graph<'_>, ids: &[Uuid]) -> Result<Self, StoreError> {
        let outgoing = async {
            if V::OUTGOING.is_empty() {
                Ok(Vec::new())
            } else {
                graph.edges_from(V::LABEL, ids, V::OUTGOING).await
            }
        };
        let incoming = async {
            if V::INCOMING.is_empty() {
                Ok(Vec::new())
            } else {
                graph.edges_to(V::LABEL, ids, V::INCOMING).await
            }
        };
        let (outgoing, incoming) = try_join!(outgoing, incoming)?;
        Ok(Self {
            outgoing: by_node(outgoing, |edge| edge.from.id),
            incoming: by_node(incoming, |edge| edge.to.id),
        })
    }

    /// The edges of this type that start at the node, in recorded order.
    pub(super) fn edges(&self, id: Uuid, edge_type: EdgeType) -> impl Iterator<Item = &Edge> {
        self.outgoing.get(&id).into_iter().flatten().filter(move |edge| edge.edge_type == edge_type)
    }

    /// Ids of the nodes that edges of this type lead to.
    pub(super) fn target_ids(&self, id: Uuid, edge_type: EdgeType) -> Vec<Uuid> {
        distinct(self.edges(id, edge_type).map(|edge| edge.to.id))
    }

    /// Ids of the nodes that edges of this type come from.
    pub(super) fn source_ids(&self, id: Uuid, edge_type: EdgeType) -> Vec<Uuid> {
        let edges = self.incoming.get(&id).into_iter().flatten();
        distinct(edges.filter(|edge| edge.edge_type == edge_type).map(|edge| edge.from.id))
    }
}

fn by_node(mut edges: Vec<Edge>, node: impl Fn(&Edge) -> Uuid) -> HashMap<Uuid, Vec<Edge>> {
    edges.sort_by_key(|edge| (edge.position, edge.line, edge.id));
    let mut by_node: HashMap<Uuid, Vec<Edge>> = HashMap::new();
    for edge in edges.into_iter().filter(|edge| edge.retired.is_none()) {
        by_node.entry(node(&edge)).or_default().push(edge);
    }
    by_node
}

/// The node with this id, where it exists.
pub(super) async fn one<V: NodeView>(
    store: &dyn GraphStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<V>, StoreError> {
    let graph = Graph { store, tenant };
    let ids = [id];
    let (nodes, relations) = try_join!(graph.nodes(V::LABEL, &ids), Relations::load::<V>(graph, &ids))?;
    nodes.get(&id).map(|node| V::read(Properties::of(store.name(), node), &relations)).transpose()
}

/// The page of nodes whose properties equal these values.
pub(super) async fn page<V: NodeView>(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: Vec<(&'static str, Value)>,
    request: PageRequest,
) -> Result<Page<V>, StoreError> {
    let limit = request.size.clamp(1, PAGE_NODES_MAX);
    let mut query = ListQuery { label: V::LABEL, filters, after: request.after, limit };
    let nodes = store.list(tenant, &query).await?;
    let ids: Vec<Uuid> = nodes.iter().map(|node| node.key.id).collect();
    // Only a full page can have one after it; a look for its first node tells.
    let last = ids.last().copied().filter(|_| ids.len() == limit);
    let is_followed = async {
        let Some(last) = last else { return Ok(false) };
        (query.after, query.limit) = (Some(last), 1);
        Ok(!store.list(tenant, &query).await?.is_empty())
    };
    let (relations, is_followed) =
        try_join!(Relations::load::<V>(Graph { store, tenant }, &ids), is_followed)?;
    let read = |node: &Node| V::read(Properties::of(store.name(), node), &relations);
    let items = nodes.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page { items, next: last.filter(|_| is_followed) })
}

/// The filters that were given, as text properties.
pub(super) fn text_filters<const N: usize>(
    given: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, Value)> {
    given.into_iter().filter_map(|(name, value)| Some((name, Value::Text(value?)))).collect()
}
