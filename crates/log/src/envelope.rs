//! The payload of a message: a CloudEvents 1.0 JSON batch with the stream's hash chain.
//!
//! Content type `application/cloudevents-batch+json`. Every event of a message carries `prevhash`, the SHA-256
//! over the payload bytes of the stream's previous message, so that a changed, removed or reordered message
//! breaks the chain of its stream.

use std::fmt;

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::hex::Hex;

/// SHA-256 over a message's payload bytes; all zero before a stream's first message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PayloadHash(pub [u8; 32]);

impl PayloadHash {
    /// The hash of `payload` as the log holds it.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        Self(Sha256::digest(payload).into())
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.0).fmt(f)
    }
}

impl fmt::Debug for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.0).fmt(f)
    }
}

impl std::str::FromStr for PayloadHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|Hex(bytes)| Self(bytes))
    }
}

impl Serialize for PayloadHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Hex(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PayloadHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Hex::deserialize(deserializer).map(|Hex(bytes)| Self(bytes))
    }
}

/// One event in its envelope: a CloudEvent with the extensions of this log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// CloudEvents version, always `1.0`.
    pub specversion: String,
    /// Event id, UUID version 7.
    pub id: Uuid,
    /// `foodflow/<tenant>`: which log's tenant says so.
    pub source: String,
    /// `foodflow.<context>.<aggregate>.<past-tense>.v<n>`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// `<aggregate>/<id>`.
    pub subject: String,
    /// Recorded time (UTC).
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The tenant.
    pub tenantid: TenantId,
    /// Who acted.
    pub actor: String,
    /// The command that caused it.
    pub commandid: Uuid,
    /// SHA-256 over the command as it was given, to tell a repeat from a reuse.
    pub commandhash: PayloadHash,
    /// What this command belongs to; the command itself where nothing else is named.
    pub correlationid: Uuid,
    /// The event that caused the command, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<Uuid>,
    /// Index of this message within its commit, from 0.
    pub commitindex: u32,
    /// Number of messages in the commit.
    pub commitsize: u32,
    /// Number of this event in its stream, from 1: the aggregate's version.
    pub sequence: u64,
    /// Hash of the stream's previous message.
    pub prevhash: PayloadHash,
    /// The event's own data, as JSON.
    pub data: Box<RawValue>,
}

impl Envelope {
    /// Reads a message's payload.
    ///
    /// # Errors
    /// Where it is not a CloudEvents batch of this log.
    pub fn decode_batch(payload: &[u8]) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_slice(payload)
    }

    /// Writes a message's payload.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON.
    pub fn encode_batch(batch: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(batch)
    }
}

impl PartialEq for Envelope {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.data.get() == other.data.get() && self.prevhash == other.prevhash
    }
}
