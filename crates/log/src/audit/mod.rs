//! Signed statements about a log, for auditors: what it held, and up to where.
//!
//! The records of a log form one trail, numbered from 1, each with the SHA-256 of the one before it. A key record
//! introduces the key that signs from there on; the first signs itself, every later one is signed by the key
//! that it replaces. A checkpoint says which root the Merkle tree of a partition has at a position. So nobody
//! without the key can change what was written before a checkpoint, add a checkpoint, or take one out of the
//! middle, unseen.
//!
//! - [`record`]: the records, and their form byte for byte;
//! - [`keys`]: which key signs when;
//! - [`trail`]: the records in their order; [`trail_store`]: where they are;
//! - [`broken_record`]: the first thing that is wrong with them;
//! - [`milestones`]: whether a partition is what its checkpoints say;
//! - [`known`]: records that an auditor has kept elsewhere;
//! - [`bundle`]: messages with their proofs, to be checked without a log.
//!
//! What must never happen here: a record that is accepted in two forms, a signature that is not checked, or a
//! statement about a message that was not seen.

pub mod broken_record;
pub mod bundle;
pub mod keys;
pub mod known;
pub mod milestones;
pub mod record;
#[cfg(test)]
mod tests;
pub mod trail;
pub mod trail_store;

pub use broken_record::{BrokenRecord, RecordRule};
pub use keys::{KeyChain, KeyId};
pub use known::KnownRecords;
pub use milestones::{Disagreement, Milestones};
pub use record::{AuditRecord, Checkpoint, CheckpointStatement, KeyRecord, KeyStatement};
pub use trail::Trail;
pub use trail_store::{TrailError, TrailStore};
