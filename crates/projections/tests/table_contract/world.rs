//! A tenant in a partition of a store, and what is done there.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::store::{Checkpoint, Claim, DigestScope, StoreError};
use foodflow_projections::tables::value::ColumnValue;
use foodflow_projections::tables::{Batch, Select, TableChange, TableRow, TableStore, Value, rows_of};
use jiff::Timestamp;
use uuid::Uuid;

use super::tables::{Sample, id};

/// A tenant of its own, in a partition that this world has claimed.
pub(crate) struct World {
    pub(crate) store: Arc<dyn TableStore>,
    pub(crate) tenant: TenantId,
    pub(crate) partition: Partition,
    pub(crate) claim: Claim,
}

impl World {
    pub(crate) async fn new(store: Arc<dyn TableStore>, partition: u16) -> Self {
        let partition = Partition(partition);
        let claim = store.claim(partition).await.unwrap();
        Self { store, tenant: TenantId(Uuid::new_v4()), partition, claim }
    }

    /// The batch that follows, one position further.
    pub(crate) fn next(&mut self, changes: Vec<TableChange>) -> Batch {
        let tenant = self.tenant;
        self.next_of(changes.into_iter().map(|change| (tenant, change)).collect())
    }

    pub(crate) fn next_of(&mut self, changes: Vec<(TenantId, TableChange)>) -> Batch {
        let position = Position(self.claim.checkpoint.position.0 + 1);
        let recorded_at = Some(Timestamp::from_second(1_770_000_000 + position.0 as i64).unwrap());
        self.claim.next(self.partition, changes, Checkpoint::new(position, recorded_at))
    }

    pub(crate) async fn apply(&mut self, changes: Vec<TableChange>) {
        let batch = self.next(changes);
        self.store.apply(batch).await.unwrap();
    }

    /// Tries to apply; what is refused did not happen.
    pub(crate) async fn try_apply(&mut self, changes: Vec<TableChange>) -> Result<(), StoreError> {
        let before = self.claim.clone();
        let batch = self.next(changes);
        let outcome = self.store.apply(batch).await;
        if outcome.is_err() {
            self.claim = before;
        }
        outcome
    }

    /// Tries whether the store would take this.
    pub(crate) async fn try_rehearse(&mut self, changes: Vec<TableChange>) -> Result<(), StoreError> {
        let before = self.claim.clone();
        let batch = self.next(changes);
        self.claim = before;
        self.store.rehearse(batch).await
    }

    /// All rows of the tenant, at most a page.
    pub(crate) async fn rows<R: TableRow>(&self) -> Vec<R> {
        rows_of(&*self.store, &Select::of::<R>(self.tenant)).await.unwrap()
    }

    pub(crate) async fn sample(&self, number: u16) -> Option<Sample> {
        let select = Select::of::<Sample>(self.tenant).equal("id", Some(id(number.into())));
        rows_of(&*self.store, &select).await.unwrap().pop()
    }

    pub(crate) async fn digest(&self) -> String {
        self.store.digest(DigestScope::Tenant(self.tenant)).await.unwrap()
    }

    pub(crate) async fn stored(&self) -> Checkpoint {
        self.store.checkpoint(self.partition).await.unwrap()
    }

    pub(crate) fn patch(&self, number: u16, column: &'static str, value: impl ColumnValue) -> TableChange {
        let key = vec![Value::Uuid(self.tenant.0), Value::Uuid(id(number.into()))];
        TableChange::Patch { table: Sample::TABLE, key, columns: vec![(column, value.into_value())] }
    }
}

pub(crate) fn upsert(row: impl TableRow) -> TableChange {
    TableChange::Upsert(row.into_row())
}

pub(crate) fn append(row: impl TableRow) -> TableChange {
    TableChange::Append(row.into_row())
}

pub(crate) fn delete(row: impl TableRow) -> TableChange {
    let row = row.into_row();
    TableChange::Delete { table: row.table, key: row.key() }
}

pub(crate) fn add(row: impl TableRow) -> TableChange {
    TableChange::Add { row: row.into_row(), sum: "value", replace: &["position"] }
}
