//! Events, ends and errors, as the `eventstore` crate has them.

use ::eventstore::{Error, EventData, ExpectedRevision, RecordedEvent};
use serde_json::value::RawValue;

use crate::event_log::LogError;
use crate::eventstore::streams::{NewEvent, StreamEnd, StreamError, StreamEvent};

/// What the client needs beside a server, where it cannot be told which of them is lacking.
const CONNECTION_HINT: &str = "the client could not start or lost its connection; it needs the system's root \
                               certificates, or `tlsCaFile` in the address";

/// An event as it is sent: marked as JSON where it is, so that EventStoreDB's tools show it.
pub(super) fn event_data(event: NewEvent) -> EventData {
    let NewEvent { id, kind, data, metadata } = event;
    let json = as_json(&data).and_then(|json| EventData::json(&kind, &json).ok());
    json.unwrap_or_else(|| EventData::binary(&kind, data.clone())).id(id).metadata(metadata)
}

/// The data as JSON, where it is written again byte for byte.
fn as_json(data: &[u8]) -> Option<&RawValue> {
    let json: &RawValue = serde_json::from_slice(data).ok()?;
    (json.get().as_bytes() == data).then_some(json)
}

pub(super) fn stream_event(event: RecordedEvent) -> StreamEvent {
    let RecordedEvent { id, revision, data, custom_metadata, .. } = event;
    StreamEvent { id, revision, data, metadata: custom_metadata }
}

pub(super) const fn expected_revision(end: StreamEnd) -> ExpectedRevision {
    match end {
        StreamEnd::Any => ExpectedRevision::Any,
        StreamEnd::Nothing => ExpectedRevision::NoStream,
        StreamEnd::Revision(revision) => ExpectedRevision::Exact(revision),
    }
}

/// Whether the client will never answer again.
pub(super) const fn is_connection_lost(error: &Error) -> bool {
    matches!(error, Error::ConnectionClosed | Error::GrpcConnectionError(_))
}

/// What an error means for an append. Only what was said before anything was sent, and what the server itself says of
/// the append, tells that nothing was appended.
pub(super) fn append_error(error: &Error, place: &str) -> StreamError {
    match error {
        Error::WrongExpectedVersion { .. } => StreamError::WrongEnd,
        Error::ConnectionClosed => StreamError::Unavailable { reason: format!("{place}: {CONNECTION_HINT}") },
        Error::GrpcConnectionError(_) | Error::NotLeaderException(_) | Error::InitializationError(_) => {
            StreamError::Unavailable { reason: format!("{place}: {error}") }
        }
        Error::AccessDenied => StreamError::Refused { reason: denied(place) },
        Error::UnsupportedFeature => StreamError::Refused { reason: unsupported(place) },
        Error::ResourceDeleted => {
            StreamError::Refused { reason: format!("{place}: a stream of the log was deleted") }
        }
        Error::Grpc { code, message } => grpc_error(&format!("{code:?}"), message),
        _ => StreamError::Unknown { reason: error.to_string() },
    }
}

fn grpc_error(code: &str, message: &str) -> StreamError {
    if code != "InvalidArgument" {
        return StreamError::Unknown { reason: format!("{code}: {message}") };
    }
    if message.to_ascii_lowercase().contains("append size") {
        return StreamError::TooLarge {
            what: format!("{message}. The server's MaxAppendSize is 1 MiB unless set; set it to 16777216"),
        };
    }
    StreamError::Refused { reason: message.to_owned() }
}

/// What an error means for a read.
pub(super) fn read_error(error: &Error, stream: &str, place: &str) -> LogError {
    match error {
        Error::ResourceDeleted => LogError::Corrupt {
            place: format!("stream {stream}"),
            reason: "it was deleted on the server".to_owned(),
        },
        Error::AccessDenied => LogError::Configuration { reason: denied(place) },
        Error::UnsupportedFeature => LogError::Configuration { reason: unsupported(place) },
        Error::ConnectionClosed => LogError::Unavailable { reason: format!("{place}: {CONNECTION_HINT}") },
        _ => LogError::Unavailable { reason: format!("{place}: {error}") },
    }
}

fn denied(place: &str) -> String {
    format!("{place} denies access: name a user that may read and write in the address")
}

fn unsupported(place: &str) -> String {
    format!("{place} does not know what is asked of it; use EventStoreDB 21.10 or newer")
}

#[cfg(test)]
mod tests {
    use ::eventstore::{CurrentRevision, Endpoint, GrpcConnectionError};
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn json_is_sent_as_json_and_byte_for_byte() {
        for (data, content_type) in [
            (&br#"[{"a": 1.50,"b":"\u00e4"}]"#[..], "application/json"),
            (b" {}", "application/octet-stream"),
            (b"{} ", "application/octet-stream"),
            (b"not json", "application/octet-stream"),
            (b"\xff\x00", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ] {
            let id = Uuid::from_u128(7);
            let (data, metadata) = (Bytes::from_static(data), Bytes::from_static(b"{\"tenant\":1}"));
            let sent = event_data(NewEvent {
                id,
                kind: "food_graph.batch".to_owned(),
                data: data.clone(),
                metadata,
            });
            // Its parts are the crate's own; what it shows holds all of them.
            let shown = format!("{sent:?}");
            for part in
                [content_type, "\"type\": \"food_graph.batch\"", &id.to_string(), &format!("{data:?}")]
            {
                assert!(shown.contains(part), "{part} is not in {shown}");
            }
            assert!(shown.contains(&format!("{:?}", Bytes::from_static(b"{\"tenant\":1}"))), "{shown}");
        }
    }

    #[test]
    fn an_end_is_an_expected_revision() {
        assert_eq!(expected_revision(StreamEnd::Any), ExpectedRevision::Any);
        assert_eq!(expected_revision(StreamEnd::Nothing), ExpectedRevision::NoStream);
        assert_eq!(expected_revision(StreamEnd::Revision(0)), ExpectedRevision::Exact(0));
    }

    fn wrong_version() -> Error {
        Error::WrongExpectedVersion {
            expected: ExpectedRevision::Exact(3),
            current: CurrentRevision::Current(4),
        }
    }

    fn not_leader() -> Error {
        Error::NotLeaderException(Endpoint { host: "two".to_owned(), port: 2113 })
    }

    #[test]
    fn only_what_is_certain_is_called_not_appended() {
        use StreamError::{Refused, TooLarge, Unavailable, Unknown, WrongEnd};
        let of = |error: &Error| append_error(error, "esdb://one:2113");
        let no_connection = Error::GrpcConnectionError(GrpcConnectionError::Grpc("refused".to_owned()));
        assert_eq!(of(&wrong_version()), WrongEnd);
        for error in [&no_connection, &Error::ConnectionClosed, &not_leader()] {
            assert!(matches!(of(error), Unavailable { .. }), "{error}");
        }
        for error in [Error::AccessDenied, Error::ResourceDeleted, Error::UnsupportedFeature] {
            assert!(matches!(of(&error), Refused { .. }), "{error}");
        }
        let lost = [
            Error::ServerError("the connection broke".to_owned()),
            Error::DeadlineExceeded,
            Error::IllegalStateError("?".to_owned()),
            Error::InternalClientError,
        ];
        for error in lost {
            assert!(matches!(of(&error), Unknown { .. }), "{error}");
        }
        let too_large = grpc_error("InvalidArgument", "Maximum Append Size of 1048576 Exceeded.");
        assert!(matches!(&too_large, TooLarge { what } if what.contains("MaxAppendSize")), "{too_large}");
        assert!(matches!(grpc_error("InvalidArgument", "a name is missing"), Refused { .. }));
        assert!(matches!(grpc_error("ResourceExhausted", "later"), Unknown { .. }));
    }

    #[test]
    fn a_read_says_what_to_do() {
        let of = |error: &Error| read_error(error, "foodflow.events-0", "esdb://one:2113");
        assert!(matches!(of(&Error::ResourceDeleted), LogError::Corrupt { .. }));
        assert!(matches!(of(&Error::AccessDenied), LogError::Configuration { .. }));
        assert!(matches!(of(&Error::UnsupportedFeature), LogError::Configuration { .. }));
        for error in [Error::ConnectionClosed, Error::DeadlineExceeded, not_leader()] {
            assert!(matches!(of(&error), LogError::Unavailable { .. }), "{error}");
        }
        assert!(
            is_connection_lost(&Error::ConnectionClosed) && !is_connection_lost(&Error::DeadlineExceeded)
        );
    }
}
