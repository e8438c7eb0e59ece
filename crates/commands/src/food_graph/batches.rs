//! Hold, release, recall, dispose and adjust a lot.

use foodflow_domain::Quantity;
use foodflow_domain::food_graph::batch::{AdjustmentKind, Bar, Batch, BatchCommand};
use foodflow_domain::ids::BatchId;
use foodflow_log::StreamId;
use jiff::Timestamp;

use super::{in_time, references, reply_of};
use crate::execute::{CommandMeta, Operation, Reply};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// What is done to a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarKind {
    /// Put it on hold.
    Hold,
    /// Release it.
    Release,
    /// Recall it.
    Recall,
    /// Dispose of it.
    Dispose,
}

/// `POST /v1/batches/{id}/hold`, `/release`, `/recall`, `/dispose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarBatch {
    /// The lot.
    pub batch_id: BatchId,
    /// What is done.
    pub kind: BarKind,
    /// Why.
    pub reason: String,
    /// Event time; the recorded time where absent.
    pub occurred_at: Option<Timestamp>,
    /// How much of it; all where absent.
    pub quantity: Option<Quantity>,
}

impl Operation for BarBatch {
    type Primary = Batch;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.kind {
            BarKind::Hold => "batches/hold",
            BarKind::Release => "batches/release",
            BarKind::Recall => "batches/recall",
            BarKind::Dispose => "batches/dispose",
        };
        Reply {
            batch_id: Some(self.batch_id.0),
            ..reply_of::<Self::Primary>(operation, self.batch_id.0, false)
        }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Batch>(self.batch_id.0)]
    }

    fn needs(&self) -> Needs {
        match self.kind {
            // Whatever a tenant owes: what may harm somebody is stopped.
            BarKind::Hold | BarKind::Recall => Needs::Open,
            BarKind::Release | BarKind::Dispose => Needs::Active,
        }
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        references::require::<Batch>(unit, "lot", self.batch_id.0, "").await?;
        if let Some(occurred_at) = self.occurred_at {
            in_time(unit, occurred_at, "/occurred_at")?;
        }
        let bar = Bar {
            batch_id: self.batch_id,
            reason: self.reason.clone(),
            occurred_at: self.occurred_at.unwrap_or(unit.context.now),
            quantity: self.quantity,
        };
        let command = match self.kind {
            BarKind::Hold => BatchCommand::Hold(bar),
            BarKind::Release => BatchCommand::Release(bar),
            BarKind::Recall => BatchCommand::Recall(bar),
            BarKind::Dispose => BatchCommand::Dispose(bar),
        };
        unit.decide::<Batch>(self.batch_id.0, command, "").await
    }
}

/// `POST /v1/batches/{id}/adjustments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustBatch {
    /// The lot.
    pub batch_id: BatchId,
    /// Sample, waste or count.
    pub kind: AdjustmentKind,
    /// How much; for a count, what was found.
    pub quantity: Quantity,
    /// Event time.
    pub occurred_at: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

impl Operation for AdjustBatch {
    type Primary = Batch;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let reply = reply_of::<Self::Primary>("batches/adjustments", self.batch_id.0, false);
        Reply { batch_id: Some(self.batch_id.0), ..reply }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Batch>(self.batch_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        references::require::<Batch>(unit, "lot", self.batch_id.0, "").await?;
        in_time(unit, self.occurred_at, "/occurred_at")?;
        let command = BatchCommand::Adjust {
            batch_id: self.batch_id,
            kind: self.kind,
            quantity: self.quantity,
            occurred_at: self.occurred_at,
            reason: self.reason.clone(),
        };
        unit.decide::<Batch>(self.batch_id.0, command, "/quantity").await
    }
}
