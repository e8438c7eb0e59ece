//! The JetStream adapter: one stream per partition, commits as publishes or in atomic batches.
//!
//! «Acknowledged means on disk» holds where the server runs with `jetstream { sync_interval: always }`; a client
//! cannot ask for it, so it belongs to the server's configuration.
//!
//! - `config`, `address`, `connect`, `version`: reaching a server that is new enough;
//! - `streams`: the partitions, created once;
//! - `coalescer`: gathers what waits, for each partition; `append`, `publish_ack`, `conflict`: one write of it;
//! - `direct_get`, `read`: loads and range reads, never by a consumer;
//! - `subscribe`: ordered, resumable subscriptions;
//! - `records`, `bucket`, `scrub`: the records beside the log, in key-value buckets.

mod address;
mod append;
mod bucket;
mod coalescer;
mod config;
mod conflict;
mod connect;
mod direct_get;
mod publish_ack;
mod read;
mod records;
mod scrub;
mod streams;
mod subject;
mod subscribe;
mod version;

use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::TenantId;

pub use self::config::{ANSWER_TIMEOUT_DEFAULT, NatsConfig, NatsCredentials};
pub use self::version::SERVER_VERSION_REQUIRED;

use self::coalescer::Coalescer;
use self::connect::Connection;
use self::records::NatsRecords;
use crate::event_log::check_run;
use crate::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Page, Partition, Position, ReadQuery,
    SharedRecords, StoredMessage, StreamId,
};

/// The event log on NATS JetStream.
pub struct NatsLog {
    connection: Arc<Connection>,
    partitions: Vec<Coalescer>,
    records: Arc<NatsRecords>,
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
        Ok(Self::start(connection, count))
    }

    /// Connects like [`Self::connect`] and changes nothing: `None` where the server holds no log yet.
    ///
    /// # Errors
    /// As [`Self::connect`]; also where a partition of the log is missing.
    pub async fn connect_existing(config: NatsConfig) -> Result<Option<Self>, LogError> {
        config.check()?;
        let connection = Connection::open(&config).await?;
        let Some(count) = streams::find(&connection, &config).await? else { return Ok(None) };
        Ok(Some(Self::start(connection, count)))
    }

    fn start(connection: Connection, partitions: u16) -> Self {
        let connection = Arc::new(connection);
        let records = Arc::new(NatsRecords::new(Arc::clone(&connection)));
        let start = |partition| Coalescer::start(Arc::clone(&connection), Partition(partition));
        Self { partitions: (0..partitions).map(start).collect(), records, connection }
    }

    fn partition(&self, partition: Partition) -> Result<&Coalescer, LogError> {
        self.partitions.get(usize::from(partition.0)).ok_or_else(|| LogError::Configuration {
            reason: format!("there is no partition {}; the log has {}", partition.0, self.partitions.len()),
        })
    }
}

#[async_trait]
impl EventLog for NatsLog {
    fn partition_count(&self) -> u16 {
        // Never more than PARTITIONS_MAX.
        u16::try_from(self.partitions.len()).unwrap_or(u16::MAX)
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        commit.check()?;
        let partition = self.partition_of(commit.tenant);
        let messages = append::prepare(partition, commit)?;
        self.connection.ready()?;
        self.partition(partition)?.append(messages).await
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        let coalescer = self.partition(partition)?;
        check_run(self.partition_count(), partition, &commits)?;
        let commits = commits.into_iter().map(|commit| append::prepare(partition, commit));
        let commits = commits.collect::<Result<_, _>>()?;
        self.connection.ready()?;
        coalescer.append_after(after, commits).await
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        read::load(&self.connection, self.partition_of(tenant), tenant, stream, after, limit).await
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.partition(partition)?;
        read::head(&self.connection, partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.partition(partition)?;
        read::read(&self.connection, partition, &query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        self.partition(partition)?;
        subscribe::subscribe(Arc::clone(&self.connection), partition, tenant, after).await
    }

    fn records(&self) -> SharedRecords {
        Arc::clone(&self.records) as _
    }

    fn describe(&self) -> String {
        self.connection.url().to_owned()
    }

    async fn close(&self) {
        for partition in &self.partitions {
            partition.refuse_more();
        }
        for partition in &self.partitions {
            partition.close().await;
        }
        self.connection.closed.cancel();
        if let Err(error) = self.connection.client.drain().await {
            tracing::debug!(%error, "the connection to the event log was closed already");
        }
    }
}
