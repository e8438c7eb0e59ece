//! Loading streams, the head, and who sees what.

use std::collections::HashMap;

use bytes::Bytes;
use foodflow_log::event_log::LOADED_BYTES_MAX;
use foodflow_log::{Direction, NewMessage, Partition, Position, ReadQuery};

use crate::fixture::{
    Fixture, append_new, commit, everything, message, positions, stream, tenant, tenant_in, texts,
};

pub(crate) async fn a_stream_is_loaded_from_after_a_position(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let grown = stream();
    let mut ends = vec![Position(0)];
    for index in 1..=4 {
        append_new(log, tenant, 2).await?;
        let end = ends[index - 1];
        ends.push(log.append(commit(tenant, vec![message(&grown, end, &index.to_string())])).await?.last);
    }
    assert_eq!(ends, [0, 3, 6, 9, 12].map(Position));
    let cases: [(u64, &[&str]); 7] = [
        (0, &["1", "2", "3", "4"]),
        (2, &["1", "2", "3", "4"]),
        (3, &["2", "3", "4"]),
        (8, &["3", "4"]),
        (11, &["4"]),
        (12, &[]),
        (u64::from(u32::MAX), &[]),
    ];
    for (after, expected) in cases {
        let loaded = log.load(tenant, &grown, Position(after)).await?;
        assert_eq!(texts(&loaded), expected, "after {after}");
    }
    Ok(())
}

pub(crate) async fn a_missing_stream_loads_as_empty(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    assert_eq!(log.load(tenant, &stream(), Position(0)).await?, []);
    let written = stream();
    log.append(commit(tenant, vec![message(&written, Position(0), "x")])).await?;
    assert_eq!(log.load(tenant, &stream(), Position(0)).await?, []);
    let sibling = foodflow_log::StreamId::new("food_graph", "batch_label", written.id);
    assert_eq!(log.load(tenant, &sibling, Position(0)).await?, []);
    Ok(())
}

pub(crate) async fn a_stream_of_many_megabytes_is_loaded_whole(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let (large, mut end) = (stream(), Position(0));
    let payload = |index: u8| Bytes::from(vec![index; 900_000]);
    for index in 0..20 {
        let grown = NewMessage { stream: large.clone(), expected: end, payload: payload(index) };
        end = log.append(commit(tenant, vec![grown])).await?.last;
    }
    let page = log.load_page(tenant, &large, Position(0), usize::MAX).await?;
    let bytes: usize = page.messages.iter().map(|message| message.payload.len()).sum();
    assert!(
        !page.reached_end && (LOADED_BYTES_MAX / 2..LOADED_BYTES_MAX + 900_000).contains(&bytes),
        "{bytes}"
    );
    let loaded = log.load(tenant, &large, Position(0)).await?;
    assert_eq!(positions(&loaded), (1..=20).collect::<Vec<_>>());
    assert!(loaded.iter().zip(0..).all(|(message, index)| message.payload == payload(index)));
    for (direction, from) in [(Direction::Forward, 0), (Direction::Backward, 21)] {
        let query = ReadQuery { tenant: Some(tenant), from: Position(from), direction, limit: 100 };
        let mut range = log.read(log.partition_of(tenant), query).await?;
        if direction == Direction::Backward {
            range.reverse();
        }
        assert!(range == loaded, "{direction:?}: {:?}", positions(&range));
    }
    Ok(())
}

pub(crate) async fn a_stream_is_loaded_by_pages(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let (grown, mut ends) = (stream(), vec![Position(0)]);
    for index in 0..12 {
        append_new(log, tenant, 1 + index % 3).await?;
        let next = message(&grown, ends[index], &index.to_string());
        ends.push(log.append(commit(tenant, vec![next])).await?.last);
    }
    append_new(log, tenant, 2).await?;
    for (behind, after) in ends.iter().enumerate() {
        let left = ends.len() - 1 - behind;
        for limit in [0, 1, 5, left, left + 1, usize::MAX] {
            let page = log.load_page(tenant, &grown, *after, limit).await?;
            let expected: Vec<_> = ends[behind + 1..].iter().take(limit.max(1)).map(|end| end.0).collect();
            assert_eq!(positions(&page.messages), expected, "{limit} after {after}");
            assert_eq!(page.reached_end, expected.len() == left, "{limit} after {after}");
        }
    }
    for (tenant, stream) in [(tenant, stream()), (crate::fixture::tenant(), grown)] {
        let page = log.load_page(tenant, &stream, Position(0), 10).await?;
        assert!(page.messages.is_empty() && page.reached_end);
    }
    Ok(())
}

pub(crate) async fn the_last_message_before_a_position_is_found(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let (grown, mut end) = (stream(), Position(0));
    let mut ends = Vec::new();
    // Some of it near by, the rest further back than what is looked at first.
    for others in [1, 900, 400, 3] {
        end = log.append(commit(tenant, vec![message(&grown, end, "next")])).await?.last;
        ends.push(end);
        append_new(log, tenant, others).await?;
    }
    let head = log.head(log.partition_of(tenant)).await?;
    for before in [ends[0], Position(ends[0].0 + 1), ends[1], ends[2], ends[3], Position(ends[3].0 + 1), head]
    {
        let found = log.last_before(tenant, &grown, before).await?.map(|message| message.position);
        assert_eq!(found, ends.iter().copied().rfind(|end| *end < before), "before {before}");
    }
    assert_eq!(log.last_before(tenant, &stream(), head).await?, None);
    Ok(())
}

pub(crate) async fn the_head_is_the_last_position(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let partition = log.partition_of(tenant);
    assert_eq!(log.head(partition).await?, Position(0));
    for count in [1, 3, 1, 40] {
        let appended = append_new(log, tenant, count).await?;
        assert_eq!(log.head(partition).await?, appended.last);
    }
    Ok(())
}

pub(crate) async fn tenants_do_not_see_each_other(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let shared = stream();
    let (one, other) = (tenant_in(log, Partition(0)), tenant_in(log, Partition(0)));
    let of_one = log.append(commit(one, vec![message(&shared, Position(0), "of one")])).await?.last;
    let of_other = log.append(commit(other, vec![message(&shared, Position(0), "of the other")])).await?.last;
    assert_eq!((of_one, of_other), (Position(1), Position(2)));
    log.append(commit(one, vec![message(&shared, of_one, "of one again")])).await?;
    for (tenant, expected) in [(one, vec!["of one", "of one again"]), (other, vec!["of the other"])] {
        let loaded = log.load(tenant, &shared, Position(0)).await?;
        assert_eq!(texts(&loaded), expected);
        assert!(loaded.iter().all(|message| message.tenant == tenant && message.stream == shared));
    }
    assert_eq!(log.load(tenant(), &shared, Position(0)).await?, []);
    Ok(())
}

pub(crate) async fn every_partition_counts_for_itself(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let count = log.partition_count();
    let mut next: HashMap<Partition, u64> = HashMap::new();
    for number in (0..count).chain(0..count) {
        let tenant = tenant_in(log, Partition(number));
        let appended = append_new(log, tenant, 2).await?;
        let end = next.entry(Partition(number)).or_default();
        assert_eq!((appended.first.0, appended.last.0), (*end + 1, *end + 2));
        *end += 2;
    }
    for partition in (0..count).map(Partition) {
        assert_eq!(log.head(partition).await?, Position(4));
        let all = everything(log, partition).await?;
        assert_eq!(positions(&all), [1, 2, 3, 4]);
        let at_home = |tenant| log.partition_of(tenant) == partition;
        assert!(all.iter().all(|message| message.partition == partition && at_home(message.tenant)));
    }
    Ok(())
}
