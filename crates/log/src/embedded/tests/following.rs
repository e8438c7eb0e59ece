use std::time::Instant;

use futures::StreamExt;

use super::*;

async fn take(subscription: &mut MessageStream, count: usize) -> Vec<u64> {
    let taken = subscription.by_ref().take(count).map(|message| message.unwrap().position.0).collect();
    tokio::time::timeout(Duration::from_secs(10), taken).await.unwrap()
}

#[tokio::test]
async fn a_subscription_gives_the_past_then_what_comes_without_gap() {
    let place = Place::new();
    let log = Arc::new(place.open().await);
    // More than one page of the past, and a tenant that is met rarely.
    for group in 0..3_u128 {
        let streams: Vec<_> = (0..600).map(|one| (group * 1_000 + one, 0)).collect();
        log.append(commit(TENANT, &streams)).await.unwrap();
        log.append(commit(OTHER, &[(group, 0)])).await.unwrap();
    }
    let mut all = log.subscribe(ALL, None, Position(0)).await.unwrap();
    let mut resumed = log.subscribe(ALL, None, Position(1_700)).await.unwrap();
    let mut rare = log.subscribe(ALL, Some(OTHER), Position(0)).await.unwrap();
    let appending = Arc::clone(&log);
    let appender = tokio::spawn(async move {
        for number in 0..100 {
            appending.append(commit(TENANT, &[(10_000 + number, 0)])).await.unwrap();
        }
        appending.append(commit(OTHER, &[(10_000, 0)])).await.unwrap();
    });
    assert_eq!(take(&mut rare, 4).await, [601, 1_202, 1_803, 1_904]);
    assert_eq!(take(&mut all, 1_904).await, (1..=1_904).collect::<Vec<_>>());
    assert_eq!(take(&mut resumed, 204).await, (1_701..=1_904).collect::<Vec<_>>());
    appender.await.unwrap();
}

#[tokio::test]
async fn large_messages_make_small_pages() {
    let place = Place::new();
    let log = place.open().await;
    let mut heavy = commit(TENANT, &(0..12).map(|one| (one, 0)).collect::<Vec<_>>());
    for message in &mut heavy.messages {
        message.payload = Bytes::from(vec![1; crate::event_log::PAYLOAD_BYTES_MAX]);
    }
    log.append(heavy).await.unwrap();
    let page = log.reader.page(Some(TENANT), Position(0)).await.unwrap();
    assert!(page.messages.len() == 5 && !page.reached_end);
    let mut subscription = log.subscribe(ALL, Some(TENANT), Position(0)).await.unwrap();
    assert_eq!(take(&mut subscription, 12).await, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn commits_of_another_process_arrive() {
    let place = Place::new();
    let (ours, theirs) = (place.open().await, place.open().await);
    let mut subscription = ours.subscribe(ALL, None, Position(0)).await.unwrap();
    theirs.append(commit(TENANT, &[(1, 0)])).await.unwrap();
    let start = Instant::now();
    assert_eq!(take(&mut subscription, 1).await, [1]);
    theirs.append(commit(TENANT, &[(2, 0)])).await.unwrap();
    assert_eq!(take(&mut subscription, 1).await, [2]);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_subscription_ends_with_the_log() {
    let place = Place::new();
    let log = place.open().await;
    let mut closed = log.subscribe(ALL, None, Position(0)).await.unwrap();
    let waiting = tokio::spawn(async move { closed.next().await });
    tokio::task::yield_now().await;
    log.close().await;
    assert!(waiting.await.unwrap().is_none());
    assert!(log.subscribe(ALL, None, Position(0)).await.is_err());

    let log = place.open().await;
    let mut dropped = log.subscribe(ALL, None, Position(0)).await.unwrap();
    drop(log);
    assert!(dropped.next().await.is_none());
}
