//! The genealogy around a lot, in one statement.
//!
//! Enumerating paths would explode where lots share ancestors: thirty levels of two lots have 2^30 paths. What
//! is asked for is reachability: distinct ends of a variable-length pattern, which the server answers with a
//! breadth-first search that visits each lot once (`VarLengthExpand(Pruning,BFS)`).

use foodflow_domain::TenantId;
use neo4rs::Graph;
use uuid::Uuid;

use super::edge_row::{self, READ_PROPERTIES};
use super::names::by_id;
use super::read::{collect_edges, sort, statement};
use crate::changes::Edge;
use crate::graph::{StoreError, TRACE_EDGES_MAX, TraceDirection};

/// Every edge whose output lot is `start` or reached from it.
pub(super) async fn genealogy(
    graph: &Graph,
    tenant: TenantId,
    start: Uuid,
    direction: TraceDirection,
) -> Result<Vec<Edge>, StoreError> {
    let walk = match direction {
        // Edges point from an output to its inputs.
        TraceDirection::Backward => "(s)-[:USES_INGREDIENT*0..]->(a)",
        TraceDirection::Forward => "(s)<-[:USES_INGREDIENT*0..]-(a)",
    };
    let text = format!(
        "MATCH (s:Batch {{tenant_id: $tenant, id: $start}}) {} \
         MATCH {walk} WITH DISTINCT a \
         MATCH (a)-[e:USES_INGREDIENT]->(b) \
         {READ_PROPERTIES} RETURN {} LIMIT $limit",
        by_id("s", "Batch"),
        edge_row::columns("['Batch']", "['Batch']")
    );
    let statement =
        statement(&text, tenant).param("start", start.to_string()).param("limit", TRACE_EDGES_MAX as i64 + 1);
    let mut edges = Vec::new();
    collect_edges(graph, statement, &mut edges).await?;
    sort(&mut edges);
    Ok(edges)
}
