//! How a lot comes to be, and what it gives.

use foodflow_domain::food_graph::batch::Status::{Available, Consumed};
use foodflow_domain::food_graph::batch::{AdjustmentKind, Bar, Batch, BatchCommand, Origin};
use jiff::Timestamp;

use super::scenario::{
    bar, consume, history, lot, movement, origin, produce, receive, refused, run, ship, stands,
};
use crate::support::{after_now, code, decide, quantity};

#[test]
fn a_lot_comes_to_be_once() {
    run(vec![
        ("received", vec![], receive("100 KGM"), stands("100 KGM", Available)),
        ("produced", vec![], produce("200 CS"), stands("200 CS", Available)),
        ("received twice", vec![receive("100 KGM")], receive("100 KGM"), refused("already-exists")),
        ("received, then produced", vec![receive("1 KGM")], produce("1 KGM"), refused("already-exists")),
        ("of nothing", vec![], receive("0 KGM"), refused("quantity-not-positive")),
        ("of less than nothing", vec![], produce("-1 KGM"), refused("quantity-not-positive")),
        ("consumed before it is known", vec![], consume("1 KGM", 5), refused("not-found")),
        ("shipped before it is known", vec![], ship("1 KGM", 5), refused("not-found")),
    ]);
}

#[test]
fn a_lot_gives_what_it_has_and_no_more() {
    let lot = || vec![receive("100 KGM")];
    let used = || vec![receive("100 KGM"), consume("60 KGM", 5), ship("30 KGM", 6)];
    run(vec![
        ("some is consumed", lot(), consume("30 KGM", 5), stands("70 KGM", Available)),
        ("some is shipped", lot(), ship("30 KGM", 5), stands("70 KGM", Available)),
        ("all is consumed", lot(), consume("100 KGM", 5), stands("0 KGM", Consumed)),
        ("all is shipped", lot(), ship("100 KGM", 5), stands("0 KGM", Consumed)),
        ("the last digit too much", lot(), consume("100.000000001 KGM", 5), refused("insufficient-quantity")),
        ("the rest", used(), consume("10 KGM", 7), stands("0 KGM", Consumed)),
        ("more than the rest", used(), ship("10.5 KGM", 7), refused("insufficient-quantity")),
        (
            "before the others, more than the rest",
            used(),
            ship("11 KGM", 1),
            refused("insufficient-quantity"),
        ),
        ("nothing", lot(), consume("0 KGM", 5), refused("quantity-not-positive")),
        ("less than nothing", lot(), ship("-5 KGM", 5), refused("quantity-not-positive")),
    ]);
}

#[test]
fn units_of_one_dimension_are_converted_and_others_refused() {
    let of = |amount| vec![receive(amount)];
    run(vec![
        ("grams of kilograms", of("100 KGM"), consume("12500 GRM", 5), stands("87.5 KGM", Available)),
        ("kilograms of grams", of("100000 GRM"), consume("2.5 KGM", 5), stands("97500 GRM", Available)),
        ("pounds of kilograms", of("100 KGM"), ship("1 LBR", 5), stands("99.54640763 KGM", Available)),
        ("all, in pounds", of("45.359237 KGM"), ship("100 LBR", 5), stands("0 KGM", Consumed)),
        ("kilograms of pounds, rounded", of("3 LBR"), ship("1 KGM", 5), stands("0.795377378 LBR", Available)),
        ("a gram too much", of("1 KGM"), consume("1001 GRM", 5), refused("insufficient-quantity")),
        ("litres of kilograms", of("100 KGM"), consume("1 LTR", 5), refused("unit-mismatch")),
        ("cases of pieces", of("100 EA"), ship("1 CS", 5), refused("unit-mismatch")),
        ("kilograms of cases", of("100 CS"), ship("1 KGM", 5), refused("unit-mismatch")),
        ("too large for the lot's unit", of("5 MGM"), ship("900000000000 TNE", 5), refused("unit-mismatch")),
        ("too small for the lot's unit", of("5 TNE"), ship("0.1 MGM", 5), refused("quantity-not-positive")),
        ("just large enough for it", of("5 TNE"), ship("1 MGM", 5), stands("4.999999999 TNE", Available)),
    ]);
}

/// Every command that states an event time, as of `occurred_at`.
fn timed_commands(occurred_at: Timestamp) -> Vec<BatchCommand> {
    let amount = quantity("1 KGM");
    let barred = Bar { occurred_at, ..bar(Some("1 KGM"), 0) };
    let adjusted =
        |kind| BatchCommand::Adjust { batch_id: lot(), kind, quantity: amount, occurred_at, reason: None };
    vec![
        BatchCommand::Consume(movement(200, "1 KGM", occurred_at)),
        BatchCommand::Ship(movement(200, "1 KGM", occurred_at)),
        adjusted(AdjustmentKind::Sample),
        adjusted(AdjustmentKind::Waste),
        adjusted(AdjustmentKind::Count),
        BatchCommand::Dispose(barred.clone()),
        BatchCommand::Hold(barred.clone()),
        BatchCommand::Recall(barred),
    ]
}

#[test]
fn five_seconds_ahead_are_drift_and_more_is_the_future() {
    let known = history(&[receive("100 KGM")]);
    for command in timed_commands(after_now(5_000)) {
        assert!(decide::<Batch>(&known, command.clone()).is_ok(), "{command:?}");
    }
    for command in timed_commands(after_now(5_001)) {
        assert_eq!(code(decide::<Batch>(&known, command.clone())), "occurred-in-future", "{command:?}");
    }
    for (milliseconds, is_refused) in [(5_000, false), (5_001, true)] {
        let timed = Origin { occurred_at: after_now(milliseconds), ..origin("1 KGM") };
        for command in [BatchCommand::Receive(lot(), timed.clone()), BatchCommand::Produce(lot(), timed)] {
            assert_eq!(decide::<Batch>(&[], command).is_err(), is_refused);
        }
        let held = history(&[receive("100 KGM"), super::scenario::hold(10)]);
        let released = BatchCommand::Release(Bar { occurred_at: after_now(milliseconds), ..bar(None, 0) });
        assert_eq!(decide::<Batch>(&held, released).is_err(), is_refused);
    }
}

#[test]
fn nothing_can_be_asked_of_a_lot_that_is_not_known() {
    for command in timed_commands(after_now(0)) {
        assert_eq!(code(decide::<Batch>(&[], command.clone())), "not-found", "{command:?}");
    }
    let unknown =
        [super::scenario::release(5), super::scenario::retire(), super::scenario::correct_shipment(&[])];
    for command in unknown {
        assert_eq!(code(decide::<Batch>(&[], command.clone())), "not-found", "{command:?}");
    }
}
