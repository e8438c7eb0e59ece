//! The checkpoint of a partition: where the projection stands, who may write, and who keeps others from claiming it.

use std::collections::BTreeMap;
use std::time::Duration;

use foodflow_log::Partition;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use super::blob;
use super::connections::Writing;
use super::error::{STORE, corrupt, from_stored, to_stored, unavailable};
use crate::store::quarantine::Quarantine;
use crate::store::{Checkpoint, Claim, Epoch, StoreError};

const CLAIM: &str = "INSERT INTO checkpoints (projection, partition, epoch, position) \
     VALUES (?, ?, 1, 0) ON CONFLICT DO UPDATE SET epoch = epoch + 1";

const HOLD: &str = "INSERT INTO holds (projection, partition, holder, held_until) VALUES (?, ?, ?, ?) \
     ON CONFLICT DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until";

/// Who keeps a partition, and until when.
struct Hold {
    holder: Uuid,
    until: Timestamp,
}

/// Where the projection stands in `partition`, and who may write it.
pub(crate) async fn stored(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    stored_in(connection, "main", projection, partition).await
}

/// As [`stored`], in a file that is attached under a name.
pub(crate) async fn stored_in(
    connection: &mut SqliteConnection,
    file: &'static str,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    let statement = format!(
        "SELECT epoch, position, recorded_at, quarantine FROM {file}.checkpoints \
         WHERE projection = ? AND partition = ?"
    );
    let row: Option<(i64, i64, Option<String>, Option<String>)> = sqlx::query_as(AssertSqlSafe(statement))
        .bind(projection)
        .bind(i64::from(partition.0))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let (epoch, position, recorded_at, quarantine) = row.unwrap_or_default();
    let recorded_at = recorded_at.map(|text| text.parse().map_err(|_| corrupt(text))).transpose()?;
    let quarantine =
        quarantine.map(|text| Quarantine::parse(&text).ok_or_else(|| corrupt(text))).transpose()?;
    let quarantine = quarantine.unwrap_or_default();
    let checkpoint = Checkpoint { position: from_stored(position)?, recorded_at, quarantine };
    Ok(Claim { epoch: Epoch(epoch.cast_unsigned()), checkpoint })
}

/// Lets wait in `partition` what `quarantine` says, and nothing else.
pub(crate) async fn set_quarantine(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
    quarantine: &Quarantine,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE main.checkpoints SET quarantine = ? WHERE projection = ? AND partition = ?")
        .bind(quarantine.to_text())
        .bind(projection)
        .bind(i64::from(partition.0))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// Where the projection stands in every partition that was claimed.
pub(crate) async fn all_stored(
    connection: &mut SqliteConnection,
    projection: &'static str,
) -> Result<BTreeMap<Partition, Checkpoint>, StoreError> {
    let numbers: Vec<i64> = sqlx::query_scalar("SELECT partition FROM checkpoints WHERE projection = ?")
        .bind(projection)
        .fetch_all(&mut *connection)
        .await
        .map_err(unavailable)?;
    let mut checkpoints = BTreeMap::new();
    for number in numbers {
        let number = u16::try_from(number).map_err(|_| corrupt(format!("partition {number}")))?;
        let partition = Partition(number);
        checkpoints.insert(partition, stored(connection, projection, partition).await?.checkpoint);
    }
    Ok(checkpoints)
}

/// Whether the file has the table of checkpoints.
pub(crate) async fn is_made(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'checkpoints'";
    let tables: i64 = sqlx::query_scalar(sql).fetch_one(connection).await.map_err(unavailable)?;
    Ok(tables > 0)
}

/// Takes the right to write `partition`.
pub(crate) async fn claim(
    mut transaction: Writing,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    if let Some(Hold { until, .. }) = held(&mut transaction, projection, partition).await? {
        return Err(StoreError::Held { store: STORE, partition, until });
    }
    let claim = raise(&mut transaction, projection, partition).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(claim)
}

/// Takes the right to write `partition`, and to be the only one to take it for `term`.
pub(crate) async fn hold(
    mut transaction: Writing,
    projection: &'static str,
    partition: Partition,
    holder: Uuid,
    term: Duration,
) -> Result<Claim, StoreError> {
    let claim = match held(&mut transaction, projection, partition).await? {
        Some(Hold { holder: other, until }) if other != holder => {
            return Err(StoreError::Held { store: STORE, partition, until });
        }
        Some(_) => stored(&mut transaction, projection, partition).await?,
        None => raise(&mut transaction, projection, partition).await?,
    };
    let until = (Timestamp::now() + term).to_string();
    let held = sqlx::query(HOLD).bind(projection).bind(i64::from(partition.0)).bind(blob(holder)).bind(until);
    held.execute(&mut *transaction).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(claim)
}

/// Ends the hold of `holder`.
pub(crate) async fn release(
    mut transaction: Writing,
    projection: &'static str,
    partition: Partition,
    holder: Uuid,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM holds WHERE projection = ? AND partition = ? AND holder = ?")
        .bind(projection)
        .bind(i64::from(partition.0))
        .bind(blob(holder))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

/// Ends every hold of a file.
pub(crate) async fn end_holds(mut transaction: Writing) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM holds").execute(&mut *transaction).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

/// Gives `partition` this epoch, and ends what holds it.
pub(crate) async fn set_epoch(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
    epoch: Epoch,
) -> Result<(), StoreError> {
    let number = i64::from(partition.0);
    sqlx::query("UPDATE checkpoints SET epoch = ? WHERE projection = ? AND partition = ?")
        .bind(epoch.0.cast_signed())
        .bind(projection)
        .bind(number)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    sqlx::query("DELETE FROM holds WHERE projection = ? AND partition = ?")
        .bind(projection)
        .bind(number)
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// Gives `partition` the next epoch.
async fn raise(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
) -> Result<Claim, StoreError> {
    sqlx::query(CLAIM)
        .bind(projection)
        .bind(i64::from(partition.0))
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    stored(connection, projection, partition).await
}

/// Sets where the projection stands in `partition`, which was claimed before.
pub(crate) async fn store_checkpoint(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE checkpoints SET position = ?, recorded_at = ?, quarantine = ? \
         WHERE projection = ? AND partition = ?",
    )
    .bind(to_stored(checkpoint.position)?)
    .bind(checkpoint.recorded_at.map(|at| at.to_string()))
    .bind(checkpoint.quarantine.to_text())
    .bind(projection)
    .bind(i64::from(partition.0))
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

/// The hold of `partition` that is in force.
async fn held(
    connection: &mut SqliteConnection,
    projection: &'static str,
    partition: Partition,
) -> Result<Option<Hold>, StoreError> {
    let row: Option<(Vec<u8>, String)> =
        sqlx::query_as("SELECT holder, held_until FROM holds WHERE projection = ? AND partition = ?")
            .bind(projection)
            .bind(i64::from(partition.0))
            .fetch_optional(connection)
            .await
            .map_err(unavailable)?;
    let Some((holder, until)) = row else { return Ok(None) };
    let holder = Uuid::from_slice(&holder).map_err(|error| corrupt(error.to_string()))?;
    let until: Timestamp = until.parse().map_err(|_| corrupt(until))?;
    Ok((until > Timestamp::now()).then_some(Hold { holder, until }))
}
