//! Scenarios and laws of a lot.

mod adjustments;
mod bars;
mod corrections;
mod events;
mod late_facts;
mod long_histories;
mod model;
mod movements;
mod properties;
mod scenario;
