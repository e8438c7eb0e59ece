//! Lag: where the log ends against what has been applied, in messages and in seconds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foodflow_log::{Direction, LogError, Partition, Position, ReadQuery, SharedLog};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use crate::store::Checkpoint;

/// How long the log may take to answer before it counts as away.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What was seen of a partition at one time.
#[derive(Debug, Clone, Default)]
pub(super) struct Observation {
    /// Applied position.
    pub(super) position: Position,
    /// The log's last position, as far as known; never before the applied one.
    pub(super) head: Position,
    /// Age of the oldest message not applied.
    pub(super) lag_seconds: f64,
    /// Why the log did not answer.
    pub(super) log_error: Option<String>,
}

impl Observation {
    pub(super) const fn lag_events(&self) -> u64 {
        self.head.0.saturating_sub(self.position.0)
    }
}

/// Observes one partition.
pub(super) struct Observer {
    log: SharedLog,
    partition: Partition,
    last: Mutex<Last>,
}

#[derive(Debug, Clone, Default)]
struct Last {
    head: Position,
    log_error: Option<String>,
    /// A position and its recorded time, read when it was the oldest one not applied.
    oldest: Option<(Position, Timestamp)>,
}

/// Since when a partition has not moved although the log goes on.
#[derive(Debug, Clone)]
pub(super) struct Movement {
    position: Position,
    since: Instant,
}

impl Movement {
    pub(super) fn new() -> Self {
        Self { position: Position(0), since: Instant::now() }
    }

    /// The position that was seen last.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// For how long `seen` has not moved while there was something to apply and no rebuild held the partition.
    pub(super) fn still_for(&mut self, now: Instant, seen: &Observation, held: bool) -> Duration {
        if held || seen.position != self.position || seen.lag_events() == 0 {
            (self.position, self.since) = (seen.position, now);
        }
        now.saturating_duration_since(self.since)
    }
}

/// The part of an envelope that tells the time, so that an event that no projection can read still has one.
#[derive(Deserialize)]
struct Recorded {
    time: Timestamp,
}

impl Observer {
    pub(super) fn new(log: SharedLog, partition: Partition) -> Self {
        Self { log, partition, last: Mutex::default() }
    }

    /// Whether the log answered when it was last asked.
    pub(super) fn log_answers(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).log_error.is_none()
    }

    /// Asks the log; where it does not answer, what is known of it.
    pub(super) async fn observe(&self, applied: &Checkpoint) -> Observation {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = timeout(ANSWER_TIMEOUT, self.ask(applied.position, &mut last)).await;
        last.log_error = match asked {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("the event log gave no answer within {ANSWER_TIMEOUT:?}")),
        };
        let head = last.head.max(applied.position);
        let mut lag_seconds = 0.0;
        if head > applied.position {
            let oldest = last.oldest.filter(|(position, _)| *position > applied.position).map(|(_, at)| at);
            lag_seconds = oldest.or(applied.recorded_at).map_or(0.0, age_seconds);
        }
        let log_error = last.log_error.clone();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        Observation { position: applied.position, head, lag_seconds, log_error }
    }

    async fn ask(&self, applied: Position, last: &mut Last) -> Result<(), LogError> {
        last.head = self.log.head(self.partition).await?;
        let known = last.oldest.is_some_and(|(position, _)| position.0 == applied.0.saturating_add(1));
        if last.head > applied && !known {
            last.oldest = self.oldest_after(applied).await?;
        }
        Ok(())
    }

    async fn oldest_after(&self, applied: Position) -> Result<Option<(Position, Timestamp)>, LogError> {
        let query = ReadQuery { tenant: None, from: applied, direction: Direction::Forward, limit: 1 };
        let messages = self.log.read(self.partition, query).await?;
        Ok(messages.first().and_then(|message| {
            let events: Vec<Recorded> = serde_json::from_slice(&message.payload).ok()?;
            Some((message.position, events.first()?.time))
        }))
    }
}

fn age_seconds(at: Timestamp) -> f64 {
    let milliseconds = Timestamp::now().as_millisecond().saturating_sub(at.as_millisecond()).max(0);
    milliseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_something_to_apply_can_stand_still() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut movement = Movement { position: Position(0), since: began };
        let mut still = |at, position, head, held| {
            let seen =
                Observation { position: Position(position), head: Position(head), ..Observation::default() };
            movement.still_for(after(at), &seen, held).as_secs()
        };
        assert_eq!(still(10, 0, 0, false), 0, "an empty log");
        assert_eq!(still(15, 0, 3, false), 5);
        assert_eq!(still(20, 2, 3, false), 0, "it moved");
        assert_eq!(still(50, 2, 9, false), 30);
        assert_eq!(still(60, 9, 9, false), 0, "it caught up");
        assert_eq!(still(90, 9, 9, false), 0);
        assert_eq!(still(95, 9, 10, false), 5);
        assert_eq!(still(150, 9, 10, true), 0, "a rebuild holds it");
        assert_eq!(still(160, 9, 10, false), 10, "since it was held");
    }
}
