//! What differs between the two generations, by the names that the server gives to nodes and relationships.
//!
//! Both are read in pages of the same range of ids, so that no more than a page of each is held. Every property counts,
//! also those that are derived and no digest covers. Nothing may be written to either while this runs: the partitions
//! of the live one are held, and who switches checks that nobody came between.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foodflow_domain::TenantId;
use neo4rs::{BoltMap, Graph, Row, query};

use super::generations::refused;
use super::names::{Generation, parse_edge_type, parse_label};
use crate::changes::{EdgeType, Label};
use crate::graph::StoreError;
use crate::store::generations::RebuildScope;

/// Nodes of a page.
const PAGE_NODES: usize = 2_000;
/// Beyond every id.
const LAST_ID: &str = "\u{10ffff}";
/// Most nodes and edges that a difference may hold.
const DIFFERENCE_MAX: usize = 4_000_000;

/// Edges that stand in one generation alone: which, their type, and the labels of their ends.
pub(super) type EdgeKind = (Generation, EdgeType, Label, Label);

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Nodes of one key with other properties: the live one and the other.
    pub(super) node_pairs: Vec<[String; 2]>,
    /// Nodes that stand in one generation alone.
    pub(super) nodes: BTreeMap<(Generation, Label), Vec<String>>,
    /// Edges of one id, type and ends with other properties: the live one and the other.
    pub(super) edge_pairs: Vec<[String; 2]>,
    /// Edges that stand in one generation alone.
    pub(super) edges: BTreeMap<EdgeKind, Vec<String>>,
    /// Relationships that are none of this program's.
    pub(super) foreign: Vec<String>,
}

/// A node as it is compared.
struct FoundNode {
    id: String,
    element: String,
    properties: BoltMap,
}

/// What tells an edge from others: where it starts, its type, where it ends, and its own id.
type EdgeKey = (String, EdgeType, Label, String, String);

/// The edges of one key in each generation.
type EdgesOfKey = [Vec<(String, BoltMap)>; 2];

impl Difference {
    /// Compares the generations, as far as the other one goes.
    pub(super) async fn of(graph: &Graph, scope: RebuildScope) -> Result<Self, StoreError> {
        let mut difference = Self::default();
        for label in Label::ALL {
            for tenant in tenants(graph, scope, *label).await? {
                difference.compare(graph, *label, tenant).await?;
            }
        }
        tracing::info!(
            nodes = difference.node_count(),
            edges = difference.edge_count(),
            "the generations differ in"
        );
        Ok(difference)
    }

    /// Nodes that differ.
    pub(super) fn node_count(&self) -> usize {
        self.node_pairs.len() + self.nodes.values().map(Vec::len).sum::<usize>()
    }

    /// Edges that differ.
    pub(super) fn edge_count(&self) -> usize {
        self.edge_pairs.len() + self.edges.values().map(Vec::len).sum::<usize>() + self.foreign.len()
    }

    async fn compare(&mut self, graph: &Graph, label: Label, tenant: TenantId) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let mut pages = Vec::with_capacity(2);
            for generation in Generation::BOTH {
                pages.push(nodes(graph, generation, label, tenant, &after).await?);
            }
            // A full page may go on behind its last node; what the other one holds from there on comes again.
            let full = pages.iter().filter(|page| page.len() == PAGE_NODES);
            let last = full.filter_map(|page| page.last()).map(|node| node.id.clone()).min();
            let bound = last.clone().unwrap_or_else(|| LAST_ID.to_owned());
            let [live, other] = [pages.swap_remove(0), pages.swap_remove(0)];
            self.compare_nodes(label, within(live, &bound), within(other, &bound));
            self.compare_edges(graph, label, tenant, &after, &bound).await?;
            if self.node_count() + self.edge_count() > DIFFERENCE_MAX {
                return Err(refused(format!(
                    "the generations differ in more than {DIFFERENCE_MAX} nodes and edges, which is more than one \
                     transaction may exchange; empty the database and let `foodflow serve` fill it"
                )));
            }
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    fn compare_nodes(&mut self, label: Label, live: Vec<FoundNode>, other: Vec<FoundNode>) {
        let mut live: HashMap<String, FoundNode> =
            live.into_iter().map(|node| (node.id.clone(), node)).collect();
        for node in other {
            match live.remove(&node.id) {
                Some(one) if one.properties == node.properties => {}
                Some(one) => self.node_pairs.push([one.element, node.element]),
                None => self.nodes.entry((Generation::Other, label)).or_default().push(node.element),
            }
        }
        if !live.is_empty() {
            let alone = live.into_values().map(|node| node.element);
            self.nodes.entry((Generation::Live, label)).or_default().extend(alone);
        }
    }

    async fn compare_edges(
        &mut self,
        graph: &Graph,
        label: Label,
        tenant: TenantId,
        after: &str,
        last: &str,
    ) -> Result<(), StoreError> {
        let mut found = HashMap::<EdgeKey, EdgesOfKey>::new();
        for (side, generation) in Generation::BOTH.into_iter().enumerate() {
            let text = format!(
                "MATCH (a:{}) WHERE a.tenant_id = $tenant AND a.id > $after AND a.id <= $last MATCH (a)-[e]->(b) \
                 RETURN elementId(e) AS element, a.id AS from, type(e) AS type, labels(b) AS labels, \
                 coalesce(b.id, '') AS to, toString(coalesce(e.id, '')) AS id, properties(e) AS properties",
                generation.label(label)
            );
            let statement =
                query(&text).param("tenant", tenant.to_string()).param("after", after).param("last", last);
            let mut rows = graph.execute_read(statement).await?;
            while let Some(row) = rows.next().await? {
                let element: String = row.get("element")?;
                match edge_key(&row)? {
                    Some(key) => found.entry(key).or_default()[side].push((element, row.get("properties")?)),
                    None => self.foreign.push(element),
                }
            }
        }
        for ((_, edge_type, to, ..), edges) in found {
            self.add_edges((edge_type, label, to), edges);
        }
        Ok(())
    }

    fn add_edges(&mut self, (edge_type, from, to): (EdgeType, Label, Label), [live, other]: EdgesOfKey) {
        let (mut live, mut other) = (live.into_iter(), other.into_iter());
        loop {
            let (generation, element) = match (live.next(), other.next()) {
                (Some((_, one)), Some((_, same))) if one == same => continue,
                (Some((one, _)), Some((another, _))) => {
                    self.edge_pairs.push([one, another]);
                    continue;
                }
                (Some((element, _)), None) => (Generation::Live, element),
                (None, Some((element, _))) => (Generation::Other, element),
                (None, None) => return,
            };
            self.edges.entry((generation, edge_type, from, to)).or_default().push(element);
        }
    }
}

fn within(mut page: Vec<FoundNode>, last: &str) -> Vec<FoundNode> {
    page.retain(|node| node.id.as_str() <= last);
    page
}

/// The tenants that have nodes of `label` in either generation, as far as `scope` goes.
async fn tenants(graph: &Graph, scope: RebuildScope, label: Label) -> Result<BTreeSet<TenantId>, StoreError> {
    if let RebuildScope::Tenant(tenant) = scope {
        return Ok(BTreeSet::from([tenant]));
    }
    let mut tenants = BTreeSet::new();
    for generation in Generation::BOTH {
        let text = format!(
            "MATCH (n:{}) WHERE n.tenant_id IS NOT NULL RETURN DISTINCT n.tenant_id AS tenant",
            generation.label(label)
        );
        let mut rows = graph.execute_read(query(&text)).await?;
        while let Some(row) = rows.next().await? {
            // Who is named otherwise is none of this program's tenants.
            if let Ok(tenant) = super::node_row::uuid(row.get("tenant")?) {
                tenants.insert(TenantId(tenant));
            }
        }
    }
    Ok(tenants)
}

async fn nodes(
    graph: &Graph,
    generation: Generation,
    label: Label,
    tenant: TenantId,
    after: &str,
) -> Result<Vec<FoundNode>, StoreError> {
    let text = format!(
        "MATCH (n:{}) WHERE n.tenant_id = $tenant AND n.id > $after \
         WITH n ORDER BY n.tenant_id, n.id LIMIT $limit \
         RETURN n.id AS id, elementId(n) AS element, properties(n) AS properties",
        generation.label(label)
    );
    let statement = query(&text)
        .param("tenant", tenant.to_string())
        .param("after", after)
        .param("limit", PAGE_NODES as i64);
    let mut rows = graph.execute_read(statement).await?;
    let mut page = Vec::with_capacity(PAGE_NODES);
    while let Some(row) = rows.next().await? {
        page.push(FoundNode {
            id: row.get("id")?,
            element: row.get("element")?,
            properties: row.get("properties")?,
        });
    }
    Ok(page)
}

/// `None` for a relationship that is none of this program's.
fn edge_key(row: &Row) -> Result<Option<EdgeKey>, StoreError> {
    let labels: Vec<&str> = row.get("labels")?;
    let edge_type = parse_edge_type(row.get("type")?);
    let to = labels.iter().find_map(|name| parse_label(name));
    let (Some(edge_type), Some(to)) = (edge_type, to) else { return Ok(None) };
    Ok(Some((row.get("from")?, edge_type, to, row.get("to")?, row.get("id")?)))
}
