//! A plant whose documents become events as the write path would record them: one commit per document, with the
//! document and every lot that it touches.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use foodflow_domain::food_graph::batch::{
    Balance, BatchAdjusted, BatchEvent, BatchOriginCorrected, BatchOriginated, Origin, Status,
};
use foodflow_domain::food_graph::facts::{
    Item, LotQuantity, OutputFacts, ReceiptFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::food_graph::ingredient::{IngredientEvent, IngredientRegistered};
use foodflow_domain::food_graph::location::{LocationEvent, LocationRegistered};
use foodflow_domain::food_graph::product::{ProductEvent, ProductRegistered};
use foodflow_domain::food_graph::receipt::{ReceiptCorrected, ReceiptEvent, ReceiptRecorded};
use foodflow_domain::food_graph::shipment::{ShipmentCorrected, ShipmentEvent, ShipmentRecorded};
use foodflow_domain::food_graph::sku::{SkuEvent, SkuRegistered};
use foodflow_domain::food_graph::supplier::{SupplierCustomerAdded, SupplierEvent, SupplierRegistered};
use foodflow_domain::food_graph::transformation::{
    TransformationCorrected, TransformationEvent, TransformationInputsAdded, TransformationRecorded,
};
use foodflow_domain::quantity::parse_decimal;
use foodflow_domain::{EventSet, Quantity, TenantId};
use foodflow_log::{Envelope, Partition, PayloadHash, Position, StoredMessage, StreamId};
use foodflow_projections::changes::Change;
use foodflow_projections::food_graph::project;
use foodflow_projections::food_graph::queries::Known;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::{Batch, Checkpoint, GraphStore};
use foodflow_projections::recorded::Recorded;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tempfile::TempDir;
use uuid::Uuid;

/// One aggregate's event, ready to be recorded.
type Told = (Uuid, &'static str, String);

/// One plant of one tenant.
pub(crate) struct World {
    pub(crate) store: Arc<dyn GraphStore>,
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

/// The id of what goes by this name.
pub(crate) fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// `2026-` + the rest of a time without seconds, e.g. `03-09 16:20`.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-{}:00Z", text.replace(' ', "T")).parse().unwrap()
}

/// A quantity from e.g. `12.5 KGM`.
pub(crate) fn amount(text: &str) -> Quantity {
    let (value, unit) = text.split_once(' ').unwrap();
    Quantity::new(parse_decimal(value).unwrap(), unit.parse().unwrap())
}

/// An output: lot number, `product …` or `ingredient …`, amount.
pub(crate) type Output<'a> = (&'a str, Item, &'a str);

pub(crate) fn product(name: &str) -> Item {
    Item::Product(id(name).into())
}

pub(crate) fn ingredient(name: &str) -> Item {
    Item::Ingredient(id(name).into())
}

fn lines(lines: &[(&str, &str)]) -> Vec<LotQuantity> {
    lines
        .iter()
        .map(|(lot, quantity)| LotQuantity { batch_id: id(lot).into(), quantity: amount(quantity) })
        .collect()
}

fn told(id: Uuid, event: &impl EventSet) -> Told {
    (id, event.type_name(), event.data().unwrap())
}

fn after(remaining: Quantity) -> Balance {
    Balance { remaining, status: Status::Available }
}

/// A transformation, as it is declared.
pub(crate) fn mixing(
    inputs: &[(&str, &str)],
    outputs: &[Output<'_>],
    occurred_at: Timestamp,
) -> TransformationFacts {
    let outputs = outputs.iter().map(|&(lot, item, quantity)| OutputFacts {
        batch_id: id(lot).into(),
        batch_number: lot.to_owned(),
        item,
        sku_id: None,
        quantity: amount(quantity),
        production_date: None,
        expiry_date: None,
    });
    TransformationFacts {
        inputs: lines(inputs),
        outputs: outputs.collect(),
        location_id: id("Plant A").into(),
        line: None,
        occurred_at,
        loss: None,
        documents: vec![],
    }
}

fn made(document: &str, facts: &TransformationFacts, output: &OutputFacts) -> Origin {
    Origin {
        document_id: id(document),
        batch_number: output.batch_number.clone(),
        item: output.item,
        supplier_id: None,
        sku_id: output.sku_id,
        quantity: output.quantity,
        location_id: facts.location_id,
        line: facts.line.clone(),
        occurred_at: facts.occurred_at,
        production_date: output.production_date,
        expiry_date: output.expiry_date,
        sscc: None,
        documents: vec![],
    }
}

fn came(document: &str, facts: &ReceiptFacts) -> Origin {
    Origin {
        document_id: id(document),
        batch_number: facts.batch_number.clone(),
        item: facts.item,
        supplier_id: facts.supplier_id,
        sku_id: None,
        quantity: facts.quantity,
        location_id: facts.location_id,
        line: None,
        occurred_at: facts.received_at,
        production_date: facts.production_date,
        expiry_date: facts.expiry_date,
        sscc: facts.sscc.clone(),
        documents: vec![],
    }
}

impl World {
    /// An empty plant with a store of its own.
    pub(crate) async fn new() -> Self {
        let (store, folder) = open().await;
        let position = 0;
        let tenant = TenantId(Uuid::new_v4());
        Self {
            store,
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
        let checkpoint = Checkpoint { position: Position(self.position), recorded_at: Some(self.now) };
        self.store.apply(Batch { partition: Partition(0), changes, checkpoint }).await.unwrap();
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

    pub(crate) async fn location(&mut self, name: &str) {
        let event = LocationEvent::Registered(LocationRegistered {
            location_id: id(name).into(),
            name: name.to_owned(),
            location_type: "warehouse".to_owned(),
            address: None,
            coordinates: None,
            gln: None,
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn supplier(&mut self, name: &str) {
        let event = SupplierEvent::Registered(SupplierRegistered {
            supplier_id: id(name).into(),
            name: name.to_owned(),
            country: "IN".to_owned(),
            risk_score: None,
            certifications: vec![],
            location_id: None,
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn supplies(&mut self, supplier: &str, customer: &str) -> Known {
        let event = SupplierEvent::CustomerAdded(SupplierCustomerAdded {
            supplier_id: id(supplier).into(),
            customer_id: id(customer).into(),
        });
        self.commit(vec![told(id(supplier), &event)]).await
    }

    pub(crate) async fn ingredient(&mut self, name: &str) {
        let event = IngredientEvent::Registered(IngredientRegistered {
            ingredient_id: id(name).into(),
            name: name.to_owned(),
            allergens: vec![],
            origin_country: None,
            supplier_ids: vec![],
            contains: vec![],
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn product(&mut self, name: &str) {
        let event = ProductEvent::Registered(ProductRegistered {
            product_id: id(name).into(),
            name: name.to_owned(),
            category: "deli".to_owned(),
            brand: None,
            gtin: None,
            food_traceability_list: true,
            location_ids: vec![],
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn sku(&mut self, name: &str, product: &str) -> Known {
        let event = SkuEvent::Registered(SkuRegistered {
            sku_id: id(name).into(),
            product_id: id(product).into(),
            sku_code: name.to_owned(),
            size: "400".to_owned(),
            unit: "GRM".to_owned(),
        });
        self.commit(vec![told(id(name), &event)]).await
    }

    /// A receipt; its document goes by the lot's number.
    pub(crate) async fn receive(
        &mut self,
        lot: &str,
        item: Item,
        supplier: Option<&str>,
        quantity: &str,
        received_at: Timestamp,
    ) -> Known {
        let facts = ReceiptFacts {
            batch_id: id(lot).into(),
            batch_number: lot.to_owned(),
            item,
            supplier_id: supplier.map(|name| id(name).into()),
            quantity: amount(quantity),
            location_id: id("Plant A").into(),
            received_at,
            production_date: None,
            expiry_date: None,
            sscc: None,
            documents: vec![],
        };
        self.receipts.insert(lot.to_owned(), facts.clone());
        let document = format!("receipt {lot}");
        let origin = came(&document, &facts);
        let recorded = ReceiptRecorded { receipt_id: id(&document).into(), facts };
        let after = after(origin.quantity);
        let received = BatchOriginated { batch_id: id(lot).into(), origin, after };
        let events = vec![
            told(id(&document), &ReceiptEvent::Recorded(recorded)),
            told(id(lot), &BatchEvent::Received(received)),
        ];
        self.commit(events).await
    }

    /// Corrects a lot's receipt to another quantity, or says that it never came.
    pub(crate) async fn correct_receipt(&mut self, lot: &str, quantity: Option<&str>) -> Known {
        let retired = self.receipts[lot].clone();
        let restated =
            quantity.map(|quantity| ReceiptFacts { quantity: amount(quantity), ..retired.clone() });
        let document = format!("receipt {lot}");
        let corrected = BatchOriginCorrected {
            batch_id: id(lot).into(),
            reason: "typing error".to_owned(),
            retired: came(&document, &retired),
            restated: restated.as_ref().map(|facts| came(&document, facts)),
            after: after(
                restated.as_ref().map_or(Quantity::zero(retired.quantity.unit), |facts| facts.quantity),
            ),
        };
        self.receipts.extend(restated.clone().map(|facts| (lot.to_owned(), facts)));
        let receipt = ReceiptCorrected {
            receipt_id: id(&document).into(),
            reason: "typing error".to_owned(),
            retired,
            restated,
        };
        let events = vec![
            told(id(&document), &ReceiptEvent::Corrected(receipt)),
            told(id(lot), &BatchEvent::OriginCorrected(corrected)),
        ];
        self.commit(events).await
    }

    pub(crate) async fn transform(&mut self, document: &str, facts: TransformationFacts) -> Known {
        self.transformations.insert(document.to_owned(), facts.clone());
        let mut events: Vec<Told> =
            facts.outputs.iter().map(|output| produced(document, &facts, output)).collect();
        let transformation_id = id(document).into();
        let recorded = TransformationRecorded { transformation_id, facts, yield_percent: None };
        events.push(told(id(document), &TransformationEvent::Recorded(recorded)));
        self.commit(events).await
    }

    /// More that went into a transformation, recorded later.
    pub(crate) async fn add_inputs(
        &mut self,
        document: &str,
        inputs: &[(&str, &str)],
        occurred_at: Timestamp,
    ) -> Known {
        let facts = self.transformations.get_mut(document).unwrap();
        facts.inputs.extend(lines(inputs));
        let added = TransformationInputsAdded {
            transformation_id: id(document).into(),
            inputs: lines(inputs),
            occurred_at,
            output_batch_ids: facts.outputs.iter().map(|output| output.batch_id).collect(),
            yield_percent: None,
        };
        self.commit(vec![told(id(document), &TransformationEvent::InputsAdded(added))]).await
    }

    /// Corrects a transformation; restated with the same outputs or not at all.
    pub(crate) async fn correct_transformation(
        &mut self,
        document: &str,
        restated: Option<TransformationFacts>,
    ) -> Known {
        let retired = self.transformations[document].clone();
        let mut events: Vec<Told> = retired
            .outputs
            .iter()
            .map(|output| {
                let new = restated.as_ref().and_then(|facts| {
                    let output = facts.outputs.iter().find(|new| new.batch_id == output.batch_id)?;
                    Some(made(document, facts, output))
                });
                let corrected = BatchOriginCorrected {
                    batch_id: output.batch_id,
                    reason: "wrong".to_owned(),
                    retired: made(document, &retired, output),
                    after: after(
                        new.as_ref().map_or(Quantity::zero(output.quantity.unit), |new| new.quantity),
                    ),
                    restated: new,
                };
                told(output.batch_id.0, &BatchEvent::OriginCorrected(corrected))
            })
            .collect();
        let corrected = TransformationCorrected {
            transformation_id: id(document).into(),
            reason: "wrong".to_owned(),
            retired,
            restated: restated.clone(),
            yield_percent: None,
        };
        self.transformations.extend(restated.map(|facts| (document.to_owned(), facts)));
        events.push(told(id(document), &TransformationEvent::Corrected(corrected)));
        self.commit(events).await
    }

    pub(crate) async fn ship(
        &mut self,
        document: &str,
        shipped: &[(&str, &str)],
        to: &str,
        shipped_at: Timestamp,
    ) -> Known {
        let facts = ShipmentFacts {
            lines: lines(shipped),
            from_location_id: id("Plant A").into(),
            to_location_id: id(to).into(),
            shipped_at,
            sscc: None,
            documents: vec![],
        };
        self.shipments.insert(document.to_owned(), facts.clone());
        let recorded = ShipmentRecorded { shipment_id: id(document).into(), facts };
        self.commit(vec![told(id(document), &ShipmentEvent::Recorded(recorded))]).await
    }

    /// Corrects a shipment to other lines, or says that it never went.
    pub(crate) async fn correct_shipment(
        &mut self,
        document: &str,
        shipped: Option<&[(&str, &str)]>,
    ) -> Known {
        let retired = self.shipments[document].clone();
        let restated = shipped.map(|shipped| ShipmentFacts { lines: lines(shipped), ..retired.clone() });
        let corrected = ShipmentCorrected {
            shipment_id: id(document).into(),
            reason: "wrong".to_owned(),
            retired,
            restated,
        };
        self.commit(vec![told(id(document), &ShipmentEvent::Corrected(corrected))]).await
    }

    /// `kind` is `sample`, `waste`, `count` or `dispose`.
    pub(crate) async fn adjust(
        &mut self,
        lot: &str,
        kind: &str,
        quantity: &str,
        occurred_at: Timestamp,
    ) -> Known {
        let data = BatchAdjusted {
            batch_id: id(lot).into(),
            quantity: amount(quantity),
            occurred_at,
            reason: None,
            location_id: id("Plant A").into(),
            after: after(amount(quantity)),
        };
        let event = match kind {
            "sample" => BatchEvent::Sampled(data),
            "waste" => BatchEvent::Wasted(data),
            "count" => BatchEvent::Counted(data),
            "dispose" => BatchEvent::Disposed(data),
            other => panic!("no adjustment is a {other}"),
        };
        self.commit(vec![told(id(lot), &event)]).await
    }
}

fn produced(document: &str, facts: &TransformationFacts, output: &OutputFacts) -> Told {
    let data = BatchOriginated {
        batch_id: output.batch_id,
        origin: made(document, facts, output),
        after: after(output.quantity),
    };
    told(output.batch_id.0, &BatchEvent::Produced(data))
}
