//! Clearing a partition ahead of a rebuild, and digests.

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Row as _, SqliteConnection, SqlitePool};

use super::edge_row::{self, blob, edge_json, uuid};
use super::error::{corrupt, unavailable};
use super::properties;
use crate::changes::{Label, NodeKey};
use crate::graph::canonical::GraphDigest;
use crate::graph::{DigestScope, Node, StoreError};

macro_rules! nodes_where {
    ($condition:literal) => {
        concat!(
            "SELECT tenant.tenant_id, node.label, node.id, node.properties FROM graph_tenants AS tenant \
             CROSS JOIN graph_nodes AS node ON node.tenant_key = tenant.tenant_key WHERE ",
            $condition
        )
    };
}

macro_rules! edges_where {
    ($condition:literal) => {
        concat!(
            "SELECT tenant.tenant_id, ",
            edge_json!(),
            " FROM graph_tenants AS tenant CROSS JOIN graph_edges AS edge \
             ON edge.tenant_key = tenant.tenant_key WHERE ",
            $condition
        )
    };
}

/// Removes everything of `partition`'s tenants and its checkpoint.
pub(super) async fn clear(writer: &SqlitePool, partition: Partition) -> Result<(), StoreError> {
    let partition = i64::from(partition.0);
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let others: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM graph_tenants WHERE partition <> ?)")
        .bind(partition)
        .fetch_one(&mut *transaction)
        .await
        .map_err(unavailable)?;
    // SQLite drops all rows of a table at once, but looks up every one where there is a condition.
    let [edges, nodes] = if others {
        [
            "DELETE FROM graph_edges WHERE tenant_key IN (SELECT tenant_key FROM graph_tenants WHERE partition = ?)",
            "DELETE FROM graph_nodes WHERE tenant_key IN (SELECT tenant_key FROM graph_tenants WHERE partition = ?)",
        ]
    } else {
        ["DELETE FROM graph_edges", "DELETE FROM graph_nodes"]
    };
    let tenants = "DELETE FROM graph_tenants WHERE partition = ?";
    let checkpoint = "DELETE FROM checkpoints WHERE projection = 'food_graph' AND partition = ?";
    for sql in [edges, nodes, tenants, checkpoint] {
        sqlx::query(sql).bind(partition).execute(&mut *transaction).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)
}

/// The digest of what `scope` covers, all of it as of one moment.
pub(super) async fn digest(readers: &SqlitePool, scope: DigestScope) -> Result<String, StoreError> {
    let mut digest = GraphDigest::default();
    let mut transaction = readers.begin().await.map_err(unavailable)?;
    let (nodes, edges) = match scope {
        DigestScope::Tenant(tenant) => (
            sqlx::query(nodes_where!("tenant.tenant_id = ?")).bind(blob(tenant.0)),
            sqlx::query(edges_where!("tenant.tenant_id = ?")).bind(blob(tenant.0)),
        ),
        DigestScope::Partition(partition) => (
            sqlx::query(nodes_where!("tenant.partition = ?")).bind(i64::from(partition.0)),
            sqlx::query(edges_where!("tenant.partition = ?")).bind(i64::from(partition.0)),
        ),
    };
    add_nodes(&mut transaction, nodes, &mut digest).await?;
    add_edges(&mut transaction, edges, &mut digest).await?;
    transaction.rollback().await.map_err(unavailable)?;
    Ok(digest.finish())
}

async fn add_nodes(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
    digest: &mut GraphDigest,
) -> Result<(), StoreError> {
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        let label: &str = row.try_get(1).map_err(unavailable)?;
        let label = Label::parse(label).ok_or_else(|| corrupt(format!("label `{label}`")))?;
        let json: &str = row.try_get(3).map_err(unavailable)?;
        let node = Node { key: NodeKey { label, id: uuid(&row, 2)? }, properties: properties::read(json)? };
        digest.add_node(TenantId(uuid(&row, 0)?), &node);
    }
    Ok(())
}

async fn add_edges(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
    digest: &mut GraphDigest,
) -> Result<(), StoreError> {
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        digest.add_edge(TenantId(uuid(&row, 0)?), &edge_row::read(&row, 1)?);
    }
    Ok(())
}
