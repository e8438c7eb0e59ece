//! Decisions about events that wait in quarantine.
//!
//! A decision is made about what a read model says waits, and appended next to the decision before, which that read model
//! has taken in: so what it names still waits when a projection meets it, there and in every rebuild.

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_domain::projections::{
    Quarantine, QuarantineCommand, QuarantineRetried, QuarantineSkipped, quarantine_id,
};
use foodflow_log::{Position, StreamId};

use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// What waits in the read model of a projection.
#[async_trait]
pub trait Waits: Send + Sync {
    /// Positions of the messages of `stream` that wait, rising, once the read model has taken in the tenant's log up to
    /// `decided`; none where nothing of it waits.
    ///
    /// # Errors
    /// `Unavailable` where the read model does not answer, or not in time.
    async fn positions(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        decided: Position,
    ) -> Result<Vec<Position>, CommandError>;
}

/// What is to become of the events of an entity that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// They are projected again.
    Retry,
    /// Some are never projected; the others are projected again.
    Skip {
        /// Positions of their messages, rising.
        positions: Vec<u64>,
        /// Why.
        reason: String,
    },
}

/// `POST /v1/projections/quarantine/retry` and `/skip`.
pub struct DecideQuarantine<'a> {
    /// The projection's name.
    pub projection: String,
    /// The entity.
    pub stream: StreamId,
    /// What becomes of it.
    pub decision: Decision,
    /// What waits.
    pub waits: &'a dyn Waits,
}

impl Operation for DecideQuarantine<'_> {
    type Primary = Quarantine;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.decision {
            Decision::Retry => "projections/quarantine/retry",
            Decision::Skip { .. } => "projections/quarantine/skip",
        };
        let id = quarantine_id(&self.projection);
        let primary = stream_of::<Quarantine>(id);
        Reply { operation, id, primary, creates: false, batch_id: None, batch_ids: None }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Quarantine>(quarantine_id(&self.projection))]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let id = quarantine_id(&self.projection);
        let decided = unit.end_of::<Quarantine>(id).await?;
        let waiting = self.waits.positions(unit.meta.tenant, &self.stream, decided).await?;
        let Some(first) = waiting.first() else {
            let (what, id) = ("entity in quarantine", self.stream.id);
            return Err(CommandError::NotFound { what, id, pointer: "/entity".to_owned() }.into());
        };
        let (projection, stream) = (self.projection.clone(), self.stream.to_string());
        let command = match &self.decision {
            Decision::Retry => {
                QuarantineCommand::Retry(QuarantineRetried { projection, stream, position: first.0 })
            }
            Decision::Skip { positions, reason } => {
                all_wait(positions, &waiting)?;
                let (positions, reason) = (positions.clone(), reason.clone());
                QuarantineCommand::Skip(QuarantineSkipped { projection, stream, positions, reason })
            }
        };
        unit.decide::<Quarantine>(id, command, "").await
    }
}

fn all_wait(positions: &[u64], waiting: &[Position]) -> Result<(), CommandError> {
    let foreign = positions.iter().position(|position| waiting.binary_search(&Position(*position)).is_err());
    foreign.map_or(Ok(()), |index| {
        let detail = format!("no message of the entity waits at position {}", positions[index]);
        Err(CommandError::Invalid { pointer: format!("/positions/{index}"), detail })
    })
}
