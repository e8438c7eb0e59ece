//! A message of the log, read: what every projection takes.
//!
//! Reading is strict. An event whose envelope names another tenant than the message's subject is refused, so
//! that nothing of one tenant can ever be projected into another's read model.

use foodflow_domain::{EventSet, TenantId};
use foodflow_log::{Envelope, Partition, Position, StoredMessage, StreamId};

/// A message with its events, as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The tenant of every event in it.
    pub tenant: TenantId,
    /// The partition that it stands in.
    pub partition: Partition,
    /// Its position there; every event of the message shares it.
    pub position: Position,
    /// The aggregate's stream.
    pub stream: StreamId,
    /// Bytes of its payload, as stored.
    pub payload_bytes: usize,
    /// Its events, in order; at least one.
    pub events: Vec<Envelope>,
}

/// Why an event cannot be projected. It stops its own entity, not the others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The payload is not a CloudEvents batch of this log.
    #[error("the message at position {position} ({stream}) is not a batch of events")]
    Payload {
        /// Where it stands.
        position: Position,
        /// Its stream.
        stream: StreamId,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The envelope and the message disagree about the tenant, or there is no event at all.
    #[error("the message at position {position} ({stream}) does not hold events of its tenant alone")]
    Tenant {
        /// Where it stands.
        position: Position,
        /// Its stream.
        stream: StreamId,
    },
    /// An event type that this program does not know in a context that it projects.
    #[error(
        "position {position} holds an event of the unknown type `{event_type}`; it needs a newer program"
    )]
    UnknownType {
        /// Where it stands.
        position: Position,
        /// The type.
        event_type: String,
    },
    /// The data does not fit the event's type.
    #[error("the data of the event at position {position} does not fit its type `{event_type}`")]
    Data {
        /// Where it stands.
        position: Position,
        /// The type.
        event_type: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Recorded {
    /// Reads a message of the log.
    ///
    /// # Errors
    /// `Payload` where it is not a batch of events, `Tenant` where it is empty or names another tenant.
    pub fn decode(message: &StoredMessage) -> Result<Self, ProjectError> {
        let events = Envelope::decode_batch(&message.payload).map_err(|source| ProjectError::Payload {
            position: message.position,
            stream: message.stream.clone(),
            source,
        })?;
        if events.is_empty() || events.iter().any(|event| event.tenantid != message.tenant) {
            return Err(ProjectError::Tenant { position: message.position, stream: message.stream.clone() });
        }
        Ok(Self {
            tenant: message.tenant,
            partition: message.partition,
            position: message.position,
            stream: message.stream.clone(),
            payload_bytes: message.payload.len(),
            events,
        })
    }
}

/// Reads an event's data as one of the set `E`.
///
/// # Errors
/// `UnknownType` where its type is not of the set, `Data` where the data does not fit the type.
pub fn decode<E: EventSet>(message: &Recorded, envelope: &Envelope) -> Result<E, ProjectError> {
    match E::decode(&envelope.event_type, envelope.data.get()) {
        Ok(Some(event)) => Ok(event),
        Ok(None) => Err(unknown(message, envelope)),
        Err(source) => Err(ProjectError::Data {
            position: message.position,
            event_type: envelope.event_type.clone(),
            source,
        }),
    }
}

/// An event of a context that its projection does not know.
#[must_use]
pub fn unknown(message: &Recorded, envelope: &Envelope) -> ProjectError {
    ProjectError::UnknownType { position: message.position, event_type: envelope.event_type.clone() }
}
