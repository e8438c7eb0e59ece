//! A message as an event, and back: the payload is the event's data, byte for byte; what the log must know beside it is
//! the event's metadata.

use bytes::Bytes;
use foodflow_domain::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::streams::{NewEvent, StreamEvent};
use crate::event_log::{Commit, LogError, NewMessage, Partition, Position, StoredMessage, StreamId};

/// What is said about a message beside its payload.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    tenant: TenantId,
    /// `<context>.<aggregate>.<id>`.
    stream: String,
    /// Position of the stream's message before it; 0 where it is the first.
    follows: Position,
}

/// The position of a revision: the first event of a stream has revision 0, the first message position 1.
pub(super) const fn position(revision: u64) -> Position {
    Position(revision.saturating_add(1))
}

/// The events of a commit, in order.
pub(super) fn events(commit: &Commit) -> Result<Vec<NewEvent>, LogError> {
    commit.messages.iter().map(|message| event(commit.tenant, message)).collect()
}

fn event(tenant: TenantId, message: &NewMessage) -> Result<NewEvent, LogError> {
    let stream = &message.stream;
    let metadata = Metadata { tenant, stream: stream.to_string(), follows: message.expected };
    let metadata = serde_json::to_vec(&metadata).map_err(|error| LogError::Configuration {
        reason: format!("metadata cannot be written: {error}"),
    })?;
    Ok(NewEvent {
        id: Uuid::new_v4(),
        kind: format!("{}.{}", stream.context, stream.aggregate),
        data: message.payload.clone(),
        metadata: Bytes::from(metadata),
    })
}

/// The message that `event` of the partition's stream is.
pub(super) fn message(partition: Partition, event: StreamEvent) -> Result<StoredMessage, LogError> {
    let (tenant, stream) = about(partition, &event)?;
    let (position, payload) = (position(event.revision), event.data);
    Ok(StoredMessage { partition, position, tenant, stream, payload })
}

/// Whose stream `event` belongs to.
pub(super) fn about(partition: Partition, event: &StreamEvent) -> Result<(TenantId, StreamId), LogError> {
    let corrupt = |reason: String| LogError::Corrupt {
        place: format!("partition {}, position {}", partition.0, position(event.revision)),
        reason,
    };
    let metadata: Metadata = serde_json::from_slice(&event.metadata)
        .map_err(|error| corrupt(format!("its metadata is not this log's: {error}")))?;
    let stream = StreamId::parse(&metadata.stream).filter(StreamId::is_well_named);
    let stream = stream.ok_or_else(|| corrupt(format!("`{}` is no stream of this log", metadata.stream)))?;
    Ok((metadata.tenant, stream))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn commit() -> Commit {
        let message = |number: u128, expected| NewMessage {
            stream: StreamId::new("food_graph", "batch", Uuid::from_u128(number)),
            expected: Position(expected),
            payload: Bytes::from(format!("payload {number}")),
        };
        let messages = vec![message(1, 0), message(2, 41)];
        Commit { tenant: TenantId(Uuid::from_u128(9)), recorded_at: Timestamp::UNIX_EPOCH, messages }
    }

    fn stored(event: &NewEvent, revision: u64) -> StreamEvent {
        let NewEvent { id, data, metadata, .. } = event.clone();
        StreamEvent { id, revision, data, metadata }
    }

    #[test]
    fn a_message_comes_back_from_its_event() {
        let commit = commit();
        let events = events(&commit).unwrap();
        assert_ne!(events[0].id, events[1].id);
        for (revision, (event, written)) in (40..).zip(events.iter().zip(&commit.messages)) {
            let message = message(Partition(2), stored(event, revision)).unwrap();
            assert_eq!((message.partition, message.position), (Partition(2), Position(revision + 1)));
            assert_eq!((message.tenant, &message.stream), (commit.tenant, &written.stream));
            assert_eq!(message.payload, written.payload);
            assert_eq!(event.kind, "food_graph.batch");
        }
    }

    #[test]
    fn the_metadata_is_plain_json() {
        let metadata: serde_json::Value =
            serde_json::from_slice(&events(&commit()).unwrap()[1].metadata).unwrap();
        let expected = serde_json::json!({
            "tenant": "00000000-0000-0000-0000-000000000009",
            "stream": "food_graph.batch.00000000-0000-0000-0000-000000000002",
            "follows": 41,
        });
        assert_eq!(metadata, expected);
    }

    #[test]
    fn what_this_log_did_not_write_is_named() {
        let event = stored(&events(&commit()).unwrap()[0], 6);
        for (metadata, told) in [
            ("", "metadata"),
            ("{}", "metadata"),
            (r#"{"tenant":"x","stream":"a.b.c","follows":0}"#, "metadata"),
            (
                r#"{"tenant":"00000000-0000-0000-0000-000000000009","stream":"a","follows":0}"#,
                "`a` is no stream",
            ),
        ] {
            let strange = StreamEvent { metadata: Bytes::from_static(metadata.as_bytes()), ..event.clone() };
            let error = message(Partition(1), strange).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("partition 1, position 7"), "{error}");
        }
    }
}
