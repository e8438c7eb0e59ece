//! A lot: what it is, what it holds, and what bars it from moving.
//!
//! - [`ledger`]: the lot's book, from which the remaining quantity follows;
//! - [`bars`]: holds and recalls over event time;
//! - [`commands`] and [`events`]: what may be asked, and what happens;
//! - this file: the decision.
//!
//! A bar counts from its event time on. A movement that happened before it and is recorded late is a fact and
//! is accepted, as far as the quantity allows.

pub mod bars;
pub mod commands;
pub mod events;
pub mod ledger;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FoodGraphError, in_time};
use crate::ids::BatchId;
use crate::quantity::Quantity;
use crate::{Context, aggregate};
use bars::Bars;
use ledger::{Count, Ledger, Outflow, OutflowKind};

pub use commands::{AdjustmentKind, Bar, BatchCommand, Movement};
pub use events::{
    Balance, BatchAdjusted, BatchBarred, BatchEvent, BatchMoved, BatchMovementCorrected,
    BatchOriginCorrected, BatchOriginated, Origin, Status,
};

/// State of a lot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// How it came to be; `None` before. Kept after its document was retired, for its number and unit.
    pub origin: Option<Origin>,
    /// True where its document was declared an error with nothing in its place.
    pub retired: bool,
    /// What went out and what was counted.
    pub ledger: Ledger,
    /// Holds and recall.
    pub bars: Bars,
}

type Decision = Result<Vec<BatchEvent>, FoodGraphError>;

impl Batch {
    fn decide(&self, command: BatchCommand, context: &Context) -> Decision {
        match command {
            BatchCommand::Receive(batch_id, origin) => {
                self.originate(batch_id, origin, context).map(|data| vec![BatchEvent::Received(data)])
            }
            BatchCommand::Produce(batch_id, origin) => {
                self.originate(batch_id, origin, context).map(|data| vec![BatchEvent::Produced(data)])
            }
            BatchCommand::Consume(movement) => {
                self.give(OutflowKind::Used, movement, context).map(|data| vec![BatchEvent::Consumed(data)])
            }
            BatchCommand::Ship(movement) => {
                self.give(OutflowKind::Shipped, movement, context).map(|data| vec![BatchEvent::Shipped(data)])
            }
            BatchCommand::Adjust { batch_id, kind, quantity, occurred_at, reason } => {
                self.adjust(batch_id, kind, quantity, occurred_at, reason, context)
            }
            BatchCommand::Dispose(bar) => self.dispose(bar, context),
            BatchCommand::Hold(bar) => self.hold(bar, context),
            BatchCommand::Release(bar) => self.release(bar, context),
            BatchCommand::Recall(bar) => self.recall(bar, context),
            BatchCommand::CorrectOrigin { batch_id, reason, restated } => {
                self.correct_origin(batch_id, reason, restated)
            }
            BatchCommand::CorrectMovement { batch_id, document_id, kind, reason, restated } => {
                self.correct_movement(batch_id, document_id, kind, reason, &restated)
            }
        }
    }

    /// How it came to be, or that it never was.
    fn origin(&self, batch_id: BatchId) -> Result<&Origin, FoodGraphError> {
        self.origin.as_ref().ok_or(FoodGraphError::NotFound { what: "lot", id: batch_id.0 })
    }

    /// What came in or was made, in the lot's own unit; nothing where its document was retired.
    fn inflow(&self, origin: &Origin) -> Quantity {
        if self.retired { Quantity::zero(origin.quantity.unit) } else { origin.quantity }
    }

    /// The lot's balance as it stands. Zero pieces and available before it came to be.
    #[must_use]
    pub fn balance(&self) -> Option<Balance> {
        let origin = self.origin.as_ref()?;
        let remaining = self.ledger.remaining(self.inflow(origin));
        let status = if self.bars.recalled_from.is_some() {
            Status::Recalled
        } else if self.bars.is_held() {
            Status::Held
        } else if is_positive(remaining) {
            Status::Available
        } else if self.ledger.has(OutflowKind::Disposed) {
            Status::Disposed
        } else {
            Status::Consumed
        };
        Some(Balance { remaining, status })
    }

    /// The balance after a change to a copy of this state.
    fn after(&self, change: impl FnOnce(&mut Self)) -> Balance {
        let mut changed = self.clone();
        change(&mut changed);
        changed
            .balance()
            .unwrap_or_else(|| unreachable!("the balance is asked for only once the lot has an origin"))
    }

    fn originate(
        &self,
        batch_id: BatchId,
        origin: Origin,
        context: &Context,
    ) -> Result<BatchOriginated, FoodGraphError> {
        if self.origin.is_some() {
            return Err(FoodGraphError::AlreadyExists { what: "lot", id: batch_id.to_string() });
        }
        in_time(origin.occurred_at, context)?;
        positive(&origin, origin.quantity, origin.quantity)?;
        let after = Balance { remaining: origin.quantity, status: Status::Available };
        Ok(BatchOriginated { batch_id, origin, after })
    }

    /// `quantity` in the lot's own unit, where it is an amount at all.
    fn own_amount(&self, origin: &Origin, quantity: Quantity) -> Result<Quantity, FoodGraphError> {
        let own = self.own_unit(origin, quantity)?;
        positive(origin, quantity, own)
    }

    /// `quantity` in the lot's own unit.
    fn own_unit(&self, origin: &Origin, quantity: Quantity) -> Result<Quantity, FoodGraphError> {
        let batch_number = || origin.batch_number.clone();
        quantity
            .to(origin.quantity.unit)
            .map_err(|source| FoodGraphError::UnitMismatch { batch_number: batch_number(), source })
    }

    fn give(
        &self,
        kind: OutflowKind,
        movement: Movement,
        context: &Context,
    ) -> Result<BatchMoved, FoodGraphError> {
        let Movement { batch_id, document_id, quantity, occurred_at } = movement;
        let origin = self.origin(batch_id)?;
        in_time(occurred_at, context)?;
        let asked = self.own_amount(origin, quantity)?;
        let available = self.ledger.available(self.inflow(origin), occurred_at);
        self.bars.check(&origin.batch_number, occurred_at, asked, available)?;
        self.enough(origin, asked, occurred_at)?;
        let outflow = Outflow { document_id: Some(document_id), kind, quantity, occurred_at };
        let after = self.after(|lot| lot.ledger.outflows.push(outflow));
        Ok(BatchMoved { batch_id, document_id, quantity, occurred_at, after })
    }

    fn enough(&self, origin: &Origin, asked: Quantity, occurred_at: Timestamp) -> Result<(), FoodGraphError> {
        let available = self.ledger.available(self.inflow(origin), occurred_at);
        if asked.value > available.value {
            let batch_number = origin.batch_number.clone();
            return Err(FoodGraphError::InsufficientQuantity { batch_number, requested: asked, available });
        }
        Ok(())
    }

    fn adjust(
        &self,
        batch_id: BatchId,
        kind: AdjustmentKind,
        quantity: Quantity,
        occurred_at: Timestamp,
        reason: Option<String>,
        context: &Context,
    ) -> Decision {
        let origin = self.origin(batch_id)?;
        in_time(occurred_at, context)?;
        let own = match kind {
            AdjustmentKind::Count => self.own_count(batch_id, origin, quantity)?,
            AdjustmentKind::Sample | AdjustmentKind::Waste => self.own_amount(origin, quantity)?,
        };
        let location_id = origin.location_id;
        let event = |after| BatchAdjusted { batch_id, quantity, occurred_at, reason, location_id, after };
        let outflow = |kind| Outflow { document_id: None, kind, quantity, occurred_at };
        Ok(vec![match kind {
            AdjustmentKind::Count => {
                let after = self.after(|lot| lot.ledger.count(Count { quantity: own, occurred_at }));
                BatchEvent::Counted(event(after))
            }
            AdjustmentKind::Sample => {
                self.enough(origin, own, occurred_at)?;
                let after = self.after(|lot| lot.ledger.outflows.push(outflow(OutflowKind::Sampled)));
                BatchEvent::Sampled(event(after))
            }
            AdjustmentKind::Waste => {
                self.enough(origin, own, occurred_at)?;
                let after = self.after(|lot| lot.ledger.outflows.push(outflow(OutflowKind::Wasted)));
                BatchEvent::Wasted(event(after))
            }
        }])
    }

    /// A found `quantity` in the lot's own unit: nothing may be found, but not of a lot that never was.
    fn own_count(
        &self,
        batch_id: BatchId,
        origin: &Origin,
        found: Quantity,
    ) -> Result<Quantity, FoodGraphError> {
        if self.retired {
            return Err(FoodGraphError::AlreadyRetired { what: "lot", id: batch_id.0 });
        }
        let own = self.own_unit(origin, found)?;
        if own.is_zero() { Ok(own) } else { positive(origin, found, own) }
    }

    fn dispose(&self, bar: Bar, context: &Context) -> Decision {
        let Bar { batch_id, reason, occurred_at, quantity } = bar;
        let origin = self.origin(batch_id)?;
        in_time(occurred_at, context)?;
        let remaining = self.ledger.remaining(self.inflow(origin));
        if quantity.is_none() && !is_positive(remaining) {
            let batch_number = origin.batch_number.clone();
            let (requested, available) = (remaining, remaining);
            return Err(FoodGraphError::InsufficientQuantity { batch_number, requested, available });
        }
        let quantity = quantity.unwrap_or(remaining);
        self.enough(origin, self.own_amount(origin, quantity)?, occurred_at)?;
        let outflow = Outflow { document_id: None, kind: OutflowKind::Disposed, quantity, occurred_at };
        let after = self.after(|lot| lot.ledger.outflows.push(outflow));
        let location_id = origin.location_id;
        let reason = Some(reason);
        Ok(vec![BatchEvent::Disposed(BatchAdjusted {
            batch_id,
            quantity,
            occurred_at,
            reason,
            location_id,
            after,
        })])
    }

    fn hold(&self, bar: Bar, context: &Context) -> Decision {
        let Bar { batch_id, reason, occurred_at, quantity } = bar;
        let origin = self.origin(batch_id)?;
        in_time(occurred_at, context)?;
        let own = quantity.map(|quantity| self.own_amount(origin, quantity)).transpose()?;
        if let Some(own) = own {
            self.enough(origin, own, context.now)?;
        }
        let after = self.after(|lot| lot.bars.hold(occurred_at, own, &reason));
        Ok(vec![BatchEvent::Held(BatchBarred { batch_id, reason, occurred_at, quantity: own, after })])
    }

    fn release(&self, bar: Bar, context: &Context) -> Decision {
        let Bar { batch_id, reason, occurred_at, quantity } = bar;
        let origin = self.origin(batch_id)?;
        in_time(occurred_at, context)?;
        let batch_number = || origin.batch_number.clone();
        if let Some(since) = self.bars.recalled_from {
            return Err(FoodGraphError::BatchRecalled { batch_number: batch_number(), since });
        }
        if !self.bars.is_held_at(occurred_at) {
            return Err(FoodGraphError::BatchNotHeld { batch_number: batch_number(), at: occurred_at });
        }
        let own = quantity.map(|quantity| self.own_amount(origin, quantity)).transpose()?;
        let remaining = self.ledger.remaining(self.inflow(origin));
        if let Some(own) = own {
            let held = self.bars.releasable_at(occurred_at, remaining);
            if own.value > held.value {
                return Err(FoodGraphError::InsufficientQuantity {
                    batch_number: batch_number(),
                    requested: own,
                    available: held,
                });
            }
        }
        let after = self.after(|lot| lot.bars.release(occurred_at, own, remaining));
        Ok(vec![BatchEvent::Released(BatchBarred { batch_id, reason, occurred_at, quantity: own, after })])
    }

    fn recall(&self, bar: Bar, context: &Context) -> Decision {
        let Bar { batch_id, reason, occurred_at, quantity } = bar;
        let origin = self.origin(batch_id)?;
        in_time(occurred_at, context)?;
        if let Some(since) = self.bars.recalled_from {
            return Err(FoodGraphError::BatchRecalled { batch_number: origin.batch_number.clone(), since });
        }
        let own = quantity.map(|quantity| self.own_amount(origin, quantity)).transpose()?;
        let after = self.after(|lot| lot.bars.recalled_from = Some(occurred_at));
        Ok(vec![BatchEvent::Recalled(BatchBarred { batch_id, reason, occurred_at, quantity: own, after })])
    }

    fn correct_origin(&self, batch_id: BatchId, reason: String, restated: Option<Origin>) -> Decision {
        let retired = self.origin(batch_id)?.clone();
        if self.retired {
            return Err(FoodGraphError::AlreadyRetired { what: "lot", id: batch_id.0 });
        }
        if let Some(origin) = &restated {
            positive(origin, origin.quantity, origin.quantity)?;
        }
        let mut changed = self.clone();
        changed.restate(restated.clone());
        changed.in_balance(self)?;
        let after = changed.after(|_| ());
        Ok(vec![BatchEvent::OriginCorrected(BatchOriginCorrected {
            batch_id,
            reason,
            retired,
            restated,
            after,
        })])
    }

    fn correct_movement(
        &self,
        batch_id: BatchId,
        document_id: Uuid,
        kind: OutflowKind,
        reason: String,
        lines: &[(Quantity, Timestamp)],
    ) -> Decision {
        let origin = self.origin(batch_id)?;
        let restated: Vec<Outflow> = lines
            .iter()
            .map(|&(quantity, occurred_at)| Outflow {
                document_id: Some(document_id),
                kind,
                quantity,
                occurred_at,
            })
            .collect();
        let before: Vec<Outflow> = self.ledger.of_document(document_id).copied().collect();
        let mut changed = self.clone();
        changed.ledger.replace(document_id, &[]);
        for outflow in &restated {
            let asked = self.own_amount(origin, outflow.quantity)?;
            let at = outflow.occurred_at;
            let available = changed.ledger.available(changed.inflow(origin), at);
            changed.ledger.outflows.push(*outflow);
            // What stood as a fact before stays one; only what the restatement adds or moves in time is checked.
            let restated_so_far = self.taken_at(origin, changed.ledger.of_document(document_id), at)?;
            if restated_so_far.value > self.taken_at(origin, before.iter(), at)?.value {
                self.bars.check(&origin.batch_number, at, asked, available)?;
            }
        }
        changed.in_balance(self)?;
        let after = changed.after(|_| ());
        let data = BatchMovementCorrected { batch_id, document_id, reason, restated, after };
        Ok(vec![match kind {
            OutflowKind::Shipped => BatchEvent::ShipmentCorrected(data),
            _ => BatchEvent::ConsumptionCorrected(data),
        }])
    }

    /// What those of `outflows` that happened at `at` took, in the lot's own unit.
    fn taken_at<'a>(
        &self,
        origin: &Origin,
        outflows: impl Iterator<Item = &'a Outflow>,
        at: Timestamp,
    ) -> Result<Quantity, FoodGraphError> {
        outflows.filter(|outflow| outflow.occurred_at == at).try_fold(
            Quantity::zero(origin.quantity.unit),
            |sum, outflow| {
                let own = self.own_unit(origin, outflow.quantity)?;
                Ok(Quantity::new(sum.value + own.value, sum.unit))
            },
        )
    }

    /// No correction may leave a lot in a unit that does not convert, or one that gave more than it had: by its
    /// book, or by what was found. Where counts had shown that before, a correction may still mend it in part.
    fn in_balance(&self, before: &Self) -> Result<(), FoodGraphError> {
        let (Some(origin), Some(origin_before)) = (&self.origin, &before.origin) else { return Ok(()) };
        for amount in self.ledger.amounts() {
            self.own_unit(origin, amount)?;
        }
        let (inflow, inflow_before) = (self.inflow(origin), before.inflow(origin_before));
        let counted = self.ledger.last_count;
        let found = counted.map_or(Ok(inflow), |count| self.own_unit(origin, count.quantity))?;
        // As with a movement: what happened up to a count is held against the book, what came after against it.
        let (book, remaining) = (self.ledger.book(inflow), self.ledger.remaining(inflow));
        let until_count = (self.ledger.book_at_count(inflow), before.ledger.book_at_count(inflow_before));
        let today = (remaining, before.ledger.remaining(inflow_before));
        for (had, left, (now, then)) in [(inflow, book, until_count), (found, remaining, today)] {
            let is_worse = then.to(now.unit).map_or(true, |then| now.value < then.value);
            if left.value.is_sign_negative() && !left.is_zero() && is_worse {
                let batch_number = origin.batch_number.clone();
                let requested = Quantity::new(had.value - left.value, had.unit);
                return Err(FoodGraphError::InsufficientQuantity { batch_number, requested, available: had });
            }
        }
        Ok(())
    }

    /// What was found of a lot that never was is void with it.
    fn restate(&mut self, restated: Option<Origin>) {
        match restated {
            Some(origin) => self.origin = Some(origin),
            None => {
                self.retired = true;
                self.ledger.last_count = None;
            }
        }
    }

    fn evolve(&mut self, event: BatchEvent) {
        match event {
            BatchEvent::Received(data) | BatchEvent::Produced(data) => self.origin = Some(data.origin),
            BatchEvent::Consumed(data) => self.ledger.outflows.push(data.outflow(OutflowKind::Used)),
            BatchEvent::Shipped(data) => self.ledger.outflows.push(data.outflow(OutflowKind::Shipped)),
            BatchEvent::Sampled(data) => self.ledger.lose(data.outflow(OutflowKind::Sampled)),
            BatchEvent::Wasted(data) => self.ledger.lose(data.outflow(OutflowKind::Wasted)),
            BatchEvent::Disposed(data) => self.ledger.lose(data.outflow(OutflowKind::Disposed)),
            BatchEvent::Counted(data) => {
                self.ledger.count(Count { quantity: data.quantity, occurred_at: data.occurred_at });
            }
            BatchEvent::Held(data) => self.bars.hold(data.occurred_at, data.quantity, &data.reason),
            BatchEvent::Released(data) => {
                let remaining = data.after.remaining;
                self.bars.release(data.occurred_at, data.quantity, remaining);
            }
            BatchEvent::Recalled(data) => self.bars.recalled_from = Some(data.occurred_at),
            BatchEvent::OriginCorrected(data) => self.restate(data.restated),
            BatchEvent::ConsumptionCorrected(data) | BatchEvent::ShipmentCorrected(data) => {
                self.ledger.replace(data.document_id, &data.restated);
            }
        }
    }
}

fn is_positive(quantity: Quantity) -> bool {
    quantity.value.is_sign_positive() && !quantity.is_zero()
}

/// `own`, which is what was `given` in the lot's unit; an amount below zero would be a hidden inflow.
fn positive(origin: &Origin, given: Quantity, own: Quantity) -> Result<Quantity, FoodGraphError> {
    if is_positive(own) {
        return Ok(own);
    }
    Err(FoodGraphError::QuantityNotPositive { batch_number: origin.batch_number.clone(), given })
}

aggregate!(Batch, "food_graph", "batch", BatchCommand, BatchEvent, FoodGraphError);
