//! One generation of a store: a file with its connections.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use foodflow_log::Partition;
use uuid::Uuid;

use super::connections::{Connections, Writing};
use super::contents::Contents;
use super::error::{STORE, unavailable};
use super::{claim, identity};
use crate::store::{Admission, Batch, Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError, Survey};

/// A generation's file, opened.
#[derive(Debug)]
pub(super) struct Slot<K> {
    /// The generation's number; never used for another file.
    pub(super) number: u64,
    pub(super) file: Connections,
    contents: K,
}

impl<K: Contents> Slot<K> {
    /// Opens the file at `path`, which is made where it does not exist; its directory must.
    pub(super) async fn open(path: &Path, number: u64, contents: K) -> Result<Self, StoreError> {
        Ok(Self { number, file: Connections::open(path).await?, contents })
    }

    /// A generation in memory, gone with the value.
    pub(super) async fn in_memory(contents: K) -> Result<Self, StoreError> {
        Ok(Self { number: 0, file: Connections::in_memory().await?, contents })
    }
}

/// Creates the tables, and gives the store an identity unless it has one.
pub(super) async fn migrate<K: Contents>(mut transaction: Writing, contents: &K) -> Result<(), StoreError> {
    contents.migrate(&mut transaction).await?;
    identity::name(&mut transaction).await?;
    transaction.commit().await.map_err(unavailable)
}

/// Applies `batch` unless it was applied before.
pub(super) async fn apply<K: Contents>(
    mut transaction: Writing,
    contents: &K,
    batch: Batch<K::Change>,
) -> Result<(), StoreError> {
    match write(&mut transaction, contents, batch).await? {
        Admission::Apply => transaction.commit().await.map_err(unavailable),
        Admission::AppliedBefore => transaction.rollback().await.map_err(unavailable),
    }
}

/// Applies `batch`, and takes it back.
pub(super) async fn rehearse<K: Contents>(
    mut transaction: Writing,
    contents: &K,
    batch: Batch<K::Change>,
) -> Result<(), StoreError> {
    write(&mut transaction, contents, batch).await?;
    transaction.rollback().await.map_err(unavailable)
}

async fn write<K: Contents>(
    transaction: &mut Writing,
    contents: &K,
    batch: Batch<K::Change>,
) -> Result<Admission, StoreError> {
    let projection = contents.projection();
    // The transaction has the write lock: of two writers with the same batch the second finds it applied.
    let stored = claim::stored(transaction, projection, batch.partition).await?;
    let admission = batch.admission(STORE, stored.epoch, stored.checkpoint.position)?;
    if admission == Admission::Apply {
        let Batch { partition, changes, checkpoint, .. } = batch;
        contents.apply(transaction, partition, changes).await?;
        claim::store_checkpoint(transaction, projection, partition, &checkpoint).await?;
    }
    Ok(admission)
}

/// Removes everything of `partition`'s tenants; its checkpoint stands at 0 then.
pub(super) async fn clear<K: Contents>(
    mut transaction: Writing,
    contents: &K,
    partition: Partition,
) -> Result<(), StoreError> {
    contents.clear(&mut transaction, partition).await?;
    let none = Checkpoint::default();
    claim::store_checkpoint(&mut transaction, contents.projection(), partition, &none).await?;
    transaction.commit().await.map_err(unavailable)
}

#[async_trait]
impl<K: Contents> ReadModel for Slot<K> {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        identity::identity(&self.file.readers).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        migrate(self.file.begin().await?, &self.contents).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        let mut connection = self.file.readers.acquire().await.map_err(unavailable)?;
        Ok(claim::stored(&mut connection, self.contents.projection(), partition).await?.checkpoint)
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        claim::claim(self.file.begin().await?, self.contents.projection(), partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        clear(self.file.begin().await?, &self.contents, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        let mut snapshot = self.file.snapshot().await?;
        let digest = self.contents.digest(&mut snapshot, scope).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(digest)
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut snapshot = self.file.snapshot().await?;
        let counts = self.contents.counts(&mut snapshot, scope).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(counts)
    }

    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        let mut snapshot = self.file.snapshot().await?;
        let projection = self.contents.projection();
        let checkpoint = claim::stored(&mut snapshot, projection, partition).await?.checkpoint;
        let digest = self.contents.digest(&mut snapshot, scope).await?;
        let counts = self.contents.counts(&mut snapshot, scope).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(Some(Survey { checkpoint, digest, counts }))
    }
}

#[async_trait]
impl<K: Contents> Sink<K::Change> for Slot<K> {
    async fn apply(&self, batch: Batch<K::Change>) -> Result<(), StoreError> {
        apply(self.file.begin().await?, &self.contents, batch).await
    }

    async fn rehearse(&self, batch: Batch<K::Change>) -> Result<(), StoreError> {
        rehearse(self.file.begin().await?, &self.contents, batch).await
    }
}
