//! Digests and counts of what is stored, read row by row: nothing but the running sum is held.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use neo4rs::{Graph, Query, query};

use super::edge_row::{self, READ_PROPERTIES};
use super::names::{Generation, parse_edge_type};
use super::node_row::{self, EXPECTED};
use crate::changes::Label;
use crate::graph::canonical::GraphDigest;
use crate::graph::{DigestScope, StoreError};

/// Digest of the nodes and edges of `scope`.
pub(super) async fn digest(
    graph: &Graph,
    generation: Generation,
    scope: DigestScope,
) -> Result<String, StoreError> {
    let mut digest = GraphDigest::default();
    for label in Label::ALL {
        add_nodes(graph, generation, scope, *label, &mut digest).await?;
        add_edges(graph, generation, scope, *label, &mut digest).await?;
    }
    Ok(digest.finish())
}

async fn add_nodes(
    graph: &Graph,
    generation: Generation,
    scope: DigestScope,
    label: Label,
    digest: &mut GraphDigest,
) -> Result<(), StoreError> {
    let text = format!(
        "MATCH (n:{}) WHERE {} AND n.{EXPECTED} IS NULL RETURN properties(n) AS n",
        generation.label(label),
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
    generation: Generation,
    scope: DigestScope,
    label: Label,
    digest: &mut GraphDigest,
) -> Result<(), StoreError> {
    let text = format!(
        "MATCH (a:{}) WHERE {} MATCH (a)-[e]->(b) {READ_PROPERTIES} RETURN p.tenant_id AS tenant, {}",
        generation.label(label),
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
pub(super) async fn counts(
    graph: &Graph,
    generation: Generation,
    scope: DigestScope,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for label in Label::ALL {
        let start = format!("MATCH (n:{}) WHERE {}", generation.label(*label), condition(scope, "n"));
        let name = label.as_str();
        let nodes = format!(
            "{start} AND n.{EXPECTED} IS NULL RETURN '{name}' AS kind, false AS retired, count(*) AS number"
        );
        let edges = format!(
            "{start} MATCH (n)-[e]->() \
             RETURN type(e) AS kind, e.retired_position IS NOT NULL AS retired, count(*) AS number"
        );
        for text in [nodes, edges] {
            let mut rows = graph.execute_read(statement(&text, scope)).await?;
            while let Some(row) = rows.next().await? {
                let (kind, number): (String, u64) = (row.get("kind")?, row.get("number")?);
                let kind = parse_edge_type(&kind).map_or(kind, |known| known.as_str().to_owned());
                let retired = if row.get("retired")? { " retired" } else { "" };
                if number > 0 {
                    *counts.entry(format!("{kind}{retired}")).or_default() += number;
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
