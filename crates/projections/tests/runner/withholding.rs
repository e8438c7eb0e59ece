//! A log that leaves something out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Page, Partition, Position, ReadQuery,
    SharedRecords, StoredMessage, StreamId,
};
use futures::StreamExt as _;

/// A log in memory that leaves out some positions.
pub(super) struct WithholdingLog {
    inner: MemoryLog,
    withheld: Arc<Mutex<BTreeSet<u64>>>,
}

impl WithholdingLog {
    pub(super) fn new(inner: MemoryLog) -> Self {
        Self { inner, withheld: Arc::default() }
    }

    /// Leaves out these positions from now on, and no others.
    pub(super) fn withhold(&self, positions: impl IntoIterator<Item = u64>) {
        *self.withheld.lock().unwrap() = positions.into_iter().collect();
    }
}

#[async_trait]
impl EventLog for WithholdingLog {
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
        let mut messages = self.inner.read(partition, query).await?;
        let withheld = self.withheld.lock().unwrap();
        messages.retain(|message| !withheld.contains(&message.position.0));
        Ok(messages)
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let withheld = self.withheld.clone();
        let passes = move |message: &Result<StoredMessage, LogError>| {
            let position = message.as_ref().map_or(0, |message| message.position.0);
            !withheld.lock().unwrap().contains(&position)
        };
        let messages = self.inner.subscribe(partition, tenant, after).await?;
        Ok(messages.filter(move |message| std::future::ready(passes(message))).boxed())
    }

    fn records(&self) -> SharedRecords {
        self.inner.records()
    }

    fn describe(&self) -> String {
        "a log that leaves something out".to_owned()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
