//! One event of every type of a lot, with every optional part present.

use foodflow_domain::food_graph::batch::ledger::{Outflow, OutflowKind};
use foodflow_domain::food_graph::batch::{
    Balance, BatchAdjusted, BatchBarred, BatchEvent, BatchMoved, BatchMovementCorrected,
    BatchOriginCorrected, BatchOriginated, Origin, Status,
};
use foodflow_domain::food_graph::facts::Item;

use super::samples::{date, documents, some, time};
use crate::support::{id, quantity};

fn after(remaining: &str, status: Status) -> Balance {
    Balance { remaining: quantity(remaining), status }
}

fn origin(amount: &str) -> Origin {
    Origin {
        document_id: id(100),
        batch_number: "MP-0417".to_owned(),
        item: Item::Ingredient(id(10)),
        supplier_id: Some(id(20)),
        sku_id: None,
        quantity: quantity(amount),
        location_id: id(30),
        line: None,
        occurred_at: time("2026-03-02T08:00:00Z"),
        production_date: date("2026-01-15"),
        expiry_date: date("2027-01-14"),
        sscc: some("106141411234567897"),
        documents: documents(),
    }
}

fn made() -> Origin {
    Origin {
        document_id: id(200),
        batch_number: "DB-301".to_owned(),
        item: Item::Product(id(14)),
        supplier_id: None,
        sku_id: Some(id(15)),
        line: some("Line-1"),
        occurred_at: time("2026-03-05T09:15:00Z"),
        sscc: None,
        ..origin("98 KGM")
    }
}

fn moved(document: u128, amount: &str, remaining: &str) -> BatchMoved {
    BatchMoved {
        batch_id: id(1),
        document_id: id(document),
        quantity: quantity(amount),
        occurred_at: time("2026-03-05T09:15:00Z"),
        after: after(remaining, Status::Available),
    }
}

fn adjusted(amount: &str, reason: &str, after: Balance) -> BatchAdjusted {
    BatchAdjusted {
        batch_id: id(1),
        quantity: quantity(amount),
        occurred_at: time("2026-03-10T08:30:00Z"),
        reason: some(reason),
        location_id: id(30),
        after,
    }
}

fn barred(reason: &str, status: Status) -> BatchBarred {
    BatchBarred {
        batch_id: id(1),
        reason: reason.to_owned(),
        occurred_at: time("2026-03-10T08:17:00Z"),
        quantity: Some(quantity("100 KGM")),
        after: after("282 KGM", status),
    }
}

fn movement_corrected(document: u128, kind: OutflowKind, remaining: &str) -> BatchMovementCorrected {
    let document_id = Some(id(document));
    let occurred_at = time("2026-03-05T09:15:00Z");
    BatchMovementCorrected {
        batch_id: id(1),
        document_id: id(document),
        reason: "wrong scale".to_owned(),
        restated: vec![Outflow { document_id, kind, quantity: quantity("6000 GRM"), occurred_at }],
        after: after(remaining, Status::Held),
    }
}

pub(super) fn batch_events() -> Vec<BatchEvent> {
    let originated = |origin: Origin| {
        let after = Balance { remaining: origin.quantity, status: Status::Available };
        BatchOriginated { batch_id: id(1), origin, after }
    };
    let rest = |remaining| after(remaining, Status::Available);
    vec![
        BatchEvent::Received(originated(origin("300 KGM"))),
        BatchEvent::Produced(originated(made())),
        BatchEvent::Consumed(moved(200, "12000 GRM", "288 KGM")),
        BatchEvent::Shipped(moved(300, "6 KGM", "282 KGM")),
        BatchEvent::Sampled(adjusted("500 GRM", "peanut test", rest("281.5 KGM"))),
        BatchEvent::Wasted(adjusted("1.5 KGM", "torn bag", rest("280 KGM"))),
        BatchEvent::Counted(adjusted("279 KGM", "stock count", rest("279 KGM"))),
        BatchEvent::Disposed(adjusted("279 KGM", "destroyed", after("0 KGM", Status::Disposed))),
        BatchEvent::Held(barred("peanut in mustard", Status::Held)),
        BatchEvent::Released(barred("below detection", Status::Available)),
        BatchEvent::Recalled(barred("peanut in mustard", Status::Recalled)),
        BatchEvent::OriginCorrected(BatchOriginCorrected {
            batch_id: id(1),
            reason: "typing error".to_owned(),
            retired: origin("30 KGM"),
            restated: Some(origin("300 KGM")),
            after: after("281.5 KGM", Status::Held),
        }),
        BatchEvent::ConsumptionCorrected(movement_corrected(200, OutflowKind::Used, "294 KGM")),
        BatchEvent::ShipmentCorrected(movement_corrected(300, OutflowKind::Shipped, "276 KGM")),
    ]
}
