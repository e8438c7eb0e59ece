//! Clearing a partition of a generation, or the whole other one when it is given up, in transactions of bounded size.
//!
//! The checkpoint goes first, and nothing is written into the partition until all of it is gone: where clearing is cut
//! short, a projection neither goes on with holes behind it nor starts over beside what is left. Nodes are walked in pages of the index of their id, so no transaction reads or deletes
//! more than a page, even where a place has millions of edges: edges go before nodes, by the node they start at.

use foodflow_log::Partition;
use neo4rs::{Graph, query};
use uuid::Uuid;

use super::checkpoint;
use super::error::corrupt;
use super::names::Generation;
use crate::changes::Label;
use crate::graph::StoreError;

/// Nodes that one transaction looks at.
const PAGE_NODES: i64 = 2_000;
/// Edges that one transaction deletes at most.
const PAGE_EDGES: i64 = 10_000;

/// Sets the checkpoint of `partition` back and deletes its edges and nodes.
pub(super) async fn clear(
    graph: &Graph,
    generation: Generation,
    partition: Partition,
) -> Result<(), StoreError> {
    checkpoint::reset(graph, generation, partition).await?;
    for delete in [
        "MATCH (n)-[e]->() WITH e LIMIT $page_edges DELETE e RETURN count(*) AS deleted",
        "DETACH DELETE n RETURN count(*) AS deleted",
    ] {
        for label in Label::ALL {
            delete_pages(graph, partition, &generation.label(*label), delete).await?;
        }
    }
    checkpoint::cleared(graph, generation, partition).await
}

async fn delete_pages(
    graph: &Graph,
    partition: Partition,
    label: &str,
    delete: &str,
) -> Result<(), StoreError> {
    let text = format!(
        "MATCH (n:{label}) WHERE n.id >= $after AND (n.id > $after OR n.tenant_id > $after_tenant) \
         WITH n ORDER BY n.id, n.tenant_id LIMIT $page_nodes \
         WITH collect(n) AS page, collect([n.id, n.tenant_id]) AS places \
         WITH page, [place IN places WHERE place[0] IS NOT NULL AND place[1] IS NOT NULL] AS places \
         CALL {{ WITH page UNWIND page AS n WITH n WHERE n.partition = $partition {delete} }} \
         RETURN size(page) AS seen, places[-1][0] AS last, places[-1][1] AS last_tenant, deleted"
    );
    let (mut after, mut after_tenant) = (String::new(), String::new());
    loop {
        let statement = query(&text)
            .param("after", after.as_str())
            .param("after_tenant", after_tenant.as_str())
            .param("partition", i64::from(partition.0))
            .param("page_nodes", PAGE_NODES)
            .param("page_edges", PAGE_EDGES);
        let mut rows = graph.execute(statement).await?;
        let row = rows.next().await?.ok_or_else(|| corrupt("no answer about a page of nodes"))?;
        if row.get::<i64>("seen")? == 0 {
            return Ok(());
        }
        // A node that another transaction deletes meanwhile has no properties any more: it is no place to go on from.
        let last = (row.get::<Option<String>>("last")?, row.get::<Option<String>>("last_tenant")?);
        if let (Some(id), Some(tenant)) = last
            && row.get::<i64>("deleted")? < PAGE_EDGES
        {
            (after, after_tenant) = (id, tenant);
        }
    }
}

/// Deletes every node and edge of the other generation, as long as `owner` is who gives it up. Nobody looks up anything
/// there, so the first nodes that are found are taken until none is left; lots go before what millions of edges of
/// lots end at.
pub(super) async fn clear_other(graph: &Graph, owner: Uuid) -> Result<(), StoreError> {
    for label in Label::ALL {
        // With the lock of the record nobody else takes over between the look and the deletion.
        let page = format!(
            "MATCH (g:FoodflowGeneration {{id: 'food_graph', role: 'discarded', owner: $owner}}) \
             SET g.touched_at = datetime.realtime() WITH g WHERE g.owner = $owner AND g.role = 'discarded' \
             MATCH (n:{}) WITH n LIMIT $page_nodes",
            Generation::Other.label(*label)
        );
        let edges = format!(
            "{page} MATCH (n)-[e]-() WITH DISTINCT e LIMIT $page_edges DELETE e RETURN count(*) AS deleted"
        );
        let nodes = format!("{page} DETACH DELETE n RETURN count(*) AS deleted");
        loop {
            if deleted(graph, owner, &edges).await? < PAGE_EDGES
                && deleted(graph, owner, &nodes).await? < PAGE_NODES
            {
                break;
            }
        }
    }
    Ok(())
}

async fn deleted(graph: &Graph, owner: Uuid, text: &str) -> Result<i64, StoreError> {
    let statement = query(text)
        .param("owner", owner.to_string())
        .param("page_nodes", PAGE_NODES)
        .param("page_edges", PAGE_EDGES);
    let mut rows = graph.execute(statement).await?;
    let row = rows.next().await?.ok_or_else(|| corrupt("no answer about what was deleted"))?;
    let deleted = row.get("deleted")?;
    while rows.next().await?.is_some() {}
    Ok(deleted)
}
