//! A batch and its checkpoint, in one transaction: deletions, then for each table its rows.
//!
//! The checkpoint's row is locked first, so that of two writers with the same batch the second finds it applied and
//! passes it over. The commit does not wait for the disk: what a power cut takes back is a whole transaction with its
//! checkpoint, and the projection reads it from the log again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use rust_decimal::Decimal;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::copy;
use super::error::{STORE, corrupt, not_written, unavailable};
use super::slot::Slot;
use super::statements::{TableStatements, clear, key_columns, merge};
use super::values::{bind, bind_column};
use crate::store::{Admission, StoreError};
use crate::tables::Batch;
use crate::tables::description::{Column, Table};
use crate::tables::fold::{FoldError, FoldedTable, Merge, fold};
use crate::tables::row::Row;
use crate::tables::value::Value;

/// From how many new rows on a stream is faster than arrays.
const COPY_ROWS_MIN: usize = 200;

/// Applies `batch` unless it was applied before.
pub(super) async fn apply(slot: &Slot, batch: Batch) -> Result<(), StoreError> {
    let mut transaction = slot.begin().await?;
    sqlx::query("SET LOCAL synchronous_commit = off")
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    match write_batch(&mut transaction, slot, batch).await? {
        Admission::Apply => transaction.commit().await.map_err(unavailable),
        Admission::AppliedBefore => transaction.rollback().await.map_err(unavailable),
    }
}

/// Applies `batch`, and takes it back. No constraint is deferred, so that nothing is left for the commit to refuse.
pub(super) async fn rehearse(slot: &Slot, batch: Batch) -> Result<(), StoreError> {
    let mut transaction = slot.begin().await?;
    write_batch(&mut transaction, slot, batch).await?;
    transaction.rollback().await.map_err(unavailable)
}

async fn write_batch(
    connection: &mut PgConnection,
    slot: &Slot,
    batch: Batch,
) -> Result<Admission, StoreError> {
    let stored = slot.checkpoints.locked(connection, batch.partition).await?;
    let admission = batch.admission(STORE, stored.epoch, stored.checkpoint.position)?;
    if admission == Admission::AppliedBefore {
        return Ok(admission);
    }
    let Batch { partition, changes, checkpoint, .. } = batch;
    let tenants: BTreeSet<TenantId> = changes.iter().map(|(tenant, _)| *tenant).collect();
    let folded = fold(&slot.projection.tables(), changes).map_err(unfit)?;
    remember_tenants(connection, slot, partition, &tenants).await?;
    for (statements, table) in slot.statements.iter().zip(&folded).rev() {
        delete(connection, statements, table).await?;
    }
    for (statements, table) in slot.statements.iter().zip(&folded) {
        write(connection, statements, table).await?;
    }
    slot.checkpoints.store(connection, partition, &checkpoint).await?;
    Ok(admission)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unfit(error: FoldError) -> StoreError {
    StoreError::Unfit { store: STORE, reason: error.to_string() }
}

/// Notes in which partition these tenants are: they are cleared and compared with it.
async fn remember_tenants(
    connection: &mut PgConnection,
    slot: &Slot,
    partition: Partition,
    tenants: &BTreeSet<TenantId>,
) -> Result<(), StoreError> {
    if tenants.is_empty() {
        return Ok(());
    }
    let known = slot.place.name("projection_tenants");
    let sql = format!(
        "WITH given AS (SELECT UNNEST($3::uuid[]) AS tenant_id), added AS ( \
         INSERT INTO {known} (projection, tenant_id, partition) SELECT $1, tenant_id, $2 FROM given \
         ON CONFLICT DO NOTHING) \
         SELECT tenant_id, partition FROM {known} JOIN given USING (tenant_id) \
         WHERE projection = $1 AND partition <> $2 LIMIT 1"
    );
    let elsewhere: Option<(Uuid, i32)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(slot.projection.name)
        .bind(i32::from(partition.0))
        .bind(tenants.iter().map(|tenant| tenant.0).collect::<Vec<Uuid>>())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    match elsewhere {
        None => Ok(()),
        Some((tenant, other)) => {
            Err(corrupt(format!("tenant {tenant} in partition {other}, not {}", partition.0)))
        }
    }
}

async fn delete(
    connection: &mut PgConnection,
    statements: &TableStatements,
    folded: &FoldedTable,
) -> Result<(), StoreError> {
    for of in &folded.clears {
        let sql = clear(statements.table, &statements.name, of.column);
        let statement = bind(sqlx::query(AssertSqlSafe(sql)).bind(of.tenant.0), &of.value);
        let cleared = statement.execute(&mut *connection).await;
        cleared.map_err(|error| not_written(statements.table.name, error))?;
    }
    let columns = key_columns(statements.table);
    let keys: Vec<Vec<&Value>> = folded.deletes.iter().map(|key| key.iter().collect()).collect();
    run(connection, Arc::clone(&statements.delete), statements.table, &columns, &keys).await
}

async fn write(
    connection: &mut PgConnection,
    statements: &TableStatements,
    folded: &FoldedTable,
) -> Result<(), StoreError> {
    let FoldedTable { table, puts, appends, merges, .. } = folded;
    add(connection, statements, appends).await?;
    put(connection, statements, puts).await?;
    for (shape, merges) in by_shape(merges) {
        change(connection, statements, &shape, &merges).await?;
    }
    let absent: Vec<&Row> = merges.iter().filter_map(|merge| merge.if_absent.as_ref()).collect();
    insert(connection, Arc::clone(&statements.fill), table, &absent).await
}

/// Adds rows under keys that no row has.
async fn add(
    connection: &mut PgConnection,
    statements: &TableStatements,
    rows: &[Row],
) -> Result<(), StoreError> {
    if rows.len() < COPY_ROWS_MIN {
        let rows: Vec<&Row> = rows.iter().collect();
        return insert(connection, Arc::clone(&statements.append), statements.table, &rows).await;
    }
    let stream = copy::stream(rows)?;
    let not_copied = |error| not_written(statements.table.name, error);
    let mut copying = connection.copy_in_raw(&statements.copy).await.map_err(unavailable)?;
    copying.send(stream).await.map_err(not_copied)?;
    copying.finish().await.map_err(not_copied)?;
    Ok(())
}

/// Sets rows, whatever was there; in a table that holds nothing yet, as in a rebuild, that is to add them.
async fn put(
    connection: &mut PgConnection,
    statements: &TableStatements,
    rows: &[Row],
) -> Result<(), StoreError> {
    if rows.len() >= COPY_ROWS_MIN && is_empty(connection, &statements.name).await? {
        return add(connection, statements, rows).await;
    }
    let rows: Vec<&Row> = rows.iter().collect();
    insert(connection, Arc::clone(&statements.put), statements.table, &rows).await
}

async fn is_empty(connection: &mut PgConnection, table: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {table})");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.map_err(unavailable)
}

/// Which columns a merge sets, and which it adds to.
type Shape = (Vec<&'static str>, Vec<&'static str>);

fn by_shape(merges: &[Merge]) -> BTreeMap<Shape, Vec<&Merge>> {
    let mut shapes: BTreeMap<Shape, Vec<&Merge>> = BTreeMap::new();
    for merge in merges {
        let set = merge.set.iter().map(|(name, _)| *name).collect();
        let add = merge.add.iter().map(|(name, _)| *name).collect();
        shapes.entry((set, add)).or_default().push(merge);
    }
    shapes
}

/// Changes rows that exist.
async fn change(
    connection: &mut PgConnection,
    statements: &TableStatements,
    (set, add): &Shape,
    merges: &[&Merge],
) -> Result<(), StoreError> {
    if set.is_empty() && add.is_empty() {
        return Ok(());
    }
    let table = statements.table;
    let named = |names: &[&'static str]| -> Vec<&'static Column> {
        names.iter().filter_map(|name| table.position_of(name)).map(|at| &table.columns[at]).collect()
    };
    let (set, add) = (named(set), named(add));
    let sql = merge(table, &statements.name, &set, &add);
    let amounts: Vec<Vec<Value>> = merges.iter().map(|merge| amounts(&merge.add)).collect();
    let rows: Vec<Vec<&Value>> = merges
        .iter()
        .zip(&amounts)
        .map(|(merge, amounts)| {
            merge.key.iter().chain(merge.set.iter().map(|(_, value)| value)).chain(amounts).collect()
        })
        .collect();
    let columns = [key_columns(table), set, add].concat();
    run(connection, sql.into(), table, &columns, &rows).await
}

fn amounts(add: &[(&'static str, Decimal)]) -> Vec<Value> {
    add.iter().map(|(_, amount)| Value::Decimal(*amount)).collect()
}

async fn insert(
    connection: &mut PgConnection,
    sql: Arc<str>,
    table: &'static Table,
    rows: &[&Row],
) -> Result<(), StoreError> {
    let columns: Vec<&Column> = table.columns.iter().collect();
    let rows: Vec<Vec<&Value>> = rows.iter().map(|row| row.values.iter().collect()).collect();
    run(connection, sql, table, &columns, &rows).await
}

/// Runs a statement on a table whose variables are the columns of these rows.
async fn run(
    connection: &mut PgConnection,
    sql: Arc<str>,
    table: &Table,
    columns: &[&Column],
    rows: &[Vec<&Value>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = sqlx::query(AssertSqlSafe(sql));
    for (index, column) in columns.iter().enumerate() {
        let values = rows.iter().filter_map(|row| row.get(index).copied());
        statement = bind_column(statement, column, values)?;
    }
    statement.execute(connection).await.map_err(|error| not_written(table.name, error))?;
    Ok(())
}
