//! The bare server: durable publishes and atomic batches to a stream with the log's settings.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::{Client as Connection, HeaderMap, jetstream};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::Kind;
use crate::race::Client;
use crate::random::Random;

/// Unfinished batches that are with the server at once; it refuses more than 50 on one stream.
const BATCHES_IN_FLIGHT: usize = 32;

/// One connection to the server, and a stream of its own.
pub(super) struct RawNats {
    connection: Connection,
    jetstream: jetstream::Context,
    batches: Semaphore,
}

impl RawNats {
    /// Connects, and makes the stream.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let connection = async_nats::connect(url).await?;
        let jetstream = jetstream::new(connection.clone());
        jetstream.create_stream(stream()).await?;
        Ok(Self { connection, jetstream, batches: Semaphore::new(BATCHES_IN_FLIGHT) })
    }

    /// A client that publishes these payloads again and again.
    pub(super) fn client(self: &Arc<Self>, kind: Kind, payloads: &[Bytes]) -> Box<dyn Client> {
        let mut random = Random::next_part();
        let (server, payloads) = (Arc::clone(self), payloads.to_vec());
        match kind {
            Kind::Adjustment => Box::new(Publishing { server, subject: subject(&mut random), payloads }),
            Kind::Receipt => Box::new(Batching { server, random, payloads }),
        }
    }

    /// One client whose every batch holds the messages of so many commits.
    pub(super) fn gathering(
        self: &Arc<Self>,
        kind: Kind,
        payloads: &[Bytes],
        commits: usize,
    ) -> Box<dyn Client> {
        let mut random = Random::next_part();
        let subjects = match kind {
            Kind::Adjustment => (0..commits).map(|_| subject(&mut random)).collect(),
            Kind::Receipt => Vec::new(),
        };
        Box::new(Gathering {
            server: Arc::clone(self),
            random,
            subjects,
            payloads: payloads.to_vec(),
            commits,
        })
    }

    /// Writes these messages as one atomic batch.
    async fn write_batch(&self, batch_id: &str, messages: Vec<(String, Bytes)>) -> anyhow::Result<()> {
        let count = messages.len();
        for (index, (subject, payload)) in messages.into_iter().enumerate() {
            let mut headers = headers(batch_id, index + 1);
            if index + 1 < count {
                self.connection.publish_with_headers(subject, headers, payload).await?;
                continue;
            }
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            let answer = self.connection.request_with_headers(subject, headers, payload).await?;
            let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
            ensure!(answer["error"].is_null() && answer["count"] == count, "refused: {answer}");
        }
        Ok(())
    }
}

/// As the log makes its streams.
fn stream() -> Config {
    Config {
        name: "BARE".to_owned(),
        subjects: vec!["bare.>".to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: 1,
        duplicate_window: Duration::from_millis(100),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Config::default()
    }
}

/// As long as one of the log's subjects.
fn subject(random: &mut Random) -> String {
    format!("bare.0.{}.food_graph.batch.{}", random.id(), random.id())
}

struct Publishing {
    server: Arc<RawNats>,
    subject: String,
    payloads: Vec<Bytes>,
}

#[async_trait]
impl Client for Publishing {
    async fn once(&mut self) -> anyhow::Result<()> {
        for payload in &self.payloads {
            self.server.jetstream.publish(self.subject.clone(), payload.clone()).await?.await?;
        }
        Ok(())
    }
}

struct Batching {
    server: Arc<RawNats>,
    random: Random,
    payloads: Vec<Bytes>,
}

#[async_trait]
impl Client for Batching {
    async fn once(&mut self) -> anyhow::Result<()> {
        let _place = self.server.batches.acquire().await?;
        let batch_id = self.random.id().simple().to_string();
        let random = &mut self.random;
        let messages = self.payloads.iter().map(|payload| (subject(random), payload.clone())).collect();
        self.server.write_batch(&batch_id, messages).await
    }
}

struct Gathering {
    server: Arc<RawNats>,
    random: Random,
    /// One for each commit, where its commits extend streams; else none.
    subjects: Vec<String>,
    payloads: Vec<Bytes>,
    commits: usize,
}

#[async_trait]
impl Client for Gathering {
    async fn once(&mut self) -> anyhow::Result<()> {
        let batch_id = self.random.id().simple().to_string();
        let mut messages = Vec::with_capacity(self.commits * self.payloads.len());
        for commit in 0..self.commits {
            for payload in &self.payloads {
                let own = self.subjects.get(commit).cloned();
                messages.push((own.unwrap_or_else(|| subject(&mut self.random)), payload.clone()));
            }
        }
        self.server.write_batch(&batch_id, messages).await
    }

    fn commits(&self) -> usize {
        self.commits
    }
}

fn headers(batch_id: &str, sequence: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_BATCH_ID, batch_id);
    headers.insert(NATS_BATCH_SEQUENCE, sequence.to_string());
    headers
}
