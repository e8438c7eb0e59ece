//! The book of one lot, read from its edges as known then: what came in, what went out, what was found.
//!
//! The arithmetic is the lot's own ([`Ledger`]), so that a balance here never differs from what the lot decides
//! with.

use std::collections::HashSet;

use foodflow_domain::food_graph::batch::ledger::{Count, Ledger, Outflow, OutflowKind};
use foodflow_domain::{Quantity, Unit};

use super::amounts::total_in;
use super::view::Known;
use crate::changes::{Edge, EdgeType};

/// The edges of a lot that its book is made of, besides `USES_INGREDIENT` that end at it.
pub const STOCK_EDGES: &[EdgeType] =
    &[EdgeType::ProducedAt, EdgeType::ReceivedAt, EdgeType::ShippedTo, EdgeType::AdjustedAt];

/// How a lot came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginKind {
    /// It came in.
    Received,
    /// It was made.
    Produced,
}

/// The book of a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// How it came to be.
    pub origin: OriginKind,
    /// How much came in or was made; nothing where that was retired.
    pub inflow: Quantity,
    ledger: Ledger,
}

impl Stock {
    /// Reads the book from the edges that start at the lot ([`STOCK_EDGES`]) and the `USES_INGREDIENT` edges that
    /// end at it.
    ///
    /// `unit` is the lot's unit where no origin that was known then says it.
    #[must_use]
    pub fn read<'a>(edges: impl IntoIterator<Item = &'a Edge>, unit: Option<Unit>, known: Known) -> Self {
        let mut recorded: Vec<&Edge> = edges.into_iter().filter(|edge| known.has_recorded(edge)).collect();
        recorded.sort_by_key(|edge| (edge.position, edge.line, edge.id));
        let is_origin = |edge: &&&Edge| matches!(edge.edge_type, EdgeType::ProducedAt | EdgeType::ReceivedAt);
        let origins = || recorded.iter().filter(is_origin);
        // The one that counts; where all were retired, the last one still says how and in which unit.
        let origin = origins().rfind(|edge| known.counts(edge)).or_else(|| origins().next_back());
        let stated = origin.into_iter().chain(recorded.iter()).find_map(|edge| edge.quantity);
        let unit = match origin {
            None => unit.or(stated.map(|quantity| quantity.unit)),
            Some(_) => stated.map(|quantity| quantity.unit),
        };
        let unit = unit.unwrap_or(Unit::Ea);
        let counting = origins().filter(|edge| known.counts(edge));
        let inflow = total_in(unit, counting.filter_map(|edge| edge.quantity));
        let kind = match origin.map(|edge| edge.edge_type) {
            Some(EdgeType::ReceivedAt) => OriginKind::Received,
            _ => OriginKind::Produced,
        };
        let is_retired = origin.is_some_and(|edge| !known.counts(edge));
        let mut ledger = ledger(recorded.into_iter().filter(|edge| known.counts(edge)), unit);
        if is_retired {
            // What was found of a lot that there never was is void.
            ledger.last_count = None;
        }
        Self { origin: kind, inflow, ledger }
    }

    /// The lot's unit.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.inflow.unit
    }

    /// All that went out for this reason.
    #[must_use]
    pub fn out(&self, kind: OutflowKind) -> Quantity {
        let outflows = self.ledger.outflows.iter().filter(|outflow| outflow.kind == kind);
        total_in(self.unit(), outflows.map(|outflow| outflow.quantity))
    }

    /// What came in less all that went out, before any count.
    #[must_use]
    pub fn book(&self) -> Quantity {
        self.ledger.book(self.inflow)
    }

    /// What was found when it was last counted, by event time.
    #[must_use]
    pub fn counted(&self) -> Option<Quantity> {
        self.ledger.last_count.map(|count| count.quantity)
    }

    /// What is left: the book, or from a count on what was found less what went out after it.
    #[must_use]
    pub fn remaining(&self) -> Quantity {
        self.ledger.remaining(self.inflow)
    }
}

/// `edges` in recorded order.
fn ledger<'a>(edges: impl Iterator<Item = &'a Edge>, unit: Unit) -> Ledger {
    let mut ledger = Ledger::default();
    let mut used = HashSet::new();
    for edge in edges {
        // A quantity that does not convert into the lot's unit was never accepted; it counts as nothing.
        let Some(quantity) = edge.quantity.and_then(|quantity| quantity.to(unit).ok()) else { continue };
        let occurred_at = edge.occurred_at;
        let kind = match (edge.edge_type, edge.kind.as_deref()) {
            // One input line into several outputs is several edges, and one amount.
            (EdgeType::UsesIngredient, _) if used.insert((edge.event_id, edge.line)) => OutflowKind::Used,
            (EdgeType::ShippedTo, _) => OutflowKind::Shipped,
            (EdgeType::AdjustedAt, Some("sample")) => OutflowKind::Sampled,
            (EdgeType::AdjustedAt, Some("waste")) => OutflowKind::Wasted,
            (EdgeType::AdjustedAt, Some("dispose")) => OutflowKind::Disposed,
            (EdgeType::AdjustedAt, Some("count")) => {
                ledger.count(Count { quantity, occurred_at });
                continue;
            }
            _ => continue,
        };
        ledger.outflows.push(Outflow { document_id: edge.document_id, kind, quantity, occurred_at });
    }
    ledger
}
