//! The one write path: load, decide, append.
//!
//! - [`execute`]: runs an [`Operation`] over several aggregates as one commit, with locks, idempotency and
//!   retries;
//! - [`loading`], [`snapshot`]: an aggregate from memory, from a snapshot with what came after it, or from its stream;
//! - [`remembered`]: the last commands of a stream, by which a repeat is told;
//! - [`mod@unit`]: the aggregates that one operation has loaded, and what it decided;
//! - [`food_graph`]: the operations of traceability;
//! - [`identity`]: the operations of people, sessions, roles and keys;
//! - [`standing`]: what a tenant's status and plan let it do;
//! - [`projections`]: decisions about events that wait in quarantine;
//! - [`tenancy`]: the operations of tenants, subscriptions and features.
//!
//! What must never happen: a commit that was acknowledged and is not in the log, a command that takes effect
//! twice, a decision on a state that the log no longer ends at.

pub mod clock;
pub mod error;
pub mod execute;
pub mod food_graph;
pub mod identity;
pub mod loaded;
mod loading;
pub mod metric_definitions;
pub mod projections;
pub mod remembered;
mod snapshot;
pub mod standing;
pub mod tenancy;
pub mod unit;

pub use clock::{Clock, ScriptedClock, SystemClock};
pub use error::CommandError;
pub use execute::{Accepted, AcceptedEvent, COMMANDS_MAX, CommandMeta, Executor, IfMatch, Operation, Reply};
pub use snapshot::SNAPSHOT_TAIL_MESSAGES_MAX;
pub use standing::{Meter, Metered, Needs, TenantStanding};
pub use unit::Unit;
