//! What every contract test starts from: an empty log behind the port, and a way to open it again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::eventstore::EventStoreLog;
use foodflow_log::memory::MemoryLog;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::partitioned::PartitionedEmbedded;
use foodflow_log::{
    Appended, Commit, Direction, EventLog, MessageStream, NewMessage, Partition, Position, ReadQuery,
    SharedLog, StoredMessage, StreamId,
};
use foodflow_testkit::servers::NatsServer;
use futures::StreamExt as _;
use jiff::Timestamp;
use uuid::Uuid;

use crate::memory_streams::MemoryStreams;

/// Longest that a test waits for one message.
const MESSAGE_WAIT: Duration = Duration::from_secs(30);
const MANY_PARTITIONS: u16 = 4;

/// An empty log, and what lies behind it.
pub(crate) struct Fixture {
    pub(crate) log: SharedLog,
    home: Home,
}

enum Home {
    Memory,
    Embedded(tempfile::TempDir),
    Partitioned(tempfile::TempDir),
    EventStreams(MemoryStreams),
    #[cfg(feature = "eventstore")]
    EventStore(foodflow_log::eventstore::EventStoreConfig),
    Nats(NatsServer),
}

impl Home {
    async fn open(&self) -> anyhow::Result<SharedLog> {
        Ok(match self {
            Self::Memory => anyhow::bail!("a memory log cannot be opened again"),
            Self::Embedded(folder) => {
                std::sync::Arc::new(EmbeddedLog::open(&folder.path().join("log.db")).await?)
            }
            Self::Partitioned(folder) => {
                let (folder, count) = (folder.path().join("log"), MANY_PARTITIONS);
                std::sync::Arc::new(PartitionedEmbedded::open_or_create(&folder, count, None).await?)
            }
            Self::EventStreams(streams) => {
                let streams = std::sync::Arc::new(streams.clone());
                std::sync::Arc::new(EventStoreLog::open(streams, "contract", Some(MANY_PARTITIONS)).await?)
            }
            #[cfg(feature = "eventstore")]
            Self::EventStore(config) => std::sync::Arc::new(EventStoreLog::connect(config).await?),
            Self::Nats(server) => std::sync::Arc::new(NatsLog::connect(NatsConfig::new(server.url())).await?),
        })
    }
}

impl Fixture {
    pub(crate) async fn memory() -> anyhow::Result<Self> {
        Ok(Self { log: std::sync::Arc::new(MemoryLog::new(MANY_PARTITIONS)), home: Home::Memory })
    }

    pub(crate) async fn embedded() -> anyhow::Result<Self> {
        Self::open(Home::Embedded(tempfile::tempdir()?)).await
    }

    pub(crate) async fn partitioned() -> anyhow::Result<Self> {
        Self::open(Home::Partitioned(tempfile::tempdir()?)).await
    }

    pub(crate) async fn event_streams() -> anyhow::Result<Self> {
        Self::open(Home::EventStreams(MemoryStreams::default())).await
    }

    /// A log of its own on the server that somebody has: no test starts one.
    #[cfg(feature = "eventstore")]
    pub(crate) async fn eventstore() -> anyhow::Result<Self> {
        const URL: &str = "FOODFLOW_TEST_EVENTSTORE_URL";
        let url =
            std::env::var(URL).with_context(|| format!("{URL} names no EventStoreDB server, esdb://…"))?;
        let config = foodflow_log::eventstore::EventStoreConfig {
            prefix: format!("test_{}", Uuid::new_v4().simple()),
            partitions: Some(MANY_PARTITIONS),
            ..foodflow_log::eventstore::EventStoreConfig::new(url)
        };
        Self::open(Home::EventStore(config)).await
    }

    pub(crate) async fn nats() -> anyhow::Result<Self> {
        Self::open(Home::Nats(NatsServer::start().await?)).await
    }

    async fn open(home: Home) -> anyhow::Result<Self> {
        let log = home.open().await?;
        Ok(Self { log, home })
    }

    /// Another handle on the same log, as another process has one.
    pub(crate) async fn second(&self) -> anyhow::Result<SharedLog> {
        match self.home {
            Home::Memory => Ok(std::sync::Arc::clone(&self.log)),
            _ => self.home.open().await,
        }
    }

    /// The folder of everything that the log writes; `None` where it writes no files.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match &self.home {
            Home::Embedded(folder) | Home::Partitioned(folder) => Some(folder.path().to_owned()),
            Home::Nats(server) => Some(server.folder()),
            _ => None,
        }
    }

    /// Whether appends wait in a queue of this process, which may be full.
    pub(crate) const fn has_a_queue(&self) -> bool {
        !matches!(self.home, Home::Memory)
    }

    /// Closes the log and opens it again, as a new process would.
    pub(crate) async fn reopen(self) -> anyhow::Result<Self> {
        self.log.close().await;
        drop(self.log);
        Self::open(self.home).await
    }

    /// Ends the log without closing it, takes its server down hard where it has one, and opens it again.
    pub(crate) async fn crash(self) -> anyhow::Result<Self> {
        drop(self.log);
        if let Home::Nats(server) = &self.home {
            server.kill9().await?;
            server.restart().await?;
        }
        Self::open(self.home).await
    }
}

/// A tenant of its own.
pub(crate) fn tenant() -> TenantId {
    TenantId(Uuid::new_v4())
}

/// A tenant of its own that lives in `partition`.
pub(crate) fn tenant_in(log: &dyn EventLog, partition: Partition) -> TenantId {
    std::iter::repeat_with(tenant)
        .find(|tenant| log.partition_of(*tenant) == partition)
        .expect("every partition has tenants")
}

/// A stream of its own.
pub(crate) fn stream() -> StreamId {
    StreamId::new("food_graph", "batch", Uuid::new_v4())
}

/// `text` as a message that expects its stream to end at `expected`.
pub(crate) fn message(stream: &StreamId, expected: Position, text: &str) -> NewMessage {
    NewMessage { stream: stream.clone(), expected, payload: Bytes::copy_from_slice(text.as_bytes()) }
}

/// A commit of `messages`.
pub(crate) fn commit(tenant: TenantId, messages: Vec<NewMessage>) -> Commit {
    Commit { tenant, recorded_at: Timestamp::UNIX_EPOCH, messages }
}

/// Appends one message each to `count` new streams, as one commit.
pub(crate) async fn append_new(
    log: &dyn EventLog,
    tenant: TenantId,
    count: usize,
) -> anyhow::Result<Appended> {
    let messages = (0..count).map(|index| message(&stream(), Position(0), &format!("new {index}"))).collect();
    Ok(log.append(commit(tenant, messages)).await?)
}

/// Everything in a partition, oldest first.
pub(crate) async fn everything(
    log: &dyn EventLog,
    partition: Partition,
) -> anyhow::Result<Vec<StoredMessage>> {
    let mut all: Vec<StoredMessage> = Vec::new();
    loop {
        let from = all.last().map_or(Position(0), |message| message.position);
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 10_000 };
        let page = log.read(partition, query).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// The next `count` messages of a subscription.
pub(crate) async fn take(
    subscription: &mut MessageStream,
    count: usize,
) -> anyhow::Result<Vec<StoredMessage>> {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        let next = tokio::time::timeout(MESSAGE_WAIT, subscription.next()).await;
        let next = next.with_context(|| format!("message {} of {count} did not come", taken.len() + 1))?;
        taken.push(next.context("the subscription ended")??);
    }
    Ok(taken)
}

/// The positions of `messages`.
pub(crate) fn positions(messages: &[StoredMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.position.0).collect()
}

/// The payloads of `messages` as text.
pub(crate) fn texts(messages: &[StoredMessage]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect()
}
