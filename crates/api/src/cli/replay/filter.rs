//! Which events are printed.

use std::fmt;

use foodflow_log::{StoredMessage, StreamId};
use uuid::Uuid;

use crate::http::events::{PositionedEvent, events_of};

/// A subject as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Subject {
    /// E.g. `batch`; any where only the id is named.
    aggregate: Option<String>,
    id: Uuid,
}

impl Subject {
    /// Whether `stream` is that of this subject.
    pub(in crate::cli) fn is_of(&self, stream: &StreamId) -> bool {
        self.id == stream.id && self.aggregate.as_ref().is_none_or(|name| *name == stream.aggregate)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.aggregate {
            Some(aggregate) => write!(f, "{aggregate}/{}", self.id),
            None => self.id.fmt(f),
        }
    }
}

/// Reads `batch/<id>` or an id.
///
/// # Errors
/// Where there is no UUID.
pub(in crate::cli) fn parse_subject(text: &str) -> Result<Subject, String> {
    let (aggregate, id) = match text.split_once('/') {
        Some((aggregate, id)) => (Some(aggregate.to_owned()), id),
        None => (None, text),
    };
    let id =
        Uuid::try_parse(id).map_err(|_| "must be batch/<UUID> or the like, or the UUID alone".to_owned())?;
    Ok(Subject { aggregate, id })
}

/// What an event must be to be printed.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) subject: Option<Subject>,
    pub(super) event_type: Option<String>,
}

impl Filter {
    /// The events of `message` that are asked for.
    ///
    /// # Errors
    /// Where the message is not a CloudEvents batch.
    pub(super) fn events(&self, message: &StoredMessage) -> Result<Vec<PositionedEvent>, serde_json::Error> {
        // A stream is a subject, so that the payload of others need not be read.
        let is_of_subject = self.subject.as_ref().is_none_or(|subject| subject.is_of(&message.stream));
        if !is_of_subject {
            return Ok(Vec::new());
        }
        let mut events = events_of(message)?;
        if let Some(wanted) = &self.event_type {
            events.retain(|event| event.envelope.event_type == *wanted);
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_an_aggregate_and_an_id_or_the_id_alone() {
        let id = Uuid::from_u128(7);
        let named = parse_subject(&format!("batch/{id}")).unwrap();
        assert_eq!(named, Subject { aggregate: Some("batch".to_owned()), id });
        assert_eq!(parse_subject(&id.to_string()).unwrap(), Subject { aggregate: None, id });
        for bad in ["", "batch", "batch/", "batch/7", "/"] {
            assert!(parse_subject(bad).is_err(), "{bad}");
        }
    }
}
