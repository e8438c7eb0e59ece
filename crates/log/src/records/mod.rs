//! Small durable records beside the log: what a process wants to find again, and what the log does not say itself.
//!
//! A record is the latest value under a key of one kind. Unlike a message of the log it is replaced and deleted, so
//! nothing may rest on a record alone that the log could contradict: whoever reads one checks it.
//!
//! What must never happen here: a write that goes through although its expected revision was gone, a revision that
//! one key has twice, or a reader that makes a store where there was none. A store comes to be with the first write.
//!
//! The adapters stand beside those of the log: [`memory`](crate::memory) (its records are [`MemoryRecords`]),
//! [`embedded`](crate::embedded) and [`nats`](crate::nats), under the same contract suite.

mod key;
mod memory;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::event_log::LogError;

pub use key::{InvalidRecordKey, RECORD_KEY_CHARS_MAX, RecordKey};
pub(crate) use key::{is_key_start, key_range};
pub use memory::MemoryRecords;

/// Most bytes of one record's value, below the default `max_payload` of NATS (1 MiB).
pub const RECORD_BYTES_MAX: usize = 900_000;
/// Most records that one [`Records::list`] answers.
pub const LISTED_RECORDS_MAX: usize = 1_000;
/// A list ends early with the record that brings it to this many bytes of values.
pub const LISTED_BYTES_MAX: usize = 8 << 20;

/// What a record is for. Each kind has keys and a store of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// An aggregate's state at a position; can be made again from the log. The last of them may be lost, or be as
    /// they were before, after a crash of the server or the machine.
    Snapshot,
    /// What was signed about a range of the log; cannot be made again.
    Checkpoint,
    /// Who does a work that only one process may do; short-lived.
    Lease,
    /// The keys of a person, sealed, or that the person was forgotten; cannot be made again. What stood there before is
    /// erased ([`Records::scrub`]).
    PersonKey,
    /// Up to where a work that follows the log is done; can be made again by following it from the beginning.
    Follower,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Snapshot, Self::Checkpoint, Self::Lease, Self::PersonKey, Self::Follower];

    /// The name under which its records are stored; it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Checkpoint => "checkpoint",
            Self::Lease => "lease",
            Self::PersonKey => "person_key",
            Self::Follower => "follower",
        }
    }

    /// Whether its records can be made again from the log and are written often, so that none of them is worth a wait for
    /// the disk.
    #[must_use]
    pub const fn is_made_again(self) -> bool {
        matches!(self, Self::Snapshot)
    }

    /// Whether a value that was replaced is to be erased from the disk, so that each write is followed by
    /// [`Records::scrub`].
    #[must_use]
    pub const fn is_scrubbed(self) -> bool {
        matches!(self, Self::PersonKey)
    }
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: RecordKey,
    /// Its value, byte for byte as written.
    pub value: Bytes,
    /// Which write this is: rises with every write of the key and is never used again, not after a deletion either.
    pub revision: u64,
}

/// What must stand under a key for a write to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever stands there.
    Any,
    /// Nothing.
    New,
    /// The record of this revision.
    Revision(u64),
}

impl Expected {
    /// Whether a key whose record has the revision `found` is as expected.
    #[must_use]
    pub fn holds(self, found: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::New => found.is_none(),
            Self::Revision(revision) => found == Some(revision),
        }
    }
}

/// Why a record was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Something else stands under the key than was expected; nothing was written.
    #[error("record {key} was written by another in the meantime")]
    Conflict {
        /// The key.
        key: RecordKey,
    },
    /// The value is larger than [`RECORD_BYTES_MAX`]; nothing was written.
    #[error("record {key} would have {bytes} bytes, at most {RECORD_BYTES_MAX}")]
    TooLarge {
        /// The key.
        key: RecordKey,
        /// Bytes of the value.
        bytes: usize,
    },
    /// The store does not answer. Whether a write stands is open: read the record to find out.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The records beside a log.
///
/// A write that was answered is on disk, but for kinds that are made again and for the memory adapter. On a cluster a
/// read may lag behind a write by moments; an expected revision is always held against the last write.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// The record under `key`.
    ///
    /// # Errors
    /// [`RecordError::Log`] where the store does not answer.
    async fn get(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, RecordError>;

    /// Writes `value` under `key` where `expected` holds; answers the revision of the new record.
    ///
    /// # Errors
    /// See [`RecordError`]; only `Log` leaves open whether the record was written.
    async fn put(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: Bytes,
        expected: Expected,
    ) -> Result<u64, RecordError>;

    /// Removes the record under `key` where `expected` holds. With [`Expected::Any`] it need not exist.
    ///
    /// # Errors
    /// See [`RecordError`]; only `Log` leaves open whether the record was removed.
    async fn delete(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError>;

    /// Records whose keys begin with `prefix` and come after `after`, in order of the keys' bytes.
    ///
    /// At most `limit` and at most [`LISTED_RECORDS_MAX`] of them, fewer where their values reach
    /// [`LISTED_BYTES_MAX`] bytes. Only an empty answer means that there are no more. What is written meanwhile may be
    /// missing or be there.
    ///
    /// # Errors
    /// [`RecordError::Log`] where the store does not answer.
    async fn list(
        &self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordError>;

    /// Erases what stood under `key`, or under any key, before its present value, so that nothing of it stays on disk.
    ///
    /// For kinds that are scrubbed ([`RecordKind::is_scrubbed`]); a value that was replaced may stay until then. On
    /// EventStoreDB it stays until the server's operator lets it scavenge.
    ///
    /// # Errors
    /// [`RecordError::Log`] where something may be left; it is safe to repeat.
    async fn scrub(&self, kind: RecordKind, key: Option<&RecordKey>) -> Result<(), RecordError>;
}

/// The records of a log, shared between the roles of one process.
pub type SharedRecords = Arc<dyn Records>;

/// Refuses a value that no adapter may take.
pub(crate) fn check_size(key: &RecordKey, value: &Bytes) -> Result<(), RecordError> {
    let bytes = value.len();
    if bytes > RECORD_BYTES_MAX {
        return Err(RecordError::TooLarge { key: key.clone(), bytes });
    }
    Ok(())
}
