//! The event log: the one truth of the system, behind one port with several adapters.
//!
//! A [`Commit`] is what one command appends: one message per touched aggregate, all or nothing, each with
//! the position that its stream is expected to end at. A log is never edited: nothing here updates or
//! deletes a message.
//!
//! - [`event_log`]: the port;
//! - [`envelope`]: the payload, a CloudEvents JSON batch with the hash chain;
//! - [`verify`]: whether a log is what was written;
//! - [`merkle`]: a tree over a partition, whose root stands for every message up to a position;
//! - [`audit`]: signed checkpoints of it, and bundles of messages with their proofs;
//! - [`mirror`]: a second copy of a log;
//! - [`records`]: small durable records beside the log;
//! - [`personal`]: personal data, sealed in the log under keys of persons;
//! - [`embedded`], [`partitioned`], [`nats`], [`eventstore`], [`memory`]: the adapters, under one contract suite (`tests/contract`).

pub mod audit;
pub mod embedded;
pub mod envelope;
pub mod event_log;
pub mod eventstore;
mod head;
pub mod hex;
pub mod memory;
pub mod merkle;
pub mod mirror;
pub mod nats;
pub mod partitioned;
pub mod personal;
pub mod position_at;
mod queue;
pub mod records;
pub mod verify;

pub use envelope::{Envelope, PayloadHash};
pub use event_log::{
    AppendError, Appended, Commit, Direction, EventLog, LogError, MessageStream, NewMessage, Page, Partition,
    Position, ReadQuery, SharedLog, StoredMessage, StreamId,
};
pub use personal::{Keyring, OpenedLog};
pub use position_at::{position_at, recorded_at};
pub use records::{Expected, Record, RecordError, RecordKey, RecordKind, Records, SharedRecords};
pub use verify::{BrokenLink, ChainVerifier, Checked, Verified};
