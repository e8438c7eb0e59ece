//! A place: plant, warehouse, distribution centre, retailer (GS1: a party's location with a GLN).

use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use crate::ids::LocationId;
use crate::{Context, aggregate, event_set};

/// A point on the earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinates {
    /// Degrees north, −90 to 90.
    pub latitude: f64,
    /// Degrees east, −180 to 180.
    pub longitude: f64,
}

/// A place became known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationRegistered {
    /// Its id.
    pub location_id: LocationId,
    /// Its name.
    pub name: String,
    /// What kind of place, in the tenant's own words.
    #[serde(rename = "type")]
    pub location_type: String,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
    /// Global location number, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gln: Option<String>,
}

event_set! {
    /// Events of a location.
    pub enum LocationEvent {
        /// It became known.
        Registered(LocationRegistered) = "foodflow.food_graph.location.registered.v1",
    }
}

/// What may be asked of a location.
#[derive(Debug, Clone, PartialEq)]
pub enum LocationCommand {
    /// Make it known.
    Register(LocationRegistered),
}

/// State of a location.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// What was registered; `None` before that.
    pub registered: Option<LocationRegistered>,
}

impl Location {
    fn decide(&self, command: LocationCommand, _: &Context) -> Result<Vec<LocationEvent>, FoodGraphError> {
        let LocationCommand::Register(data) = command;
        if self.registered.is_some() {
            return Err(FoodGraphError::AlreadyExists { what: "location", id: data.location_id.to_string() });
        }
        Ok(vec![LocationEvent::Registered(data)])
    }

    fn evolve(&mut self, event: LocationEvent) {
        let LocationEvent::Registered(data) = event;
        self.registered = Some(data);
    }
}

aggregate!(Location, "food_graph", "location", LocationCommand, LocationEvent, FoodGraphError);
