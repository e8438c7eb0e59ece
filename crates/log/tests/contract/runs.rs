//! What a run of commits promises: its order, its place, and nothing behind a refusal.

use std::sync::Arc;

use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::event_log::COMMIT_MESSAGES_MAX;
use foodflow_log::{AppendError, Commit, Partition, Position, StreamId};
use futures::future::poll_immediate;

use crate::fixture::{
    Fixture, append_new, commit, everything, message, positions, stream, tenant, tenant_in, texts,
};

const FIRST: Partition = Partition(0);

/// A commit of one message that follows `expected`.
fn single(tenant: TenantId, stream: &StreamId, expected: u64, text: &str) -> Commit {
    commit(tenant, vec![message(stream, Position(expected), text)])
}

pub(crate) async fn a_run_takes_adjoining_positions_in_its_order(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let (one, other) = (tenant_in(log, FIRST), tenant_in(log, FIRST));
    append_new(log, one, 2).await?;
    let (grown, shared) = (stream(), stream());
    let run = vec![
        single(one, &grown, 0, "3"),
        commit(other, vec![message(&shared, Position(0), "4"), message(&grown, Position(0), "5")]),
        single(one, &grown, 3, "6"),
        commit(one, vec![message(&shared, Position(0), "7"), message(&grown, Position(6), "8")]),
        single(other, &shared, 4, "9"),
    ];
    assert_eq!(log.append_after(FIRST, Position(2), run).await?, Position(9));
    let all = everything(log, FIRST).await?;
    assert_eq!(positions(&all), (1..=9).collect::<Vec<_>>());
    assert_eq!(texts(&all)[2..], ["3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(positions(&log.load(one, &grown, Position(0)).await?), [3, 6, 8]);
    assert_eq!(positions(&log.load(other, &shared, Position(0)).await?), [4, 9]);
    assert_eq!(log.append(single(one, &grown, 8, "10")).await?.last, Position(10));
    Ok(())
}

pub(crate) async fn a_run_may_hold_thousands_of_messages(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let tenant = tenant_in(log, FIRST);
    let sizes = [1, COMMIT_MESSAGES_MAX, 1, 2, COMMIT_MESSAGES_MAX - 2, 7];
    let many = |size| (0..size).map(|_| message(&stream(), Position(0), "x")).collect();
    let run = sizes.iter().map(|size| commit(tenant, many(*size))).collect();
    let last = sizes.iter().sum::<usize>() as u64;
    assert_eq!(log.append_after(FIRST, Position(0), run).await?, Position(last));
    assert_eq!(positions(&everything(log, FIRST).await?), (1..=last).collect::<Vec<_>>());
    Ok(())
}

pub(crate) async fn a_run_elsewhere_than_at_the_end_is_refused_whole(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let tenant = tenant_in(log, FIRST);
    append_new(log, tenant, 3).await?;
    let before = everything(log, FIRST).await?;
    for after in [0, 2, 4, u64::MAX] {
        for size in [1, 2] {
            let run = (0..size).map(|_| single(tenant, &stream(), 0, "astray")).collect();
            let outcome = log.append_after(FIRST, Position(after), run).await;
            let Err(AppendError::Moved { partition, expected }) = outcome else {
                panic!("behind {after}: {outcome:?}")
            };
            assert_eq!((partition, expected), (FIRST, Position(after)));
        }
    }
    assert_eq!(everything(log, FIRST).await?, before);
    let run = vec![single(tenant, &stream(), 0, "here")];
    assert_eq!(log.append_after(FIRST, Position(3), run).await?, Position(4));
    Ok(())
}

pub(crate) async fn nothing_behind_a_refused_commit_of_a_run_stands(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let tenant = tenant_in(log, FIRST);
    let grown = stream();
    log.append(single(tenant, &grown, 0, "1")).await?;
    let texts_of = |all: &[foodflow_log::StoredMessage]| texts(all).join(" ");
    let run = vec![
        single(tenant, &stream(), 0, "2"),
        single(tenant, &grown, 1, "3"),
        single(tenant, &grown, 1, "lost"),
        single(tenant, &stream(), 0, "behind"),
    ];
    match log.append_after(FIRST, Position(1), run).await {
        Err(AppendError::Conflict { stream, expected }) => {
            assert_eq!((stream, expected), (grown, Position(1)))
        }
        other => panic!("{other:?}"),
    }
    let found = texts_of(&everything(log, FIRST).await?);
    assert!("1 2 3".starts_with(&found), "{found}");
    Ok(())
}

pub(crate) async fn a_run_that_breaks_a_bound_is_refused_whole(fixture: Fixture) -> anyhow::Result<()> {
    let log = &*fixture.log;
    let good = || single(tenant_in(log, FIRST), &stream(), 0, "good");
    let misnamed = StreamId { aggregate: "Batch".into(), ..stream() };
    let mut bad = vec![
        vec![],
        vec![good(), commit(tenant(), vec![])],
        vec![good(), single(tenant_in(log, FIRST), &misnamed, 0, "x")],
    ];
    if log.partition_count() > 1 {
        bad.push(vec![good(), single(tenant_in(log, Partition(1)), &stream(), 0, "x")]);
    }
    for run in bad {
        let outcome = log.append_after(FIRST, Position(0), run).await;
        assert!(matches!(outcome, Err(AppendError::Invalid { .. })), "{outcome:?}");
    }
    let none = Partition(log.partition_count());
    assert!(matches!(log.append_after(none, Position(0), vec![good()]).await, Err(AppendError::Log(_))));
    assert_eq!(log.head(FIRST).await?, Position(0));
    log.close().await;
    assert!(matches!(log.append_after(FIRST, Position(0), vec![good()]).await, Err(AppendError::Log(_))));
    Ok(())
}

pub(crate) async fn runs_and_commits_that_race_never_lie_astray(fixture: Fixture) -> anyhow::Result<()> {
    const ROUNDS: usize = 20;
    let tenant = tenant_in(&*fixture.log, FIRST);
    let runs = |name: &'static str| {
        let log = Arc::clone(&fixture.log);
        tokio::spawn(async move {
            let mut written = Vec::new();
            for round in 0..ROUNDS {
                let after = log.head(FIRST).await?;
                let text = |index: u64| Bytes::from(format!("{name} {round} {}", after.0 + index));
                let run = (1..=3).map(|index| {
                    let mut one = message(&stream(), Position(0), "");
                    one.payload = text(index);
                    commit(tenant, vec![one])
                });
                match log.append_after(FIRST, after, run.collect()).await {
                    Ok(last) => written.extend((1..=3).map(|index| (last.0 - 3 + index, text(index)))),
                    Err(AppendError::Moved { .. }) => {}
                    Err(other) => return Err(other.into()),
                }
            }
            anyhow::Ok(written)
        })
    };
    let writers = [runs("a"), runs("b")];
    let log = Arc::clone(&fixture.log);
    let beside = tokio::spawn(async move {
        for _ in 0..ROUNDS {
            append_new(&*log, tenant, 1).await?;
        }
        anyhow::Ok(())
    });
    let mut told = Vec::new();
    for writer in writers {
        told.extend(writer.await??);
    }
    beside.await??;
    let all = everything(&*fixture.log, FIRST).await?;
    assert_eq!(
        all.len(),
        told.len() + ROUNDS,
        "what was acknowledged stands once, what was refused does not"
    );
    for (position, text) in told {
        assert_eq!(all[position as usize - 1].payload, text);
        assert!(String::from_utf8_lossy(&text).ends_with(&format!(" {position}")));
    }
    Ok(())
}

pub(crate) async fn a_log_that_is_closed_finishes_the_runs_it_took_in(
    fixture: Fixture,
) -> anyhow::Result<()> {
    const COMMITS: usize = 600;
    let log = Arc::clone(&fixture.log);
    let tenant = tenant_in(&*log, FIRST);
    let shared = stream();
    // Every second commit comes back to one stream: many batches on JetStream.
    let mut end = 0;
    let run = (1..=COMMITS as u64).map(|position| {
        if position % 2 == 0 {
            return single(tenant, &stream(), 0, "new");
        }
        single(tenant, &shared, std::mem::replace(&mut end, position), "grown")
    });
    let run = run.collect();
    let beside = single(tenant, &stream(), 0, "beside");
    let mut appends =
        Box::pin(async { tokio::join!(log.append_after(FIRST, Position(0), run), log.append(beside)) });
    // The first poll takes both in.
    assert!(poll_immediate(&mut appends).await.is_none());
    let ((ran, stood), ()) = tokio::join!(appends, log.close());
    let stood = stood?.last.0;
    match ran {
        Ok(last) => assert_eq!((last.0, stood), (COMMITS as u64, COMMITS as u64 + 1)),
        Err(AppendError::Moved { .. }) => assert_eq!(stood, 1),
        Err(other) => return Err(other.into()),
    }
    drop(log);
    let reopened = fixture.reopen().await?;
    assert_eq!(everything(&*reopened.log, FIRST).await?.len() as u64, stood);
    Ok(())
}
