//! A log that fails, delays, loses answers and sends twice; what it holds is held by a sound one.

use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::records::SharedRecords;
use foodflow_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Partition, Position, ReadQuery,
    SharedLog, StoredMessage, StreamId,
};
use futures::StreamExt as _;

use super::dice::Dice;

/// Longest delay before or behind a step.
const DELAY_MAX: Duration = Duration::from_millis(20);
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

    async fn load(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
    ) -> Result<Vec<StoredMessage>, LogError> {
        self.step().await?;
        let loaded = self.sound.load(tenant, stream, after).await;
        // What is answered may be old by the time it arrives.
        self.dice.pause(DELAY_MAX).await;
        loaded
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
        let sound = self.sound.subscribe(partition, tenant, after).await?;
        let broken = futures::stream::unfold(Some((sound, self.dice.clone())), |state| async move {
            let (mut sound, dice) = state?;
            let message = sound.next().await?;
            dice.pause(Duration::from_millis(2)).await;
            if dice.strikes(STREAM_BREAKS) {
                return Some((Err(cable_cut()), None));
            }
            Some((message, Some((sound, dice))))
        });
        Ok(broken.boxed())
    }

    fn records(&self) -> SharedRecords {
        self.sound.records()
    }

    fn describe(&self) -> String {
        "a faulty log".to_owned()
    }

    async fn close(&self) {}
}
