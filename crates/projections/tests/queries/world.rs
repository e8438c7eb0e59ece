//! A plant whose documents become events as the write path would record them: one commit per document, with the
//! document and every lot that it touches.
//!
//! - [`facts`]: what documents declare, by names;
//! - [`master_data`], [`documents`]: what can be recorded;
//! - this file: the commit.

mod documents;
mod facts;
mod master_data;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use foodflow_domain::food_graph::facts::{ReceiptFacts, ShipmentFacts, TransformationFacts};
use foodflow_domain::{EventSet, TenantId};
use foodflow_log::{Envelope, Partition, PayloadHash, Position, StoredMessage, StreamId};
use foodflow_projections::changes::Change;
use foodflow_projections::food_graph::project;
use foodflow_projections::food_graph::queries::Known;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::{Checkpoint, Claim, GraphStore, ReadModel as _};
use foodflow_projections::recorded::Recorded;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) use facts::{amount, at, id, ingredient, mixing, product};

/// One aggregate's event, ready to be recorded.
type Told = (Uuid, &'static str, String);

/// One plant of one tenant.
pub(crate) struct World {
    pub(crate) store: Arc<dyn GraphStore>,
    claim: Claim,
    _folder: TempDir,
    pub(crate) tenant: TenantId,
    /// Recorded time of the next commit.
    pub(crate) now: Timestamp,
    position: u64,
    sequences: BTreeMap<StreamId, u64>,
    receipts: BTreeMap<String, ReceiptFacts>,
    transformations: BTreeMap<String, TransformationFacts>,
    shipments: BTreeMap<String, ShipmentFacts>,
}

/// A store in a new file; the guard removes it.
pub(crate) async fn open() -> (Arc<dyn GraphStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedGraph::open(&folder.path().join("graph.db")).await.unwrap();
    store.migrate().await.unwrap();
    (Arc::new(store), folder)
}

fn told(id: Uuid, event: &impl EventSet) -> Told {
    (id, event.type_name(), event.data().unwrap().get().to_owned())
}

impl World {
    /// An empty plant with a store of its own.
    pub(crate) async fn new() -> Self {
        let (store, folder) = open().await;
        let claim = store.claim(Partition(0)).await.unwrap();
        let position = 0;
        let tenant = TenantId(Uuid::new_v4());
        Self {
            store,
            claim,
            _folder: folder,
            tenant,
            now: at("02-01 08:00"),
            position,
            sequences: BTreeMap::new(),
            receipts: BTreeMap::new(),
            transformations: BTreeMap::new(),
            shipments: BTreeMap::new(),
        }
    }

    /// As known after the last commit.
    pub(crate) fn known(&self) -> Known {
        Known::Position(Position(self.position))
    }

    /// Records all of it as one commit, at `now`.
    pub(crate) async fn commit(&mut self, events: Vec<Told>) -> Known {
        let mut changes: Vec<(TenantId, Change)> = Vec::new();
        for (id, event_type, data) in events {
            let message = self.message(id, event_type, data);
            let projected = project(&Recorded::decode(&message).unwrap()).unwrap();
            changes.extend(projected.into_iter().map(|change| (self.tenant, change)));
        }
        let checkpoint = Checkpoint::new(Position(self.position), Some(self.now));
        let batch = self.claim.next(Partition(0), changes, checkpoint);
        self.store.apply(batch).await.unwrap();
        self.known()
    }

    fn message(&mut self, id: Uuid, event_type: &str, data: String) -> StoredMessage {
        self.position += 1;
        let aggregate = event_type.split('.').nth(2).unwrap().to_owned();
        let stream = StreamId { context: "food_graph".into(), aggregate: aggregate.into(), id };
        let sequence = self.sequences.entry(stream.clone()).or_default();
        *sequence += 1;
        let envelope = Envelope {
            specversion: "1.0".to_owned(),
            id: Uuid::new_v5(&self.tenant.0, &self.position.to_be_bytes()),
            source: format!("foodflow/{}", self.tenant),
            event_type: event_type.to_owned(),
            subject: format!("{}/{id}", stream.aggregate),
            time: self.now,
            datacontenttype: "application/json".to_owned(),
            tenantid: self.tenant,
            actor: "quality@plant".to_owned(),
            commandid: Uuid::nil(),
            commandhash: PayloadHash::default(),
            correlationid: Uuid::nil(),
            causationid: None,
            commitindex: 0,
            commitsize: 1,
            sequence: *sequence,
            prevhash: PayloadHash::default(),
            data: RawValue::from_string(data).unwrap(),
        };
        StoredMessage {
            partition: Partition(0),
            position: Position(self.position),
            tenant: self.tenant,
            stream,
            payload: Bytes::from(Envelope::encode_batch(&[envelope]).unwrap()),
        }
    }
}
