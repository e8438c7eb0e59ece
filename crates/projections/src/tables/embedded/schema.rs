//! The tables of a file, derived from their description, and their layout; clearing a partition, and the rows of
//! one tenant.

use std::fmt::Write as _;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::values::sqlite_type;
use crate::sqlite::error::{corrupt, unavailable};
use crate::sqlite::{blob, missing_objects};
use crate::store::StoreError;
use crate::tables::description::Table;
use crate::tables::projection::TableProjection;

/// What every file of tables has besides them.
const BASE: &str = include_str!("../../../../../schemas/embedded/tables.sql");

/// Creates the tables. Those of an older layout are dropped, checkpoints included: what they held is read from the
/// log again.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
) -> Result<(), StoreError> {
    let layout = projection.layout;
    let found: i32 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(unavailable)?;
    if found > layout {
        return Err(corrupt(format!("the file has layout {found}; this program knows {layout} at most")));
    }
    if found < layout {
        drop_all(connection).await?;
    }
    let sql = format!("{}\nPRAGMA user_version = {layout};", definition(projection));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// Drops every table of the file, whatever layout made it, but for its identity.
async fn drop_all(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'store'",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    for table in tables {
        let sql = format!("DROP TABLE \"{table}\"");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// The statements that make everything in the file of a projection; each is safe to repeat.
#[must_use]
pub fn definition(projection: &TableProjection) -> String {
    let mut sql = BASE.to_owned();
    for source in projection.sources {
        define(source.table, &mut sql);
    }
    sql
}

fn define(table: &Table, sql: &mut String) {
    let Table { name, columns, key, unique, indexes, .. } = table;
    let list = |columns: &[&str]| {
        columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
    };
    let lines = columns.iter().map(|column| {
        let presence = if column.nullable { "" } else { " NOT NULL" };
        format!("    \"{}\" {}{presence}", column.name, sqlite_type(column.column_type))
    });
    let unique = unique.iter().map(|columns| format!("    UNIQUE ({})", list(columns)));
    let key = std::iter::once(format!("    PRIMARY KEY ({})", list(key)));
    let lines: Vec<String> = lines.chain(unique).chain(key).collect();
    // Writing to a string cannot fail.
    let _ = write!(sql, "\nCREATE TABLE IF NOT EXISTS {name} (\n{}\n) STRICT;\n", lines.join(",\n"));
    for index in *indexes {
        let columns = list(index.columns);
        let _ = writeln!(sql, "CREATE INDEX IF NOT EXISTS {} ON {name} ({columns});", index.name);
    }
}

/// Names of tables and indexes that [`migrate`] would make: all of them where the layout is another one.
pub(super) async fn missing(
    connection: &mut SqliteConnection,
    projection: &TableProjection,
) -> Result<Vec<String>, StoreError> {
    missing_objects(connection, projection.layout.into(), &definition(projection)).await
}

/// Removes everything of `partition`'s tenants.
pub(super) async fn clear(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
    partition: Partition,
) -> Result<(), StoreError> {
    let others: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM projected_tenants WHERE partition <> ?)")
            .bind(i64::from(partition.0))
            .fetch_one(&mut *connection)
            .await
            .map_err(unavailable)?;
    for source in projection.sources.iter().rev() {
        let Table { name, tenant, .. } = source.table;
        // SQLite drops all rows of a table at once, but looks up every one where there is a condition.
        let sql = if others {
            format!(
                "DELETE FROM {name} WHERE \"{tenant}\" IN \
                 (SELECT tenant_id FROM projected_tenants WHERE partition = {})",
                partition.0
            )
        } else {
            format!("DELETE FROM {name}")
        };
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.map_err(unavailable)?;
    }
    sqlx::query("DELETE FROM projected_tenants WHERE partition = ?")
        .bind(i64::from(partition.0))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// Removes the rows of a tenant from the file `main`.
pub(super) async fn remove_tenant(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
    tenant: TenantId,
) -> Result<(), StoreError> {
    for source in projection.sources.iter().rev() {
        let sql = format!("DELETE FROM main.{} WHERE \"{}\" = ?", source.table.name, source.table.tenant);
        let statement = sqlx::query(AssertSqlSafe(sql)).bind(blob(tenant.0));
        statement.execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Copies the rows of a tenant from one attached file to another that has none of them.
pub(super) async fn copy_tenant(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
    (from, to): (&'static str, &'static str),
    tenant: TenantId,
) -> Result<(), StoreError> {
    let copies = projection.sources.iter().map(|source| {
        let Table { name, tenant, .. } = source.table;
        format!("INSERT INTO {to}.{name} SELECT * FROM {from}.{name} WHERE \"{tenant}\" = ?1")
    });
    let tenants = format!(
        "INSERT INTO {to}.projected_tenants SELECT * FROM {from}.projected_tenants WHERE tenant_id = ?1 \
         ON CONFLICT DO NOTHING"
    );
    for sql in std::iter::once(tenants).chain(copies) {
        let statement = sqlx::query(AssertSqlSafe(sql)).bind(blob(tenant.0));
        statement.execute(&mut *connection).await.map_err(unavailable)?;
    }
    let partitions: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT partition FROM {from}.projected_tenants WHERE tenant_id = ?1 \
         UNION SELECT partition FROM {to}.projected_tenants WHERE tenant_id = ?1"
    )))
    .bind(blob(tenant.0))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    match partitions.len() {
        0 | 1 => Ok(()),
        _ => Err(corrupt(format!("tenant {tenant} lies in partitions {partitions:?}"))),
    }
}
