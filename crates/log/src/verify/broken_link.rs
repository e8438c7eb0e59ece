//! The first thing that is wrong with a log, as an auditor needs it: where, what was expected, what was found.

use std::fmt;

use foodflow_domain::TenantId;
use serde::Serialize;
use uuid::Uuid;

use crate::envelope::Envelope;
use crate::event_log::{Partition, Position, StoredMessage};

/// Which promise of the log is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Positions follow each other, and a message stands in its tenant's partition.
    Place,
    /// A message is a CloudEvents batch with at least one event.
    Payload,
    /// The fields of an event say what they must, and agree with the message that holds it.
    Envelope,
    /// The events of a message agree about command and commit.
    Agreement,
    /// A commit is complete and its messages adjoin.
    Commit,
    /// The events of a stream are numbered from 1 without gap.
    Sequence,
    /// Every event carries the hash of its stream's previous message.
    Chain,
    /// Recorded time does not fall behind.
    RecordedTime,
}

/// Where a log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct BrokenLink {
    /// What is broken.
    pub rule: Rule,
    /// The partition.
    pub partition: Partition,
    /// Position of the message at which it shows.
    pub position: Position,
    /// The message's tenant.
    pub tenant: TenantId,
    /// The message's stream, `<context>.<aggregate>.<id>`.
    pub stream: String,
    /// The event, where it is one in particular.
    pub event: Option<Uuid>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for BrokenLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, position, tenant, stream, event, expected, found, .. } = self;
        write!(f, "partition {}, position {position}, tenant {tenant}, stream {stream}", partition.0)?;
        if let Some(event) = event {
            write!(f, ", event {event}")?;
        }
        write!(f, ": expected {expected}; found {found}")
    }
}

/// The place that is being checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    message: &'a StoredMessage,
    event: Option<Uuid>,
}

impl<'a> At<'a> {
    pub(super) fn message(message: &'a StoredMessage) -> Self {
        Self { message, event: None }
    }

    pub(super) fn event(self, event: &Envelope) -> Self {
        Self { event: Some(event.id), ..self }
    }

    pub(super) fn broken(
        &self,
        rule: Rule,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> BrokenLink {
        BrokenLink {
            rule,
            partition: self.message.partition,
            position: self.message.position,
            tenant: self.message.tenant,
            stream: self.message.stream.to_string(),
            event: self.event,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// Broken unless `expected` was found.
    pub(super) fn same<T: PartialEq + fmt::Display>(
        &self,
        rule: Rule,
        field: &str,
        expected: &T,
        found: &T,
    ) -> Result<(), BrokenLink> {
        if expected == found {
            return Ok(());
        }
        Err(self.broken(rule, format_args!("{field} {expected}"), format_args!("{field} {found}")))
    }
}
