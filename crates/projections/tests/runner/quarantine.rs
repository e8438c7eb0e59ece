//! A message that cannot be projected: its entity waits, the others go on, and a rebuild finds the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foodflow_domain::projections::{QuarantineEvent, QuarantineRetried, QuarantineSkipped};
use foodflow_domain::{EventSet as _, TenantId};
use foodflow_log::{Commit, Envelope, NewMessage, Position, SharedLog, StreamId};
use foodflow_projections::runner::{
    Outcome, Owner, ProjectionState, RebuildOptions, RebuildReport, RebuildRequest, Runner, RunnerConfig,
    RunnerHandle, SwitchPolicy, decision_stream, metric_definitions, rebuild,
};
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::store::generations::RebuildScope;
use foodflow_projections::store::quarantine::{ENTITIES_MAX, ENTITY_MESSAGES_MAX, Entity, Quarantine};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusBuilder;
use uuid::Uuid;

use super::store::{Fault, RecordingStore};
use super::support::{P0, TestProjection, config, envelope, memory_log, until, wait};

const NOTES: &str = "notes";

/// One tenant's streams, by number.
struct World {
    log: SharedLog,
    store: Arc<RecordingStore>,
    projection: Arc<TestProjection>,
    tenant: TenantId,
    /// Positions of each stream's messages.
    streams: BTreeMap<StreamId, Vec<u64>>,
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

fn stream(number: u64) -> StreamId {
    StreamId::new("food_graph", "batch", id(number))
}

impl World {
    fn new() -> Self {
        let (log, store, projection) = (memory_log(), Arc::default(), Arc::default());
        Self { log, store, projection, tenant: TenantId(Uuid::now_v7()), streams: BTreeMap::new() }
    }

    /// Starts a runner, each time under the same name, so that it need not wait for the lease of the one before.
    fn start(&self) -> RunnerHandle {
        let owner = Some(Owner { id: self.tenant.0, process: "one".to_owned() });
        let (log, store, projection) = (self.log.clone(), self.store.clone(), self.projection.clone());
        Runner::start(log, store, projection, RunnerConfig { owner, ..config() }).unwrap()
    }

    /// Appends one commit: a message to each of these streams; answers the first position.
    async fn commit(&mut self, numbers: &[u64]) -> Position {
        let said: Vec<_> = numbers.iter().map(|number| (stream(*number), None)).collect();
        self.append(said).await
    }

    async fn append(&mut self, said: Vec<(StreamId, Option<QuarantineEvent>)>) -> Position {
        let (size, now) = (said.len() as u32, Timestamp::now());
        let mut messages = vec![];
        for (index, (stream, decision)) in (0..).zip(&said) {
            let mut event = envelope(self.tenant, stream.id, now, index, size);
            if let Some(decision) = decision {
                event.event_type = decision.type_name().to_owned();
                event.data = serde_json::value::RawValue::from_string(decision.data().unwrap()).unwrap();
            }
            let payload = Envelope::encode_batch(&[event]).unwrap().into();
            let expected = self.streams.get(stream).and_then(|known| known.last()).copied();
            let expected = Position(expected.unwrap_or(0));
            messages.push(NewMessage { stream: stream.clone(), expected, payload });
        }
        let commit = Commit { tenant: self.tenant, recorded_at: now, messages };
        let first = self.log.append(commit).await.unwrap().first;
        for (index, (stream, _)) in (0..).zip(said) {
            self.streams.entry(stream).or_default().push(first.0 + index);
        }
        first
    }

    async fn retry(&mut self, number: u64) -> Position {
        let (projection, stream) = (NOTES.to_owned(), stream(number).to_string());
        let decision = QuarantineEvent::Retried(QuarantineRetried { projection, stream, position: 1 });
        self.append(vec![(decision_stream(NOTES), Some(decision))]).await
    }

    async fn skip(&mut self, number: u64, positions: &[u64]) -> Position {
        let (projection, stream) = (NOTES.to_owned(), stream(number).to_string());
        let (positions, reason) = (positions.to_vec(), "recorded twice".to_owned());
        let skipped = QuarantineSkipped { projection, stream, positions, reason };
        self.append(vec![(decision_stream(NOTES), Some(QuarantineEvent::Skipped(skipped)))]).await
    }

    fn written(&self, number: u64) -> Vec<u64> {
        self.store.written_to(self.tenant, id(number))
    }

    async fn quarantine(&self) -> Quarantine {
        self.store.checkpoint(P0).await.unwrap().quarantine
    }

    /// First and last position of what waits of a stream, and how many messages.
    async fn waits(&self, number: u64) -> Option<(u64, u64, u64)> {
        let entity = Entity { tenant: self.tenant, stream: stream(number) };
        let quarantine = self.quarantine().await;
        quarantine.get(&entity).map(|waiting| (waiting.first.0, waiting.last.0, waiting.messages))
    }

    async fn rebuild(&self) -> RebuildReport {
        let request = RebuildRequest {
            scope: RebuildScope::All,
            switch: SwitchPolicy::IfDifferent,
            filled_by: "1".to_owned(),
        };
        let (log, store, projection) = (self.log.clone(), self.store.clone(), self.projection.clone());
        let options = RebuildOptions { batch_messages_max: 7, ..RebuildOptions::default() };
        rebuild(log, store, projection, request, options, |_| {}).await.unwrap()
    }
}

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
    let entity = Entity { tenant: world.tenant, stream: stream(1) };
    assert_eq!(world.quarantine().await.get(&entity).unwrap().reason, "it cannot be read");
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

/// A small generator of numbers, by a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_and_failures_between_any_steps_change_nothing() {
    for seed in 1..=8 {
        let (mut world, mut dice) = (World::new(), Dice(seed));
        let mut expected = Expected { broken: BTreeSet::new(), skipped: BTreeSet::new() };
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
                4 => {
                    let next = world.log.head(P0).await.unwrap().0 + 1;
                    expected.broken.insert(next);
                    world.projection.break_at(expected.broken.clone());
                    world.commit(&[first]).await;
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
