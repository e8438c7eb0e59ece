//! Rows that are asked for, and digests.

use foodflow_domain::TenantId;
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, SqlitePool};

use super::values::{bind, read_row};
use crate::digest::RowsDigest;
use crate::sqlite::error::{STORE, unavailable};
use crate::sqlite::{blob, uuid};
use crate::store::{DigestScope, StoreError};
use crate::tables::description::{Column, Table};
use crate::tables::projection::TableProjection;
use crate::tables::row::Row;
use crate::tables::select::Select;

/// The rows that `select` asks for.
pub(super) async fn rows(readers: &SqlitePool, select: &Select) -> Result<Vec<Row>, StoreError> {
    let (sql, variables) = select.statement(STORE, select.table.name, quoted)?;
    let statement = variables.iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    let rows = statement.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| read_row(row, select.table, 0)).collect()
}

fn quoted(column: &Column) -> String {
    format!("\"{}\"", column.name)
}

/// The digest of what `scope` covers, all of it as of one moment.
pub(super) async fn digest(
    readers: &SqlitePool,
    projection: &'static TableProjection,
    scope: DigestScope,
) -> Result<String, StoreError> {
    let mut digest = RowsDigest::default();
    let mut transaction = readers.begin().await.map_err(unavailable)?;
    for source in projection.sources {
        let sql = rows_in_scope(source.table, scope);
        let statement = sqlx::query(AssertSqlSafe(sql));
        let statement = match scope {
            DigestScope::Tenant(tenant) => statement.bind(blob(tenant.0)),
            DigestScope::Partition(partition) => statement.bind(i64::from(partition.0)),
        };
        let mut rows = statement.fetch(&mut *transaction);
        while let Some(row) = rows.try_next().await.map_err(unavailable)? {
            read_row(&row, source.table, 1)?.add_to(&mut digest, TenantId(uuid(&row, 0)?));
        }
    }
    transaction.rollback().await.map_err(unavailable)?;
    Ok(digest.finish())
}

/// The tenant of each row in scope, and its columns.
fn rows_in_scope(table: &Table, scope: DigestScope) -> String {
    let Table { name, tenant, columns, .. } = table;
    let columns: Vec<String> = columns.iter().map(|column| format!("{name}.\"{}\"", column.name)).collect();
    let select = format!("SELECT {name}.\"{tenant}\", {} FROM {name}", columns.join(", "));
    match scope {
        DigestScope::Tenant(_) => format!("{select} WHERE {name}.\"{tenant}\" = ?"),
        DigestScope::Partition(_) => format!(
            "{select} CROSS JOIN projected_tenants ON projected_tenants.tenant_id = {name}.\"{tenant}\" \
             WHERE projected_tenants.partition = ?"
        ),
    }
}
