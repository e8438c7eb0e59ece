//! Many writers at once: nothing lost, nothing twice, nothing halved, and no conflict without a cause.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::{AppendError, Partition, Position, SharedLog, StoredMessage, StreamId};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Fixture, commit, everything, message, positions, stream, tenant_in, texts};

/// Writers on one stream, and increments of each.
const WRITERS: usize = 8;
const EACH: usize = 50;

pub(crate) async fn writers_on_one_stream_lose_nothing(fixture: Fixture) -> anyhow::Result<()> {
    let tenant = tenant_in(&*fixture.log, Partition(0));
    let counter = stream();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (log, counter) = (Arc::clone(&fixture.log), counter.clone());
        writers.spawn(async move {
            for index in 0..EACH {
                increment(&log, tenant, &counter, &format!("{writer}/{index}")).await?;
            }
            anyhow::Ok(())
        });
    }
    for outcome in writers.join_all().await {
        outcome?;
    }
    let loaded = fixture.log.load(tenant, &counter, Position(0)).await?;
    assert_eq!(positions(&loaded), (1..=(WRITERS * EACH) as u64).collect::<Vec<_>>());
    let mut written: HashMap<usize, Vec<String>> = HashMap::new();
    for text in texts(&loaded) {
        let (count, who) = text.split_once(' ').expect("the writers write a count and a name");
        assert_eq!(count.parse::<usize>()?, written.values().map(Vec::len).sum::<usize>());
        let writer = who.split('/').next().expect("split gives at least one part").parse()?;
        written.entry(writer).or_default().push(who.to_owned());
    }
    for writer in 0..WRITERS {
        let expected: Vec<_> = (0..EACH).map(|index| format!("{writer}/{index}")).collect();
        assert_eq!(written[&writer], expected, "each writer's own order is kept");
    }
    Ok(())
}

/// Appends «number of messages so far, and who» until no one else is faster.
async fn increment(log: &SharedLog, tenant: TenantId, counter: &StreamId, who: &str) -> anyhow::Result<()> {
    // A conflict means that another writer's increment stands, so there cannot be more of them than increments.
    for _ in 0..=WRITERS * EACH {
        let loaded = log.load(tenant, counter, Position(0)).await?;
        let end = loaded.last().map_or(Position(0), |message| message.position);
        let next = message(counter, end, &format!("{} {who}", loaded.len()));
        match log.append(commit(tenant, vec![next])).await {
            Ok(_) => return Ok(()),
            Err(AppendError::Conflict { stream, expected }) => {
                assert_eq!((&stream, expected), (counter, end));
            }
            Err(other) => return Err(other.into()),
        }
    }
    anyhow::bail!("{who} met more conflicts than there are increments")
}

pub(crate) async fn writers_on_disjoint_streams_never_conflict(fixture: Fixture) -> anyhow::Result<()> {
    const DISJOINT_WRITERS: usize = 16;
    const COMMITS: usize = 20;
    let tenants = [tenant_in(&*fixture.log, Partition(0)), tenant_in(&*fixture.log, Partition(0))];
    let mut writers = JoinSet::new();
    for writer in 0..DISJOINT_WRITERS {
        let (log, tenant) = (Arc::clone(&fixture.log), tenants[writer % 2]);
        writers.spawn(async move {
            let own: Vec<_> = std::iter::repeat_with(stream).take(1 + writer % 3).collect();
            let mut ends = vec![Position(0); own.len()];
            for _ in 0..COMMITS {
                let messages =
                    own.iter().zip(&ends).map(|(stream, end)| message(stream, *end, "mine")).collect();
                let appended = log.append(commit(tenant, messages)).await?;
                for (end, position) in ends.iter_mut().zip(appended.first.0..) {
                    *end = Position(position);
                }
            }
            anyhow::Ok(own.len() * COMMITS)
        });
    }
    let mut written = 0;
    for outcome in writers.join_all().await {
        written += outcome?;
    }
    let all = everything(&*fixture.log, Partition(0)).await?;
    assert_eq!(positions(&all), (1..=written as u64).collect::<Vec<_>>());
    Ok(())
}

pub(crate) async fn overlapping_commits_are_whole_or_absent(fixture: Fixture) -> anyhow::Result<()> {
    const OVERLAPPING_WRITERS: usize = 6;
    const TRIES: usize = 15;
    let tenant = tenant_in(&*fixture.log, Partition(0));
    let streams: Arc<Vec<StreamId>> = Arc::new(std::iter::repeat_with(stream).take(6).collect());
    let mut writers = JoinSet::new();
    for writer in 0..OVERLAPPING_WRITERS {
        let (log, streams) = (Arc::clone(&fixture.log), Arc::clone(&streams));
        writers.spawn(async move {
            let mut outcomes = Vec::new();
            for index in 0..TRIES {
                // Neighbouring streams, so that every set overlaps with others but few are equal.
                let start = writer + index * 5;
                let set = (0..2 + index % 3).map(|step| streams[(start + step) % streams.len()].clone());
                outcomes.push(try_together(&log, tenant, set.collect()).await?);
            }
            anyhow::Ok(outcomes)
        });
    }
    let mut outcomes = HashMap::new();
    for outcome in writers.join_all().await {
        outcomes.extend(outcome?);
    }
    check_whole_or_absent(&everything(&*fixture.log, Partition(0)).await?, &outcomes)
}

/// Appends one message to each stream of `set`; answers the commit's id and, where accepted, its positions.
async fn try_together(
    log: &SharedLog,
    tenant: TenantId,
    set: Vec<StreamId>,
) -> anyhow::Result<(Uuid, Option<Vec<u64>>)> {
    let id = Uuid::new_v4();
    let mut messages = Vec::with_capacity(set.len());
    for stream in &set {
        let loaded = log.load(tenant, stream, Position(0)).await?;
        let end = loaded.last().map_or(Position(0), |message| message.position);
        messages.push(message(stream, end, &format!("{id} {end}")));
    }
    match log.append(commit(tenant, messages)).await {
        Ok(appended) => Ok((id, Some((appended.first.0..=appended.last.0).collect()))),
        Err(AppendError::Conflict { stream, .. }) => {
            assert!(set.contains(&stream), "a conflict names a stream of the commit");
            Ok((id, None))
        }
        Err(other) => Err(other.into()),
    }
}

fn check_whole_or_absent(
    all: &[StoredMessage],
    outcomes: &HashMap<Uuid, Option<Vec<u64>>>,
) -> anyhow::Result<()> {
    let mut found: HashMap<Uuid, Vec<u64>> = HashMap::new();
    let mut ends: HashMap<&StreamId, u64> = HashMap::new();
    for (message, text) in all.iter().zip(texts(all)) {
        let (id, expected) = text.split_once(' ').expect("the writers write an id and a position");
        assert_eq!(ends.insert(&message.stream, message.position.0).unwrap_or(0), expected.parse::<u64>()?);
        found.entry(id.parse()?).or_default().push(message.position.0);
    }
    for (id, outcome) in outcomes {
        assert_eq!(found.get(id), outcome.as_ref(), "commit {id}");
    }
    let known: HashSet<_> = outcomes.keys().collect();
    assert!(found.keys().all(|id| known.contains(id)));
    assert!(outcomes.values().any(Option::is_some), "at least one writer is first");
    Ok(())
}
