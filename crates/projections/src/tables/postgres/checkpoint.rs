//! The checkpoint of a partition: where the projection stands, who may write, and who keeps others from claiming it.

use std::collections::BTreeMap;
use std::time::Duration;

use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::error::{STORE, corrupt, from_stored, to_stored, unavailable};
use super::place::Place;
use super::values::Instant;
use crate::store::quarantine::Quarantine;
use crate::store::{Checkpoint, Claim, Epoch, StoreError};

/// Locks what is read until the transaction ends.
const LOCKED: &str = " FOR UPDATE";

/// The checkpoints of one projection in one generation.
#[derive(Debug, Clone)]
pub(super) struct Checkpoints {
    projection: &'static str,
    checkpoints: String,
    holds: String,
}

type StoredRow = (i64, i64, Option<Instant>, Option<String>);

/// A partition's number, and as [`StoredRow`].
type NumberedRow = (i32, i64, i64, Option<Instant>, Option<String>);

fn claim_of((epoch, position, recorded_at, quarantine): StoredRow) -> Result<Claim, StoreError> {
    let recorded_at = recorded_at
        .map(|at| at.timestamp().ok_or_else(|| corrupt("a recorded time beyond all time")))
        .transpose()?;
    let quarantine =
        quarantine.map(|text| Quarantine::parse(&text).ok_or_else(|| corrupt(text))).transpose()?;
    let quarantine = quarantine.unwrap_or_default();
    let checkpoint = Checkpoint { position: from_stored(position)?, recorded_at, quarantine };
    Ok(Claim { epoch: Epoch(epoch.cast_unsigned()), checkpoint })
}

impl Checkpoints {
    pub(super) fn new(projection: &'static str, place: &Place) -> Self {
        let (checkpoints, holds) = (place.name("projection_checkpoints"), place.name("projection_holds"));
        Self { projection, checkpoints, holds }
    }

    /// Where the projection stands in `partition`, and who may write it.
    pub(super) async fn stored(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
    ) -> Result<Claim, StoreError> {
        self.ask(connection, partition, "").await
    }

    /// The same, locked until the transaction ends: writers of one partition take turns.
    pub(super) async fn locked(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
    ) -> Result<Claim, StoreError> {
        self.ask(connection, partition, LOCKED).await
    }

    async fn ask(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
        lock: &str,
    ) -> Result<Claim, StoreError> {
        let sql = format!(
            "SELECT epoch, position, recorded_at, quarantine FROM {} WHERE projection = $1 AND partition = $2{lock}",
            self.checkpoints
        );
        let row: Option<StoredRow> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .fetch_optional(connection)
            .await
            .map_err(unavailable)?;
        claim_of(row.unwrap_or_default())
    }

    /// Where the projection stands in every partition that was claimed.
    pub(super) async fn all_stored(
        &self,
        connection: &mut PgConnection,
    ) -> Result<BTreeMap<Partition, Checkpoint>, StoreError> {
        self.ask_all(connection, "").await
    }

    /// The same, locked until the transaction ends.
    pub(super) async fn all_locked(
        &self,
        connection: &mut PgConnection,
    ) -> Result<BTreeMap<Partition, Checkpoint>, StoreError> {
        self.ask_all(connection, LOCKED).await
    }

    async fn ask_all(
        &self,
        connection: &mut PgConnection,
        lock: &str,
    ) -> Result<BTreeMap<Partition, Checkpoint>, StoreError> {
        let sql = format!(
            "SELECT partition, epoch, position, recorded_at, quarantine FROM {} WHERE projection = $1 \
             ORDER BY partition{lock}",
            self.checkpoints
        );
        let rows: Vec<NumberedRow> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.projection)
            .fetch_all(connection)
            .await
            .map_err(unavailable)?;
        let mut checkpoints = BTreeMap::new();
        for (number, epoch, position, recorded_at, quarantine) in rows {
            let number = u16::try_from(number).map_err(|_| corrupt(format!("partition {number}")))?;
            let claim = claim_of((epoch, position, recorded_at, quarantine))?;
            checkpoints.insert(Partition(number), claim.checkpoint);
        }
        Ok(checkpoints)
    }

    /// Takes the right to write `partition`.
    pub(super) async fn claim(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
    ) -> Result<Claim, StoreError> {
        // The claim comes first: its row is locked then, and nobody else begins to hold the partition.
        let claim = self.raise(connection, partition).await?;
        match self.held(connection, partition).await? {
            Some((_, until)) => Err(held_error(partition, until)?),
            None => Ok(claim),
        }
    }

    /// Takes the right to write `partition`, and to be the only one to take it for `term`.
    pub(super) async fn hold(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
        holder: Uuid,
        term: Duration,
    ) -> Result<Claim, StoreError> {
        self.begin(connection, partition).await?;
        let stored = self.locked(connection, partition).await?;
        let claim = match self.held(connection, partition).await? {
            Some((other, until)) if other != holder => return Err(held_error(partition, until)?),
            Some(_) => stored,
            None => self.raise(connection, partition).await?,
        };
        let sql = format!(
            "INSERT INTO {} (projection, partition, holder, held_until) \
             VALUES ($1, $2, $3, now() + make_interval(secs => $4)) \
             ON CONFLICT (projection, partition) DO UPDATE SET holder = $3, held_until = EXCLUDED.held_until",
            self.holds
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .bind(holder)
            .bind(term.as_secs_f64())
            .execute(connection)
            .await
            .map_err(unavailable)?;
        Ok(claim)
    }

    /// Ends the hold of `holder`; every hold where nobody is named.
    pub(super) async fn release(
        &self,
        connection: &mut PgConnection,
        partition: Option<Partition>,
        holder: Option<Uuid>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {} WHERE projection = $1 AND ($2::int IS NULL OR partition = $2) \
             AND ($3::uuid IS NULL OR holder = $3)",
            self.holds
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(partition.map(|partition| i32::from(partition.0)))
            .bind(holder)
            .execute(connection)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Sets where the projection stands in `partition`, which was claimed before.
    pub(super) async fn store(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {} SET position = $3, recorded_at = $4, quarantine = $5 \
             WHERE projection = $1 AND partition = $2",
            self.checkpoints
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .bind(to_stored(checkpoint.position)?)
            .bind(checkpoint.recorded_at.map(Instant::from))
            .bind(checkpoint.quarantine.to_text())
            .execute(connection)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Sets where the projection stands in `partition` and its epoch, whatever was there.
    pub(super) async fn replace(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
        claim: &Claim,
    ) -> Result<(), StoreError> {
        self.begin(connection, partition).await?;
        let sql =
            format!("UPDATE {} SET epoch = $3 WHERE projection = $1 AND partition = $2", self.checkpoints);
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .bind(claim.epoch.0.cast_signed())
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
        self.store(connection, partition, &claim.checkpoint).await
    }

    /// Makes the row of `partition` where it does not exist.
    async fn begin(&self, connection: &mut PgConnection, partition: Partition) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO {} (projection, partition, epoch, position) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING",
            self.checkpoints
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .execute(connection)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Gives `partition` the next epoch.
    async fn raise(&self, connection: &mut PgConnection, partition: Partition) -> Result<Claim, StoreError> {
        let sql = format!(
            "INSERT INTO {} AS known (projection, partition, epoch, position) VALUES ($1, $2, 1, 0) \
             ON CONFLICT (projection, partition) DO UPDATE SET epoch = known.epoch + 1 \
             RETURNING epoch, position, recorded_at, quarantine",
            self.checkpoints
        );
        let row: StoredRow = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .fetch_one(connection)
            .await
            .map_err(unavailable)?;
        claim_of(row)
    }

    /// Who holds `partition`, and until when, where that is in force.
    async fn held(
        &self,
        connection: &mut PgConnection,
        partition: Partition,
    ) -> Result<Option<(Uuid, Instant)>, StoreError> {
        let sql = format!(
            "SELECT holder, held_until FROM {} WHERE projection = $1 AND partition = $2 AND held_until > now()",
            self.holds
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.projection)
            .bind(i32::from(partition.0))
            .fetch_optional(connection)
            .await
            .map_err(unavailable)
    }
}

fn held_error(partition: Partition, until: Instant) -> Result<StoreError, StoreError> {
    let until = until.timestamp().ok_or_else(|| corrupt("a hold beyond all time"))?;
    Ok(StoreError::Held { store: STORE, partition, until })
}
