//! The buckets of the records: one JetStream key-value bucket a kind, made with its first record.
//!
//! They are ordinary buckets (NATS ADR-8), so that `nats kv` reads them. Their latest values are kept; those of persons'
//! keys before the latest only until they are erased.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};

use super::connect::Connection;
use super::{streams, subject};
use crate::records::{RecordKey, RecordKind};
use crate::{LogError, Partition};

/// The bucket of a kind.
const fn name(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Snapshot => "FF_SNAPSHOTS",
        RecordKind::Checkpoint => "FF_CHECKPOINTS",
        RecordKind::Lease => "FF_LEASES",
        RecordKind::PersonKey => "FF_PERSON_KEYS",
        RecordKind::Follower => "FF_FOLLOWERS",
    }
}

/// Values of a key that the bucket keeps: more than the latest only where the others are erased by their sequence, since
/// a server that lets them go by itself leaves their bytes on its disk.
const fn kept_values(kind: RecordKind) -> i64 {
    if kind.is_scrubbed() { 64 } else { 1 }
}

/// The stream behind the bucket.
pub(super) fn stream_name(kind: RecordKind) -> String {
    format!("KV_{}", name(kind))
}

/// The subject of a record.
pub(super) fn record_subject(kind: RecordKind, key: &str) -> String {
    format!("$KV.{}.{key}", name(kind))
}

/// The subjects of all records whose keys begin with `prefix`, and perhaps of more: a filter ends with a token.
pub(super) fn filter(kind: RecordKind, prefix: &str) -> String {
    let whole_tokens = prefix.rfind('.').map_or("", |dot| &prefix[..=dot]);
    format!("$KV.{}.{whole_tokens}>", name(kind))
}

/// The key of a record's subject.
pub(super) fn key_of(kind: RecordKind, subject: &str) -> Result<RecordKey, LogError> {
    let key = subject.strip_prefix("$KV.").and_then(|rest| rest.strip_prefix(name(kind))?.strip_prefix('.'));
    key.and_then(|key| RecordKey::new(key).ok()).ok_or_else(|| LogError::Corrupt {
        place: stream_name(kind),
        reason: format!("subject `{subject}` is not one of a record"),
    })
}

/// Makes the bucket where it does not exist, with as many replicas as the log has, and checks it.
pub(super) async fn ensure(connection: &Connection, kind: RecordKind) -> Result<(), LogError> {
    let found = match streams::get_named(connection, &stream_name(kind)).await? {
        Some(found) => found,
        None => {
            let log = streams::get_named(connection, &subject::stream_name(Partition(0))).await?;
            let replicas = log.map_or(1, |log| log.num_replicas);
            streams::create(connection, config(kind, replicas)).await?
        }
    };
    check(&found, kind)
}

/// Whether there is such a bucket.
pub(super) async fn exists(connection: &Connection, kind: RecordKind) -> Result<bool, LogError> {
    Ok(streams::get_named(connection, &stream_name(kind)).await?.is_some())
}

fn config(kind: RecordKind, replicas: usize) -> Config {
    // The server has it for streams without replicas only.
    let persist_mode = (kind.is_made_again() && replicas == 1).then_some(PersistenceMode::Async);
    Config {
        name: stream_name(kind),
        subjects: vec![filter(kind, "")],
        description: Some(format!("FoodFlow OS: {} records beside the event log", kind.name())),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: replicas,
        persist_mode,
        max_messages_per_subject: kept_values(kind),
        deny_delete: !kind.is_scrubbed(),
        deny_purge: false,
        allow_direct: true,
        allow_rollup: true,
        max_messages: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Config::default()
    }
}

/// Refuses a bucket that could lose a record by itself, or that cannot be read as this adapter reads.
fn check(found: &Config, kind: RecordKind) -> Result<(), LogError> {
    let unlimited = |limit: i64| limit <= 0;
    let rules = [
        (found.subjects == [filter(kind, "")], "other subjects"),
        (found.storage == StorageType::File, "no file storage"),
        (found.max_messages_per_subject == kept_values(kind), "another history of its values"),
        (!(kind.is_scrubbed() && found.deny_delete), "deletes denied"),
        (found.allow_direct, "no direct get"),
        (
            !found.deny_purge && !found.sealed && !found.no_ack,
            "sealing, or deletes or acknowledgements denied",
        ),
        (found.max_age == Duration::ZERO && unlimited(found.max_messages), "a limit"),
        (unlimited(found.max_bytes) && unlimited(found.max_message_size.into()), "a limit"),
    ];
    match rules.iter().find(|(kept, _)| !kept) {
        None => Ok(()),
        Some((_, what)) => Err(LogError::Configuration {
            reason: format!("bucket {} has {what}; remove it, and it is made anew where needed", name(kind)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_as_its_key() {
        for kind in RecordKind::ALL {
            let key = RecordKey::new("tenant.food_graph/x=1").unwrap();
            assert_eq!(key_of(kind, &record_subject(kind, key.as_str())).unwrap(), key);
            assert!(key_of(kind, "$KV.OTHER.a").is_err() && key_of(kind, "$KV.FF_SNAPSHOTSa").is_err());
        }
    }

    #[test]
    fn a_filter_ends_with_a_whole_token() {
        let lease = |prefix| filter(RecordKind::Lease, prefix);
        assert_eq!(lease(""), "$KV.FF_LEASES.>");
        assert_eq!(lease("pro"), "$KV.FF_LEASES.>");
        assert_eq!(lease("a.b."), "$KV.FF_LEASES.a.b.>");
        assert_eq!(lease("a.b.c"), "$KV.FF_LEASES.a.b.>");
    }

    #[test]
    fn only_what_is_made_again_is_acknowledged_before_it_is_on_disk() {
        for kind in RecordKind::ALL {
            let hasty = config(kind, 1).persist_mode == Some(PersistenceMode::Async);
            assert_eq!(hasty, kind == RecordKind::Snapshot);
            assert_eq!(config(kind, 3).persist_mode, None);
        }
    }

    #[test]
    fn a_bucket_that_forgets_is_refused() {
        let good = config(RecordKind::Checkpoint, 1);
        assert!(check(&good, RecordKind::Checkpoint).is_ok());
        assert!(check(&good, RecordKind::Lease).is_err());
        for bad in [
            Config { max_age: Duration::from_secs(1), ..good.clone() },
            Config { max_bytes: 1_000, ..good.clone() },
            Config { max_messages_per_subject: 5, ..good.clone() },
            Config { storage: StorageType::Memory, ..good.clone() },
            Config { deny_purge: true, ..good },
        ] {
            assert!(check(&bad, RecordKind::Checkpoint).is_err(), "{bad:?}");
        }
    }
}
