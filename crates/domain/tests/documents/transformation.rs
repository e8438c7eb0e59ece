//! A transformation, inputs that are recorded late, and its correction.

use foodflow_domain::food_graph::facts::{Item, LotQuantity, OutputFacts, TransformationFacts};
use foodflow_domain::food_graph::transformation::{
    Transformation, TransformationCommand, TransformationCorrected, TransformationEvent,
    TransformationInputsAdded, TransformationRecorded,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::support::{after_now, at, code, decide, id, quantity, replay};

fn line(lot: u128, amount: &str) -> LotQuantity {
    LotQuantity { batch_id: id(lot), quantity: quantity(amount) }
}

fn output(lot: u128, amount: &str) -> OutputFacts {
    OutputFacts {
        batch_id: id(lot),
        batch_number: format!("DB-{lot}"),
        item: Item::Product(id(11)),
        sku_id: None,
        quantity: quantity(amount),
        production_date: None,
        expiry_date: None,
    }
}

/// `inputs` are lots 1, 2 …, `outputs` lots 51, 52 ….
fn facts(inputs: &[&str], outputs: &[&str]) -> TransformationFacts {
    TransformationFacts {
        inputs: (1..).zip(inputs).map(|(lot, amount)| line(lot, amount)).collect(),
        outputs: (51..).zip(outputs).map(|(lot, amount)| output(lot, amount)).collect(),
        location_id: id(30),
        line: Some("Line-1".to_owned()),
        occurred_at: at(10),
        loss: Some(quantity("2 KGM")),
        documents: vec![],
    }
}

fn dressing() -> TransformationFacts {
    facts(&["12 KGM", "88 KGM"], &["98 KGM"])
}

fn record(facts: TransformationFacts) -> TransformationCommand {
    TransformationCommand::Record { transformation_id: id(200), facts }
}

fn percent(text: &str) -> Option<Decimal> {
    Some(text.parse().unwrap())
}

fn recorded(facts: TransformationFacts) -> TransformationEvent {
    let yield_percent = facts.yield_percent();
    TransformationEvent::Recorded(TransformationRecorded { transformation_id: id(200), facts, yield_percent })
}

fn add(inputs: Vec<LotQuantity>, occurred_at: Timestamp) -> TransformationCommand {
    TransformationCommand::AddInputs { transformation_id: id(200), inputs, occurred_at }
}

fn rework() -> TransformationEvent {
    TransformationEvent::InputsAdded(TransformationInputsAdded {
        transformation_id: id(200),
        inputs: vec![line(3, "10 KGM")],
        occurred_at: at(20),
        output_batch_ids: vec![id(51)],
        yield_percent: percent("89.09"),
    })
}

fn correct(restated: Option<TransformationFacts>) -> TransformationCommand {
    TransformationCommand::Correct { transformation_id: id(200), reason: "wrong vat".to_owned(), restated }
}

fn corrected(retired: TransformationFacts, restated: Option<TransformationFacts>) -> TransformationEvent {
    let yield_percent = restated.as_ref().and_then(TransformationFacts::yield_percent);
    TransformationEvent::Corrected(TransformationCorrected {
        transformation_id: id(200),
        reason: "wrong vat".to_owned(),
        retired,
        restated,
        yield_percent,
    })
}

#[test]
fn what_is_accepted() {
    let with_rework = || facts(&["12 KGM", "88 KGM", "10 KGM"], &["98 KGM"]);
    let restated = || facts(&["6 KGM", "94 KGM"], &["97 KGM"]);
    let scenarios = [
        ("recorded", vec![], record(dressing()), recorded(dressing())),
        ("rework recorded late", vec![recorded(dressing())], add(vec![line(3, "10 KGM")], at(20)), rework()),
        (
            "restated: the late inputs are retired with it",
            vec![recorded(dressing()), rework()],
            correct(Some(restated())),
            corrected(with_rework(), Some(restated())),
        ),
        ("retired", vec![recorded(dressing())], correct(None), corrected(dressing(), None)),
        (
            "restated again: what was restated is retired",
            vec![recorded(dressing()), corrected(dressing(), Some(restated()))],
            correct(Some(dressing())),
            corrected(restated(), Some(dressing())),
        ),
        (
            "rework after a correction",
            vec![recorded(restated()), corrected(restated(), Some(dressing()))],
            add(vec![line(3, "10 KGM")], at(20)),
            rework(),
        ),
        (
            "one lot in several lines",
            vec![],
            record(TransformationFacts { inputs: vec![line(1, "1 KGM"), line(1, "2 KGM")], ..dressing() }),
            recorded(TransformationFacts { inputs: vec![line(1, "1 KGM"), line(1, "2 KGM")], ..dressing() }),
        ),
    ];
    for (name, given, when, then) in scenarios {
        assert_eq!(decide::<Transformation>(&given, when), Ok(vec![then]), "{name}");
    }
}

#[test]
fn what_is_refused() {
    let known = || vec![recorded(dressing())];
    let retired = || vec![recorded(dressing()), corrected(dressing(), None)];
    let early = || TransformationFacts { occurred_at: after_now(5_001), ..dressing() };
    let eats_itself =
        || TransformationFacts { inputs: vec![line(1, "1 KGM"), line(51, "1 KGM")], ..dressing() };
    let one = || vec![line(3, "1 KGM")];
    let scenarios = [
        ("recorded twice", known(), record(dressing()), "already-exists"),
        ("recorded after it was retired", retired(), record(dressing()), "already-exists"),
        ("in the future", vec![], record(early()), "occurred-in-future"),
        ("restated into the future", known(), correct(Some(early())), "occurred-in-future"),
        ("late inputs in the future", known(), add(one(), after_now(5_001)), "occurred-in-future"),
        ("a lot on both sides", vec![], record(eats_itself()), "cycle"),
        ("a lot restated to both sides", known(), correct(Some(eats_itself())), "cycle"),
        ("its output as a late input", known(), add(vec![line(51, "1 KGM")], at(20)), "cycle"),
        ("late inputs before it is known", vec![], add(one(), at(20)), "not-found"),
        ("late inputs after it was retired", retired(), add(one(), at(20)), "already-retired"),
        ("corrected before it is known", vec![], correct(None), "not-found"),
        ("retired twice", retired(), correct(None), "already-retired"),
        ("restated after it was retired", retired(), correct(Some(dressing())), "already-retired"),
    ];
    for (name, given, when, then) in scenarios {
        assert_eq!(code(decide::<Transformation>(&given, when)), then, "{name}");
    }
    let drift = TransformationFacts { occurred_at: after_now(5_000), ..dressing() };
    assert!(decide::<Transformation>(&[], record(drift)).is_ok(), "five seconds are drift");
}

#[test]
fn the_yield_is_output_by_input_where_the_units_allow() {
    for (inputs, outputs, expected) in [
        (vec!["12 KGM", "88 KGM"], vec!["98 KGM"], percent("98")),
        (vec!["12000 GRM", "88 KGM"], vec!["49 KGM", "49000 GRM"], percent("98")),
        (vec!["3 KGM"], vec!["1 KGM"], percent("33.33")),
        (vec!["1 KGM"], vec!["2 KGM"], percent("200")),
        (vec!["100 LBR"], vec!["45.359237 KGM"], percent("100")),
        (vec!["49 KGM"], vec!["200 CS"], None),
        (vec!["49 KGM", "1 LTR"], vec!["50 KGM"], None),
        (vec![], vec!["50 KGM"], None),
        (vec!["50 KGM"], vec![], None),
        (vec!["0 KGM"], vec!["50 KGM"], None),
        (vec!["200 CS"], vec!["190 CS"], percent("95")),
    ] {
        assert_eq!(facts(&inputs, &outputs).yield_percent(), expected, "{inputs:?} to {outputs:?}");
    }
}

#[test]
fn every_input_keeps_its_own_event_time() {
    let state: Transformation = replay(&[recorded(dressing()), rework()]);
    assert_eq!(state.input_times, [at(10), at(10), at(20)]);
    assert_eq!(state.facts.as_ref().unwrap().inputs.len(), 3);
    let snapshot = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Transformation>(&snapshot).unwrap(), state);

    let restated: Transformation =
        replay(&[recorded(dressing()), rework(), corrected(dressing(), Some(dressing()))]);
    assert_eq!(restated.input_times, [at(10), at(10)]);
    let retired: Transformation = replay(&[recorded(dressing()), corrected(dressing(), None)]);
    assert!(retired.input_times.is_empty() && retired.facts.is_none() && retired.recorded);
}
