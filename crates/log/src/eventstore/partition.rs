//! One partition: a stream of events, and in this process the index of it, read on as far as the stream has grown.
//!
//! The index is brought up to date before it is used; who asks while that is under way shares the next round with all who
//! wait. Nobody waits for an append: it leaves the index free while it is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foodflow_domain::TenantId;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{Mutex, MutexGuard, watch};

use super::index::Index;
use super::message;
use super::streams::{EventStreams, ReadLimit};
use crate::event_log::{
    Direction, LOADED_BYTES_MAX, LOADED_MESSAGES_MAX, LogError, Page, Partition, Position, READ_MESSAGES_MAX,
    ReadQuery, StoredMessage, StreamId,
};
use crate::head::raise;

/// What one read of the server answers at most.
pub(super) const PAGE: ReadLimit = ReadLimit { events: 1_024, bytes: 8 << 20 };
/// Positions that are not asked for and are read along, because one read is cheaper than two.
const GAP_MAX: u64 = 8;
/// Most positions that one read spans.
const SPAN_MAX: u64 = 256;
/// Reads of scattered positions that are under way at once.
const READS_MAX: usize = 8;

/// One partition.
pub(super) struct PartitionLog {
    streams: Arc<dyn EventStreams>,
    pub(super) partition: Partition,
    pub(super) stream: String,
    known: Mutex<Known>,
    /// How often somebody asked for an index that is up to date.
    asked: AtomicU64,
    /// The last position that was seen, for those who wait for more.
    head: watch::Sender<u64>,
}

/// What is known of the stream.
#[derive(Default)]
pub(super) struct Known {
    pub(super) index: Index,
    /// Those who asked before the last round began; all of them are served by it.
    served: u64,
}

impl PartitionLog {
    pub(super) fn new(streams: Arc<dyn EventStreams>, partition: Partition, stream: String) -> Self {
        let (known, asked, head) = (Mutex::default(), AtomicU64::new(0), watch::Sender::new(0));
        Self { streams, partition, stream, known, asked, head }
    }

    pub(super) fn streams(&self) -> &dyn EventStreams {
        &*self.streams
    }

    /// What is known, which may lag behind what other processes have appended.
    pub(super) async fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().await
    }

    /// What is known, up to date as of this call.
    pub(super) async fn up_to_date(&self) -> Result<MutexGuard<'_, Known>, LogError> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut known = self.known.lock().await;
        if known.served < mine {
            let served = self.asked.load(Ordering::SeqCst);
            self.read_on(&mut known).await?;
            known.served = served;
        }
        Ok(known)
    }

    /// Reads on to the end of the stream.
    pub(super) async fn read_on(&self, known: &mut Known) -> Result<(), LogError> {
        loop {
            let events = self.streams.read_forward(&self.stream, known.index.head().0, PAGE).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                let (position, expected) = (message::position(event.revision), known.index.head().0 + 1);
                if position.0 != expected {
                    return Err(LogError::Corrupt {
                        place: format!("stream {}, revision {}", self.stream, expected - 1),
                        reason: format!("the event is gone; the next one is revision {}", event.revision),
                    });
                }
                let (tenant, stream) = message::about(self.partition, &event)?;
                known.index.push(tenant, &stream);
            }
            self.saw(known.index.head());
        }
    }

    /// Wakes those who wait for more.
    pub(super) fn saw(&self, head: Position) {
        raise(&self.head, head.0);
    }

    pub(super) fn watch_head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    pub(super) async fn head(&self) -> Result<Position, LogError> {
        let last = ReadLimit { events: 1, ..PAGE };
        let last = self.streams.read_backward(&self.stream, None, last).await?;
        Ok(last.first().map_or(Position(0), |event| message::position(event.revision)))
    }

    pub(super) async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let limit = limit.clamp(1, LOADED_MESSAGES_MAX);
        let (positions, is_all) = self.up_to_date().await?.index.of_stream(tenant, stream, after, limit);
        let messages = self.at(&positions, LOADED_BYTES_MAX).await?;
        Ok(Page { reached_end: is_all && messages.len() == positions.len(), messages })
    }

    pub(super) async fn read(&self, query: &ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        let limit = query.limit.min(READ_MESSAGES_MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let Some(tenant) = query.tenant else { return self.range(query, limit).await };
        let known = self.up_to_date().await?;
        let mut positions = known.index.of_tenant(tenant, query.from, query.direction, limit);
        drop(known);
        if query.direction == Direction::Forward {
            return self.at(&positions, usize::MAX).await;
        }
        positions.reverse();
        let mut messages = self.at(&positions, usize::MAX).await?;
        messages.reverse();
        Ok(messages)
    }

    /// Every message from `query.from`, which is left out, on or back.
    async fn range(&self, query: &ReadQuery, limit: usize) -> Result<Vec<StoredMessage>, LogError> {
        let mut messages: Vec<StoredMessage> = Vec::new();
        let mut from = query.from;
        if query.direction == Direction::Backward {
            // What a server answers from beyond the end is its own affair.
            from = from.min(Position(self.head().await?.0 + 1));
        }
        while messages.len() < limit {
            let page = ReadLimit { events: (limit - messages.len()).min(PAGE.events), ..PAGE };
            let events = match (query.direction, from.0) {
                (Direction::Forward, from) => self.streams.read_forward(&self.stream, from, page).await?,
                (Direction::Backward, 0 | 1) => break,
                (Direction::Backward, from) => {
                    self.streams.read_backward(&self.stream, Some(from - 2), page).await?
                }
            };
            let before = messages.len();
            for event in events {
                messages.push(message::message(self.partition, event)?);
            }
            match messages.last().filter(|_| messages.len() > before) {
                Some(last) => from = last.position,
                None => break,
            }
        }
        Ok(messages)
    }

    /// The messages at these rising positions, up to the one that brings them to `bytes_max` bytes.
    async fn at(&self, positions: &[u64], bytes_max: usize) -> Result<Vec<StoredMessage>, LogError> {
        let stretches = stretches(positions).into_iter().map(<[u64]>::to_vec);
        let reads = stretches.map(|stretch| async move { self.stretch(&stretch).await });
        let mut found = stream::iter(reads).buffered(READS_MAX);
        let (mut messages, mut bytes) = (Vec::with_capacity(positions.len()), 0);
        while let Some(messages_found) = found.try_next().await? {
            for message in messages_found {
                if bytes >= bytes_max {
                    return Ok(messages);
                }
                bytes += message.payload.len();
                messages.push(message);
            }
        }
        Ok(messages)
    }

    /// The messages at these positions, which lie near each other.
    async fn stretch(&self, positions: &[u64]) -> Result<Vec<StoredMessage>, LogError> {
        let mut messages = Vec::with_capacity(positions.len());
        let (Some(first), Some(last)) = (positions.first(), positions.last()) else { return Ok(messages) };
        let mut next = *first;
        while next <= *last {
            let limit = ReadLimit { events: (last - next + 1) as usize, ..PAGE };
            let events = self.streams.read_forward(&self.stream, next - 1, limit).await?;
            let Some(end) = events.last() else {
                return Err(LogError::Corrupt {
                    place: format!("stream {}, revision {}", self.stream, next - 1),
                    reason: "the event is gone".to_owned(),
                });
            };
            next = message::position(end.revision).0 + 1;
            for event in events {
                if positions.binary_search(&message::position(event.revision).0).is_ok() {
                    messages.push(message::message(self.partition, event)?);
                }
            }
        }
        Ok(messages)
    }
}

/// Rising positions, cut where two lie so far apart that two reads are cheaper than one.
fn stretches(positions: &[u64]) -> Vec<&[u64]> {
    let mut stretches = Vec::new();
    let mut begin = 0;
    for (index, position) in positions.iter().enumerate() {
        let is_cut = index > begin
            && (position - positions[index - 1] > GAP_MAX || position - positions[begin] >= SPAN_MAX);
        if is_cut {
            stretches.push(&positions[begin..index]);
            begin = index;
        }
    }
    if begin < positions.len() {
        stretches.push(&positions[begin..]);
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_positions_are_read_at_once() {
        assert!(stretches(&[]).is_empty());
        assert_eq!(stretches(&[5]), [[5]]);
        assert_eq!(stretches(&[1, 2, 10, 19]), [&[1, 2, 10][..], &[19]]);
        let dense: Vec<u64> = (1..=300).collect();
        assert_eq!(stretches(&dense).iter().map(|stretch| stretch.len()).collect::<Vec<_>>(), [256, 44]);
    }
}
