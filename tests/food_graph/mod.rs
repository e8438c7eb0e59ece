//! The food graph: what a plant records, and what it is answered.

mod as_of;
mod corrections;
mod demo;
mod events;
mod genealogy;
mod idempotency;
mod races;
mod read_your_writes;
mod tenants;
