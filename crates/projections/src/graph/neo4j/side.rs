//! One generation of the graph, as who fills it and who compares it see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_log::Partition;
use neo4rs::Graph;
use uuid::Uuid;

use super::checkpoint::Visible;
use super::names::Generation;
use super::sockets::Sockets;
use super::{STORE, apply, checkpoint, clear, digest, schema};
use crate::changes::Change;
use crate::graph::{Batch, Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError};

/// A generation in the database.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) graph: Graph,
    pub(super) generation: Generation,
    pub(super) sockets: Arc<Sockets>,
    pub(super) visible: Arc<Visible>,
}

#[async_trait]
impl ReadModel for Side {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        schema::identity(&self.graph).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(&self.graph).await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        checkpoint::read(&self.graph, self.generation, &self.visible, partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        checkpoint::claim(&self.graph, self.generation, partition, None).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        clear::clear(&self.graph, self.generation, partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        digest::digest(&self.graph, self.generation, scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        digest::counts(&self.graph, self.generation, scope).await
    }
}

#[async_trait]
impl Sink<Change> for Side {
    async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.sockets.send_at_once();
        apply::apply(&self.graph, self.generation, batch).await
    }

    async fn rehearse(&self, batch: Batch) -> Result<(), StoreError> {
        self.sockets.send_at_once();
        apply::rehearse(&self.graph, self.generation, batch).await
    }
}
