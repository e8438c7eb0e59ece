//! The food graph from an embedded log into an embedded store, over many restarts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::food_graph::batch::{
    Balance, BatchEvent, BatchMoved, BatchOriginCorrected, BatchOriginated, Origin, Status,
};
use foodflow_domain::food_graph::facts::{Item, LotQuantity, OutputFacts, ReceiptFacts, TransformationFacts};
use foodflow_domain::food_graph::receipt::{ReceiptCorrected, ReceiptEvent, ReceiptRecorded};
use foodflow_domain::food_graph::transformation::{TransformationEvent, TransformationRecorded};
use foodflow_domain::ids::{BatchId, IngredientId, LocationId, ProductId, ReceiptId, TransformationId};
use foodflow_domain::{EventSet, Quantity, TenantId, Unit};
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::{Commit, NewMessage, Position, SharedLog, StreamId};
use foodflow_projections::changes::Label;
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::{DigestScope, GraphStore, ReadModel as _, TraceDirection};
use foodflow_projections::runner::{
    Outcome, Owner, RebuildOptions, RebuildRequest, Runner, RunnerConfig, RunnerHandle, SwitchPolicy,
    food_graph, rebuild, switch_back,
};
use foodflow_projections::store::generations::RebuildScope;
use jiff::Timestamp;
use uuid::Uuid;

use super::support::{P0, SOON, config, envelope};

/// One plant's days: milk comes in, cheese is made of it, some receipts are corrected.
struct Plant {
    log: SharedLog,
    tenant: TenantId,
    place: LocationId,
    milk: Item,
    cheese: Item,
}

/// An event of the stream of `aggregate` with this id.
struct Said {
    aggregate: &'static str,
    id: Uuid,
    event_type: &'static str,
    data: String,
}

fn said<E: EventSet>(aggregate: &'static str, id: Uuid, event: &E) -> Said {
    Said { aggregate, id, event_type: event.type_name(), data: event.data().unwrap().get().to_owned() }
}

impl Plant {
    fn new(log: &SharedLog) -> Self {
        let (milk, cheese) =
            (Item::Ingredient(IngredientId(Uuid::now_v7())), Item::Product(ProductId(Uuid::now_v7())));
        let (tenant, place) = (TenantId(Uuid::now_v7()), LocationId(Uuid::now_v7()));
        Self { log: log.clone(), tenant, place, milk, cheese }
    }

    async fn append(&self, events: Vec<Said>) -> Position {
        let (size, now) = (events.len() as u32, Timestamp::now());
        let mut messages = vec![];
        for (index, said) in events.into_iter().enumerate() {
            let stream = StreamId::new("food_graph", said.aggregate, said.id);
            let known = self.log.load(self.tenant, &stream, Position(0)).await.unwrap();
            let mut event = envelope(self.tenant, said.id, now, index as u32, size);
            said.event_type.clone_into(&mut event.event_type);
            event.data = serde_json::value::RawValue::from_string(said.data).unwrap();
            let payload = foodflow_log::Envelope::encode_batch(&[event]).unwrap().into();
            let expected = known.last().map_or(Position(0), |message| message.position);
            messages.push(NewMessage { stream, expected, payload });
        }
        self.log.append(Commit { tenant: self.tenant, recorded_at: now, messages }).await.unwrap().last
    }

    fn origin(&self, document_id: Uuid, item: Item, number: u32) -> Origin {
        Origin {
            document_id,
            batch_number: format!("L-{number}"),
            item,
            supplier_id: None,
            sku_id: None,
            quantity: kilograms(100),
            location_id: self.place,
            line: None,
            occurred_at: Timestamp::now(),
            production_date: None,
            expiry_date: None,
            sscc: None,
            documents: vec![],
        }
    }

    fn received(&self, lot: BatchId, number: u32) -> ReceiptFacts {
        ReceiptFacts {
            batch_id: lot,
            batch_number: format!("L-{number}"),
            item: self.milk,
            supplier_id: None,
            quantity: kilograms(100),
            location_id: self.place,
            received_at: Timestamp::now(),
            production_date: None,
            expiry_date: None,
            sscc: None,
            documents: vec![],
        }
    }

    /// Milk in, cheese out; answers the lot of cheese and the position.
    async fn day(&self, number: u32) -> (BatchId, Position) {
        let (receipt, made) = (ReceiptId(Uuid::now_v7()), TransformationId(Uuid::now_v7()));
        let (milk, cheese) = (BatchId(Uuid::now_v7()), BatchId(Uuid::now_v7()));
        let facts = self.received(milk, number);
        let origin = self.origin(receipt.0, self.milk, number);
        let originated = |batch_id, origin| BatchOriginated { batch_id, origin, after: balance(100) };
        let recorded = ReceiptEvent::Recorded(ReceiptRecorded { receipt_id: receipt, facts: facts.clone() });
        self.append(vec![
            said("receipt", receipt.0, &recorded),
            said("batch", milk.0, &BatchEvent::Received(originated(milk, origin.clone()))),
        ])
        .await;
        let mut position = self.append(self.cheese_made(made, milk, cheese, number)).await;
        if number.is_multiple_of(5) {
            let restated = ReceiptFacts { batch_number: format!("R-{number}"), ..facts.clone() };
            let (reason, retired) = ("the wrong label".to_owned(), facts);
            let corrected = ReceiptCorrected {
                receipt_id: receipt,
                reason: reason.clone(),
                retired,
                restated: Some(restated),
            };
            let restated = Origin { batch_number: format!("R-{number}"), ..origin.clone() };
            let corrected_lot = BatchOriginCorrected {
                batch_id: milk,
                reason,
                retired: origin,
                restated: Some(restated),
                after: balance(0),
            };
            let lot = BatchEvent::OriginCorrected(corrected_lot);
            let receipt_event = ReceiptEvent::Corrected(corrected);
            let events = vec![said("receipt", receipt.0, &receipt_event), said("batch", milk.0, &lot)];
            position = self.append(events).await;
        }
        (cheese, position)
    }

    fn cheese_made(&self, made: TransformationId, milk: BatchId, cheese: BatchId, number: u32) -> Vec<Said> {
        let quantity = kilograms(100);
        let output = OutputFacts {
            batch_id: cheese,
            batch_number: format!("C-{number}"),
            item: self.cheese,
            sku_id: None,
            quantity,
            production_date: None,
            expiry_date: None,
        };
        let facts = TransformationFacts {
            inputs: vec![LotQuantity { batch_id: milk, quantity }],
            outputs: vec![output],
            location_id: self.place,
            line: None,
            occurred_at: Timestamp::now(),
            loss: None,
            documents: vec![],
        };
        let occurred_at = facts.occurred_at;
        let recorded = TransformationRecorded { transformation_id: made, facts, yield_percent: None };
        let moved =
            BatchMoved { batch_id: milk, document_id: made.0, quantity, occurred_at, after: balance(0) };
        let origin = self.origin(made.0, self.cheese, number);
        let produced = BatchOriginated { batch_id: cheese, origin, after: balance(100) };
        vec![
            said("batch", milk.0, &BatchEvent::Consumed(moved)),
            said("batch", cheese.0, &BatchEvent::Produced(produced)),
            said("transformation", made.0, &TransformationEvent::Recorded(recorded)),
        ]
    }
}

fn kilograms(value: i64) -> Quantity {
    Quantity::new(value.into(), Unit::Kgm)
}

fn balance(value: i64) -> Balance {
    Balance { remaining: kilograms(value), status: Status::Available }
}

async fn graph(path: &Path) -> Arc<dyn GraphStore> {
    let store = EmbeddedGraph::open(&path.join("graph.db")).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

fn run(log: &SharedLog, store: &Arc<dyn GraphStore>) -> RunnerHandle {
    // One process that is started again and again: what it had is its own at once.
    let owner = Owner { id: Uuid::from_u128(7), process: "restarted".to_owned() };
    let config = RunnerConfig { owner: Some(owner), ..config() };
    Runner::start(log.clone(), store.clone(), food_graph(), config).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_leave_whole_commits_and_a_rebuild_finds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let log: SharedLog = Arc::new(EmbeddedLog::open(&folder.path().join("log.db")).await.unwrap());
    let store = graph(folder.path()).await;
    let plants = [Plant::new(&log), Plant::new(&log)];
    let writing = tokio::spawn(async move {
        let mut cheeses = vec![];
        for number in 0..60 {
            for plant in &plants {
                cheeses.push((plant.tenant, plant.day(number).await));
            }
        }
        cheeses
    });
    let mut round = 0;
    while !writing.is_finished() {
        let runner = run(&log, &store);
        tokio::time::sleep(Duration::from_millis(15)).await;
        // In turn: an orderly stop, and a runner that is just gone.
        if round % 2 == 0 {
            runner.stop().await;
        }
        round += 1;
    }
    let cheeses = writing.await.unwrap();
    let runner = run(&log, &store);
    let head = log.head(P0).await.unwrap();
    runner.progress().wait_for(P0, head, SOON).await.unwrap();
    runner.stop().await;
    for (tenant, (cheese, _)) in &cheeses {
        assert_eq!(store.genealogy(*tenant, cheese.0, TraceDirection::Backward).await.unwrap().len(), 1);
    }
    let mut calls = 0;
    let options = RebuildOptions { batch_messages_max: 100, ..RebuildOptions::default() };
    let request =
        RebuildRequest { scope: RebuildScope::All, switch: SwitchPolicy::Always, filled_by: "1".to_owned() };
    let report =
        rebuild(log.clone(), store.clone(), food_graph(), request, options, |_| calls += 1).await.unwrap();
    assert!(report.is_identical(), "{report:?}");
    assert_eq!(
        (report.comparisons[0].position, report.positions[&P0], report.messages),
        (head, head, head.0)
    );
    assert!(calls >= 5);
    assert_eq!(store.digest(DigestScope::Partition(P0)).await.unwrap(), report.comparisons[0].rebuilt.digest);

    // Another store, filled in one go, holds the same.
    let other_folder = tempfile::tempdir().unwrap();
    let other = graph(other_folder.path()).await;
    let fresh = run(&log, &other);
    fresh.progress().wait_for(P0, head, SOON).await.unwrap();
    fresh.stop().await;
    let digest = &report.comparisons[0].rebuilt.digest;
    assert_eq!(&other.digest(DigestScope::Partition(P0)).await.unwrap(), digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_half_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let log: SharedLog = Arc::new(EmbeddedLog::open(&folder.path().join("log.db")).await.unwrap());
    let store = graph(folder.path()).await;
    let runner = run(&log, &store);
    let plant = Plant::new(&log);
    for number in 0..40 {
        let (cheese, position) = plant.day(number).await;
        loop {
            let applied = runner.progress().applied(P0).await.unwrap();
            // The lot stands before its genealogy in its commit, and is asked for first.
            let lot = store.nodes(plant.tenant, Label::Batch, &[cheese.0]).await.unwrap();
            let edges = store.genealogy(plant.tenant, cheese.0, TraceDirection::Backward).await.unwrap();
            assert!(lot.is_empty() || edges.len() == 1);
            if applied >= position {
                assert_eq!((lot.len(), edges.len()), (1, 1));
                break;
            }
        }
    }
    runner.stop().await;
}

/// Switches to and fro while a plant works and others ask: whoever saw a lot sees it ever after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switches_under_writers_and_readers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log: SharedLog = Arc::new(EmbeddedLog::open(&folder.path().join("log.db")).await.unwrap());
    let store = graph(folder.path()).await;
    let runner = run(&log, &store);
    // As another process reads that learns of a switch from the files alone.
    let reader = graph(folder.path()).await;
    let plant = Plant::new(&log);
    let (_, begun) = plant.day(1).await;
    runner.progress().wait_for(P0, begun, SOON).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let (writing, asking, progress) = (stop.clone(), stop.clone(), runner.progress().clone());
    let tenant = plant.tenant;
    let writer = tokio::spawn(async move {
        let mut cheeses = vec![];
        while !writing.is_cancelled() {
            let (cheese, position) = plant.day(2 + cheeses.len() as u32).await;
            progress.wait_for(P0, position, SOON).await.unwrap();
            cheeses.push(cheese);
        }
        cheeses
    });
    let asker = tokio::spawn(async move {
        let (mut most, mut asked) = (0, 0);
        while !asking.is_cancelled() {
            let counts = reader.counts(DigestScope::Tenant(tenant)).await.unwrap();
            let edges = counts.get("USES_INGREDIENT").copied().unwrap_or_default();
            assert!(edges >= most, "{edges} edges after {most}");
            (most, asked) = (edges, asked + 1);
        }
        asked
    });
    for round in 0..6 {
        let options = RebuildOptions { batch_messages_max: 10, ..RebuildOptions::default() };
        let (log, store) = (log.clone(), store.clone());
        let report = if round % 3 == 2 {
            switch_back(log, store, food_graph(), options, |_| {}).await.unwrap()
        } else {
            let scope = if round % 3 == 0 { RebuildScope::All } else { RebuildScope::Tenant(tenant) };
            let request = RebuildRequest { scope, switch: SwitchPolicy::Always, filled_by: "1".to_owned() };
            rebuild(log, store, food_graph(), request, options, |_| {}).await.unwrap()
        };
        assert!(report.outcome == Outcome::Switched && report.is_identical(), "{report:?}");
    }
    stop.cancel();
    let cheeses = writer.await.unwrap();
    assert!(asker.await.unwrap() > 6);
    for cheese in &cheeses {
        assert_eq!(store.genealogy(tenant, cheese.0, TraceDirection::Backward).await.unwrap().len(), 1);
    }
    runner.stop().await;
    let other_folder = tempfile::tempdir().unwrap();
    let other = graph(other_folder.path()).await;
    let fresh = run(&log, &other);
    fresh.progress().wait_for(P0, log.head(P0).await.unwrap(), SOON).await.unwrap();
    fresh.stop().await;
    let scope = DigestScope::Partition(P0);
    assert_eq!(store.digest(scope).await.unwrap(), other.digest(scope).await.unwrap());
}
