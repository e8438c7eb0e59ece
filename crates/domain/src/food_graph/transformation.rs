//! A transformation: lots go in, other lots come out (mixing, cooking, packing, rework).

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::facts::{LotQuantity, TransformationFacts};
use super::{FoodGraphError, in_time};
use crate::ids::{BatchId, TransformationId};
use crate::{Context, aggregate, event_set};

/// A transformation was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformationRecorded {
    /// The document.
    pub transformation_id: TransformationId,
    /// What it declares.
    pub facts: TransformationFacts,
    /// Output ÷ input in percent, two decimals, where the units allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yield_percent: Option<Decimal>,
}

/// More went in than was recorded at first (late rework).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformationInputsAdded {
    /// The document.
    pub transformation_id: TransformationId,
    /// What went in besides.
    pub inputs: Vec<LotQuantity>,
    /// Event time of these inputs.
    pub occurred_at: Timestamp,
    /// The lots that it went into: the outputs of the transformation.
    pub output_batch_ids: Vec<BatchId>,
    /// Yield with all inputs so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yield_percent: Option<Decimal>,
}

/// The document, with all inputs added later, was declared an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformationCorrected {
    /// The document.
    pub transformation_id: TransformationId,
    /// Why.
    pub reason: String,
    /// What it declared until now, all inputs included.
    pub retired: TransformationFacts,
    /// What it should have declared; `None` where it should not have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<TransformationFacts>,
    /// Yield as restated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yield_percent: Option<Decimal>,
}

event_set! {
    /// Events of a transformation.
    pub enum TransformationEvent {
        /// It was recorded.
        Recorded(TransformationRecorded) = "foodflow.food_graph.transformation.recorded.v1",
        /// More went in than was recorded at first.
        InputsAdded(TransformationInputsAdded) = "foodflow.food_graph.transformation.inputs_added.v1",
        /// It was declared an error.
        Corrected(TransformationCorrected) = "foodflow.food_graph.transformation.corrected.v1",
    }
}

/// What may be asked of a transformation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransformationCommand {
    /// Record it.
    Record {
        /// The document.
        transformation_id: TransformationId,
        /// What it declares.
        facts: TransformationFacts,
    },
    /// Add inputs that were not recorded at first.
    AddInputs {
        /// The document.
        transformation_id: TransformationId,
        /// What went in besides.
        inputs: Vec<LotQuantity>,
        /// Event time of these inputs.
        occurred_at: Timestamp,
    },
    /// Declare it an error.
    Correct {
        /// The document.
        transformation_id: TransformationId,
        /// Why.
        reason: String,
        /// What it should have declared.
        restated: Option<TransformationFacts>,
    },
}

/// State of a transformation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transformation {
    /// True once it was recorded.
    pub recorded: bool,
    /// What it declares today, later inputs included; `None` before and after.
    pub facts: Option<TransformationFacts>,
    /// Event time of every input line of `facts`, in the same order.
    pub input_times: Vec<Timestamp>,
}

impl Transformation {
    fn decide(
        &self,
        command: TransformationCommand,
        context: &Context,
    ) -> Result<Vec<TransformationEvent>, FoodGraphError> {
        match command {
            TransformationCommand::Record { transformation_id, facts } => {
                if self.recorded {
                    let id = transformation_id.to_string();
                    return Err(FoodGraphError::AlreadyExists { what: "transformation", id });
                }
                check(&facts, context)?;
                let yield_percent = facts.yield_percent();
                let data = TransformationRecorded { transformation_id, facts, yield_percent };
                Ok(vec![TransformationEvent::Recorded(data)])
            }
            TransformationCommand::AddInputs { transformation_id, inputs, occurred_at } => {
                let mut facts = self.current(transformation_id)?.clone();
                in_time(occurred_at, context)?;
                facts.inputs.extend(inputs.iter().copied());
                check(&facts, context)?;
                let output_batch_ids = facts.outputs.iter().map(|output| output.batch_id).collect();
                let yield_percent = facts.yield_percent();
                Ok(vec![TransformationEvent::InputsAdded(TransformationInputsAdded {
                    transformation_id,
                    inputs,
                    occurred_at,
                    output_batch_ids,
                    yield_percent,
                })])
            }
            TransformationCommand::Correct { transformation_id, reason, restated } => {
                let retired = self.current(transformation_id)?.clone();
                restated.as_ref().map_or(Ok(()), |facts| check(facts, context))?;
                let yield_percent = restated.as_ref().and_then(TransformationFacts::yield_percent);
                Ok(vec![TransformationEvent::Corrected(TransformationCorrected {
                    transformation_id,
                    reason,
                    retired,
                    restated,
                    yield_percent,
                })])
            }
        }
    }

    /// What it declares today.
    ///
    /// # Errors
    /// `NotFound` before it was recorded, `AlreadyRetired` after it was declared an error.
    pub fn current(&self, id: TransformationId) -> Result<&TransformationFacts, FoodGraphError> {
        if !self.recorded {
            return Err(FoodGraphError::NotFound { what: "transformation", id: id.0 });
        }
        self.facts.as_ref().ok_or(FoodGraphError::AlreadyRetired { what: "transformation", id: id.0 })
    }

    fn evolve(&mut self, event: TransformationEvent) {
        match event {
            TransformationEvent::Recorded(data) => {
                self.recorded = true;
                self.set(Some(data.facts));
            }
            TransformationEvent::InputsAdded(data) => {
                if let Some(facts) = &mut self.facts {
                    self.input_times.extend(data.inputs.iter().map(|_| data.occurred_at));
                    facts.inputs.extend(data.inputs);
                }
            }
            TransformationEvent::Corrected(data) => self.set(data.restated),
        }
    }

    fn set(&mut self, facts: Option<TransformationFacts>) {
        self.input_times =
            facts.iter().flat_map(|facts| facts.inputs.iter().map(|_| facts.occurred_at)).collect();
        self.facts = facts;
    }
}

/// A lot on both sides would be its own ancestor.
fn check(facts: &TransformationFacts, context: &Context) -> Result<(), FoodGraphError> {
    in_time(facts.occurred_at, context)?;
    let own =
        facts.inputs.iter().find(|input| facts.outputs.iter().any(|out| out.batch_id == input.batch_id));
    own.map_or(Ok(()), |input| Err(FoodGraphError::Cycle { batch_id: input.batch_id }))
}

aggregate!(
    Transformation,
    "food_graph",
    "transformation",
    TransformationCommand,
    TransformationEvent,
    FoodGraphError
);
