//! A shipping: the critical tracking event with which lots leave.

use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use super::facts::ShipmentFacts;
use crate::ids::ShipmentId;
use crate::{Context, aggregate, event_set};

/// A shipping was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentRecorded {
    /// The document.
    pub shipment_id: ShipmentId,
    /// What it declares.
    pub facts: ShipmentFacts,
}

/// The document was declared an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentCorrected {
    /// The document.
    pub shipment_id: ShipmentId,
    /// Why.
    pub reason: String,
    /// What it declared until now.
    pub retired: ShipmentFacts,
    /// What it should have declared; `None` where it should not have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<ShipmentFacts>,
}

event_set! {
    /// Events of a shipment.
    pub enum ShipmentEvent {
        /// It was recorded.
        Recorded(ShipmentRecorded) = "foodflow.food_graph.shipment.recorded.v1",
        /// It was declared an error.
        Corrected(ShipmentCorrected) = "foodflow.food_graph.shipment.corrected.v1",
    }
}

/// What may be asked of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShipmentCommand {
    /// Record it.
    Record(ShipmentRecorded),
    /// Declare it an error.
    Correct {
        /// The document.
        shipment_id: ShipmentId,
        /// Why.
        reason: String,
        /// What it should have declared.
        restated: Option<ShipmentFacts>,
    },
}

/// State of a shipment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// True once it was recorded.
    pub recorded: bool,
    /// What it declares today; `None` before it was recorded and after it was retired.
    pub facts: Option<ShipmentFacts>,
}

impl Shipment {
    fn decide(
        &self,
        command: ShipmentCommand,
        context: &Context,
    ) -> Result<Vec<ShipmentEvent>, FoodGraphError> {
        let in_time = |facts: &ShipmentFacts| match context.is_future(facts.shipped_at) {
            true => Err(FoodGraphError::OccurredInFuture { occurred_at: facts.shipped_at, now: context.now }),
            false => Ok(()),
        };
        match command {
            ShipmentCommand::Record(data) => {
                if self.recorded {
                    let id = data.shipment_id.to_string();
                    return Err(FoodGraphError::AlreadyExists { what: "shipment", id });
                }
                in_time(&data.facts)?;
                Ok(vec![ShipmentEvent::Recorded(data)])
            }
            ShipmentCommand::Correct { shipment_id, reason, restated } => {
                if !self.recorded {
                    return Err(FoodGraphError::NotFound { what: "shipment", id: shipment_id.0 });
                }
                let Some(retired) = self.facts.clone() else {
                    return Err(FoodGraphError::AlreadyRetired { what: "shipment", id: shipment_id.0 });
                };
                restated.as_ref().map_or(Ok(()), in_time)?;
                Ok(vec![ShipmentEvent::Corrected(ShipmentCorrected {
                    shipment_id,
                    reason,
                    retired,
                    restated,
                })])
            }
        }
    }

    fn evolve(&mut self, event: ShipmentEvent) {
        match event {
            ShipmentEvent::Recorded(data) => {
                self.recorded = true;
                self.facts = Some(data.facts);
            }
            ShipmentEvent::Corrected(data) => self.facts = data.restated,
        }
    }
}

aggregate!(Shipment, "food_graph", "shipment", ShipmentCommand, ShipmentEvent, FoodGraphError);
