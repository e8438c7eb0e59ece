//! The JetStream streams of the log: created once, afterwards only checked, never changed.
//!
//! The number of partitions is part of partition 0's metadata. Whoever creates that stream first decides it,
//! so that two processes which start at once agree, and a creation that was cut short is finished by the next.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use super::config::NatsConfig;
use super::connect::Connection;
use super::subject::{partition_filter, stream_name};
use crate::event_log::{PARTITIONS_DEFAULT, PARTITIONS_MAX};
use crate::{LogError, Partition};

const PARTITIONS_KEY: &str = "foodflow.partitions";
/// The shortest that the server takes; nothing relies on its deduplication.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

/// Creates what is missing, checks what exists, and answers the number of partitions.
pub(super) async fn ensure(connection: &Connection, config: &NatsConfig) -> Result<u16, LogError> {
    let wanted = config.partitions.unwrap_or(PARTITIONS_DEFAULT);
    let first = get_or_create(connection, Partition(0), wanted, config.replicas).await?;
    let count = agreed_count(connection, config, &first)?;
    check(&first, Partition(0))?;
    for number in 1..count {
        let found = get_or_create(connection, Partition(number), count, config.replicas).await?;
        check(&found, Partition(number))?;
    }
    Ok(count)
}

/// Checks what exists and answers the number of partitions; creates nothing. `None` where there is no log.
pub(super) async fn find(connection: &Connection, config: &NatsConfig) -> Result<Option<u16>, LogError> {
    let Some(first) = get(connection, Partition(0)).await? else { return Ok(None) };
    let count = agreed_count(connection, config, &first)?;
    check(&first, Partition(0))?;
    for number in 1..count {
        let found = get(connection, Partition(number)).await?.ok_or_else(|| LogError::Configuration {
            reason: format!(
                "stream {} of the log at {} does not exist; `foodflow migrate` finishes a log whose creation was \
                 cut short",
                stream_name(Partition(number)),
                connection.url()
            ),
        })?;
        check(&found, Partition(number))?;
    }
    Ok(Some(count))
}

/// The number of partitions of the log that begins with `first`, if the settings agree.
fn agreed_count(connection: &Connection, config: &NatsConfig, first: &Config) -> Result<u16, LogError> {
    let count = partition_count(first)?;
    let Some(wanted) = config.partitions.filter(|wanted| *wanted != count) else { return Ok(count) };
    let reason = format!(
        "the log at {} was created with {count} partitions, not {wanted}; \
         leave the setting out or set it to {count}",
        connection.url()
    );
    Err(LogError::Configuration { reason })
}

async fn get_or_create(
    connection: &Connection,
    partition: Partition,
    count: u16,
    replicas: u8,
) -> Result<Config, LogError> {
    if let Some(found) = get(connection, partition).await? {
        return Ok(found);
    }
    create(connection, stream_config(partition, count, replicas)).await
}

/// Makes a stream; answers the settings of the one that another process made at the same moment, if so.
pub(super) async fn create(connection: &Connection, wanted: Config) -> Result<Config, LogError> {
    let name = wanted.name.clone();
    match connection.jetstream.create_stream(wanted).await {
        Ok(created) => Ok(created.cached_info().config.clone()),
        Err(error) => {
            let raced = matches!(error.kind(), CreateStreamErrorKind::JetStream(ref cause)
                if cause.error_code() == ErrorCode::STREAM_NAME_EXIST);
            let found = if raced { get_named(connection, &name).await? } else { None };
            found
                .ok_or_else(|| LogError::Unavailable { reason: format!("{name} cannot be created: {error}") })
        }
    }
}

async fn get(connection: &Connection, partition: Partition) -> Result<Option<Config>, LogError> {
    get_named(connection, &stream_name(partition)).await
}

/// The settings of a stream, where it exists.
pub(super) async fn get_named(connection: &Connection, name: &str) -> Result<Option<Config>, LogError> {
    match connection.jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(ref cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(LogError::Unavailable { reason: format!("{name}: {error}") }),
        },
    }
}

fn stream_config(partition: Partition, count: u16, replicas: u8) -> Config {
    Config {
        name: stream_name(partition),
        subjects: vec![partition_filter(partition)],
        description: Some("FoodFlow OS events: append only, never edited".to_owned()),
        metadata: HashMap::from([(PARTITIONS_KEY.to_owned(), count.to_string())]),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: usize::from(replicas),
        duplicate_window: DUPLICATE_WINDOW,
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

fn partition_count(first: &Config) -> Result<u16, LogError> {
    let count = first.metadata.get(PARTITIONS_KEY).and_then(|text| text.parse().ok());
    count.filter(|count| (1..=PARTITIONS_MAX).contains(count)).ok_or_else(|| LogError::Configuration {
        reason: format!(
            "stream {} exists but is not of this log: no {PARTITIONS_KEY} in its metadata",
            first.name
        ),
    })
}

/// Refuses a stream that could lose or refuse events, or that cannot be read as this adapter reads.
fn check(found: &Config, partition: Partition) -> Result<(), LogError> {
    let unlimited = |limit: i64| limit <= 0;
    let rules = [
        (found.subjects == [partition_filter(partition)], "other subjects"),
        (found.storage == StorageType::File, "no file storage"),
        (found.retention == RetentionPolicy::Limits, "a retention policy that removes messages"),
        (found.allow_direct, "no direct get"),
        (found.allow_atomic_publish, "no atomic publish"),
        (found.deny_delete && found.deny_purge, "deletes or purges allowed"),
        (
            !found.allow_rollup && !found.sealed && !found.no_ack,
            "roll-ups, sealing or missing acknowledgements",
        ),
        (found.max_age.is_zero() && unlimited(found.max_messages) && unlimited(found.max_bytes), "a limit"),
        (unlimited(found.max_messages_per_subject) && unlimited(found.max_message_size.into()), "a limit"),
    ];
    match rules.iter().find(|(kept, _)| !kept) {
        None => Ok(()),
        Some((_, what)) => Err(LogError::Configuration {
            reason: format!("stream {} has {what}; it is not a log that keeps every event", found.name),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_could_lose_events_is_refused() {
        let good = stream_config(Partition(1), 4, 1);
        assert!(check(&good, Partition(1)).is_ok());
        assert!(check(&good, Partition(2)).is_err());
        assert!(check(&Config { max_age: Duration::from_secs(1), ..good.clone() }, Partition(1)).is_err());
        assert!(check(&Config { max_bytes: 1_000, ..good.clone() }, Partition(1)).is_err());
        assert!(check(&Config { deny_purge: false, ..good.clone() }, Partition(1)).is_err());
        assert!(check(&Config { allow_atomic_publish: false, ..good }, Partition(1)).is_err());
    }

    #[test]
    fn the_number_of_partitions_is_read_from_the_first_stream() {
        assert_eq!(partition_count(&stream_config(Partition(0), 7, 1)).unwrap(), 7);
        assert!(partition_count(&Config::default()).is_err());
    }
}
