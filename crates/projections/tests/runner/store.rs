//! A store that records what it is told, and fails, waits or panics where it is told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::changes::{Change, Value};
use foodflow_projections::store::{
    Admission, Batch, Checkpoint, Claim, DigestScope, Epoch, ReadModel, Sink, StoreError,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::generations::Generations;

/// What the next applications do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is applied.
    Refuse,
    /// All is applied, but the answer is lost.
    LoseAnswer,
    /// The store panics.
    Panic,
}

#[derive(Default)]
pub(super) struct Content {
    pub(super) checkpoints: BTreeMap<Partition, Checkpoint>,
    pub(super) epochs: BTreeMap<Partition, Epoch>,
    /// Position per node; how often each was written.
    pub(super) nodes: BTreeMap<(Partition, TenantId, Uuid), (i64, usize)>,
    /// First and last position of every batch that was applied, in order.
    batches: Vec<(Partition, i64, u64)>,
    /// Every node that was written, with its position, in order.
    written: Vec<(TenantId, Uuid, i64)>,
    /// How many batches the fence refused.
    fenced: usize,
}

pub(super) struct RecordingStore {
    identity: Uuid,
    pub(super) content: Mutex<Content>,
    /// Of both generations.
    pub(super) faults: Arc<Mutex<Vec<Fault>>>,
    pub(super) generations: Mutex<Generations>,
    open: watch::Sender<bool>,
    unreachable: AtomicBool,
    applying: AtomicUsize,
    checkpoints_read: AtomicUsize,
}

impl Default for RecordingStore {
    fn default() -> Self {
        Self {
            identity: Uuid::now_v7(),
            content: Mutex::default(),
            faults: Arc::default(),
            generations: Mutex::default(),
            open: watch::Sender::new(true),
            unreachable: AtomicBool::default(),
            applying: AtomicUsize::default(),
            checkpoints_read: AtomicUsize::default(),
        }
    }
}

impl RecordingStore {
    /// The next applications fail, one per fault, the first one first.
    pub(super) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut faults: Vec<_> = faults.into_iter().collect();
        faults.reverse();
        *self.faults.lock().unwrap() = faults;
    }

    pub(super) fn faults_left(&self) -> usize {
        self.faults.lock().unwrap().len()
    }

    /// Whether every call fails.
    pub(super) fn set_unreachable(&self, unreachable: bool) {
        self.unreachable.store(unreachable, Ordering::SeqCst);
    }

    /// Applications wait until [`Self::release`].
    pub(super) fn hold(&self) {
        self.open.send_replace(false);
    }

    pub(super) fn release(&self) {
        self.open.send_replace(true);
    }

    /// Waits until an application has begun and is held.
    pub(super) async fn until_applying(&self) {
        while self.applying.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Last positions of the batches that were applied.
    pub(super) fn ends(&self) -> Vec<u64> {
        self.content.lock().unwrap().batches.iter().map(|(_, _, last)| *last).collect()
    }

    /// Every position that was written, in order.
    pub(super) fn written(&self) -> Vec<u64> {
        self.content.lock().unwrap().written.iter().map(|(.., position)| *position as u64).collect()
    }

    /// Positions that were written to the node, in order.
    pub(super) fn written_to(&self, tenant: TenantId, id: Uuid) -> Vec<u64> {
        let content = self.content.lock().unwrap();
        let own = content.written.iter().filter(|(of, node, _)| (*of, *node) == (tenant, id));
        own.map(|(.., position)| *position as u64).collect()
    }

    /// How many batches were refused because another worker had claimed the partition.
    pub(super) fn fenced(&self) -> usize {
        self.content.lock().unwrap().fenced
    }

    pub(super) fn checkpoints_read(&self) -> usize {
        self.checkpoints_read.load(Ordering::SeqCst)
    }

    pub(super) fn set_checkpoint(&self, partition: Partition, position: Position) {
        self.set_whole_checkpoint(partition, Checkpoint::new(position, None));
    }

    pub(super) fn set_whole_checkpoint(&self, partition: Partition, checkpoint: Checkpoint) {
        self.content.lock().unwrap().checkpoints.insert(partition, checkpoint);
    }

    pub(super) fn forget_a_node(&self) {
        self.content.lock().unwrap().nodes.pop_first();
    }

    /// Another one, which fails where this one is told to.
    pub(super) fn empty(&self) -> Self {
        Self { faults: Arc::clone(&self.faults), ..Self::default() }
    }

    /// Every position from 1 to `last` was applied exactly once, in batches that adjoin.
    pub(super) fn assert_applied_once(&self, partition: Partition, last: Position) {
        let content = self.content.lock().unwrap();
        let of_partition = content.nodes.iter().filter(|((of, ..), _)| *of == partition);
        let mut written: Vec<_> = of_partition.map(|(_, written)| *written).collect();
        written.sort_unstable();
        let expected: Vec<_> = (1..=last.0 as i64).map(|position| (position, 1)).collect();
        assert_eq!(written, expected);
        let mut next = 1;
        for (_, first, last) in content.batches.iter().filter(|(of, ..)| *of == partition) {
            assert_eq!(*first, next);
            next = *last as i64 + 1;
        }
        assert_eq!(content.checkpoints[&partition].position, last);
    }

    pub(super) fn answer(&self) -> Result<(), StoreError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(unavailable("cable cut"));
        }
        Ok(())
    }
}

pub(super) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { store: "recording", reason: reason.to_owned() }
}

impl Content {
    fn admission(&mut self, batch: &Batch<Change>) -> Result<Admission, StoreError> {
        let stands = self.checkpoints.get(&batch.partition).map_or(Position(0), |stored| stored.position);
        let epoch = self.epochs.get(&batch.partition).copied().unwrap_or_default();
        let admission = batch.admission("recording", epoch, stands);
        self.fenced += usize::from(matches!(admission, Err(StoreError::Fenced { .. })));
        admission
    }

    fn apply(&mut self, batch: Batch<Change>) -> Result<(), StoreError> {
        if self.admission(&batch)? == Admission::AppliedBefore {
            return Ok(());
        }
        let mut first = None;
        for (tenant, change) in batch.changes {
            let Change::MergeNode { key, properties } = change else { panic!("only nodes: {change:?}") };
            let Some(Some(Value::Integer(position))) = properties.get("position") else {
                panic!("no position")
            };
            first.get_or_insert(*position);
            let node = self.nodes.entry((batch.partition, tenant, key.id)).or_default();
            *node = (*position, node.1 + 1);
            self.written.push((tenant, key.id, *position));
        }
        if let Some(first) = first {
            self.batches.push((batch.partition, first, batch.checkpoint.position.0));
        }
        self.checkpoints.insert(batch.partition, batch.checkpoint);
        Ok(())
    }
}

#[async_trait]
impl ReadModel for RecordingStore {
    fn name(&self) -> &'static str {
        "recording"
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        self.answer()?;
        Ok(self.identity)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.answer()?;
        self.checkpoints_read.fetch_add(1, Ordering::SeqCst);
        // As a server: the answer is never there at once.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let known = self.content.lock().unwrap().checkpoints.get(&partition).cloned();
        Ok(known.unwrap_or_default())
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        let checkpoint = self.checkpoint(partition).await?;
        self.generations.lock().unwrap().expect_free(partition, None)?;
        let mut content = self.content.lock().unwrap();
        let epoch = content.epochs.entry(partition).or_default();
        epoch.0 += 1;
        Ok(Claim { epoch: *epoch, checkpoint })
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        self.answer()?;
        let mut content = self.content.lock().unwrap();
        content.nodes.retain(|(of, ..), _| *of != partition);
        content.batches.retain(|(of, ..)| *of != partition);
        content.checkpoints.remove(&partition);
        Ok(())
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.answer()?;
        let content = self.content.lock().unwrap();
        let covered = content.nodes.iter().filter(|((partition, tenant, _), _)| match scope {
            DigestScope::Partition(of) => of == *partition,
            DigestScope::Tenant(of) => of == *tenant,
        });
        let nodes: Vec<_> = covered.map(|((_, tenant, id), (position, _))| (tenant, id, position)).collect();
        Ok(format!("{nodes:?}"))
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.answer()?;
        let content = self.content.lock().unwrap();
        let covered = content.nodes.keys().filter(|(partition, tenant, _)| match scope {
            DigestScope::Partition(of) => of == *partition,
            DigestScope::Tenant(of) => of == *tenant,
        });
        Ok(BTreeMap::from([("Batch".to_owned(), covered.count() as u64)]))
    }
}

#[async_trait]
impl Sink<Change> for RecordingStore {
    async fn apply(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        self.applying.fetch_add(1, Ordering::SeqCst);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        tokio::task::yield_now().await;
        self.applying.fetch_sub(1, Ordering::SeqCst);
        self.answer()?;
        let fault = self.faults.lock().unwrap().pop();
        match fault {
            Some(Fault::Refuse) => return Err(unavailable("told to refuse")),
            Some(Fault::Panic) => panic!("told to panic"),
            Some(Fault::LoseAnswer) | None => self.content.lock().unwrap().apply(batch)?,
        }
        fault.map_or(Ok(()), |_| Err(unavailable("told to lose the answer")))
    }

    async fn rehearse(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        self.answer()?;
        match self.faults.lock().unwrap().pop() {
            Some(_) => Err(unavailable("told to refuse")),
            None => self.content.lock().unwrap().admission(&batch).map(drop),
        }
    }
}

/// The store as one process reaches it: the way there can be blocked.
pub(super) struct Way {
    store: Arc<RecordingStore>,
    open: watch::Sender<bool>,
    waiting: AtomicUsize,
}

impl Way {
    pub(super) fn to(store: Arc<RecordingStore>) -> Self {
        Self { store, open: watch::Sender::new(true), waiting: AtomicUsize::new(0) }
    }

    /// Batches wait on the way from now on.
    pub(super) fn block(&self) {
        self.open.send_replace(false);
    }

    pub(super) fn unblock(&self) {
        self.open.send_replace(true);
    }

    /// Waits until so many batches are on the way.
    pub(super) async fn until_waiting(&self, count: usize) {
        while self.waiting.load(Ordering::SeqCst) < count {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

#[async_trait]
impl ReadModel for Way {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        self.store.identity().await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.store.migrate().await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.store.checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        self.store.claim(partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        self.store.clear(partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.store.digest(scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.store.counts(scope).await
    }
}

#[async_trait]
impl Sink<Change> for Way {
    async fn apply(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        let (store, mut open) = (self.store.clone(), self.open.subscribe());
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // As a statement that a server has already: it runs to its end, whoever gives up waiting for it.
        let applying = tokio::spawn(async move {
            open.wait_for(|open| *open).await.unwrap();
            store.apply(batch).await
        });
        let outcome = applying.await.unwrap();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    async fn rehearse(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        self.store.rehearse(batch).await
    }
}
