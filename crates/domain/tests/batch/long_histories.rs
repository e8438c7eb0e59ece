//! A lot that has seen much: it stays small, and forgets nothing that counts.

use foodflow_domain::food_graph::batch::Batch;
use foodflow_domain::{DomainProblem as _, Quantity};

use super::scenario::{consume, count, dispose_part, history, receive, restate, sample};
use crate::support::{code, decide, decide_in_state, quantity, replay};

/// A lot of a ton from which five grams were drawn so often, each time but the last with a count thereafter.
fn sampled_and_counted(times: i64) -> Batch {
    let mut lot = Batch::default();
    decide_in_state(&mut lot, receive("1 TNE")).unwrap();
    for time in 0..times {
        decide_in_state(&mut lot, sample("5 GRM", time)).unwrap();
        if time + 1 < times {
            decide_in_state(&mut lot, count("1000 KGM", time)).unwrap();
        }
    }
    lot
}

fn remaining(lot: &Batch) -> Quantity {
    lot.balance().unwrap().remaining
}

#[test]
fn the_state_of_a_lot_that_is_sampled_and_counted_does_not_grow() {
    let size = |lot: &Batch| serde_json::to_string(lot).unwrap().len();
    let (short, long) = (sampled_and_counted(10), sampled_and_counted(900));
    assert!(size(&long) <= size(&short) + 10, "{} bytes, then {}", size(&short), size(&long));
    assert_eq!(remaining(&long), quantity("0.999995 TNE"));
    let origin = long.origin.as_ref().unwrap();
    assert_eq!(long.ledger.book(origin.quantity), quantity("0.9955 TNE"), "900 samples of 5 g");
}

#[test]
fn what_is_settled_still_bounds_what_went_out_before_the_count() {
    let mut lot = Batch::default();
    for command in [receive("100 KGM"), sample("40 KGM", 1), count("500 KGM", 5)] {
        decide_in_state(&mut lot, command).unwrap();
    }
    assert!(lot.ledger.losses.is_empty());
    let late = decide_in_state(&mut lot.clone(), consume("60.001 KGM", 3));
    assert_eq!(late.unwrap_err().code(), "insufficient-quantity");
    decide_in_state(&mut lot, consume("60 KGM", 3)).unwrap();
    assert_eq!(remaining(&lot), quantity("500 KGM"));
}

#[test]
fn a_loss_that_is_recorded_after_the_count_is_settled_at_once() {
    let mut lot = Batch::default();
    for command in [receive("100 KGM"), count("90 KGM", 5), sample("1 KGM", 3), sample("1 KGM", 7)] {
        decide_in_state(&mut lot, command).unwrap();
    }
    assert_eq!(lot.ledger.losses.len(), 1);
    assert_eq!(remaining(&lot), quantity("89 KGM"));
    decide_in_state(&mut lot, count("80 KGM", 6)).unwrap();
    assert_eq!(remaining(&lot), quantity("79 KGM"), "the loss of minute 7 came after both counts");
    decide_in_state(&mut lot, count("70 KGM", 7)).unwrap();
    assert_eq!((remaining(&lot), lot.ledger.losses.len()), (quantity("70 KGM"), 0));
}

#[test]
fn settled_losses_follow_the_lot_into_another_unit() {
    let given = [receive("100 KGM"), sample("10 KGM", 1), sample("500 GRM", 2), count("80 KGM", 5)];
    let given = history(&given);
    let lot: Batch = replay(&given);
    assert!(lot.ledger.losses.is_empty() && lot.ledger.settled.amounts.len() == 2);
    let refused = decide::<Batch>(&given, restate("100 LTR"));
    assert_eq!(code(refused), "unit-mismatch");
    let mut lot = lot;
    decide_in_state(&mut lot, restate("100000 GRM")).unwrap();
    assert_eq!(remaining(&lot), quantity("80000 GRM"));
    let late = decide_in_state(&mut lot.clone(), consume("89501 GRM", 3));
    assert_eq!(late.unwrap_err().code(), "insufficient-quantity");
    decide_in_state(&mut lot, consume("89500 GRM", 3)).unwrap();
}

#[test]
fn a_sum_that_some_unit_cannot_state_is_kept_in_its_parts() {
    let mut lot = Batch::default();
    decide_in_state(&mut lot, receive("900000000000 KGM")).unwrap();
    for time in 1..4 {
        decide_in_state(&mut lot, sample("1000000 KGM", time)).unwrap();
        decide_in_state(&mut lot, count("900000000000 KGM", time)).unwrap();
    }
    let parts: Vec<_> = lot.ledger.amounts().collect();
    assert_eq!(parts, [quantity("1000000 KGM"); 3], "a thousand tons are too many milligrams");
    let origin = lot.origin.as_ref().unwrap();
    assert_eq!(lot.ledger.book(origin.quantity), quantity("899997000000 KGM"));
}

#[test]
fn what_was_disposed_of_is_remembered_after_it_was_settled() {
    let given = [receive("10 KGM"), dispose_part("1 KGM", 1), count("9 KGM", 5), consume("9 KGM", 6)];
    let lot: Batch = replay(&history(&given));
    let status = lot.balance().unwrap().status;
    assert_eq!((lot.ledger.losses.len(), status.as_str()), (0, "disposed"));
}
