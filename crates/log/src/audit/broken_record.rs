//! The first thing that is wrong with the records of a log: which one, what was expected, what was found.

use std::fmt;

use serde::Serialize;

use super::record::{AuditRecord, Checkpoint, KeyRecord};
use crate::event_log::{Partition, Position};

/// Which promise of the records is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordRule {
    /// A record is written in one form, byte for byte.
    RecordForm,
    /// Records are numbered from 1 without gap, and belong to one log.
    RecordOrder,
    /// A record carries the SHA-256 of the one before it, and a key record that of the key record before it.
    RecordChain,
    /// A record is signed by the key that was in force.
    RecordKey,
    /// A signature is that of its key over what the record states.
    RecordSignature,
    /// A checkpoint covers more than the one before it, and its parts agree.
    Checkpoint,
    /// A record is signed no earlier than the one before it.
    RecordTime,
    /// A key that is trusted is among the keys.
    Trust,
    /// A record that was kept elsewhere is still there.
    Known,
}

/// Which record is not what was written, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct BrokenRecord {
    /// What is broken.
    pub rule: RecordRule,
    /// Number of the record, from 1.
    pub number: u64,
    /// Partition of a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Last position that a checkpoint covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Position>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl BrokenRecord {
    /// Something about the record with this number, of which no more can be said.
    pub(super) fn at(
        rule: RecordRule,
        number: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self { rule, number, partition: None, size: None, expected, found }
    }
}

impl fmt::Display for BrokenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, expected, found, .. } = self;
        write!(f, "audit record {number}")?;
        if let (Some(partition), Some(size)) = (self.partition, self.size) {
            write!(f, " (checkpoint of partition {} at position {size})", partition.0)?;
        }
        write!(f, ": expected {expected}; found {found}")
    }
}

/// A record about which something may be said.
pub(super) trait Named {
    /// Something that is broken about it.
    fn broken(&self, rule: RecordRule, expected: impl fmt::Display, found: impl fmt::Display)
    -> BrokenRecord;
}

impl Named for KeyRecord {
    fn broken(
        &self,
        rule: RecordRule,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> BrokenRecord {
        BrokenRecord::at(rule, self.statement.number, expected, found)
    }
}

impl Named for Checkpoint {
    fn broken(
        &self,
        rule: RecordRule,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> BrokenRecord {
        let (partition, size) = (Some(self.statement.partition), Some(self.statement.size));
        BrokenRecord { partition, size, ..BrokenRecord::at(rule, self.statement.number, expected, found) }
    }
}

impl Named for AuditRecord {
    fn broken(
        &self,
        rule: RecordRule,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> BrokenRecord {
        match self {
            Self::Key(record) => record.broken(rule, expected, found),
            Self::Checkpoint(record) => record.broken(rule, expected, found),
        }
    }
}
