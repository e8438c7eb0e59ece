//! What the lines of a bundle hold: compact JSON, with its members in this order.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::keys::KeyId;
use crate::audit::record::{AuditRecord, Checkpoint, KeyRecord, Signature};
use crate::event_log::{Partition, Position, StoredMessage, StreamId};
use crate::hex::Hex;
use crate::merkle::TreeHash;
use crate::verify::Coverage;

pub(super) const SEAL_FORMAT: &str = "foodflow-audit-seal/1";

/// A line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "format")]
pub(super) enum BundleLine {
    #[serde(rename = "foodflow-audit-bundle/1")]
    Header(BundleHeader),
    #[serde(rename = "foodflow-audit-key/1")]
    Key(KeyRecord),
    #[serde(rename = "foodflow-audit-checkpoint/1")]
    Checkpoint(Checkpoint),
    #[serde(rename = "foodflow-audit-consistency/1")]
    Consistency(Consistency),
    #[serde(rename = "foodflow-audit-message/1")]
    Message(ProvenMessage),
    #[serde(rename = "foodflow-audit-seal/1")]
    Seal(Seal),
}

impl From<AuditRecord> for BundleLine {
    fn from(record: AuditRecord) -> Self {
        match record {
            AuditRecord::Key(record) => Self::Key(record),
            AuditRecord::Checkpoint(record) => Self::Checkpoint(record),
        }
    }
}

impl BundleLine {
    /// Reads a line, without its end.
    ///
    /// # Errors
    /// What it is, where it is not a line as this program writes it.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let parsed: Self = serde_json::from_slice(line).map_err(|error| format!("none: {error}"))?;
        let written = serde_json::to_vec(&parsed).map_err(|error| error.to_string())?;
        if written == line { Ok(parsed) } else { Err("one in another form".to_owned()) }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Header(_) => "a header",
            Self::Key(_) => "a key record",
            Self::Checkpoint(_) => "a checkpoint",
            Self::Consistency(_) => "a proof between checkpoints",
            Self::Message(_) => "a message",
            Self::Seal(_) => "a seal",
        }
    }
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleHeader {
    /// The log.
    pub log: Uuid,
    /// The partition.
    pub partition: Partition,
    /// Which of its messages.
    pub scope: BundleScope,
    /// Number of the checkpoint that covers them.
    pub checkpoint: u64,
    /// When it was written.
    pub exported_at: Timestamp,
}

/// Which messages of a partition a bundle holds: all that fit every part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleScope {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only of these streams, each from its first message on; of all where there is none.
    pub streams: Vec<String>,
    /// Also the other messages of the commits that hold those.
    pub related: bool,
    /// From this position on.
    pub from: Position,
    /// Up to this position, itself included.
    pub to: Position,
}

impl BundleScope {
    /// What a walk over such messages must meet.
    ///
    /// # Errors
    /// Where the parts contradict each other.
    pub fn coverage(&self) -> Result<Coverage, String> {
        if self.from < Position(1) || self.to < self.from {
            return Err(format!("positions {} to {}", self.from, self.to));
        }
        let is_from_start = self.from == Position(1);
        if self.streams.is_empty() {
            return match (self.tenant, is_from_start) {
                _ if self.related => Err("related messages of no stream".to_owned()),
                (None, true) => Ok(Coverage::Whole),
                (None, false) => Ok(Coverage::From(self.from)),
                (Some(tenant), true) => Ok(Coverage::Tenant(tenant)),
                (Some(tenant), false) => Ok(Coverage::TenantFrom(tenant, self.from)),
            };
        }
        let Some(tenant) = self.tenant.filter(|_| is_from_start) else {
            return Err("streams of no tenant, or not from their first message on".to_owned());
        };
        let streams =
            self.streams.iter().map(|name| parse_stream(name)).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(Coverage::Streams { tenant, streams, with_commits: self.related })
    }
}

/// Reads a stream's name, in the one form in which it is written.
fn parse_stream(name: &str) -> Result<StreamId, String> {
    StreamId::parse(name)
        .filter(|stream| stream.is_well_named() && stream.to_string() == name)
        .ok_or_else(|| format!("`{name}`, which is not a stream"))
}

/// That a partition only grew between two checkpoints of a bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Consistency {
    /// Number of the earlier checkpoint.
    pub(super) from: u64,
    /// Number of the later one.
    pub(super) to: u64,
    /// As RFC 9162 has it, section 2.1.4.
    pub(super) proof: Vec<TreeHash>,
}

/// A message, and that the checkpoint's tree has it at its position.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ProvenMessage {
    pub(super) position: Position,
    pub(super) tenant: TenantId,
    pub(super) stream: String,
    /// CloudEvents JSON batch, byte for byte as the log holds it.
    pub(super) payload: String,
    /// As RFC 9162 has it, section 2.1.3.
    pub(super) proof: Vec<TreeHash>,
}

impl ProvenMessage {
    /// # Errors
    /// Where a payload is not UTF-8, and so no JSON.
    pub(super) fn of(message: &StoredMessage, proof: Vec<TreeHash>) -> Result<Self, String> {
        let payload = String::from_utf8(message.payload.to_vec())
            .map_err(|error| format!("the payload at position {} is no text: {error}", message.position))?;
        let StoredMessage { position, tenant, .. } = *message;
        Ok(Self { position, tenant, stream: message.stream.to_string(), payload, proof })
    }

    /// # Errors
    /// Where its stream is none.
    pub(super) fn message(&self, partition: Partition) -> Result<StoredMessage, String> {
        let Self { position, tenant, ref payload, .. } = *self;
        let (stream, payload) = (parse_stream(&self.stream)?, payload.clone().into());
        Ok(StoredMessage { partition, position, tenant, stream, payload })
    }
}

/// That a bundle holds these lines, and all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SealStatement {
    /// Number of messages.
    pub(super) messages: u64,
    /// SHA-256 of all lines before this one, each with its end.
    pub(super) sha256: Hex<32>,
    /// Who seals: the last key of the bundle.
    pub(super) key: KeyId,
}

/// A statement about a bundle, signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seal {
    #[serde(flatten)]
    pub(super) statement: SealStatement,
    pub(super) signature: Signature,
}
