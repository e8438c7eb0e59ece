//! The changes of a batch: deletions, then for each table its rows.
//!
//! Rows that are changed are read and written as a whole: decimals are text here, and only this program adds them
//! exactly.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::statements::TableStatements;
use super::values::{bind, read_row};
use crate::digest::Canonical;
use crate::sqlite::blob;
use crate::sqlite::bulk::BulkInsert;
use crate::sqlite::error::{STORE, corrupt, not_written, unavailable};
use crate::store::StoreError;
use crate::tables::TableChange;
use crate::tables::description::Table;
use crate::tables::fold::{FoldError, FoldedTable, Merge, fold};
use crate::tables::projection::TableProjection;
use crate::tables::row::{Key, Row};
use crate::tables::value::Value;

/// Answers with the partition that each tenant is known to be in.
static REMEMBER_TENANTS: LazyLock<BulkInsert> = LazyLock::new(|| {
    let head = "INSERT INTO projected_tenants (tenant_id, partition)";
    BulkInsert::new(head, 2, " ON CONFLICT DO UPDATE SET partition = partition RETURNING partition")
});

/// Applies the changes of a batch.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
    statements: &[TableStatements],
    partition: Partition,
    changes: Vec<(TenantId, TableChange)>,
) -> Result<(), StoreError> {
    let tenants: BTreeSet<TenantId> = changes.iter().map(|(tenant, _)| *tenant).collect();
    let folded = fold(&projection.tables(), changes).map_err(unfit)?;
    remember_tenants(connection, partition, &tenants).await?;
    for (statements, table) in statements.iter().zip(&folded).rev() {
        clear(connection, table).await?;
        run(connection, &statements.delete, &table.deletes).await?;
    }
    for (statements, table) in statements.iter().zip(folded) {
        write(connection, statements, table).await?;
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unfit(error: FoldError) -> StoreError {
    StoreError::Unfit { store: STORE, reason: error.to_string() }
}

/// Notes in which partition these tenants are: they are cleared and compared with it.
async fn remember_tenants(
    connection: &mut SqliteConnection,
    partition: Partition,
    tenants: &BTreeSet<TenantId>,
) -> Result<(), StoreError> {
    let number = i64::from(partition.0);
    let tenants: Vec<TenantId> = tenants.iter().copied().collect();
    for (sql, part) in REMEMBER_TENANTS.parts(&tenants) {
        let statement = part.iter().fold(sqlx::query_scalar(AssertSqlSafe(sql)), |statement, tenant| {
            statement.bind(blob(tenant.0)).bind(number)
        });
        let known: Vec<i64> = statement.fetch_all(&mut *connection).await.map_err(unavailable)?;
        if let Some(other) = known.iter().find(|known| **known != number) {
            return Err(corrupt(format!("a tenant of partition {number} in partition {other}")));
        }
    }
    Ok(())
}

/// Removes the rows that go before anything else is done.
async fn clear(connection: &mut SqliteConnection, folded: &FoldedTable) -> Result<(), StoreError> {
    let Table { name, tenant, .. } = folded.table;
    for of in &folded.clears {
        let sql = format!("DELETE FROM {name} WHERE \"{tenant}\" = ?1 AND \"{}\" = ?2", of.column);
        let statement = bind(sqlx::query(AssertSqlSafe(sql)).bind(blob(of.tenant.0)), &of.value);
        statement.execute(&mut *connection).await.map_err(not_written)?;
    }
    Ok(())
}

async fn write(
    connection: &mut SqliteConnection,
    statements: &TableStatements,
    folded: FoldedTable,
) -> Result<(), StoreError> {
    let FoldedTable { mut puts, appends, merges, .. } = folded;
    puts.extend(merged(connection, statements, &merges).await?);
    let values = |rows: Vec<Row>| rows.into_iter().map(|row| row.values).collect::<Vec<_>>();
    run(connection, &statements.append, &values(appends)).await?;
    run(connection, &statements.put, &values(puts)).await
}

/// What the merges make of the rows as they are.
async fn merged(
    connection: &mut SqliteConnection,
    statements: &TableStatements,
    merges: &[Merge],
) -> Result<Vec<Row>, StoreError> {
    let keys: Vec<Key> = merges.iter().map(|merge| merge.key.clone()).collect();
    let mut rows = HashMap::with_capacity(merges.len());
    for (sql, part) in statements.read.parts(&keys) {
        let found = with_values(sql, part).fetch_all(&mut *connection).await.map_err(unavailable)?;
        for row in found.iter().map(|row: &SqliteRow| read_row(row, statements.table, 0)) {
            let row = row?;
            rows.insert(canonical(&row.key()), row);
        }
    }
    let mut merged = Vec::with_capacity(merges.len());
    for merge in merges {
        merged.extend(merge.applied_to(rows.remove(&canonical(&merge.key))).map_err(unfit)?);
    }
    Ok(merged)
}

fn canonical(key: &[Value]) -> Canonical {
    let mut bytes = Canonical::empty();
    key.iter().for_each(|value| value.write_canonical(&mut bytes));
    bytes
}

/// Runs `statement` for rows of values.
async fn run(
    connection: &mut SqliteConnection,
    statement: &BulkInsert,
    rows: &[Vec<Value>],
) -> Result<(), StoreError> {
    for (sql, part) in statement.parts(rows) {
        with_values(sql, part).execute(&mut *connection).await.map_err(not_written)?;
    }
    Ok(())
}

fn with_values(
    sql: Arc<str>,
    rows: &[Vec<Value>],
) -> sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    rows.iter().flatten().fold(sqlx::query(AssertSqlSafe(sql)), bind)
}
