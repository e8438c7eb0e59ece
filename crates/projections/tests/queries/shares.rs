//! Exact shares of hand-made and random genealogies.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use foodflow_domain::quantity::parse_decimal;
use foodflow_domain::{Quantity, Unit};
use foodflow_log::Position;
use foodflow_projections::changes::{Edge, EdgeType, Label, NodeKey};
use foodflow_projections::food_graph::queries::View;
use foodflow_projections::food_graph::queries::fraction::Fraction;
use foodflow_projections::food_graph::queries::trace::{Reached, reach, shares_of_ingredients};
use foodflow_projections::graph::TraceDirection::{self, Backward, Forward};
use jiff::Timestamp;
use num_bigint::BigUint;
use num_rational::Ratio;
use proptest::prelude::*;
use uuid::Uuid;

/// One input line: input lot, output lot, amount.
type Line = (u128, u128, Quantity);

fn lot(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn quantity(value: &str, unit: Unit) -> Quantity {
    Quantity::new(parse_decimal(value).unwrap(), unit)
}

fn kilograms(value: u32) -> Quantity {
    Quantity::new(value.into(), Unit::Kgm)
}

fn edges(lines: &[Line]) -> Vec<Edge> {
    let edge = |(index, &(input, output, quantity)): (usize, &Line)| Edge {
        id: Uuid::from_u128(index as u128),
        edge_type: EdgeType::UsesIngredient,
        from: NodeKey { label: Label::Batch, id: lot(output) },
        to: NodeKey { label: Label::Batch, id: lot(input) },
        quantity: Some(quantity),
        percent: None,
        kind: None,
        line: 0,
        document_id: None,
        occurred_at: Timestamp::UNIX_EPOCH,
        recorded_at: Timestamp::UNIX_EPOCH,
        position: Position(index as u64 + 1),
        event_id: Uuid::from_u128(index as u128),
        event_type: String::new(),
        retired: None,
    };
    lines.iter().enumerate().map(edge).collect()
}

fn reached(lines: &[Line], start: u128, direction: TraceDirection) -> Reached {
    reach(&edges(lines), lot(start), direction, View::NOW)
}

/// Shares of the reached lots, as text; `null` where unknown.
fn shares(lines: &[Line], start: u128, direction: TraceDirection) -> HashMap<u128, String> {
    let text = |share: Option<Fraction>| {
        share.map_or("null".to_owned(), |share| format!("{}/{}", share.numerator(), share.denominator()))
    };
    let lots = reached(lines, start, direction).lots.into_iter().filter(|lot| lot.depth > 0);
    lots.map(|lot| (lot.id.as_u128(), text(lot.share))).collect()
}

fn expected<const N: usize>(shares: [(u128, &str); N]) -> HashMap<u128, String> {
    shares.into_iter().map(|(lot, share)| (lot, share.to_owned())).collect()
}

#[test]
fn lines_of_one_lot_add_up_and_unreached_inputs_dilute() {
    let lines = [
        (1, 9, kilograms(2)),
        (2, 9, kilograms(5)),
        (1, 9, kilograms(1)),
        (9, 10, kilograms(7)),
        (3, 10, kilograms(7)),
    ];
    assert_eq!(shares(&lines, 1, Forward), expected([(9, "3/8"), (10, "3/16")]));
    assert_eq!(shares(&lines, 10, Backward), expected([(9, "1/2"), (3, "1/2"), (1, "3/16"), (2, "5/16")]));
}

#[test]
fn units_of_one_dimension_convert_exactly() {
    let mixed = [
        (1, 9, quantity("1", Unit::Kgm)),
        (2, 9, quantity("500", Unit::Grm)),
        (3, 9, quantity("0.000000001", Unit::Tne)),
        (4, 9, quantity("1", Unit::Onz)),
    ];
    // 1000 g + 500 g + 0.001 g + 28.349523125 g, in billionths.
    let total = 1_528_350_523_125_u64;
    let share = Ratio::new(BigUint::from(28_349_523_125_u64), BigUint::from(total));
    assert_eq!(shares(&mixed, 4, Forward)[&9], share.to_string());
}

#[test]
fn lines_without_a_dimension_in_common_make_null_from_there_on() {
    let lines = [
        (1, 9, kilograms(1)),
        (2, 9, quantity("1", Unit::Ltr)),
        (9, 10, kilograms(1)),
        (3, 10, kilograms(1)),
        (1, 11, kilograms(1)),
        (3, 11, kilograms(3)),
    ];
    assert_eq!(shares(&lines, 1, Forward), expected([(9, "null"), (10, "null"), (11, "1/4")]));
    assert_eq!(shares(&lines, 10, Backward), expected([(9, "1/2"), (3, "1/2"), (1, "null"), (2, "null")]));
    let cases = [(1, 9, quantity("2", Unit::Cs)), (2, 9, quantity("6", Unit::Cs))];
    assert_eq!(shares(&cases, 1, Forward), expected([(9, "1/4")]), "any one unit will do");
}

#[test]
fn inputs_of_nothing_are_no_division_by_zero() {
    let lines = [(1, 9, kilograms(0)), (2, 9, kilograms(0)), (9, 10, kilograms(1))];
    assert_eq!(shares(&lines, 1, Forward), expected([(9, "null"), (10, "null")]));
    assert_eq!(shares(&lines, 10, Backward), expected([(9, "1/1"), (1, "null"), (2, "null")]));
    let some = [(1, 9, kilograms(0)), (2, 9, kilograms(3))];
    assert_eq!(shares(&some, 1, Forward), expected([(9, "0/1")]));
}

#[test]
fn a_cycle_in_bad_data_gives_null_and_ends() {
    let lines = [
        (1, 2, kilograms(1)),
        (2, 3, kilograms(1)),
        (3, 2, kilograms(1)),
        (3, 4, kilograms(1)),
        (1, 5, kilograms(1)),
    ];
    assert_eq!(shares(&lines, 1, Forward), expected([(2, "null"), (3, "null"), (4, "null"), (5, "1/1")]));
    assert_eq!(shares(&lines, 4, Backward), expected([(3, "null"), (2, "null"), (1, "null")]));
    let through_start = [(1, 2, kilograms(1)), (2, 1, kilograms(1))];
    assert_eq!(shares(&through_start, 1, Forward), expected([(2, "null")]));
    assert_eq!(shares(&[(1, 1, kilograms(1))], 1, Backward), expected([]));
}

/// Every lot of a level goes into every lot of the next: 2^30 paths.
#[test]
fn thirty_levels_of_two_lots_take_milliseconds() {
    let mut lines = Vec::new();
    for level in 0..30_u128 {
        for (input, output) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            lines.push((
                2 * level + input,
                2 * level + 2 + output,
                kilograms(3 + 4 * u32::try_from(input).unwrap()),
            ));
        }
    }
    for (start, direction, reached) in [(0, Forward, 60), (60, Backward, 60)] {
        let began = Instant::now();
        let shares = shares(&lines, start, direction);
        assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
        assert_eq!(shares.len(), reached);
    }
    assert_eq!(shares(&lines, 0, Forward)[&60], "3/10");
    assert_eq!(shares(&lines, 60, Backward)[&1], "7/10");
}

/// A starter that is fed again and again: exact for hundreds of lots, unknown beyond, reached to the end.
#[test]
fn a_long_chain_of_rework_ends_in_unknown_shares_and_keeps_its_reach() {
    let chain = |length: u128, kept: u32| -> Vec<Line> {
        let link =
            |lot| [(lot, lot + 1, kilograms(kept)), (1_000_000 + lot, lot + 1, kilograms(1_009 - kept))];
        (0..length).flat_map(link).collect()
    };
    let began = Instant::now();
    let shares = shares(&chain(5_000, 50), 0, Forward);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(shares.len(), 5_000);
    assert_eq!(shares[&2], "2500/1018081");
    assert_ne!(shares[&800], "null");
    assert_eq!(shares[&5_000], "null");
}

#[test]
fn the_share_of_an_ingredient_is_null_where_one_lot_of_it_is() {
    let lines = [
        (1, 9, kilograms(1)),
        (2, 9, kilograms(3)),
        (3, 9, kilograms(4)),
        (4, 8, kilograms(1)),
        (5, 8, quantity("1", Unit::Ea)),
        (8, 9, kilograms(8)),
    ];
    let of =
        |pairs: &[(u128, u128)]| pairs.iter().map(|&(raw, ingredient)| (lot(raw), lot(ingredient))).collect();
    let lots = reached(&lines, 9, Backward).lots;
    let shares = shares_of_ingredients(&lots, &of(&[(1, 100), (2, 100), (3, 101), (4, 101), (8, 100)]));
    let value = |raw: u128| shares.get(&lot(raw)).map(|share| share.as_ref().map(Fraction::value));
    assert_eq!((value(1), value(2)), (Some(Some(0.25)), Some(Some(0.75))));
    assert_eq!((value(3), value(4)), (Some(None), Some(None)), "one of them is unknown");
    assert_eq!((value(5), value(8), value(9)), (None, None, None), "no ingredient, not raw, the traced lot");
}

/// A random genealogy: lots go only into lots of a higher number.
fn genealogy() -> impl Strategy<Value = Vec<Line>> {
    let line = (0_u128..12, 1_u128..13, 1_u32..1_000).prop_map(|(from, step, grams)| {
        let output = from + step;
        (from, output.min(24), Quantity::new(grams.into(), Unit::Grm))
    });
    prop::collection::vec(line, 1..40)
}

fn ratio(share: Option<&Fraction>) -> Option<Ratio<BigUint>> {
    share.map(|share| Ratio::new(share.numerator().clone(), share.denominator().clone()))
}

/// Some lines in other units, so that some shares are unknown.
fn with_other_units(lines: &[Line], which: &[prop::sample::Index]) -> Vec<Line> {
    let mut lines = lines.to_vec();
    for index in which {
        let number = index.index(lines.len());
        lines[number].2 = Quantity::new(lines[number].2.value, Unit::Mlt);
    }
    lines
}

proptest! {
    #[test]
    fn what_a_lot_is_made_of_adds_up_to_all_of_it(lines in genealogy()) {
        for made in lines.iter().map(|line| line.1) {
            let lots = reached(&lines, made, Backward).lots;
            let raw = lots.iter().filter(|lot| lot.is_raw);
            let sum: Ratio<BigUint> = raw.map(|lot| ratio(lot.share.as_ref()).unwrap()).sum();
            prop_assert_eq!(sum, Ratio::from_integer(BigUint::from(1_u8)));
        }
    }

    #[test]
    fn forward_and_backward_say_the_same(
        lines in genealogy(),
        which in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let lines = with_other_units(&lines, &which);
        for start in 0..25_u128 {
            for ahead in reached(&lines, start, Forward).lots.iter().filter(|lot| lot.depth > 0) {
                let behind = reached(&lines, ahead.id.as_u128(), Backward);
                let same = behind.lots.iter().find(|lot| lot.id == Uuid::from_u128(start)).unwrap();
                prop_assert_eq!(&same.share, &ahead.share);
                prop_assert_eq!(same.depth, ahead.depth);
            }
        }
    }

    #[test]
    fn kilograms_and_grams_give_the_same(
        lines in genealogy(),
        which in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut other = lines.clone();
        for index in which {
            let number = index.index(other.len());
            other[number].2 = lines[number].2.to(Unit::Kgm).unwrap();
        }
        prop_assert_eq!(shares(&other, 0, Forward), shares(&lines, 0, Forward));
        prop_assert_eq!(shares(&other, 24, Backward), shares(&lines, 24, Backward));
    }

    #[test]
    fn an_unknown_share_stays_unknown_downstream(
        lines in genealogy(),
        which in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let lines = with_other_units(&lines, &which);
        let lots: HashMap<Uuid, bool> =
            reached(&lines, 0, Forward).lots.into_iter().map(|lot| (lot.id, lot.share.is_some())).collect();
        for (input, output, _) in &lines {
            if lots.get(&lot(*input)) == Some(&false) {
                prop_assert_eq!(lots[&lot(*output)], false);
            }
        }
    }

    #[test]
    fn a_share_is_what_naive_path_enumeration_finds(lines in genealogy()) {
        let total = |lot: u128| -> u64 {
            lines.iter().filter(|line| line.1 == lot).map(|line| u64::try_from(line.2.value).unwrap()).sum()
        };
        let one = Ratio::from_integer(BigUint::from(1_u8));
        for lot in reached(&lines, 0, Forward).lots {
            let mut sum = Ratio::from_integer(BigUint::from(0_u8));
            let mut paths = vec![(lot.id.as_u128(), one.clone())];
            while let Some((at, weight)) = paths.pop() {
                if at == 0 {
                    sum += weight;
                    continue;
                }
                for line in lines.iter().filter(|line| line.1 == at) {
                    let part = Ratio::new(
                        BigUint::from(u64::try_from(line.2.value).unwrap()),
                        BigUint::from(total(at)),
                    );
                    paths.push((line.0, &weight * part));
                }
            }
            prop_assert_eq!(ratio(lot.share.as_ref()), Some(sum));
        }
    }
}
