//! What was made of a lot (forward), and what it was made of (backward), with exact shares.

use std::collections::{BTreeMap, HashMap};

use foodflow_domain::{Quantity, TenantId};
use foodflow_log::Position;
use futures::try_join;
use jiff::Timestamp;
use num_bigint::BigUint;
use num_traits::One as _;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::amounts::{Amounts, preferably_in};
use super::fraction::{Fraction, Sum};
use super::load::{Graph, decide, distinct, named, unit_of};
use super::lot_graph::LotGraph;
use super::scope::{ORIGIN_EDGES, is_known};
use super::shares::shares;
use super::suppliers::{TracedSupplier, supply_chain};
use super::view::View;
use crate::changes::{Edge, EdgeType, Label};
use crate::graph::{GraphStore, Node, StoreError, TraceDirection};
use crate::schema;

/// The answer to a trace.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Trace {
    /// The traced lot.
    pub batch_id: Uuid,
    /// Which way.
    pub direction: TraceDirection,
    /// The position that the answer reflects; 0 until the caller fills it in.
    #[schema(value_type = u64)]
    pub position: Position,
    /// The reached lots, without the traced one; in order of depth, number, id.
    pub batches: Vec<TracedBatch>,
    /// What went into what among the traced and the reached lots; in order of position, line.
    pub edges: Vec<TracedEdge>,
    /// Where the traced and the reached lots were shipped; in order of name.
    pub locations: Vec<TracedLocation>,
    /// Who supplied the traced lot and, backward, the raw lots; in order of tier, name.
    pub suppliers: Vec<TracedSupplier>,
}

/// A reached lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TracedBatch {
    /// The lot.
    pub batch_id: Uuid,
    /// Its number today.
    pub batch_number: String,
    /// Its shortest distance from the traced lot, in transformations.
    pub depth: u32,
    /// Forward the part of it that came from the traced lot, backward the part of the traced lot that came from
    /// it; null where it cannot be told.
    #[schema(value_type = Option<schema::Fraction>, required = true)]
    pub share: Option<Fraction>,
    /// Backward, for a raw lot of an ingredient: its part of all raw lots of that ingredient. Left out where
    /// there is none, null where it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Fraction>)]
    pub share_of_ingredient: Option<Option<Fraction>>,
}

/// One input line of one output lot, in the direction of flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TracedEdge {
    /// The input lot.
    pub from_batch_id: Uuid,
    /// The output lot.
    pub to_batch_id: Uuid,
    /// What the input line declares; the lines of one input into several outputs count once.
    #[schema(value_type = Option<schema::Quantity>, required = true)]
    pub quantity: Option<Quantity>,
    /// Event time (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Recorded position.
    #[schema(value_type = u64)]
    pub position: Position,
    /// The event that says so.
    pub event_id: Uuid,
}

/// Where some of the lots were shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TracedLocation {
    /// The consignee.
    pub location_id: Uuid,
    /// Its name today.
    pub name: String,
    /// What was shipped there, one sum per unit.
    #[schema(value_type = Vec<schema::Quantity>)]
    pub quantities: Amounts,
}

/// A lot as the pure part of the trace finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachedLot {
    /// The lot.
    pub id: Uuid,
    /// Its shortest distance from the traced lot.
    pub depth: u32,
    /// Its share, where it can be told.
    pub share: Option<Fraction>,
    /// True where nothing went into it, in the view.
    pub is_raw: bool,
}

/// The reached lots (the traced one is the first, at depth 0) and the edges among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// The traced lot, then the others.
    pub lots: Vec<ReachedLot>,
    /// What went into what among them, in order of position, line, id.
    pub edges: Vec<TracedEdge>,
}

/// Finds what is reached from `start` over those `USES_INGREDIENT` edges that count in the view.
///
/// `edges` are those that [`GraphStore::genealogy`] answers for the direction.
#[must_use]
pub fn reach(edges: &[Edge], start: Uuid, direction: TraceDirection, view: View) -> Reached {
    let mut counted: Vec<&Edge> = edges.iter().filter(|edge| view.counts(edge)).collect();
    counted.sort_by_key(|edge| (edge.position, edge.line, edge.id));
    let graph = LotGraph::new(start, counted.iter().copied());
    let depths = graph.depths(direction);
    let mut shares = shares(&graph, direction, &depths);
    let reached = depths.iter().enumerate().filter_map(|(lot, depth)| Some((lot, (*depth)?)));
    let lots = reached.map(|(lot, depth)| ReachedLot {
        id: graph.id(lot),
        depth,
        share: shares[lot].take(),
        is_raw: graph.uses_into(lot).is_empty(),
    });
    let lots = lots.collect();
    let among = graph.uses().iter().zip(&counted);
    let among = among.filter(|(line, _)| depths[line.input].is_some() && depths[line.output].is_some());
    let edges = among.map(|(_, edge)| TracedEdge {
        from_batch_id: edge.to.id,
        to_batch_id: edge.from.id,
        quantity: edge.quantity,
        occurred_at: edge.occurred_at,
        position: edge.position,
        event_id: edge.event_id,
    });
    Reached { lots, edges: edges.collect() }
}

/// Backward: each raw lot's part of all raw lots of its ingredient, by lot. `None` where it cannot be told.
#[must_use]
pub fn shares_of_ingredients(
    lots: &[ReachedLot],
    ingredients: &HashMap<Uuid, Uuid>,
) -> HashMap<Uuid, Option<Fraction>> {
    let raw = || {
        let raw = lots.iter().filter(|lot| lot.depth > 0 && lot.is_raw);
        raw.filter_map(|lot| Some((lot, *ingredients.get(&lot.id)?)))
    };
    let once = BigUint::one();
    let mut sums: HashMap<Uuid, Option<Sum>> = HashMap::new();
    for (lot, ingredient) in raw() {
        let sum = sums.entry(ingredient).or_insert_with(|| Some(Sum::nothing()));
        match &lot.share {
            Some(share) => sum.iter_mut().for_each(|sum| sum.add(share, &once)),
            None => *sum = None,
        }
    }
    let totals: HashMap<Uuid, Fraction> =
        sums.into_iter().filter_map(|(ingredient, sum)| Some((ingredient, sum?.finish()?))).collect();
    raw()
        .map(|(lot, ingredient)| {
            (lot.id, lot.share.as_ref().and_then(|share| share.divided_by(totals.get(&ingredient)?)))
        })
        .collect()
}

/// Traces the lot; `None` where it does not exist or was not known then.
///
/// # Errors
/// [`StoreError`] where the store does not answer, or the trace is beyond its bounds.
pub async fn trace(
    store: &dyn GraphStore,
    tenant: TenantId,
    batch_id: Uuid,
    direction: TraceDirection,
    view: View,
) -> Result<Option<Trace>, StoreError> {
    let graph = Graph { store, tenant };
    let own = [batch_id];
    let (node, origins, genealogy) = try_join!(
        graph.nodes(Label::Batch, &own),
        graph.edges_from(Label::Batch, &own, ORIGIN_EDGES),
        store.genealogy(tenant, batch_id, direction),
    )?;
    if node.is_empty() || !is_known(&origins, view.known) {
        return Ok(None);
    }
    let Reached { lots, edges } = decide(move || reach(&genealogy, batch_id, direction, view)).await;
    let ids: Vec<Uuid> = lots.iter().map(|lot| lot.id).collect();
    let raw_lots = lots.iter().filter(|lot| lot.is_raw && direction == TraceDirection::Backward);
    let supplied = distinct(raw_lots.map(|lot| lot.id).chain([batch_id]));
    let (nodes, shipments, sources) = try_join!(
        graph.nodes(Label::Batch, &ids),
        graph.edges_from(Label::Batch, &ids, &[EdgeType::ShippedTo]),
        graph.edges_from(Label::Batch, &supplied, &[EdgeType::SuppliedBy, EdgeType::OfIngredient]),
    )?;
    let direct = sources.iter().filter(|edge| edge.edge_type == EdgeType::SuppliedBy && view.counts(edge));
    let (suppliers, locations) = try_join!(
        supply_chain(graph, direct.map(|edge| edge.to.id), view.known),
        shipped_to(graph, &shipments, &nodes, view),
    )?;
    let of_ingredient = sources
        .iter()
        .filter(|edge| edge.edge_type == EdgeType::OfIngredient && view.known.counts(edge))
        .map(|edge| (edge.from.id, edge.to.id))
        .collect();
    let batches = decide(move || describe(lots, &nodes, &of_ingredient, direction)).await;
    Ok(Some(Trace { batch_id, direction, position: Position(0), batches, edges, locations, suppliers }))
}

fn describe(
    lots: Vec<ReachedLot>,
    nodes: &HashMap<Uuid, Node>,
    of_ingredient: &HashMap<Uuid, Uuid>,
    direction: TraceDirection,
) -> Vec<TracedBatch> {
    let mut of_ingredients = match direction {
        TraceDirection::Forward => HashMap::new(),
        TraceDirection::Backward => shares_of_ingredients(&lots, of_ingredient),
    };
    let mut batches: Vec<TracedBatch> = lots
        .into_iter()
        .filter(|lot| lot.depth > 0)
        .map(|lot| TracedBatch {
            batch_id: lot.id,
            batch_number: named(nodes, lot.id, "batch_number"),
            depth: lot.depth,
            share: lot.share,
            share_of_ingredient: of_ingredients.remove(&lot.id),
        })
        .collect();
    batches.sort_by(|left, right| {
        (left.depth, &left.batch_number, left.batch_id).cmp(&(
            right.depth,
            &right.batch_number,
            right.batch_id,
        ))
    });
    batches
}

async fn shipped_to(
    graph: Graph<'_>,
    shipments: &[Edge],
    lots: &HashMap<Uuid, Node>,
    view: View,
) -> Result<Vec<TracedLocation>, StoreError> {
    let mut sums: BTreeMap<Uuid, Amounts> = BTreeMap::new();
    for edge in shipments.iter().filter(|edge| view.counts(edge)) {
        if let Some(quantity) = edge.quantity {
            let unit = unit_of(lots.get(&edge.from.id));
            sums.entry(edge.to.id).or_default().add(preferably_in(unit, quantity));
        }
    }
    let ids: Vec<Uuid> = sums.keys().copied().collect();
    let nodes = graph.nodes(Label::Location, &ids).await?;
    let mut locations: Vec<TracedLocation> = sums
        .into_iter()
        .map(|(location_id, quantities)| {
            let name = named(&nodes, location_id, "name");
            TracedLocation { location_id, name, quantities }
        })
        .collect();
    locations.sort_by(|left, right| (&left.name, left.location_id).cmp(&(&right.name, right.location_id)));
    Ok(locations)
}
