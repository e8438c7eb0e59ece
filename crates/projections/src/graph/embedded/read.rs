//! Nodes by id, edges and genealogies.
//!
//! Ids are handed over as one JSON array, so that a statement is the same for one id and for many. The order of
//! joins is fixed (`CROSS JOIN`, `INDEXED BY`): an id is always looked up, never a table scanned. Every row costs a
//! hand-over between threads; where few edges belong to an id, those of many ids come as one row.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;
use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::edge_row::{self, edge_json};
use super::properties;
use super::tenant_statement::{TenantStatement, tenant_key};
use crate::changes::{Edge, EdgeType, Label, NodeKey};
use crate::graph::{EdgeDirection, Node, StoreError, TRACE_EDGES_MAX, TraceDirection};
use crate::sqlite::error::{corrupt, unavailable};
use crate::sqlite::{blob, uuid};

const NODES: TenantStatement = TenantStatement::of(concat!(
    "SELECT node.id, node.properties FROM json_each(?3) AS wanted CROSS JOIN graph_nodes AS node \
     ON node.tenant_key = ",
    tenant_key!(),
    " AND node.label = ?2 AND node.id = unhex(wanted.value)"
));

/// Ids that one statement asks for, at most.
const IDS_MAX: usize = 256;

macro_rules! edges_at {
    ($result:expr, $index:literal, $id:literal, $label:literal) => {
        TenantStatement::of(concat!(
            "SELECT ",
            $result,
            " FROM json_each(?4) AS wanted CROSS JOIN json_each(?3) AS type \
             CROSS JOIN graph_edges AS edge INDEXED BY ",
            $index,
            " ON edge.tenant_key = ",
            tenant_key!(),
            " AND edge.",
            $id,
            " = unhex(wanted.value) AND edge.edge_type = type.value AND edge.",
            $label,
            " = ?2"
        ))
    };
}

/// All edges that start at some nodes, as one row: few start anywhere.
const EDGES_FROM: TenantStatement =
    edges_at!(concat!("group_concat(", edge_json!(), ", '')"), "graph_edges_from", "from_id", "from_label");

/// Each edge that ends at some nodes, as a row of its own: a million may end at a place or a product.
const EDGES_TO: TenantStatement = edges_at!(edge_json!(), "graph_edges_to", "to_id", "to_label");

/// The lots that are reached, the start among them, as one text of hexadecimal digits. `UNION` visits each lot
/// once, however many paths lead to it.
macro_rules! reached {
    ($index:literal, $known:literal, $next:literal) => {
        TenantStatement::of(concat!(
            "WITH RECURSIVE reached(id) AS (SELECT ?2 UNION SELECT edge.",
            $next,
            " FROM reached CROSS JOIN graph_edges AS edge INDEXED BY ",
            $index,
            " ON edge.tenant_key = ",
            tenant_key!(),
            " AND edge.",
            $known,
            " = reached.id AND edge.edge_type = 'USES_INGREDIENT') SELECT group_concat(hex(id), '') FROM reached"
        ))
    };
}

const REACHED_FORWARD: TenantStatement = reached!("graph_edges_to", "to_id", "from_id");
const REACHED_BACKWARD: TenantStatement = reached!("graph_edges_from", "from_id", "to_id");

/// The nodes of these ids that exist.
pub(super) async fn nodes(
    readers: &SqlitePool,
    tenant: TenantId,
    label: Label,
    ids: &[Uuid],
) -> Result<Vec<Node>, StoreError> {
    let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
    let rows = NODES
        .of_tenant(tenant)
        .bind(label.as_str())
        .bind(hex_array(&ids.into_iter().collect::<Vec<_>>()))
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
    let mut snapshot = readers.begin().await.map_err(unavailable)?;
    let mut wanted = Wanted::new(tenant, label, edge_types, direction)?;
    let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
    for ids in ids.into_iter().collect::<Vec<_>>().chunks(IDS_MAX) {
        wanted.fetch(&mut snapshot, ids).await?;
    }
    snapshot.rollback().await.map_err(unavailable)?;
    Ok(wanted.sorted())
}

/// The genealogy around `start`.
pub(super) async fn genealogy(
    readers: &SqlitePool,
    tenant: TenantId,
    start: Uuid,
    direction: TraceDirection,
) -> Result<Vec<Edge>, StoreError> {
    let mut snapshot = readers.begin().await.map_err(unavailable)?;
    let reached = reached(&mut snapshot, tenant, start, direction).await?;
    let mut wanted = Wanted::new(tenant, Label::Batch, &[EdgeType::UsesIngredient], EdgeDirection::Outgoing)?;
    for outputs in reached.chunks(IDS_MAX) {
        wanted.fetch(&mut snapshot, outputs).await?;
        if wanted.edges.len() > TRACE_EDGES_MAX {
            return Err(StoreError::TooLarge { max: TRACE_EDGES_MAX });
        }
    }
    snapshot.rollback().await.map_err(unavailable)?;
    Ok(wanted.sorted())
}

/// `start` and the lots that are reached from it.
async fn reached(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    start: Uuid,
    direction: TraceDirection,
) -> Result<Vec<Uuid>, StoreError> {
    let statement = match direction {
        TraceDirection::Forward => REACHED_FORWARD,
        TraceDirection::Backward => REACHED_BACKWARD,
    };
    let row = statement.of_tenant(tenant).bind(blob(start)).fetch_one(connection).await;
    let digits: String = row.and_then(|row| row.try_get(0)).map_err(unavailable)?;
    let id = |digits: &[u8]| Uuid::try_parse_ascii(digits).map_err(|error| corrupt(error.to_string()));
    digits.as_bytes().chunks(32).map(id).collect()
}

/// Edges of some types on one side of nodes of one label.
struct Wanted {
    direction: EdgeDirection,
    tenant: TenantId,
    label: Label,
    types: String,
    edges: Vec<Edge>,
}

impl Wanted {
    fn new(
        tenant: TenantId,
        label: Label,
        edge_types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Result<Self, StoreError> {
        let types: BTreeSet<&str> = edge_types.iter().map(|edge_type| edge_type.as_str()).collect();
        let types = serde_json::to_string(&types).map_err(|error| corrupt(error.to_string()))?;
        Ok(Self { direction, tenant, label, types, edges: Vec::new() })
    }

    /// Adds the edges at `ids`, at most [`IDS_MAX`].
    async fn fetch(&mut self, connection: &mut SqliteConnection, ids: &[Uuid]) -> Result<(), StoreError> {
        let statement = match self.direction {
            EdgeDirection::Outgoing => EDGES_FROM,
            EdgeDirection::Incoming => EDGES_TO,
        };
        let mut rows = statement
            .of_tenant(self.tenant)
            .bind(self.label.as_str())
            .bind(self.types.clone())
            .bind(hex_array(ids))
            .fetch(connection);
        while let Some(row) = rows.try_next().await.map_err(unavailable)? {
            let json: Option<&str> = row.try_get(0).map_err(unavailable)?;
            edge_row::read(json.unwrap_or_default(), &mut self.edges)?;
        }
        Ok(())
    }

    /// The edges in the order of the port: position, line, id.
    fn sorted(mut self) -> Vec<Edge> {
        self.edges.sort_unstable_by_key(|edge| (edge.position, edge.line, edge.id));
        self.edges
    }
}

/// A JSON array of ids as hexadecimal digits.
fn hex_array(ids: &[Uuid]) -> String {
    let mut json = String::with_capacity(2 + ids.len() * 35);
    json.push('[');
    for (index, id) in ids.iter().enumerate() {
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
