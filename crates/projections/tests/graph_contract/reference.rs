//! What applying changes means, one by one and in memory: the measure for every store and every batching.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use foodflow_log::Position;
use foodflow_projections::changes::{Change, Edge, EdgeType, NodeKey, Retirement, Value};
use foodflow_projections::graph::Node;
use foodflow_projections::graph::canonical::GraphDigest;
use uuid::Uuid;

/// A graph of one tenant.
#[derive(Default)]
pub(crate) struct Reference {
    nodes: BTreeMap<NodeKey, BTreeMap<String, Value>>,
    edges: BTreeMap<Uuid, Edge>,
}

impl Reference {
    /// The graph after `changes`.
    pub(crate) fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut graph = Self::default();
        changes.into_iter().for_each(|change| graph.apply(change));
        graph
    }

    /// The digest of the graph as `tenant`'s.
    pub(crate) fn digest(&self, tenant: TenantId) -> String {
        let mut digest = GraphDigest::default();
        for (key, properties) in &self.nodes {
            digest.add_node(tenant, &Node { key: *key, properties: properties.clone() });
        }
        self.edges.values().for_each(|edge| digest.add_edge(tenant, edge));
        digest.finish()
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::MergeNode { key, properties } => {
                let node = self.nodes.entry(*key).or_default();
                for (name, value) in properties {
                    match value {
                        Some(value) => node.insert((*name).to_owned(), value.clone()),
                        None => node.remove(*name),
                    };
                }
            }
            Change::MergeEdge(edge) => {
                self.edges.entry(edge.id).or_insert_with(|| (**edge).clone());
            }
            Change::RetireDocument { document_id, edge_types, retirement } => {
                self.retire(edge_types, retirement, |edge| edge.document_id == Some(*document_id));
            }
            Change::RetireFrom { from, edge_types, retirement } => {
                self.retire(edge_types, retirement, |edge| edge.from == *from);
            }
        }
    }

    fn retire(&mut self, types: &[EdgeType], retirement: &Retirement, reached: impl Fn(&Edge) -> bool) {
        let before = |position: Position| position < retirement.position;
        for edge in self.edges.values_mut() {
            if types.contains(&edge.edge_type)
                && before(edge.position)
                && edge.retired.is_none()
                && reached(edge)
            {
                edge.retired = Some(retirement.clone());
            }
        }
    }
}
