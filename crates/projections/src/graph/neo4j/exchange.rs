//! Exchanging what differs between the two generations, in one transaction.
//!
//! Afterwards the live one holds what stood beside, and the other one what was live. A node or an edge that stands on
//! both sides keeps its place and gets the other's properties; one that stands on one side alone goes over: a node
//! changes its labels, an edge is made anew, since the type of a relationship cannot change.

use foodflow_log::Partition;
use neo4rs::{BoltType, Graph, Txn, query};
use tracing::Instrument as _;

use super::apply::{Failure, all_written};
use super::checkpoint;
use super::difference::{Difference, EdgeKind};
use super::error::unavailable;
use super::generations::refused;
use super::names::{Generation, by_id};
use super::{STATEMENT_ROWS_MAX, STORE};
use crate::graph::{Claim, StoreError};
use crate::store::generations::{Compared, RebuildScope};

/// What the server says where a transaction is larger than its memory allows.
const OUT_OF_MEMORY: &str = "MemoryPoolOutOfMemoryError";

const SWAP_NODES: &str = "UNWIND $rows AS r MATCH (n) WHERE elementId(n) = r[0] MATCH (m) WHERE elementId(m) = r[1] \
     WITH n, m, properties(n) AS of_n, properties(m) AS of_m SET n = of_m SET m = of_n RETURN count(*) AS written";

const SWAP_EDGES: &str = "UNWIND $rows AS r MATCH ()-[e]->() WHERE elementId(e) = r[0] \
     MATCH ()-[f]->() WHERE elementId(f) = r[1] \
     WITH e, f, properties(e) AS of_e, properties(f) AS of_f SET e = of_f SET f = of_e RETURN count(*) AS written";

const DELETE_EDGES: &str =
    "UNWIND $rows AS r MATCH ()-[e]->() WHERE elementId(e) = r DELETE e RETURN count(*) AS written";

/// Exchanges `difference` and the checkpoints, where both generations stand as they were compared.
pub(super) async fn exchange(
    graph: &Graph,
    scope: RebuildScope,
    compared: &[Compared],
    difference: Difference,
) -> Result<(), StoreError> {
    let (graph, compared) = (graph.clone(), compared.to_vec());
    let task = async move {
        let size = (difference.node_count(), difference.edge_count());
        let mut txn = graph.start_txn().await?;
        let failure = match write(&mut txn, scope, &compared, difference).await {
            Ok(()) => return Ok(txn.commit().await?),
            Err(Failure::Final(error)) => error,
            Err(Failure::Server(error)) => too_large(error, size),
        };
        // The server has ended the transaction where a statement failed; elsewhere this ends it.
        if let Err(error) = txn.rollback().await {
            tracing::debug!(%error, "rollback was not needed or not possible");
        }
        Err(failure)
    };
    // A caller that gives up would leave the transaction, and its locks, open on a pooled connection.
    tokio::spawn(task.in_current_span())
        .await
        .map_err(|stopped| unavailable(format_args!("switching was stopped: {stopped}")))?
}

fn too_large(error: neo4rs::Error, (nodes, edges): (usize, usize)) -> StoreError {
    if !error.to_string().contains(OUT_OF_MEMORY) {
        return error.into();
    }
    refused(format!(
        "the generations differ in {nodes} nodes and {edges} edges, which is more than a transaction of this server \
         may hold; raise `dbms.memory.transaction.total.max` or the heap (`server.memory.heap.max_size`), and \
         continue with `foodflow rebuild --switch always`"
    ))
}

async fn write(
    txn: &mut Txn,
    scope: RebuildScope,
    compared: &[Compared],
    difference: Difference,
) -> Result<(), Failure> {
    become_previous(txn, scope).await?;
    let mut epochs = Vec::with_capacity(compared.len());
    for one in compared {
        let live = checkpoint::locked(txn, Generation::Live, one.partition).await?;
        let beside = checkpoint::locked(txn, Generation::Other, one.partition).await?;
        one.check(STORE, scope, &live, &beside)?;
        epochs.push(one.epoch_after(&live, &beside));
    }
    if scope == RebuildScope::All {
        expect_covered(txn, compared).await?;
    }
    write_difference(txn, difference).await?;
    for (one, epoch) in compared.iter().zip(epochs) {
        let mut now_live = Claim { epoch, ..one.beside.clone() };
        let now_other = Claim { epoch, ..one.live.clone() };
        if let RebuildScope::Tenant(tenant) = scope {
            let waited = &now_other.checkpoint.quarantine;
            let waits = waited.with_tenant_of(tenant, &now_live.checkpoint.quarantine);
            now_live.checkpoint.quarantine = waits;
        }
        checkpoint::set(txn, Generation::Live, one.partition, &now_live, scope).await?;
        checkpoint::set(txn, Generation::Other, one.partition, &now_other, scope).await?;
    }
    Ok(())
}

/// Locks the record of the other generation, which becomes the previous one.
async fn become_previous(txn: &mut Txn, scope: RebuildScope) -> Result<(), Failure> {
    let tenant = scope.tenant().map(|tenant| tenant.to_string());
    let statement = "MATCH (g:FoodflowGeneration {id: 'food_graph'}) SET g.touched_at = datetime.realtime() \
         WITH g WHERE g.role IN ['beside', 'reopened'] AND coalesce(g.tenant_id, '') = coalesce($tenant, '') \
         SET g.role = 'previous' RETURN count(*) AS written";
    let row = txn.execute(query(statement).param("tenant", tenant)).await?.single(txn.handle()).await?;
    if row.get::<i64>("written")? == 1 {
        return Ok(());
    }
    Err(refused("the generation beside was given up meanwhile").into())
}

/// A partition that holds something must have been compared.
async fn expect_covered(txn: &mut Txn, compared: &[Compared]) -> Result<(), Failure> {
    let partitions: Vec<BoltType> = compared.iter().map(|one| i64::from(one.partition.0).into()).collect();
    let statement = "MATCH (c:FoodflowCheckpoint|FoodflowBesideCheckpoint) \
         WHERE c.position > 0 AND NOT c.partition IN $partitions RETURN min(c.partition) AS missing";
    let statement = query(statement).param("partitions", partitions);
    let row = txn.execute(statement).await?.single(txn.handle()).await?;
    match row.get::<Option<u16>>("missing")? {
        Some(missing) => {
            let Partition(number) = Partition(missing);
            Err(refused(format!("partition {number} was not compared")).into())
        }
        None => Ok(()),
    }
}

async fn write_difference(txn: &mut Txn, difference: Difference) -> Result<(), Failure> {
    let Difference { node_pairs, nodes, edge_pairs, edges, foreign } = difference;
    run(txn, "foreign relationships", DELETE_EDGES, foreign).await?;
    run(txn, "nodes", SWAP_NODES, node_pairs.into_iter().map(Vec::from).collect()).await?;
    for ((generation, label), elements) in nodes {
        let (from, to) = (generation.label(label), generation.opposite().label(label));
        let statement = format!(
            "UNWIND $rows AS r MATCH (n) WHERE elementId(n) = r REMOVE n:{from} SET n:{to} RETURN count(*) AS written"
        );
        run(txn, "nodes", &statement, elements).await?;
    }
    run(txn, "edges", SWAP_EDGES, edge_pairs.into_iter().map(Vec::from).collect()).await?;
    for (kind, elements) in edges {
        run(txn, "edges", &move_edges(kind), elements).await?;
    }
    Ok(())
}

/// Makes an edge anew in the opposite generation; its ends are there by now.
fn move_edges((generation, edge_type, from, to): EdgeKind) -> String {
    let opposite = generation.opposite();
    let (from, to) = (opposite.label(from), opposite.label(to));
    format!(
        "UNWIND $rows AS r MATCH ()-[e]->() WHERE elementId(e) = r \
         WITH e, startNode(e) AS s, endNode(e) AS t \
         MATCH (a:{from} {{tenant_id: s.tenant_id, id: s.id}}) {} \
         MATCH (b:{to} {{tenant_id: t.tenant_id, id: t.id}}) {} \
         CREATE (a)-[f:{}]->(b) SET f = properties(e) DELETE e RETURN count(*) AS written",
        by_id("a", &from),
        by_id("b", &to),
        opposite.edge_type(edge_type)
    )
}

async fn run<T: Into<BoltType>>(
    txn: &mut Txn,
    what: &'static str,
    statement: &str,
    rows: Vec<T>,
) -> Result<(), Failure> {
    let mut rows = rows.into_iter().map(Into::into).peekable();
    while rows.peek().is_some() {
        let chunk: Vec<BoltType> = rows.by_ref().take(STATEMENT_ROWS_MAX).collect();
        let given = chunk.len();
        let row = txn.execute(query(statement).param("rows", chunk)).await?.single(txn.handle()).await?;
        all_written(what, row.get("written")?, given)?;
    }
    Ok(())
}
