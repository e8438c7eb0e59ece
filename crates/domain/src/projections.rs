//! Decisions of operators about events that a projection cannot apply.
//!
//! Such an event waits in quarantine, and the later ones of its aggregate behind it. What is decided about it is an
//! event itself, so that it has an actor and a reason, stands in the hash chain, and every rebuild meets it at the same
//! place. The aggregate guards the order of a tenant's decisions about one projection: each is made on what the one before
//! has led to, because only who appends next to that one is taken.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::{DomainProblem, ProblemKind};
use crate::{Context, StreamAggregate, aggregate, event_set};

/// Most positions that one decision skips.
pub const SKIPPED_POSITIONS_MAX: usize = 1_000;
/// Most characters of a reason.
pub const REASON_CHARS_MAX: usize = 2_000;
/// Name space of the ids of quarantines.
const SPACE: Uuid = Uuid::from_u128(0x2f64_09ce_94bd_4b61_9d33_6f0c_52ad_9e17);

/// Context and aggregate of a quarantine's stream.
pub const STREAM: [&str; 2] =
    [<Quarantine as StreamAggregate>::CONTEXT, <Quarantine as cqrs_es::Aggregate>::TYPE];

/// The id of the tenant's quarantine of a projection.
#[must_use]
pub fn quarantine_id(projection: &str) -> Uuid {
    Uuid::new_v5(&SPACE, projection.as_bytes())
}

/// The waiting events of an entity are to be projected again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRetried {
    /// The projection, e.g. `food_graph`.
    pub projection: String,
    /// The aggregate's stream, `<context>.<aggregate>.<id>`.
    pub stream: String,
    /// Position of the first message that waits.
    pub position: u64,
}

/// Messages that wait are never to be projected; those behind them are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineSkipped {
    /// The projection, e.g. `food_graph`.
    pub projection: String,
    /// The aggregate's stream, `<context>.<aggregate>.<id>`.
    pub stream: String,
    /// Positions of the messages in the tenant's partition, rising.
    pub positions: Vec<u64>,
    /// Why, for whoever reads the log later.
    pub reason: String,
}

event_set! {
    /// Events of a quarantine.
    pub enum QuarantineEvent {
        /// The waiting events of an entity are to be projected again.
        Retried(QuarantineRetried) = "foodflow.projections.quarantine.retried.v1",
        /// Messages that wait are never to be projected.
        Skipped(QuarantineSkipped) = "foodflow.projections.quarantine.skipped.v1",
    }
}

/// What may be asked of a quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuarantineCommand {
    /// Project the waiting events of an entity again.
    Retry(QuarantineRetried),
    /// Never project these messages.
    Skip(QuarantineSkipped),
}

/// Why a quarantine refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineError {
    /// A skip without a reason.
    #[error("a skip states its reason, in 1 to {REASON_CHARS_MAX} characters")]
    Reason,
    /// Positions that are no rising list of 1 to [`SKIPPED_POSITIONS_MAX`].
    #[error("a skip names 1 to {SKIPPED_POSITIONS_MAX} positions, rising")]
    Positions,
}

impl DomainProblem for QuarantineError {
    fn code(&self) -> &'static str {
        "invalid-body"
    }

    fn kind(&self) -> ProblemKind {
        ProblemKind::Invalid
    }
}

/// State of a quarantine: how many decisions were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Count of decisions.
    pub decisions: u64,
}

impl Quarantine {
    fn decide(
        &self,
        command: QuarantineCommand,
        _: &Context,
    ) -> Result<Vec<QuarantineEvent>, QuarantineError> {
        match command {
            QuarantineCommand::Retry(data) => Ok(vec![QuarantineEvent::Retried(data)]),
            QuarantineCommand::Skip(data) => {
                let is_rising = data.positions.is_sorted_by(|one, next| one < next);
                if !(1..=SKIPPED_POSITIONS_MAX).contains(&data.positions.len()) || !is_rising {
                    return Err(QuarantineError::Positions);
                }
                let characters = data.reason.chars().count();
                if data.reason.trim().is_empty() || characters > REASON_CHARS_MAX {
                    return Err(QuarantineError::Reason);
                }
                Ok(vec![QuarantineEvent::Skipped(data)])
            }
        }
    }

    fn evolve(&mut self, _: QuarantineEvent) {
        self.decisions += 1;
    }
}

aggregate!(Quarantine, "projections", "quarantine", QuarantineCommand, QuarantineEvent, QuarantineError);

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(positions: &[u64], reason: &str) -> Result<Vec<QuarantineEvent>, QuarantineError> {
        let command = QuarantineCommand::Skip(QuarantineSkipped {
            projection: "food_graph".to_owned(),
            stream: "food_graph.batch.x".to_owned(),
            positions: positions.to_vec(),
            reason: reason.to_owned(),
        });
        let (now, tenant) = (jiff::Timestamp::UNIX_EPOCH, crate::TenantId::default());
        Quarantine::default().decide(command, &Context { now, actor: "a person".to_owned(), tenant })
    }

    #[test]
    fn a_skip_names_rising_positions_and_a_reason() {
        assert_eq!(skip(&[3, 5], "twice").unwrap().len(), 1);
        for wrong in [&[][..], &[5, 3], &[3, 3], &vec![1; SKIPPED_POSITIONS_MAX + 1]] {
            assert_eq!(skip(wrong, "twice"), Err(QuarantineError::Positions), "{wrong:?}");
        }
        for wrong in ["", "  \n", &"x".repeat(REASON_CHARS_MAX + 1)] {
            assert_eq!(skip(&[3], wrong), Err(QuarantineError::Reason));
        }
    }

    #[test]
    fn each_projection_has_a_quarantine_of_its_own() {
        assert_ne!(quarantine_id("food_graph"), quarantine_id("tenancy"));
    }
}
