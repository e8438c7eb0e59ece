//! From recorded time to position.

use jiff::Timestamp;

use crate::envelope::Envelope;
use crate::event_log::{Direction, EventLog, LogError, Partition, Position, ReadQuery, StoredMessage};

/// How far back is looked at once for a message that was recorded later than one behind it.
const LOOK_BACK_MESSAGES: usize = 500;

/// The last position of `partition` up to which everything was recorded by `time`; 0 where the first was recorded later.
///
/// Recorded time never decreases within a partition but for what several writers may not have seen of each other yet,
/// so that a binary search finds the place with a few dozen single reads; from there it is looked back as long as messages
/// that were recorded later stand among the last [`LOOK_BACK_MESSAGES`].
///
/// # Errors
/// [`LogError`] where the log does not answer, or holds something unexpected.
pub async fn position_at(
    log: &dyn EventLog,
    partition: Partition,
    time: Timestamp,
) -> Result<Position, LogError> {
    let (mut recorded_by, mut end) = (0, log.head(partition).await?.0);
    while recorded_by < end {
        let middle = recorded_by + (end - recorded_by).div_ceil(2);
        let query =
            ReadQuery { tenant: None, from: Position(middle - 1), direction: Direction::Forward, limit: 1 };
        let found = log.read(partition, query).await?;
        match found.first() {
            Some(message) if recorded_at(message)? <= time => recorded_by = message.position.0.max(middle),
            _ => end = middle - 1,
        }
    }
    let mut first_later = recorded_by + 1;
    loop {
        let from = Position(first_later);
        let query =
            ReadQuery { tenant: None, from, direction: Direction::Backward, limit: LOOK_BACK_MESSAGES };
        let mut earliest = None;
        for message in log.read(partition, query).await? {
            if recorded_at(&message)? > time {
                earliest = Some(message.position.0);
            }
        }
        match earliest {
            Some(position) => first_later = position,
            None => return Ok(Position(first_later - 1)),
        }
    }
}

/// Recorded time of a message.
///
/// # Errors
/// [`LogError::Corrupt`] where the message is not a CloudEvents batch.
pub fn recorded_at(message: &StoredMessage) -> Result<Timestamp, LogError> {
    let corrupt = |reason: String| LogError::Corrupt {
        place: format!("partition {}, position {}", message.partition.0, message.position),
        reason,
    };
    let envelopes = Envelope::decode_batch(&message.payload).map_err(|error| corrupt(error.to_string()))?;
    envelopes.first().map(|first| first.time).ok_or_else(|| corrupt("a message without events".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_log::{Commit, NewMessage};
    use crate::memory::MemoryLog;
    use crate::verify::tests::{TENANT, Writer};

    #[tokio::test]
    async fn what_is_recorded_out_of_order_counts_by_the_running_maximum() {
        let seconds = [1, 5, 0, 6, 7, 6, 9];
        let (log, mut writer) = (MemoryLog::new(1), Writer::default());
        for (lot, second) in (1..).zip(seconds) {
            let recorded_at = Timestamp::from_second(second).unwrap();
            writer.commit_at(TENANT, &[(lot, 1)], recorded_at);
            let StoredMessage { tenant, stream, payload, .. } = writer.messages.last().unwrap().clone();
            let messages = vec![NewMessage { stream, expected: Position(0), payload }];
            log.append(Commit { tenant, recorded_at, messages }).await.unwrap();
        }
        for second in -1..=10 {
            let (mut expected, mut latest) = (0, i64::MIN);
            for (position, recorded) in (1..).zip(seconds) {
                latest = latest.max(recorded);
                if latest <= second {
                    expected = position;
                }
            }
            let time = Timestamp::from_second(second).unwrap();
            let found = position_at(&log, Partition(0), time).await.unwrap();
            assert_eq!(found, Position(expected), "at second {second}");
        }
    }
}
