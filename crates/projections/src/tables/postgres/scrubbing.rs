//! Old rows, out of the server's files: those of the tables, and the write-ahead log.
//!
//! Writing a table anew is its owner's right. What the rows left in the write-ahead log goes with its segments, and they go
//! with a checkpoint, where nothing keeps them: that takes rights which an administrator gives, and settings of the server.
//! What cannot be done is told, never passed over.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::unavailable;
use super::place::run;
use super::slot::Slot;
use crate::store::StoreError;

/// How long transactions are waited for that may still see old rows, and how often is looked.
const SEEN_TRIES_MAX: u32 = 100;
const SEEN_PAUSE: Duration = Duration::from_millis(100);

/// What the server says of its write-ahead log and of who is connected.
#[derive(sqlx::FromRow)]
struct WriteAhead {
    may_checkpoint: bool,
    may_switch: bool,
    recycles: bool,
    archives: bool,
    keeps: bool,
}

impl WriteAhead {
    async fn of(connection: &mut PgConnection) -> Result<Self, StoreError> {
        sqlx::query_as(
            "SELECT pg_has_role(current_user, 'pg_checkpoint', 'USAGE') AS may_checkpoint, \
                 has_function_privilege('pg_switch_wal()', 'EXECUTE') AS may_switch, \
                 current_setting('wal_recycle')::boolean AS recycles, \
                 current_setting('archive_mode') <> 'off' AS archives, \
                 (SELECT setting <> '0' FROM pg_settings WHERE name = 'wal_keep_size') \
                     OR EXISTS (SELECT FROM pg_replication_slots) AS keeps",
        )
        .fetch_one(connection)
        .await
        .map_err(unavailable)
    }

    const fn may_end(&self) -> bool {
        self.may_checkpoint && self.may_switch
    }

    fn left(&self) -> Vec<String> {
        let reasons = [
            (
                !self.may_end(),
                "this user may not end it: `GRANT pg_checkpoint TO` the user of the URL, and `GRANT EXECUTE ON FUNCTION \
                 pg_switch_wal() TO` that user in this database",
            ),
            (self.recycles, "its segments are used again with what is in them: set `wal_recycle = off`"),
            (self.archives, "it is archived: let the archive go after a time that you can answer for"),
            (self.keeps, "it is kept for standbys (`wal_keep_size`, replication slots) until they have it"),
        ];
        let told = |(_, reason): &(bool, &str)| format!("PostgreSQL's write-ahead log: {reason}");
        reasons.iter().filter(|(is_so, _)| *is_so).map(told).collect()
    }
}

/// What stays in the server's files whatever is done here.
pub(super) async fn left(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    Ok(WriteAhead::of(connection).await?.left())
}

/// Writes the tables of a generation anew, and ends the write-ahead log that holds what was in them.
pub(super) async fn scrub(slot: &Slot) -> Result<Vec<String>, StoreError> {
    let mut connection = slot.pool.acquire().await.map_err(unavailable)?;
    let mut left = Vec::new();
    if !is_unseen(&mut connection).await? {
        left.push(
            "rows of PostgreSQL's tables that a transaction may still see which has run for long: end it, and forget again"
                .to_owned(),
        );
    }
    for table in slot.projection.tables() {
        // What it leaves behind is new files: the rows that were there before are in none of them.
        run(&mut connection, format!("VACUUM (FULL) {}", slot.place.name(table.name))).await?;
    }
    let write_ahead = WriteAhead::of(&mut connection).await?;
    if write_ahead.may_end() {
        for statement in ["SELECT pg_switch_wal()", "CHECKPOINT"] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await.map_err(unavailable)?;
        }
    }
    left.extend(write_ahead.left());
    Ok(left)
}

/// Waits until nobody sees rows that were replaced before now: until then writing a table anew keeps them.
async fn is_unseen(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let now: String = sqlx::query_scalar("SELECT pg_current_xact_id()::xid::text")
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    for _ in 0..SEEN_TRIES_MAX {
        let is_seen: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND age(backend_xmin) > age($1::text::xid))",
        )
        .bind(&now)
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
        if !is_seen {
            return Ok(true);
        }
        tokio::time::sleep(SEEN_PAUSE).await;
    }
    Ok(false)
}
