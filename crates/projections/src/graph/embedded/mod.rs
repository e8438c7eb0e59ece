//! The traceability graph in SQLite (`schemas/embedded/food_graph.sql`), each generation in a file of its own.
//!
//! `synchronous=NORMAL` is enough: a power cut may take the last transactions back, each whole and with its checkpoint,
//! and the projection reads them from the log again. The log is the truth; nothing here may be known to this file
//! alone. Every operation looks which generation is live, at the cost of a `stat`: another process may have switched.
//!
//! - [`slot`]: one generation's file and its connections;
//! - [`mod@pointer`]: which generation is live;
//! - [`generations`], [`tenant`]: filling one beside the live one, and switching, also for one tenant;
//! - [`claim`]: checkpoints, and who may write;
//! - [`apply`]: a batch and its checkpoint, in one transaction;
//! - [`read`], [`list`]: what queries ask for;
//! - [`digest`]: digests and counts;
//! - [`maintain`]: the tables and their version, clearing;
//! - [`properties`], [`edge_row`], [`bulk`]: how values and rows are written and read.

mod apply;
mod bulk;
mod claim;
mod digest;
mod edge_row;
mod error;
mod generations;
mod list;
mod maintain;
mod pointer;
mod properties;
mod read;
mod slot;
mod tenant;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use tokio::sync::Mutex;
use uuid::Uuid;

use self::error::unavailable;
use self::pointer::Stamp;
use self::slot::{Slot, Writing};
use super::{
    Batch, Checkpoint, Claim, DigestScope, EdgeDirection, GraphStore, ListQuery, Node, ReadModel, Sink,
    StoreError, TraceDirection,
};
use crate::changes::{Change, Edge, EdgeType, Label};
use crate::store::Survey;

/// How often a writer looks again which generation is live, where it changed under its hands.
const LOOKS_MAX: u32 = 5;

/// The graph in SQLite files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EmbeddedGraph {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Where the first generation is, after which the others are named; a graph in memory has but one.
    path: Option<PathBuf>,
    /// The live generation, and the state of the pointer that says so.
    live: Mutex<(Stamp, Arc<Slot>)>,
}

impl EmbeddedGraph {
    /// Opens the graph at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a file cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        // In this order: what is replaced in between shows as another stamp.
        let stamp = pointer::stamp(path)?;
        let live = pointer::read(path)?.live;
        let slot = Slot::open(&pointer::generation_file(path, live), live).await?;
        let live = Mutex::new((stamp, Arc::new(slot)));
        Ok(Self { shared: Arc::new(Shared { path: Some(path.to_owned()), live }) })
    }

    /// The file of the live generation of the graph at `path`, whether it is there or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it cannot be told.
    pub fn live_file(path: &Path) -> Result<PathBuf, StoreError> {
        Ok(pointer::generation_file(path, pointer::read(path)?.live))
    }

    /// A graph in memory, empty, and gone with the value. Call [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let live = Mutex::new((Stamp::NONE, Arc::new(Slot::in_memory().await?)));
        Ok(Self { shared: Arc::new(Shared { path: None, live }) })
    }

    /// Names of tables and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be read.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let live = self.live().await?;
        let mut connection = live.readers.acquire().await.map_err(unavailable)?;
        maintain::missing_schema(&mut connection).await
    }

    /// Finishes what runs and closes the file; later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.shared.live.lock().await.1.close().await;
    }

    /// Where the first generation is.
    fn path(&self) -> Result<&Path, StoreError> {
        self.shared
            .path
            .as_deref()
            .ok_or_else(|| generations::refused("a graph in memory has one generation"))
    }

    /// The live generation as of now.
    async fn live(&self) -> Result<Arc<Slot>, StoreError> {
        let Shared { path, live } = &*self.shared;
        let mut known = live.lock().await;
        let Some(path) = path else { return Ok(Arc::clone(&known.1)) };
        let stamp = pointer::stamp(path)?;
        if stamp != known.0 {
            let number = pointer::read(path)?.live;
            if number != known.1.number {
                tracing::info!(number, "another generation of the read model is live");
                // What runs on the one before keeps its connections.
                known.1 = Arc::new(Slot::open(&pointer::generation_file(path, number), number).await?);
            }
            known.0 = stamp;
        }
        Ok(Arc::clone(&known.1))
    }

    /// Begins to write to the live generation; it stays the live one until the transaction ends.
    async fn begin(&self) -> Result<Writing, StoreError> {
        for _ in 0..LOOKS_MAX {
            let slot = self.live().await?;
            let transaction = slot.begin().await?;
            if self.live().await?.number == slot.number {
                return Ok(transaction);
            }
            transaction.rollback().await.map_err(unavailable)?;
        }
        let reason = "the live generation changed again and again".to_owned();
        Err(StoreError::Unavailable { store: error::STORE, reason })
    }
}

#[async_trait]
impl ReadModel for EmbeddedGraph {
    fn name(&self) -> &'static str {
        error::STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        maintain::identity(&self.live().await?.readers).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        maintain::migrate(self.begin().await?).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.live().await?.checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        claim::claim(self.begin().await?, partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        maintain::clear(self.begin().await?, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.live().await?.digest(scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.live().await?.counts(scope).await
    }

    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        self.live().await?.survey(partition, scope).await
    }
}

#[async_trait]
impl Sink<Change> for EmbeddedGraph {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        apply::apply(self.begin().await?, batch).await
    }
}

#[async_trait]
impl GraphStore for EmbeddedGraph {
    async fn nodes(&self, tenant: TenantId, label: Label, ids: &[Uuid]) -> Result<Vec<Node>, StoreError> {
        read::nodes(&self.live().await?.readers, tenant, label, ids).await
    }

    async fn list(&self, tenant: TenantId, query: &ListQuery) -> Result<Vec<Node>, StoreError> {
        list::list(&self.live().await?.readers, tenant, query).await
    }

    async fn edges(
        &self,
        tenant: TenantId,
        label: Label,
        ids: &[Uuid],
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::edges(&self.live().await?.readers, tenant, label, ids, edge_types, direction).await
    }

    async fn genealogy(
        &self,
        tenant: TenantId,
        start: Uuid,
        direction: TraceDirection,
    ) -> Result<Vec<Edge>, StoreError> {
        read::genealogy(&self.live().await?.readers, tenant, start, direction).await
    }
}
