//! The genealogy around a lot, in one statement.
//!
//! Enumerating paths would explode where lots share ancestors: thirty levels of two lots have 2^30 paths. What
//! is asked for is reachability: distinct ends of a variable-length pattern, which the server answers with a
//! breadth-first search that visits each lot once (`VarLengthExpand(Pruning,BFS)`).

use foodflow_domain::TenantId;
use uuid::Uuid;

use super::edge_row::{self, READ_PROPERTIES};
use super::read::{collect_edges, sort};
use super::tenant_statement::{Start, TenantReader};
use crate::changes::{Edge, Label};
use crate::graph::{StoreError, TRACE_EDGES_MAX, TraceDirection};

/// Every edge whose output lot is `start` or reached from it.
pub(super) async fn genealogy(
    reader: &TenantReader<'_>,
    tenant: TenantId,
    start: Uuid,
    direction: TraceDirection,
) -> Result<Vec<Edge>, StoreError> {
    let walk = match direction {
        // Edges point from an output to its inputs.
        TraceDirection::Backward => "(s)-[:USES_INGREDIENT*0..]->(a)",
        TraceDirection::Forward => "(s)<-[:USES_INGREDIENT*0..]-(a)",
    };
    let rest = format!(
        "MATCH {walk} WITH DISTINCT a \
         MATCH (a)-[e:USES_INGREDIENT]->(b) \
         {READ_PROPERTIES} RETURN {} LIMIT $limit",
        edge_row::columns("['Batch']", "['Batch']")
    );
    let statement = Start::at_id(tenant, "s", Label::Batch, "$start").then(&rest);
    let statement = statement.param("start", start.to_string()).param("limit", TRACE_EDGES_MAX as i64 + 1);
    let mut edges = Vec::new();
    collect_edges(reader, statement, &mut edges).await?;
    sort(&mut edges);
    Ok(edges)
}
