//! What a refused commit promises: nothing of it stands.

use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::event_log::{COMMIT_MESSAGES_MAX, PAYLOAD_BYTES_MAX};
use foodflow_log::{
    AppendError, Direction, EventLog, LogError, NewMessage, Partition, Position, ReadQuery, StreamId,
};

use crate::fixture::{Fixture, append_new, commit, everything, message, stream, tenant};

pub(crate) async fn an_existing_stream_refuses_to_be_created(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let taken = stream();
    log.append(commit(tenant, vec![message(&taken, Position(0), "first")])).await?;
    let again = vec![message(&taken, Position(0), "second")];
    expect_conflict(log, tenant, again, &taken, Position(0)).await?;
    let beside = vec![message(&stream(), Position(0), "new"), message(&taken, Position(0), "second")];
    expect_conflict(log, tenant, beside, &taken, Position(0)).await
}

pub(crate) async fn a_mismatch_on_any_one_stream_leaves_nothing_behind(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    // Two messages in each, so that "too low" can mean an earlier message of the same stream.
    let mut existing = Vec::new();
    for _ in 0..3 {
        let stream = stream();
        let first = log.append(commit(tenant, vec![message(&stream, Position(0), "1")])).await?.last;
        let last = log.append(commit(tenant, vec![message(&stream, first, "2")])).await?.last;
        existing.push((stream, first, last));
    }
    let missing = stream();
    for place in 0..existing.len() {
        let (wrong_stream, first, last) = existing[place].clone();
        let wrong = [
            (wrong_stream.clone(), Position(0)),
            (wrong_stream.clone(), first),
            (wrong_stream, Position(last.0 + 1)),
            (missing.clone(), last),
        ];
        for (stream, expected) in wrong {
            let mut messages: Vec<_> =
                existing.iter().map(|(stream, _, last)| message(stream, *last, "never")).collect();
            messages[place] = message(&stream, expected, "never");
            expect_conflict(log, tenant, messages, &stream, expected).await?;
            let alone = vec![message(&stream, expected, "never")];
            expect_conflict(log, tenant, alone, &stream, expected).await?;
        }
    }
    // And with the right expectations all of it is accepted.
    let messages = existing.iter().map(|(stream, _, last)| message(stream, *last, "3")).collect();
    log.append(commit(tenant, messages)).await?;
    Ok(())
}

/// Appends and expects a conflict on `stream`, and the partition to be as it was.
async fn expect_conflict(
    log: &dyn EventLog,
    tenant: TenantId,
    messages: Vec<NewMessage>,
    stream: &StreamId,
    expected: Position,
) -> anyhow::Result<()> {
    let partition = log.partition_of(tenant);
    let before = everything(log, partition).await?;
    match log.append(commit(tenant, messages)).await {
        Err(AppendError::Conflict { stream: named, expected: stated }) => {
            assert_eq!((&named, stated), (stream, expected));
        }
        other => panic!("a conflict on {stream} at {expected} was expected, not {other:?}"),
    }
    assert_eq!(everything(log, partition).await?, before);
    Ok(())
}

pub(crate) async fn a_commit_that_breaks_a_bound_is_refused_and_leaves_nothing(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let new = || message(&stream(), Position(0), "x");
    let twice = stream();
    let large = NewMessage { payload: Bytes::from(vec![0; PAYLOAD_BYTES_MAX + 1]), ..new() };
    let cases = [
        ("no messages", vec![]),
        ("too many", std::iter::repeat_with(new).take(COMMIT_MESSAGES_MAX + 1).collect()),
        ("a stream twice", vec![message(&twice, Position(0), "a"), new(), message(&twice, Position(1), "b")]),
        ("a payload too large", vec![new(), large]),
    ];
    for (case, messages) in cases {
        let outcome = log.append(commit(tenant, messages)).await;
        assert!(matches!(outcome, Err(AppendError::Invalid { .. })), "{case}: {outcome:?}");
    }
    assert_eq!(log.head(log.partition_of(tenant)).await?, Position(0));
    assert_eq!(append_new(log, tenant, 1).await?.last, Position(1));
    Ok(())
}

pub(crate) async fn a_closed_log_refuses_appends(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    append_new(log, tenant, 2).await?;
    log.close().await;
    for count in [1, 2] {
        let messages =
            std::iter::repeat_with(|| message(&stream(), Position(0), "late")).take(count).collect();
        let outcome = log.append(commit(tenant, messages)).await;
        assert!(
            matches!(outcome, Err(AppendError::Log(LogError::Unavailable { .. }))),
            "{count} messages: {outcome:?}"
        );
    }
    log.close().await;
    Ok(())
}

pub(crate) async fn a_partition_that_does_not_exist_is_refused(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let beyond = Partition(log.partition_count());
    let query = ReadQuery { tenant: None, from: Position(0), direction: Direction::Forward, limit: 1 };
    let refused =
        |outcome: Result<(), LogError>| assert!(matches!(outcome, Err(LogError::Configuration { .. })));
    refused(log.head(beyond).await.map(drop));
    refused(log.read(beyond, query).await.map(drop));
    refused(log.subscribe(beyond, None, Position(0)).await.map(drop));
    Ok(())
}
