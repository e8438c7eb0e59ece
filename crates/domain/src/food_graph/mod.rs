//! Lots and their genealogy: receiving, transformation, shipping, and all that bars or corrects them.
//!
//! Terms are those of GS1 EPCIS 2.0 and FSMA 204. A critical tracking event (receipt, transformation,
//! shipment) is one aggregate that keeps the facts as they were declared; every lot ([`batch`]) keeps its own
//! quantity and its own bars. An operation over several of them is one commit.
//!
//! What must never happen: a held or recalled lot moves, a lot gives more than it has, a lot becomes its own
//! ancestor, a correction edits what was recorded.

pub mod batch;
pub mod error;
pub mod facts;
pub mod guards;
pub mod ingredient;
pub mod location;
pub mod product;
pub mod receipt;
pub mod shipment;
pub mod sku;
pub mod supplier;
pub mod transformation;

use jiff::Timestamp;

use crate::Context;
pub use error::FoodGraphError;

/// Refuses an event time that lies in the future.
///
/// # Errors
/// `OccurredInFuture`.
pub fn in_time(occurred_at: Timestamp, context: &Context) -> Result<(), FoodGraphError> {
    if context.is_future(occurred_at) {
        return Err(FoodGraphError::OccurredInFuture { occurred_at, now: context.now });
    }
    Ok(())
}
