//! The records beside the log: each has a stream of its own, of which the server keeps the last event alone.
//!
//! The revision of a record is that of its event, so that a server checks what a write expects. A deletion is an event
//! too. A server does not list streams: the keys that a kind ever had stand in a stream of their own, which is read on
//! for each list. A key is there before its first value is.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::message;
use super::names::Names;
use super::partition::PAGE;
use super::streams::{EventStreams, NewEvent, ReadLimit, StreamEnd, StreamError, StreamEvent};
use crate::event_log::LogError;
use crate::records::{
    Expected, LISTED_BYTES_MAX, LISTED_RECORDS_MAX, Record, RecordError, RecordKey, RecordKind, Records,
    check_size, key_range,
};

const WRITTEN: &str = "foodflow.record.written";
const DELETED: &str = "foodflow.record.deleted";
const KEY_TAKEN: &str = "foodflow.record.key-taken";
/// Values that a list reads at once.
const READS_MAX: usize = 8;
/// How often a key is entered again because another process was faster.
const TRIES_MAX: u32 = 64;

/// The records of a log on streams.
pub(super) struct StreamRecords {
    streams: Arc<dyn EventStreams>,
    names: Names,
    closing: CancellationToken,
    keys: HashMap<RecordKind, Mutex<Keys>>,
}

/// The keys of a kind, as far as they were read.
#[derive(Default)]
struct Keys {
    /// Revision of the event that comes next.
    next: u64,
    names: BTreeSet<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    key: String,
    #[serde(default)]
    is_deleted: bool,
}

impl StreamRecords {
    pub(super) fn new(streams: Arc<dyn EventStreams>, names: Names, closing: CancellationToken) -> Self {
        let keys = RecordKind::ALL.map(|kind| (kind, Mutex::default())).into();
        Self { streams, names, closing, keys }
    }

    fn refuse_closed(&self) -> Result<(), LogError> {
        if self.closing.is_cancelled() {
            let reason = format!("the log at {} is closed", self.streams.describe());
            return Err(LogError::Unavailable { reason });
        }
        Ok(())
    }

    /// The last event of a record, and whether it is a deletion.
    async fn last(&self, stream: &str) -> Result<Option<(StreamEvent, bool)>, LogError> {
        let last = self.streams.read_backward(stream, None, ReadLimit { events: 1, ..PAGE }).await?;
        let Some(event) = last.into_iter().next() else { return Ok(None) };
        let metadata: Metadata = serde_json::from_slice(&event.metadata).map_err(|error| {
            let reason = format!("its metadata is not this log's: {error}");
            LogError::Corrupt { place: format!("stream {stream}, revision {}", event.revision), reason }
        })?;
        Ok(Some((event, metadata.is_deleted)))
    }

    async fn find(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, LogError> {
        let last = self.last(&self.names.record(kind, key)).await?;
        Ok(last.filter(|(_, is_deleted)| !is_deleted).map(|(event, _)| Record {
            key: key.clone(),
            value: event.data,
            revision: message::position(event.revision).0,
        }))
    }

    /// Where the record's stream must end for `expected` to hold; `None` where it does not.
    async fn end(&self, stream: &str, expected: Expected) -> Result<Option<StreamEnd>, LogError> {
        Ok(match expected {
            Expected::Any => Some(StreamEnd::Any),
            Expected::Revision(revision) => revision.checked_sub(1).map(StreamEnd::Revision),
            Expected::New => match self.last(stream).await? {
                None => Some(StreamEnd::Nothing),
                Some((event, true)) => Some(StreamEnd::Revision(event.revision)),
                Some((_, false)) => None,
            },
        })
    }

    async fn append(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        end: StreamEnd,
        value: Option<Bytes>,
    ) -> Result<u64, RecordError> {
        let (is_deleted, event) = (value.is_none(), if value.is_some() { WRITTEN } else { DELETED });
        let event = event_of(event, key, is_deleted, value.unwrap_or_default())?;
        match self.streams.append(&self.names.record(kind, key), end, vec![event]).await {
            Ok(revision) => Ok(message::position(revision).0),
            Err(StreamError::WrongEnd) => Err(RecordError::Conflict { key: key.clone() }),
            Err(error) => Err(LogError::from(error).into()),
        }
    }

    /// The keys of a kind, read on to the end.
    async fn read_keys(&self, kind: RecordKind, keys: &mut Keys) -> Result<(), LogError> {
        let stream = self.names.record_keys(kind);
        loop {
            let events = self.streams.read_forward(&stream, keys.next, PAGE).await?;
            let Some(last) = events.last() else { return Ok(()) };
            keys.next = last.revision + 1;
            keys.names.extend(events.iter().map(|event| String::from_utf8_lossy(&event.data).into_owned()));
        }
    }

    /// Makes sure that a key is among those of its kind before it has a value.
    async fn enter_key(&self, kind: RecordKind, key: &RecordKey) -> Result<(), RecordError> {
        // There is one for each kind.
        let Some(keys) = self.keys.get(&kind) else { return Ok(()) };
        let mut keys = keys.lock().await;
        for _ in 0..TRIES_MAX {
            if keys.names.contains(key.as_str()) {
                return Ok(());
            }
            let end = keys.next.checked_sub(1).map_or(StreamEnd::Nothing, StreamEnd::Revision);
            // Before the key is there: who finds it there need not do it again.
            self.streams.keep_last_only(&self.names.record(kind, key)).await.map_err(LogError::from)?;
            let event = event_of(KEY_TAKEN, key, false, Bytes::copy_from_slice(key.as_str().as_bytes()))?;
            match self.streams.append(&self.names.record_keys(kind), end, vec![event]).await {
                // What was appended is read with the rest.
                Ok(_) | Err(StreamError::WrongEnd) => self.read_keys(kind, &mut keys).await?,
                Err(error) => return Err(LogError::from(error).into()),
            }
        }
        let reason = format!("other processes keep entering keys of {}", kind.name());
        Err(LogError::Unavailable { reason }.into())
    }
}

fn event_of(kind: &str, key: &RecordKey, is_deleted: bool, data: Bytes) -> Result<NewEvent, LogError> {
    let metadata =
        serde_json::to_vec(&Metadata { key: key.as_str().to_owned(), is_deleted }).map_err(|error| {
            LogError::Configuration { reason: format!("metadata cannot be written: {error}") }
        })?;
    Ok(NewEvent { id: Uuid::new_v4(), kind: kind.to_owned(), data, metadata: metadata.into() })
}

#[async_trait]
impl Records for StreamRecords {
    async fn get(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, RecordError> {
        self.refuse_closed()?;
        Ok(self.find(kind, key).await?)
    }

    async fn put(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: Bytes,
        expected: Expected,
    ) -> Result<u64, RecordError> {
        self.refuse_closed()?;
        check_size(key, &value)?;
        let Some(end) = self.end(&self.names.record(kind, key), expected).await? else {
            return Err(RecordError::Conflict { key: key.clone() });
        };
        if !matches!(end, StreamEnd::Revision(_)) {
            self.enter_key(kind, key).await?;
        }
        self.append(kind, key, end, Some(value)).await
    }

    async fn delete(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError> {
        self.refuse_closed()?;
        let conflict = || Err(RecordError::Conflict { key: key.clone() });
        let found = self.find(kind, key).await?;
        match (expected, found) {
            (Expected::Any | Expected::New, None) => Ok(()),
            (Expected::New, Some(_)) | (Expected::Revision(_), None) => conflict(),
            (Expected::Any, Some(_)) => self.append(kind, key, StreamEnd::Any, None).await.map(drop),
            (Expected::Revision(revision), Some(found)) if found.revision == revision => {
                self.append(kind, key, StreamEnd::Revision(revision - 1), None).await.map(drop)
            }
            (Expected::Revision(_), Some(_)) => conflict(),
        }
    }

    async fn list(
        &self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordError> {
        self.refuse_closed()?;
        let (start, end) = key_range(prefix, after);
        let (limit, Some(keys)) = (limit.min(LISTED_RECORDS_MAX), self.keys.get(&kind)) else {
            return Ok(Vec::new());
        };
        if limit == 0 || start >= end {
            return Ok(Vec::new());
        }
        let mut keys = keys.lock().await;
        self.read_keys(kind, &mut keys).await?;
        let wanted: Vec<String> = keys.names.range(start..end).cloned().collect();
        drop(keys);
        let reads = wanted.into_iter().filter_map(|key| RecordKey::new(key).ok());
        let reads = reads.map(|key| async move { self.find(kind, &key).await });
        let mut found = stream::iter(reads).buffered(READS_MAX);
        let (mut listed, mut bytes) = (Vec::new(), 0);
        while let Some(record) = found.try_next().await? {
            let Some(record) = record else { continue };
            bytes += record.value.len();
            listed.push(record);
            if listed.len() == limit || bytes >= LISTED_BYTES_MAX {
                break;
            }
        }
        Ok(listed)
    }

    /// The server keeps the last event of a record alone, and erases the others when it scavenges.
    async fn scrub(&self, _: RecordKind, _: Option<&RecordKey>) -> Result<(), RecordError> {
        Ok(())
    }
}
