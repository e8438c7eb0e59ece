//! A store in SQLite files. Its port reaches the live generation, also where another process switched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_log::Partition;
use sqlx::SqlitePool;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::connections::Writing;
use super::contents::Contents;
use super::error::{STORE, unavailable};
use super::generations::refused;
use super::pointer::{self, Stamp};
use super::slot::{self, Slot};
use super::{claim, identity};
use crate::store::{Batch, Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError, Survey};

/// How often a writer looks again which generation is live, where it changed under its hands.
const LOOKS_MAX: u32 = 5;

/// A store in SQLite files. Cheap to clone.
#[derive(Debug)]
pub struct EmbeddedStore<K> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K> {
    /// Where the first generation is, after which the others are named; a store in memory has but one.
    path: Option<PathBuf>,
    contents: K,
    /// The live generation, and the state of the pointer that says so.
    live: Mutex<(Stamp, Arc<Slot<K>>)>,
}

impl<K> Clone for EmbeddedStore<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// The file of the live generation of the store at `path`, whether it is there or not.
///
/// # Errors
/// [`StoreError::Unavailable`] where it cannot be told.
pub fn live_file(path: &Path) -> Result<PathBuf, StoreError> {
    Ok(pointer::generation_file(path, pointer::read(path)?.live))
}

impl<K: Contents> EmbeddedStore<K> {
    /// Opens the store at `path`, which is made where it does not exist; its directory must. Call
    /// [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a file cannot be opened.
    pub async fn open_with(path: &Path, contents: K) -> Result<Self, StoreError> {
        // In this order: what is replaced in between shows as another stamp.
        let stamp = pointer::stamp(path)?;
        let live = pointer::read(path)?.live;
        let slot = Slot::open(&pointer::generation_file(path, live), live, contents.clone()).await?;
        let live = Mutex::new((stamp, Arc::new(slot)));
        Ok(Self { shared: Arc::new(Shared { path: Some(path.to_owned()), contents, live }) })
    }

    /// A store in memory, empty, and gone with the value. Call [`ReadModel::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where SQLite refuses.
    pub async fn in_memory_with(contents: K) -> Result<Self, StoreError> {
        let live = Mutex::new((Stamp::NONE, Arc::new(Slot::in_memory(contents.clone()).await?)));
        Ok(Self { shared: Arc::new(Shared { path: None, contents, live }) })
    }

    /// Names of tables and indexes that [`ReadModel::migrate`] would make; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be read.
    pub async fn missing_schema(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.readers().await?.acquire().await.map_err(unavailable)?;
        self.contents().missing_schema(&mut connection).await
    }

    /// Finishes what runs and closes the file; later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.shared.live.lock().await.1.file.close().await;
    }

    /// Where the first generation is.
    pub(super) fn path(&self) -> Result<&Path, StoreError> {
        let path = self.shared.path.as_deref();
        path.ok_or_else(|| refused("a store in memory has one generation"))
    }

    pub(crate) fn contents(&self) -> &K {
        &self.shared.contents
    }

    /// Connections that read the live generation.
    pub(crate) async fn readers(&self) -> Result<SqlitePool, StoreError> {
        Ok(self.live().await?.file.readers.clone())
    }

    /// Opens the generation `number`, which is not the live one.
    pub(super) async fn slot(&self, number: u64) -> Result<Slot<K>, StoreError> {
        let file = pointer::generation_file(self.path()?, number);
        Slot::open(&file, number, self.contents().clone()).await
    }

    /// The live generation as of now.
    pub(super) async fn live(&self) -> Result<Arc<Slot<K>>, StoreError> {
        let Shared { path, contents, live } = &*self.shared;
        let mut known = live.lock().await;
        let Some(path) = path else { return Ok(Arc::clone(&known.1)) };
        let stamp = pointer::stamp(path)?;
        if stamp != known.0 {
            let number = pointer::read(path)?.live;
            if number != known.1.number {
                let projection = contents.projection();
                tracing::info!(projection, number, "another generation of the read model is live");
                // What runs on the one before keeps its connections.
                let file = pointer::generation_file(path, number);
                known.1 = Arc::new(Slot::open(&file, number, contents.clone()).await?);
            }
            known.0 = stamp;
        }
        Ok(Arc::clone(&known.1))
    }

    /// Begins to write to the live generation; it stays the live one until the transaction ends.
    pub(super) async fn begin(&self) -> Result<Writing, StoreError> {
        for _ in 0..LOOKS_MAX {
            let slot = self.live().await?;
            let transaction = slot.file.begin().await?;
            if self.live().await?.number == slot.number {
                return Ok(transaction);
            }
            transaction.rollback().await.map_err(unavailable)?;
        }
        let reason = "the live generation changed again and again".to_owned();
        Err(StoreError::Unavailable { store: STORE, reason })
    }
}

#[async_trait]
impl<K: Contents> ReadModel for EmbeddedStore<K> {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        identity::identity(&self.live().await?.file.readers).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        slot::migrate(self.begin().await?, self.contents()).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.live().await?.checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        claim::claim(self.begin().await?, self.contents().projection(), partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        slot::clear(self.begin().await?, self.contents(), partition).await
    }

    async fn scrub(&self) -> Result<Vec<String>, StoreError> {
        self.live().await?.file.scrub().await?;
        Ok(Vec::new())
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
impl<K: Contents> Sink<K::Change> for EmbeddedStore<K> {
    async fn apply(&self, batch: Batch<K::Change>) -> Result<(), StoreError> {
        slot::apply(self.begin().await?, self.contents(), batch).await
    }

    async fn rehearse(&self, batch: Batch<K::Change>) -> Result<(), StoreError> {
        slot::rehearse(self.begin().await?, self.contents(), batch).await
    }
}
