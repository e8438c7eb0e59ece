//! The event-log port.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use foodflow_domain::TenantId;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::records::SharedRecords;

/// Most messages that one commit may hold: the limit of a JetStream atomic batch.
pub const COMMIT_MESSAGES_MAX: usize = 1_000;
/// Most bytes of one message's payload, below the default `max_payload` of NATS (1 MiB).
pub const PAYLOAD_BYTES_MAX: usize = 1_000_000;
/// Most messages that one [`EventLog::read`] answers.
pub const READ_MESSAGES_MAX: usize = 10_000;
/// Most messages that one [`EventLog::load_page`] answers.
pub const LOADED_MESSAGES_MAX: usize = 2_000;
/// A page of a stream ends early with the message that brings it to this many bytes of payload.
pub const LOADED_BYTES_MAX: usize = 8 << 20;

/// Positions that [`EventLog::last_before`] looks at first, and by how much more each time that none was found.
const WINDOW_MIN: u64 = 1_000;
const WINDOW_GROWTH: u64 = 16;

/// Most partitions that a log may have.
pub const PARTITIONS_MAX: u16 = 256;
/// Partitions of a log that is made without saying how many, where the adapter leaves a choice.
pub const PARTITIONS_DEFAULT: u16 = 4;

/// Sequence of a message in its partition: 1 is the first; 0 stands before all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A share of the tenants, with a total order of its own; counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(pub u16);

impl Partition {
    /// The partition of `tenant` in a log of `count` partitions.
    ///
    /// # Panics
    /// Never for `count` ≥ 1; a log has at least one partition.
    #[must_use]
    pub fn of(tenant: TenantId, count: u16) -> Self {
        assert!(count >= 1, "a log has at least one partition");
        let bits = tenant.0.as_u128();
        let folded = (bits >> 64) as u64 ^ bits as u64;
        let spread = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Self((spread % u64::from(count)) as u16)
    }
}

/// The stream of one aggregate within a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Bounded context, e.g. `food_graph`; `[a-z_]+`.
    pub context: Cow<'static, str>,
    /// Aggregate, e.g. `batch`; `[a-z_]+`.
    pub aggregate: Cow<'static, str>,
    /// The aggregate's id.
    pub id: Uuid,
}

impl StreamId {
    /// The stream of the aggregate `id`.
    #[must_use]
    pub const fn new(context: &'static str, aggregate: &'static str, id: Uuid) -> Self {
        Self { context: Cow::Borrowed(context), aggregate: Cow::Borrowed(aggregate), id }
    }

    /// True where context and aggregate are `[a-z_]+`, so that the written form reads back.
    #[must_use]
    pub fn is_well_named(&self) -> bool {
        let fits = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        fits(&self.context) && fits(&self.aggregate)
    }

    /// Reads `<context>.<aggregate>.<id>`, the form that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (context, rest) = text.split_once('.')?;
        let (aggregate, id) = rest.split_once('.')?;
        let id = Uuid::parse_str(id).ok()?;
        Some(Self { context: context.to_owned().into(), aggregate: aggregate.to_owned().into(), id })
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.context, self.aggregate, self.id)
    }
}

/// One aggregate's part of a commit: all of its events, as one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The stream to append to; at most once in a commit.
    pub stream: StreamId,
    /// Position of the stream's last message; 0 where the stream must not exist.
    pub expected: Position,
    /// CloudEvents JSON batch, at most [`PAYLOAD_BYTES_MAX`] bytes. Stored as given, byte for byte.
    pub payload: Bytes,
}

/// What one command appends, atomically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The tenant of every stream in it.
    pub tenant: TenantId,
    /// Recorded time of every event in it, as its payloads state it.
    pub recorded_at: Timestamp,
    /// 1 to [`COMMIT_MESSAGES_MAX`] messages; they take adjoining positions in this order.
    pub messages: Vec<NewMessage>,
}

impl Commit {
    /// Refuses a commit that no adapter may take: empty, too large, or with a stream named twice.
    ///
    /// # Errors
    /// [`AppendError::Invalid`] says which.
    pub fn check(&self) -> Result<(), AppendError> {
        let invalid = |what: String| Err(AppendError::Invalid { what });
        if self.messages.is_empty() {
            return invalid("a commit without messages".to_owned());
        }
        if self.messages.len() > COMMIT_MESSAGES_MAX {
            return invalid(format!("{} messages, at most {COMMIT_MESSAGES_MAX}", self.messages.len()));
        }
        let mut seen = std::collections::HashSet::with_capacity(self.messages.len());
        for message in &self.messages {
            if message.payload.len() > PAYLOAD_BYTES_MAX {
                let bytes = message.payload.len();
                return invalid(format!("{bytes} bytes for {}, at most {PAYLOAD_BYTES_MAX}", message.stream));
            }
            if !message.stream.is_well_named() {
                return invalid(format!(
                    "{}: context and aggregate are written with a-z and _",
                    message.stream
                ));
            }
            if !seen.insert(&message.stream) {
                return invalid(format!("{} twice in one commit", message.stream));
            }
        }
        Ok(())
    }
}

/// Refuses what [`EventLog::append_after`] cannot take: no commit, an invalid one, or one of another partition.
pub(crate) fn check_run(count: u16, partition: Partition, commits: &[Commit]) -> Result<(), AppendError> {
    if commits.is_empty() {
        return Err(AppendError::Invalid { what: "a run without commits".to_owned() });
    }
    for commit in commits {
        commit.check()?;
        if Partition::of(commit.tenant, count) != partition {
            let (tenant, number) = (commit.tenant, partition.0);
            return Err(AppendError::Invalid {
                what: format!("tenant {tenant} is not in partition {number}"),
            });
        }
    }
    Ok(())
}

/// Where an accepted commit stands: message `i` of the commit is at `first + i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first message.
    pub first: Position,
    /// Position of the last message; the position of the commit.
    pub last: Position,
}

/// A message as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its partition.
    pub partition: Partition,
    /// Its position in the partition.
    pub position: Position,
    /// Its tenant.
    pub tenant: TenantId,
    /// The aggregate's stream.
    pub stream: StreamId,
    /// CloudEvents JSON batch, byte for byte as appended.
    pub payload: Bytes,
}

/// Which way a read goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first, from after [`ReadQuery::from`].
    Forward,
    /// Newest first, from before [`ReadQuery::from`].
    Backward,
}

/// A bounded range read over one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadQuery {
    /// Only this tenant's messages; `None` reads all (operators and projectors).
    pub tenant: Option<TenantId>,
    /// Exclusive start: forward reads positions greater than it, backward positions less than it.
    pub from: Position,
    /// Which way.
    pub direction: Direction,
    /// At most this many messages; a larger number than [`READ_MESSAGES_MAX`] is taken as that.
    pub limit: usize,
}

/// Part of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Oldest first; at least one where the end is not reached.
    pub messages: Vec<StoredMessage>,
    /// Whether nothing that was asked for stood after them when they were read.
    pub reached_end: bool,
}

/// An ordered, endless stream of messages.
pub type MessageStream = BoxStream<'static, Result<StoredMessage, LogError>>;

/// Why a commit was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A stream does not end where the commit expected; nothing was appended.
    #[error("{stream} no longer ends at position {expected}")]
    Conflict {
        /// The stream that moved on, or one of them.
        stream: StreamId,
        /// What the commit expected.
        expected: Position,
    },
    /// The partition does not end where it was expected to; nothing was appended.
    #[error("partition {} does not end at position {expected}", partition.0)]
    Moved {
        /// The partition.
        partition: Partition,
        /// Where it was expected to end.
        expected: Position,
    },
    /// The commit breaks a bound of the port; nothing was appended.
    #[error("not a valid commit: {what}")]
    Invalid {
        /// What is wrong with it.
        what: String,
    },
    /// Too many commits wait; nothing was appended. Try again later.
    #[error("the log's queue is full ({waiting} commits waiting)")]
    Overloaded {
        /// How many wait.
        waiting: usize,
    },
    /// The answer was lost: the commit may or may not stand. Reload to find out.
    #[error("the outcome of the append is unknown: {reason}")]
    Unknown {
        /// What went wrong.
        reason: String,
    },
    /// The log cannot be reached or refused; nothing was appended.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why the log did not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The server or file cannot be reached now.
    #[error("the event log is unavailable: {reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// The server is too old to keep the log's promises.
    #[error(
        "NATS server {found} at {url} is too old: atomic batches need {required} or newer. \
         Install it with `go install github.com/nats-io/nats-server/v2@v2.15.2`"
    )]
    UnsupportedServer {
        /// Version that was found.
        found: String,
        /// Lowest version that works.
        required: String,
        /// Server address, without credentials.
        url: String,
    },
    /// What is stored is not what this log writes.
    #[error("the event log holds something unexpected at {place}: {reason}")]
    Corrupt {
        /// Partition and position, or the file.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The configuration does not fit the log that exists.
    #[error("the event log cannot be opened: {reason}")]
    Configuration {
        /// What does not fit, and what to do.
        reason: String,
    },
}

/// The event log.
///
/// Every adapter passes the same contract suite: atomic commits over several streams, no false conflict
/// between disjoint streams, adjoining positions within a commit, ordered and resumable subscriptions.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// How many partitions the log has, at least 1; fixed when it was created.
    fn partition_count(&self) -> u16;

    /// The partition in which `tenant` lives.
    fn partition_of(&self, tenant: TenantId) -> Partition {
        Partition::of(tenant, self.partition_count())
    }

    /// Appends `commit` durably, all or nothing. Acknowledged means on disk (but for the memory adapter).
    ///
    /// # Errors
    /// See [`AppendError`]; only `Unknown` leaves open whether the commit stands.
    async fn append(&self, commit: Commit) -> Result<Appended, AppendError>;

    /// Appends `commits` in this order behind `after`, where the partition must end; answers the last position.
    ///
    /// For copies: what stands at a position of one log stands there in the other. Each commit is as durable and as
    /// atomic as one of [`Self::append`] and its streams are checked alike. The first one that is refused ends it:
    /// those before it may stand, those behind it do not. The caller bounds how much it hands over at once, and hands
    /// over at least one.
    ///
    /// This way, one commit after another, does not keep another writer from coming in between; the adapters' own
    /// ways do.
    ///
    /// # Errors
    /// [`AppendError::Moved`] where the partition ends elsewhere; else that of the first commit that is refused.
    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        check_run(self.partition_count(), partition, &commits)?;
        let mut end = after;
        for commit in commits {
            if self.head(partition).await? != end {
                return Err(AppendError::Moved { partition, expected: end });
            }
            end = self.append(commit).await?.last;
        }
        Ok(end)
    }

    /// The next messages of one stream after `after`, in one round trip: at most `limit` (at least one, a larger
    /// number than [`LOADED_MESSAGES_MAX`] is taken as that), fewer where they reach [`LOADED_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`LogError`] where the log does not answer.
    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError>;

    /// All messages of one stream after `after`, oldest first, for whoever wants them all in memory at once.
    ///
    /// # Errors
    /// [`LogError`] where the log does not answer.
    async fn load(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
    ) -> Result<Vec<StoredMessage>, LogError> {
        let (mut messages, mut after): (Vec<StoredMessage>, _) = (Vec::new(), after);
        loop {
            let page = self.load_page(tenant, stream, after, LOADED_MESSAGES_MAX).await?;
            let Some(last) = page.messages.last() else { return Ok(messages) };
            after = last.position;
            messages.extend(page.messages);
            if page.reached_end {
                return Ok(messages);
            }
        }
    }

    /// The last message of a stream before `before`, looked for near by first: a stream may be long, and no more than a page
    /// of it is held at once.
    ///
    /// # Errors
    /// [`LogError`] where the log does not answer.
    async fn last_before(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        before: Position,
    ) -> Result<Option<StoredMessage>, LogError> {
        let mut window = WINDOW_MIN;
        loop {
            let after = Position(before.0.saturating_sub(window));
            let (mut from, mut last) = (after, None);
            loop {
                let page = self.load_page(tenant, stream, from, LOADED_MESSAGES_MAX).await?;
                let Some(end) = page.messages.last().map(|message| message.position) else { break };
                last = page.messages.into_iter().rev().find(|message| message.position < before).or(last);
                if page.reached_end || end >= before {
                    break;
                }
                from = end;
            }
            if last.is_some() || after == Position(0) {
                return Ok(last);
            }
            window = window.saturating_mul(WINDOW_GROWTH);
        }
    }

    /// Position of the partition's last message; 0 where it is empty.
    ///
    /// # Errors
    /// [`LogError`] where the log does not answer.
    async fn head(&self, partition: Partition) -> Result<Position, LogError>;

    /// A bounded range of one partition. Fewer than `limit` messages mean that the range is exhausted.
    ///
    /// # Errors
    /// [`LogError`] where the log does not answer.
    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError>;

    /// Every message after `after`, in order, without gap or repetition, then those to come.
    ///
    /// The stream ends only with an error or with the log; the reader resumes from the last position that it
    /// has dealt with.
    ///
    /// # Errors
    /// [`LogError`] where the subscription cannot start.
    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError>;

    /// The small records beside this log. They close with it.
    fn records(&self) -> SharedRecords;

    /// Where this log is, for people: a path or an address without credentials.
    fn describe(&self) -> String;

    /// Finishes what was taken in, then closes. Later appends are refused.
    async fn close(&self);
}

/// A log shared between the roles of one process.
pub type SharedLog = Arc<dyn EventLog>;
