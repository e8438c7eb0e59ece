//! One generation of a projection's tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_log::Partition;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::checkpoint::Checkpoints;
use super::error::{STORE, unavailable};
use super::place::Place;
use super::statements::TableStatements;
use super::{apply, read, schema, scrubbing};
use crate::store::{Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError, Survey};
use crate::tables::projection::TableProjection;
use crate::tables::{Batch, TableChange};

/// One generation. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) pool: PgPool,
    pub(super) projection: &'static TableProjection,
    pub(super) place: Place,
    pub(super) checkpoints: Checkpoints,
    pub(super) statements: Arc<[TableStatements]>,
}

impl Slot {
    pub(super) fn new(pool: PgPool, projection: &'static TableProjection, place: Place) -> Self {
        let of = |source: &crate::tables::TableSource| TableStatements::of(source.table, &place);
        let statements = projection.sources.iter().map(of).collect();
        let checkpoints = Checkpoints::new(projection.name, &place);
        Self { pool, projection, place, checkpoints, statements }
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.pool.begin().await.map_err(unavailable)
    }

    /// Begins a transaction that reads as of one moment.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        Ok(transaction)
    }
}

#[async_trait]
impl ReadModel for Slot {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        schema::identity(&self.pool).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(self).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(unavailable)?;
        Ok(self.checkpoints.stored(&mut connection, partition).await?.checkpoint)
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        let mut transaction = self.begin().await?;
        let claim = self.checkpoints.claim(&mut transaction, partition).await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(claim)
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        schema::clear(self, partition).await
    }

    async fn scrub(&self) -> Result<Vec<String>, StoreError> {
        scrubbing::scrub(self).await
    }

    async fn left_by_scrub(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(unavailable)?;
        scrubbing::left(&mut connection).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let digest = read::digest(&mut snapshot, self, scope).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(digest)
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let counts = read::counts(&mut snapshot, self, scope).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(counts)
    }

    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let checkpoint = self.checkpoints.stored(&mut snapshot, partition).await?.checkpoint;
        let digest = read::digest(&mut snapshot, self, scope).await?;
        let counts = read::counts(&mut snapshot, self, scope).await?;
        snapshot.rollback().await.map_err(unavailable)?;
        Ok(Some(Survey { checkpoint, digest, counts }))
    }
}

#[async_trait]
impl Sink<TableChange> for Slot {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        apply::apply(self, batch).await
    }

    async fn rehearse(&self, batch: Batch) -> Result<(), StoreError> {
        apply::rehearse(self, batch).await
    }
}
