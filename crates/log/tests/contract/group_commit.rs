//! Many commits at once through one log handle: gathered or not, each is answered for itself.
//!
//! An adapter may write waiting commits together. Nothing of that may show: a loser fails alone, a commit is whole
//! or absent, and what is refused or given up leaves no part behind.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use foodflow_domain::TenantId;
use foodflow_log::{
    AppendError, Appended, Commit, EventLog, Partition, Position, SharedLog, StoredMessage, StreamId,
};
use futures::future::{join_all, poll_immediate};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Fixture, commit, everything, message, positions, stream, tenant_in, texts};

const WRITERS: usize = 48;
const COMMITS_EACH: usize = 12;
/// Every so many tries of a writer it tries to lose as well.
const LOSES_EVERY: usize = 3;

/// A commit of `size` messages on new streams, all with one text of its own.
fn marked(tenant: TenantId, size: usize) -> (String, Commit) {
    let id = Uuid::new_v4().to_string();
    let messages = std::iter::repeat_with(|| message(&stream(), Position(0), &id)).take(size).collect();
    (id, commit(tenant, messages))
}

/// The positions of each text in the log.
fn found(all: &[StoredMessage]) -> HashMap<String, Vec<u64>> {
    let mut found: HashMap<String, Vec<u64>> = HashMap::new();
    for (text, position) in texts(all).into_iter().zip(positions(all)) {
        found.entry(text).or_default().push(position);
    }
    found
}

fn range(appended: Appended) -> Vec<u64> {
    (appended.first.0..=appended.last.0).collect()
}

/// Asserts that the log holds these commits, each where it was told to stand, and nothing else.
async fn expect_exactly(
    log: &dyn EventLog,
    partition: Partition,
    told: HashMap<String, Vec<u64>>,
) -> anyhow::Result<()> {
    let all = everything(log, partition).await?;
    assert_eq!(positions(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    let found = found(&all);
    assert_eq!(found.len(), told.len());
    for (id, positions) in told {
        assert_eq!(found.get(&id), Some(&positions), "commit {id}");
    }
    Ok(())
}

pub(crate) async fn only_losers_fail_among_many_writers(fixture: Fixture) -> anyhow::Result<()> {
    // The same stream ids in two tenants of one partition: neither may be taken for the other.
    let tenants = [tenant_in(&*fixture.log, Partition(0)), tenant_in(&*fixture.log, Partition(0))];
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS / 2 {
        let streams: Vec<StreamId> = std::iter::repeat_with(stream).take(1 + writer % 3).collect();
        for tenant in tenants {
            let (log, streams) = (Arc::clone(&fixture.log), streams.clone());
            writers.spawn(async move { win_and_lose(&log, tenant, &streams).await });
        }
    }
    let mut told = HashMap::new();
    for outcome in writers.join_all().await {
        told.extend(outcome?);
    }
    assert_eq!(told.len(), WRITERS * COMMITS_EACH);
    expect_exactly(&*fixture.log, Partition(0), told).await
}

/// Appends to streams of its own, and now and then what must lose; answers what it was told of the others.
async fn win_and_lose(
    log: &SharedLog,
    tenant: TenantId,
    streams: &[StreamId],
) -> anyhow::Result<HashMap<String, Vec<u64>>> {
    let mut ends = vec![Position(0); streams.len()];
    let mut told = HashMap::new();
    for number in 0..COMMITS_EACH {
        if number % LOSES_EVERY == 1 {
            lose(log, tenant, streams, &ends, number).await;
        }
        let id = Uuid::new_v4().to_string();
        let messages = streams.iter().zip(&ends).map(|(stream, end)| message(stream, *end, &id)).collect();
        let appended = log.append(commit(tenant, messages)).await?;
        let positions = range(appended);
        assert_eq!(positions.len(), streams.len());
        ends = positions.iter().copied().map(Position).collect();
        told.insert(id, positions);
    }
    Ok(told)
}

/// Appends with one wrong expectation, too low or too high, and asserts that exactly this is told.
async fn lose(log: &SharedLog, tenant: TenantId, streams: &[StreamId], ends: &[Position], number: usize) {
    let wrong = number % streams.len();
    let beyond = Position(ends[wrong].0 + 1);
    let stated = if number.is_multiple_of(2) { beyond } else { Position(0) };
    let expected = |index: usize| if index == wrong { stated } else { ends[index] };
    let messages = streams.iter().enumerate();
    let messages = messages.map(|(index, stream)| message(stream, expected(index), "lost")).collect();
    match log.append(commit(tenant, messages)).await {
        Err(AppendError::Conflict { stream, expected }) => {
            assert_eq!((&stream, expected), (&streams[wrong], stated));
        }
        other => panic!("a conflict on {} was expected, not {other:?}", streams[wrong]),
    }
}

pub(crate) async fn commits_on_one_stream_keep_their_order_while_they_wait(
    fixture: Fixture,
) -> anyhow::Result<()> {
    const CHAIN: u64 = 30;
    let (log, tenant) = (&*fixture.log, tenant_in(&*fixture.log, Partition(0)));
    let grown = stream();
    // On a log of its own each knows where the one before it will stand, though none is acknowledged yet.
    let appends = (0..CHAIN).map(|end| {
        let next = message(&grown, Position(end), &end.to_string());
        log.append(commit(tenant, vec![next]))
    });
    for (outcome, position) in join_all(appends).await.into_iter().zip(1..) {
        assert_eq!(outcome?, Appended { first: Position(position), last: Position(position) });
    }
    let expected: Vec<_> = (0..CHAIN).map(|end| end.to_string()).collect();
    assert_eq!(texts(&log.load(tenant, &grown, Position(0)).await?), expected);
    Ok(())
}

pub(crate) async fn of_many_at_once_on_one_stream_the_first_wins(fixture: Fixture) -> anyhow::Result<()> {
    const RIVALS: usize = 40;
    let (log, tenant) = (&*fixture.log, tenant_in(&*fixture.log, Partition(0)));
    let contested = stream();
    let mut expected = HashMap::new();
    let commits = (0..RIVALS).map(|rival| {
        let text = rival.to_string();
        let mut messages = vec![message(&contested, Position(0), &text)];
        messages.extend((0..rival % 3).map(|_| message(&stream(), Position(0), &text)));
        (messages.len(), log.append(commit(tenant, messages)))
    });
    let (sizes, appends): (Vec<_>, Vec<_>) = commits.unzip();
    // Their neighbours have nothing to do with it.
    let neighbours = join_all((0..RIVALS).map(|_| async {
        let (id, commit) = marked(tenant, 2);
        (id, log.append(commit).await)
    }));
    let (rivals, neighbours) = tokio::join!(join_all(appends), neighbours);
    for (rival, outcome) in rivals.into_iter().enumerate() {
        match outcome {
            Ok(appended) => {
                assert_eq!((rival, range(appended).len()), (0, sizes[0]), "the first one wins");
                expected.insert(rival.to_string(), range(appended));
            }
            Err(AppendError::Conflict { stream, .. }) => assert_eq!(stream, contested),
            Err(other) => return Err(other.into()),
        }
    }
    for (id, outcome) in neighbours {
        expected.insert(id, range(outcome?));
    }
    assert_eq!(expected.len(), 1 + RIVALS);
    expect_exactly(log, Partition(0), expected).await
}

pub(crate) async fn commits_of_all_sizes_mix(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant_in(&*fixture.log, Partition(0)));
    let sizes = [1, 3, 1, 1_000, 1, 1, 3, 400].iter().cycle().take(40);
    let appends = sizes.map(|size| async {
        let (id, commit) = marked(tenant, *size);
        (id, *size, log.append(commit).await)
    });
    let mut told = HashMap::new();
    for (id, size, outcome) in join_all(appends).await {
        let positions = range(outcome?);
        assert_eq!(positions.len(), size);
        told.insert(id, positions);
    }
    expect_exactly(log, Partition(0), told).await
}

pub(crate) async fn what_a_full_queue_refuses_leaves_nothing_behind(fixture: Fixture) -> anyhow::Result<()> {
    /// More than any adapter takes in at once: what waits, and what is under way.
    const TOO_MANY: usize = 8_000;
    let (log, tenant) = (&*fixture.log, tenant_in(&*fixture.log, Partition(0)));
    let appends = (0..TOO_MANY).map(|_| async {
        let (id, commit) = marked(tenant, 1);
        (id, log.append(commit).await)
    });
    let mut told = HashMap::new();
    let mut refused = 0;
    for (id, outcome) in join_all(appends).await {
        match outcome {
            Ok(appended) => drop(told.insert(id, range(appended))),
            Err(AppendError::Overloaded { waiting }) => {
                assert!(waiting > 0);
                refused += 1;
            }
            Err(other) => return Err(other.into()),
        }
    }
    assert_eq!(refused > 0, fixture.has_a_queue(), "{refused} of {TOO_MANY} were refused");
    expect_exactly(log, Partition(0), told).await?;
    let (_, late) = marked(tenant, 3);
    log.append(late).await?;
    Ok(())
}

pub(crate) async fn what_is_given_up_is_whole_or_absent(fixture: Fixture) -> anyhow::Result<()> {
    const ROUNDS: usize = 8;
    const APPENDS: usize = 60;
    let (log, tenant) = (&*fixture.log, tenant_in(&*fixture.log, Partition(0)));
    let mut kept = HashMap::new();
    let mut given_up: HashMap<String, u64> = HashMap::new();
    for round in 0..ROUNDS {
        let mut appends: Vec<_> = (0..APPENDS)
            .map(|index| {
                let size = 1 + index % 3;
                let (id, commit) = marked(tenant, size);
                (id, size as u64, log.append(commit))
            })
            .collect();
        // All are taken in; some may be on their way, or answered at once.
        for (id, _, append) in &mut appends {
            if let Some(outcome) = poll_immediate(append).await {
                kept.insert(id.clone(), range(outcome?));
            }
        }
        if round % 2 == 1 {
            tokio::task::yield_now().await;
        }
        appends.retain(|(id, ..)| !kept.contains_key(id));
        let dropped = appends.split_off(appends.len() / 2);
        given_up.extend(dropped.into_iter().map(|(id, size, _)| (id, size)));
        for (id, _, append) in appends {
            kept.insert(id, range(append.await?));
        }
    }
    let all = everything(log, Partition(0)).await?;
    assert_eq!(positions(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    let found = found(&all);
    for (id, positions) in &kept {
        assert_eq!(found.get(id), Some(positions), "commit {id}");
    }
    for (id, positions) in found.iter().filter(|(id, _)| !kept.contains_key(*id)) {
        let size = given_up.get(id).with_context(|| format!("nobody asked for {id}"))?;
        assert_eq!(positions, &(positions[0]..positions[0] + size).collect::<Vec<_>>());
    }
    Ok(())
}

/// Closes the log while hundreds wait, and opens it again.
pub(crate) async fn a_log_that_is_closed_under_load_answers_and_keeps_everything(
    fixture: Fixture,
) -> anyhow::Result<()> {
    const APPENDS: usize = 500;
    let log = Arc::clone(&fixture.log);
    let tenant = tenant_in(&*log, Partition(0));
    let mut ids = Vec::new();
    let mut appends = Box::pin(join_all((0..APPENDS).map(|index| {
        let (id, commit) = marked(tenant, 1 + index % 3);
        ids.push(id);
        log.append(commit)
    })));
    // The first poll takes all of them in.
    assert!(poll_immediate(&mut appends).await.is_none());
    let (outcomes, ()) = tokio::join!(appends, log.close());
    let mut told = HashMap::new();
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        told.insert(id, range(outcome?));
    }
    assert!(log.append(marked(tenant, 1).1).await.is_err());
    drop(log);
    let reopened = fixture.reopen().await?;
    expect_exactly(&*reopened.log, Partition(0), told).await
}
