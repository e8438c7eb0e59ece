//! The JetStream adapter: one stream per partition, one atomic batch per commit.
//!
//! «Acknowledged means on disk» holds where the server runs with `jetstream { sync_interval: always }`; a client
//! cannot ask for it, so it belongs to the server's configuration.
//!
//! - `config`, `address`, `connect`, `version`: reaching a server that is new enough;
//! - `streams`: the partitions, created once;
//! - `admission`, `append`, `run`, `publish_ack`, `conflict`: the write path;
//! - `direct_get`, `read`: loads and range reads, never by a consumer;
//! - `subscribe`: ordered, resumable subscriptions.

mod address;
mod admission;
mod append;
mod config;
mod conflict;
mod connect;
mod direct_get;
mod publish_ack;
mod read;
mod run;
mod streams;
mod subject;
mod subscribe;
mod version;

use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::TenantId;

pub use self::config::{ANSWER_TIMEOUT_DEFAULT, NatsConfig, NatsCredentials, PARTITIONS_DEFAULT};
pub use self::version::SERVER_VERSION_REQUIRED;

use self::admission::Admission;
use self::append::PreparedMessage;
use self::connect::Connection;
use crate::event_log::check_run;
use crate::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Partition, Position, ReadQuery,
    StoredMessage, StreamId,
};

/// Single publishes of one partition that are with the server at once, beside one batch.
const SINGLES_IN_FLIGHT_MAX: u32 = 32;
/// Commits of one partition that wait in this process.
const WAITING_MAX: usize = 2_048;

/// The event log on NATS JetStream.
pub struct NatsLog {
    connection: Arc<Connection>,
    partitions: Vec<Admission>,
}

impl NatsLog {
    /// Connects, refuses a server that is too old, and creates the log where it does not exist.
    ///
    /// # Errors
    /// [`LogError::UnsupportedServer`] for an old server, [`LogError::Configuration`] where the settings do not
    /// fit the log that exists, [`LogError::Unavailable`] where there is no server.
    pub async fn connect(config: NatsConfig) -> Result<Self, LogError> {
        config.check()?;
        let connection = Connection::open(&config).await?;
        let count = streams::ensure(&connection, &config).await?;
        let partitions = (0..count).map(|_| Admission::new(SINGLES_IN_FLIGHT_MAX, WAITING_MAX)).collect();
        Ok(Self { connection: Arc::new(connection), partitions })
    }

    /// Connects like [`Self::connect`] and changes nothing: `None` where the server holds no log yet.
    ///
    /// # Errors
    /// As [`Self::connect`]; also where a partition of the log is missing.
    pub async fn connect_existing(config: NatsConfig) -> Result<Option<Self>, LogError> {
        config.check()?;
        let connection = Connection::open(&config).await?;
        let Some(count) = streams::find(&connection, &config).await? else { return Ok(None) };
        let partitions = (0..count).map(|_| Admission::new(SINGLES_IN_FLIGHT_MAX, WAITING_MAX)).collect();
        Ok(Some(Self { connection: Arc::new(connection), partitions }))
    }

    fn admission(&self, partition: Partition) -> Result<&Admission, LogError> {
        self.partitions.get(usize::from(partition.0)).ok_or_else(|| LogError::Configuration {
            reason: format!("there is no partition {}; the log has {}", partition.0, self.partitions.len()),
        })
    }
}

impl NatsLog {
    /// Writes what takes adjoining positions: directly behind `after` where it is given; answers the positions.
    async fn write(
        &self,
        partition: Partition,
        after: Option<Position>,
        messages: Vec<PreparedMessage>,
    ) -> Result<Appended, AppendError> {
        self.connection.ready()?;
        let place = self.admission(partition)?.enter(messages.len()).await?;
        let connection = Arc::clone(&self.connection);
        // A caller that gives up must not leave half a batch behind, nor free its place too early.
        let writing = tokio::spawn(async move {
            let outcome = append::write(&connection, partition, after, &messages).await;
            drop(place);
            outcome
        });
        writing.await.unwrap_or_else(|error| Err(AppendError::Unknown { reason: error.to_string() }))
    }
}

#[async_trait]
impl EventLog for NatsLog {
    fn partition_count(&self) -> u16 {
        // Never more than PARTITIONS_MAX.
        u16::try_from(self.partitions.len()).unwrap_or(u16::MAX)
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let partition = self.partition_of(commit.tenant);
        let messages = append::prepare(partition, commit)?;
        self.write(partition, None, messages).await
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        self.admission(partition)?;
        check_run(self.partition_count(), partition, &commits)?;
        let mut end = after;
        for messages in run::batches(partition, commits)? {
            end = self.write(partition, Some(end), messages).await?.last;
        }
        Ok(end)
    }

    async fn load(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
    ) -> Result<Vec<StoredMessage>, LogError> {
        read::load(&self.connection, self.partition_of(tenant), tenant, stream, after).await
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.admission(partition)?;
        read::head(&self.connection, partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.admission(partition)?;
        read::read(&self.connection, partition, &query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        self.admission(partition)?;
        subscribe::subscribe(Arc::clone(&self.connection), partition, tenant, after).await
    }

    fn describe(&self) -> String {
        self.connection.url().to_owned()
    }

    async fn close(&self) {
        for admission in &self.partitions {
            admission.close().await;
        }
        self.connection.closed.cancel();
        if let Err(error) = self.connection.client.drain().await {
            tracing::debug!(%error, "the connection to the event log was closed already");
        }
    }
}
