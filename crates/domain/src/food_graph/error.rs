//! Why the food graph refuses a command.

use jiff::Timestamp;
use uuid::Uuid;

use crate::ids::BatchId;
use crate::problem::{DomainProblem, ProblemKind};
use crate::quantity::{Incompatible, Quantity};

/// A refusal by an aggregate of the food graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoodGraphError {
    /// Something with this id, or under this unique name, exists.
    #[error("{what} {id} already exists")]
    AlreadyExists {
        /// What kind of thing.
        what: &'static str,
        /// Its id or its unique name.
        id: String,
    },
    /// Nothing with this id exists for the tenant.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// The lot is on hold at the time of the movement.
    #[error("lot {batch_number} is on hold since {since}: {reason}; release it before it moves")]
    BatchHeld {
        /// The lot's number.
        batch_number: String,
        /// Event time of the hold.
        since: Timestamp,
        /// Why it is held.
        reason: String,
    },
    /// The lot is recalled at the time of the movement.
    #[error("lot {batch_number} is recalled since {since} and does not move; dispose of it instead")]
    BatchRecalled {
        /// The lot's number.
        batch_number: String,
        /// Event time of the recall.
        since: Timestamp,
    },
    /// A release of a lot that is not on hold.
    #[error("lot {batch_number} is not on hold at {at}")]
    BatchNotHeld {
        /// The lot's number.
        batch_number: String,
        /// Event time of the release.
        at: Timestamp,
    },
    /// The lot would give more than it has.
    #[error("lot {batch_number} has {available} available, {requested} were asked for")]
    InsufficientQuantity {
        /// The lot's number.
        batch_number: String,
        /// What was asked for.
        requested: Quantity,
        /// What it has, in its own unit.
        available: Quantity,
    },
    /// An amount of nothing, or of less than nothing.
    #[error("{given} is no amount of lot {batch_number}: it must be more than zero in the lot's unit")]
    QuantityNotPositive {
        /// The lot's number.
        batch_number: String,
        /// What was given.
        given: Quantity,
    },
    /// The quantity's unit does not convert into the lot's.
    #[error("the unit does not fit lot {batch_number}: {source}")]
    UnitMismatch {
        /// The lot's number.
        batch_number: String,
        /// Which units.
        source: Incompatible,
    },
    /// A lot would be among its own ancestors.
    #[error("lot {batch_id} would be among its own ancestors")]
    Cycle {
        /// One lot of the cycle.
        batch_id: BatchId,
    },
    /// The event time lies after the recorded time.
    #[error("{occurred_at} lies in the future; it is {now} now")]
    OccurredInFuture {
        /// The event time that was given.
        occurred_at: Timestamp,
        /// The recorded time.
        now: Timestamp,
    },
    /// The document was declared an error before, with nothing in its place.
    #[error("{what} {id} was retired by a correction; record a new one instead")]
    AlreadyRetired {
        /// Which kind of document.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// A correction names another lot than the document that it corrects.
    #[error("a correction keeps the lot: expected {expected}, got {given}")]
    OtherBatch {
        /// The lot of the document.
        expected: BatchId,
        /// The lot that was given.
        given: BatchId,
    },
}

impl DomainProblem for FoodGraphError {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyExists { .. } => "already-exists",
            Self::NotFound { .. } => "not-found",
            Self::BatchHeld { .. } => "batch-held",
            Self::BatchRecalled { .. } => "batch-recalled",
            Self::BatchNotHeld { .. } => "batch-not-held",
            Self::InsufficientQuantity { .. } => "insufficient-quantity",
            Self::QuantityNotPositive { .. } => "quantity-not-positive",
            Self::UnitMismatch { .. } => "unit-mismatch",
            Self::Cycle { .. } => "cycle",
            Self::OccurredInFuture { .. } => "occurred-in-future",
            Self::AlreadyRetired { .. } => "already-retired",
            Self::OtherBatch { .. } => "other-batch",
        }
    }

    fn kind(&self) -> ProblemKind {
        match self {
            Self::NotFound { what, id } => ProblemKind::NotFound { what, id: *id },
            Self::OtherBatch { .. } => ProblemKind::Invalid,
            _ => ProblemKind::Refused,
        }
    }
}
