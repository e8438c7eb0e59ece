//! A tenant of its own in a partition of its own, and short ways to say nodes and edges.

use std::sync::Arc;

use foodflow_domain::{Quantity, TenantId, Unit};
use foodflow_log::{Partition, Position, StreamId};
use foodflow_projections::changes::{Change, Edge, EdgeType, Label, NodeKey, Retirement, Value};
use foodflow_projections::graph::{
    Batch, Checkpoint, EdgeDirection, GraphStore, ListQuery, Node, StoreError, TraceDirection,
};
use foodflow_projections::store::Epoch;
use foodflow_projections::store::quarantine::{Entity, Quarantine, Waiting};
use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

/// A store as one case uses it.
pub(crate) struct World {
    pub(crate) store: Arc<dyn GraphStore>,
    pub(crate) tenant: TenantId,
    pub(crate) partition: Partition,
    epoch: Epoch,
    position: u64,
    salt: Uuid,
}

impl World {
    /// A new tenant in `partition`, which no other case may use; the partition is cleared.
    pub(crate) async fn new(store: Arc<dyn GraphStore>, partition: u16) -> Self {
        let partition = Partition(partition);
        store.clear(partition).await.unwrap();
        let epoch = store.claim(partition).await.unwrap().epoch;
        Self { store, epoch, tenant: TenantId(Uuid::new_v4()), partition, position: 0, salt: Uuid::new_v4() }
    }

    /// A node that no other world has.
    pub(crate) fn key(&self, label: Label, number: u64) -> NodeKey {
        NodeKey { label, id: Uuid::new_v5(&self.salt, format!("{label:?}{number}").as_bytes()) }
    }

    /// A lot.
    pub(crate) fn lot(&self, number: u64) -> NodeKey {
        self.key(Label::Batch, number)
    }

    /// The position of the last batch.
    pub(crate) fn position(&self) -> Position {
        Position(self.position)
    }

    /// Applies `changes` as the next batch.
    pub(crate) async fn apply(&mut self, changes: Vec<Change>) {
        self.try_apply(changes).await.unwrap();
    }

    /// Applies `changes` as the next batch, or says why not; then the next batch takes its position.
    pub(crate) async fn try_apply(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let batch = self.batch(self.position + 1, changes);
        self.store.apply(batch).await?;
        self.position += 1;
        Ok(())
    }

    /// A batch of this tenant that continues the position before `position`.
    pub(crate) fn batch(&self, position: u64, changes: Vec<Change>) -> Batch {
        self.batch_after(position - 1, position, changes)
    }

    /// A batch of this tenant that continues `after` and ends at `position`.
    pub(crate) fn batch_after(&self, after: u64, position: u64, changes: Vec<Change>) -> Batch {
        let changes = changes.into_iter().map(|change| (self.tenant, change)).collect();
        let checkpoint = Checkpoint::new(Position(position), Some(recorded(position)));
        let (partition, epoch, after) = (self.partition, self.epoch, Position(after));
        Batch { partition, epoch, after, changes, checkpoint }
    }

    /// Claims the partition anew; batches that were made before are of the old claim.
    pub(crate) async fn claim(&mut self) {
        let claim = self.store.claim(self.partition).await.unwrap();
        (self.epoch, self.position) = (claim.epoch, claim.checkpoint.position.0);
    }

    /// Clears the partition.
    pub(crate) async fn clear(&mut self) {
        self.store.clear(self.partition).await.unwrap();
        self.position = 0;
    }

    /// The nodes of these keys that the store holds, in order of key.
    pub(crate) async fn nodes(&self, keys: &[NodeKey]) -> Vec<Node> {
        let mut found = Vec::new();
        for label in Label::ALL {
            let ids: Vec<Uuid> = keys.iter().filter(|key| key.label == *label).map(|key| key.id).collect();
            found.extend(self.store.nodes(self.tenant, *label, &ids).await.unwrap());
        }
        found.sort_by_key(|node| node.key);
        found
    }

    /// A property of a node that exists.
    pub(crate) async fn property(&self, key: NodeKey, name: &str) -> Option<Value> {
        let nodes = self.nodes(&[key]).await;
        assert_eq!(nodes.len(), 1);
        nodes[0].properties.get(name).cloned()
    }

    /// Edges of any type that start at `key`.
    pub(crate) async fn edges_from(&self, key: NodeKey) -> Vec<Edge> {
        self.edges_at(key, EdgeType::ALL, EdgeDirection::Outgoing).await
    }

    /// Edges at `key`.
    pub(crate) async fn edges_at(
        &self,
        key: NodeKey,
        types: &[EdgeType],
        direction: EdgeDirection,
    ) -> Vec<Edge> {
        self.store.edges(self.tenant, key.label, &[key.id], types, direction).await.unwrap()
    }

    /// The lots at the ends of a genealogy's edges, as (output, input), in order of the answer.
    pub(crate) async fn genealogy(
        &self,
        start: NodeKey,
        direction: TraceDirection,
    ) -> Vec<(NodeKey, NodeKey)> {
        let edges = self.store.genealogy(self.tenant, start.id, direction).await.unwrap();
        edges.into_iter().map(|edge| (edge.from, edge.to)).collect()
    }

    /// Ids of a filtered list.
    pub(crate) async fn listed(&self, label: Label, filters: Vec<(&'static str, Value)>) -> Vec<Uuid> {
        let query = ListQuery { label, filters, after: None, limit: 100 };
        let nodes = self.store.list(self.tenant, &query).await.unwrap();
        nodes.into_iter().map(|node| node.key.id).collect()
    }
}

/// Sets properties of a node.
pub(crate) fn node<const N: usize>(key: NodeKey, properties: [(&'static str, Value); N]) -> Change {
    let properties = properties.into_iter().map(|(name, value)| (name, Some(value))).collect();
    Change::MergeNode { key, properties }
}

/// Nodes without properties.
pub(crate) fn bare(keys: &[NodeKey]) -> Vec<Change> {
    keys.iter().map(|key| node(*key, [])).collect()
}

/// An edge at `position`, line 0, of 1 kg.
pub(crate) fn edge(position: u64, edge_type: EdgeType, from: NodeKey, to: NodeKey) -> Edge {
    let event_id = Uuid::from_u64_pair(u64::MAX, position);
    let ends = [from.id.as_bytes().as_slice(), to.id.as_bytes(), edge_type.as_str().as_bytes()].concat();
    Edge {
        id: Uuid::new_v5(&event_id, &ends),
        edge_type,
        from,
        to,
        quantity: Some(kilograms("1")),
        percent: None,
        kind: None,
        line: 0,
        document_id: None,
        occurred_at: recorded(position) - 1.hour(),
        recorded_at: recorded(position),
        position: Position(position),
        event_id,
        event_type: "foodflow.food_graph.transformation.recorded.v1".to_owned(),
        retired: None,
    }
}

/// A lot that was made of another.
pub(crate) fn uses(position: u64, output: NodeKey, input: NodeKey) -> Change {
    added(edge(position, EdgeType::UsesIngredient, output, input))
}

/// The change that adds `edge`.
pub(crate) fn added(edge: Edge) -> Change {
    Change::MergeEdge(Box::new(edge))
}

/// A retirement at `position`.
pub(crate) fn retirement(position: u64) -> Retirement {
    Retirement {
        position: Position(position),
        recorded_at: recorded(position),
        event_id: Uuid::from_u64_pair(u64::MAX, position),
        event_type: "foodflow.food_graph.transformation.corrected.v1".to_owned(),
    }
}

/// The recorded time of `position`, to the nanosecond.
pub(crate) fn recorded(position: u64) -> Timestamp {
    let start: Timestamp = "2026-03-02T08:00:00.123456789Z".parse().unwrap();
    start + i64::try_from(position).unwrap().seconds()
}

/// So many kilograms.
pub(crate) fn kilograms(value: &str) -> Quantity {
    Quantity::new(value.parse().unwrap(), Unit::Kgm)
}

/// A text.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What waits: of each tenant, the lot of this number from this position on.
pub(crate) fn waiting(of: &[(TenantId, u128, u64)]) -> Quarantine {
    let mut quarantine = Quarantine::default();
    for (tenant, number, position) in of {
        let stream = StreamId::new("food_graph", "batch", Uuid::from_u128(*number));
        let reason = "an event of the unknown type `x`; it needs a \"newer\" program";
        let waiting = Waiting::new(Position(*position), recorded(*position), reason);
        quarantine.put(Entity { tenant: *tenant, stream }, waiting);
    }
    quarantine
}
