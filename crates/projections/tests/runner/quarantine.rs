//! A message that cannot be projected: its entity waits, the others go on, and a rebuild finds the same.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;
use foodflow_log::Position;
use foodflow_projections::runner::{Outcome, ProjectionState, metric_definitions};
use foodflow_projections::store::quarantine::{ENTITIES_MAX, ENTITY_MESSAGES_MAX};
use metrics_exporter_prometheus::PrometheusBuilder;
use uuid::Uuid;

use super::store::Fault;
use super::support::{P0, until, wait};
use super::world::{Dice, World, stream};

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
    world.projection.break_at([2]);
    let runner = world.start();
    wait(&runner, Position(6)).await;
    assert_eq!([1, 2, 3].map(|number| world.written(number)), [vec![1], vec![3, 5], vec![4]]);
    assert_eq!(world.waits(1).await, Some((2, 6, 2)));
    until(&runner, ProjectionState::Degraded).await;
    let status = runner.status().await.remove(0);
    assert_eq!(status.error.as_deref(), Some("1 entities with 2 messages wait in quarantine"));
    assert!(runner.is_ready());
    let gauge = format!(
        "{}{{projection=\"notes\",store=\"recording\",partition=\"0\"}} 2",
        metric_definitions::QUARANTINED_MESSAGES
    );
    assert!(metrics.render().contains(&gauge));
    runner.stop().await;

    // What waits is known to whoever goes on; the reason too.
    let runner = world.start();
    wait(&runner, world.commit(&[1, 3]).await).await;
    wait(&runner, Position(8)).await;
    assert_eq!(world.waits(1).await, Some((2, 7, 3)));
    assert_eq!(world.reason(1).await.as_deref(), Some("it cannot be read"));
    wait(&runner, world.retry(1).await).await;
    assert_eq!(
        (world.waits(1).await, world.written(1)),
        (Some((2, 7, 3)), vec![1]),
        "it still cannot be read"
    );
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept, "what waits, waits there too");

    world.projection.break_at([]);
    wait(&runner, world.commit(&[1]).await).await;
    assert_eq!(world.waits(1).await, Some((2, 10, 4)), "nothing is applied before somebody says so");
    wait(&runner, world.retry(1).await).await;
    assert_eq!(world.written(1), [1, 2, 6, 7, 10]);
    assert!(world.quarantine().await.is_empty());
    until(&runner, ProjectionState::Running).await;
    wait(&runner, world.commit(&[1]).await).await;
    assert_eq!(world.written(1), [1, 2, 6, 7, 10, 12]);
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept);
}

#[tokio::test]
async fn what_is_skipped_is_never_applied_by_a_newer_program_either() {
    let mut world = World::new();
    for numbers in [&[1, 2][..], &[1], &[1], &[2], &[1]] {
        world.commit(numbers).await;
    }
    world.projection.break_at([3, 6]);
    let runner = world.start();
    wait(&runner, Position(6)).await;
    assert_eq!(world.waits(1).await, Some((3, 6, 3)));
    // A later one may be skipped first.
    wait(&runner, world.skip(1, &[6]).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (Some((3, 6, 3)), vec![1]));
    world.projection.break_at([]);
    let rebuilt = world.rebuild().await;
    assert_eq!(rebuilt.outcome, Outcome::Switched, "a newer program applies what was not skipped");
    assert_eq!(rebuilt.comparisons[0].waiting, (3, 0));
    wait(&runner, world.commit(&[1]).await).await;
    assert_eq!(world.waits(1).await, None);
    assert!(!world.written(1).contains(&6), "{:?}", world.written(1));
    assert_eq!(world.rebuild().await.outcome, Outcome::Kept);
}

#[tokio::test]
async fn a_skip_lets_the_others_of_its_entity_follow() {
    let mut world = World::new();
    for numbers in [&[1][..], &[2, 1], &[1], &[1]] {
        world.commit(numbers).await;
    }
    world.projection.break_at([3, 5]);
    let runner = world.start();
    wait(&runner, Position(5)).await;
    wait(&runner, world.skip(1, &[3]).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (Some((5, 5, 1)), vec![1, 4]), "up to the next one");
    wait(&runner, world.skip(1, &[5]).await).await;
    assert_eq!((world.waits(1).await, world.written(1)), (None, vec![1, 4]));
    wait(&runner, world.commit(&[1]).await).await;
    assert_eq!(world.written(1), [1, 4, 8]);
    for broken in [vec![3, 5], vec![]] {
        world.projection.break_at(broken);
        assert_eq!(world.rebuild().await.outcome, Outcome::Kept, "whatever the program can read");
    }
}

#[tokio::test]
async fn the_same_stream_of_another_tenant_goes_on() {
    let mut world = World::new();
    world.commit(&[1]).await;
    let own = std::mem::replace(&mut world.tenant, TenantId(Uuid::now_v7()));
    world.streams.clear();
    world.commit(&[1]).await;
    world.projection.break_at([1]);
    let runner = world.start();
    // Another tenant's decision is none about this one's.
    wait(&runner, world.skip(1, &[1]).await).await;
    assert_eq!((world.written(1), world.waits(1).await), (vec![2], None));
    world.tenant = own;
    assert_eq!((world.written(1), world.waits(1).await), (vec![], Some((1, 1, 1))));
}

#[tokio::test]
async fn too_many_entities_stop_the_partition() {
    let mut world = World::new();
    for number in 0..=ENTITIES_MAX as u64 {
        world.commit(&[number]).await;
    }
    world.projection.break_at(1..=ENTITIES_MAX as u64 + 1);
    let runner = world.start();
    wait(&runner, Position(ENTITIES_MAX as u64)).await;
    until(&runner, ProjectionState::Stuck).await;
    let error = runner.status().await[0].error.clone().unwrap();
    assert!(error.contains("entities wait in quarantine already"), "{error}");
    assert!(!runner.is_ready());
    world.projection.break_at(1..=ENTITIES_MAX as u64);
    wait(&runner, Position(ENTITIES_MAX as u64 + 1)).await;
    until(&runner, ProjectionState::Degraded).await;
    assert_eq!(world.quarantine().await.entities(), ENTITIES_MAX);
}

#[tokio::test]
async fn too_many_messages_of_an_entity_stop_the_partition() {
    let mut world = World::new();
    for _ in 0..=ENTITY_MESSAGES_MAX {
        world.commit(&[1]).await;
    }
    world.projection.break_at([1]);
    let runner = world.start();
    wait(&runner, Position(ENTITY_MESSAGES_MAX)).await;
    until(&runner, ProjectionState::Stuck).await;
    let error = runner.status().await[0].error.clone().unwrap();
    assert!(error.contains("messages of food_graph.batch") && error.contains("it cannot be read"), "{error}");
    // A program that can read it rebuilds the read model.
    world.projection.break_at([]);
    assert_eq!(world.rebuild().await.outcome, Outcome::Switched);
    wait(&runner, Position(ENTITY_MESSAGES_MAX + 1)).await;
    until(&runner, ProjectionState::Running).await;
}

/// What the log says must have been written of each stream, and what must wait.
struct Expected {
    broken: BTreeSet<u64>,
    skipped: BTreeSet<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_and_failures_between_any_steps_change_nothing() {
    for seed in 1..=8 {
        let (mut world, mut dice) = (World::new(), Dice(seed));
        let mut expected = Expected { broken: BTreeSet::new(), skipped: BTreeSet::new() };
        let (mut unreadable, mut refused) = (BTreeSet::new(), BTreeSet::new());
        let mut runner = world.start();
        for _ in 0..120 {
            let first = 1 + dice.roll(4);
            match dice.roll(10) {
                0 => {
                    runner.abort().await;
                    runner = world.start();
                }
                1 => world.store.fail([Fault::LoseAnswer, Fault::Refuse]),
                2 => drop(world.retry(first).await),
                3 => {
                    wait(&runner, world.log.head(P0).await.unwrap()).await;
                    if let Some((position, ..)) = world.waits(first).await {
                        expected.skipped.insert(position);
                        world.skip(first, &[position]).await;
                    }
                }
                kind @ 4..=5 => {
                    let next = world.log.head(P0).await.unwrap().0 + 1;
                    // That it cannot be projected, or that the store refuses it, is the same to whoever waits.
                    let broken = if kind == 4 { &mut unreadable } else { &mut refused };
                    broken.insert(next);
                    expected.broken.insert(next);
                    world.projection.break_at(unreadable.clone());
                    world.refusing.refuse(refused.clone());
                    world.commit(&[first, first + 4]).await;
                }
                _ => drop(world.commit(&[first, first + 4]).await),
            }
        }
        wait(&runner, world.log.head(P0).await.unwrap()).await;
        runner.stop().await;
        for number in 1..=8 {
            let known = world.streams.get(&stream(number)).cloned().unwrap_or_default();
            let waits_from =
                known.iter().find(|at| expected.broken.contains(at) && !expected.skipped.contains(at));
            let is_applied =
                |at: &&u64| waits_from.is_none_or(|from| *at < from) && !expected.skipped.contains(at);
            let written: Vec<u64> = known.iter().filter(is_applied).copied().collect();
            assert_eq!(world.written(number), written, "seed {seed}, stream {number}");
            let first = world.waits(number).await.map(|(first, ..)| first);
            assert_eq!(first, waits_from.copied(), "seed {seed}, stream {number}");
        }
        assert_eq!(world.rebuild().await.outcome, Outcome::Kept, "seed {seed}");
    }
}
