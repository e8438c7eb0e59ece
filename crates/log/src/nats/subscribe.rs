//! Subscriptions: every message in order, without gap or repetition, over reconnects and server restarts.
//!
//! The server side is a consumer without acknowledgements that lives in memory and is made anew, from the last
//! position handed out, whenever anything about it is in doubt. Its own count of deliveries shows a gap in any
//! view; in the view of a whole partition positions must adjoin as well, or the log has lost a message.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Config, MessagesErrorKind, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use foodflow_domain::TenantId;
use futures::StreamExt;

use super::connect::{Connection, LinkMark};
use super::subject;
use crate::{LogError, MessageStream, Partition, Position, StoredMessage};

/// Messages and bytes that the server may send ahead of the reader.
const AHEAD_MESSAGES: usize = 1_000;
const AHEAD_BYTES: usize = 8 * 1024 * 1024;
/// How often the server shows that the consumer lives while nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(5);
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// When the server forgets a consumer that nobody asks any more.
const INACTIVE: Duration = Duration::from_secs(30);
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);

/// Starts a subscription; the first consumer is made before this answers.
pub(super) async fn subscribe(
    connection: Arc<Connection>,
    partition: Partition,
    tenant: Option<TenantId>,
    after: Position,
) -> Result<MessageStream, LogError> {
    let mut subscription = Subscription { connection, partition, tenant, last: after.0, feed: None };
    subscription.feed = Some(subscription.open_feed().await?);
    let messages = futures::stream::unfold(Some(subscription), |state| async move {
        let mut subscription = state?;
        match subscription.next().await? {
            Ok(message) => Some((Ok(message), Some(subscription))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(messages.boxed())
}

struct Subscription {
    connection: Arc<Connection>,
    partition: Partition,
    tenant: Option<TenantId>,
    /// Position of the last message handed out, or where the reader started.
    last: u64,
    feed: Option<Feed>,
}

/// One consumer and what came from it.
struct Feed {
    messages: Stream,
    mark: LinkMark,
    delivered: u64,
    silent: bool,
}

impl Subscription {
    /// The next message; `None` once the log is closed.
    async fn next(&mut self) -> Option<Result<StoredMessage, LogError>> {
        let closed = self.connection.closed.clone();
        loop {
            if self.feed.is_none() {
                tokio::select! {
                    () = closed.cancelled() => return None,
                    feed = self.reopen_feed() => self.feed = Some(feed),
                }
            }
            let feed = self.feed.as_mut()?;
            let item = tokio::select! {
                biased;
                () = closed.cancelled() => return None,
                item = feed.messages.next() => item,
                () = self.connection.lost(feed.mark) => None,
            };
            match item {
                Some(Ok(message)) => {
                    if let Some(outcome) = self.take(message) {
                        return Some(outcome);
                    }
                }
                // One missed heartbeat may be a busy moment; a second one is not.
                Some(Err(error)) if error.kind() == MessagesErrorKind::MissingHeartbeat && !feed.silent => {
                    feed.silent = true;
                }
                Some(Err(error)) => {
                    tracing::debug!(partition = self.partition.0, %error, "a subscription starts its consumer anew");
                    self.feed = None;
                }
                None => self.feed = None,
            }
        }
    }

    /// The message, if it is the one that comes next; else the consumer is dropped or the message passed over.
    fn take(&mut self, message: Message) -> Option<Result<StoredMessage, LogError>> {
        let feed = self.feed.as_mut()?;
        let Some((delivered, position)) =
            message.info().ok().map(|info| (info.consumer_sequence, info.stream_sequence))
        else {
            self.feed = None;
            return None;
        };
        if delivered != feed.delivered + 1 {
            tracing::debug!(partition = self.partition.0, position, "a delivery was missed; reading again");
            self.feed = None;
            return None;
        }
        feed.delivered = delivered;
        feed.silent = false;
        if position <= self.last {
            return None;
        }
        Some(self.stored(position, message))
    }

    fn stored(&mut self, position: u64, message: Message) -> Result<StoredMessage, LogError> {
        if self.tenant.is_none() && position != self.last + 1 {
            let place = format!("partition {} position {position}", self.partition.0);
            let reason = format!("follows {}; what lay between is gone", self.last);
            return Err(LogError::Corrupt { place, reason });
        }
        let (tenant, stream) = subject::parse(self.partition, position, &message.subject)?;
        self.last = position;
        let payload = message.message.payload;
        Ok(StoredMessage { partition: self.partition, position: Position(position), tenant, stream, payload })
    }

    /// A new consumer from the last position on, however long the server is away.
    async fn reopen_feed(&self) -> Feed {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            match self.open_feed().await {
                Ok(feed) => return feed,
                Err(error) => {
                    tracing::debug!(partition = self.partition.0, %error, "a subscription waits for the log");
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(RETRY_DELAY_MAX);
                }
            }
        }
    }

    async fn open_feed(&self) -> Result<Feed, LogError> {
        let mark = self.connection.ready()?;
        let unavailable = |what: String| LogError::Unavailable {
            reason: format!("subscribing to partition {}: {what}", self.partition.0),
        };
        let start_sequence =
            self.last.checked_add(1).ok_or_else(|| unavailable("no such position".to_owned()))?;
        let filter = self.tenant.map(|tenant| subject::tenant_filter(self.partition, tenant));
        let config = Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            filter_subject: filter.unwrap_or_default(),
            inactive_threshold: INACTIVE,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let consumer = self
            .connection
            .jetstream
            .create_consumer_on_stream(config, subject::stream_name(self.partition))
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(AHEAD_MESSAGES)
            .max_bytes_per_batch(AHEAD_BYTES)
            .heartbeat(HEARTBEAT)
            .expires(PULL_EXPIRES)
            .messages()
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        Ok(Feed { messages, mark, delivered: 0, silent: false })
    }
}
