//! A message that a store refuses for what it holds: its entity waits, as one that cannot be projected.

use std::sync::Arc;

use foodflow_log::Position;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::runner::{
    Outcome, ProjectionState, RebuildOptions, RebuildRequest, Runner, RunnerConfig, SwitchPolicy,
    metric_definitions, rebuild,
};
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::store::generations::RebuildScope;
use foodflow_projections::store::quarantine::ENTITIES_MAX;
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::{Connection as _, SqliteConnection};

use super::refusing::Refusing;
use super::support::{P0, config, until, wait};
use super::world::{World, id};

const REASON: &str = "the refusing read model cannot hold what is projected: a value out of range";

// One thread: the recorder is that thread's own.
#[tokio::test]
async fn only_the_entity_waits_and_a_retry_applies_it_in_order() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut world = World::new();
    for numbers in [&[1][..], &[1, 2], &[3, 2], &[1]] {
        world.commit(numbers).await;
    }
    world.refusing.refuse([2]);
    let runner = world.start();
    wait(&runner, Position(6)).await;
    assert_eq!([1, 2, 3].map(|number| world.written(number)), [vec![1], vec![3, 5], vec![4]]);
    assert_eq!(world.waits(1).await, Some((2, 6, 2)));
    assert_eq!(world.reason(1).await.as_deref(), Some(REASON));
    until(&runner, ProjectionState::Degraded).await;
    assert!(runner.is_ready());
    let labels = "{projection=\"notes\",store=\"recording\",partition=\"0\"";
    let gauge = format!("{}{labels}}} 2", metric_definitions::QUARANTINED_MESSAGES);
    let counter = format!("{}{labels},kind=\"refusal\"}} 1", metric_definitions::FAILURES);
    let rendered = metrics.render();
    assert!(rendered.contains(&gauge) && rendered.contains(&counter), "{rendered}");
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept, "what waits, waits there too");

    // What the store refuses again goes back to waiting.
    wait(&runner, world.commit(&[1, 2]).await).await;
    wait(&runner, world.retry(1).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (Some((2, 7, 3)), vec![1]));
    assert_eq!(world.reason(1).await.as_deref(), Some(REASON));
    // What comes behind it may be what is refused then.
    world.refusing.refuse([6]);
    wait(&runner, world.retry(1).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (Some((6, 7, 2)), vec![1, 2]));
    let report = world.rebuild().await;
    assert_eq!((report.outcome, world.waits(1).await), (Outcome::Kept, Some((6, 7, 2))));

    world.refusing.refuse([]);
    wait(&runner, world.retry(1).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (None, vec![1, 2, 6, 7]));
    until(&runner, ProjectionState::Running).await;
    assert_eq!(world.written(2), [3, 5, 8]);
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept);
}

#[tokio::test]
async fn what_is_skipped_lets_the_others_of_its_entity_follow() {
    let mut world = World::new();
    for numbers in [&[1][..], &[1, 2], &[1], &[1]] {
        world.commit(numbers).await;
    }
    world.refusing.refuse([2, 4]);
    let runner = world.start();
    wait(&runner, Position(5)).await;
    wait(&runner, world.skip(1, &[2]).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (Some((4, 5, 2)), vec![1]), "up to the next one");
    wait(&runner, world.skip(1, &[4]).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (None, vec![1, 5]));
    for refused in [vec![2, 4], vec![]] {
        world.refusing.refuse(refused);
        assert_eq!(world.rebuild().await.outcome, Outcome::Kept, "whatever the store takes");
    }
}

/// The batch is halved, not written message by message.
#[tokio::test]
async fn a_batch_is_halved_to_whole_commits() {
    const COMMITS: u64 = 256;
    let mut world = World::new();
    for number in 0..COMMITS {
        world.commit(&[number, number + COMMITS]).await;
    }
    let last = Position(2 * COMMITS);
    world.refusing.refuse([77, 78, 400]);
    let bounds = RunnerConfig { batch_messages_max: last.0 as usize, ..config() };
    let runner = world.start_with(bounds);
    wait(&runner, last).await;
    let waiting: Vec<_> = world.quarantine().await.iter().map(|(_, waiting)| waiting.first.0).collect();
    assert_eq!(waiting, [77, 78, 400]);
    assert_eq!(world.store.written().len() as u64, last.0 - 3);
    assert!(world.store.ends().iter().all(|end| end.is_multiple_of(2)), "{:?}", world.store.ends());
    // For each one twice the logarithm, and two for its commit.
    let tries = world.refusing.tries();
    assert!(tries <= 3 * (2 * 9 + 2) + 20, "{tries} batches were offered");
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept);
}

#[tokio::test]
async fn several_messages_of_one_commit_may_be_refused() {
    let mut world = World::new();
    world.commit(&[1, 2, 3, 4, 5, 6, 7]).await;
    world.commit(&[7, 6, 5]).await;
    world.refusing.refuse([2, 6]);
    let runner = world.start();
    wait(&runner, Position(10)).await;
    let written = [1, 2, 3, 4, 5, 6, 7].map(|number| world.written(number));
    let expected = [vec![1], vec![], vec![3], vec![4], vec![5, 10], vec![], vec![7, 8]];
    assert_eq!((written, world.store.ends()), (expected, vec![7, 10]));
    assert_eq!((world.waits(2).await, world.waits(6).await), (Some((2, 2, 1)), Some((6, 9, 2))));
    let (all, own) = (RebuildScope::All, RebuildScope::Tenant(world.tenant));
    for scope in [all, own] {
        assert_eq!(world.rebuild_of(scope).await.outcome, Outcome::Kept);
    }
    // A store that takes them: the rebuild finds what it may apply.
    world.refusing.refuse([6]);
    assert_eq!(world.rebuild_of(all).await.outcome, Outcome::Switched);
    assert_eq!((world.waits(2).await, world.waits(6).await), (None, Some((6, 9, 2))));
}

/// Where no rehearsal shows it, more of the commit waits than has to, and nothing else.
#[tokio::test]
async fn what_is_refused_only_by_the_commit_is_put_down_to_its_later_messages() {
    let mut world = World::new();
    for numbers in [&[1][..], &[2, 3, 4], &[5]] {
        world.commit(numbers).await;
    }
    world.refusing.refuse([3]);
    world.refusing.refuse_late();
    let runner = world.start();
    wait(&runner, Position(5)).await;
    assert_eq!([1, 2, 5].map(|number| world.written(number)), [vec![1], vec![2], vec![5]]);
    assert_eq!((world.waits(3).await, world.waits(4).await), (Some((3, 3, 1)), Some((4, 4, 1))));
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept);
}

#[tokio::test]
async fn too_many_entities_stop_the_partition_until_the_store_takes_them() {
    let mut world = World::new();
    for number in 0..=ENTITIES_MAX as u64 {
        world.commit(&[number]).await;
    }
    world.refusing.refuse(1..=ENTITIES_MAX as u64 + 1);
    let runner = world.start();
    wait(&runner, Position(ENTITIES_MAX as u64)).await;
    until(&runner, ProjectionState::Stuck).await;
    let error = runner.status().await[0].error.clone().unwrap();
    assert!(error.contains(REASON) && error.contains("entities wait in quarantine already"), "{error}");
    assert!(!runner.is_ready());
    world.refusing.refuse([]);
    wait(&runner, Position(ENTITIES_MAX as u64 + 1)).await;
    until(&runner, ProjectionState::Degraded).await;
}

/// A decision cannot wait for another one.
#[tokio::test]
async fn a_decision_that_is_refused_itself_stops_the_partition() {
    let mut world = World::new();
    world.commit(&[1]).await;
    world.refusing.refuse([1, 2]);
    let runner = world.start();
    wait(&runner, Position(1)).await;
    world.retry(1).await;
    until(&runner, ProjectionState::Stuck).await;
    let error = runner.status().await[0].error.clone().unwrap();
    assert!(error.contains("position 2") && error.contains(REASON), "{error}");
    world.refusing.refuse([]);
    wait(&runner, Position(2)).await;
    assert_eq!(world.written(1), [1]);
}

/// The same with files of SQLite, both generations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_store_and_its_rebuild_agree() {
    let folder = tempfile::tempdir().unwrap();
    let graph = Arc::new(EmbeddedGraph::open(&folder.path().join("graph.db")).await.unwrap());
    graph.migrate().await.unwrap();
    let store = Arc::new(Refusing::new(graph));
    let mut world = World::new();
    for number in 0..40 {
        world.commit(&[number % 7, 10 + number % 5, 20 + number % 3]).await;
    }
    store.refuse([11, 12, 80]);
    let runner = Runner::start(world.log.clone(), store.clone(), world.projection.clone(), config()).unwrap();
    wait(&runner, Position(120)).await;
    let waiting = store.checkpoint(P0).await.unwrap().quarantine;
    let places: Vec<_> = waiting.iter().map(|(entity, one)| (entity.stream.id, one.first.0)).collect();
    assert_eq!(places, [(id(11), 80), (id(13), 11), (id(20), 12)]);
    for (scope, switch) in [
        (RebuildScope::All, SwitchPolicy::Always),
        (RebuildScope::Tenant(world.tenant), SwitchPolicy::Always),
        (RebuildScope::All, SwitchPolicy::IfDifferent),
    ] {
        let request = RebuildRequest { scope, switch, filled_by: "1".to_owned() };
        let (log, projection) = (world.log.clone(), world.projection.clone());
        let options = RebuildOptions { batch_messages_max: 50, ..RebuildOptions::default() };
        let report = rebuild(log, store.clone(), projection, request, options, |_| {}).await.unwrap();
        assert!(report.is_identical(), "{report:?}");
        assert_eq!(store.checkpoint(P0).await.unwrap().quarantine, waiting);
    }
}

/// What SQLite itself refuses, by a constraint.
#[tokio::test]
async fn what_sqlite_refuses_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.db");
    let store = Arc::new(EmbeddedGraph::open(&path).await.unwrap());
    store.migrate().await.unwrap();
    let mut file = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let trigger = "CREATE TRIGGER small BEFORE INSERT ON graph_nodes \
         WHEN NEW.properties ->> '$.position' IN (5, 7) BEGIN SELECT RAISE(ABORT, 'the node is too large'); END";
    sqlx::query(trigger).execute(&mut file).await.unwrap();
    let mut world = World::new();
    for numbers in [&[1, 2][..], &[3], &[1, 4, 2], &[4, 3]] {
        world.commit(numbers).await;
    }
    let runner = Runner::start(world.log.clone(), store.clone(), world.projection.clone(), config()).unwrap();
    wait(&runner, Position(8)).await;
    let waiting = store.checkpoint(P0).await.unwrap().quarantine;
    let (entity, four) = waiting.iter().next().unwrap();
    assert_eq!((waiting.entities(), entity.stream.id), (1, id(4)));
    assert_eq!((four.first.0, four.last.0, four.messages), (5, 7, 2));
    assert!(four.reason.ends_with("the node is too large"), "{}", four.reason);
    sqlx::query("DROP TRIGGER small").execute(&mut file).await.unwrap();
    wait(&runner, world.retry(4).await).await;
    assert!(store.checkpoint(P0).await.unwrap().quarantine.is_empty());
}
