//! What a recall of a lot may touch, loaded once: every lot that was ever reached, and all that decides about it.
//!
//! The scope holds retired edges too, so that it answers for every point in recorded time.

use std::collections::{HashMap, HashSet};

use futures::try_join;
use uuid::Uuid;

use super::load::{Graph, distinct, named};
use super::lot_graph::LotGraph;
use super::view::Known;
use crate::changes::{Edge, EdgeType, Label};
use crate::graph::{Node, StoreError, TraceDirection};

/// Edges of lots that say what may be sold and where it went.
pub(super) const SALE_EDGES: &[EdgeType] = &[EdgeType::ShippedTo, EdgeType::OfSku, EdgeType::OfProduct];
/// Edges that say since when a lot is known.
pub(super) const ORIGIN_EDGES: &[EdgeType] = &[EdgeType::ProducedAt, EdgeType::ReceivedAt];

/// True where a lot with these edges was known then: its origin had been recorded, retired since or not.
pub(super) fn is_known(edges: &[Edge], known: Known) -> bool {
    known == Known::Now || edges.iter().any(|edge| is_origin(edge) && known.has_recorded(edge))
}

pub(super) fn is_origin(edge: &Edge) -> bool {
    ORIGIN_EDGES.contains(&edge.edge_type)
}

/// All that the scope of a recall is decided from.
pub(super) struct Scope {
    /// The lot that the scope is of.
    pub(super) start: Uuid,
    /// `USES_INGREDIENT` edges among the lots, in order of position, line, id.
    pub(super) uses: Vec<Edge>,
    /// Edges that start at the lots, of the types that were asked for.
    pub(super) edges: Vec<Edge>,
    /// `HAS_SKU` edges of the lots' products.
    pub(super) skus: Vec<Edge>,
    /// The lots.
    pub(super) lots: HashMap<Uuid, Node>,
}

impl Scope {
    /// Loads the scope with these types of the lots' own edges; `None` where the lot does not exist.
    pub(super) async fn load(
        graph: Graph<'_>,
        start: Uuid,
        edge_types: &[EdgeType],
    ) -> Result<Option<Self>, StoreError> {
        let own = [start];
        let (own, genealogy) = try_join!(
            graph.nodes(Label::Batch, &own),
            graph.store.genealogy(graph.tenant, start, TraceDirection::Forward),
        )?;
        if own.is_empty() {
            return Ok(None);
        }
        let (uses, ids) = among_reached(genealogy, start);
        let (lots, edges) =
            try_join!(graph.nodes(Label::Batch, &ids), graph.edges_from(Label::Batch, &ids, edge_types))?;
        let products = edges.iter().filter(|edge| edge.edge_type == EdgeType::OfProduct);
        let products = distinct(products.map(|edge| edge.to.id));
        let skus = graph.edges_from(Label::Product, &products, &[EdgeType::HasSku]).await?;
        Ok(Some(Self { start, uses, edges, skus, lots }))
    }

    /// The lot's number today.
    pub(super) fn batch_number(&self, lot: Uuid) -> String {
        named(&self.lots, lot, "batch_number")
    }

    /// True where the traced lot itself was known then.
    pub(super) fn is_known(&self, known: Known) -> bool {
        known == Known::Now
            || self
                .edges
                .iter()
                .any(|edge| edge.from.id == self.start && is_origin(edge) && known.has_recorded(edge))
    }

    /// The lots that could be sold, as known then: their product has a SKU, they were packed as one, or some of
    /// them was shipped.
    pub(super) fn saleable(&self, known: Known) -> HashSet<Uuid> {
        let with_sku: HashSet<Uuid> =
            self.skus.iter().filter(|edge| known.counts(edge)).map(|edge| edge.from.id).collect();
        let makes_saleable = |edge: &&Edge| match edge.edge_type {
            EdgeType::ShippedTo | EdgeType::OfSku => known.counts(edge),
            EdgeType::OfProduct => with_sku.contains(&edge.to.id) && known.counts(edge),
            _ => false,
        };
        self.edges.iter().filter(makes_saleable).map(|edge| edge.from.id).collect()
    }
}

/// Keeps the edges among `start` and what any edge, retired or not, leads to from it; and those lots' ids.
fn among_reached(genealogy: Vec<Edge>, start: Uuid) -> (Vec<Edge>, Vec<Uuid>) {
    let graph = LotGraph::new(start, &genealogy);
    let depths = graph.depths(TraceDirection::Forward);
    let is_reached = |id: Uuid| graph.number(id).is_some_and(|lot| depths[lot].is_some());
    let ids = (0..graph.lot_count()).filter(|&lot| depths[lot].is_some()).map(|lot| graph.id(lot)).collect();
    let mut uses: Vec<Edge> =
        genealogy.into_iter().filter(|edge| is_reached(edge.from.id) && is_reached(edge.to.id)).collect();
    uses.sort_by_key(|edge| (edge.position, edge.line, edge.id));
    (uses, ids)
}
