//! A log that fails, delays, loses answers and sends twice; what it holds is held by a sound one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::records::SharedRecords;
use foodflow_log::{
    AppendError, Appended, Commit, Direction, EventLog, LogError, MessageStream, Page, Partition, Position,
    ReadQuery, SharedLog, StoredMessage, StreamId,
};
use futures::StreamExt as _;

use super::dice::Dice;

/// Longest delay before or behind a step.
const DELAY_MAX: Duration = Duration::from_millis(20);
/// How long a subscription may take to see what is new, and how much it takes at a time.
const LOOKS_EVERY_MAX: Duration = Duration::from_millis(40);
const PAGE_MESSAGES: usize = 32;
/// How often, in a thousand calls, something goes wrong.
const LOST_BEFORE: u64 = 40;
const OVERLOADED: u64 = 15;
const ANSWER_LOST: u64 = 80;
const SENT_TWICE: u64 = 50;
const READ_FAILS: u64 = 30;
const STREAM_BREAKS: u64 = 15;

/// A log between the program and a sound log.
pub(super) struct FaultLog {
    sound: SharedLog,
    dice: Dice,
}

impl FaultLog {
    /// Faults of `dice` before and behind the steps of `sound`.
    #[must_use]
    pub(super) const fn new(sound: SharedLog, dice: Dice) -> Self {
        Self { sound, dice }
    }

    async fn step(&self) -> Result<(), LogError> {
        self.dice.pause(DELAY_MAX).await;
        if self.dice.strikes(READ_FAILS) { Err(cable_cut()) } else { Ok(()) }
    }
}

fn cable_cut() -> LogError {
    LogError::Unavailable { reason: "the cable was cut".to_owned() }
}

/// A subscription that looks into the log again and again. Whom a change of the log wakes first is not the seed's to
/// say; when somebody looks is.
struct Follower {
    sound: SharedLog,
    dice: Dice,
    partition: Partition,
    tenant: Option<TenantId>,
    after: Position,
    page: VecDeque<StoredMessage>,
}

impl Follower {
    async fn next(&mut self) -> Result<StoredMessage, LogError> {
        while self.page.is_empty() {
            self.dice.pause(LOOKS_EVERY_MAX).await;
            let (tenant, from) = (self.tenant, self.after);
            let query = ReadQuery { tenant, from, direction: Direction::Forward, limit: PAGE_MESSAGES };
            self.page = self.sound.read(self.partition, query).await?.into();
        }
        self.dice.pause(Duration::from_millis(2)).await;
        match self.page.pop_front() {
            Some(message) if !self.dice.strikes(STREAM_BREAKS) => {
                self.after = message.position;
                Ok(message)
            }
            _ => Err(cable_cut()),
        }
    }
}

#[async_trait]
impl EventLog for FaultLog {
    fn partition_count(&self) -> u16 {
        self.sound.partition_count()
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.dice.pause(DELAY_MAX).await;
        if self.dice.strikes(LOST_BEFORE) {
            return Err(cable_cut().into());
        }
        if self.dice.strikes(OVERLOADED) {
            return Err(AppendError::Overloaded { waiting: 1 });
        }
        let outcome = self.sound.append(commit.clone()).await;
        if outcome.is_ok() && self.dice.strikes(SENT_TWICE) {
            self.dice.pause(DELAY_MAX).await;
            let again = self.sound.append(commit).await;
            assert!(matches!(again, Err(AppendError::Conflict { .. })), "a commit sent twice: {again:?}");
        }
        // Killed in this pause, the process has committed and does not know.
        self.dice.pause(DELAY_MAX).await;
        if self.dice.strikes(ANSWER_LOST) {
            return Err(AppendError::Unknown { reason: "the answer was lost".to_owned() });
        }
        outcome
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        self.step().await?;
        let page = self.sound.load_page(tenant, stream, after, limit).await;
        // What is answered may be old by the time it arrives.
        self.dice.pause(DELAY_MAX).await;
        page
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.step().await?;
        self.sound.head(partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.step().await?;
        self.sound.read(partition, query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        self.step().await?;
        let (sound, dice, page) = (Arc::clone(&self.sound), self.dice.clone(), VecDeque::new());
        let follower = Follower { sound, dice, partition, tenant, after, page };
        let messages = futures::stream::unfold(Some(follower), |state| async move {
            let mut follower = state?;
            match follower.next().await {
                Ok(message) => Some((Ok(message), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(messages.boxed())
    }

    fn records(&self) -> SharedRecords {
        self.sound.records()
    }

    fn describe(&self) -> String {
        "a faulty log".to_owned()
    }

    async fn close(&self) {}
}
