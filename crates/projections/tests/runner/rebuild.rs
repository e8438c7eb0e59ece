//! A rebuild equals what was live, and does not go on unnoticed when it must not.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::{Position, SharedLog};
use foodflow_projections::runner::{RebuildError, RebuildOptions, RebuildProgress, RebuildReport, rebuild};
use foodflow_projections::store::{DigestScope, ReadModel as _};
use uuid::Uuid;

use super::store::{Fault, RecordingStore};
use super::support::{P0, TestProjection, append, memory_log, start, wait};

fn options() -> RebuildOptions {
    RebuildOptions {
        batch_messages_max: 40,
        retry_delay_min: Duration::from_millis(1),
        retry_delay_max: Duration::from_millis(5),
        ..RebuildOptions::default()
    }
}

async fn run(
    log: &SharedLog,
    store: &Arc<RecordingStore>,
    projection: &Arc<TestProjection>,
) -> (Result<RebuildReport, RebuildError>, Vec<RebuildProgress>) {
    let mut seen = vec![];
    let (log, store, projection) = (log.clone(), store.clone(), projection.clone());
    let outcome = rebuild(log, store, projection, P0, options(), |progress| seen.push(progress)).await;
    (outcome, seen)
}

/// A log of some thousand messages and the store that a runner filled from it.
async fn filled() -> (SharedLog, Arc<RecordingStore>, Arc<TestProjection>, Position) {
    let (log, store, projection) = (memory_log(), Arc::new(RecordingStore::default()), Arc::default());
    let runner = start(&log, &store, &projection);
    let mut last = Position(0);
    for round in 0..1_000 {
        last = append(&log, TenantId(Uuid::from_u128(round % 7)), 1 + (round % 5) as u32).await;
    }
    wait(&runner, last).await;
    runner.stop().await;
    (log, store, projection, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_equals_what_was_live() {
    let (log, store, projection, last) = filled().await;
    let digest = store.digest(DigestScope::Partition(P0)).await.unwrap();
    store.fail([Fault::Refuse, Fault::LoseAnswer, Fault::Refuse]);
    let (report, seen) = run(&log, &store, &projection).await;
    let report = report.unwrap();
    assert!(report.is_identical());
    assert_eq!((&report.digest_before, &report.digest_after), (&digest, &digest));
    assert_eq!((report.position_before, report.position_after, report.messages), (last, last, last.0));
    store.assert_applied_once(P0, last);
    assert_eq!(seen.last().unwrap().messages, last.0);
    assert!(seen.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert!(seen.len() >= 3_000 / 40, "in batches: {}", seen.len());

    let runner = start(&log, &store, &projection);
    let next = append(&log, TenantId::default(), 3).await;
    wait(&runner, next).await;
    store.assert_applied_once(P0, next);
}

#[tokio::test]
async fn a_read_model_that_was_behind_is_compared_where_it_stood() {
    let (log, store, projection, stood) = filled().await;
    let mut last = stood;
    for _ in 0..100 {
        last = append(&log, TenantId::default(), 2).await;
    }
    let report = run(&log, &store, &projection).await.0.unwrap();
    assert!(report.is_identical());
    assert_ne!(report.digest_before, report.digest_after);
    assert_eq!((report.position_before, report.position_after), (stood, last));
    store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn a_read_model_that_was_wrong_is_told_and_mended() {
    let (log, store, projection, last) = filled().await;
    let right = store.digest(DigestScope::Partition(P0)).await.unwrap();
    store.forget_a_node();
    let report = run(&log, &store, &projection).await.0.unwrap();
    assert!(!report.is_identical());
    assert_eq!(report.digest_after, right);
    // A checkpoint of another log.
    store.set_checkpoint(P0, Position(last.0 + 100));
    let report = run(&log, &store, &projection).await.0.unwrap();
    assert_eq!((report.position_after, &report.digest_after), (last, &right));
}

#[tokio::test]
async fn an_empty_log_empties_the_read_model() {
    let (log, store, projection) = (memory_log(), Arc::new(RecordingStore::default()), Arc::default());
    store.set_checkpoint(P0, Position(9));
    let (report, seen) = run(&log, &store, &projection).await;
    assert_eq!((report.unwrap().position_after, seen.len()), (Position(0), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_takes_over_ends_the_rebuild() {
    let (log, store, projection, last) = filled().await;
    let mut seen = 0;
    let (runner_log, runner_store) = (log.clone(), store.clone());
    let mut runner = None;
    // As a projector would that is started meanwhile.
    let meddle = |_| {
        seen += 1;
        if seen == 1 {
            runner = Some(start(&runner_log, &runner_store, &Arc::default()));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    let small = RebuildOptions { batch_messages_max: 1, ..options() };
    let outcome = rebuild(log.clone(), store.clone(), projection, P0, small, meddle).await;
    let Err(error @ RebuildError::Interfered { partition: P0 }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("stop every projector"), "{error}");
    // What the rebuild left is continued, not passed over.
    let runner = runner.unwrap();
    runner.progress().wait_for(P0, last, std::time::Duration::from_secs(20)).await.unwrap();
    runner.stop().await;
    store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn what_cannot_be_projected_or_stored_ends_the_rebuild() {
    let (log, store, projection, last) = filled().await;
    projection.break_at(Position(500));
    let outcome = run(&log, &store, &projection).await.0;
    assert!(matches!(outcome, Err(RebuildError::Projection { position: Position(500), .. })), "{outcome:?}");
    // What was applied is a correct beginning: a runner goes on from there.
    projection.break_at(Position(0));
    let runner = start(&log, &store, &projection);
    wait(&runner, last).await;
    runner.stop().await;
    store.assert_applied_once(P0, last);
    store.fail(std::iter::repeat_n(Fault::Refuse, 6));
    let outcome = run(&log, &store, &projection).await.0;
    assert!(matches!(outcome, Err(RebuildError::Store(_))), "{outcome:?}");
}
