//! An EventStoreDB server behind the streams, by the `eventstore` crate.
//!
//! Three habits of that crate are dealt with here. A client whose connection could not be made never tries again: it is
//! thrown away, and the next question makes another. A subscription never says that it ended: none is used, pages are
//! read. And it may panic on an answer that it does not know: each question is a task of its own, so that a panic is a
//! lost answer and nothing else.
//!
//! Everything is asked of the leader: a follower may lag behind what was answered.
//!
//! - `config`: the address; `tls`: who provides the cryptography of the process;
//! - `mapping`: events, ends and errors, as the crate has them.

mod config;
mod mapping;
mod tls;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::eventstore::{
    AppendToStreamOptions, Client, ClientSettings, ReadStreamOptions, StreamMetadataBuilder, StreamPosition,
};
use async_trait::async_trait;

pub use self::config::{ANSWER_TIMEOUT_DEFAULT, EventStoreConfig};
pub use self::tls::prepare_tls;

use super::EventStoreLog;
use super::streams::{EventStreams, NewEvent, ReadLimit, StreamEnd, StreamError, StreamEvent};
use crate::event_log::LogError;

/// How often a question is asked again because the leader is another node now.
const TRIES_MAX: u32 = 3;
/// How long to wait before that.
const LEADER_WAIT: Duration = Duration::from_millis(250);

impl EventStoreLog {
    /// Connects, and creates the log where it does not exist.
    ///
    /// # Errors
    /// [`LogError::Configuration`] where the address cannot be read or the settings do not fit the log that exists,
    /// [`LogError::Unavailable`] where no server answers.
    pub async fn connect(config: &EventStoreConfig) -> Result<Self, LogError> {
        let server = Arc::new(Server::new(config).await?);
        Self::open(server, &config.prefix, config.partitions).await
    }

    /// Connects like [`Self::connect`] and changes nothing: `None` where the server holds no log yet.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_existing(config: &EventStoreConfig) -> Result<Option<Self>, LogError> {
        let server = Arc::new(Server::new(config).await?);
        Self::open_existing(server, &config.prefix, config.partitions).await
    }
}

/// A server, or a cluster of them.
struct Server {
    settings: ClientSettings,
    place: String,
    answer_timeout: Duration,
    client: Mutex<Option<Client>>,
}

/// Why a question has no answer.
enum Failure {
    /// The server's, or the client's, word.
    Error(eventstore::Error),
    /// Nothing came in time, or the client broke down.
    Lost(String),
}

impl Server {
    async fn new(config: &EventStoreConfig) -> Result<Self, LogError> {
        let settings = config.settings()?;
        tls::prepare_tls().await?;
        let (place, answer_timeout) = (config::place(&settings), config.answer_timeout);
        Ok(Self { settings, place, answer_timeout, client: Mutex::default() })
    }

    /// Asks in a task of its own, again where the leader has changed.
    async fn ask<T, F>(&self, question: impl Fn(Client) -> F + Send + Sync) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, eventstore::Error>> + Send + 'static,
    {
        let mut tries = 1;
        loop {
            let asked = tokio::spawn(question(self.client()?));
            let failure = match tokio::time::timeout(self.answer_timeout, asked).await {
                Ok(Ok(Ok(answer))) => return Ok(answer),
                Ok(Ok(Err(error))) => error,
                Ok(Err(broken)) => return Err(Failure::Lost(format!("the client broke down: {broken}"))),
                Err(_) => {
                    let seconds = self.answer_timeout.as_secs_f32();
                    return Err(Failure::Lost(format!("no answer within {seconds} s")));
                }
            };
            if mapping::is_connection_lost(&failure) {
                *self.lock() = None;
            }
            if !matches!(failure, eventstore::Error::NotLeaderException(_)) || tries == TRIES_MAX {
                return Err(Failure::Error(failure));
            }
            tries += 1;
            tokio::time::sleep(LEADER_WAIT).await;
        }
    }

    /// The client, a new one where there is none.
    fn client(&self) -> Result<Client, Failure> {
        let mut client = self.lock();
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let made = Client::new(self.settings.clone()).map_err(Failure::Error)?;
        Ok(client.insert(made).clone())
    }

    /// A holder that panicked leaves a client, or none.
    fn lock(&self) -> MutexGuard<'_, Option<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(
        &self,
        stream: &str,
        options: ReadStreamOptions,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        let options = options.max_count(limit.events).requires_leader(true).deadline(self.answer_timeout);
        let read = self.ask(|client| {
            let (stream, options) = (stream.to_owned(), options.clone());
            async move { read(&client, stream, &options, limit.bytes).await }
        });
        read.await.map_err(|failure| match failure {
            Failure::Error(error) => mapping::read_error(&error, stream, &self.place),
            Failure::Lost(reason) => LogError::Unavailable { reason: format!("{}: {reason}", self.place) },
        })
    }
}

async fn read(
    client: &Client,
    stream: String,
    options: &ReadStreamOptions,
    bytes_max: usize,
) -> Result<Vec<StreamEvent>, eventstore::Error> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let mut events = match client.read_stream(stream, options).await {
        Err(eventstore::Error::ResourceNotFound) => return Ok(found),
        events => events?,
    };
    while bytes < bytes_max {
        let event = match events.next().await {
            Err(eventstore::Error::ResourceNotFound) => return Ok(found),
            event => event?,
        };
        let Some(event) = event else { break };
        if let Some(event) = event.event {
            bytes += event.data.len();
            found.push(mapping::stream_event(event));
        }
    }
    Ok(found)
}

#[async_trait]
impl EventStreams for Server {
    async fn read_forward(
        &self,
        stream: &str,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        // A server counts with signed numbers; nothing stands behind them.
        if i64::try_from(from).is_err() {
            return Ok(Vec::new());
        }
        let options = ReadStreamOptions::default().forwards().position(StreamPosition::Position(from));
        self.read(stream, options, limit).await
    }

    async fn read_backward(
        &self,
        stream: &str,
        from: Option<u64>,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        let from = from.map_or(StreamPosition::End, StreamPosition::Position);
        self.read(stream, ReadStreamOptions::default().position(from).backwards(), limit).await
    }

    async fn append(&self, stream: &str, end: StreamEnd, events: Vec<NewEvent>) -> Result<u64, StreamError> {
        let options = AppendToStreamOptions::default().expected_revision(mapping::expected_revision(end));
        let options = options.requires_leader(true).deadline(self.answer_timeout);
        let events: Vec<_> = events.into_iter().map(mapping::event_data).collect();
        let appended = self.ask(|client| {
            let (stream, options, events) = (stream.to_owned(), options.clone(), events.clone());
            async move { client.append_to_stream(stream, &options, events).await }
        });
        match appended.await {
            Ok(written) => Ok(written.next_expected_version),
            Err(failure) => Err(append_error(failure, &self.place)),
        }
    }

    async fn keep_last_only(&self, stream: &str) -> Result<(), StreamError> {
        let options = AppendToStreamOptions::default().requires_leader(true).deadline(self.answer_timeout);
        let metadata = StreamMetadataBuilder::new().max_count(1).build();
        let set = self.ask(|client| {
            let (stream, options, metadata) = (stream.to_owned(), options.clone(), metadata.clone());
            async move { client.set_stream_metadata(stream, &options, &metadata).await }
        });
        set.await.map(drop).map_err(|failure| append_error(failure, &self.place))
    }

    fn describe(&self) -> String {
        self.place.clone()
    }
}

fn append_error(failure: Failure, place: &str) -> StreamError {
    match failure {
        Failure::Error(error) => mapping::append_error(&error, place),
        Failure::Lost(reason) => StreamError::Unknown { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(port: u16) -> EventStoreConfig {
        EventStoreConfig {
            answer_timeout: Duration::from_secs(5),
            ..EventStoreConfig::new(format!(
                "esdb://ana:s3cret@127.0.0.1:{port}?tls=false&maxDiscoverAttempts=1&gossipTimeout=1000"
            ))
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn where_no_server_answers_the_log_is_unavailable_each_time_it_is_asked() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let server = Server::new(&config(port)).await.unwrap();
        for _ in 0..3 {
            let error = server.read_forward("s", 0, super::super::partition::PAGE).await.unwrap_err();
            let LogError::Unavailable { reason } = &error else { panic!("{error:?}") };
            assert!(
                reason.contains(&format!("esdb://127.0.0.1:{port}")) && !reason.contains("s3cret"),
                "{reason}"
            );
            // The client that failed was thrown away.
            assert!(server.lock().is_none());
        }
        let event = NewEvent {
            id: uuid::Uuid::new_v4(),
            kind: "k".to_owned(),
            data: bytes::Bytes::new(),
            metadata: "{}".into(),
        };
        let refused = server.append("s", StreamEnd::Any, vec![event]).await.unwrap_err();
        assert!(matches!(refused, StreamError::Unavailable { .. }), "nothing was sent: {refused:?}");
        assert!(matches!(
            EventStoreLog::connect(&config(port)).await.unwrap_err(),
            LogError::Unavailable { .. }
        ));
    }
}
