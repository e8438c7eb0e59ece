//! A lot: what it is, what it holds, and what bars it from moving.
//!
//! - [`ledger`]: the lot's book, from which the remaining quantity follows;
//! - [`bars`]: holds and recalls over event time;
//! - this file: commands, events and the decision.
//!
//! A bar counts from its event time on. A movement that happened before it and is recorded late is a fact and
//! is accepted, as far as the quantity allows.

pub mod bars;
pub mod ledger;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::FoodGraphError;
use super::facts::{DocumentReference, Item};
use crate::ids::{BatchId, LocationId, SkuId, SupplierId};
use crate::quantity::Quantity;
use crate::{Context, aggregate, event_set};
use bars::Bars;
use ledger::{Count, Ledger, Outflow, OutflowKind};

/// Where a lot stands. Documented values; a lot whose origin was retired is told by its `retired_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may be used and shipped.
    #[default]
    Available,
    /// On hold, as a whole or in part.
    Held,
    /// Recalled.
    Recalled,
    /// Nothing remains: used, shipped, sampled or wasted.
    Consumed,
    /// Nothing remains, and some of it was disposed of.
    Disposed,
}

impl Status {
    /// The documented word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Held => "held",
            Self::Recalled => "recalled",
            Self::Consumed => "consumed",
            Self::Disposed => "disposed",
        }
    }
}

/// How a lot came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The receipt or transformation that says so.
    pub document_id: Uuid,
    /// The traceability lot code.
    pub batch_number: String,
    /// What it is a lot of.
    pub item: Item,
    /// The immediate previous source of a received lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_id: Option<SupplierId>,
    /// The stock keeping unit of a packed lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<SkuId>,
    /// How much came in or was made.
    pub quantity: Quantity,
    /// Where.
    pub location_id: LocationId,
    /// The line it was made on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Event time.
    pub occurred_at: Timestamp,
    /// Date of production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_date: Option<Date>,
    /// Expiry date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Date>,
    /// Serial shipping container code of a received lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sscc: Option<String>,
    /// Reference documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentReference>,
}

/// The lot after an event, so that read models need not compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// What it still holds, in its own unit.
    pub remaining: Quantity,
    /// Where it stands.
    pub status: Status,
}

/// The lot came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOriginated {
    /// The lot.
    pub batch_id: BatchId,
    /// How it came to be.
    pub origin: Origin,
    /// The lot afterwards.
    pub after: Balance,
}

/// Some of the lot went into a transformation or a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMoved {
    /// The lot.
    pub batch_id: BatchId,
    /// The transformation or shipment.
    pub document_id: Uuid,
    /// How much, in the unit that was declared.
    pub quantity: Quantity,
    /// Event time.
    pub occurred_at: Timestamp,
    /// The lot afterwards.
    pub after: Balance,
}

/// Some of the lot was sampled, wasted, disposed of, or all of it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAdjusted {
    /// The lot.
    pub batch_id: BatchId,
    /// How much; for a count, what was found.
    pub quantity: Quantity,
    /// Event time.
    pub occurred_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the lot is.
    pub location_id: LocationId,
    /// The lot afterwards.
    pub after: Balance,
}

/// The lot was barred from moving, or a bar was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchBarred {
    /// The lot.
    pub batch_id: BatchId,
    /// Why.
    pub reason: String,
    /// Event time.
    pub occurred_at: Timestamp,
    /// How much of it; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The lot afterwards.
    pub after: Balance,
}

/// The document that the lot came from was declared an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOriginCorrected {
    /// The lot.
    pub batch_id: BatchId,
    /// Why.
    pub reason: String,
    /// How it was said to have come to be.
    pub retired: Origin,
    /// How it came to be; `None` where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<Origin>,
    /// The lot afterwards.
    pub after: Balance,
}

/// A document that the lot went into was declared an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMovementCorrected {
    /// The lot.
    pub batch_id: BatchId,
    /// The transformation or shipment.
    pub document_id: Uuid,
    /// Why.
    pub reason: String,
    /// What took the place of all that the document took from this lot.
    pub restated: Vec<Outflow>,
    /// The lot afterwards.
    pub after: Balance,
}

event_set! {
    /// Events of a lot.
    pub enum BatchEvent {
        /// It came in.
        Received(BatchOriginated) = "foodflow.food_graph.batch.received.v1",
        /// It was made.
        Produced(BatchOriginated) = "foodflow.food_graph.batch.produced.v1",
        /// Some of it went into a transformation.
        Consumed(BatchMoved) = "foodflow.food_graph.batch.consumed.v1",
        /// Some of it was shipped.
        Shipped(BatchMoved) = "foodflow.food_graph.batch.shipped.v1",
        /// Some of it was drawn as a sample.
        Sampled(BatchAdjusted) = "foodflow.food_graph.batch.sampled.v1",
        /// Some of it was wasted.
        Wasted(BatchAdjusted) = "foodflow.food_graph.batch.wasted.v1",
        /// Its physical stock was counted.
        Counted(BatchAdjusted) = "foodflow.food_graph.batch.counted.v1",
        /// Some or all of it was disposed of.
        Disposed(BatchAdjusted) = "foodflow.food_graph.batch.disposed.v1",
        /// It was put on hold.
        Held(BatchBarred) = "foodflow.food_graph.batch.held.v1",
        /// It was released.
        Released(BatchBarred) = "foodflow.food_graph.batch.released.v1",
        /// It was recalled.
        Recalled(BatchBarred) = "foodflow.food_graph.batch.recalled.v1",
        /// The document that it came from was declared an error.
        OriginCorrected(BatchOriginCorrected) = "foodflow.food_graph.batch.origin_corrected.v1",
        /// A transformation that it went into was declared an error.
        ConsumptionCorrected(BatchMovementCorrected) = "foodflow.food_graph.batch.consumption_corrected.v1",
        /// A shipment of it was declared an error.
        ShipmentCorrected(BatchMovementCorrected) = "foodflow.food_graph.batch.shipment_corrected.v1",
    }
}

/// How stock was adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdjustmentKind {
    /// Drawn for the laboratory.
    Sample,
    /// Spoiled or spilled.
    Waste,
    /// Physical stock found; the lot's remaining quantity becomes it.
    Count,
}

/// What may be asked of a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchCommand {
    /// Bring it in.
    Receive(BatchId, Origin),
    /// Make it.
    Produce(BatchId, Origin),
    /// Put some of it into a transformation.
    Consume(Movement),
    /// Ship some of it.
    Ship(Movement),
    /// Sample, waste or count it.
    Adjust {
        /// The lot.
        batch_id: BatchId,
        /// How.
        kind: AdjustmentKind,
        /// How much.
        quantity: Quantity,
        /// Event time.
        occurred_at: Timestamp,
        /// Why.
        reason: Option<String>,
    },
    /// Dispose of some or all of it.
    Dispose(Bar),
    /// Put it on hold.
    Hold(Bar),
    /// Release it.
    Release(Bar),
    /// Recall it.
    Recall(Bar),
    /// The document that it came from was an error.
    CorrectOrigin {
        /// The lot.
        batch_id: BatchId,
        /// Why.
        reason: String,
        /// How it came to be; `None` where it never did.
        restated: Option<Origin>,
    },
    /// A document that it went into was an error.
    CorrectMovement {
        /// The lot.
        batch_id: BatchId,
        /// The transformation or shipment.
        document_id: Uuid,
        /// Which of the two.
        kind: OutflowKind,
        /// Why.
        reason: String,
        /// What the document should have taken: quantities with their event times.
        restated: Vec<(Quantity, Timestamp)>,
    },
}

/// Some of a lot moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The lot.
    pub batch_id: BatchId,
    /// The transformation or shipment.
    pub document_id: Uuid,
    /// How much.
    pub quantity: Quantity,
    /// Event time.
    pub occurred_at: Timestamp,
}

/// A lot, or some of it, is barred, released or disposed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The lot.
    pub batch_id: BatchId,
    /// Why.
    pub reason: String,
    /// Event time.
    pub occurred_at: Timestamp,
    /// How much; all where absent.
    pub quantity: Option<Quantity>,
}

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
        for outflow in &self.ledger.outflows {
            self.own_unit(origin, outflow.quantity)?;
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
            BatchEvent::Sampled(data) => self.ledger.outflows.push(data.outflow(OutflowKind::Sampled)),
            BatchEvent::Wasted(data) => self.ledger.outflows.push(data.outflow(OutflowKind::Wasted)),
            BatchEvent::Disposed(data) => self.ledger.outflows.push(data.outflow(OutflowKind::Disposed)),
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

impl BatchMoved {
    const fn outflow(&self, kind: OutflowKind) -> Outflow {
        Outflow {
            document_id: Some(self.document_id),
            kind,
            quantity: self.quantity,
            occurred_at: self.occurred_at,
        }
    }
}

impl BatchAdjusted {
    const fn outflow(&self, kind: OutflowKind) -> Outflow {
        Outflow { document_id: None, kind, quantity: self.quantity, occurred_at: self.occurred_at }
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

fn in_time(occurred_at: Timestamp, context: &Context) -> Result<(), FoodGraphError> {
    if context.is_future(occurred_at) {
        return Err(FoodGraphError::OccurredInFuture { occurred_at, now: context.now });
    }
    Ok(())
}

aggregate!(Batch, "food_graph", "batch", BatchCommand, BatchEvent, FoodGraphError);
