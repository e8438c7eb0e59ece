//! A log of any kind, and processes that command on it.

use std::sync::Arc;

use bytes::Bytes;
use foodflow_commands::{Executor, SystemClock};
use foodflow_domain::TenantId;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::memory::MemoryLog;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{
    Commit, Direction, EventLog as _, Keyring, NewMessage, Partition, Position, ReadQuery, SharedLog,
    StoredMessage, StreamId,
};
use foodflow_testkit::servers::NatsServer;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::counting_log::CountingLog;

/// Messages that are on their way to a log at once.
const ON_THEIR_WAY: usize = 500;

/// A log, and what lies behind it.
pub(super) struct Fixture {
    pub(super) log: Arc<CountingLog>,
    home: Home,
}

enum Home {
    Memory(SharedLog),
    Embedded(tempfile::TempDir),
    Nats(NatsServer),
}

impl Home {
    async fn open(&self) -> anyhow::Result<Arc<CountingLog>> {
        let log: SharedLog = match self {
            Self::Memory(log) => Arc::clone(log),
            Self::Embedded(folder) => Arc::new(EmbeddedLog::open(&folder.path().join("log.db")).await?),
            Self::Nats(server) => {
                Arc::new(NatsLog::connect(NatsConfig::new(server.url()).with_partitions(1)).await?)
            }
        };
        Ok(Arc::new(CountingLog::before(log)))
    }
}

impl Fixture {
    pub(super) async fn memory() -> anyhow::Result<Self> {
        Self::open(Home::Memory(Arc::new(MemoryLog::new(1)))).await
    }

    pub(super) async fn embedded() -> anyhow::Result<Self> {
        Self::open(Home::Embedded(tempfile::tempdir()?)).await
    }

    pub(super) async fn nats() -> anyhow::Result<Self> {
        Self::open(Home::Nats(NatsServer::start().await?)).await
    }

    async fn open(home: Home) -> anyhow::Result<Self> {
        Ok(Self { log: home.open().await?, home })
    }

    /// Another handle on the same log, as another process has one.
    pub(super) async fn second(&self) -> anyhow::Result<Arc<CountingLog>> {
        self.home.open().await
    }

    /// The folder of everything that the log writes; `None` where it writes no files.
    pub(super) fn folder(&self) -> Option<std::path::PathBuf> {
        match &self.home {
            Home::Memory(_) => None,
            Home::Embedded(folder) => Some(folder.path().to_owned()),
            Home::Nats(server) => Some(server.folder()),
        }
    }

    /// A process that knows nothing yet.
    pub(super) fn process(&self) -> Executor {
        process(&self.log)
    }

    /// Closes the log, ends its server where it has one, and opens it again.
    pub(super) async fn restart(self) -> anyhow::Result<Self> {
        // The log in memory is the same one afterwards, so it stays open.
        if !matches!(self.home, Home::Memory(_)) {
            self.log.close().await;
        }
        if let Home::Nats(server) = &self.home {
            server.terminate().await?;
            server.restart().await?;
        }
        Self::open(self.home).await
    }

    /// The same, but nothing is closed, and the server is killed.
    pub(super) async fn crash(self) -> anyhow::Result<Self> {
        drop(self.log);
        if let Home::Nats(server) = &self.home {
            server.kill9().await?;
            server.restart().await?;
        }
        Self::open(self.home).await
    }

    /// Appends everything that `from` holds to this log, which is empty: at the same positions.
    pub(super) async fn copy(&self, from: &CountingLog) -> anyhow::Result<()> {
        let messages = everything(from).await?;
        match &self.home {
            Home::Nats(server) => publish(server, &messages).await?,
            _ => self.append(&messages).await?,
        }
        let head = self.log.head(Partition(0)).await?;
        anyhow::ensure!(head.0 == messages.len() as u64, "the copy has other positions");
        Ok(())
    }

    async fn append(&self, messages: &[StoredMessage]) -> anyhow::Result<()> {
        let mut ends = std::collections::HashMap::<(TenantId, StreamId), Position>::new();
        let commits: Vec<Commit> = messages
            .iter()
            .map(|message| {
                let stream = message.stream.clone();
                let expected = ends.insert((message.tenant, stream.clone()), message.position);
                let expected = expected.unwrap_or_default();
                let new = NewMessage { stream, expected, payload: message.payload.clone() };
                Commit { tenant: message.tenant, recorded_at: Timestamp::UNIX_EPOCH, messages: vec![new] }
            })
            .collect();
        let appends = futures::stream::iter(commits.into_iter().map(|commit| self.log.append(commit)));
        appends.buffered(ON_THEIR_WAY).try_for_each(|_| std::future::ready(Ok(()))).await?;
        Ok(())
    }
}

/// A process on `log` that knows nothing yet.
pub(super) fn process(log: &Arc<CountingLog>) -> Executor {
    let keyring = Arc::new(Keyring::passing(log.records()).expect("randomness"));
    Executor::new(Arc::clone(log) as SharedLog, keyring, Arc::new(SystemClock))
}

async fn everything(log: &CountingLog) -> anyhow::Result<Vec<StoredMessage>> {
    let mut all: Vec<StoredMessage> = Vec::new();
    loop {
        let from = all.last().map_or(Position(0), |last| last.position);
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 10_000 };
        let page = log.read(Partition(0), query).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Publishes past the log, in order and without waiting for each answer.
async fn publish(server: &NatsServer, messages: &[StoredMessage]) -> anyhow::Result<()> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await?);
    for some in messages.chunks(ON_THEIR_WAY) {
        let mut answers = Vec::with_capacity(some.len());
        for message in some {
            let subject = format!("ff.ev.0.{}.{}", message.tenant, message.stream);
            answers.push(jetstream.publish(subject, Bytes::clone(&message.payload)).await?);
        }
        for answer in answers {
            answer.await?;
        }
    }
    Ok(())
}
