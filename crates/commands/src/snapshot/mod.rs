//! Snapshots of aggregates: a state with what it was made of, so that a long history is not read again.
//!
//! - [`format`]: what a snapshot says, and when it is passed over;
//! - [`storing`]: stores them in the background.
//!
//! A snapshot is never the truth: it is held against the log when it is read (see [`loading`](crate::loading)), and all of
//! them may be deleted at any time. What must never happen: a command that waits for a snapshot to be stored, or one
//! that is stored in the place of a later one.

mod format;
mod storing;
#[cfg(test)]
mod tests;

use std::hash::{Hash, Hasher};

use foodflow_domain::TenantId;
use foodflow_log::{Position, RecordKey, StreamId};

pub(crate) use format::{Found, Rejection, encode};
pub(crate) use storing::Snapshots;

/// Messages that may stand behind a stream's snapshot before the next one is asked for.
pub const SNAPSHOT_TAIL_MESSAGES_MAX: usize = 20;

/// A stream of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) stream: StreamId,
}

impl Hash for Place {
    /// The ids alone: they are what tells streams apart, and a look into the cache is on the way of every command.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tenant.hash(state);
        self.stream.id.hash(state);
    }
}

impl Place {
    /// The key of its snapshot: all of a tenant begin with the tenant's id. `None` for a name that no key can hold.
    fn key(&self) -> Option<RecordKey> {
        RecordKey::new(format!("{}.{}", self.tenant, self.stream)).ok()
    }
}

/// By which of two snapshots of a stream the later one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) shape: u32,
    pub(crate) position: Position,
}
