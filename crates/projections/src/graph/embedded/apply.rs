//! The changes of a batch: nodes, then edges, then retirements.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::edge_row::{self, EDGE_COLUMN_COUNT};
use super::properties;
use crate::changes::{Change, Edge, NodeKey, Properties};
use crate::graph::StoreError;
use crate::graph::fold::{EdgeRetirement, FoldedChanges, RetirementTarget, fold};
use crate::sqlite::blob;
use crate::sqlite::bulk::BulkInsert;
use crate::sqlite::error::{corrupt, not_written, to_stored, unavailable};

/// Texts that lists are filtered by and that rarely change once they are set; `status` changes often.
const FILTER_COLUMNS: [&str; 7] =
    ["batch_number", "ingredient_id", "location_id", "name", "product_id", "sku_code", "supplier_id"];

/// Nodes of which anything changes.
static MERGE_NODES: LazyLock<BulkInsert> = LazyLock::new(|| merge_nodes_statement(&FILTER_COLUMNS));

/// Nodes of which nothing changes that lists are filtered by, but perhaps the status.
static PATCH_NODES: LazyLock<BulkInsert> = LazyLock::new(|| merge_nodes_statement(&[]));

/// SQLite writes the index of every column that a statement sets, even to what it was. Most events leave the status
/// as it is; so it is set by a statement of its own, where it differs.
static SET_STATUS: LazyLock<BulkInsert> = LazyLock::new(|| {
    BulkInsert::new(
        "UPDATE graph_nodes SET status = properties ->> '$.status' WHERE node_key IN (SELECT node.node_key FROM (",
        3,
        ") AS new CROSS JOIN graph_nodes AS node ON node.tenant_key = new.column1 AND node.label = new.column2 \
         AND node.id = new.column3 WHERE node.status IS NOT node.properties ->> '$.status')",
    )
});

/// Inserts a node with its status and `columns`, or merges its properties and takes `columns` anew from them.
fn merge_nodes_statement(columns: &[&str]) -> BulkInsert {
    let mut head = "INSERT INTO graph_nodes (tenant_key, label, id, properties, status".to_owned();
    let mut tail =
        " ON CONFLICT DO UPDATE SET properties = json_patch(properties, excluded.properties)".to_owned();
    for column in columns {
        head.push_str(", ");
        head.push_str(column);
        tail.push_str(&format!(", {column} = json_patch(properties, excluded.properties) ->> '$.{column}'"));
    }
    head.push(')');
    BulkInsert::new(&head, 5 + columns.len(), &tail)
}

/// An edge never changes once it is written; written again it is the same edge.
static INSERT_EDGES: LazyLock<BulkInsert> = LazyLock::new(|| {
    BulkInsert::new(
        "INSERT INTO graph_edges (tenant_key, edge_type, from_id, position, line, id, from_label, to_label, to_id, \
         quantity, unit, percent, kind, document_id, occurred_at, recorded_at, event_id, event_type, \
         retired_position, retired_at, retired_event_id, retired_event_type) SELECT * FROM (",
        1 + EDGE_COLUMN_COUNT,
        ") AS new WHERE NOT EXISTS (SELECT 1 FROM graph_edges AS edge WHERE edge.tenant_key = new.column1 \
         AND edge.from_id = new.column3 AND edge.edge_type = new.column2 AND edge.id = new.column6)",
    )
});

const RETIRE_DOCUMENT: &str = "UPDATE graph_edges \
     SET retired_position = ?1, retired_at = ?2, retired_event_id = ?3, retired_event_type = ?4 \
     WHERE tenant_key = ?5 AND edge_type = ?6 AND position < ?1 AND retired_position IS NULL AND document_id = ?7";

const RETIRE_FROM: &str = "UPDATE graph_edges \
     SET retired_position = ?1, retired_at = ?2, retired_event_id = ?3, retired_event_type = ?4 \
     WHERE tenant_key = ?5 AND edge_type = ?6 AND position < ?1 AND retired_position IS NULL AND from_id = ?7 \
     AND from_label = ?8";

type TenantKeys = BTreeMap<TenantId, i64>;

/// Applies the changes of a batch.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    partition: Partition,
    changes: Vec<(TenantId, Change)>,
) -> Result<(), StoreError> {
    let FoldedChanges { nodes, edges, retirements } = fold(changes);
    let tenants = nodes.keys().map(|(tenant, _)| *tenant).chain(edges.iter().map(|(tenant, _)| *tenant));
    let keys = tenant_keys(connection, partition, tenants).await?;
    merge_nodes(connection, &keys, nodes).await?;
    insert_edges(connection, &keys, &edges).await?;
    for (tenant, retirement) in &retirements {
        retire(connection, *tenant, retirement).await?;
    }
    Ok(())
}

/// The short keys of these tenants; a tenant that is new gets one.
async fn tenant_keys(
    connection: &mut SqliteConnection,
    partition: Partition,
    tenants: impl Iterator<Item = TenantId>,
) -> Result<TenantKeys, StoreError> {
    let mut keys = TenantKeys::new();
    for tenant in tenants {
        if let std::collections::btree_map::Entry::Vacant(entry) = keys.entry(tenant) {
            entry.insert(tenant_key(connection, partition, tenant).await?);
        }
    }
    Ok(keys)
}

async fn tenant_key(
    connection: &mut SqliteConnection,
    partition: Partition,
    tenant: TenantId,
) -> Result<i64, StoreError> {
    let found: Option<(i64, i64)> =
        sqlx::query_as("SELECT tenant_key, partition FROM graph_tenants WHERE tenant_id = ?")
            .bind(blob(tenant.0))
            .fetch_optional(&mut *connection)
            .await
            .map_err(unavailable)?;
    match found {
        Some((key, of)) if of == i64::from(partition.0) => Ok(key),
        Some((_, of)) => Err(corrupt(format!("tenant {tenant} in partition {of}, not {}", partition.0))),
        None => sqlx::query_scalar(
            "INSERT INTO graph_tenants (tenant_id, partition) VALUES (?, ?) RETURNING tenant_key",
        )
        .bind(blob(tenant.0))
        .bind(i64::from(partition.0))
        .fetch_one(connection)
        .await
        .map_err(unavailable),
    }
}

fn key_of(keys: &TenantKeys, tenant: TenantId) -> i64 {
    *keys.get(&tenant).expect("every tenant of the batch was given a key before its rows are written")
}

async fn merge_nodes(
    connection: &mut SqliteConnection,
    keys: &TenantKeys,
    nodes: BTreeMap<(TenantId, NodeKey), Properties>,
) -> Result<(), StoreError> {
    let is_patch = |properties: &Properties| !FILTER_COLUMNS.iter().any(|name| properties.contains_key(name));
    let (patches, merges): (Vec<_>, Vec<_>) =
        nodes.into_iter().partition(|(_, properties)| is_patch(properties));
    write_nodes(&mut *connection, keys, &MERGE_NODES, &merges, &FILTER_COLUMNS).await?;
    write_nodes(&mut *connection, keys, &PATCH_NODES, &patches, &[]).await?;
    let has_status = |(_, properties): &&(_, Properties)| properties.contains_key("status");
    let changed: Vec<_> = merges.iter().chain(&patches).filter(has_status).map(|(key, _)| *key).collect();
    for (sql, part) in SET_STATUS.parts(&changed) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (tenant, key) in part {
            query = query.bind(key_of(keys, *tenant)).bind(key.label.as_str()).bind(blob(key.id));
        }
        query.execute(&mut *connection).await.map_err(not_written)?;
    }
    Ok(())
}

async fn write_nodes(
    connection: &mut SqliteConnection,
    keys: &TenantKeys,
    statement: &BulkInsert,
    nodes: &[((TenantId, NodeKey), Properties)],
    columns: &[&str],
) -> Result<(), StoreError> {
    for (sql, part) in statement.parts(nodes) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for ((tenant, key), properties) in part {
            query = query
                .bind(key_of(keys, *tenant))
                .bind(key.label.as_str())
                .bind(blob(key.id))
                .bind(properties::patch(properties)?);
            for column in ["status"].iter().chain(columns) {
                query = query.bind(properties::text(properties, column).map(str::to_owned));
            }
        }
        query.execute(&mut *connection).await.map_err(not_written)?;
    }
    Ok(())
}

async fn insert_edges(
    connection: &mut SqliteConnection,
    keys: &TenantKeys,
    edges: &[(TenantId, Box<Edge>)],
) -> Result<(), StoreError> {
    for (sql, part) in INSERT_EDGES.parts(edges) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (tenant, edge) in part {
            query = edge_row::bind(query.bind(key_of(keys, *tenant)), edge)?;
        }
        query.execute(&mut *connection).await.map_err(not_written)?;
    }
    Ok(())
}

async fn retire(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    retirement: &EdgeRetirement,
) -> Result<(), StoreError> {
    let Some(key) = find_tenant(&mut *connection, tenant).await? else { return Ok(()) };
    let EdgeRetirement { target, edge_types, retirement } = retirement;
    for edge_type in *edge_types {
        let query = match target {
            RetirementTarget::Document(_) => sqlx::query(RETIRE_DOCUMENT),
            RetirementTarget::From(_) => sqlx::query(RETIRE_FROM),
        };
        let query = query
            .bind(to_stored(retirement.position)?)
            .bind(retirement.recorded_at.to_string())
            .bind(blob(retirement.event_id))
            .bind(retirement.event_type.clone())
            .bind(key)
            .bind(edge_type.as_str());
        let query = match target {
            RetirementTarget::Document(id) => query.bind(blob(*id)),
            RetirementTarget::From(from) => query.bind(blob(from.id)).bind(from.label.as_str()),
        };
        query.execute(&mut *connection).await.map_err(not_written)?;
    }
    Ok(())
}

/// The short key of `tenant`, where it has any node or edge.
async fn find_tenant(connection: &mut SqliteConnection, tenant: TenantId) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar("SELECT tenant_key FROM graph_tenants WHERE tenant_id = ?")
        .bind(blob(tenant.0))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)
}
