//! The written form of every event: frozen samples and JSON Schemas in `schemas/events`.
//!
//! A version that was written is in logs for good, so its two files may never change. `BLESS=1` writes the files
//! of a type that has none; nothing here can overwrite one.

mod definitions;
mod files;
mod lot_samples;
mod mutations;
pub(crate) mod samples;
mod schemas;
mod states;
mod upcasting;

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
use serde_json::Value;

/// One event type with the sample that was built here.
struct EventType {
    name: &'static str,
    /// `{"type": …, "data": …}`, indented.
    sample: String,
    rewrite: fn(&str, &Value) -> Result<String, String>,
}

impl EventType {
    /// Reads `data` as an event of this type and writes it again, as in the sample's file.
    fn rewrite(&self, data: &Value) -> Result<String, String> {
        (self.rewrite)(self.name, data)
    }
}

fn written<E: EventSet>(event: &E) -> String {
    serde_json::to_string_pretty(event).unwrap() + "\n"
}

fn rewrite<E: EventSet>(type_name: &str, data: &Value) -> Result<String, String> {
    let event = E::decode(type_name, &data.to_string()).map_err(|error| error.to_string())?;
    let event = event.ok_or_else(|| format!("{type_name} is not of this set"))?;
    let again: Value = serde_json::from_str(&event.data().unwrap()).unwrap();
    let whole: Value = serde_json::to_value(&event).unwrap();
    assert_eq!(whole["type"], type_name);
    assert_eq!(whole["data"], again, "the data is the same alone and beside its type");
    Ok(written(&event))
}

/// The type that an older event is read as, and its data then.
type ReadAs = Result<(&'static str, Value), String>;

/// A version that is no longer written, and how it is read.
struct OlderType {
    name: &'static str,
    read: fn(&str, &Value) -> ReadAs,
}

fn read<E: EventSet>(type_name: &str, data: &Value) -> ReadAs {
    let event = E::decode(type_name, &data.to_string()).map_err(|error| error.to_string())?;
    let event = event.ok_or_else(|| format!("{type_name} does not lead to a type of this set"))?;
    Ok((event.type_name(), serde_json::from_str(&event.data().unwrap()).unwrap()))
}

fn older_of<E: EventSet>() -> Vec<OlderType> {
    E::OLDER.iter().map(|older| OlderType { name: older.from, read: read::<E> }).collect()
}

/// Every older version of the domain's events.
fn older() -> Vec<OlderType> {
    [
        older_of::<BatchEvent>(),
        older_of::<ReceiptEvent>(),
        older_of::<ShipmentEvent>(),
        older_of::<TransformationEvent>(),
        older_of::<LocationEvent>(),
        older_of::<SupplierEvent>(),
        older_of::<IngredientEvent>(),
        older_of::<ProductEvent>(),
        older_of::<SkuEvent>(),
        older_of::<ReservationEvent>(),
        older_of::<GenealogyEvent>(),
        older_of::<CommandRecordEvent>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn types_of<E: EventSet>(samples: &[E]) -> Vec<EventType> {
    let names: Vec<_> = samples.iter().map(EventSet::type_name).collect();
    assert_eq!(names, E::TYPES, "one sample per type, in order of declaration");
    let event_type = |sample: &E| {
        let name = sample.type_name();
        EventType { name, sample: written(sample), rewrite: rewrite::<E> }
    };
    samples.iter().map(event_type).collect()
}

/// Every event type of the domain.
fn all() -> Vec<EventType> {
    let sets: Vec<Vec<EventType>> = vec![
        types_of::<BatchEvent>(&lot_samples::batch_events()),
        types_of::<ReceiptEvent>(&samples::receipt_events()),
        types_of::<ShipmentEvent>(&samples::shipment_events()),
        types_of::<TransformationEvent>(&samples::transformation_events()),
        types_of::<LocationEvent>(&[LocationEvent::Registered(samples::location())]),
        types_of::<SupplierEvent>(&samples::supplier_events()),
        types_of::<IngredientEvent>(&[IngredientEvent::Registered(samples::ingredient())]),
        types_of::<ProductEvent>(&samples::product_events()),
        types_of::<SkuEvent>(&[SkuEvent::Registered(samples::sku())]),
        types_of::<ReservationEvent>(&samples::reservation_events()),
        types_of::<GenealogyEvent>(&samples::genealogy_events()),
        types_of::<CommandRecordEvent>(&samples::command_events()),
    ];
    sets.into_iter().flatten().collect()
}
