//! What a recall of a lot would touch: the saleable lots that it reached, and who has them.

use std::collections::{BTreeMap, HashMap};

use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_domain::{Quantity, TenantId, Unit};
use foodflow_log::Position;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::amounts::{Amounts, total_in};
use super::load::{Graph, decide, named, unit_of};
use super::lot_graph::LotGraph;
use super::scope::Scope;
use super::stock::Stock;
use super::view::Known;
use crate::changes::{Edge, EdgeType, Label};
use crate::graph::{GraphStore, Node, StoreError, TraceDirection};
use crate::schema;

/// Most lots that the reason of an impacted lot names one by one.
const NAMED_LOTS_MAX: usize = 4;

/// What a recall would touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Impact {
    /// The position that the answer reflects; 0 until the caller fills it in.
    #[schema(value_type = u64)]
    pub position: Position,
    /// The saleable lots in scope, in order of number, id.
    pub batches: Vec<ImpactedBatch>,
    /// Who received some of them, in order of name, id.
    pub consignees: Vec<Consignee>,
    /// Sums over `batches`.
    pub totals: Totals,
}

/// How sure it is that a lot is affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Its genealogy contains the recalled lot.
    Definite,
    /// It may have been exposed, e.g. on a shared line.
    Possible,
    /// An exposure was ruled out.
    Cleared,
}

/// A saleable lot in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImpactedBatch {
    /// The lot.
    pub batch_id: Uuid,
    /// Its number today.
    pub batch_number: String,
    /// How sure it is.
    pub tier: Tier,
    /// Why, for people.
    pub reason: String,
    /// What was made, or came in of a received lot; in the lot's unit.
    #[schema(value_type = schema::Quantity)]
    pub produced: Quantity,
    /// What was shipped, corrected shipments left out; in the lot's unit.
    #[schema(value_type = schema::Quantity)]
    pub shipped: Quantity,
    /// What is left; in the lot's unit.
    #[schema(value_type = schema::Quantity)]
    pub on_hand: Quantity,
}

/// A location that received some of the lots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Consignee {
    /// The location.
    pub location_id: Uuid,
    /// Its name today.
    pub name: String,
    /// How much of each lot, in order of the lot's number, id.
    pub batches: Vec<ConsignedBatch>,
    /// Sums over `batches`.
    #[schema(value_type = Vec<schema::Quantity>)]
    pub quantities: Amounts,
}

/// How much of a lot a location received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConsignedBatch {
    /// The lot.
    pub batch_id: Uuid,
    /// How much, in the lot's unit.
    #[schema(value_type = schema::Quantity)]
    pub quantity: Quantity,
}

/// Sums, one quantity per unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Totals {
    /// What was made or came in.
    #[schema(value_type = Vec<schema::Quantity>)]
    pub produced: Amounts,
    /// What was shipped.
    #[schema(value_type = Vec<schema::Quantity>)]
    pub shipped: Amounts,
    /// What is left.
    #[schema(value_type = Vec<schema::Quantity>)]
    pub on_hand: Amounts,
}

/// What a recall of the lot would touch; `None` where it does not exist or was not known then.
///
/// # Errors
/// [`StoreError`] where the store does not answer, or the scope is beyond its bounds.
pub async fn impact(
    store: &dyn GraphStore,
    tenant: TenantId,
    batch_id: Uuid,
    known: Known,
) -> Result<Option<Impact>, StoreError> {
    let graph = Graph { store, tenant };
    let edge_types = [
        EdgeType::ShippedTo,
        EdgeType::OfSku,
        EdgeType::OfProduct,
        EdgeType::ProducedAt,
        EdgeType::ReceivedAt,
        EdgeType::AdjustedAt,
    ];
    let Some(scope) = Scope::load(graph, batch_id, &edge_types).await? else { return Ok(None) };
    if !scope.is_known(known) {
        return Ok(None);
    }
    let (batches, shipped) = decide(move || touched(&scope, known)).await;
    let locations: Vec<Uuid> = shipped.keys().copied().collect();
    let locations = graph.nodes(Label::Location, &locations).await?;
    let totals = Totals {
        produced: batches.iter().map(|batch| batch.produced).collect(),
        shipped: batches.iter().map(|batch| batch.shipped).collect(),
        on_hand: batches.iter().map(|batch| batch.on_hand).collect(),
    };
    Ok(Some(Impact { position: Position(0), batches, consignees: consignees(shipped, &locations), totals }))
}

type Consigned = BTreeMap<Uuid, Vec<ConsignedBatch>>;

/// The saleable lots in scope, and what of them was shipped where.
fn touched(scope: &Scope, known: Known) -> (Vec<ImpactedBatch>, Consigned) {
    let counted: Vec<&Edge> = scope.uses.iter().filter(|edge| known.counts(edge)).collect();
    let graph = LotGraph::new(scope.start, counted.iter().copied());
    let depths = graph.depths(TraceDirection::Forward);
    let saleable = scope.saleable(known);
    let mut edges: HashMap<Uuid, Vec<&Edge>> = HashMap::new();
    for edge in &scope.edges {
        edges.entry(edge.from.id).or_default().push(edge);
    }
    let mut lots: Vec<(String, Uuid, usize)> = (0..graph.lot_count())
        .filter(|&lot| depths[lot].is_some() && saleable.contains(&graph.id(lot)))
        .map(|lot| (scope.batch_number(graph.id(lot)), graph.id(lot), lot))
        .collect();
    lots.sort();
    let mut batches = Vec::with_capacity(lots.len());
    let mut consigned = Consigned::new();
    for (batch_number, batch_id, lot) in lots {
        let own = edges.get(&batch_id).map_or(&[][..], Vec::as_slice);
        let uses = graph.uses_of(lot).iter().map(|&number| counted[number]);
        let unit = unit_of(scope.lots.get(&batch_id));
        let stock = Stock::read(own.iter().copied().chain(uses), unit, known);
        consign(
            own.iter().copied().filter(|edge| known.counts(edge)),
            batch_id,
            stock.unit(),
            &mut consigned,
        );
        batches.push(ImpactedBatch {
            batch_id,
            batch_number,
            tier: Tier::Definite,
            reason: reason(scope, &graph, &depths, lot),
            produced: stock.inflow,
            shipped: stock.out(OutflowKind::Shipped),
            on_hand: stock.remaining(),
        });
    }
    (batches, consigned)
}

/// Adds what of the lot was shipped where; each location takes the sum of its lines.
fn consign<'a>(edges: impl Iterator<Item = &'a Edge>, batch_id: Uuid, unit: Unit, consigned: &mut Consigned) {
    let mut per_location: BTreeMap<Uuid, Vec<Quantity>> = BTreeMap::new();
    for edge in edges.filter(|edge| edge.edge_type == EdgeType::ShippedTo) {
        per_location.entry(edge.to.id).or_default().extend(edge.quantity);
    }
    for (location, quantities) in per_location {
        let quantity = total_in(unit, quantities);
        consigned.entry(location).or_default().push(ConsignedBatch { batch_id, quantity });
    }
}

fn consignees(consigned: Consigned, locations: &HashMap<Uuid, Node>) -> Vec<Consignee> {
    let mut consignees: Vec<Consignee> = consigned
        .into_iter()
        .map(|(location_id, batches)| Consignee {
            location_id,
            name: named(locations, location_id, "name"),
            quantities: batches.iter().map(|batch| batch.quantity).collect(),
            batches,
        })
        .collect();
    consignees.sort_by(|left, right| (&left.name, left.location_id).cmp(&(&right.name, right.location_id)));
    consignees
}

/// A sentence that names the lots between the recalled one and this one, along a shortest path.
fn reason(scope: &Scope, graph: &LotGraph, depths: &[Option<u32>], lot: usize) -> String {
    if lot == 0 {
        return "the recalled lot itself".to_owned();
    }
    let mut path = Vec::new();
    let mut reached = lot;
    while reached != 0 {
        let closer =
            graph.inputs(reached).map(|line| line.input).filter(|&input| depths[input] < depths[reached]);
        let closer = closer.filter(|&input| depths[input].is_some());
        let numbered = closer.map(|input| (scope.batch_number(graph.id(input)), graph.id(input), input));
        let Some((batch_number, _, input)) = numbered.min() else { break };
        path.push(batch_number);
        reached = input;
    }
    if path.len() > NAMED_LOTS_MAX {
        let (direct, recalled) = (&path[0], &path[path.len() - 1]);
        let between = path.len() - 1;
        return format!("made with {direct}, which contains {recalled} over {between} transformations");
    }
    format!("made with {}", path.join(", which contains "))
}
