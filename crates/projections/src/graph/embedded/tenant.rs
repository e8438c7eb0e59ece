//! The rows of one tenant, removed from a file and copied between attached files.

use foodflow_domain::TenantId;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::graph::StoreError;
use crate::sqlite::blob;
use crate::sqlite::error::{corrupt, unavailable};

const NODE_COLUMNS: &str = "label, id, properties, batch_number, ingredient_id, location_id, name, product_id, \
     sku_code, status, supplier_id";

const EDGE_COLUMNS: &str = "edge_type, from_id, position, line, id, from_label, to_label, to_id, quantity, unit, \
     percent, kind, document_id, occurred_at, recorded_at, event_id, event_type, retired_position, retired_at, \
     retired_event_id, retired_event_type";

/// Removes the rows of `tenant` from the file `main`.
pub(super) async fn remove(connection: &mut SqliteConnection, tenant: TenantId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM main.graph_edges WHERE tenant_key = (SELECT tenant_key FROM main.graph_tenants WHERE tenant_id = ?)",
        "DELETE FROM main.graph_nodes WHERE tenant_key = (SELECT tenant_key FROM main.graph_tenants WHERE tenant_id = ?)",
    ] {
        sqlx::query(sql).bind(blob(tenant.0)).execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Copies the rows of `tenant` from one attached file to another that has none of them, in their order.
pub(super) async fn copy(
    connection: &mut SqliteConnection,
    from: &'static str,
    to: &'static str,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let key = |of: &str| format!("(SELECT tenant_key FROM {of}.graph_tenants WHERE tenant_id = ?1)");
    let insert = |table: &str, columns: &str, order: &str| {
        format!(
            "INSERT INTO {to}.{table} (tenant_key, {columns}) SELECT {}, {columns} FROM {from}.{table} \
             WHERE tenant_key = {} ORDER BY {order}",
            key(to),
            key(from)
        )
    };
    let statements = [
        format!(
            "INSERT INTO {to}.graph_tenants (tenant_id, partition) \
             SELECT tenant_id, partition FROM {from}.graph_tenants WHERE tenant_id = ?1 ON CONFLICT DO NOTHING"
        ),
        insert("graph_nodes", NODE_COLUMNS, "node_key"),
        insert("graph_edges", EDGE_COLUMNS, "edge_key"),
    ];
    for sql in statements {
        let statement = sqlx::query(AssertSqlSafe(sql)).bind(blob(tenant.0));
        statement.execute(&mut *connection).await.map_err(unavailable)?;
    }
    let partitions: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT partition FROM {from}.graph_tenants WHERE tenant_id = ?1 \
         UNION SELECT partition FROM {to}.graph_tenants WHERE tenant_id = ?1"
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
