//! Making, opening and refusing folders. How the log behaves is in the contract suite.

use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::event_log::NewMessage;

async fn write(log: &PartitionedEmbedded, tenants: u128) {
    for number in 1..=tenants {
        let message = NewMessage {
            stream: StreamId::new("food_graph", "batch", Uuid::from_u128(number)),
            expected: Position(0),
            payload: "[]".into(),
        };
        let tenant = TenantId(Uuid::from_u128(number));
        let commit = Commit { tenant, recorded_at: Timestamp::UNIX_EPOCH, messages: vec![message] };
        log.append(commit).await.unwrap();
    }
}

async fn refusal(folder: &Path, partitions: u16) -> String {
    let opened = PartitionedEmbedded::open_or_create(folder, partitions, None).await;
    opened.expect_err("it is refused").to_string()
}

#[tokio::test]
async fn a_folder_is_made_once_and_opened_with_its_own_number_of_partitions() {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("copy");
    assert!(PartitionedEmbedded::open(&folder).await.unwrap().is_none());
    let log = PartitionedEmbedded::open_or_create(&folder, 3, Some("nats://log:4222")).await.unwrap();
    write(&log, 20).await;
    log.close().await;
    let log = PartitionedEmbedded::open_or_create(&folder, 5, Some("another")).await.unwrap();
    assert_eq!((log.partition_count(), log.manifest.copy_of.as_deref()), (3, Some("nats://log:4222")));
    let mut heads = 0;
    for partition in (0..3).map(Partition) {
        let head = log.head(partition).await.unwrap().0;
        assert!(head > 0);
        heads += head;
    }
    assert_eq!(heads, 20);
}

#[tokio::test]
async fn a_lost_partition_is_not_taken_for_an_empty_one() {
    let place = TempDir::new().unwrap();
    let log = PartitionedEmbedded::open_or_create(place.path(), 4, None).await.unwrap();
    write(&log, 20).await;
    log.close().await;
    std::fs::remove_file(place.path().join("partition-2.sqlite")).unwrap();
    let error = PartitionedEmbedded::open(place.path()).await.err().unwrap().to_string();
    assert!(error.contains("partition-2.sqlite") && error.contains("is gone"), "{error}");
    assert!(!place.path().join("partition-2.sqlite").exists());
}

#[tokio::test]
async fn a_creation_that_was_cut_short_is_finished() {
    let place = TempDir::new().unwrap();
    let log = PartitionedEmbedded::open_or_create(place.path(), 2, None).await.unwrap();
    log.close().await;
    std::fs::rename(place.path().join(manifest::FILE), manifest::unfinished(place.path())).unwrap();
    std::fs::remove_file(place.path().join("partition-1.sqlite")).unwrap();
    let log = PartitionedEmbedded::open_or_create(place.path(), 2, None).await.unwrap();
    write(&log, 20).await;
    log.close().await;
    assert!(PartitionedEmbedded::open(place.path()).await.unwrap().is_some());

    std::fs::remove_file(place.path().join(manifest::FILE)).unwrap();
    let error = refusal(place.path(), 2).await;
    assert!(error.contains("holds partitions, but no log.json"), "{error}");
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_stays_as_it_is() {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("notes.txt"), "mine").unwrap();
    let error = refusal(place.path(), 2).await;
    assert!(error.contains("notes.txt") && error.contains("an empty folder"), "{error}");
    let file = place.path().join("notes.txt");
    assert!(refusal(&file, 2).await.contains("notes.txt"));
    assert!(refusal(&place.path().join("new"), 0).await.contains("1 to 256"));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}
