//! A log that takes everything and keeps nothing: what a dry run writes to.
//!
//! It shows what the real log holds with what the run has appended in memory behind it, so that every decision
//! is the one that a real run would make. Nothing of it ever reaches the real log.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::event_log::{LOADED_MESSAGES_MAX, READ_MESSAGES_MAX};
use foodflow_log::records::MemoryRecords;
use foodflow_log::{
    AppendError, Appended, Commit, Direction, EventLog, LogError, MessageStream, Page, Partition, Position,
    ReadQuery, SharedLog, SharedRecords, StoredMessage, StreamId,
};
use tokio::sync::Mutex;

/// Most messages that a dry run keeps in memory.
const KEPT_MESSAGES_MAX: usize = 500_000;
/// What lies between the real log's positions and those of the dry run: more than it could grow meanwhile.
const GAP: u64 = 1 << 40;

/// The real log, with what was appended in memory behind it.
pub struct Rehearsal {
    real: SharedLog,
    kept: Mutex<Kept>,
    /// Its own: what is noted about a rehearsed stream is not true of the real one.
    records: Arc<MemoryRecords>,
}

#[derive(Default)]
struct Kept {
    messages: Vec<StoredMessage>,
    of_stream: HashMap<(TenantId, StreamId), Vec<usize>>,
}

impl Rehearsal {
    /// Before `real`.
    #[must_use]
    pub fn new(real: SharedLog) -> Self {
        Self { real, kept: Mutex::default(), records: Arc::default() }
    }
}

impl Kept {
    fn of(&self, tenant: TenantId, stream: &StreamId) -> impl Iterator<Item = &StoredMessage> {
        self.of_stream
            .get(&(tenant, stream.clone()))
            .into_iter()
            .flatten()
            .map(|index| &self.messages[*index])
    }
}

#[async_trait]
impl EventLog for Rehearsal {
    fn partition_count(&self) -> u16 {
        self.real.partition_count()
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        commit.check()?;
        let mut kept = self.kept.lock().await;
        if kept.messages.len() + commit.messages.len() > KEPT_MESSAGES_MAX {
            let reason = "a dry run does not go further than this; split the file".to_owned();
            return Err(LogError::Unavailable { reason }.into());
        }
        for message in &commit.messages {
            let end = match kept.of(commit.tenant, &message.stream).last() {
                Some(last) => last.position,
                None => {
                    let next =
                        self.real.load_page(commit.tenant, &message.stream, message.expected, 1).await?;
                    next.messages.last().map_or(message.expected, |next| next.position)
                }
            };
            if end != message.expected {
                let (stream, expected) = (message.stream.clone(), message.expected);
                return Err(AppendError::Conflict { stream, expected });
            }
        }
        let partition = self.partition_of(commit.tenant);
        let first = Position(GAP + kept.messages.len() as u64 + 1);
        for message in commit.messages {
            let index = kept.messages.len();
            let position = Position(GAP + index as u64 + 1);
            kept.of_stream.entry((commit.tenant, message.stream.clone())).or_default().push(index);
            let (stream, payload) = (message.stream, message.payload);
            kept.messages.push(StoredMessage { partition, position, tenant: commit.tenant, stream, payload });
        }
        Ok(Appended { first, last: Position(GAP + kept.messages.len() as u64) })
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let limit = limit.clamp(1, LOADED_MESSAGES_MAX);
        let mut page = if after.0 < GAP {
            self.real.load_page(tenant, stream, after, limit).await?
        } else {
            Page { messages: Vec::new(), reached_end: true }
        };
        if page.reached_end {
            let kept = self.kept.lock().await;
            let mut behind = kept.of(tenant, stream).filter(|message| message.position > after);
            let room = limit - page.messages.len();
            page.messages.extend(behind.by_ref().take(room).cloned());
            page.reached_end = behind.next().is_none();
        }
        Ok(page)
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        match self.kept.lock().await.messages.last() {
            Some(last) => Ok(last.position),
            None => self.real.head(partition).await,
        }
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        let limit = query.limit.min(READ_MESSAGES_MAX);
        let fits = |message: &&StoredMessage| {
            message.partition == partition && query.tenant.is_none_or(|tenant| tenant == message.tenant)
        };
        let kept = self.kept.lock().await;
        let messages: Vec<StoredMessage> = match query.direction {
            Direction::Forward => {
                let after = |message: &&StoredMessage| message.position > query.from;
                kept.messages.iter().filter(after).filter(fits).take(limit).cloned().collect()
            }
            Direction::Backward => {
                let before = |message: &&StoredMessage| message.position < query.from;
                kept.messages.iter().rev().filter(before).filter(fits).take(limit).cloned().collect()
            }
        };
        drop(kept);
        match query.direction {
            Direction::Forward if query.from.0 >= GAP => Ok(messages),
            Direction::Forward => {
                let mut all = self.real.read(partition, ReadQuery { limit, ..query }).await?;
                let room = limit - all.len().min(limit);
                all.extend(messages.into_iter().take(room));
                Ok(all)
            }
            Direction::Backward => {
                let mut all = messages;
                if all.len() < limit {
                    let limit = limit - all.len();
                    all.extend(self.real.read(partition, ReadQuery { limit, ..query }).await?);
                }
                Ok(all)
            }
        }
    }

    async fn subscribe(
        &self,
        _: Partition,
        _: Option<TenantId>,
        _: Position,
    ) -> Result<MessageStream, LogError> {
        Err(LogError::Configuration { reason: "a dry run is not followed; follow the real log".to_owned() })
    }

    fn records(&self) -> SharedRecords {
        Arc::clone(&self.records) as _
    }

    fn describe(&self) -> String {
        format!("a dry run before {}", self.real.describe())
    }

    async fn close(&self) {
        self.real.close().await;
    }
}
