//! Tables and their layout; clearing a partition.

use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use super::error::{corrupt, unavailable};
use super::generations;
use super::isolation;
use super::place::{Place, run};
use super::slot::Slot;
use crate::store::{Checkpoint, StoreError};
use crate::tables::projection::TableProjection;

/// What every database of tables has besides them.
const BASE: &str = include_str!("../../../../../schemas/postgres/projections.sql");

/// The store's identity is made once, by whoever comes first.
const NAME_STORE: &str =
    "INSERT INTO projection_store (one, identity) VALUES (true, gen_random_uuid()) ON CONFLICT DO NOTHING";

/// Held while schemas or generations change: `CREATE TABLE IF NOT EXISTS` of two processes at once is refused to one
/// of them.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('foodflow schemas'))")
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// Creates the tables of a generation, where they do not exist, and guards them.
pub(super) async fn define(connection: &mut PgConnection, slot: &Slot) -> Result<(), StoreError> {
    let schema = slot.place.schema(connection).await?;
    // The definitions name no schema; nor do they say each time what exists.
    let before: String = sqlx::query_scalar("SELECT current_setting('search_path')")
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    let settings = format!("SET LOCAL client_min_messages = warning; SET LOCAL search_path = {schema};");
    run(connection, format!("{settings}\n{BASE}\n{}", slot.projection.postgres)).await?;
    sqlx::query("SELECT set_config('search_path', $1, true)")
        .bind(before)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    isolation::guard(connection, slot.projection, &slot.place).await
}

/// Creates the tables, and gives the store an identity unless it has one. Those of an older layout are dropped,
/// checkpoints and the other generation included: what they held is read from the log again.
pub(super) async fn migrate(slot: &Slot) -> Result<(), StoreError> {
    let mut transaction = slot.begin().await?;
    lock(&mut transaction).await?;
    // Even where it exists, defining an index waits for the batches that run, and whoever comes then waits for it.
    if !missing(&mut transaction, slot.projection).await?.is_empty() {
        bring_up_to_date(&mut transaction, slot).await?;
    }
    sqlx::query(NAME_STORE).execute(&mut *transaction).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

async fn bring_up_to_date(connection: &mut PgConnection, slot: &Slot) -> Result<(), StoreError> {
    let (name, layout) = (slot.projection.name, slot.projection.layout);
    run(connection, format!("SET LOCAL client_min_messages = warning;\n{BASE}")).await?;
    match layout_of(connection, name).await? {
        Some(found) if found > layout => {
            let reason = format!("{name} has layout {found}; this program knows {layout} at most");
            return Err(corrupt(reason));
        }
        Some(found) if found < layout => drop_all(connection, slot).await?,
        _ => {}
    }
    define(connection, slot).await?;
    isolation::guard_other(connection, slot.projection).await?;
    sqlx::query(
        "INSERT INTO projection_layouts (projection, layout) VALUES ($1, $2) \
         ON CONFLICT (projection) DO UPDATE SET layout = EXCLUDED.layout",
    )
    .bind(name)
    .bind(layout)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

async fn layout_of(connection: &mut PgConnection, projection: &str) -> Result<Option<i32>, StoreError> {
    sqlx::query_scalar("SELECT layout FROM projection_layouts WHERE projection = $1")
        .bind(projection)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)
}

/// Which store this is.
pub(super) async fn identity(pool: &PgPool) -> Result<Uuid, StoreError> {
    let found: Option<Uuid> = sqlx::query_scalar("SELECT identity FROM projection_store")
        .fetch_optional(pool)
        .await
        .map_err(unavailable)?;
    found.ok_or_else(|| corrupt("it has no identity"))
}

async fn drop_all(connection: &mut PgConnection, slot: &Slot) -> Result<(), StoreError> {
    let projection = slot.projection;
    if generations::other(connection, projection.name).await?.is_some() {
        Place::other(projection.name).remove(connection).await?;
    }
    let tables: Vec<&str> = projection.tables().iter().map(|table| table.name).collect();
    run(connection, format!("DROP TABLE IF EXISTS {}", tables.join(", "))).await?;
    for table in ["checkpoints", "tenants", "generations", "holds"] {
        let sql = format!("DELETE FROM projection_{table} WHERE projection = $1");
        let statement = sqlx::query(AssertSqlSafe(sql)).bind(projection.name);
        statement.execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Names of what [`migrate`] would make: all tables and indexes where the layout is another one.
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
         WHERE to_regclass(quote_ident(current_schema()) || '.' || name) IS NULL ORDER BY number",
    )
    .bind(&defined)
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    if !missing.is_empty() {
        return Ok(missing);
    }
    let layout = layout_of(connection, projection.name).await?;
    if layout != Some(projection.layout) {
        return Ok(defined);
    }
    isolation::unguarded(connection, projection).await
}

/// Removes everything of `partition`'s tenants; its checkpoint stands at 0 then.
pub(super) async fn clear(slot: &Slot, partition: Partition) -> Result<(), StoreError> {
    let (projection, number) = (slot.projection, i32::from(partition.0));
    let known = slot.place.name("projection_tenants");
    let mut transaction = slot.begin().await?;
    // Whoever applies a batch at the same time waits here, or is waited for.
    slot.checkpoints.locked(&mut transaction, partition).await?;
    let of_partition = "WHERE projection = $1 AND partition = $2";
    let deletions = projection.tables().into_iter().rev().map(|table| {
        let (name, tenant) = (slot.place.name(table.name), table.tenant);
        format!("DELETE FROM {name} WHERE \"{tenant}\" IN (SELECT tenant_id FROM {known} {of_partition})")
    });
    for sql in deletions.chain([format!("DELETE FROM {known} {of_partition}")]) {
        let statement = sqlx::query(AssertSqlSafe(sql)).bind(projection.name).bind(number);
        statement.execute(&mut *transaction).await.map_err(unavailable)?;
    }
    slot.checkpoints.store(&mut transaction, partition, &Checkpoint::default()).await?;
    transaction.commit().await.map_err(unavailable)
}
