//! The tables and their version, and clearing a partition.

use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::graph::StoreError;
use crate::sqlite::error::{corrupt, unavailable};
use crate::sqlite::missing_objects;

/// The tables; every statement is safe to repeat.
const SCHEMA: &str = include_str!("../../../../../schemas/embedded/food_graph.sql");
/// `PRAGMA user_version` of the layout that this program writes; goes up with every change of it.
const LAYOUT: i64 = 4;
/// What every layout so far has made.
const DROP: &str = "DROP TABLE IF EXISTS graph_edges; DROP TABLE IF EXISTS graph_nodes; \
     DROP TABLE IF EXISTS graph_tenants; DROP TABLE IF EXISTS checkpoints; DROP TABLE IF EXISTS holds";

/// Creates the tables. Those of an older layout are dropped, checkpoints included: what they held is read from the
/// log again.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(unavailable)?;
    if found > LAYOUT {
        return Err(corrupt(format!("the file has layout {found}; this program knows {LAYOUT} at most")));
    }
    if found < LAYOUT {
        sqlx::raw_sql(DROP).execute(&mut *connection).await.map_err(unavailable)?;
        let version = format!("PRAGMA user_version = {LAYOUT}");
        sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *connection).await.map_err(unavailable)?;
    }
    sqlx::raw_sql(SCHEMA).execute(&mut *connection).await.map_err(unavailable)?;
    Ok(())
}

/// Names of tables and indexes that [`migrate`] would make: all of them where the layout is another one.
pub(super) async fn missing_schema(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    missing_objects(connection, LAYOUT, SCHEMA).await
}

/// Removes everything of `partition`'s tenants.
pub(super) async fn clear(connection: &mut SqliteConnection, partition: Partition) -> Result<(), StoreError> {
    let partition = i64::from(partition.0);
    let others: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM graph_tenants WHERE partition <> ?)")
        .bind(partition)
        .fetch_one(&mut *connection)
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
    for sql in [edges, nodes, tenants] {
        sqlx::query(sql).bind(partition).execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}
