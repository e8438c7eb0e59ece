//! Digests and counts: what a tenant or a partition holds, read row by row.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Row as _, SqliteConnection};

use super::edge_row::{self, edge_json};
use super::properties;
use crate::changes::{Label, NodeKey};
use crate::graph::canonical::GraphDigest;
use crate::graph::{DigestScope, Node, StoreError};
use crate::sqlite::error::{corrupt, unavailable};
use crate::sqlite::{blob, uuid};

const TENANT_NODES: &str = "SELECT tenant.tenant_id, node.label, node.id, node.properties \
     FROM graph_tenants AS tenant CROSS JOIN graph_nodes AS node ON node.tenant_key = tenant.tenant_key \
     WHERE tenant.tenant_id = ?";

/// A partition is most of the file, if not all: its rows are read as they lie.
const PARTITION_NODES: &str = "SELECT tenant.tenant_id, node.label, node.id, node.properties \
     FROM graph_nodes AS node CROSS JOIN graph_tenants AS tenant ON tenant.tenant_key = node.tenant_key \
     WHERE tenant.partition = ?";

const TENANT_EDGES: &str = concat!(
    "SELECT tenant.tenant_id, ",
    edge_json!(),
    " FROM graph_tenants AS tenant CROSS JOIN graph_edges AS edge ON edge.tenant_key = tenant.tenant_key \
     WHERE tenant.tenant_id = ?"
);

const PARTITION_EDGES: &str = concat!(
    "SELECT tenant.tenant_id, ",
    edge_json!(),
    " FROM graph_edges AS edge CROSS JOIN graph_tenants AS tenant ON tenant.tenant_key = edge.tenant_key \
     WHERE tenant.partition = ?"
);

/// Kinds of nodes and edges of one tenant or of a partition, each with its number of rows.
macro_rules! counts_where {
    ($condition:literal) => {
        concat!(
            "WITH tenant AS (SELECT tenant_key FROM graph_tenants WHERE ",
            $condition,
            ") SELECT node.label, count(*) FROM tenant CROSS JOIN graph_nodes AS node \
             ON node.tenant_key = tenant.tenant_key GROUP BY node.label \
             UNION ALL SELECT edge.edge_type || iif(edge.retired_position IS NULL, '', ' retired'), count(*) \
             FROM tenant CROSS JOIN graph_edges AS edge ON edge.tenant_key = tenant.tenant_key GROUP BY 1"
        )
    };
}

const TENANT_COUNTS: &str = counts_where!("tenant_id = ?");
const PARTITION_COUNTS: &str = counts_where!("partition = ?");

/// The digest of what `scope` covers; as of one moment where `connection` is in a transaction.
pub(super) async fn digest(
    connection: &mut SqliteConnection,
    scope: DigestScope,
) -> Result<String, StoreError> {
    let mut digest = GraphDigest::default();
    let (nodes, edges) = match scope {
        DigestScope::Tenant(_) => (TENANT_NODES, TENANT_EDGES),
        DigestScope::Partition(_) => (PARTITION_NODES, PARTITION_EDGES),
    };
    add_nodes(connection, scoped(nodes, scope), &mut digest).await?;
    add_edges(connection, scoped(edges, scope), &mut digest).await?;
    Ok(digest.finish())
}

/// How many rows of each kind `scope` covers.
pub(super) async fn counts(
    connection: &mut SqliteConnection,
    scope: DigestScope,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let statement = match scope {
        DigestScope::Tenant(_) => TENANT_COUNTS,
        DigestScope::Partition(_) => PARTITION_COUNTS,
    };
    let rows = scoped(statement, scope).fetch_all(connection).await.map_err(unavailable)?;
    let count = |row: &sqlx::sqlite::SqliteRow| {
        let count: i64 = row.try_get(1).map_err(unavailable)?;
        Ok((row.try_get(0).map_err(unavailable)?, count.unsigned_abs()))
    };
    rows.iter().map(count).collect()
}

fn scoped(statement: &'static str, scope: DigestScope) -> Query<'static, Sqlite, SqliteArguments> {
    match scope {
        DigestScope::Tenant(tenant) => sqlx::query(statement).bind(blob(tenant.0)),
        DigestScope::Partition(partition) => sqlx::query(statement).bind(i64::from(partition.0)),
    }
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
    let mut edges = Vec::with_capacity(1);
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        edge_row::read(row.try_get(1).map_err(unavailable)?, &mut edges)?;
        let tenant = TenantId(uuid(&row, 0)?);
        edges.drain(..).for_each(|edge| digest.add_edge(tenant, &edge));
    }
    Ok(())
}
