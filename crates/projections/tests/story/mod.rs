//! Recorded messages made by hand from domain events, and one plant's story that holds every kind of event.

pub(crate) mod plant;

use std::collections::BTreeMap;

use bytes::Bytes;
use foodflow_domain::{EventSet, TenantId};
use foodflow_log::{Envelope, Partition, PayloadHash, Position, StoredMessage, StreamId};
use foodflow_projections::changes::Change;
use foodflow_projections::food_graph::project;
use foodflow_projections::recorded::Recorded;
use jiff::{Timestamp, ToSpan as _};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Messages of one tenant, one to a commit.
pub(crate) struct Story {
    pub(crate) tenant: TenantId,
    salt: Uuid,
    position: u64,
    sequences: BTreeMap<StreamId, u64>,
    pub(crate) messages: Vec<StoredMessage>,
}

impl Story {
    /// An empty story of a new tenant.
    pub(crate) fn new() -> Self {
        let tenant = TenantId(Uuid::new_v4());
        Self { tenant, salt: Uuid::new_v4(), position: 0, sequences: BTreeMap::new(), messages: Vec::new() }
    }

    /// An id of this story.
    pub(crate) fn id(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.salt, name.as_bytes())
    }

    /// Appends one event of any context, as a message of its own; gives its position.
    pub(crate) fn record(&mut self, id: Uuid, event: &impl EventSet) -> u64 {
        let part = |number| event.type_name().split('.').nth(number).unwrap().to_owned();
        let stream = StreamId { context: part(1).into(), aggregate: part(2).into(), id };
        self.record_raw(stream, event.type_name(), event.data().unwrap().get().to_owned())
    }

    /// Appends an event of any type and data; gives its position.
    pub(crate) fn record_raw(&mut self, stream: StreamId, event_type: &str, data: String) -> u64 {
        self.position += 1;
        let sequence = self.sequences.entry(stream.clone()).or_default();
        *sequence += 1;
        let envelope = Envelope {
            specversion: "1.0".to_owned(),
            id: Uuid::new_v5(&self.salt, &self.position.to_be_bytes()),
            source: format!("foodflow/{}", self.tenant),
            event_type: event_type.to_owned(),
            subject: format!("{}/{}", stream.aggregate, stream.id),
            time: recorded(self.position),
            datacontenttype: "application/json".to_owned(),
            tenantid: self.tenant,
            actor: "quality@plant".to_owned(),
            commandid: Uuid::nil(),
            commandhash: PayloadHash::default(),
            correlationid: Uuid::nil(),
            causationid: None,
            commitindex: 0,
            commitsize: 1,
            sequence: *sequence,
            prevhash: PayloadHash::default(),
            data: RawValue::from_string(data).unwrap(),
        };
        self.messages.push(StoredMessage {
            partition: Partition(0),
            position: Position(self.position),
            tenant: self.tenant,
            stream,
            payload: Bytes::from(Envelope::encode_batch(&[envelope]).unwrap()),
        });
        self.position
    }

    /// The last message, read.
    pub(crate) fn last(&self) -> Recorded {
        Recorded::decode(self.messages.last().unwrap()).unwrap()
    }

    /// What the last message changes.
    pub(crate) fn last_changes(&self) -> Vec<Change> {
        project(&self.last()).unwrap()
    }

    /// What every message changes, in order.
    pub(crate) fn changes(&self) -> Vec<Vec<Change>> {
        self.messages.iter().map(|message| project(&Recorded::decode(message).unwrap()).unwrap()).collect()
    }
}

/// The recorded time of `position`.
pub(crate) fn recorded(position: u64) -> Timestamp {
    time("2026-03-02T08:00:00Z") + i64::try_from(position).unwrap().minutes()
}

/// A time from its text.
pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
