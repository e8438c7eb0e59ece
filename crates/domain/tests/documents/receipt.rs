//! A receiving and its correction.

use foodflow_domain::food_graph::facts::{DocumentReference, Item, ReceiptFacts};
use foodflow_domain::food_graph::receipt::{
    Receipt, ReceiptCommand, ReceiptCorrected, ReceiptEvent, ReceiptRecorded,
};

use crate::support::{after_now, at, code, decide, id, quantity, replay};

fn facts(amount: &str) -> ReceiptFacts {
    ReceiptFacts {
        batch_id: id(1),
        batch_number: "MP-0417".to_owned(),
        item: Item::Ingredient(id(10)),
        supplier_id: Some(id(20)),
        quantity: quantity(amount),
        location_id: id(30),
        received_at: at(0),
        production_date: None,
        expiry_date: None,
        sscc: Some("SSCC-1".to_owned()),
        documents: vec![DocumentReference {
            document_type: "bill-of-lading".to_owned(),
            number: "B-7".to_owned(),
        }],
    }
}

fn record(facts: ReceiptFacts) -> ReceiptCommand {
    ReceiptCommand::Record(ReceiptRecorded { receipt_id: id(100), facts })
}

fn recorded(amount: &str) -> ReceiptEvent {
    ReceiptEvent::Recorded(ReceiptRecorded { receipt_id: id(100), facts: facts(amount) })
}

fn correct(restated: Option<ReceiptFacts>) -> ReceiptCommand {
    ReceiptCommand::Correct { receipt_id: id(100), reason: "typing error".to_owned(), restated }
}

fn corrected(retired: &str, restated: Option<&str>) -> ReceiptEvent {
    ReceiptEvent::Corrected(ReceiptCorrected {
        receipt_id: id(100),
        reason: "typing error".to_owned(),
        retired: facts(retired),
        restated: restated.map(facts),
    })
}

#[test]
fn what_is_accepted() {
    let scenarios = [
        ("recorded", vec![], record(facts("30 KGM")), recorded("30 KGM")),
        (
            "restated",
            vec![recorded("30 KGM")],
            correct(Some(facts("300 KGM"))),
            corrected("30 KGM", Some("300 KGM")),
        ),
        (
            "restated again: what was restated is retired",
            vec![recorded("30 KGM"), corrected("30 KGM", Some("300 KGM"))],
            correct(Some(facts("290 KGM"))),
            corrected("300 KGM", Some("290 KGM")),
        ),
        ("retired", vec![recorded("30 KGM")], correct(None), corrected("30 KGM", None)),
    ];
    for (name, given, when, then) in scenarios {
        assert_eq!(decide::<Receipt>(&given, when), Ok(vec![then]), "{name}");
    }
}

#[test]
fn what_is_refused() {
    let retired = || vec![recorded("30 KGM"), corrected("30 KGM", None)];
    let early = |milliseconds| ReceiptFacts { received_at: after_now(milliseconds), ..facts("1 KGM") };
    let other_lot = ReceiptFacts { batch_id: id(2), ..facts("30 KGM") };
    let scenarios = [
        ("recorded twice", vec![recorded("30 KGM")], record(facts("30 KGM")), "already-exists"),
        ("recorded after it was retired", retired(), record(facts("30 KGM")), "already-exists"),
        ("received in the future", vec![], record(early(5_001)), "occurred-in-future"),
        (
            "restated into the future",
            vec![recorded("1 KGM")],
            correct(Some(early(5_001))),
            "occurred-in-future",
        ),
        ("corrected before it is known", vec![], correct(None), "not-found"),
        ("restated with another lot", vec![recorded("30 KGM")], correct(Some(other_lot)), "other-batch"),
        ("retired twice", retired(), correct(None), "already-retired"),
        ("restated after it was retired", retired(), correct(Some(facts("1 KGM"))), "already-retired"),
    ];
    for (name, given, when, then) in scenarios {
        assert_eq!(code(decide::<Receipt>(&given, when)), then, "{name}");
    }
    assert!(decide::<Receipt>(&[], record(early(5_000))).is_ok(), "five seconds are drift");
}

#[test]
fn the_state_is_what_the_document_declares_today() {
    let declared = |events: &[ReceiptEvent]| replay::<Receipt>(events).facts;
    let events = [recorded("30 KGM"), corrected("30 KGM", Some("300 KGM")), corrected("300 KGM", None)];
    assert_eq!(declared(&[]), None);
    assert_eq!(declared(&events[..1]), Some(facts("30 KGM")));
    assert_eq!(declared(&events[..2]), Some(facts("300 KGM")));
    assert_eq!(declared(&events), None);
    let state: Receipt = replay(&events[..2]);
    let snapshot = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&snapshot).unwrap(), state);
}
