//! Digests and counts of what is stored, read row by row: nothing but the running sum is held.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use neo4rs::{Graph, Query, query};

use super::edge_row::{self, READ_PROPERTIES};
use super::node_row::{self, EXPECTED};
use crate::changes::Label;
use crate::graph::canonical::GraphDigest;
use crate::graph::{DigestScope, StoreError};

/// Digest of the nodes and edges of `scope`.
pub(super) async fn digest(graph: &Graph, scope: DigestScope) -> Result<String, StoreError> {
    let mut digest = GraphDigest::default();
    for label in Label::ALL {
        add_nodes(graph, scope, *label, &mut digest).await?;
        add_edges(graph, scope, *label, &mut digest).await?;
    }
    Ok(digest.finish())
}

async fn add_nodes(
    graph: &Graph,
    scope: DigestScope,
    label: Label,
    digest: &mut GraphDigest,
) -> Result<(), StoreError> {
    let text = format!(
        "MATCH (n:{}) WHERE {} AND n.{EXPECTED} IS NULL RETURN properties(n) AS n",
        label.as_str(),
        condition(scope, "n")
    );
    let mut rows = graph.execute_read(statement(&text, scope)).await?;
    while let Some(row) = rows.next().await? {
        let (tenant, node) = node_row::decode(label, &row)?;
        digest.add_node(tenant, &node);
    }
    Ok(())
}

/// The edges that start at nodes of `label`; every edge starts at one.
async fn add_edges(
    graph: &Graph,
    scope: DigestScope,
    label: Label,
    digest: &mut GraphDigest,
) -> Result<(), StoreError> {
    let text = format!(
        "MATCH (a:{}) WHERE {} MATCH (a)-[e]->(b) {READ_PROPERTIES} RETURN p.tenant_id AS tenant, {}",
        label.as_str(),
        condition(scope, "a"),
        edge_row::columns("labels(a)", "labels(b)")
    );
    let mut rows = graph.execute_read(statement(&text, scope)).await?;
    while let Some(row) = rows.next().await? {
        let tenant = TenantId(node_row::uuid(row.get("tenant")?)?);
        digest.add_edge(tenant, &edge_row::decode(&row)?);
    }
    Ok(())
}

/// How many nodes and edges of each kind `scope` covers.
pub(super) async fn counts(graph: &Graph, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for label in Label::ALL {
        let start = format!("MATCH (n:{}) WHERE {}", label.as_str(), condition(scope, "n"));
        let nodes = format!(
            "{start} AND n.{EXPECTED} IS NULL RETURN '{}' AS kind, count(*) AS number",
            label.as_str()
        );
        let edges = format!(
            "{start} MATCH (n)-[e]->() \
             RETURN type(e) + CASE WHEN e.retired_position IS NULL THEN '' ELSE ' retired' END AS kind, \
             count(*) AS number"
        );
        for text in [nodes, edges] {
            let mut rows = graph.execute_read(statement(&text, scope)).await?;
            while let Some(row) = rows.next().await? {
                let number: u64 = row.get("number")?;
                if number > 0 {
                    *counts.entry(row.get("kind")?).or_default() += number;
                }
            }
        }
    }
    Ok(counts)
}

fn condition(scope: DigestScope, node: &str) -> String {
    match scope {
        DigestScope::Tenant(_) => format!("{node}.tenant_id = $scope"),
        DigestScope::Partition(_) => format!("{node}.partition = $scope"),
    }
}

fn statement(text: &str, scope: DigestScope) -> Query {
    match scope {
        DigestScope::Tenant(tenant) => query(text).param("scope", tenant.to_string()),
        DigestScope::Partition(partition) => query(text).param("scope", i64::from(partition.0)),
    }
}
