//! Folds the changes of a batch into what a store writes: per node one map of properties, then edges, then
//! retirements.
//!
//! Stores apply nodes, then edges, then retirements in their order. That is the same as applying the changes
//! one by one: later properties win here as they would there, an edge never changes once it is written, and a
//! retirement reaches only edges of a lower position, so that it cannot hit an edge that came after it.
//! Nothing here may depend on what a store holds already.

use std::collections::{BTreeMap, HashSet};

use foodflow_domain::TenantId;
use uuid::Uuid;

use crate::changes::{Change, Edge, EdgeType, NodeKey, Properties, Retirement};

/// Which edges a retirement reaches, besides its types and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetirementTarget {
    /// Edges that this document declares.
    Document(Uuid),
    /// Edges that start here.
    From(NodeKey),
}

/// A retirement of edges: those not retired yet, of a position lower than the retirement's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRetirement {
    /// Which edges.
    pub target: RetirementTarget,
    /// Only edges of these types.
    pub edge_types: &'static [EdgeType],
    /// When and by what.
    pub retirement: Retirement,
}

/// What a batch changes, ready to be written in bulk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoldedChanges {
    /// Properties to set (`Some`) or to remove (`None`), one entry per node, in order of key.
    pub nodes: BTreeMap<(TenantId, NodeKey), Properties>,
    /// Edges in log order, each once.
    pub edges: Vec<(TenantId, Box<Edge>)>,
    /// Retirements in log order; the first that reaches an edge counts.
    pub retirements: Vec<(TenantId, EdgeRetirement)>,
}

/// Folds changes that stand in log order.
#[must_use]
pub fn fold(changes: impl IntoIterator<Item = (TenantId, Change)>) -> FoldedChanges {
    let mut folded = FoldedChanges::default();
    let mut edges_seen = HashSet::new();
    for (tenant, change) in changes {
        match change {
            Change::MergeNode { key, properties } => {
                folded.nodes.entry((tenant, key)).or_default().extend(properties);
            }
            Change::MergeEdge(edge) => {
                if edges_seen.insert((tenant, edge.id)) {
                    folded.edges.push((tenant, edge));
                }
            }
            Change::RetireDocument { document_id, edge_types, retirement } => {
                let target = RetirementTarget::Document(document_id);
                folded.retirements.push((tenant, EdgeRetirement { target, edge_types, retirement }));
            }
            Change::RetireFrom { from, edge_types, retirement } => {
                let target = RetirementTarget::From(from);
                folded.retirements.push((tenant, EdgeRetirement { target, edge_types, retirement }));
            }
        }
    }
    folded
}
