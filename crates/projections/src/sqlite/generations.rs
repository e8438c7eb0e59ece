//! The generation beside the live one: a file of its own; the switch replaces the pointer.
//!
//! All of this happens under the write lock of the live file. A new live file is on disk before the pointer names it:
//! after a power cut queries must not find the beginning of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::Partition;
use sqlx::{Connection as _, SqliteConnection};
use uuid::Uuid;

use super::connections::{Writing, durable};
use super::contents::Contents;
use super::error::{STORE, unavailable};
use super::pointer::{self, Other, Pointer};
use super::slot::Slot;
use super::store::EmbeddedStore;
use super::{claim, identity, tenant};
use crate::store::generations::{
    Compared, Generations, OtherGeneration, Overview, RebuildScope, Role, expect_covered,
};
use crate::store::{Checkpoint, Claim, Epoch, ReadModel as _, Sink, StoreError};

/// What cannot be done with the generations that there are.
pub(super) fn refused(reason: impl Into<String>) -> StoreError {
    StoreError::Generations { store: STORE, reason: reason.into() }
}

#[async_trait]
impl<K: Contents> Generations<K::Change> for EmbeddedStore<K> {
    async fn generations(&self) -> Result<Overview, StoreError> {
        let live = self.all_stored(&*self.live().await?).await?;
        let Some(other) = pointer::read(self.path()?)?.other else {
            return Ok(Overview { live, other: None });
        };
        let (role, scope) = (other.role, other.scope());
        let slot = self.slot(other.number).await?;
        // The pointer names a generation before its tables are made: whoever began it may have died between.
        let is_made = claim::is_made(&mut *slot.file.readers.acquire().await.map_err(unavailable)?).await?;
        let checkpoints = if is_made { self.all_stored(&slot).await? } else { BTreeMap::new() };
        Ok(Overview {
            live,
            other: Some(OtherGeneration { role, scope, filled_by: other.filled_by, checkpoints }),
        })
    }

    async fn beside(
        &self,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<Arc<dyn Sink<K::Change>>, StoreError> {
        let lock = self.begin().await?;
        let mut pointer = pointer::read(self.path()?)?;
        let continued = match &pointer.other {
            Some(other) => {
                other.role.is_continued(STORE, other.scope() == scope)? && other.filled_by == filled_by
            }
            None => false,
        };
        let number = match &pointer.other {
            Some(other) if continued => other.number,
            _ => self.begin_generation(&mut pointer, scope, filled_by)?,
        };
        let slot = self.slot(number).await?;
        slot.migrate().await?;
        identity::set(slot.file.begin().await?, self.identity().await?).await?;
        lock.rollback().await.map_err(unavailable)?;
        Ok(Arc::new(slot))
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<K::Change>>), StoreError> {
        let lock = self.begin().await?;
        let mut pointer = pointer::read(self.path()?)?;
        let Some(other) = pointer.other.clone().filter(|other| other.role != Role::Beside) else {
            return Err(refused("there is no previous generation"));
        };
        let (number, scope) = (other.number, other.scope());
        let slot = self.slot(number).await?;
        slot.migrate().await?;
        // It was held when it was switched away from.
        claim::end_holds(slot.file.begin().await?).await?;
        pointer.other = Some(Other::new(number, Role::Reopened, scope, other.filled_by));
        pointer::replace(self.path()?, &pointer)?;
        lock.rollback().await.map_err(unavailable)?;
        Ok((scope, Arc::new(slot)))
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        claim::hold(self.begin().await?, self.contents().projection(), partition, holder, term).await
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        claim::release(self.begin().await?, self.contents().projection(), partition, holder).await
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        let pointer = pointer::read(self.path()?)?;
        let Some(other) = pointer.other.clone().filter(|other| other.role != Role::Previous) else {
            return Err(refused("nothing stands beside the live generation"));
        };
        match other.scope() {
            RebuildScope::All => self.switch_all(&other, compared).await,
            RebuildScope::Tenant(tenant) => tenant::switch(self, pointer, other, tenant, compared).await,
        }
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        let lock = self.begin().await?;
        let path = self.path()?;
        let mut pointer = pointer::read(path)?;
        let Some(other) = pointer.other.take() else { return Ok(None) };
        pointer::replace(path, &pointer)?;
        lock.rollback().await.map_err(unavailable)?;
        pointer::remove(path, other.number)?;
        Ok(Some(other.role))
    }
}

impl<K: Contents> EmbeddedStore<K> {
    /// Makes room for a new generation beside the live one; the caller has the lock.
    fn begin_generation(
        &self,
        pointer: &mut Pointer,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<u64, StoreError> {
        let (path, number) = (self.path()?, pointer.next);
        pointer::remove(path, number)?;
        pointer.next += 1;
        pointer.other = Some(Other::new(number, Role::Beside, scope, filled_by.to_owned()));
        pointer::replace(path, pointer)?;
        pointer::remove_unnamed(path, pointer)?;
        Ok(number)
    }

    async fn all_stored(&self, slot: &Slot<K>) -> Result<BTreeMap<Partition, Checkpoint>, StoreError> {
        let mut connection = slot.file.readers.acquire().await.map_err(unavailable)?;
        claim::all_stored(&mut connection, self.contents().projection()).await
    }

    async fn switch_all(&self, other: &Other, compared: &[Compared]) -> Result<(), StoreError> {
        let mut live = self.begin().await?;
        let path = self.path()?;
        let mut pointer = pointer::read(path)?;
        if pointer.other.as_ref() != Some(other) {
            return Err(refused("the generation beside was given up meanwhile"));
        }
        let mut beside = durable(&pointer::generation_file(path, other.number)).await?;
        raise_epochs(&mut live, &mut beside, self.contents().projection(), compared).await?;
        beside.close().await.map_err(unavailable)?;
        let previous = Other::new(pointer.live, Role::Previous, RebuildScope::All, other.filled_by.clone());
        pointer.live = other.number;
        pointer.other = Some(previous);
        pointer::replace(path, &pointer)?;
        live.rollback().await.map_err(unavailable)
    }
}

/// Fences everybody who has claimed a partition of either generation, in the one that becomes live.
async fn raise_epochs(
    live: &mut Writing,
    beside: &mut SqliteConnection,
    projection: &'static str,
    compared: &[Compared],
) -> Result<(), StoreError> {
    let mut beside = beside.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    expect_covered(STORE, compared, &claim::all_stored(live, projection).await?)?;
    expect_covered(STORE, compared, &claim::all_stored(&mut beside, projection).await?)?;
    for one in compared {
        let stands = claim::stored(live, projection, one.partition).await?;
        let stands_beside = claim::stored(&mut beside, projection, one.partition).await?;
        let epoch = check(one, RebuildScope::All, &stands, &stands_beside)?;
        claim::set_epoch(&mut beside, projection, one.partition, epoch).await?;
    }
    beside.commit().await.map_err(unavailable)
}

/// Checks one partition; answers the epoch that it has after the switch.
pub(super) fn check(
    compared: &Compared,
    scope: RebuildScope,
    live: &Claim,
    beside: &Claim,
) -> Result<Epoch, StoreError> {
    compared.check(STORE, scope, live, beside)?;
    Ok(compared.epoch_after(live, beside))
}
