//! Switching one tenant: its rows of the live file are replaced by those beside, in one transaction.
//!
//! What they were is kept before, in a file of its own, which becomes the previous generation: two files do not commit
//! in one step in WAL mode, and the rows cannot change in between, because the partition is held.

use std::path::Path;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::connections::durable;
use super::contents::Contents;
use super::error::unavailable;
use super::generations::{check, refused};
use super::pointer::{self, Other, Pointer, generation_file};
use super::store::EmbeddedStore;
use super::{claim, identity};
use crate::store::generations::{Compared, RebuildScope, Role};
use crate::store::{ReadModel as _, StoreError};

/// Replaces the rows of `tenant`.
pub(super) async fn switch<K: Contents>(
    store: &EmbeddedStore<K>,
    mut pointer: Pointer,
    other: Other,
    tenant: TenantId,
    compared: &[Compared],
) -> Result<(), StoreError> {
    let [compared] = compared else {
        return Err(refused("a tenant lies in one partition, and that alone is compared"));
    };
    let (path, contents) = (store.path()?, store.contents());
    let projection = contents.projection();
    let kept = pointer.next;
    pointer::remove(path, kept)?;
    let slot = store.slot(kept).await?;
    slot.migrate().await?;
    identity::set(slot.file.begin().await?, store.identity().await?).await?;
    slot.file.close().await;

    let mut live = durable(&generation_file(path, pointer.live)).await?;
    attach(&mut live, path, other.number, "beside").await?;
    attach(&mut live, path, kept, "kept").await?;
    keep(&mut live, contents, tenant, compared.partition).await?;
    let mut transaction = live.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    // It has the locks of all attached files; with that of the live one nobody else replaces the pointer.
    if pointer::read(path)? != pointer {
        return Err(refused("the generations changed meanwhile"));
    }
    let stands = claim::stored(&mut transaction, projection, compared.partition).await?;
    let beside = claim::stored_in(&mut transaction, "beside", projection, compared.partition).await?;
    let epoch = check(compared, other.scope(), &stands, &beside)?;
    contents.remove_tenant(&mut transaction, tenant).await?;
    contents.copy_tenant(&mut transaction, "beside", "main", tenant).await?;
    claim::set_epoch(&mut transaction, projection, compared.partition, epoch).await?;
    let (quarantine, beside) = (stands.checkpoint.quarantine, beside.checkpoint.quarantine);
    let quarantine = quarantine.with_tenant_of(tenant, &beside);
    claim::set_quarantine(&mut transaction, projection, compared.partition, &quarantine).await?;
    transaction.commit().await.map_err(unavailable)?;

    let (scope, filled_by) = (RebuildScope::Tenant(tenant), other.filled_by.clone());
    pointer.next = kept + 1;
    pointer.other = Some(Other::new(kept, Role::Previous, scope, filled_by));
    let lock = live.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    pointer::replace(path, &pointer)?;
    lock.rollback().await.map_err(unavailable)?;
    live.close().await.map_err(unavailable)?;
    pointer::remove(path, other.number)
}

async fn attach(
    connection: &mut SqliteConnection,
    store: &Path,
    number: u64,
    name: &'static str,
) -> Result<(), StoreError> {
    let file = generation_file(store, number);
    let file = file.to_str().ok_or_else(|| refused(format!("{} is no UTF-8", file.display())))?.to_owned();
    let statement = sqlx::query(AssertSqlSafe(format!("ATTACH DATABASE ? AS {name}"))).bind(file);
    statement.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// Copies what the live file holds of `tenant`, and up to where.
async fn keep<K: Contents>(
    connection: &mut SqliteConnection,
    contents: &K,
    tenant: TenantId,
    partition: Partition,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    contents.copy_tenant(&mut transaction, "main", "kept", tenant).await?;
    sqlx::query(
        "INSERT INTO kept.checkpoints SELECT * FROM main.checkpoints \
         WHERE projection = ? AND partition = ?",
    )
    .bind(contents.projection())
    .bind(i64::from(partition.0))
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}
