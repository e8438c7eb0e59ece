//! The records of an audit trail, as compact JSON with its members in this order.
//!
//! What is signed is the record itself without its last members, the signatures; what the next record names is
//! the SHA-256 of the whole. A record reads back only from the very bytes that it is written as, so that none of
//! them can change unseen.

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::keys::KeyId;
use crate::event_log::{Partition, Position};
use crate::hex::Hex;
use crate::merkle::{CompactRange, TreeHash};

/// SHA-256 of a record as it is written, without an end of line; all zero before the first.
pub type RecordHash = Hex<32>;
/// An Ed25519 signature.
pub type Signature = Hex<64>;

pub(super) const KEY_FORMAT: &str = "foodflow-audit-key/1";
pub(super) const CHECKPOINT_FORMAT: &str = "foodflow-audit-checkpoint/1";

/// A record of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub enum AuditRecord {
    /// Introduces a key.
    #[serde(rename = "foodflow-audit-key/1")]
    Key(KeyRecord),
    /// States what a partition holds.
    #[serde(rename = "foodflow-audit-checkpoint/1")]
    Checkpoint(Checkpoint),
}

/// That a key signs from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatement {
    /// The log: chosen at random with its first record.
    pub log: Uuid,
    /// Number of this record, from 1.
    pub number: u64,
    /// The record before it.
    pub previous: RecordHash,
    /// The key that is introduced.
    pub key: KeyId,
    /// Its public part, as RFC 8032 encodes it.
    pub public_key: Hex<32>,
    /// The key record before it; all zero where this is the first.
    pub previous_key: RecordHash,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The key that it replaces; the first key itself.
    pub signed_by: KeyId,
}

/// A statement about a key, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// What is stated.
    #[serde(flatten)]
    pub statement: KeyStatement,
    /// By the key that is replaced.
    pub signature: Signature,
    /// By the key that is introduced: it vouches for what the trail held before it.
    pub accepted: Signature,
}

/// That a partition holds these messages up to this position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointStatement {
    /// The log.
    pub log: Uuid,
    /// Number of this record, from 1.
    pub number: u64,
    /// The record before it.
    pub previous: RecordHash,
    /// The partition.
    pub partition: Partition,
    /// Last position that is covered, which ends a commit; at least 1.
    pub size: Position,
    /// Root of the Merkle tree over positions 1 to `size`.
    pub root: TreeHash,
    /// Leaf of the message at position `size`.
    pub last: TreeHash,
    /// Roots of the tree's complete subtrees, the largest first: what the next checkpoint goes on from.
    pub peaks: Vec<TreeHash>,
    /// Latest recorded time of a message that is covered.
    pub recorded_until: Timestamp,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// Who signs.
    pub key: KeyId,
}

/// A statement about a partition, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What is stated.
    #[serde(flatten)]
    pub statement: CheckpointStatement,
    /// By its key.
    pub signature: Signature,
}

/// What is signed: a statement under the name of its format.
#[derive(Serialize)]
struct Signed<'a, T> {
    format: &'a str,
    #[serde(flatten)]
    statement: &'a T,
}

/// The bytes that a signature covers.
pub(super) fn signed_bytes(format: &str, statement: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Signed { format, statement })
}

pub(super) fn sign(key: &SigningKey, bytes: &[u8]) -> Signature {
    Hex(key.sign(bytes).to_bytes())
}

impl KeyStatement {
    /// Signs it with the key that is replaced, and with the one that is introduced.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON.
    pub fn sign(
        self,
        replaced: &SigningKey,
        introduced: &SigningKey,
    ) -> Result<KeyRecord, serde_json::Error> {
        let bytes = signed_bytes(KEY_FORMAT, &self)?;
        let (signature, accepted) = (sign(replaced, &bytes), sign(introduced, &bytes));
        Ok(KeyRecord { statement: self, signature, accepted })
    }
}

impl CheckpointStatement {
    /// Signs it.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON.
    pub fn sign(self, key: &SigningKey) -> Result<Checkpoint, serde_json::Error> {
        let signature = sign(key, &signed_bytes(CHECKPOINT_FORMAT, &self)?);
        Ok(Checkpoint { statement: self, signature })
    }

    /// The tree that it is about; `None` where its parts do not agree.
    #[must_use]
    pub fn tree(&self) -> Option<CompactRange> {
        let tree = CompactRange::from_peaks(self.size.0, self.peaks.clone())?;
        (tree.size() > 0 && tree.root() == self.root).then_some(tree)
    }
}

impl AuditRecord {
    /// Reads a record, without an end of line.
    ///
    /// # Errors
    /// What it is, where it is not a record as this program writes it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(line).map_err(|error| format!("no record: {error}"))?;
        let written = record.line().map_err(|error| error.to_string())?;
        if written == line { Ok(record) } else { Err("a record in another form".to_owned()) }
    }

    /// Writes it, without an end of line.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON.
    pub fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// What the next record says of it; `line` is how it is written.
    #[must_use]
    pub fn hash(line: &[u8]) -> RecordHash {
        Hex(Sha256::digest(line).into())
    }

    /// The log that it belongs to.
    #[must_use]
    pub fn log(&self) -> Uuid {
        match self {
            Self::Key(record) => record.statement.log,
            Self::Checkpoint(record) => record.statement.log,
        }
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Key(record) => record.statement.number,
            Self::Checkpoint(record) => record.statement.number,
        }
    }

    /// The record before it, as it says.
    #[must_use]
    pub fn previous(&self) -> RecordHash {
        match self {
            Self::Key(record) => record.statement.previous,
            Self::Checkpoint(record) => record.statement.previous,
        }
    }

    /// When it was signed, as it says.
    #[must_use]
    pub fn signed_at(&self) -> Timestamp {
        match self {
            Self::Key(record) => record.statement.signed_at,
            Self::Checkpoint(record) => record.statement.signed_at,
        }
    }
}
