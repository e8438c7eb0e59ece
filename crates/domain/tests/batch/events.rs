//! Every event of a lot, in full.

use cqrs_es::test::TestFramework;
use foodflow_domain::food_graph::batch::ledger::{Outflow, OutflowKind};
use foodflow_domain::food_graph::batch::{
    Balance, Batch, BatchAdjusted, BatchBarred, BatchCommand, BatchEvent, BatchMoved, BatchMovementCorrected,
    BatchOriginCorrected, BatchOriginated, Status,
};

use super::scenario::{
    consume, correct_consumption, correct_shipment, count, dispose, dispose_part, history, hold_part, lot,
    origin, produce, recall, receive, release, restate, retire, sample, ship, waste,
};
use crate::support::{at, context, id, quantity};

fn expect(given: &[BatchCommand], when: BatchCommand, then: BatchEvent) {
    TestFramework::<Batch>::with(context()).given(history(given)).when(when).then_expect_events(vec![then]);
}

fn stands(remaining: &str, status: Status) -> Balance {
    Balance { remaining: quantity(remaining), status }
}

#[test]
fn a_lot_comes_to_be() {
    let after = stands("100 KGM", Status::Available);
    let data = BatchOriginated { batch_id: lot(), origin: origin("100 KGM"), after };
    expect(&[], receive("100 KGM"), BatchEvent::Received(data.clone()));
    expect(&[], produce("100 KGM"), BatchEvent::Produced(data));
}

#[test]
fn a_movement_keeps_the_unit_that_was_declared_and_the_balance_that_of_the_lot() {
    let moved = |document| BatchMoved {
        batch_id: lot(),
        document_id: id(document),
        quantity: quantity("12500 GRM"),
        occurred_at: at(5),
        after: stands("87.5 KGM", Status::Available),
    };
    expect(&[receive("100 KGM")], consume("12500 GRM", 5), BatchEvent::Consumed(moved(200)));
    expect(&[receive("100 KGM")], ship("12500 GRM", 5), BatchEvent::Shipped(moved(300)));
}

#[test]
fn an_adjustment_says_where_the_lot_is() {
    let adjusted = |amount, reason: &str, after| BatchAdjusted {
        batch_id: lot(),
        quantity: quantity(amount),
        occurred_at: at(5),
        reason: Some(reason.to_owned()),
        location_id: id(30),
        after,
    };
    let given = [receive("100 KGM")];
    let rest = stands("99.5 KGM", Status::Available);
    expect(&given, sample("500 GRM", 5), BatchEvent::Sampled(adjusted("500 GRM", "shift 2", rest)));
    expect(&given, waste("500 GRM", 5), BatchEvent::Wasted(adjusted("500 GRM", "shift 2", rest)));
    expect(&given, count("99500 GRM", 5), BatchEvent::Counted(adjusted("99500 GRM", "shift 2", rest)));
    let part = adjusted("500 GRM", "peanut in mustard", rest);
    expect(&given, dispose_part("500 GRM", 5), BatchEvent::Disposed(part));
    let all = adjusted("100 KGM", "peanut in mustard", stands("0 KGM", Status::Disposed));
    expect(&given, dispose(5), BatchEvent::Disposed(all));
}

#[test]
fn a_bar_states_its_part_in_the_lots_unit() {
    let barred = |amount: Option<&str>, minute, status| BatchBarred {
        batch_id: lot(),
        reason: "peanut in mustard".to_owned(),
        occurred_at: at(minute),
        quantity: amount.map(quantity),
        after: stands("100 KGM", status),
    };
    let held = BatchEvent::Held(barred(Some("30 KGM"), 5, Status::Held));
    expect(&[receive("100 KGM")], hold_part("30000 GRM", 5), held);
    let released = BatchEvent::Released(barred(None, 9, Status::Available));
    expect(&[receive("100 KGM"), hold_part("30 KGM", 5)], release(9), released);
    let recalled = BatchEvent::Recalled(barred(None, 9, Status::Recalled));
    expect(&[receive("100 KGM"), hold_part("30 KGM", 5)], recall(9), recalled);
}

#[test]
fn a_corrected_origin_names_what_is_retired() {
    let corrected = |retired, restated, after| {
        let reason = "typing error".to_owned();
        BatchEvent::OriginCorrected(BatchOriginCorrected {
            batch_id: lot(),
            reason,
            retired,
            restated,
            after,
        })
    };
    let up = stands("300 KGM", Status::Available);
    let restated = corrected(origin("30 KGM"), Some(origin("300 KGM")), up);
    expect(&[receive("30 KGM")], restate("300 KGM"), restated);
    let twice = corrected(origin("300 KGM"), None, stands("0 KGM", Status::Consumed));
    expect(&[receive("30 KGM"), restate("300 KGM")], retire(), twice);
}

#[test]
fn a_corrected_movement_names_what_took_its_place() {
    let corrected = |document, kind, amount, after| BatchMovementCorrected {
        batch_id: lot(),
        document_id: id(document),
        reason: "wrong scale".to_owned(),
        restated: vec![Outflow {
            document_id: Some(id(document)),
            kind,
            quantity: quantity(amount),
            occurred_at: at(6),
        }],
        after,
    };
    let given = [receive("100 KGM"), consume("30 KGM", 5), ship("40 KGM", 6)];
    let used = corrected(200, OutflowKind::Used, "3000 GRM", stands("57 KGM", Status::Available));
    expect(&given, correct_consumption(&[("3000 GRM", 6)]), BatchEvent::ConsumptionCorrected(used));
    let shipped = corrected(300, OutflowKind::Shipped, "4 KGM", stands("66 KGM", Status::Available));
    expect(&given, correct_shipment(&[("4 KGM", 6)]), BatchEvent::ShipmentCorrected(shipped));
}
