//! The lot's book: what went out, and what was found when it was counted.
//!
//! The remaining quantity follows from it: what came in less what went out; from a count on, what was found
//! less what went out afterwards (by event time, since a movement that happened before the count and is
//! recorded later was already missing when it was counted).
//!
//! What belongs to no document can never be corrected, and once a count has come after it, nothing asks for its time any
//! more: the book then keeps its sum alone ([`Settled`]). So a lot that is sampled and counted for years stays small;
//! what grows is the number of documents that took from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::quantity::{Quantity, Unit};

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
    /// What went out, in recorded order, but for what stands below.
    pub outflows: Vec<Outflow>,
    /// What was lost since the last count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Outflow>,
    /// The latest count by event time.
    pub last_count: Option<Count>,
    /// What was lost up to the last count.
    #[serde(default, skip_serializing_if = "Settled::is_empty")]
    pub settled: Settled,
}

/// Outflows that need not be told apart: of no document, and none later than the last count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Their sum for each unit in which they were declared, so that it converts when the lot's unit is corrected.
    pub amounts: Vec<Quantity>,
    /// Why they went out, each reason once.
    pub kinds: Vec<OutflowKind>,
}

impl Settled {
    fn is_empty(&self) -> bool {
        self.amounts.is_empty()
    }

    /// Adds an outflow; `false` where the sum would become too large for some unit that the lot may be corrected to.
    fn add(&mut self, outflow: &Outflow) -> bool {
        let index = self.amounts.iter().position(|amount| amount.unit == outflow.quantity.unit);
        let sum = match index {
            Some(index) => self.amounts[index].plus(outflow.quantity),
            None => Ok(outflow.quantity),
        };
        let Some(sum) = sum.ok().filter(|sum| converts_to_every_unit(*sum)) else { return false };
        match index {
            Some(index) => self.amounts[index] = sum,
            None => self.amounts.push(sum),
        }
        if !self.kinds.contains(&outflow.kind) {
            self.kinds.push(outflow.kind);
        }
        true
    }
}

/// Whether every unit of its dimension can state the amount.
fn converts_to_every_unit(sum: Quantity) -> bool {
    let mut units = Unit::ALL.iter().filter(|unit| unit.dimension() == sum.unit.dimension());
    units.all(|unit| sum.to(*unit).is_ok())
}

impl Ledger {
    /// Takes a count into the book, unless a later one stands there.
    pub fn count(&mut self, count: Count) {
        if self.last_count.is_none_or(|last| last.occurred_at <= count.occurred_at) {
            self.last_count = Some(count);
            let settled = &mut self.settled;
            self.losses.retain(|loss| loss.occurred_at > count.occurred_at || !settled.add(loss));
        }
    }

    /// Takes in what went out without a document, so that no correction will ever ask for it.
    pub fn lose(&mut self, loss: Outflow) {
        let is_counted = self.last_count.is_some_and(|count| loss.occurred_at <= count.occurred_at);
        if !is_counted || !self.settled.add(&loss) {
            self.losses.push(loss);
        }
    }

    /// Every amount that went out, in the unit that was declared; what is settled as its sums.
    pub fn amounts(&self) -> impl Iterator<Item = Quantity> {
        let settled = self.settled.amounts.iter().copied();
        settled.chain(self.unsettled().map(|outflow| outflow.quantity))
    }

    fn unsettled(&self) -> impl Iterator<Item = &Outflow> {
        self.outflows.iter().chain(&self.losses)
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
        self.settled.kinds.contains(&kind) || self.unsettled().any(|outflow| outflow.kind == kind)
    }

    /// `inflow` less all that went out: the book before any count, in the unit of `inflow`.
    #[must_use]
    pub fn book(&self, inflow: Quantity) -> Quantity {
        less(inflow, self.amounts())
    }

    /// `inflow` less what went out up to the last count; without a count, the book.
    #[must_use]
    pub fn book_at_count(&self, inflow: Quantity) -> Quantity {
        let until_count =
            |outflow: &&Outflow| self.last_count.is_none_or(|count| outflow.occurred_at <= count.occurred_at);
        let open = self.unsettled().filter(until_count).map(|outflow| outflow.quantity);
        less(inflow, self.settled.amounts.iter().copied().chain(open))
    }

    /// What the lot still holds, in the unit of `inflow`.
    #[must_use]
    pub fn remaining(&self, inflow: Quantity) -> Quantity {
        match self
            .last_count
            .and_then(|count| count.quantity.to(inflow.unit).ok().map(|found| (count, found)))
        {
            Some((count, found)) => {
                let later = self.unsettled().filter(|outflow| outflow.occurred_at > count.occurred_at);
                less(found, later.map(|outflow| outflow.quantity))
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
fn less(start: Quantity, amounts: impl Iterator<Item = Quantity>) -> Quantity {
    amounts.fold(start, |left, amount| left.minus(amount).unwrap_or(left))
}
