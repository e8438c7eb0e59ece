//! What may be asked of a lot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::Origin;
use super::ledger::OutflowKind;
use crate::ids::BatchId;
use crate::quantity::Quantity;

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
