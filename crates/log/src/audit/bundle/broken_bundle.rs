//! The first thing that is wrong with a bundle: in which line, what was expected, what was found.

use std::fmt;

use foodflow_domain::TenantId;
use serde::Serialize;
use uuid::Uuid;

use crate::audit::broken_record::{BrokenRecord, RecordRule};
use crate::event_log::Position;
use crate::verify::{BrokenLink, Rule};

/// Which promise of a bundle is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum BundleRule {
    /// One about the bundle as such.
    Lines(LinesRule),
    /// One about a key or a checkpoint.
    Record(RecordRule),
    /// One about the messages: their chains, commits and envelopes.
    Messages(Rule),
}

/// Which promise of a bundle as such is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinesRule {
    /// A line is one of a bundle, written in one form, byte for byte.
    LineForm,
    /// Lines follow each other: header, records, messages, seal.
    LineOrder,
    /// What the header says agrees with what follows.
    Header,
    /// Between two checkpoints the partition only grew.
    Consistency,
    /// The checkpoint's tree has the message at its position.
    Inclusion,
    /// The seal is signed over all lines before it.
    Seal,
}

/// Where a bundle is not what was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct BrokenBundle {
    /// What is broken.
    pub rule: BundleRule,
    /// Number of the line, from 1.
    pub line: u64,
    /// Number of the audit record, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Position of the message, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The message's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The message's stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The event, where it is one in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Uuid>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl BrokenBundle {
    pub(super) fn at(
        line: u64,
        rule: LinesRule,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self {
            rule: BundleRule::Lines(rule),
            line,
            record: None,
            position: None,
            tenant: None,
            stream: None,
            event: None,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(super) fn of_record(line: u64, broken: BrokenRecord) -> Self {
        let record = Some(broken.number);
        let of_line = Self::at(line, LinesRule::LineForm, broken.expected, broken.found);
        Self { rule: BundleRule::Record(broken.rule), record, ..of_line }
    }

    pub(super) fn of_message(line: u64, broken: BrokenLink) -> Self {
        Self {
            rule: BundleRule::Messages(broken.rule),
            line,
            record: None,
            position: Some(broken.position),
            tenant: Some(broken.tenant),
            stream: Some(broken.stream),
            event: broken.event,
            expected: broken.expected,
            found: broken.found,
        }
    }
}

impl fmt::Display for BrokenBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(record) = self.record {
            write!(f, ", audit record {record}")?;
        }
        if let Some(position) = self.position {
            write!(f, ", position {position}")?;
        }
        if let Some(stream) = &self.stream {
            write!(f, ", stream {stream}")?;
        }
        write!(f, ": expected {}; found {}", self.expected, self.found)
    }
}
