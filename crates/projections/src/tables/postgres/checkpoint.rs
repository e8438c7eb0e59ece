//! Checkpoints and claims.

use foodflow_log::Partition;
use sqlx::{PgConnection, PgPool};

use super::error::{corrupt, from_stored, to_stored, unavailable};
use super::values::Instant;
use crate::store::{Checkpoint, Claim, Epoch, StoreError};

const STORED: &str = "SELECT epoch, position, recorded_at \
     FROM projection_checkpoints WHERE projection = $1 AND partition = $2";

/// The row stays locked until the transaction ends: writers of one partition take turns.
const LOCKED: &str = "SELECT epoch, position, recorded_at \
     FROM projection_checkpoints WHERE projection = $1 AND partition = $2 FOR UPDATE";

const CLAIM: &str = "INSERT INTO projection_checkpoints AS known (projection, partition, epoch, position) \
     VALUES ($1, $2, 1, 0) ON CONFLICT (projection, partition) DO UPDATE SET epoch = known.epoch + 1 \
     RETURNING epoch, position, recorded_at";

const STORE: &str = "UPDATE projection_checkpoints \
     SET position = $3, recorded_at = $4 WHERE projection = $1 AND partition = $2";

type StoredRow = (i64, i64, Option<Instant>);

/// Where the projection stands in `partition`, and who may write it.
pub(super) async fn stored(
    connection: &mut PgConnection,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    ask(connection, STORED, projection, partition).await
}

/// The same, locked until the transaction ends.
pub(super) async fn locked(
    connection: &mut PgConnection,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    ask(connection, LOCKED, projection, partition).await
}

/// Takes the right to write `partition`.
pub(super) async fn claim(
    pool: &PgPool,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    let mut connection = pool.acquire().await.map_err(unavailable)?;
    ask(&mut connection, CLAIM, projection, partition).await
}

async fn ask(
    connection: &mut PgConnection,
    sql: &'static str,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    let row: Option<StoredRow> = sqlx::query_as(sql)
        .bind(projection)
        .bind(i32::from(partition.0))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let (epoch, position, recorded_at) = row.unwrap_or_default();
    let recorded_at = recorded_at
        .map(|at| at.timestamp().ok_or_else(|| corrupt("a recorded time beyond all time")))
        .transpose()?;
    let checkpoint = Checkpoint { position: from_stored(position)?, recorded_at };
    Ok(Claim { epoch: Epoch(epoch.cast_unsigned()), checkpoint })
}

/// Sets where the projection stands in `partition`, which was claimed before.
pub(super) async fn store(
    connection: &mut PgConnection,
    projection: &'static str,
    partition: Partition,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    sqlx::query(STORE)
        .bind(projection)
        .bind(i32::from(partition.0))
        .bind(to_stored(checkpoint.position)?)
        .bind(checkpoint.recorded_at.map(Instant::from))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}
