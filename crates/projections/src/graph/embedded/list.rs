//! Pages of nodes of one label, filtered by equality, in order of id.

use foodflow_domain::TenantId;
use sqlx::SqlitePool;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use uuid::Uuid;

use super::properties;
use super::read::read_node;
use super::tenant_statement::TenantStatement;
use crate::changes::Value;
use crate::graph::{ListQuery, Node, PAGE_NODES_MAX, StoreError};
use crate::sqlite::blob;
use crate::sqlite::error::{STORE, unavailable};

/// Text properties with an index, the most selective first: the first that a query filters by is looked up, the
/// others are checked on what it finds.
const INDEXED: &[&str] = &[
    "batch_number",
    "sku_code",
    "name",
    "supplier_id",
    "ingredient_id",
    "product_id",
    "location_id",
    "status",
];

/// A page of nodes.
pub(super) async fn list(
    readers: &SqlitePool,
    tenant: TenantId,
    query: &ListQuery,
) -> Result<Vec<Node>, StoreError> {
    let limit = i64::try_from(query.limit.clamp(1, PAGE_NODES_MAX)).unwrap_or(1);
    // The nil UUID is never an id, so that a page after it is the first.
    let after = query.after.unwrap_or(Uuid::nil());
    let mut statement =
        statement(query)?.of_tenant(tenant).bind(query.label.as_str()).bind(blob(after)).bind(limit);
    for (name, value) in &query.filters {
        statement = bind(statement, name, value)?;
    }
    let rows = statement.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| read_node(row, query.label)).collect()
}

fn is_column(name: &str, value: &Value) -> bool {
    INDEXED.contains(&name) && matches!(value, Value::Text(_))
}

/// The statement: filters are variables from the fifth on. Without statistics SQLite would rather walk the nodes
/// in order of id than look one up, so that it is told which index to take.
fn statement(query: &ListQuery) -> Result<TenantStatement, StoreError> {
    let looked_up = INDEXED
        .iter()
        .find(|name| query.filters.iter().any(|(of, value)| of == *name && is_column(of, value)));
    let index = looked_up.map(|name| format!("graph_nodes_{name}"));
    let mut conditions = "label = ?2 AND id > ?3".to_owned();
    for (index, (name, value)) in query.filters.iter().enumerate() {
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(StoreError::Unavailable {
                store: STORE,
                reason: format!("no property is named `{name}`"),
            });
        }
        let variable = index + 5;
        conditions.push_str(&match is_column(name, value) {
            true => format!(" AND {name} = ?{variable}"),
            false => format!(" AND properties -> '$.{name}' = ?{variable}"),
        });
    }
    conditions.push_str(" ORDER BY id LIMIT ?4");
    Ok(TenantStatement::nodes("id, properties", index.as_deref(), &conditions))
}

fn bind<'q>(
    statement: Query<'q, Sqlite, SqliteArguments>,
    name: &str,
    value: &Value,
) -> Result<Query<'q, Sqlite, SqliteArguments>, StoreError> {
    match value {
        Value::Text(text) if INDEXED.contains(&name) => Ok(statement.bind(text.clone())),
        value => Ok(statement.bind(properties::value(value)?)),
    }
}
