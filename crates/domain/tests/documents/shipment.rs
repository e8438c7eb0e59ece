//! A shipping and its correction.

use foodflow_domain::food_graph::facts::{LotQuantity, ShipmentFacts};
use foodflow_domain::food_graph::shipment::{
    Shipment, ShipmentCommand, ShipmentCorrected, ShipmentEvent, ShipmentRecorded,
};

use crate::support::{after_now, at, code, decide, id, quantity, replay};

fn facts(amount: &str) -> ShipmentFacts {
    ShipmentFacts {
        lines: vec![
            LotQuantity { batch_id: id(1), quantity: quantity(amount) },
            LotQuantity { batch_id: id(2), quantity: quantity("60 CS") },
        ],
        from_location_id: id(30),
        to_location_id: id(31),
        shipped_at: at(0),
        sscc: None,
        documents: vec![],
    }
}

fn record(facts: ShipmentFacts) -> ShipmentCommand {
    ShipmentCommand::Record(ShipmentRecorded { shipment_id: id(300), facts })
}

fn recorded(amount: &str) -> ShipmentEvent {
    ShipmentEvent::Recorded(ShipmentRecorded { shipment_id: id(300), facts: facts(amount) })
}

fn correct(restated: Option<ShipmentFacts>) -> ShipmentCommand {
    ShipmentCommand::Correct { shipment_id: id(300), reason: "wrong pallet".to_owned(), restated }
}

fn corrected(retired: &str, restated: Option<&str>) -> ShipmentEvent {
    ShipmentEvent::Corrected(ShipmentCorrected {
        shipment_id: id(300),
        reason: "wrong pallet".to_owned(),
        retired: facts(retired),
        restated: restated.map(facts),
    })
}

#[test]
fn what_is_accepted() {
    let scenarios = [
        ("recorded", vec![], record(facts("120 CS")), recorded("120 CS")),
        (
            "restated",
            vec![recorded("120 CS")],
            correct(Some(facts("102 CS"))),
            corrected("120 CS", Some("102 CS")),
        ),
        (
            "restated again: what was restated is retired",
            vec![recorded("120 CS"), corrected("120 CS", Some("102 CS"))],
            correct(Some(facts("101 CS"))),
            corrected("102 CS", Some("101 CS")),
        ),
        ("retired", vec![recorded("120 CS")], correct(None), corrected("120 CS", None)),
    ];
    for (name, given, when, then) in scenarios {
        assert_eq!(decide::<Shipment>(&given, when), Ok(vec![then]), "{name}");
    }
}

#[test]
fn what_is_refused() {
    let retired = || vec![recorded("120 CS"), corrected("120 CS", None)];
    let early = |milliseconds| ShipmentFacts { shipped_at: after_now(milliseconds), ..facts("1 CS") };
    let scenarios = [
        ("recorded twice", vec![recorded("120 CS")], record(facts("120 CS")), "already-exists"),
        ("recorded after it was retired", retired(), record(facts("120 CS")), "already-exists"),
        ("shipped in the future", vec![], record(early(5_001)), "occurred-in-future"),
        (
            "restated into the future",
            vec![recorded("1 CS")],
            correct(Some(early(5_001))),
            "occurred-in-future",
        ),
        ("corrected before it is known", vec![], correct(None), "not-found"),
        ("retired twice", retired(), correct(None), "already-retired"),
        ("restated after it was retired", retired(), correct(Some(facts("1 CS"))), "already-retired"),
    ];
    for (name, given, when, then) in scenarios {
        assert_eq!(code(decide::<Shipment>(&given, when)), then, "{name}");
    }
    assert!(decide::<Shipment>(&[], record(early(5_000))).is_ok(), "five seconds are drift");
}

#[test]
fn the_state_is_what_the_document_declares_today() {
    let declared = |events: &[ShipmentEvent]| replay::<Shipment>(events).facts;
    let events = [recorded("120 CS"), corrected("120 CS", Some("102 CS")), corrected("102 CS", None)];
    assert_eq!(declared(&[]), None);
    assert_eq!(declared(&events[..1]), Some(facts("120 CS")));
    assert_eq!(declared(&events[..2]), Some(facts("102 CS")));
    assert_eq!(declared(&events), None);
    let state: Shipment = replay(&events[..2]);
    let snapshot = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Shipment>(&snapshot).unwrap(), state);
}
