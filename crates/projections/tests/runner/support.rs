//! Commits to append, a projection that can be broken, and a log that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{
    AppendError, Appended, Commit, Envelope, EventLog, LogError, MessageStream, NewMessage, Page, Partition,
    PayloadHash, Position, ReadQuery, SharedLog, SharedRecords, StoredMessage, StreamId,
};
use foodflow_projections::changes::{Change, Label, NodeKey, Value};
use foodflow_projections::recorded::{ProjectError, Recorded};
use foodflow_projections::runner::{
    Projected, Projection, ProjectionError, ProjectionState, RecordedProjection, Runner, RunnerConfig,
    RunnerHandle,
};
use futures::StreamExt;
use jiff::Timestamp;
use uuid::Uuid;

use super::store::RecordingStore;

pub(super) const P0: Partition = Partition(0);
pub(super) const SOON: Duration = Duration::from_secs(20);

/// A log in memory with one partition.
pub(super) fn memory_log() -> SharedLog {
    Arc::new(MemoryLog::new(1))
}

/// Fast retries, small batches.
pub(super) fn config() -> RunnerConfig {
    RunnerConfig {
        batch_messages_max: 5,
        retry_delay_min: Duration::from_millis(1),
        retry_delay_max: Duration::from_millis(20),
        observe_interval: Duration::from_millis(10),
        ..RunnerConfig::default()
    }
}

pub(super) fn start(
    log: &SharedLog,
    store: &Arc<RecordingStore>,
    projection: &Arc<TestProjection>,
) -> RunnerHandle {
    Runner::start(log.clone(), store.clone(), projection.clone(), config()).unwrap()
}

/// Appends a commit of `size` messages, each to a stream of its own; answers its position.
pub(super) async fn append(log: &SharedLog, tenant: TenantId, size: u32) -> Position {
    append_at(log, tenant, size, Timestamp::now()).await
}

pub(super) async fn append_at(
    log: &SharedLog,
    tenant: TenantId,
    size: u32,
    recorded_at: Timestamp,
) -> Position {
    let message = |index| {
        let id = Uuid::now_v7();
        let payload = Envelope::encode_batch(&[envelope(tenant, id, recorded_at, index, size)]).unwrap();
        let stream = StreamId::new("food_graph", "batch", id);
        NewMessage { stream, expected: Position(0), payload: payload.into() }
    };
    let messages = (0..size).map(message).collect();
    log.append(Commit { tenant, recorded_at, messages }).await.unwrap().last
}

/// Appends a message that is none of an event.
pub(super) async fn append_raw(log: &SharedLog, tenant: TenantId, payload: &'static [u8]) -> Position {
    let stream = StreamId::new("food_graph", "batch", Uuid::now_v7());
    let message = NewMessage { stream, expected: Position(0), payload: payload.into() };
    let commit = Commit { tenant, recorded_at: Timestamp::now(), messages: vec![message] };
    log.append(commit).await.unwrap().last
}

/// An event of the stream `id`, without data.
pub(super) fn envelope(
    tenant: TenantId,
    id: Uuid,
    time: Timestamp,
    commitindex: u32,
    commitsize: u32,
) -> Envelope {
    let command = Uuid::now_v7();
    Envelope {
        specversion: "1.0".to_owned(),
        id: Uuid::now_v7(),
        source: format!("foodflow/{tenant}"),
        event_type: "foodflow.food_graph.batch.noted.v1".to_owned(),
        subject: format!("batch/{id}"),
        time,
        datacontenttype: "application/json".to_owned(),
        tenantid: tenant,
        actor: "tester".to_owned(),
        commandid: command,
        commandhash: PayloadHash::default(),
        correlationid: command,
        causationid: None,
        commitindex,
        commitsize,
        sequence: 1,
        prevhash: PayloadHash::default(),
        data: serde_json::value::to_raw_value(&()).unwrap(),
    }
}

/// One node per message, with the message's position.
fn note(message: &Recorded) -> Result<Vec<Change>, ProjectError> {
    let position = Value::Integer(message.position.0 as i64);
    let key = NodeKey { label: Label::Batch, id: message.stream.id };
    Ok(vec![Change::MergeNode { key, properties: BTreeMap::from([("position", Some(position))]) }])
}

/// Projects every message to one node, but where it is told to fail.
#[derive(Default)]
pub(super) struct TestProjection {
    broken_at: Mutex<BTreeSet<u64>>,
    panics_at: AtomicU64,
    blocks_at: AtomicU64,
    blocked: Mutex<Option<Receiver<()>>>,
}

impl TestProjection {
    /// Fails at these positions from now on, and at no others.
    pub(super) fn break_at(&self, positions: impl IntoIterator<Item = u64>) {
        *self.broken_at.lock().unwrap() = positions.into_iter().collect();
    }

    /// Never returns from `position` while what is answered lives.
    pub(super) fn block_at(&self, position: Position) -> Sender<()> {
        let (lives, blocked) = channel();
        *self.blocked.lock().unwrap() = Some(blocked);
        self.blocks_at.store(position.0, Ordering::SeqCst);
        lives
    }

    pub(super) fn panic_at(&self, position: Position) {
        self.panics_at.store(position.0, Ordering::SeqCst);
    }
}

impl Projection<Change> for TestProjection {
    fn name(&self) -> &'static str {
        "notes"
    }

    fn project(&self, message: &StoredMessage) -> Result<Projected<Change>, ProjectionError> {
        let position = message.position.0;
        if self.broken_at.lock().unwrap().contains(&position) {
            return Err(ProjectionError::new("it cannot be read"));
        }
        if position == self.blocks_at.load(Ordering::SeqCst) {
            let blocked = self.blocked.lock().unwrap().take();
            // It answers once the other end is dropped.
            blocked.unwrap().recv().unwrap_err();
        }
        assert_ne!(position, self.panics_at.load(Ordering::SeqCst), "told to panic");
        RecordedProjection::new("notes", note).project(message)
    }
}

/// A log in memory whose subscriptions break off after so many messages.
pub(super) struct FlakyLog {
    pub(super) inner: MemoryLog,
    pub(super) breaks_after: usize,
    pub(super) subscriptions: AtomicU64,
}

#[async_trait]
impl EventLog for FlakyLog {
    fn partition_count(&self) -> u16 {
        self.inner.partition_count()
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.inner.append(commit).await
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        self.inner.load_page(tenant, stream, after, limit).await
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.inner.head(partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.inner.read(partition, query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let nth = self.subscriptions.fetch_add(1, Ordering::SeqCst);
        if nth % 3 == 1 {
            return Err(LogError::Unavailable { reason: "no subscription now".to_owned() });
        }
        let messages = self.inner.subscribe(partition, tenant, after).await?.take(self.breaks_after);
        let broken = futures::stream::iter([Err(LogError::Unavailable { reason: "cable cut".to_owned() })]);
        Ok(if nth.is_multiple_of(3) { messages.chain(broken).boxed() } else { messages.boxed() })
    }

    fn records(&self) -> SharedRecords {
        self.inner.records()
    }

    fn describe(&self) -> String {
        "a log that fails".to_owned()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// Waits until the only partition is in `state`.
pub(super) async fn until(runner: &RunnerHandle, state: ProjectionState) {
    let mut last = None;
    for _ in 0..2_000 {
        let status = runner.status().await.remove(0);
        if status.state == state {
            return;
        }
        last = Some(status);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never {state:?}: {last:?}");
}

pub(super) async fn wait(runner: &RunnerHandle, position: Position) {
    runner.progress().wait_for(P0, position, SOON).await.unwrap();
}
