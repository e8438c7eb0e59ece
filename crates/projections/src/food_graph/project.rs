//! The food graph's projection: a recorded message becomes changes to the graph. Pure; it never reads.
//!
//! - [`master_data`]: locations, suppliers, ingredients, products, SKUs;
//! - [`lots`]: the `Batch` nodes and what they are of;
//! - [`documents`]: receipts, transformations and shipments: the edges of the genealogy;
//! - [`event`]: the event at hand, and the edges that it states.
//!
//! An event of another context changes nothing here. An event of this context that is not known is an error:
//! passing over it would leave the graph silently wrong.

mod documents;
mod event;
mod lots;
mod master_data;

use foodflow_domain::EventSet;
use foodflow_domain::food_graph::batch::BatchEvent;
use foodflow_domain::food_graph::guards::{CommandRecordEvent, GenealogyEvent, ReservationEvent};
use foodflow_domain::food_graph::ingredient::IngredientEvent;
use foodflow_domain::food_graph::location::LocationEvent;
use foodflow_domain::food_graph::product::ProductEvent;
use foodflow_domain::food_graph::receipt::ReceiptEvent;
use foodflow_domain::food_graph::shipment::ShipmentEvent;
use foodflow_domain::food_graph::sku::SkuEvent;
use foodflow_domain::food_graph::supplier::SupplierEvent;
use foodflow_domain::food_graph::transformation::TransformationEvent;
use foodflow_log::Envelope;

use self::event::Event;
use crate::changes::Change;
pub use crate::recorded::decode;
use crate::recorded::{ProjectError, Recorded, unknown};

/// What every event type of this context begins with.
const CONTEXT_PREFIX: &str = "foodflow.food_graph.";

/// The changes that `message` makes to the graph of its tenant, in order of its events.
///
/// # Errors
/// `UnknownType` for an event of the food graph that this program does not know, `Data` where an event's data
/// does not fit its type.
pub fn project(message: &Recorded) -> Result<Vec<Change>, ProjectError> {
    let mut changes = Vec::new();
    for envelope in &message.events {
        if let Some(rest) = envelope.event_type.strip_prefix(CONTEXT_PREFIX) {
            let aggregate = rest.split_once('.').map_or(rest, |(aggregate, _)| aggregate);
            project_event(aggregate, message, envelope, &mut changes)?;
        }
    }
    Ok(changes)
}

fn project_event(
    aggregate: &str,
    message: &Recorded,
    envelope: &Envelope,
    changes: &mut Vec<Change>,
) -> Result<(), ProjectError> {
    let event = Event { message, envelope };
    match aggregate {
        "batch" => lots::batch(&event, decode(message, envelope)?, changes),
        "ingredient" => master_data::ingredient(&event, decode(message, envelope)?, changes),
        "location" => master_data::location(&event, decode(message, envelope)?, changes),
        "product" => master_data::product(&event, decode(message, envelope)?, changes),
        "receipt" => documents::receipt(&event, decode(message, envelope)?, changes),
        "shipment" => documents::shipment(&event, decode(message, envelope)?, changes),
        "sku" => master_data::sku(&event, decode(message, envelope)?, changes),
        "supplier" => master_data::supplier(&event, decode(message, envelope)?, changes),
        "transformation" => documents::transformation(&event, decode(message, envelope)?, changes),
        // Guards of invariants: nothing of them is in the graph.
        "command" => known::<CommandRecordEvent>(message, envelope)?,
        "genealogy" => known::<GenealogyEvent>(message, envelope)?,
        "reservation" => known::<ReservationEvent>(message, envelope)?,
        _ => return Err(unknown(message, envelope)),
    }
    Ok(())
}

fn known<E: EventSet>(message: &Recorded, envelope: &Envelope) -> Result<(), ProjectError> {
    E::reads(&envelope.event_type).then_some(()).ok_or_else(|| unknown(message, envelope))
}

/// Every event type that this projection knows, those that change nothing included.
#[must_use]
pub fn event_types() -> Vec<&'static str> {
    [
        BatchEvent::TYPES,
        CommandRecordEvent::TYPES,
        GenealogyEvent::TYPES,
        IngredientEvent::TYPES,
        LocationEvent::TYPES,
        ProductEvent::TYPES,
        ReceiptEvent::TYPES,
        ReservationEvent::TYPES,
        ShipmentEvent::TYPES,
        SkuEvent::TYPES,
        SupplierEvent::TYPES,
        TransformationEvent::TYPES,
    ]
    .concat()
}
