//! One tenant whose streams have numbers, and what an operator decides about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foodflow_domain::projections::{QuarantineEvent, QuarantineRetried, QuarantineSkipped};
use foodflow_domain::{EventSet as _, TenantId};
use foodflow_log::{Commit, Envelope, NewMessage, Position, SharedLog, StreamId};
use foodflow_projections::runner::{
    Owner, RebuildOptions, RebuildReport, RebuildRequest, Runner, RunnerConfig, RunnerHandle, SwitchPolicy,
    decision_stream, rebuild,
};
use foodflow_projections::store::ReadModel as _;
use foodflow_projections::store::generations::RebuildScope;
use foodflow_projections::store::quarantine::{Entity, Quarantine};
use jiff::Timestamp;
use uuid::Uuid;

use super::refusing::Refusing;
use super::store::RecordingStore;
use super::support::{P0, TestProjection, config, envelope, memory_log};

pub(super) const NOTES: &str = "notes";

/// One tenant's streams, by number.
pub(super) struct World {
    pub(super) log: SharedLog,
    /// What is kept.
    pub(super) store: Arc<RecordingStore>,
    /// What is written to: the same, but for what it refuses.
    pub(super) refusing: Arc<Refusing<RecordingStore>>,
    pub(super) projection: Arc<TestProjection>,
    pub(super) tenant: TenantId,
    /// Positions of each stream's messages.
    pub(super) streams: BTreeMap<StreamId, Vec<u64>>,
}

/// What a message says.
enum Said {
    Nothing,
    Text(String),
    Decision(QuarantineEvent),
}

pub(super) fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

pub(super) fn stream(number: u64) -> StreamId {
    StreamId::new("food_graph", "batch", id(number))
}

impl World {
    pub(super) fn new() -> Self {
        let (log, store, projection) = (memory_log(), Arc::<RecordingStore>::default(), Arc::default());
        let (refusing, streams) = (Arc::new(Refusing::new(Arc::clone(&store))), BTreeMap::new());
        Self { log, store, refusing, projection, tenant: TenantId(Uuid::now_v7()), streams }
    }

    /// Starts a runner, each time under the same name, so that it need not wait for the lease of the one before.
    pub(super) fn start(&self) -> RunnerHandle {
        self.start_with(config())
    }

    /// As [`start`](Self::start), with other bounds.
    pub(super) fn start_with(&self, config: RunnerConfig) -> RunnerHandle {
        let owner = Some(Owner { id: self.tenant.0, process: "one".to_owned() });
        let (log, store, projection) = (self.log.clone(), self.refusing.clone(), self.projection.clone());
        Runner::start(log, store, projection, RunnerConfig { owner, ..config }).unwrap()
    }

    /// Appends one commit: a message to each of these streams; answers the first position.
    pub(super) async fn commit(&mut self, numbers: &[u64]) -> Position {
        let said: Vec<_> = numbers.iter().map(|number| (stream(*number), Said::Nothing)).collect();
        self.append(said).await
    }

    /// Appends a message with a text as its event's data.
    pub(super) async fn say(&mut self, number: u64, text: &str) -> Position {
        self.append(vec![(stream(number), Said::Text(text.to_owned()))]).await
    }

    async fn append(&mut self, said: Vec<(StreamId, Said)>) -> Position {
        // As the clock of commands: a store keeps microseconds.
        let now = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap();
        let size = said.len() as u32;
        let mut messages = vec![];
        for (index, (stream, said)) in (0..).zip(&said) {
            let mut event = envelope(self.tenant, stream.id, now, index, size);
            match said {
                Said::Nothing => {}
                Said::Text(text) => event.data = serde_json::value::to_raw_value(text).unwrap(),
                Said::Decision(decision) => {
                    event.event_type = decision.type_name().to_owned();
                    event.data = decision.data().unwrap();
                }
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

    pub(super) async fn retry(&mut self, number: u64) -> Position {
        let (projection, stream) = (NOTES.to_owned(), stream(number).to_string());
        let decision = QuarantineEvent::Retried(QuarantineRetried { projection, stream, position: 1 });
        self.append(vec![(decision_stream(NOTES), Said::Decision(decision))]).await
    }

    pub(super) async fn skip(&mut self, number: u64, positions: &[u64]) -> Position {
        let (projection, stream) = (NOTES.to_owned(), stream(number).to_string());
        let (positions, reason) = (positions.to_vec(), "recorded twice".to_owned());
        let skipped = QuarantineSkipped { projection, stream, positions, reason };
        let decision = QuarantineEvent::Skipped(skipped);
        self.append(vec![(decision_stream(NOTES), Said::Decision(decision))]).await
    }

    pub(super) fn written(&self, number: u64) -> Vec<u64> {
        self.store.written_to(self.tenant, id(number))
    }

    pub(super) async fn quarantine(&self) -> Quarantine {
        self.store.checkpoint(P0).await.unwrap().quarantine
    }

    /// First and last position of what waits of a stream, and how many messages.
    pub(super) async fn waits(&self, number: u64) -> Option<(u64, u64, u64)> {
        let entity = Entity { tenant: self.tenant, stream: stream(number) };
        let quarantine = self.quarantine().await;
        quarantine.get(&entity).map(|waiting| (waiting.first.0, waiting.last.0, waiting.messages))
    }

    /// Why the first message of a stream waits.
    pub(super) async fn reason(&self, number: u64) -> Option<String> {
        let entity = Entity { tenant: self.tenant, stream: stream(number) };
        self.quarantine().await.get(&entity).map(|waiting| waiting.reason.clone())
    }

    pub(super) async fn rebuild(&self) -> RebuildReport {
        self.rebuild_of(RebuildScope::All).await
    }

    pub(super) async fn rebuild_of(&self, scope: RebuildScope) -> RebuildReport {
        let (switch, filled_by) = (SwitchPolicy::IfDifferent, "1".to_owned());
        let request = RebuildRequest { scope, switch, filled_by };
        let (log, store, projection) = (self.log.clone(), self.refusing.clone(), self.projection.clone());
        let options = RebuildOptions { batch_messages_max: 7, ..RebuildOptions::default() };
        rebuild(log, store, projection, request, options, |_| {}).await.unwrap()
    }
}

/// A small generator of numbers, by a seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
