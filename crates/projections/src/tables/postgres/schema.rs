//! Tables and their layout; clearing a partition ahead of a rebuild.

use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use super::checkpoint;
use super::error::{corrupt, unavailable};
use crate::store::{Checkpoint, StoreError};
use crate::tables::description::Table;
use crate::tables::projection::TableProjection;

/// What every database of tables has besides them.
const BASE: &str = include_str!("../../../../../schemas/postgres/projections.sql");

/// Held while schemas change: `CREATE TABLE IF NOT EXISTS` of two processes at once is refused to one of them.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('foodflow schemas'))";

/// The store's identity is made once, by whoever comes first.
const NAME_STORE: &str =
    "INSERT INTO projection_store (one, identity) VALUES (true, gen_random_uuid()) ON CONFLICT DO NOTHING";

/// Creates the tables. Those of an older layout are dropped, checkpoints included: what they held is read from the
/// log again.
pub(super) async fn migrate(pool: &PgPool, projection: &'static TableProjection) -> Result<(), StoreError> {
    let (name, layout) = (projection.name, projection.layout);
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    // Of what exists it would say so each time.
    sqlx::query("SET LOCAL client_min_messages = warning")
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    sqlx::query(LOCK).execute(&mut *transaction).await.map_err(unavailable)?;
    sqlx::raw_sql(BASE).execute(&mut *transaction).await.map_err(unavailable)?;
    sqlx::query(NAME_STORE).execute(&mut *transaction).await.map_err(unavailable)?;
    let found: Option<i32> =
        sqlx::query_scalar("SELECT layout FROM projection_layouts WHERE projection = $1")
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
    match found {
        Some(found) if found > layout => {
            let reason = format!("{name} has layout {found}; this program knows {layout} at most");
            return Err(corrupt(reason));
        }
        Some(found) if found < layout => drop_all(&mut transaction, projection).await?,
        _ => {}
    }
    sqlx::raw_sql(projection.postgres).execute(&mut *transaction).await.map_err(unavailable)?;
    sqlx::query(
        "INSERT INTO projection_layouts (projection, layout) VALUES ($1, $2) \
         ON CONFLICT (projection) DO UPDATE SET layout = EXCLUDED.layout",
    )
    .bind(name)
    .bind(layout)
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

/// Which store this is.
pub(super) async fn identity(pool: &PgPool) -> Result<Uuid, StoreError> {
    let found: Option<Uuid> = sqlx::query_scalar("SELECT identity FROM projection_store")
        .fetch_optional(pool)
        .await
        .map_err(unavailable)?;
    found.ok_or_else(|| corrupt("it has no identity"))
}

async fn drop_all(
    connection: &mut PgConnection,
    projection: &'static TableProjection,
) -> Result<(), StoreError> {
    let tables: Vec<&str> = projection.tables().iter().map(|table| table.name).collect();
    let sql = format!("DROP TABLE IF EXISTS {}", tables.join(", "));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.map_err(unavailable)?;
    for sql in [
        "DELETE FROM projection_checkpoints WHERE projection = $1",
        "DELETE FROM projection_tenants WHERE projection = $1",
    ] {
        sqlx::query(sql).bind(projection.name).execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Names of tables and indexes that [`migrate`] would make: all of them where the layout is another one.
pub(super) async fn missing(
    connection: &mut PgConnection,
    projection: &'static TableProjection,
) -> Result<Vec<String>, StoreError> {
    let sql = format!("{BASE}\n{}", projection.postgres);
    let defined: Vec<String> = sql
        .split("IF NOT EXISTS ")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    let missing: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM UNNEST($1::text[]) WITH ORDINALITY AS wanted (name, number) \
         WHERE to_regclass(name) IS NULL ORDER BY number",
    )
    .bind(&defined)
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    if !missing.is_empty() {
        return Ok(missing);
    }
    let layout: Option<i32> =
        sqlx::query_scalar("SELECT layout FROM projection_layouts WHERE projection = $1")
            .bind(projection.name)
            .fetch_optional(connection)
            .await
            .map_err(unavailable)?;
    Ok(if layout == Some(projection.layout) { Vec::new() } else { defined })
}

/// Removes everything of `partition`'s tenants; its checkpoint stands at 0 then.
pub(super) async fn clear(
    pool: &PgPool,
    projection: &'static TableProjection,
    partition: Partition,
) -> Result<(), StoreError> {
    let (name, number) = (projection.name, i32::from(partition.0));
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    // Whoever applies a batch at the same time waits here, or is waited for.
    checkpoint::locked(&mut transaction, name, partition).await?;
    let others: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM projection_tenants WHERE projection = $1 AND partition <> $2)",
    )
    .bind(name)
    .bind(number)
    .fetch_one(&mut *transaction)
    .await
    .map_err(unavailable)?;
    for source in projection.sources.iter().rev() {
        let Table { name: table, tenant, .. } = source.table;
        let tenants = "SELECT tenant_id FROM projection_tenants WHERE projection = $1 AND partition = $2";
        let sql = format!("DELETE FROM {table} WHERE \"{tenant}\" IN ({tenants})");
        if others {
            sqlx::query(AssertSqlSafe(sql))
                .bind(name)
                .bind(number)
                .execute(&mut *transaction)
                .await
                .map_err(unavailable)?;
        }
    }
    if !others {
        // Quicker than to look at every row, and it gives the room back.
        let tables: Vec<&str> = projection.tables().iter().map(|table| table.name).collect();
        let sql = format!("TRUNCATE {}", tables.join(", "));
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await.map_err(unavailable)?;
    }
    sqlx::query("DELETE FROM projection_tenants WHERE projection = $1 AND partition = $2")
        .bind(name)
        .bind(number)
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    checkpoint::store(&mut transaction, name, partition, &Checkpoint::default()).await?;
    transaction.commit().await.map_err(unavailable)
}
