//! What a decision may know besides the aggregate's own state.

use jiff::{SignedDuration, Timestamp};

use crate::ids::TenantId;

/// How far ahead of the server's clock an event time may lie before it counts as the future, in seconds.
///
/// Clients stamp with their own clocks; a few seconds are drift, not prediction.
pub const CLOCK_DRIFT_S_MAX: i64 = 5;

/// The surroundings of one command: cqrs-es calls this the aggregate's services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Recorded time of the commit that is being decided (UTC).
    pub now: Timestamp,
    /// Who acts, as the access token names them.
    pub actor: String,
    /// The tenant that every id in the command belongs to.
    pub tenant: TenantId,
}

impl Context {
    /// True where `occurred_at` lies after the recorded time by more than clock drift.
    #[must_use]
    pub fn is_future(&self, occurred_at: Timestamp) -> bool {
        occurred_at.duration_since(self.now) > SignedDuration::from_secs(CLOCK_DRIFT_S_MAX)
    }
}
