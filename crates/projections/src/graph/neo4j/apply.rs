//! One batch, one transaction: the checkpoint is locked first, then nodes, edges and retirements are written.
//!
//! Reading the checkpoint locks it until the end of the transaction, so that two workers of one partition apply one
//! after the other, and the later one finds out that there is nothing left to do. No transaction may stay open
//! when its caller goes away: it runs as a task of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use foodflow_domain::TenantId;
use neo4rs::{BoltType, Graph, Txn, query};
use tracing::Instrument as _;

use super::error::{corrupt, is_transient, not_written, unavailable};
use super::names::{Generation, by_id};
use super::node_row::{self, EXPECTED};
use super::{STATEMENT_ROWS_MAX, checkpoint, edge_row, retire};
use crate::changes::{Edge, EdgeType, Label, NodeKey, Properties};
use crate::graph::fold::{FoldedChanges, fold};
use crate::graph::{Batch, StoreError};
use crate::store::Admission;

/// How often a transaction is tried that ends in a deadlock or the like.
const TRIES_MAX: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Applies `batch` to a generation unless it was applied before.
pub(super) async fn apply(graph: &Graph, generation: Generation, batch: Batch) -> Result<(), StoreError> {
    work(graph, generation, batch, false).await
}

/// Applies `batch` to a generation, and takes it back.
pub(super) async fn rehearse(graph: &Graph, generation: Generation, batch: Batch) -> Result<(), StoreError> {
    work(graph, generation, batch, true).await
}

async fn work(
    graph: &Graph,
    generation: Generation,
    mut batch: Batch,
    is_rehearsal: bool,
) -> Result<(), StoreError> {
    let graph = graph.clone();
    let task = async move {
        let folded = fold(std::mem::take(&mut batch.changes));
        folded.nodes.iter().try_for_each(|((_, key), properties)| node_row::check(*key, properties))?;
        Work { generation, batch, folded, is_rehearsal }.run(&graph).await
    };
    // A caller that gives up would leave the transaction, and its locks, open on a pooled connection.
    tokio::spawn(task.in_current_span())
        .await
        .map_err(|stopped| unavailable(format_args!("applying a batch was stopped: {stopped}")))?
}

/// Why a transaction was not committed.
pub(super) enum Failure {
    /// The server said no, or was not there.
    Server(neo4rs::Error),
    /// Trying again cannot help.
    Final(StoreError),
}

impl From<neo4rs::Error> for Failure {
    fn from(error: neo4rs::Error) -> Self {
        Self::Server(error)
    }
}

impl From<neo4rs::DeError> for Failure {
    fn from(error: neo4rs::DeError) -> Self {
        Self::Final(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

/// What the edges of one statement have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EdgeKind {
    edge_type: EdgeType,
    from: Label,
    to: Label,
    /// Whether they may stand in the graph already. Those of messages behind the checkpoint cannot: they are made
    /// without a look at what is there.
    may_be_there: bool,
}

struct Work {
    generation: Generation,
    /// Without its changes: they are folded.
    batch: Batch,
    folded: FoldedChanges,
    /// Whether all of it is taken back.
    is_rehearsal: bool,
}

impl Work {
    async fn run(&self, graph: &Graph) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            match self.try_once(graph).await {
                Ok(()) => return Ok(()),
                Err(Failure::Server(error)) if is_transient(&error) && tries < TRIES_MAX => {
                    tracing::warn!(%error, tries, partition = self.batch.partition.0, "graph transaction is tried again");
                    tokio::time::sleep(RETRY_PAUSE * tries).await;
                    tries += 1;
                }
                Err(Failure::Server(error)) => return Err(not_written(error)),
                Err(Failure::Final(error)) => return Err(error),
            }
        }
    }

    async fn try_once(&self, graph: &Graph) -> Result<(), Failure> {
        let mut txn = graph.start_txn().await?;
        match self.write(&mut txn).await {
            Ok(true) if self.is_rehearsal => Ok(txn.rollback().await?),
            Ok(true) => Ok(txn.commit().await?),
            Ok(false) => {
                tracing::debug!(partition = self.batch.partition.0, position = %self.batch.checkpoint.position, "applied before");
                Ok(txn.rollback().await?)
            }
            Err(failure) => {
                // The server has ended the transaction where a statement failed; elsewhere this ends it.
                if let Err(error) = txn.rollback().await {
                    tracing::debug!(%error, "rollback was not needed or not possible");
                }
                Err(failure)
            }
        }
    }

    async fn write(&self, txn: &mut Txn) -> Result<bool, Failure> {
        if checkpoint::admit(txn, self.generation, &self.batch).await? == Admission::AppliedBefore {
            return Ok(false);
        }
        self.write_nodes(txn).await?;
        self.write_edges(txn).await?;
        for statement in retire::statements(self.generation, &self.folded.retirements)? {
            txn.run(query(&statement.cypher).param("rows", statement.rows)).await?;
        }
        Ok(true)
    }

    async fn write_nodes(&self, txn: &mut Txn) -> Result<(), Failure> {
        let mut by_label = BTreeMap::<Label, Vec<_>>::new();
        for node in &self.folded.nodes {
            by_label.entry(node.0.1.label).or_default().push(node);
        }
        for (label, nodes) in by_label {
            let statement = format!(
                "UNWIND $rows AS r \
                 MERGE (n:{} {{tenant_id: r.tenant, id: r.id}}) ON CREATE SET n.partition = $partition \
                 SET n += r.set \
                 RETURN count(*) AS written",
                self.generation.label(label)
            );
            for nodes in nodes.chunks(STATEMENT_ROWS_MAX) {
                let rows = nodes
                    .iter()
                    .map(|((tenant, key), properties)| node_row::encode(*tenant, *key, properties));
                let written = self.written(txn, &statement, rows.collect()).await?;
                all_written(label.as_str(), written, nodes.len())?;
            }
        }
        Ok(())
    }

    async fn write_edges(&self, txn: &mut Txn) -> Result<(), Failure> {
        let mut by_kind = BTreeMap::<EdgeKind, Vec<_>>::new();
        for entry in &self.folded.edges {
            let Edge { edge_type, from, to, position, .. } = *entry.1;
            let may_be_there = position <= self.batch.after;
            let kind = EdgeKind { edge_type, from: from.label, to: to.label, may_be_there };
            by_kind.entry(kind).or_default().push(entry);
        }
        for (kind, edges) in by_kind {
            for edges in edges.chunks(STATEMENT_ROWS_MAX) {
                self.write_edges_of(txn, kind, edges).await?;
            }
        }
        Ok(())
    }

    async fn write_edges_of(
        &self,
        txn: &mut Txn,
        kind: EdgeKind,
        edges: &[&(TenantId, Box<Edge>)],
    ) -> Result<(), Failure> {
        let (from, to) = (self.generation.label(kind.from), self.generation.label(kind.to));
        let edge_type = self.generation.edge_type(kind.edge_type);
        let statement = |may_be_there: bool| {
            // A merge reads the edges between the two ends, and the server looks at the end with fewer, mostly a lot.
            let write = match may_be_there {
                true => format!("MERGE (a)-[e:{edge_type} {{id: r.set.id}}]->(b) ON CREATE SET e = r.set"),
                false => format!("CREATE (a)-[e:{edge_type}]->(b) SET e = r.set"),
            };
            format!(
                "UNWIND $rows AS r \
                 MATCH (a:{from} {{tenant_id: r.set.tenant_id, id: r.from}}) {seek_from} \
                 MATCH (b:{to} {{tenant_id: r.set.tenant_id, id: r.to}}) {seek_to} \
                 {write} RETURN count(*) AS written",
                seek_from = by_id("a", &from),
                seek_to = by_id("b", &to),
            )
        };
        let rows = || {
            edges
                .iter()
                .map(|(tenant, edge)| edge_row::encode(*tenant, self.batch.partition, edge))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut written = self.written(txn, &statement(kind.may_be_there), rows()?).await?;
        if written < edges.len() {
            self.expect_ends(txn, edges.iter().map(|(tenant, edge)| (*tenant, edge.from))).await?;
            self.expect_ends(txn, edges.iter().map(|(tenant, edge)| (*tenant, edge.to))).await?;
            // Those whose ends were there are written by now.
            written = self.written(txn, &statement(true), rows()?).await?;
        }
        all_written(kind.edge_type.as_str(), written, edges.len())
    }

    /// Makes the ends of edges that are not there yet, so that no edge is lost to the order of commits. All are
    /// of one label.
    async fn expect_ends(
        &self,
        txn: &mut Txn,
        ends: impl Iterator<Item = (TenantId, NodeKey)>,
    ) -> Result<(), Failure> {
        let ends: BTreeSet<_> = ends.collect();
        let Some((_, NodeKey { label, .. })) = ends.first() else { return Ok(()) };
        let statement = format!(
            "UNWIND $rows AS r MERGE (n:{} {{tenant_id: r.tenant, id: r.id}}) \
             ON CREATE SET n.partition = $partition, n.{EXPECTED} = true \
             RETURN count(*) AS written",
            self.generation.label(*label)
        );
        let rows =
            ends.iter().map(|(tenant, key)| node_row::encode(*tenant, *key, &Properties::new())).collect();
        self.written(txn, &statement, rows).await?;
        Ok(())
    }

    /// Runs `statement` and reads how many of `rows` it wrote.
    async fn written(&self, txn: &mut Txn, statement: &str, rows: Vec<BoltType>) -> Result<usize, Failure> {
        let partition = i64::from(self.batch.partition.0);
        let statement = query(statement).param("rows", rows).param("partition", partition);
        let row = txn.execute(statement).await?.single(txn.handle()).await?;
        Ok(row.get("written")?)
    }
}

/// A statement that wrote fewer rows than it was given must not be committed with its checkpoint.
pub(super) fn all_written(what: &'static str, written: usize, given: usize) -> Result<(), Failure> {
    if written == given {
        return Ok(());
    }
    Err(corrupt(format_args!("{written} of {given} rows of {what} were written")).into())
}
