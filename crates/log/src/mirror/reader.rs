//! Reads the source in order, verifies every message, and hands on runs of whole commits.
//!
//! What was found in order before something that is not is still handed on.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::MirrorError;
use super::run::{Gathering, Run};
use super::start::Start;
use crate::event_log::{
    Direction, LogError, MessageStream, Partition, Position, ReadQuery, SharedLog, StoredMessage,
};
use crate::verify::ChainVerifier;

/// How long a source may take for a message that it has, before it counts as silent.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);

/// The source's side of one partition's copy.
pub(super) struct Reader {
    source: SharedLog,
    target: SharedLog,
    partition: Partition,
    until: Option<Position>,
    stop: CancellationToken,
    runs: mpsc::Sender<Run>,
    verifier: ChainVerifier,
    /// What the target holds already.
    copied: Position,
    gathering: Gathering,
}

/// What a reader works with.
pub(super) struct Reading {
    pub(super) source: SharedLog,
    pub(super) target: SharedLog,
    pub(super) partition: Partition,
    pub(super) until: Option<Position>,
    pub(super) stop: CancellationToken,
}

impl Reader {
    pub(super) fn new(reading: Reading, start: Start, runs: mpsc::Sender<Run>) -> Self {
        let Reading { source, target, partition, until, stop } = reading;
        let Start { verifier, copied } = start;
        let gathering = Gathering::behind(copied);
        Self { source, target, partition, until, stop, runs, verifier, copied, gathering }
    }

    /// Reads to the end that was asked for, or until it is told to stop.
    pub(super) async fn run(mut self) -> Result<(), MirrorError> {
        let begin = self.verifier.position();
        let messages = self.source.subscribe(self.partition, None, begin).await;
        let mut messages = messages.map_err(MirrorError::SourceFailed)?;
        let read = self.read(&mut messages).await;
        self.hand_on().await;
        read
    }

    async fn read(&mut self, messages: &mut MessageStream) -> Result<(), MirrorError> {
        while !self.stop.is_cancelled() && !self.is_at_end().await? {
            let Some(message) = self.next(messages).await? else { return Ok(()) };
            self.take(message).await?;
            if self.gathering.is_full() && !self.hand_on().await {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn is_at_end(&mut self) -> Result<bool, MirrorError> {
        if self.until.is_none_or(|until| self.verifier.position() < until) {
            return Ok(false);
        }
        if !self.verifier.is_within_commit() {
            return Ok(true);
        }
        // A head lies at the end of a commit, unless the source is damaged.
        let from = self.verifier.position();
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 1 };
        let more = self.source.read(self.partition, query).await.map_err(MirrorError::SourceFailed)?;
        if more.is_empty() {
            let verifier = std::mem::take(&mut self.verifier);
            return verifier.finish().map(|_| true).map_err(MirrorError::SourceBroken);
        }
        Ok(false)
    }

    /// The next message; `None` once it is told to stop. What is gathered does not wait for a message to come.
    async fn next(&mut self, messages: &mut MessageStream) -> Result<Option<StoredMessage>, MirrorError> {
        let ready = messages.next().now_or_never();
        let next = match ready {
            Some(next) => next,
            None => {
                if !self.hand_on().await {
                    return Ok(None);
                }
                let Some(next) = self.wait(messages).await? else { return Ok(None) };
                next
            }
        };
        let ended = || Err(LogError::Unavailable { reason: "the subscription ended".to_owned() });
        next.unwrap_or_else(ended).map(Some).map_err(MirrorError::SourceFailed)
    }

    #[allow(clippy::type_complexity, reason = "what a stream yields, or that it was told to stop")]
    async fn wait(
        &self,
        messages: &mut MessageStream,
    ) -> Result<Option<Option<Result<StoredMessage, LogError>>>, MirrorError> {
        let silence = async {
            match self.until {
                Some(head) => silence(&self.source, self.partition, self.verifier.position(), head).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(None),
            next = messages.next() => Ok(Some(next)),
            error = silence => Err(error),
        }
    }

    async fn take(&mut self, message: StoredMessage) -> Result<(), MirrorError> {
        if !self.verifier.knows_stream_of(&message) && continues_its_stream(&message) {
            let before = message.position;
            let last = self.target.last_before(message.tenant, &message.stream, before).await;
            if let Some(last) = last.map_err(MirrorError::TargetFailed)? {
                self.verifier.know(&last).map_err(MirrorError::TargetBroken)?;
            }
        }
        let checked = self.verifier.check(&message).map_err(MirrorError::SourceBroken)?;
        if message.position > self.copied {
            self.gathering.push(message, &checked);
        }
        Ok(())
    }

    /// Hands on what is gathered; `false` where nobody takes it any more.
    async fn hand_on(&mut self) -> bool {
        match self.gathering.take() {
            Some(run) => self.runs.send(run).await.is_ok(),
            None => !self.runs.is_closed(),
        }
    }
}

/// Waits as long as a log may take for a message that it says it has; then, what is wrong with it.
async fn silence(log: &SharedLog, partition: Partition, position: Position, head: Position) -> MirrorError {
    tokio::time::sleep(SILENCE_MAX).await;
    match log.head(partition).await {
        Ok(_) => MirrorError::Silent { partition, position, head },
        Err(error) => MirrorError::SourceFailed(error),
    }
}

/// Whether the message says that others of its stream come before it; what cannot be read is judged elsewhere.
fn continues_its_stream(message: &StoredMessage) -> bool {
    #[derive(Deserialize)]
    struct Numbered {
        sequence: u64,
    }
    let events: Vec<Numbered> = serde_json::from_slice(&message.payload).unwrap_or_default();
    events.first().is_some_and(|first| first.sequence > 1)
}
