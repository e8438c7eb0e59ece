//! A receiving: the critical tracking event with which a lot enters.

use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use super::facts::ReceiptFacts;
use crate::ids::ReceiptId;
use crate::{Context, aggregate, event_set};

/// A receiving was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRecorded {
    /// The document.
    pub receipt_id: ReceiptId,
    /// What it declares.
    pub facts: ReceiptFacts,
}

/// The document was declared an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptCorrected {
    /// The document.
    pub receipt_id: ReceiptId,
    /// Why.
    pub reason: String,
    /// What it declared until now.
    pub retired: ReceiptFacts,
    /// What it should have declared; `None` where it should not have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<ReceiptFacts>,
}

event_set! {
    /// Events of a receipt.
    pub enum ReceiptEvent {
        /// It was recorded.
        Recorded(ReceiptRecorded) = "foodflow.food_graph.receipt.recorded.v1",
        /// It was declared an error.
        Corrected(ReceiptCorrected) = "foodflow.food_graph.receipt.corrected.v1",
    }
}

/// What may be asked of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptCommand {
    /// Record it.
    Record(ReceiptRecorded),
    /// Declare it an error.
    Correct {
        /// The document.
        receipt_id: ReceiptId,
        /// Why.
        reason: String,
        /// What it should have declared.
        restated: Option<ReceiptFacts>,
    },
}

/// State of a receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// True once it was recorded.
    pub recorded: bool,
    /// What it declares today; `None` before it was recorded and after it was retired.
    pub facts: Option<ReceiptFacts>,
}

impl Receipt {
    fn decide(
        &self,
        command: ReceiptCommand,
        context: &Context,
    ) -> Result<Vec<ReceiptEvent>, FoodGraphError> {
        let in_time = |facts: &ReceiptFacts| match context.is_future(facts.received_at) {
            true => {
                Err(FoodGraphError::OccurredInFuture { occurred_at: facts.received_at, now: context.now })
            }
            false => Ok(()),
        };
        match command {
            ReceiptCommand::Record(data) => {
                if self.recorded {
                    return Err(FoodGraphError::AlreadyExists {
                        what: "receipt",
                        id: data.receipt_id.to_string(),
                    });
                }
                in_time(&data.facts)?;
                Ok(vec![ReceiptEvent::Recorded(data)])
            }
            ReceiptCommand::Correct { receipt_id, reason, restated } => {
                if !self.recorded {
                    return Err(FoodGraphError::NotFound { what: "receipt", id: receipt_id.0 });
                }
                let Some(retired) = self.facts.clone() else {
                    return Err(FoodGraphError::AlreadyRetired { what: "receipt", id: receipt_id.0 });
                };
                if let Some(facts) = &restated {
                    in_time(facts)?;
                    if facts.batch_id != retired.batch_id {
                        return Err(FoodGraphError::OtherBatch {
                            expected: retired.batch_id,
                            given: facts.batch_id,
                        });
                    }
                }
                Ok(vec![ReceiptEvent::Corrected(ReceiptCorrected { receipt_id, reason, retired, restated })])
            }
        }
    }

    fn evolve(&mut self, event: ReceiptEvent) {
        match event {
            ReceiptEvent::Recorded(data) => {
                self.recorded = true;
                self.facts = Some(data.facts);
            }
            ReceiptEvent::Corrected(data) => self.facts = data.restated,
        }
    }
}

aggregate!(Receipt, "food_graph", "receipt", ReceiptCommand, ReceiptEvent, FoodGraphError);
