//! Quarantine: a message that cannot be projected, or that a store refuses, stops its own entity, and nothing else.
//!
//! An entity is an aggregate's stream within a tenant. Its first message that cannot be applied waits, and every later
//! one behind it, in order; the others go on, those of the same commit too. What waits stands in the checkpoint, as
//! positions: the messages are read from the log again when an operator decides ([`decisions`]) to project them once more,
//! or to skip some.
//!
//! What must never happen here: a message of an entity that is applied before an earlier one; a message that is neither
//! applied nor waits nor was skipped; a read model made anew that differs from the live one.
//!
//! - [`triage`]: what becomes of each message;
//! - [`sift`]: which message of a batch it is that a store refuses;
//! - [`decisions`]: what the log says of waiting messages.

pub(super) mod decisions;
pub(crate) mod sift;
pub(crate) mod triage;

pub use decisions::decision_stream;
pub(crate) use sift::{Sift, SiftError};
pub(crate) use triage::{Triage, TriageError, Triaged};
