//! Adapter in memory: the log of tests and of throw-away demonstrations.
//!
//! It keeps every promise of the port but one: nothing survives the process. It grows with what is appended,
//! so it must never serve an installation.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::event_log::{
    AppendError, Appended, Commit, Direction, EventLog, LOADED_BYTES_MAX, LOADED_MESSAGES_MAX, LogError,
    MessageStream, Page, Partition, Position, READ_MESSAGES_MAX, ReadQuery, StoredMessage, StreamId,
    check_run,
};
use crate::records::{MemoryRecords, SharedRecords};

/// Messages that a subscription takes at one time.
const PAGE_MESSAGES_MAX: usize = 256;

/// The event log in memory.
pub struct MemoryLog {
    partitions: Vec<Shard>,
    records: Arc<MemoryRecords>,
    closing: CancellationToken,
}

struct Shard {
    content: Arc<Mutex<Content>>,
    head: watch::Sender<u64>,
}

/// One partition; position `p` is at index `p - 1`.
#[derive(Default)]
struct Content {
    messages: Vec<StoredMessage>,
    positions_of_tenant: HashMap<TenantId, Vec<u64>>,
    positions_of_stream: HashMap<(TenantId, StreamId), Vec<u64>>,
}

impl MemoryLog {
    /// An empty log of `partitions` partitions.
    ///
    /// # Panics
    /// For 0: a log has at least one partition.
    #[must_use]
    pub fn new(partitions: u16) -> Self {
        assert!(partitions >= 1, "a log has at least one partition");
        let shard = |_| Shard { content: Arc::default(), head: watch::Sender::new(0) };
        let closing = CancellationToken::new();
        let records = Arc::new(MemoryRecords::until(closing.clone()));
        Self { partitions: (0..partitions).map(shard).collect(), records, closing }
    }

    fn shard(&self, partition: Partition) -> Result<&Shard, LogError> {
        self.refuse_closed()?;
        self.partitions.get(usize::from(partition.0)).ok_or_else(|| LogError::Configuration {
            reason: format!("there is no partition {}: the log has {}", partition.0, self.partitions.len()),
        })
    }

    fn refuse_closed(&self) -> Result<(), LogError> {
        if self.closing.is_cancelled() {
            return Err(LogError::Unavailable { reason: "the log in memory is closed".to_owned() });
        }
        Ok(())
    }
}

/// A content whose holder panicked is whole: it is changed only after every check has passed.
fn lock(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Content {
    fn head(&self) -> u64 {
        self.messages.len() as u64
    }

    fn append(&mut self, partition: Partition, commit: Commit) -> Result<Appended, AppendError> {
        for message in &commit.messages {
            let positions = self.positions_of_stream.get(&(commit.tenant, message.stream.clone()));
            let end = positions.and_then(|positions| positions.last()).copied().unwrap_or(0);
            if end != message.expected.0 {
                return Err(AppendError::Conflict {
                    stream: message.stream.clone(),
                    expected: message.expected,
                });
            }
        }
        let first = Position(self.head() + 1);
        for message in commit.messages {
            let position = self.head() + 1;
            let stream = (commit.tenant, message.stream.clone());
            self.positions_of_stream.entry(stream).or_default().push(position);
            self.positions_of_tenant.entry(commit.tenant).or_default().push(position);
            self.messages.push(StoredMessage {
                partition,
                position: Position(position),
                tenant: commit.tenant,
                stream: message.stream,
                payload: message.payload,
            });
        }
        Ok(Appended { first, last: Position(self.head()) })
    }

    fn at(&self, position: u64) -> StoredMessage {
        self.messages[position as usize - 1].clone()
    }

    fn read(&self, query: &ReadQuery) -> Vec<StoredMessage> {
        let limit = query.limit.min(READ_MESSAGES_MAX);
        let from = query.from.0;
        let Some(tenant) = query.tenant else {
            return match query.direction {
                Direction::Forward => self.messages.iter().skip(from as usize).take(limit).cloned().collect(),
                Direction::Backward => {
                    let before = (from.saturating_sub(1)).min(self.head()) as usize;
                    self.messages[..before].iter().rev().take(limit).cloned().collect()
                }
            };
        };
        let positions = self.positions_of_tenant.get(&tenant).map_or(&[][..], Vec::as_slice);
        match query.direction {
            Direction::Forward => {
                let start = positions.partition_point(|position| *position <= from);
                positions[start..].iter().take(limit).map(|position| self.at(*position)).collect()
            }
            Direction::Backward => {
                let end = positions.partition_point(|position| *position < from);
                positions[..end].iter().rev().take(limit).map(|position| self.at(*position)).collect()
            }
        }
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn partition_count(&self) -> u16 {
        // At most `u16::MAX` by construction.
        self.partitions.len() as u16
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        commit.check()?;
        let partition = self.partition_of(commit.tenant);
        let shard = self.shard(partition)?;
        let mut content = lock(&shard.content);
        let appended = content.append(partition, commit)?;
        // Still under the lock, so that the head never falls.
        shard.head.send_replace(appended.last.0);
        Ok(appended)
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        let shard = self.shard(partition)?;
        check_run(self.partition_count(), partition, &commits)?;
        let mut content = lock(&shard.content);
        if content.head() != after.0 {
            return Err(AppendError::Moved { partition, expected: after });
        }
        let appended = commits.into_iter().try_for_each(|commit| content.append(partition, commit).map(drop));
        shard.head.send_replace(content.head());
        appended.map(|()| Position(content.head()))
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let content = lock(&self.shard(self.partition_of(tenant))?.content);
        let positions = content.positions_of_stream.get(&(tenant, stream.clone()));
        let positions = positions.map_or(&[][..], Vec::as_slice);
        let start = positions.partition_point(|position| *position <= after.0);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for position in &positions[start..] {
            if messages.len() == limit.clamp(1, LOADED_MESSAGES_MAX) || bytes >= LOADED_BYTES_MAX {
                return Ok(Page { messages, reached_end: false });
            }
            let message = content.at(*position);
            bytes += message.payload.len();
            messages.push(message);
        }
        Ok(Page { messages, reached_end: true })
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        Ok(Position(lock(&self.shard(partition)?.content).head()))
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        Ok(lock(&self.shard(partition)?.content).read(&query))
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let shard = self.shard(partition)?;
        let cursor = Cursor {
            content: Arc::clone(&shard.content),
            head: shard.head.subscribe(),
            closing: self.closing.clone(),
            tenant,
            after,
            page: Vec::new().into_iter(),
        };
        Ok(stream::unfold(cursor, next).map(Ok).boxed())
    }

    fn records(&self) -> SharedRecords {
        Arc::clone(&self.records) as _
    }

    fn describe(&self) -> String {
        format!("log in memory, {} partitions", self.partitions.len())
    }

    async fn close(&self) {
        self.closing.cancel();
    }
}

/// Where a subscription stands.
struct Cursor {
    content: Arc<Mutex<Content>>,
    head: watch::Receiver<u64>,
    closing: CancellationToken,
    tenant: Option<TenantId>,
    /// The last message that was put on the page.
    after: Position,
    page: std::vec::IntoIter<StoredMessage>,
}

async fn next(mut cursor: Cursor) -> Option<(StoredMessage, Cursor)> {
    loop {
        if let Some(message) = cursor.page.next() {
            return Some((message, cursor));
        }
        if cursor.closing.is_cancelled() {
            return None;
        }
        cursor.head.borrow_and_update();
        let page = lock(&cursor.content).read(&ReadQuery {
            tenant: cursor.tenant,
            from: cursor.after,
            direction: Direction::Forward,
            limit: PAGE_MESSAGES_MAX,
        });
        if let Some(last) = page.last() {
            cursor.after = last.position;
            cursor.page = page.into_iter();
        } else {
            cursor.closing.run_until_cancelled(cursor.head.changed()).await?.ok()?;
        }
    }
}
