//! Streams of events in memory: what the EventStoreDB adapter decides is tried on them.
//!
//! They keep what [`EventStreams`] promises and imitate no server: that a server keeps it is for `--eventstore-url` to
//! show.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::LogError;
use foodflow_log::eventstore::{EventStreams, NewEvent, ReadLimit, StreamEnd, StreamError, StreamEvent};

/// How long an append takes, so that others wait meanwhile.
const APPEND_TAKES: Duration = Duration::from_millis(1);

/// Streams that live as long as somebody holds them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryStreams(Arc<Mutex<HashMap<String, Stream>>>);

#[derive(Debug, Default)]
struct Stream {
    events: Vec<StreamEvent>,
    /// Revision of the event that comes next.
    next: u64,
    keeps_last_only: bool,
}

impl Stream {
    fn limited<'a>(events: impl Iterator<Item = &'a StreamEvent>, limit: ReadLimit) -> Vec<StreamEvent> {
        let mut bytes = 0;
        let fits = |event: &&StreamEvent| {
            let fits = bytes < limit.bytes;
            bytes += event.data.len();
            fits
        };
        events.take(limit.events).take_while(fits).cloned().collect()
    }

    fn append(&mut self, events: Vec<NewEvent>) -> u64 {
        for NewEvent { id, data, metadata, .. } in events {
            self.events.push(StreamEvent { id, revision: self.next, data, metadata });
            self.next += 1;
        }
        if self.keeps_last_only && self.events.len() > 1 {
            self.events.drain(..self.events.len() - 1);
        }
        self.next - 1
    }
}

impl MemoryStreams {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventStreams for MemoryStreams {
    async fn read_forward(
        &self,
        stream: &str,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        let streams = self.lock();
        let events = streams.get(stream).map_or(&[][..], |stream| &stream.events);
        Ok(Stream::limited(events.iter().filter(|event| event.revision >= from), limit))
    }

    async fn read_backward(
        &self,
        stream: &str,
        from: Option<u64>,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        let streams = self.lock();
        let events = streams.get(stream).map_or(&[][..], |stream| &stream.events);
        let is_asked = |event: &&StreamEvent| from.is_none_or(|from| event.revision <= from);
        Ok(Stream::limited(events.iter().rev().filter(is_asked), limit))
    }

    async fn append(&self, stream: &str, end: StreamEnd, events: Vec<NewEvent>) -> Result<u64, StreamError> {
        assert!(!events.is_empty() && events.iter().all(|event| !event.kind.is_empty()));
        tokio::time::sleep(APPEND_TAKES).await;
        let mut streams = self.lock();
        let stream = streams.entry(stream.to_owned()).or_default();
        let is_there = match end {
            StreamEnd::Any => true,
            StreamEnd::Nothing => stream.next == 0,
            StreamEnd::Revision(revision) => stream.next == revision + 1,
        };
        if is_there { Ok(stream.append(events)) } else { Err(StreamError::WrongEnd) }
    }

    async fn keep_last_only(&self, stream: &str) -> Result<(), StreamError> {
        self.lock().entry(stream.to_owned()).or_default().keeps_last_only = true;
        Ok(())
    }

    fn describe(&self) -> String {
        "streams in memory".to_owned()
    }
}
