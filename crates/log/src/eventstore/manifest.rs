//! What a log on a server is made of: one event, written once, when the log comes to be.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::streams::{EventStreams, NewEvent, ReadLimit, StreamEnd, StreamError};
use crate::event_log::{LogError, PARTITIONS_MAX};

/// The format that this program writes.
const FORMAT: u32 = 1;
const KIND: &str = "foodflow.log.created";

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    partitions: u16,
}

/// Number of partitions of the log that `stream` tells of; `None` where there is none.
pub(super) async fn find(streams: &dyn EventStreams, stream: &str) -> Result<Option<u16>, LogError> {
    let first = streams.read_forward(stream, 0, ReadLimit { events: 1, bytes: 1 }).await?;
    let Some(event) = first.first() else { return Ok(None) };
    parse(&event.data).map(Some).map_err(|reason| LogError::Configuration {
        reason: format!("the stream {stream} at {} does not tell of a log: {reason}", streams.describe()),
    })
}

fn parse(data: &[u8]) -> Result<u16, String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!("it has format {format}, and this program knows format {FORMAT}"));
    }
    let manifest: Manifest = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    if !(1..=PARTITIONS_MAX).contains(&manifest.partitions) {
        return Err(format!("{} partitions, where a log has 1 to {PARTITIONS_MAX}", manifest.partitions));
    }
    Ok(manifest.partitions)
}

/// The number of partitions of the log; makes one of `partitions` where there is none.
pub(super) async fn ensure(
    streams: &dyn EventStreams,
    stream: &str,
    partitions: u16,
) -> Result<u16, LogError> {
    if let Some(found) = find(streams, stream).await? {
        return Ok(found);
    }
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        let reason = format!("a log has 1 to {PARTITIONS_MAX} partitions");
        return Err(LogError::Configuration { reason });
    }
    let data = serde_json::to_vec(&Manifest { format: FORMAT, partitions })
        .map_err(|error| LogError::Configuration { reason: error.to_string() })?;
    let event =
        NewEvent { id: Uuid::new_v4(), kind: KIND.to_owned(), data: data.into(), metadata: "{}".into() };
    match streams.append(stream, StreamEnd::Nothing, vec![event]).await {
        Ok(_) | Err(StreamError::WrongEnd | StreamError::Unknown { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // Another process may have been faster.
    find(streams, stream).await?.ok_or_else(|| LogError::Unavailable {
        reason: format!("the log was made at {} and cannot be read", streams.describe()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_does_not_know_is_refused() {
        let written = serde_json::to_vec(&Manifest { format: FORMAT, partitions: 4 }).unwrap();
        assert_eq!(parse(&written), Ok(4));
        for (text, told) in [
            (r#"{"format":2,"shards":4}"#, "format 2"),
            (r#"{"format":1,"partitions":0}"#, "0 partitions"),
            (r#"{"format":1,"partitions":257}"#, "257 partitions"),
            (r#"{"format":1}"#, "partitions"),
            ("", "EOF"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
