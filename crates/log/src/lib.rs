//! The event log: the one truth of the system, behind one port with several adapters.
//!
//! A [`Commit`] is what one command appends: one message per touched aggregate, all or nothing, each with
//! the position that its stream is expected to end at. A log is never edited: nothing here updates or
//! deletes a message.
//!
//! - [`event_log`]: the port;
//! - [`envelope`]: the payload, a CloudEvents JSON batch with the hash chain;
//! - [`verify`]: whether a log is what was written;
//! - [`mirror`]: a second copy of a log;
//! - [`embedded`], [`partitioned`], [`nats`], [`memory`]: the adapters, under one contract suite (`tests/contract.rs`).

pub mod embedded;
pub mod envelope;
pub mod event_log;
pub mod memory;
pub mod mirror;
pub mod nats;
pub mod partitioned;
pub mod position_at;
pub mod verify;

pub use envelope::{Envelope, PayloadHash};
pub use event_log::{
    AppendError, Appended, Commit, Direction, EventLog, LogError, MessageStream, NewMessage, Partition,
    Position, ReadQuery, SharedLog, StoredMessage, StreamId,
};
pub use position_at::{position_at, recorded_at};
pub use verify::{BrokenLink, ChainVerifier, Checked, Verified};
