//! Rows that are asked for, and digests.

use foodflow_domain::TenantId;
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::error::{STORE, unavailable};
use super::values::{bind, read_row, shown};
use crate::digest::RowsDigest;
use crate::store::{DigestScope, StoreError};
use crate::tables::description::Table;
use crate::tables::projection::TableProjection;
use crate::tables::row::Row;
use crate::tables::select::Select;

/// The rows that `select` asks for.
pub(super) async fn rows(pool: &PgPool, select: &Select) -> Result<Vec<Row>, StoreError> {
    let (sql, variables) = select.statement(STORE, select.table.name, shown)?;
    let statement = variables.iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    let rows = statement.fetch_all(pool).await.map_err(unavailable)?;
    rows.iter().map(|row| read_row(row, select.table, 0)).collect()
}

/// The digest of what `scope` covers, all of it as of one moment.
pub(super) async fn digest(
    pool: &PgPool,
    projection: &'static TableProjection,
    scope: DigestScope,
) -> Result<String, StoreError> {
    let mut digest = RowsDigest::default();
    let mut transaction = pool.begin().await.map_err(unavailable)?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    for source in projection.sources {
        let statement = sqlx::query(AssertSqlSafe(rows_in_scope(source.table, scope)));
        let statement = match scope {
            DigestScope::Tenant(tenant) => statement.bind(tenant.0),
            DigestScope::Partition(partition) => statement.bind(projection.name).bind(i32::from(partition.0)),
        };
        let mut rows = statement.fetch(&mut *transaction);
        while let Some(row) = rows.try_next().await.map_err(unavailable)? {
            let tenant = TenantId(row.try_get(0).map_err(unavailable)?);
            read_row(&row, source.table, 1)?.add_to(&mut digest, tenant);
        }
    }
    transaction.rollback().await.map_err(unavailable)?;
    Ok(digest.finish())
}

/// The tenant of each row in scope, and its columns.
fn rows_in_scope(table: &Table, scope: DigestScope) -> String {
    let Table { name, tenant, columns, .. } = table;
    let columns: Vec<String> = columns.iter().map(shown).collect();
    let select = format!("SELECT \"{tenant}\", {} FROM {name}", columns.join(", "));
    match scope {
        DigestScope::Tenant(_) => format!("{select} WHERE \"{tenant}\" = $1"),
        DigestScope::Partition(_) => format!(
            "{select} WHERE \"{tenant}\" IN \
             (SELECT tenant_id FROM projection_tenants WHERE projection = $1 AND partition = $2)"
        ),
    }
}
