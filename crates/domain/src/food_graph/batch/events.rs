//! What happens to a lot: its events, fat enough that a read model need not compute.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ledger::{Outflow, OutflowKind};
use crate::event_set;
use crate::food_graph::facts::{DocumentReference, Item};
use crate::ids::{BatchId, LocationId, SkuId, SupplierId};
use crate::quantity::Quantity;

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

impl BatchMoved {
    pub(super) const fn outflow(&self, kind: OutflowKind) -> Outflow {
        Outflow {
            document_id: Some(self.document_id),
            kind,
            quantity: self.quantity,
            occurred_at: self.occurred_at,
        }
    }
}

impl BatchAdjusted {
    pub(super) const fn outflow(&self, kind: OutflowKind) -> Outflow {
        Outflow { document_id: None, kind, quantity: self.quantity, occurred_at: self.occurred_at }
    }
}
