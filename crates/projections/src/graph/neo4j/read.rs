//! Lookups: nodes by id, pages of nodes, edges at nodes.

use std::collections::HashSet;

use foodflow_domain::TenantId;
use uuid::Uuid;

use super::STATEMENT_ROWS_MAX;
use super::edge_row::{self, READ_PROPERTIES};
use super::node_row::{self, EXPECTED};
use super::tenant_statement::{Start, TenantReader, TenantStatement};
use super::value::to_bolt;
use crate::changes::{Edge, EdgeType, Label};
use crate::graph::{EdgeDirection, ListQuery, Node, PAGE_NODES_MAX, StoreError, TRACE_EDGES_MAX};

/// What [`edges`] is asked for.
pub(super) struct WantedEdges<'a> {
    pub(super) label: Label,
    pub(super) ids: &'a [Uuid],
    pub(super) edge_types: &'a [EdgeType],
    pub(super) direction: EdgeDirection,
}

/// The nodes of these ids that exist.
pub(super) async fn nodes(
    reader: &TenantReader<'_>,
    tenant: TenantId,
    label: Label,
    ids: &[Uuid],
) -> Result<Vec<Node>, StoreError> {
    let rest = format!("WHERE n.{EXPECTED} IS NULL RETURN properties(n) AS n");
    let mut nodes = Vec::with_capacity(ids.len());
    for chunk in distinct(ids).chunks(STATEMENT_ROWS_MAX) {
        let statement = Start::at_ids(tenant, "n", label).then(&rest).param("ids", chunk);
        collect_nodes(reader, label, statement, &mut nodes).await?;
    }
    Ok(nodes)
}

/// A page of nodes in order of id.
pub(super) async fn list(
    reader: &TenantReader<'_>,
    tenant: TenantId,
    wanted: &ListQuery,
) -> Result<Vec<Node>, StoreError> {
    let limit = wanted.limit.clamp(1, PAGE_NODES_MAX);
    let after = wanted.after.map(|id| id.to_string()).unwrap_or_default();
    let conditions: String = (wanted.filters.iter().enumerate())
        .map(|(index, (name, _))| format!(" AND n.`{name}` = $filter{index}"))
        .collect();
    // Ordering by what is equal in every row lets the server read the page from an index that begins with it.
    let first = wanted.filters.first().map(|(name, _)| format!("n.`{name}`, ")).unwrap_or_default();
    let rest = format!(
        "{conditions} AND n.id > $after AND n.{EXPECTED} IS NULL \
         WITH n ORDER BY n.tenant_id, {first}n.id LIMIT $limit RETURN properties(n) AS n"
    );
    let statement = Start::at_all(tenant, "n", wanted.label).then(&rest);
    let mut statement = statement.param("after", after).param("limit", limit as i64);
    for (index, (_, value)) in wanted.filters.iter().enumerate() {
        statement = statement.param(&format!("filter{index}"), to_bolt(value));
    }
    let mut nodes = Vec::with_capacity(limit);
    collect_nodes(reader, wanted.label, statement, &mut nodes).await?;
    Ok(nodes)
}

async fn collect_nodes(
    reader: &TenantReader<'_>,
    label: Label,
    statement: TenantStatement,
    nodes: &mut Vec<Node>,
) -> Result<(), StoreError> {
    let mut rows = reader.rows(statement).await?;
    while let Some(row) = rows.next().await? {
        nodes.push(node_row::decode(label, &row)?.1);
    }
    Ok(())
}

/// Every edge of the wanted types at the wanted nodes, in order of position, line and id.
pub(super) async fn edges(
    reader: &TenantReader<'_>,
    tenant: TenantId,
    wanted: &WantedEdges<'_>,
) -> Result<Vec<Edge>, StoreError> {
    if wanted.edge_types.is_empty() {
        return Ok(Vec::new());
    }
    let types: Vec<&str> = wanted.edge_types.iter().map(|edge_type| edge_type.as_str()).collect();
    let end = match wanted.direction {
        EdgeDirection::Outgoing => "a",
        EdgeDirection::Incoming => "b",
    };
    let rest = format!(
        "MATCH (a)-[e:{types}]->(b) {READ_PROPERTIES} RETURN {columns} LIMIT $limit",
        types = types.join("|"),
        columns = edge_row::columns("labels(a)", "labels(b)"),
    );
    let mut edges = Vec::new();
    for chunk in distinct(wanted.ids).chunks(STATEMENT_ROWS_MAX) {
        let statement = Start::at_ids(tenant, end, wanted.label).then(&rest);
        let statement = statement.param("ids", chunk).param("limit", TRACE_EDGES_MAX as i64 + 1);
        collect_edges(reader, statement, &mut edges).await?;
    }
    sort(&mut edges);
    Ok(edges)
}

/// Appends the edges of a statement whose column is made by [`edge_row::columns`], up to [`TRACE_EDGES_MAX`].
pub(super) async fn collect_edges(
    reader: &TenantReader<'_>,
    statement: TenantStatement,
    edges: &mut Vec<Edge>,
) -> Result<(), StoreError> {
    let mut rows = reader.rows(statement).await?;
    while let Some(row) = rows.next().await? {
        if edges.len() == TRACE_EDGES_MAX {
            return Err(StoreError::TooLarge { max: TRACE_EDGES_MAX });
        }
        edges.push(edge_row::decode(&row)?);
    }
    Ok(())
}

/// The order that the port promises.
pub(super) fn sort(edges: &mut [Edge]) {
    edges.sort_unstable_by_key(|edge| (edge.position, edge.line, edge.id));
}

fn distinct(ids: &[Uuid]) -> Vec<String> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter().filter(|id| seen.insert(**id)).map(Uuid::to_string).collect()
}
