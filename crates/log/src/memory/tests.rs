use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::event_log::NewMessage;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn stream(number: u128) -> StreamId {
    StreamId::new("test", "thing", Uuid::from_u128(number))
}

fn commit(tenant: TenantId, messages: &[(u128, u64)]) -> Commit {
    let message = |(number, expected): &(u128, u64)| NewMessage {
        stream: stream(*number),
        expected: Position(*expected),
        payload: Bytes::from(format!("[{number}]")),
    };
    Commit { tenant, recorded_at: Timestamp::UNIX_EPOCH, messages: messages.iter().map(message).collect() }
}

#[tokio::test]
async fn a_commit_takes_adjoining_positions_or_none() {
    let log = MemoryLog::new(1);
    let first = log.append(commit(TENANT, &[(1, 0), (2, 0)])).await.unwrap();
    assert_eq!(first, Appended { first: Position(1), last: Position(2) });
    let lost = log.append(commit(TENANT, &[(3, 0), (1, 0)])).await.unwrap_err();
    assert!(matches!(lost, AppendError::Conflict { stream: lost, .. } if lost == stream(1)));
    assert!(log.load(TENANT, &stream(3), Position(0)).await.unwrap().is_empty());
    let second = log.append(commit(TENANT, &[(1, 1)])).await.unwrap();
    assert_eq!(second.first, Position(3));
    let tail = log.load(TENANT, &stream(1), Position(1)).await.unwrap();
    assert_eq!(tail.iter().map(|message| message.position.0).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn tenants_have_their_own_streams_and_their_partition() {
    let log = MemoryLog::new(4);
    for tenant in (0..20).map(|number| TenantId(Uuid::from_u128(number))) {
        log.append(commit(tenant, &[(1, 0)])).await.unwrap();
        let partition = log.partition_of(tenant);
        let query = ReadQuery {
            tenant: Some(tenant),
            from: Position(u64::MAX),
            direction: Direction::Backward,
            limit: 9,
        };
        let read = log.read(partition, query).await.unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].tenant, read[0].partition), (tenant, partition));
    }
    let mut total = 0;
    for partition in 0..4 {
        total += log.head(Partition(partition)).await.unwrap().0;
    }
    assert_eq!(total, 20);
    assert!(matches!(log.head(Partition(4)).await, Err(LogError::Configuration { .. })));
}

#[tokio::test]
async fn reads_are_exclusive_bounded_and_go_both_ways() {
    let log = MemoryLog::new(1);
    log.append(commit(TENANT, &[(1, 0), (2, 0), (3, 0)])).await.unwrap();
    log.append(commit(TenantId(Uuid::from_u128(2)), &[(1, 0)])).await.unwrap();
    for (tenant, from, direction, limit, expected) in [
        (None, 1, Direction::Forward, 2, vec![2, 3]),
        (None, 9, Direction::Forward, 2, vec![]),
        (None, 0, Direction::Backward, 2, vec![]),
        (None, u64::MAX, Direction::Backward, 2, vec![4, 3]),
        (Some(TENANT), 1, Direction::Forward, 9, vec![2, 3]),
        (Some(TENANT), 3, Direction::Backward, 9, vec![2, 1]),
        (Some(TENANT), u64::MAX, Direction::Forward, 9, vec![]),
    ] {
        let query = ReadQuery { tenant, from: Position(from), direction, limit };
        let read = log.read(Partition(0), query.clone()).await.unwrap();
        assert_eq!(read.iter().map(|message| message.position.0).collect::<Vec<_>>(), expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_subscription_resumes_waits_and_ends_with_the_log() {
    let log = Arc::new(MemoryLog::new(1));
    log.append(commit(TENANT, &[(1, 0), (2, 0)])).await.unwrap();
    let mut subscription = log.subscribe(Partition(0), Some(TENANT), Position(1)).await.unwrap();
    let appending = Arc::clone(&log);
    let appender = tokio::spawn(async move {
        appending.append(commit(TenantId(Uuid::from_u128(2)), &[(1, 0)])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        appending.append(commit(TENANT, &[(3, 0)])).await.unwrap();
    });
    for expected in [2, 4] {
        assert_eq!(subscription.next().await.unwrap().unwrap().position.0, expected);
    }
    appender.await.unwrap();
    log.close().await;
    assert!(subscription.next().await.is_none());
    assert!(matches!(log.append(commit(TENANT, &[(9, 0)])).await, Err(AppendError::Log(_))));
}
