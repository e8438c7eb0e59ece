//! The written form of every event: frozen samples and JSON Schemas in `schemas/events`.
//!
//! A version that was written is in logs for good, so its two files may never change. `BLESS=1` writes the files
//! of a type that has none; nothing here can overwrite one.

mod definitions;
mod files;
pub(crate) mod identity;
mod lot_samples;
mod mutations;
pub(crate) mod samples;
mod schemas;
mod states;
pub(crate) mod tenancy;
mod upcasting;

use foodflow_domain::food_graph::batch::Batch;
use foodflow_domain::food_graph::guards::{CommandRecord, Genealogy, Reservation};
use foodflow_domain::food_graph::ingredient::{Ingredient, IngredientEvent};
use foodflow_domain::food_graph::location::{Location, LocationEvent};
use foodflow_domain::food_graph::product::Product;
use foodflow_domain::food_graph::receipt::Receipt;
use foodflow_domain::food_graph::shipment::Shipment;
use foodflow_domain::food_graph::sku::{Sku, SkuEvent};
use foodflow_domain::food_graph::supplier::Supplier;
use foodflow_domain::food_graph::transformation::Transformation;
use foodflow_domain::identity::access::AccessJournal;
use foodflow_domain::identity::administrators::Administrators;
use foodflow_domain::identity::reservation;
use foodflow_domain::identity::role::Role;
use foodflow_domain::identity::service_account::ServiceAccount;
use foodflow_domain::identity::session::Session;
use foodflow_domain::identity::user::User;

use foodflow_domain::projections::Quarantine;
use foodflow_domain::tenancy::feature_flag::FeatureFlag;
use foodflow_domain::tenancy::subscription::Subscription;
use foodflow_domain::tenancy::tenant::Tenant;
use foodflow_domain::{EventSet, StreamAggregate};
use serde_json::Value;

use states::{States, states_of};

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
    let again: Value = serde_json::from_str(event.data().unwrap().get()).unwrap();
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
    Ok((event.type_name(), serde_json::from_str(event.data().unwrap().get()).unwrap()))
}

fn older_of<E: EventSet>() -> Vec<OlderType> {
    E::OLDER.iter().map(|older| OlderType { name: older.from, read: read::<E> }).collect()
}

/// Every older version of the domain's events.
fn older() -> Vec<OlderType> {
    aggregates().into_iter().flat_map(|aggregate| aggregate.older).collect()
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

/// An aggregate with a sample of each of its events.
struct Sampled {
    types: Vec<EventType>,
    older: Vec<OlderType>,
    states: States,
}

fn sampled<A>(samples: Vec<A::Event>) -> Sampled
where
    A: StreamAggregate + PartialEq + std::fmt::Debug,
{
    Sampled { types: types_of(&samples), older: older_of::<A::Event>(), states: states_of::<A>(samples) }
}

/// Every aggregate of the domain.
fn aggregates() -> Vec<Sampled> {
    vec![
        sampled::<Batch>(lot_samples::batch_events()),
        sampled::<Receipt>(samples::receipt_events()),
        sampled::<Shipment>(samples::shipment_events()),
        sampled::<Transformation>(samples::transformation_events()),
        sampled::<Location>(vec![LocationEvent::Registered(samples::location())]),
        sampled::<Supplier>(samples::supplier_events()),
        sampled::<Ingredient>(vec![IngredientEvent::Registered(samples::ingredient())]),
        sampled::<Product>(samples::product_events()),
        sampled::<Sku>(vec![SkuEvent::Registered(samples::sku())]),
        sampled::<Reservation>(samples::reservation_events()),
        sampled::<Genealogy>(samples::genealogy_events()),
        sampled::<CommandRecord>(samples::command_events()),
        sampled::<User>(identity::user_events()),
        sampled::<Session>(identity::session_events()),
        sampled::<Role>(identity::role_events()),
        sampled::<ServiceAccount>(identity::service_account_events()),
        sampled::<reservation::Reservation>(identity::reservation_events()),
        sampled::<Administrators>(identity::administrators_events()),
        sampled::<AccessJournal>(identity::access_events()),
        sampled::<Quarantine>(samples::quarantine_events()),
        sampled::<Tenant>(tenancy::tenant_events()),
        sampled::<Subscription>(tenancy::subscription_events()),
        sampled::<FeatureFlag>(tenancy::feature_flag_events()),
    ]
}

/// What accepts a text that belongs to a person.
pub(crate) fn personal_schema() -> jsonschema::Validator {
    files::validator(&schemas::with_definitions(definitions::personal(definitions::text())))
}

/// Every event type of the domain.
fn all() -> Vec<EventType> {
    aggregates().into_iter().flat_map(|aggregate| aggregate.types).collect()
}
