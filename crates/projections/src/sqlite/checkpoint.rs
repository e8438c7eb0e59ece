//! Checkpoints and claims of the projections of a file, in its table `checkpoints`.

use foodflow_log::Partition;
use sqlx::{SqliteConnection, SqlitePool};

use super::error::{corrupt, from_stored, to_stored, unavailable};
use crate::store::{Checkpoint, Claim, Epoch, StoreError};

const STORED: &str =
    "SELECT epoch, position, recorded_at FROM checkpoints WHERE projection = ? AND partition = ?";

const CLAIM: &str = "INSERT INTO checkpoints (projection, partition, epoch, position) \
     VALUES (?, ?, 1, 0) ON CONFLICT DO UPDATE SET epoch = epoch + 1";

const STORE: &str =
    "UPDATE checkpoints SET position = ?3, recorded_at = ?4 WHERE projection = ?1 AND partition = ?2";

/// Where the projection stands in `partition`, and who may write it.
pub(crate) async fn stored_claim(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    let row: Option<(i64, i64, Option<String>)> = sqlx::query_as(STORED)
        .bind(projection)
        .bind(i64::from(partition.0))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let (epoch, position, recorded_at) = row.unwrap_or_default();
    let recorded_at = recorded_at.map(|text| text.parse().map_err(|_| corrupt(text))).transpose()?;
    let checkpoint = Checkpoint { position: from_stored(position)?, recorded_at };
    Ok(Claim { epoch: Epoch(epoch.cast_unsigned()), checkpoint })
}

/// Takes the right to write `partition`.
pub(crate) async fn claim(
    writer: &SqlitePool,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    sqlx::query(CLAIM)
        .bind(projection)
        .bind(i64::from(partition.0))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    let claim = stored_claim(&mut transaction, projection, partition).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(claim)
}

/// Sets where the projection stands in `partition`, which was claimed before.
pub(crate) async fn store(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    sqlx::query(STORE)
        .bind(projection)
        .bind(i64::from(partition.0))
        .bind(to_stored(checkpoint.position)?)
        .bind(checkpoint.recorded_at.map(|at| at.to_string()))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}
