//! The tables and their version, and clearing a partition.

use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::edge_row::{blob, uuid};
use super::error::{corrupt, unavailable};
use super::slot::Writing;
use crate::graph::StoreError;

/// The tables; every statement is safe to repeat.
const SCHEMA: &str = include_str!("../../../../../schemas/embedded/food_graph.sql");
/// `PRAGMA user_version` of the layout that this program writes; goes up with every change of it.
const LAYOUT: i64 = 4;
/// What every layout so far has made.
const DROP: &str = "DROP TABLE IF EXISTS graph_edges; DROP TABLE IF EXISTS graph_nodes; \
     DROP TABLE IF EXISTS graph_tenants; DROP TABLE IF EXISTS checkpoints; DROP TABLE IF EXISTS holds";

/// Creates the tables. Those of an older layout are dropped, checkpoints included: what they held is read from the
/// log again.
pub(super) async fn migrate(mut transaction: Writing) -> Result<(), StoreError> {
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(unavailable)?;
    if found > LAYOUT {
        return Err(corrupt(format!("the file has layout {found}; this program knows {LAYOUT} at most")));
    }
    if found < LAYOUT {
        sqlx::raw_sql(DROP).execute(&mut *transaction).await.map_err(unavailable)?;
        let version = format!("PRAGMA user_version = {LAYOUT}");
        sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await.map_err(unavailable)?;
    }
    sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await.map_err(unavailable)?;
    sqlx::query("INSERT OR IGNORE INTO store (only, identity) VALUES (1, ?)")
        .bind(blob(Uuid::new_v4()))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

/// Which store this is.
pub(super) async fn identity(readers: &SqlitePool) -> Result<Uuid, StoreError> {
    let found =
        sqlx::query("SELECT identity FROM store").fetch_optional(readers).await.map_err(unavailable)?;
    uuid(&found.ok_or_else(|| corrupt("it has no identity"))?, 0)
}

/// Gives the file the identity of the store that it is a generation of.
pub(super) async fn set_identity(mut transaction: Writing, identity: Uuid) -> Result<(), StoreError> {
    sqlx::query("UPDATE store SET identity = ?")
        .bind(blob(identity))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

/// Names of tables and indexes that [`migrate`] would make: all of them where the layout is another one.
pub(super) async fn missing_schema(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let present: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE (SELECT user_version FROM pragma_user_version) = ?",
    )
    .bind(LAYOUT)
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let defined = SCHEMA.split("IF NOT EXISTS ").skip(1).filter_map(|rest| rest.split_whitespace().next());
    Ok(defined.filter(|name| !present.iter().any(|one| one == name)).map(str::to_owned).collect())
}

/// Removes everything of `partition`'s tenants; its checkpoint stands at 0 then.
pub(super) async fn clear(mut transaction: Writing, partition: Partition) -> Result<(), StoreError> {
    let partition = i64::from(partition.0);
    let others: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM graph_tenants WHERE partition <> ?)")
        .bind(partition)
        .fetch_one(&mut *transaction)
        .await
        .map_err(unavailable)?;
    // SQLite drops all rows of a table at once, but looks up every one where there is a condition.
    let [edges, nodes] = if others {
        [
            "DELETE FROM graph_edges WHERE tenant_key IN (SELECT tenant_key FROM graph_tenants WHERE partition = ?)",
            "DELETE FROM graph_nodes WHERE tenant_key IN (SELECT tenant_key FROM graph_tenants WHERE partition = ?)",
        ]
    } else {
        ["DELETE FROM graph_edges", "DELETE FROM graph_nodes"]
    };
    let tenants = "DELETE FROM graph_tenants WHERE partition = ?";
    let checkpoint = "UPDATE checkpoints SET position = 0, recorded_at = NULL, quarantine = NULL \
         WHERE projection = 'food_graph' AND partition = ?";
    for sql in [edges, nodes, tenants, checkpoint] {
        sqlx::query(sql).bind(partition).execute(&mut *transaction).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)
}
