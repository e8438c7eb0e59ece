//! Which store a file is to the processes that share it, in its table `store`.

use sqlx::{SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::connections::Writing;
use super::error::{corrupt, unavailable};
use super::{blob, uuid};
use crate::store::StoreError;

/// Gives the file an identity unless it has one.
///
/// # Errors
/// `Unavailable` where the file cannot be written.
pub(crate) async fn name(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("INSERT OR IGNORE INTO store (only, identity) VALUES (1, ?)")
        .bind(blob(Uuid::new_v4()))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// Which store the file is.
///
/// # Errors
/// `Corrupt` where the file has no identity, `Unavailable` where it cannot be read.
pub(crate) async fn identity(readers: &SqlitePool) -> Result<Uuid, StoreError> {
    let found =
        sqlx::query("SELECT identity FROM store").fetch_optional(readers).await.map_err(unavailable)?;
    uuid(&found.ok_or_else(|| corrupt("it has no identity"))?, 0)
}

/// Gives the file the identity of the store that it is a generation of.
///
/// # Errors
/// `Unavailable` where the file cannot be written.
pub(super) async fn set(mut transaction: Writing, identity: Uuid) -> Result<(), StoreError> {
    sqlx::query("UPDATE store SET identity = ?")
        .bind(blob(identity))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}
