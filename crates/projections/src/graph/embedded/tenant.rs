//! Switching one tenant: its rows of the live file are replaced by those beside, in one transaction.
//!
//! What they were is kept before, in a file of its own, which becomes the previous generation: two files do not commit
//! in one step in WAL mode, and the rows cannot change in between, because the partition is held.

use std::path::Path;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::edge_row::blob;
use super::error::{corrupt, unavailable};
use super::generations::{check, refused};
use super::pointer::{self, Other, Pointer, generation_file};
use super::slot::durable;
use super::{EmbeddedGraph, claim};
use crate::graph::{ReadModel as _, StoreError};
use crate::store::generations::{Compared, RebuildScope, Role};

const NODE_COLUMNS: &str = "label, id, properties, batch_number, ingredient_id, location_id, name, product_id, \
     sku_code, status, supplier_id";

const EDGE_COLUMNS: &str = "edge_type, from_id, position, line, id, from_label, to_label, to_id, quantity, unit, \
     percent, kind, document_id, occurred_at, recorded_at, event_id, event_type, retired_position, retired_at, \
     retired_event_id, retired_event_type";

/// Replaces the rows of `tenant`.
pub(super) async fn switch(
    graph: &EmbeddedGraph,
    mut pointer: Pointer,
    other: Other,
    tenant: TenantId,
    compared: &[Compared],
) -> Result<(), StoreError> {
    let [compared] = compared else {
        return Err(refused("a tenant lies in one partition, and that alone is compared"));
    };
    let path = graph.path()?;
    let kept = pointer.next;
    pointer::remove(path, kept)?;
    let slot = graph.slot(kept).await?;
    slot.migrate().await?;
    slot.close().await;

    let mut live = durable(&generation_file(path, pointer.live)).await?;
    attach(&mut live, path, other.number, "beside").await?;
    attach(&mut live, path, kept, "kept").await?;
    keep(&mut live, tenant, compared.partition).await?;
    let mut transaction = live.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    // It has the locks of all attached files; with that of the live one nobody else replaces the pointer.
    if pointer::read(path)? != pointer {
        return Err(refused("the generations changed meanwhile"));
    }
    let stands = claim::stored(&mut transaction, compared.partition).await?;
    let beside = claim::stored_in(&mut transaction, "beside", compared.partition).await?;
    let epoch = check(compared, other.scope(), &stands, &beside)?;
    remove(&mut transaction, tenant).await?;
    copy(&mut transaction, "beside", "main", tenant).await?;
    claim::set_epoch(&mut transaction, compared.partition, epoch).await?;
    let (quarantine, beside) = (stands.checkpoint.quarantine, beside.checkpoint.quarantine);
    let quarantine = quarantine.with_tenant_of(tenant, &beside);
    claim::set_quarantine(&mut transaction, compared.partition, &quarantine).await?;
    transaction.commit().await.map_err(unavailable)?;

    let (scope, filled_by) = (RebuildScope::Tenant(tenant), other.filled_by.clone());
    pointer.next = kept + 1;
    pointer.other = Some(Other::new(kept, Role::Previous, scope, filled_by));
    let lock = live.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    pointer::replace(path, &pointer)?;
    lock.rollback().await.map_err(unavailable)?;
    live.close().await.map_err(unavailable)?;
    pointer::remove(path, other.number)
}

async fn attach(
    connection: &mut SqliteConnection,
    graph: &Path,
    number: u64,
    name: &'static str,
) -> Result<(), StoreError> {
    let file = generation_file(graph, number);
    let file = file.to_str().ok_or_else(|| refused(format!("{} is no UTF-8", file.display())))?.to_owned();
    let statement = sqlx::query(AssertSqlSafe(format!("ATTACH DATABASE ? AS {name}"))).bind(file);
    statement.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// Copies what the live file holds of `tenant`, and up to where.
async fn keep(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    partition: Partition,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    copy(&mut transaction, "main", "kept", tenant).await?;
    sqlx::query(
        "INSERT INTO kept.checkpoints SELECT * FROM main.checkpoints \
         WHERE projection = 'food_graph' AND partition = ?",
    )
    .bind(i64::from(partition.0))
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

async fn remove(connection: &mut SqliteConnection, tenant: TenantId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM main.graph_edges WHERE tenant_key = (SELECT tenant_key FROM main.graph_tenants WHERE tenant_id = ?)",
        "DELETE FROM main.graph_nodes WHERE tenant_key = (SELECT tenant_key FROM main.graph_tenants WHERE tenant_id = ?)",
    ] {
        sqlx::query(sql).bind(blob(tenant.0)).execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Copies the rows of `tenant` from one attached file to another that has none of them, in their order.
async fn copy(
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
