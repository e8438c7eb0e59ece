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

use super::model_generations::ModelGenerations;

pub(super) const STORE: &str = "model";

/// What applying changes means, one by one and in memory: the measure for every store and every batching.
#[derive(Debug, Clone, Default)]
pub struct ModelGraph {
    nodes: BTreeMap<(TenantId, NodeKey), BTreeMap<String, Value>>,
    edges: BTreeMap<(TenantId, Uuid), Edge>,
}

/// What a generation holds of one partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub(super) graph: ModelGraph,
    pub(super) epoch: Epoch,
    pub(super) checkpoint: Checkpoint,
    /// Batches that did not continue what was there: something was applied twice, or passed over.
    broken: Vec<String>,
}

/// The store.
#[derive(Debug, Default)]
pub(super) struct ModelStore {
    partitions: Mutex<BTreeMap<Partition, Kept>>,
    pub(super) generations: Mutex<ModelGenerations>,
}

impl ModelStore {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<Partition, Kept>> {
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
    /// The first batch that was applied where it did not belong, in either generation.
    pub(super) fn broken(&self) -> Option<String> {
        let other = self.other().and_then(|other| other.broken());
        self.lock().values().flat_map(|kept| kept.broken.first().cloned()).next().or(other)
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

    /// Takes out what is of `tenant`.
    pub(super) fn take(&mut self, tenant: TenantId) -> Self {
        let nodes = self.nodes.extract_if(.., |(of, _), _| *of == tenant).collect();
        let edges = self.edges.extract_if(.., |(of, _), _| *of == tenant).collect();
        Self { nodes, edges }
    }

    /// Adds what is of other tenants.
    pub(super) fn add(&mut self, others: Self) {
        self.nodes.extend(others.nodes);
        self.edges.extend(others.edges);
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

impl ModelStore {
    /// What is to be looked at for `scope`, and of which tenant.
    fn covered(&self, scope: DigestScope) -> (ModelGraph, Option<TenantId>) {
        let partitions = self.lock();
        match scope {
            DigestScope::Partition(partition) => {
                (partitions.get(&partition).cloned().unwrap_or_default().graph, None)
            }
            DigestScope::Tenant(tenant) => {
                let mut all = ModelGraph::default();
                for kept in partitions.values() {
                    all.nodes.extend(kept.graph.nodes.clone());
                    all.edges.extend(kept.graph.edges.clone());
                }
                (all, Some(tenant))
            }
        }
    }
}

#[async_trait]
impl ReadModel for ModelStore {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        Ok(Uuid::from_u128(1))
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        Ok(self.lock().entry(partition).or_default().checkpoint.clone())
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        self.expect_free(partition, None)?;
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
        let (graph, tenant) = self.covered(scope);
        Ok(graph.digest(tenant))
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        let (graph, tenant) = self.covered(scope);
        let counts = |of: &TenantId| tenant.is_none_or(|tenant| tenant == *of);
        let nodes = graph.nodes.keys().filter(|(of, _)| counts(of)).count();
        let edges = graph.edges.keys().filter(|(of, _)| counts(of)).count();
        Ok(BTreeMap::from([("nodes".to_owned(), nodes as u64), ("edges".to_owned(), edges as u64)]))
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

    async fn rehearse(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        let mut partitions = self.lock();
        let kept = partitions.entry(batch.partition).or_default();
        batch.admission(STORE, kept.epoch, kept.checkpoint.position).map(drop)
    }
}
