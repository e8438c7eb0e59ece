//! The operations of traceability: each is one commit over the aggregates that it touches.
//!
//! - [`master_data`]: locations, suppliers, ingredients, products, SKUs;
//! - [`receipts`], [`transformations`], [`shipments`]: critical tracking events and their corrections;
//! - [`batches`]: hold, release, recall, dispose, adjust;
//! - [`references`]: what must exist before something refers to it;
//! - [`ancestry`]: no lot among its own ancestors.

pub mod ancestry;
pub mod batches;
pub mod master_data;
pub mod receipts;
pub mod references;
pub mod shipments;
pub mod transformations;

use foodflow_domain::food_graph::guards::{NameHeld, Reservation, ReservationCommand};
use foodflow_domain::ids;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::CommandError;
use crate::execute::{chosen_or_derived, reply_of};
use crate::unit::{Stop, Unit};

/// Most lots that one operation may name.
pub const LINES_MAX: usize = 300;

/// Refuses an event time in the future. The aggregates refuse it too, but do not know which field states it.
fn in_time(unit: &Unit<'_>, occurred_at: Timestamp, pointer: &str) -> Result<(), Stop> {
    let checked = foodflow_domain::food_graph::in_time(occurred_at, &unit.context);
    checked.map_err(|error| CommandError::refused(&error, pointer).into())
}

/// Takes a name that is unique among the tenant's names of its kind.
async fn take_name(
    unit: &mut Unit<'_>,
    kind: &str,
    name: &str,
    holder: Uuid,
    pointer: &str,
) -> Result<(), Stop> {
    let id = ids::reservation(unit.meta.tenant, kind, name);
    let held = NameHeld { kind: kind.to_owned(), name: name.to_owned(), holder };
    unit.create::<Reservation>(id, ReservationCommand::Take(held), pointer).await
}

/// Gives a name up that `holder` holds.
async fn give_up_name(unit: &mut Unit<'_>, kind: &str, name: &str, holder: Uuid) -> Result<(), Stop> {
    let id = ids::reservation(unit.meta.tenant, kind, name);
    let held = NameHeld { kind: kind.to_owned(), name: name.to_owned(), holder };
    unit.decide::<Reservation>(id, ReservationCommand::GiveUp(held), "").await
}
