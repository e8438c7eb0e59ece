//! Rows that are asked for, digests and counts.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use futures::TryStreamExt as _;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Row as _};

use super::error::{STORE, not_written, unavailable};
use super::isolation::asked_for_tenant;
use super::slot::Slot;
use super::values::{bind, read_row, shown};
use crate::digest::RowsDigest;
use crate::store::{DigestScope, StoreError};
use crate::tables::description::Table;
use crate::tables::row::Row;
use crate::tables::select::Select;

/// The rows that `select` asks for, of tables in this schema.
pub(super) async fn rows(readers: &PgPool, schema: &str, select: &Select) -> Result<Vec<Row>, StoreError> {
    let table = format!("{schema}.{}", select.table.name);
    let (question, variables) = select.statement(STORE, &table, "asked.tenant", shown)?;
    let sql = asked_for_tenant(&question, &select.order_by());
    let statement = variables.iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    // What a question asks for may be a value that the server cannot hold.
    let rows = statement.fetch_all(readers).await.map_err(|error| not_written(select.table.name, error))?;
    rows.iter().map(|row| read_row(row, select.table, 0)).collect()
}

/// The digest of what `scope` covers; as of one moment where `connection` is in a transaction that reads so.
pub(super) async fn digest(
    connection: &mut PgConnection,
    slot: &Slot,
    scope: DigestScope,
) -> Result<String, StoreError> {
    let mut digest = RowsDigest::default();
    for table in slot.projection.tables() {
        let columns: Vec<String> = table.columns.iter().map(shown).collect();
        let what = format!("\"{}\", {}", table.tenant, columns.join(", "));
        let sql = in_scope(slot, table, &what, scope);
        let mut rows = scoped(sqlx::query(AssertSqlSafe(sql)), slot, scope).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(unavailable)? {
            let tenant = TenantId(row.try_get(0).map_err(unavailable)?);
            read_row(&row, table, 1)?.add_to(&mut digest, tenant);
        }
    }
    Ok(digest.finish())
}

/// How many rows of each table `scope` covers.
pub(super) async fn counts(
    connection: &mut PgConnection,
    slot: &Slot,
    scope: DigestScope,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for table in slot.projection.tables() {
        let sql = in_scope(slot, table, "count(*)", scope);
        let statement = scoped(sqlx::query(AssertSqlSafe(sql)), slot, scope);
        let row = statement.fetch_one(&mut *connection).await.map_err(unavailable)?;
        let count: i64 = row.try_get(0).map_err(unavailable)?;
        counts.insert(table.name.to_owned(), count.unsigned_abs());
    }
    Ok(counts)
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

fn scoped<'q>(statement: Statement<'q>, slot: &Slot, scope: DigestScope) -> Statement<'q> {
    match scope {
        DigestScope::Tenant(tenant) => statement.bind(tenant.0),
        DigestScope::Partition(partition) => {
            statement.bind(slot.projection.name).bind(i32::from(partition.0))
        }
    }
}

/// The question for `what` of the rows in scope.
fn in_scope(slot: &Slot, table: &Table, what: &str, scope: DigestScope) -> String {
    let (name, tenant) = (slot.place.name(table.name), table.tenant);
    let select = format!("SELECT {what} FROM {name}");
    match scope {
        DigestScope::Tenant(_) => format!("{select} WHERE \"{tenant}\" = $1"),
        DigestScope::Partition(_) => format!(
            "{select} WHERE \"{tenant}\" IN \
             (SELECT tenant_id FROM {} WHERE projection = $1 AND partition = $2)",
            slot.place.name("projection_tenants")
        ),
    }
}
