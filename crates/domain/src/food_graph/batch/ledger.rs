//! The lot's book: what went out, and what was found when it was counted.
//!
//! The remaining quantity follows from it: what came in less what went out; from a count on, what was found
//! less what went out afterwards (by event time, since a movement that happened before the count and is
//! recorded later was already missing when it was counted).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::quantity::Quantity;

/// Why some of a lot went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutflowKind {
    /// Into a transformation.
    Used,
    /// To a consignee.
    Shipped,
    /// To the laboratory.
    Sampled,
    /// Spoiled or spilled.
    Wasted,
    /// Destroyed.
    Disposed,
}

/// One amount that went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outflow {
    /// The transformation or shipment; none for samples, waste and disposal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<Uuid>,
    /// Why.
    pub kind: OutflowKind,
    /// How much, in the unit that was declared; it converts into the lot's.
    pub quantity: Quantity,
    /// Event time.
    pub occurred_at: Timestamp,
}

/// Physical stock that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// How much was found.
    pub quantity: Quantity,
    /// Event time.
    pub occurred_at: Timestamp,
}

/// What went out of a lot, and its last count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Everything that went out, in recorded order.
    pub outflows: Vec<Outflow>,
    /// The latest count by event time.
    pub last_count: Option<Count>,
}

impl Ledger {
    /// Takes a count into the book, unless a later one stands there.
    pub fn count(&mut self, count: Count) {
        if self.last_count.is_none_or(|last| last.occurred_at <= count.occurred_at) {
            self.last_count = Some(count);
        }
    }

    /// Puts `restated` in the place of all that the document took.
    pub fn replace(&mut self, document_id: Uuid, restated: &[Outflow]) {
        self.outflows.retain(|outflow| outflow.document_id != Some(document_id));
        self.outflows.extend_from_slice(restated);
    }

    /// What the document took.
    pub fn of_document(&self, document_id: Uuid) -> impl Iterator<Item = &Outflow> {
        self.outflows.iter().filter(move |outflow| outflow.document_id == Some(document_id))
    }

    /// True where anything went out for this reason.
    #[must_use]
    pub fn has(&self, kind: OutflowKind) -> bool {
        self.outflows.iter().any(|outflow| outflow.kind == kind)
    }

    /// `inflow` less all that went out: the book before any count, in the unit of `inflow`.
    #[must_use]
    pub fn book(&self, inflow: Quantity) -> Quantity {
        less(inflow, self.outflows.iter())
    }

    /// `inflow` less what went out up to the last count; without a count, the book.
    #[must_use]
    pub fn book_at_count(&self, inflow: Quantity) -> Quantity {
        let until_count =
            |outflow: &&Outflow| self.last_count.is_none_or(|count| outflow.occurred_at <= count.occurred_at);
        less(inflow, self.outflows.iter().filter(until_count))
    }

    /// What the lot still holds, in the unit of `inflow`.
    #[must_use]
    pub fn remaining(&self, inflow: Quantity) -> Quantity {
        match self
            .last_count
            .and_then(|count| count.quantity.to(inflow.unit).ok().map(|found| (count, found)))
        {
            Some((count, found)) => {
                less(found, self.outflows.iter().filter(|outflow| outflow.occurred_at > count.occurred_at))
            }
            None => self.book(inflow),
        }
    }

    /// What could go out at `occurred_at`, in the unit of `inflow`: before a count as the book allows.
    #[must_use]
    pub fn available(&self, inflow: Quantity, occurred_at: Timestamp) -> Quantity {
        match self.last_count {
            Some(count) if occurred_at <= count.occurred_at => self.book(inflow),
            _ => self.remaining(inflow),
        }
    }
}

/// Every outflow was checked to convert before it was recorded; one that does not counts as nothing.
fn less<'a>(start: Quantity, outflows: impl Iterator<Item = &'a Outflow>) -> Quantity {
    outflows.fold(start, |left, outflow| left.minus(outflow.quantity).unwrap_or(left))
}
