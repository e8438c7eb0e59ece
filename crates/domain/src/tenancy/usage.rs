//! What of a tenant's use its plan limits.

/// What the types of the events begin with by which a lot is received, up to the version.
pub const LOT_RECEIVED: &str = "foodflow.food_graph.batch.received.";
/// What the types of the events begin with by which a lot is produced, up to the version.
pub const LOT_PRODUCED: &str = "foodflow.food_graph.batch.produced.";

/// The metrics that count a tenant's lots, of those that are metered from its log.
pub const LOT_METRICS: [&str; 2] = ["lots.received", "lots.produced"];

/// Whether an event of this type counts against a plan's lots.
#[must_use]
pub fn is_lot(event_type: &str) -> bool {
    event_type.starts_with(LOT_RECEIVED) || event_type.starts_with(LOT_PRODUCED)
}
