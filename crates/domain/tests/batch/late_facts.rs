//! What happened before a bar and is recorded after it.

use foodflow_domain::food_graph::batch::Status::{Available, Consumed, Held, Recalled};

use super::scenario::{
    consume, count, dispose, dispose_part, hold, hold_part, recall, receive, refused, release, run, ship,
    stands,
};

#[test]
fn what_happened_before_a_hold_is_a_fact() {
    let held = || vec![receive("100 KGM"), consume("30 KGM", 5), hold(20)];
    run(vec![
        ("consumed before, recorded later", held(), consume("10 KGM", 10), stands("60 KGM", Held)),
        ("shipped before, recorded later", held(), ship("10 KGM", 19), stands("60 KGM", Held)),
        ("all that is left", held(), consume("70 KGM", 10), stands("0 KGM", Held)),
        ("more than is left", held(), consume("70.001 KGM", 10), refused("insufficient-quantity")),
        ("at the instant of the hold", held(), consume("10 KGM", 20), refused("batch-held")),
        ("after it", held(), consume("10 KGM", 21), refused("batch-held")),
    ]);
}

#[test]
fn a_released_hold_still_bars_its_interval() {
    let released = || vec![receive("100 KGM"), hold(20), release(40)];
    run(vec![
        ("before the hold", released(), consume("10 KGM", 19), stands("90 KGM", Available)),
        ("at the hold", released(), consume("10 KGM", 20), refused("batch-held")),
        ("inside the interval", released(), consume("10 KGM", 39), refused("batch-held")),
        ("at the release", released(), consume("10 KGM", 40), stands("90 KGM", Available)),
        ("after the release", released(), consume("10 KGM", 41), stands("90 KGM", Available)),
    ]);
}

#[test]
fn what_happened_before_a_recall_is_a_fact() {
    let recalled = || vec![receive("100 KGM"), recall(20)];
    run(vec![
        ("before", recalled(), ship("10 KGM", 19), stands("90 KGM", Recalled)),
        ("more than it has", recalled(), ship("101 KGM", 19), refused("insufficient-quantity")),
        ("at its instant", recalled(), ship("10 KGM", 20), refused("batch-recalled")),
        ("after", recalled(), ship("10 KGM", 21), refused("batch-recalled")),
    ]);
}

#[test]
fn what_happened_before_a_disposal_is_limited_by_what_it_left() {
    let part = || vec![receive("100 KGM"), dispose_part("80 KGM", 20)];
    let all = || vec![receive("100 KGM"), dispose(20)];
    let disposed = foodflow_domain::food_graph::batch::Status::Disposed;
    run(vec![
        ("what was left", part(), consume("20 KGM", 10), stands("0 KGM", disposed)),
        ("more than was left", part(), consume("21 KGM", 10), refused("insufficient-quantity")),
        ("nothing was left", all(), consume("1 KGM", 10), refused("insufficient-quantity")),
        ("afterwards", all(), ship("1 KGM", 30), refused("insufficient-quantity")),
    ]);
}

#[test]
fn a_count_includes_what_happened_before_it() {
    let counted = || vec![receive("100 KGM"), count("90 KGM", 20)];
    run(vec![
        (
            "consumed before: it was already missing",
            counted(),
            consume("10 KGM", 10),
            stands("90 KGM", Available),
        ),
        ("at the instant of the count", counted(), consume("10 KGM", 20), stands("90 KGM", Available)),
        ("before, as the book allows", counted(), consume("100 KGM", 10), stands("90 KGM", Available)),
        (
            "before, more than the book has",
            counted(),
            consume("100.1 KGM", 10),
            refused("insufficient-quantity"),
        ),
        (
            "after: it is taken from what was found",
            counted(),
            consume("10 KGM", 21),
            stands("80 KGM", Available),
        ),
        ("after, all that was found", counted(), consume("90 KGM", 21), stands("0 KGM", Consumed)),
        ("after, more than was found", counted(), consume("90.1 KGM", 21), refused("insufficient-quantity")),
    ]);
}

#[test]
fn a_hold_of_a_part_before_a_count_is_measured_by_the_book() {
    // 10 kg held from 5 on, 20 kg found at 10: at 6 the book still had 90 kg free.
    let counted = || vec![receive("100 KGM"), hold_part("10 KGM", 5), count("20 KGM", 10)];
    run(vec![
        ("free at that time", counted(), consume("90 KGM", 6), stands("20 KGM", Held)),
        ("held at that time", counted(), consume("91 KGM", 6), refused("batch-held")),
        ("free afterwards", counted(), consume("10 KGM", 15), stands("10 KGM", Held)),
        ("held afterwards", counted(), consume("11 KGM", 15), refused("batch-held")),
    ]);
}
