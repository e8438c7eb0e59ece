//! The tables and their version, clearing a partition ahead of a rebuild, and digests.

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, SqlitePool};

use super::edge_row::{self, edge_json};
use super::properties;
use crate::changes::{Label, NodeKey};
use crate::graph::canonical::GraphDigest;
use crate::graph::{DigestScope, Node, StoreError};
use crate::sqlite::error::{corrupt, unavailable};
use crate::sqlite::{blob, identity, objects_of_layout, uuid};

/// The tables; every statement is safe to repeat.
const SCHEMA: &str = include_str!("../../../../../schemas/embedded/food_graph.sql");
/// `PRAGMA user_version` of the layout that this program writes; goes up with every change of it.
const LAYOUT: i64 = 3;
/// What every layout so far has made.
const DROP: &str = "DROP TABLE IF EXISTS graph_edges; DROP TABLE IF EXISTS graph_nodes; \
     DROP TABLE IF EXISTS graph_tenants; DROP TABLE IF EXISTS checkpoints";

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

/// Creates the tables. Those of an older layout are dropped, checkpoints included: what they held is read from the
/// log again.
pub(super) async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(unavailable)?;
    if found > LAYOUT {
        return Err(corrupt(format!("the file has layout {found}; this program knows {LAYOUT} at most")));
    }
    if found < LAYOUT {
        sqlx::raw_sql(DROP).execute(&mut *transaction).await.map_err(unavailable)?;
        let version = format!("PRAGMA user_version = {LAYOUT}");
        sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await.map_err(unavailable)?;
    }
    sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await.map_err(unavailable)?;
    identity::name(&mut transaction).await?;
    transaction.commit().await.map_err(unavailable)
}

/// Names of tables and indexes that [`migrate`] would make: all of them where the layout is another one.
pub(super) async fn missing_schema(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let present = objects_of_layout(connection, LAYOUT).await?;
    let defined = SCHEMA.split("IF NOT EXISTS ").skip(1).filter_map(|rest| rest.split_whitespace().next());
    Ok(defined.filter(|name| !present.iter().any(|one| one == name)).map(str::to_owned).collect())
}

/// Removes everything of `partition`'s tenants; its checkpoint stands at 0 then.
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
    let checkpoint = "UPDATE checkpoints SET position = 0, recorded_at = NULL \
         WHERE projection = 'food_graph' AND partition = ?";
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
        DigestScope::Tenant(tenant) => {
            (sqlx::query(TENANT_NODES).bind(blob(tenant.0)), sqlx::query(TENANT_EDGES).bind(blob(tenant.0)))
        }
        DigestScope::Partition(partition) => (
            sqlx::query(PARTITION_NODES).bind(i64::from(partition.0)),
            sqlx::query(PARTITION_EDGES).bind(i64::from(partition.0)),
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
    let mut edges = Vec::with_capacity(1);
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        edge_row::read(row.try_get(1).map_err(unavailable)?, &mut edges)?;
        let tenant = TenantId(uuid(&row, 0)?);
        edges.drain(..).for_each(|edge| digest.add_edge(tenant, &edge));
    }
    Ok(())
}
