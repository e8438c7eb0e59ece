//! Rows that are asked for, digests and counts.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, SqlitePool};

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
    let (sql, variables) = select.statement(STORE, select.table.name, "$1", quoted)?;
    let statement = variables.iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    let rows = statement.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| read_row(row, select.table, 0)).collect()
}

fn quoted(column: &Column) -> String {
    format!("\"{}\"", column.name)
}

/// The digest of what `scope` covers; as of one moment where `connection` is in a transaction.
pub(super) async fn digest(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
    scope: DigestScope,
) -> Result<String, StoreError> {
    let mut digest = RowsDigest::default();
    for source in projection.sources {
        let Table { name, tenant, columns, .. } = source.table;
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{name}.\"{}\"", column.name)).collect();
        let what = format!("{name}.\"{tenant}\", {}", columns.join(", "));
        let sql = in_scope(source.table, &what, scope);
        let mut rows = scoped(sqlx::query(AssertSqlSafe(sql)), scope).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(unavailable)? {
            read_row(&row, source.table, 1)?.add_to(&mut digest, TenantId(uuid(&row, 0)?));
        }
    }
    Ok(digest.finish())
}

/// How many rows of each table `scope` covers.
pub(super) async fn counts(
    connection: &mut SqliteConnection,
    projection: &'static TableProjection,
    scope: DigestScope,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for source in projection.sources {
        let sql = in_scope(source.table, "count(*)", scope);
        let statement = scoped(sqlx::query(AssertSqlSafe(sql)), scope);
        let row = statement.fetch_one(&mut *connection).await.map_err(unavailable)?;
        let count: i64 = row.try_get(0).map_err(unavailable)?;
        counts.insert(source.table.name.to_owned(), count.unsigned_abs());
    }
    Ok(counts)
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn scoped(statement: Statement<'_>, scope: DigestScope) -> Statement<'_> {
    match scope {
        DigestScope::Tenant(tenant) => statement.bind(blob(tenant.0)),
        DigestScope::Partition(partition) => statement.bind(i64::from(partition.0)),
    }
}

/// The question for `what` of the rows in scope.
fn in_scope(table: &Table, what: &str, scope: DigestScope) -> String {
    let Table { name, tenant, .. } = table;
    let select = format!("SELECT {what} FROM {name}");
    match scope {
        DigestScope::Tenant(_) => format!("{select} WHERE {name}.\"{tenant}\" = ?"),
        DigestScope::Partition(_) => format!(
            "{select} CROSS JOIN projected_tenants ON projected_tenants.tenant_id = {name}.\"{tenant}\" \
             WHERE projected_tenants.partition = ?"
        ),
    }
}
