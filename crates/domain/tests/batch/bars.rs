//! Holds, releases and recalls.

use foodflow_domain::food_graph::batch::Status::{Available, Held, Recalled};

use super::scenario::{
    Scenario, consume, hold, hold_part, recall, receive, refused, release, release_part, retire, run, ship,
    stands,
};

#[test]
fn a_hold_bars_the_lot_until_it_is_released() {
    let held = || vec![receive("100 KGM"), hold(20)];
    let released = || vec![receive("100 KGM"), hold(20), release(40)];
    run(vec![
        ("held", vec![receive("100 KGM")], hold(20), stands("100 KGM", Held)),
        ("consumed while held", held(), consume("1 KGM", 30), refused("batch-held")),
        ("shipped while held", held(), ship("1 KGM", 30), refused("batch-held")),
        ("more than it has while held", held(), ship("101 KGM", 30), refused("batch-held")),
        ("held twice", held(), hold(25), stands("100 KGM", Held)),
        ("released", held(), release(40), stands("100 KGM", Available)),
        ("consumed after release", released(), consume("1 KGM", 50), stands("99 KGM", Available)),
        ("held again", released(), hold(60), stands("100 KGM", Held)),
        (
            "two holds, one release",
            [held(), vec![hold(25)]].concat(),
            release(40),
            stands("100 KGM", Available),
        ),
        (
            "a release spares the later hold",
            [held(), vec![hold(50)]].concat(),
            release(40),
            stands("100 KGM", Held),
        ),
    ]);
}

#[test]
fn a_release_needs_a_hold() {
    let lot = || vec![receive("100 KGM")];
    let held = || vec![receive("100 KGM"), hold(20)];
    run(vec![
        ("never held", lot(), release(30), refused("batch-not-held")),
        ("before the hold", held(), release(19), refused("batch-not-held")),
        ("at the instant of the hold", held(), release(20), stands("100 KGM", Available)),
        ("twice", [held(), vec![release(30)]].concat(), release(40), refused("batch-not-held")),
        ("of a recalled lot", [held(), vec![recall(30)]].concat(), release(40), refused("batch-recalled")),
        ("of nothing", held(), release_part("0 KGM", 30), refused("quantity-not-positive")),
        ("of less than nothing", held(), release_part("-1 KGM", 30), refused("quantity-not-positive")),
        ("of litres", held(), release_part("1 LTR", 30), refused("unit-mismatch")),
        ("of more than is held", held(), release_part("100.5 KGM", 30), refused("insufficient-quantity")),
    ]);
}

#[test]
fn a_hold_of_a_part_leaves_the_rest_free() {
    let part = || vec![receive("100 KGM"), hold_part("30 KGM", 20)];
    let parts = || vec![receive("100 KGM"), hold_part("30 KGM", 20), hold_part("30000 GRM", 30)];
    run(vec![
        ("part held", vec![receive("100 KGM")], hold_part("30 KGM", 20), stands("100 KGM", Held)),
        ("all of the rest", part(), consume("70 KGM", 25), stands("30 KGM", Held)),
        ("more than the rest", part(), ship("70.1 KGM", 25), refused("batch-held")),
        ("the rest of two, before the second", parts(), consume("70 KGM", 25), stands("30 KGM", Held)),
        ("the rest of two", parts(), consume("40 KGM", 35), stands("60 KGM", Held)),
        ("more than the rest of two", parts(), consume("41 KGM", 35), refused("batch-held")),
        ("a part and all", [part(), vec![hold(30)]].concat(), consume("1 KGM", 35), refused("batch-held")),
        (
            "a part and all, before all",
            [part(), vec![hold(30)]].concat(),
            consume("1 KGM", 25),
            stands("99 KGM", Held),
        ),
        (
            "more than the lot has",
            vec![receive("9 KGM")],
            hold_part("10 KGM", 20),
            refused("insufficient-quantity"),
        ),
        ("cases", vec![receive("9 KGM")], hold_part("1 CS", 20), refused("unit-mismatch")),
        ("nothing", vec![receive("9 KGM")], hold_part("0 KGM", 20), refused("quantity-not-positive")),
        (
            "of a lot that never was",
            vec![receive("9 KGM"), retire()],
            hold_part("1 KGM", 20),
            refused("insufficient-quantity"),
        ),
    ]);
}

fn released_in_part() -> Vec<Scenario> {
    let of_all = || vec![receive("100 KGM"), hold(20), release_part("40 KGM", 30)];
    let of_part = || vec![receive("100 KGM"), hold_part("50 KGM", 20), release_part("20 KGM", 30)];
    let all = || [of_all(), vec![release_part("60 KGM", 40)]].concat();
    vec![
        (
            "the rest stays held",
            vec![receive("100 KGM"), hold(20)],
            release_part("40 KGM", 30),
            stands("100 KGM", Held),
        ),
        ("what was released moves", of_all(), ship("40 KGM", 35), stands("60 KGM", Held)),
        ("what was not does not", of_all(), ship("41 KGM", 35), refused("batch-held")),
        ("nothing moves before the release", of_all(), ship("1 KGM", 25), refused("batch-held")),
        ("the part's free rest moves", of_part(), ship("70 KGM", 35), stands("30 KGM", Held)),
        ("and no more", of_part(), ship("71 KGM", 35), refused("batch-held")),
        ("before the release less moves", of_part(), ship("51 KGM", 25), refused("batch-held")),
        ("the rest is released", of_all(), release_part("60 KGM", 40), stands("100 KGM", Available)),
        (
            "then all moves",
            all(),
            ship("100 KGM", 45),
            stands("0 KGM", foodflow_domain::food_graph::batch::Status::Consumed),
        ),
        (
            "more than the rest is not held",
            of_all(),
            release_part("61 KGM", 40),
            refused("insufficient-quantity"),
        ),
    ]
}

#[test]
fn a_release_of_a_part_leaves_the_rest_held() {
    run(released_in_part());
}

#[test]
fn a_release_does_not_touch_holds_that_were_released_before() {
    // 30 kg were held from 10 to 30; recorded later: 50 kg were held from 15 on.
    let overlap = || vec![receive("100 KGM"), hold_part("30 KGM", 10), release(30), hold_part("50 KGM", 15)];
    let released = || [overlap(), vec![release_part("20 KGM", 20)]].concat();
    run(vec![
        (
            "only the open hold can be released",
            overlap(),
            release_part("51 KGM", 20),
            refused("insufficient-quantity"),
        ),
        ("both bar until the earlier ends", released(), ship("40 KGM", 25), stands("60 KGM", Held)),
        ("and no more", released(), ship("41 KGM", 25), refused("batch-held")),
        ("then the rest of the open one", released(), ship("70 KGM", 35), stands("30 KGM", Held)),
        ("and no more again", released(), ship("71 KGM", 35), refused("batch-held")),
    ]);
}

#[test]
fn a_recall_bars_for_good() {
    let recalled = || vec![receive("100 KGM"), recall(20)];
    run(vec![
        ("recalled", vec![receive("100 KGM")], recall(20), stands("100 KGM", Recalled)),
        ("recalled while held", vec![receive("100 KGM"), hold(10)], recall(20), stands("100 KGM", Recalled)),
        ("consumed", recalled(), consume("1 KGM", 30), refused("batch-recalled")),
        ("shipped at the instant", recalled(), ship("1 KGM", 20), refused("batch-recalled")),
        (
            "held and recalled",
            [recalled(), vec![hold(10)]].concat(),
            ship("1 KGM", 30),
            refused("batch-recalled"),
        ),
        (
            "held before, moved before the recall",
            [recalled(), vec![hold(10)]].concat(),
            ship("1 KGM", 15),
            refused("batch-held"),
        ),
        ("held afterwards", recalled(), hold(30), stands("100 KGM", Recalled)),
        ("recalled twice", recalled(), recall(30), refused("batch-recalled")),
    ]);
}
