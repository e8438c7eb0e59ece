//! Disposals, samples, waste and counts.

use foodflow_domain::food_graph::batch::Status::{Available, Consumed, Disposed, Held, Recalled};

use super::scenario::{
    consume, count, dispose, dispose_part, hold, recall, receive, refused, retire, run, sample, ship, stands,
    waste,
};

#[test]
fn a_lot_is_disposed_of_in_part_or_as_a_whole() {
    let lot = || vec![receive("100 KGM")];
    let part = || vec![receive("100 KGM"), dispose_part("40 KGM", 10)];
    run(vec![
        ("a part", lot(), dispose_part("40 KGM", 10), stands("60 KGM", Available)),
        ("the whole", lot(), dispose(10), stands("0 KGM", Disposed)),
        ("the rest", part(), dispose(20), stands("0 KGM", Disposed)),
        ("the rest, stated in grams", part(), dispose_part("60000 GRM", 20), stands("0 KGM", Disposed)),
        ("more than the rest", part(), dispose_part("60.1 KGM", 20), refused("insufficient-quantity")),
        ("twice", [lot(), vec![dispose(10)]].concat(), dispose(20), refused("insufficient-quantity")),
        (
            "a part of nothing",
            [lot(), vec![dispose(10)]].concat(),
            dispose_part("1 KGM", 20),
            refused("insufficient-quantity"),
        ),
        ("of nothing", lot(), dispose_part("0 KGM", 10), refused("quantity-not-positive")),
        ("of less than nothing", lot(), dispose_part("-1 KGM", 10), refused("quantity-not-positive")),
        ("in litres", lot(), dispose_part("1 LTR", 10), refused("unit-mismatch")),
        ("a part, then consumed", part(), consume("60 KGM", 20), stands("0 KGM", Disposed)),
        ("while held", vec![receive("100 KGM"), hold(5)], dispose(10), stands("0 KGM", Held)),
        ("while recalled", vec![receive("100 KGM"), recall(5)], dispose(10), stands("0 KGM", Recalled)),
        (
            "of a lot that never was",
            vec![receive("100 KGM"), retire()],
            dispose(10),
            refused("insufficient-quantity"),
        ),
    ]);
}

#[test]
fn samples_and_waste_reduce_the_lot_even_while_it_is_barred() {
    let lot = || vec![receive("1 KGM")];
    let barred = |bar| vec![receive("1 KGM"), bar];
    run(vec![
        ("sampled", lot(), sample("0.5 KGM", 10), stands("0.5 KGM", Available)),
        ("wasted", lot(), waste("250 GRM", 10), stands("0.75 KGM", Available)),
        ("all wasted", lot(), waste("1 KGM", 10), stands("0 KGM", Consumed)),
        ("sampled while held", barred(hold(5)), sample("500 GRM", 10), stands("0.5 KGM", Held)),
        ("wasted while recalled", barred(recall(5)), waste("500 GRM", 10), stands("0.5 KGM", Recalled)),
        ("a sample too large", lot(), sample("1.5 KGM", 10), refused("insufficient-quantity")),
        ("waste too large", lot(), waste("1.5 KGM", 10), refused("insufficient-quantity")),
        ("a sample of nothing", lot(), sample("0 KGM", 10), refused("quantity-not-positive")),
        ("negative waste", lot(), waste("-0.5 KGM", 10), refused("quantity-not-positive")),
        ("a sample in pieces", lot(), sample("1 EA", 10), refused("unit-mismatch")),
    ]);
}

#[test]
fn a_count_sets_what_remains() {
    let lot = || vec![receive("300 KGM"), consume("18 KGM", 5), sample("0.5 KGM", 6)];
    let huge = || vec![receive("5 MGM")];
    run(vec![
        ("less than the book", lot(), count("279 KGM", 10), stands("279 KGM", Available)),
        ("as the book", lot(), count("281.5 KGM", 10), stands("281.5 KGM", Available)),
        ("more than the book", lot(), count("290 KGM", 10), stands("290 KGM", Available)),
        ("in grams", lot(), count("279000 GRM", 10), stands("279 KGM", Available)),
        ("nothing found", lot(), count("0 KGM", 10), stands("0 KGM", Consumed)),
        ("before a movement", lot(), count("300 KGM", 4), stands("281.5 KGM", Available)),
        ("less than nothing", lot(), count("-1 KGM", 10), refused("quantity-not-positive")),
        ("in cases", lot(), count("1 CS", 10), refused("unit-mismatch")),
        ("too large for the lot's unit", huge(), count("900000000000 TNE", 10), refused("unit-mismatch")),
        ("while held", [lot(), vec![hold(8)]].concat(), count("279 KGM", 10), stands("279 KGM", Held)),
        (
            "while recalled",
            [lot(), vec![recall(8)]].concat(),
            count("279 KGM", 10),
            stands("279 KGM", Recalled),
        ),
        (
            "of a lot that never was",
            vec![receive("1 KGM"), retire()],
            count("1 KGM", 10),
            refused("already-retired"),
        ),
    ]);
}

#[test]
fn the_latest_count_by_event_time_stands() {
    let counted = || vec![receive("100 KGM"), count("90 KGM", 20)];
    run(vec![
        ("a later one", counted(), count("80 KGM", 30), stands("80 KGM", Available)),
        ("an earlier one, recorded later", counted(), count("50 KGM", 10), stands("90 KGM", Available)),
        ("one of the same instant", counted(), count("85 KGM", 20), stands("85 KGM", Available)),
        (
            "none found, then found again",
            [counted(), vec![count("0 KGM", 30)]].concat(),
            count("5 KGM", 40),
            stands("5 KGM", Available),
        ),
    ]);
}

#[test]
fn more_than_the_book_can_go_out_once_it_was_found() {
    let surplus = || vec![receive("100 KGM"), count("150 KGM", 10)];
    run(vec![
        ("all that was found", surplus(), ship("150 KGM", 20), stands("0 KGM", Consumed)),
        ("more than was found", surplus(), ship("150.1 KGM", 20), refused("insufficient-quantity")),
    ]);
}

#[test]
fn counts_that_contradict_movements_leave_nothing_to_give() {
    // 20 kg found at 10 and shipped at 30; recorded later: only 5 kg were found at 20.
    let shipped = || vec![receive("100 KGM"), count("20 KGM", 10), ship("20 KGM", 30)];
    let short = || [shipped(), vec![count("5 KGM", 20)]].concat();
    run(vec![
        ("the contradiction shows", shipped(), count("5 KGM", 20), stands("-15 KGM", Consumed)),
        ("nothing is left to ship", short(), ship("1 KGM", 40), refused("insufficient-quantity")),
        ("nothing is left to dispose of", short(), dispose(40), refused("insufficient-quantity")),
        (
            "nothing is left to hold",
            short(),
            super::scenario::hold_part("1 KGM", 40),
            refused("insufficient-quantity"),
        ),
    ]);
}
