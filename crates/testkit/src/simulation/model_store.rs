//! A graph in memory: what applying changes means, one by one, with nothing that could go wrong.
//!
//! It can be looked at between any two steps: content and checkpoint as of one instant.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::changes::{Change, Edge, EdgeType, NodeKey, Retirement, Value};
use foodflow_projections::graph::Node;
use foodflow_projections::graph::canonical::GraphDigest;
use foodflow_projections::store::{
    Admission, Batch, Checkpoint, Claim, DigestScope, Epoch, ReadModel, Sink, StoreError,
};
use uuid::Uuid;

const STORE: &str = "model";

/// What applying changes means, one by one and in memory: the measure for every store and every batching.
#[derive(Debug, Clone, Default)]
pub struct ModelGraph {
    nodes: BTreeMap<(TenantId, NodeKey), BTreeMap<String, Value>>,
    edges: BTreeMap<(TenantId, Uuid), Edge>,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    graph: ModelGraph,
    epoch: Epoch,
    checkpoint: Checkpoint,
    /// Batches that did not continue what was there: something was applied twice, or passed over.
    broken: Vec<String>,
}

/// The store.
#[derive(Debug, Default)]
pub(super) struct ModelStore {
    partitions: Mutex<BTreeMap<Partition, Kept>>,
}

impl ModelStore {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Partition, Kept>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a reader sees of `partition` at this instant: the position that it is told, and the digest of all rows.
    #[must_use]
    pub(super) fn observe(&self, partition: Partition) -> (Position, String) {
        let partitions = self.lock();
        let kept = partitions.get(&partition);
        let digest = kept.map_or_else(|| ModelGraph::default().digest(None), |kept| kept.graph.digest(None));
        (kept.map_or(Position(0), |kept| kept.checkpoint.position), digest)
    }
}

impl ModelStore {
    /// The first batch that was applied where it did not belong.
    pub(super) fn broken(&self) -> Option<String> {
        self.lock().values().flat_map(|kept| kept.broken.first().cloned()).next()
    }
}

impl ModelGraph {
    /// The graph of one tenant after `changes`.
    pub fn of<'a>(tenant: TenantId, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut graph = Self::default();
        changes.into_iter().for_each(|change| graph.apply(tenant, change.clone()));
        graph
    }

    /// Applies one change of `tenant`.
    pub fn apply(&mut self, tenant: TenantId, change: Change) {
        match change {
            Change::MergeNode { key, properties } => {
                let node = self.nodes.entry((tenant, key)).or_default();
                for (name, value) in properties {
                    match value {
                        Some(value) => node.insert(name.to_owned(), value),
                        None => node.remove(name),
                    };
                }
            }
            Change::MergeEdge(edge) => {
                self.edges.entry((tenant, edge.id)).or_insert(*edge);
            }
            Change::RetireDocument { document_id, edge_types, retirement } => {
                self.retire(tenant, edge_types, &retirement, |edge| edge.document_id == Some(document_id));
            }
            Change::RetireFrom { from, edge_types, retirement } => {
                self.retire(tenant, edge_types, &retirement, |edge| edge.from == from);
            }
        }
    }

    fn retire(
        &mut self,
        of: TenantId,
        types: &[EdgeType],
        retirement: &Retirement,
        reached: impl Fn(&Edge) -> bool,
    ) {
        for ((tenant, _), edge) in &mut self.edges {
            let counts = edge.retired.is_none() && edge.position < retirement.position;
            if *tenant == of && types.contains(&edge.edge_type) && counts && reached(edge) {
                edge.retired = Some(retirement.clone());
            }
        }
    }

    /// The digest of every tenant, or of one.
    #[must_use]
    pub fn digest(&self, of: Option<TenantId>) -> String {
        let mut digest = GraphDigest::default();
        let counts = |tenant: TenantId| of.is_none_or(|of| of == tenant);
        for ((tenant, key), properties) in self.nodes.iter().filter(|((tenant, _), _)| counts(*tenant)) {
            digest.add_node(*tenant, &Node { key: *key, properties: properties.clone() });
        }
        for ((tenant, _), edge) in self.edges.iter().filter(|((tenant, _), _)| counts(*tenant)) {
            digest.add_edge(*tenant, edge);
        }
        digest.finish()
    }
}

#[async_trait]
impl ReadModel for ModelStore {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        Ok(self.lock().entry(partition).or_default().checkpoint.clone())
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        let mut partitions = self.lock();
        let kept = partitions.entry(partition).or_default();
        kept.epoch.0 += 1;
        Ok(Claim { epoch: kept.epoch, checkpoint: kept.checkpoint.clone() })
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        let mut partitions = self.lock();
        let kept = partitions.entry(partition).or_default();
        *kept = Kept { epoch: kept.epoch, ..Kept::default() };
        Ok(())
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        let partitions = self.lock();
        Ok(match scope {
            DigestScope::Partition(partition) => {
                partitions.get(&partition).cloned().unwrap_or_default().graph.digest(None)
            }
            DigestScope::Tenant(tenant) => {
                let mut all = ModelGraph::default();
                for kept in partitions.values() {
                    all.nodes.extend(kept.graph.nodes.clone());
                    all.edges.extend(kept.graph.edges.clone());
                }
                all.digest(Some(tenant))
            }
        })
    }
}

#[async_trait]
impl Sink<Change> for ModelStore {
    async fn apply(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        let mut partitions = self.lock();
        let kept = partitions.entry(batch.partition).or_default();
        if batch.admission(STORE, kept.epoch, kept.checkpoint.position)? == Admission::AppliedBefore {
            return Ok(());
        }
        if batch.after != kept.checkpoint.position {
            let (after, found) = (batch.after, kept.checkpoint.position);
            kept.broken.push(format!("a batch that continues {after} was applied at {found}"));
        }
        for (tenant, change) in batch.changes {
            kept.graph.apply(tenant, change);
        }
        kept.checkpoint = batch.checkpoint;
        Ok(())
    }
}
