//! The pure domain: what a food plant may do, decided from events alone.
//!
//! Nothing here reads a clock, a random source, the environment, a network or a disk; time, actor and
//! tenant arrive in a [`Context`]. Contexts never import each other.
//!
//! - [`ids`]: typed identifiers;
//! - [`quantity`]: exact decimals with UN/ECE Rec 20 units;
//! - [`mod@event_set`]: how an aggregate's events are named, written and read;
//! - [`personal`]: values that are gone when their person is forgotten;
//! - [`upcast`]: reading what older versions wrote;
//! - [`food_graph`]: lots and their genealogy, from receiving to recall;
//! - [`identity`]: users, roles, sessions and keys;
//! - [`projections`]: what operators decide about events that a read model cannot take;
//! - [`tenancy`]: tenants, their subscriptions and features.

pub mod aggregate;
pub mod context;
pub mod event_set;
pub mod food_graph;
pub mod identity;
pub mod ids;
pub mod personal;
pub mod problem;
pub mod projections;
pub mod quantity;
pub mod tenancy;
pub mod upcast;

pub use aggregate::StreamAggregate;
pub use context::Context;
pub use event_set::EventSet;
pub use ids::TenantId;
pub use personal::Personal;
pub use problem::{DomainProblem, ProblemKind};
pub use quantity::{Quantity, Unit};
