//! A log that counts what is read to load aggregates, whose records can be made to fail and whose answers to come late.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::{
    AppendError, Appended, Commit, EventLog, Expected, LogError, MessageStream, Page, Partition, Position,
    ReadQuery, Record, RecordError, RecordKey, RecordKind, Records, SharedLog, SharedRecords, StoredMessage,
    StreamId,
};
use tokio::sync::{Mutex, MutexGuard};

/// What was read from a log since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) pages: usize,
    pub(crate) messages: usize,
    /// Messages of the largest page.
    pub(crate) page_messages: usize,
}

#[derive(Default)]
struct Counts {
    pages: AtomicUsize,
    messages: AtomicUsize,
    page_messages: AtomicUsize,
    standings: AtomicUsize,
    records_fail: AtomicBool,
}

/// What becomes of the next commit.
#[derive(Default)]
pub(crate) enum Next {
    #[default]
    Appended,
    /// It is written only when the one after it comes, and not answered.
    Late,
    /// That one finds no room.
    Behind(Commit),
}

/// Another log, counted.
pub(crate) struct CountingLog {
    inner: RwLock<SharedLog>,
    counts: Arc<Counts>,
    next: Mutex<Next>,
}

impl CountingLog {
    pub(crate) fn before(inner: SharedLog) -> Self {
        Self { inner: RwLock::new(inner), counts: Arc::default(), next: Mutex::default() }
    }

    fn inner(&self) -> SharedLog {
        Arc::clone(&self.inner.read().unwrap())
    }

    /// From now on it holds what `other` holds.
    pub(crate) fn becomes(&self, other: &Self) {
        *self.inner.write().unwrap() = other.inner();
    }

    /// What was loaded since the last call.
    pub(crate) fn take(&self) -> Reading {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        Reading {
            pages: take(&self.counts.pages),
            messages: take(&self.counts.messages),
            page_messages: take(&self.counts.page_messages),
        }
    }

    /// How often a tenant's standing was read since the last call; that is no load.
    pub(crate) fn take_standings(&self) -> usize {
        self.counts.standings.swap(0, Ordering::SeqCst)
    }

    /// The answer to the next commit is lost, the one after it finds no room, and then the first one is written.
    pub(crate) async fn answer_late(&self) {
        *self.next.lock().await = Next::Late;
    }

    /// No commit is written until what this answers is dropped.
    pub(crate) async fn stand_still(&self) -> MutexGuard<'_, Next> {
        self.next.lock().await
    }

    /// From now on every record is out of reach, or none is.
    pub(crate) fn fail_records(&self, fail: bool) {
        self.counts.records_fail.store(fail, Ordering::SeqCst);
    }
}

#[async_trait]
impl EventLog for CountingLog {
    fn partition_count(&self) -> u16 {
        self.inner().partition_count()
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let mut next = self.next.lock().await;
        match std::mem::take(&mut *next) {
            Next::Appended => {}
            Next::Late => {
                *next = Next::Behind(commit);
                return Err(AppendError::Unknown { reason: "no answer in time".to_owned() });
            }
            Next::Behind(first) => {
                self.inner().append(first).await?;
                return Err(AppendError::Overloaded { waiting: 1 });
            }
        }
        drop(next);
        self.inner().append(commit).await
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let page = self.inner().load_page(tenant, stream, after, limit).await?;
        if stream.context == "tenancy" {
            self.counts.standings.fetch_add(1, Ordering::SeqCst);
            return Ok(page);
        }
        self.counts.pages.fetch_add(1, Ordering::SeqCst);
        self.counts.messages.fetch_add(page.messages.len(), Ordering::SeqCst);
        self.counts.page_messages.fetch_max(page.messages.len(), Ordering::SeqCst);
        Ok(page)
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.inner().head(partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.inner().read(partition, query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        self.inner().subscribe(partition, tenant, after).await
    }

    fn records(&self) -> SharedRecords {
        Arc::new(FailingRecords { inner: self.inner().records(), counts: Arc::clone(&self.counts) })
    }

    fn describe(&self) -> String {
        self.inner().describe()
    }

    async fn close(&self) {
        self.inner().close().await;
    }
}

struct FailingRecords {
    inner: SharedRecords,
    counts: Arc<Counts>,
}

impl FailingRecords {
    fn there(&self) -> Result<&dyn Records, RecordError> {
        if self.counts.records_fail.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable { reason: "no records now".to_owned() }.into());
        }
        Ok(&*self.inner)
    }
}

#[async_trait]
impl Records for FailingRecords {
    async fn get(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, RecordError> {
        self.there()?.get(kind, key).await
    }

    async fn put(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: Bytes,
        expected: Expected,
    ) -> Result<u64, RecordError> {
        self.there()?.put(kind, key, value, expected).await
    }

    async fn delete(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError> {
        self.there()?.delete(kind, key, expected).await
    }

    async fn list(
        &self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordError> {
        self.there()?.list(kind, prefix, after, limit).await
    }

    async fn scrub(&self, kind: RecordKind, key: Option<&RecordKey>) -> Result<(), RecordError> {
        self.there()?.scrub(kind, key).await
    }
}
