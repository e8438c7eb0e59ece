//! The log: whether it is there and answers, and what its head says of the clock.

use std::time::Duration;

use foodflow_log::{Direction, LogError, Partition, Position, ReadQuery, SharedLog, recorded_at};
use jiff::{SignedDuration, Timestamp};

use super::checks::Checks;
use crate::cli::place::find_log;
use crate::config::Config;
use crate::log_address::LogAddress;

const SECTION: &str = "log";
/// How long the log may take for each answer.
const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// How far recorded time may be ahead of this machine's clock before it is worth a warning.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Looks at the log; answers it where it is in order.
pub(super) async fn check(checks: &mut Checks, config: &Config) -> Option<SharedLog> {
    let address = LogAddress::of(config);
    let (adapter, place) = (address.adapter(), address.place());
    let log = match tokio::time::timeout(ANSWER_WAIT, find_log(config)).await {
        Ok(Ok(Some(log))) => log,
        Ok(Ok(None)) => {
            let advice = "nothing to do: the first `foodflow serve` makes it";
            checks.warn(SECTION, format!("{adapter}: no log yet at {place}"), advice);
            return None;
        }
        Ok(Err(error)) => {
            checks.fail(SECTION, format!("{adapter}: {error:#}"), advice(&error));
            return None;
        }
        Err(_) => {
            let seconds = ANSWER_WAIT.as_secs();
            let text = format!("{adapter}: no answer from {place} within {seconds} s");
            checks.fail(SECTION, text, "see whether the server runs and can be reached from here");
            return None;
        }
    };
    let count = log.partition_count();
    checks.ok(SECTION, format!("{adapter}: {place}, {count} partition(s)"));
    if heads(checks, &log).await {
        return Some(log);
    }
    log.close().await;
    None
}

fn advice(error: &anyhow::Error) -> &'static str {
    match error.downcast_ref() {
        Some(LogError::UnsupportedServer { .. }) => {
            "install the newer server and start it on the same store; nothing was written to this one"
        }
        Some(LogError::Unavailable { .. }) => {
            "see whether the server or file can be reached from here and by this user"
        }
        Some(LogError::Corrupt { .. }) => "stop writing to it, keep a copy, and run `foodflow audit verify`",
        _ => "correct the settings of the log",
    }
}

/// Looks at the head of every partition; `false` at the first that does not answer.
async fn heads(checks: &mut Checks, log: &SharedLog) -> bool {
    for partition in (0..log.partition_count()).map(Partition) {
        let looked = tokio::time::timeout(ANSWER_WAIT, last(log, partition)).await;
        match looked {
            Ok(Ok((head, recorded))) => describe_head(checks, partition, head, recorded, Timestamp::now()),
            Ok(Err(error)) => {
                let text = format!("partition {}: {error}", partition.0);
                checks.fail(SECTION, text, advice(&error.into()));
                return false;
            }
            Err(_) => {
                let text = format!("partition {}: no answer within {} s", partition.0, ANSWER_WAIT.as_secs());
                checks.fail(SECTION, text, "see whether the server is overloaded or its disk is full");
                return false;
            }
        }
    }
    true
}

/// The head, and the recorded time of the message there.
async fn last(log: &SharedLog, partition: Partition) -> Result<(Position, Option<Timestamp>), LogError> {
    let head = log.head(partition).await?;
    let query =
        ReadQuery { tenant: None, from: Position(u64::MAX), direction: Direction::Backward, limit: 1 };
    let messages = log.read(partition, query).await?;
    Ok((head, messages.first().map(recorded_at).transpose()?))
}

fn describe_head(
    checks: &mut Checks,
    partition: Partition,
    head: Position,
    recorded: Option<Timestamp>,
    now: Timestamp,
) {
    let number = partition.0;
    let Some(recorded) = recorded else {
        checks.ok(SECTION, format!("partition {number}: empty"));
        return;
    };
    let text = format!("partition {number}: head at position {head}, recorded {recorded:.3}");
    let ahead = recorded.duration_since(now);
    if ahead > AHEAD_MAX {
        let text = format!("{text}, {} s ahead of this machine's clock", ahead.as_secs());
        let advice = "set the clocks of all machines with NTP; new events keep this recorded time until then";
        checks.warn(SECTION, text, advice);
    } else {
        checks.ok(SECTION, text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::checks::Level;
    use super::*;

    #[test]
    fn a_head_ahead_of_the_clock_is_told() {
        let now: Timestamp = "2026-03-05T12:00:00Z".parse().unwrap();
        let level = |recorded: Timestamp| {
            let mut checks = Checks::default();
            describe_head(&mut checks, Partition(0), Position(7), Some(recorded), now);
            checks.all()[0].level
        };
        assert_eq!(level(now - SignedDuration::from_hours(1_000)), Level::Ok);
        assert_eq!(level(now + AHEAD_MAX), Level::Ok);
        assert_eq!(level(now + AHEAD_MAX + SignedDuration::from_millis(1)), Level::Warn);
    }
}
