//! Checkpoints, nodes by id, edges and genealogies.
//!
//! Ids are handed over as one JSON array, so that a statement is the same for one id and for thousands. The
//! order of joins is fixed (`CROSS JOIN`, `INDEXED BY`): an id is always looked up, never a table scanned.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Row as _, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::edge_row::{self, blob, edge_json, uuid};
use super::error::{corrupt, from_stored, unavailable};
use super::properties;
use crate::changes::{Edge, EdgeType, Label, NodeKey};
use crate::graph::{Checkpoint, EdgeDirection, Node, StoreError, TRACE_EDGES_MAX, TraceDirection};

/// The short key of the tenant in variable 1; no row matches where the tenant is unknown.
macro_rules! tenant_key {
    () => {
        "(SELECT tenant_key FROM graph_tenants WHERE tenant_id = ?1)"
    };
}
pub(super) use tenant_key;

const NODES: &str = concat!(
    "SELECT node.id, node.properties FROM json_each(?3) AS wanted CROSS JOIN graph_nodes AS node \
     ON node.tenant_key = ",
    tenant_key!(),
    " AND node.label = ?2 AND node.id = unhex(wanted.value)"
);

const EDGES_FROM: &str = concat!(
    "SELECT ",
    edge_json!(),
    " FROM json_each(?4) AS wanted CROSS JOIN json_each(?3) AS type CROSS JOIN graph_edges AS edge \
     ON edge.tenant_key = ",
    tenant_key!(),
    " AND edge.edge_type = type.value AND edge.from_id = unhex(wanted.value) AND edge.from_label = ?2"
);

const EDGES_TO: &str = concat!(
    "SELECT ",
    edge_json!(),
    " FROM json_each(?4) AS wanted CROSS JOIN json_each(?3) AS type CROSS JOIN graph_edges AS edge \
     INDEXED BY graph_edges_to ON edge.tenant_key = ",
    tenant_key!(),
    " AND edge.edge_type = type.value AND edge.to_id = unhex(wanted.value) AND edge.to_label = ?2"
);

/// `UNION` visits each lot once, however many paths lead to it.
macro_rules! genealogy {
    ($reached:literal, $index:literal, $known:literal) => {
        concat!(
            "WITH RECURSIVE reached(id) AS (SELECT ?2 UNION SELECT edge.",
            $reached,
            " FROM reached CROSS JOIN graph_edges AS edge ",
            $index,
            " ON edge.tenant_key = ",
            tenant_key!(),
            " AND edge.edge_type = 'USES_INGREDIENT' AND edge.",
            $known,
            " = reached.id) SELECT ",
            edge_json!(),
            " FROM reached CROSS JOIN graph_edges AS edge ON edge.tenant_key = ",
            tenant_key!(),
            " AND edge.edge_type = 'USES_INGREDIENT' AND edge.from_id = reached.id LIMIT ?3"
        )
    };
}

const GENEALOGY_FORWARD: &str = genealogy!("from_id", "INDEXED BY graph_edges_to", "to_id");
const GENEALOGY_BACKWARD: &str = genealogy!("to_id", "", "from_id");

/// Where the projection stands in `partition`.
pub(super) async fn checkpoint(
    connection: &mut SqliteConnection,
    partition: Partition,
) -> Result<Checkpoint, StoreError> {
    let row: Option<(i64, Option<String>)> = sqlx::query_as(
        "SELECT position, recorded_at FROM checkpoints WHERE projection = 'food_graph' AND partition = ?",
    )
    .bind(i64::from(partition.0))
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    let (position, recorded_at) = row.unwrap_or_default();
    let recorded_at = recorded_at.map(|text| text.parse().map_err(|_| corrupt(text))).transpose()?;
    Ok(Checkpoint { position: from_stored(position)?, recorded_at })
}

/// The short key of `tenant`, where it has any node or edge.
pub(super) async fn find_tenant(
    connection: &mut SqliteConnection,
    tenant: TenantId,
) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar("SELECT tenant_key FROM graph_tenants WHERE tenant_id = ?")
        .bind(blob(tenant.0))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)
}

/// The nodes of these ids that exist.
pub(super) async fn nodes(
    readers: &SqlitePool,
    tenant: TenantId,
    label: Label,
    ids: &[Uuid],
) -> Result<Vec<Node>, StoreError> {
    let rows = sqlx::query(NODES)
        .bind(blob(tenant.0))
        .bind(label.as_str())
        .bind(hex_array(ids))
        .fetch_all(readers)
        .await
        .map_err(unavailable)?;
    rows.iter().map(|row| read_node(row, label)).collect()
}

/// Reads a node from its id and its properties, in the first two columns.
pub(super) fn read_node(row: &SqliteRow, label: Label) -> Result<Node, StoreError> {
    let json: &str = row.try_get(1).map_err(unavailable)?;
    Ok(Node { key: NodeKey { label, id: uuid(row, 0)? }, properties: properties::read(json)? })
}

/// Every edge of these types at these nodes.
pub(super) async fn edges(
    readers: &SqlitePool,
    tenant: TenantId,
    label: Label,
    ids: &[Uuid],
    edge_types: &[EdgeType],
    direction: EdgeDirection,
) -> Result<Vec<Edge>, StoreError> {
    let types: BTreeSet<&str> = edge_types.iter().map(|edge_type| edge_type.as_str()).collect();
    let types = serde_json::to_string(&types).map_err(|error| corrupt(error.to_string()))?;
    let sql = match direction {
        EdgeDirection::Outgoing => EDGES_FROM,
        EdgeDirection::Incoming => EDGES_TO,
    };
    let query = sqlx::query(sql).bind(blob(tenant.0)).bind(label.as_str()).bind(types).bind(hex_array(ids));
    collect(readers, query).await
}

/// The genealogy around `start`.
pub(super) async fn genealogy(
    readers: &SqlitePool,
    tenant: TenantId,
    start: Uuid,
    direction: TraceDirection,
) -> Result<Vec<Edge>, StoreError> {
    let sql = match direction {
        TraceDirection::Forward => GENEALOGY_FORWARD,
        TraceDirection::Backward => GENEALOGY_BACKWARD,
    };
    let limit = i64::try_from(TRACE_EDGES_MAX).unwrap_or(i64::MAX).saturating_add(1);
    let edges = collect(readers, sqlx::query(sql).bind(blob(tenant.0)).bind(blob(start)).bind(limit)).await?;
    if edges.len() > TRACE_EDGES_MAX {
        return Err(StoreError::TooLarge { max: TRACE_EDGES_MAX });
    }
    Ok(edges)
}

async fn collect(
    readers: &SqlitePool,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Vec<Edge>, StoreError> {
    let mut rows = query.fetch(readers);
    let mut edges = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        edges.push(edge_row::read(&row, 0)?);
    }
    edge_row::sort(&mut edges);
    Ok(edges)
}

/// Each id once, as a JSON array of hexadecimal digits.
fn hex_array(ids: &[Uuid]) -> String {
    let ids: BTreeSet<&Uuid> = ids.iter().collect();
    let mut json = String::with_capacity(2 + ids.len() * 35);
    json.push('[');
    for (index, id) in ids.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push('"');
        json.push_str(id.simple().encode_lower(&mut Uuid::encode_buffer()));
        json.push('"');
    }
    json.push(']');
    json
}
