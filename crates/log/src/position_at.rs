//! From recorded time to position.

use jiff::Timestamp;

use crate::envelope::Envelope;
use crate::event_log::{Direction, EventLog, LogError, Partition, Position, ReadQuery, StoredMessage};

/// The last position of `partition` that was recorded by `time`; 0 where all was recorded later.
///
/// Recorded time never decreases within a partition but for what several writers may differ in the same
/// instant, so that a binary search finds it with a few dozen single reads.
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
    Ok(Position(recorded_by))
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
