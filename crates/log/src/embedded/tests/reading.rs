use sqlx::Row;

use super::*;
use crate::event_log::{Direction, READ_MESSAGES_MAX};

#[tokio::test]
async fn payloads_come_back_byte_for_byte() {
    let place = Place::new();
    let log = place.open().await;
    let mut odd = commit(TENANT, &[(1, 0), (2, 0), (3, 0)]);
    let payloads = [Bytes::new(), Bytes::from_static(b"\0\xff'\"[]\n"), Bytes::from(vec![b'x'; 300_000])];
    for (message, payload) in odd.messages.iter_mut().zip(&payloads) {
        message.payload = payload.clone();
    }
    log.append(odd).await.unwrap();
    for (number, payload) in (1..).zip(&payloads) {
        let loaded = log.load(TENANT, &stream(number), Position(0)).await.unwrap();
        assert_eq!(loaded.len(), 1);
        assert_eq!(
            (&loaded[0].payload, &loaded[0].stream, loaded[0].tenant),
            (payload, &stream(number), TENANT)
        );
    }
}

#[tokio::test]
async fn a_stream_is_loaded_from_any_position() {
    let place = Place::new();
    let log = place.open().await;
    let mut ends = [0; 3];
    for step in 0..60_usize {
        let chosen = step * step % 7 % 3;
        let tenant = if step % 2 == 0 { TENANT } else { OTHER };
        let at = if tenant == TENANT { &mut ends[chosen] } else { &mut 0 };
        let number = if tenant == TENANT { chosen } else { 100 + step };
        *at = log.append(commit(tenant, &[(number as u128, *at)])).await.unwrap().last.0;
    }
    for number in 0..3 {
        let all = positions(&log.load(TENANT, &stream(number), Position(0)).await.unwrap());
        assert_eq!(all.last(), Some(&ends[number as usize]));
        for after in (0..65).chain([u64::MAX]) {
            let tail = positions(&log.load(TENANT, &stream(number), Position(after)).await.unwrap());
            let expected: Vec<_> = all.iter().copied().filter(|position| *position > after).collect();
            assert_eq!(tail, expected, "stream {number} after {after}");
        }
    }
    assert!(log.load(OTHER, &stream(0), Position(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn reads_are_exclusive_bounded_and_go_both_ways() {
    let place = Place::new();
    let log = place.open().await;
    log.append(commit(TENANT, &[(1, 0), (2, 0), (3, 0)])).await.unwrap();
    log.append(commit(OTHER, &[(1, 0)])).await.unwrap();
    for (tenant, from, direction, limit, expected) in [
        (None, 1, Direction::Forward, 2, vec![2, 3]),
        (None, 9, Direction::Forward, 2, vec![]),
        (None, 0, Direction::Forward, usize::MAX, vec![1, 2, 3, 4]),
        (None, 0, Direction::Backward, 2, vec![]),
        (None, u64::MAX, Direction::Backward, 2, vec![4, 3]),
        (Some(TENANT), 1, Direction::Forward, 9, vec![2, 3]),
        (Some(TENANT), 3, Direction::Backward, 9, vec![2, 1]),
        (Some(OTHER), u64::MAX, Direction::Backward, 9, vec![4]),
        (Some(TENANT), u64::MAX, Direction::Forward, 9, vec![]),
    ] {
        let query = ReadQuery { tenant, from: Position(from), direction, limit };
        let read = log.read(ALL, query.clone()).await.unwrap();
        assert_eq!(positions(&read), expected, "{query:?}");
    }
    assert!(matches!(log.head(Partition(1)).await, Err(LogError::Configuration { .. })));
}

#[tokio::test]
async fn a_read_answers_no_more_than_the_port_allows() {
    let place = Place::new();
    let log = place.open().await;
    for group in 0..11_u128 {
        let streams: Vec<_> = (0..1_000).map(|one| (group * 1_000 + one, 0)).collect();
        log.append(commit(TENANT, &streams)).await.unwrap();
    }
    let query = ReadQuery { tenant: None, from: Position(0), direction: Direction::Forward, limit: 20_000 };
    assert_eq!(log.read(ALL, query).await.unwrap().len(), READ_MESSAGES_MAX);
}

#[tokio::test]
async fn every_read_of_a_tenant_goes_by_an_index_and_needs_no_sort() {
    let place = Place::new();
    let log = place.open().await;
    log.append(commit(TENANT, &[(1, 0), (2, 0)])).await.unwrap();
    let mut other = place.connect().await;
    for (sql, index) in [
        (reader::LOAD, "(tenant=? AND stream=? AND expected>?)"),
        (reader::FORWARD_OF_TENANT, "message_of_tenant (tenant=? AND rowid>?)"),
        (reader::BACKWARD_OF_TENANT, "message_of_tenant (tenant=? AND rowid<?)"),
    ] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(&mut other).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("; ");
        assert!(plan.contains(index) && !plan.contains("SCAN m") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[tokio::test]
async fn a_damaged_message_is_named() {
    let place = Place::new();
    let log = place.open().await;
    let mut other = place.connect().await;
    let bad = "INSERT INTO message VALUES (1, zeroblob(16), 'no stream', 0, 0, x'00')";
    sqlx::query(bad).execute(&mut other).await.unwrap();
    let query = ReadQuery { tenant: None, from: Position(0), direction: Direction::Forward, limit: 1 };
    let error = log.read(ALL, query).await.unwrap_err();
    assert!(matches!(&error, LogError::Corrupt { place, .. } if place.ends_with("position 1")), "{error}");
}
