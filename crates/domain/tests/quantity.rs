//! Quantities: laws of conversion, exactness, and the bounds of what is read.

use foodflow_domain::quantity::{Dimension, INTEGER_DIGITS_MAX, Incompatible, SCALE_MAX, parse_decimal};
use foodflow_domain::{Quantity, Unit};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use rust_decimal::Decimal;

use crate::support::quantity;

/// Bounded as what clients state: at most 12 digits before and 9 after the point.
fn any_value() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), any::<u32>(), 0..=SCALE_MAX).prop_map(|(high, low, scale)| {
        let digits = i128::from(high) * (1_i128 << 32) + i128::from(low);
        Decimal::from_i128_with_scale(digits % 10_i128.pow(INTEGER_DIGITS_MAX + scale), scale)
    })
}

fn any_unit() -> impl Strategy<Value = Unit> {
    select(Unit::ALL.to_vec())
}

/// A unit and a finer one, a power of ten apart.
fn unit_and_finer() -> impl Strategy<Value = (Unit, Unit)> {
    let rising = [[Unit::Mgm, Unit::Grm, Unit::Kgm, Unit::Tne], [Unit::Mlt, Unit::Ltr, Unit::Hlt, Unit::Mtq]];
    (select(rising.to_vec()), 0..4_usize, 0..4_usize)
        .prop_map(|(units, a, b)| (units[a.max(b)], units[a.min(b)]))
}

proptest! {
    #[test]
    fn into_a_finer_unit_and_back_is_the_same((from, finer) in unit_and_finer(), value in any_value()) {
        let given = Quantity::new(value, from);
        if let Ok(there) = given.to(finer) {
            prop_assert_eq!(there.to(from), Ok(given));
        }
    }

    #[test]
    fn conversion_is_total_within_its_dimension_and_bounds(value in any_value(), from in any_unit(), to in any_unit()) {
        let given = Quantity::new(value, from);
        match given.to(to) {
            Ok(there) => {
                prop_assert_eq!(from.dimension(), to.dimension());
                prop_assert_eq!(there.unit, to);
                prop_assert!(there.value.scale() <= SCALE_MAX);
                prop_assert!(there.value.abs() < Decimal::from(10_u64.pow(INTEGER_DIGITS_MAX)));
                let json = serde_json::to_string(&there).unwrap();
                prop_assert_eq!(serde_json::from_str::<Quantity>(&json).unwrap(), there, "what was computed reads back");
            }
            Err(error) => prop_assert_eq!(error, Incompatible { from, to }),
        }
    }

    #[test]
    fn conversion_keeps_order_and_sign(a in any_value(), b in any_value(), from in any_unit(), to in any_unit()) {
        let (a, b) = (Quantity::new(a, from), Quantity::new(b, from));
        if let (Ok(a_there), Ok(b_there)) = (a.to(to), b.to(to)) {
            prop_assert!(a.value > b.value || a_there.value <= b_there.value);
            let opposite = Quantity::new(-a.value, from).to(to).unwrap();
            prop_assert_eq!(opposite.value, -a_there.value);
        }
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in any_value(), b in any_value(), unit in any_unit(), other in any_unit()) {
        let (a, b) = (Quantity::new(a, unit), Quantity::new(b, other));
        if let Ok(sum) = a.plus(b) {
            prop_assert_eq!(sum.unit, unit);
            prop_assert_eq!(sum.minus(b), Ok(a));
        }
        prop_assert_eq!(a.plus(b).is_ok(), b.to(unit).is_ok());
    }

    #[test]
    fn what_is_written_reads_back_the_same(value in any_value(), unit in any_unit()) {
        let given = Quantity::new(value, unit);
        let json = serde_json::to_string(&given).unwrap();
        prop_assert_eq!(serde_json::from_str::<Quantity>(&json).unwrap(), given);
        prop_assert_eq!(parse_decimal(&value.to_string()), Ok(given.value));
    }

    #[test]
    fn what_is_read_is_within_the_bounds(text in "[-+]?[0-9]{0,14}(\\.[0-9]{0,11})?([eE][-+]?[0-9]{1,2})?") {
        if let Ok(value) = parse_decimal(&text) {
            prop_assert!(value.scale() <= SCALE_MAX && value.abs() < Decimal::from(10_u64.pow(INTEGER_DIGITS_MAX)));
            prop_assert_eq!(parse_decimal(&value.to_string()), Ok(value));
        }
    }

    #[test]
    fn no_text_makes_reading_fail_otherwise_than_by_a_refusal(text in ".{0,60}") {
        let _ = parse_decimal(&text);
        let _ = text.parse::<Unit>();
    }
}

#[test]
fn conversions_are_exact() {
    for (given, expected) in [
        ("12500 GRM", "12.5 KGM"),
        ("0.000000001 TNE", "1 MGM"),
        ("1 LBR", "453.59237 GRM"),
        ("16 ONZ", "1 LBR"),
        ("16 ONZ", "0.45359237 KGM"),
        ("45.359237 KGM", "100 LBR"),
        ("1 GLL", "3.785411784 LTR"),
        ("3.785411784 LTR", "1 GLL"),
        ("1 MTQ", "10 HLT"),
        ("2.5 HLT", "250000 MLT"),
        ("-3 KGM", "-3000 GRM"),
        ("999999999999.999999999 MGM", "999999999999.999999999 MGM"),
    ] {
        let expected = quantity(expected);
        assert_eq!(quantity(given).to(expected.unit), Ok(expected), "{given}");
    }
}

#[test]
fn a_conversion_that_cannot_be_exact_rounds_half_to_even_at_the_last_digit() {
    for (given, expected) in [
        ("1 KGM", "2.204622622 LBR"),
        ("1 LTR", "0.264172052 GLL"),
        ("0.5 MGM", "0 TNE"),
        ("1.5 MGM", "0.000000002 TNE"),
        ("2.5 MGM", "0.000000002 TNE"),
    ] {
        let expected = quantity(expected);
        assert_eq!(quantity(given).to(expected.unit), Ok(expected), "{given}");
    }
}

#[test]
fn an_amount_that_is_too_large_for_a_unit_is_refused() {
    assert_eq!(quantity("999 TNE").to(Unit::Mgm), Ok(quantity("999000000000 MGM")));
    let error = quantity("1000 TNE").to(Unit::Mgm).unwrap_err();
    assert_eq!(error.to_string(), "an amount in TNE cannot be stated in MGM");
    let beyond = Quantity::new(Decimal::MAX, Unit::Tne);
    assert_eq!(beyond.to(Unit::Mgm), Err(Incompatible { from: Unit::Tne, to: Unit::Mgm }));
}

#[test]
fn decimals_are_read_up_to_their_bounds() {
    for (text, value) in [
        ("12.50", "12.5"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("+7", "7"),
        ("007", "7"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("999999999999.999999999", "999999999999.999999999"),
        ("-999999999999.999999999", "-999999999999.999999999"),
        ("0.1000000000000", "0.1"),
    ] {
        assert_eq!(parse_decimal(text).map(|value| value.to_string()), Ok(value.to_owned()), "{text}");
    }
}

#[test]
fn what_is_beyond_the_bounds_says_which() {
    let digits = "at most 12 digits before the decimal point";
    let places = "at most 9 digits after the decimal point";
    for (text, refusal) in [
        ("1000000000000", digits),
        ("-1000000000000", digits),
        ("1e12", digits),
        ("0.0000000001", places),
        ("1e-10", places),
        ("", "`` is not a decimal number"),
        ("twelve", "`twelve` is not a decimal number"),
        ("1,5", "`1,5` is not a decimal number"),
        ("1 000", "`1 000` is not a decimal number"),
        ("1_000", "`1_000` is not a decimal number"),
        ("NaN", "`NaN` is not a decimal number"),
        ("inf", "`inf` is not a decimal number"),
        ("0x10", "`0x10` is not a decimal number"),
        ("1e400", "`1e400` is not a decimal number"),
        ("٣", "`٣` is not a decimal number"),
        (
            "0.00000000000000000000000000000000000000001",
            "`0.00000000000000000000000000000000000000` is not a decimal number",
        ),
    ] {
        assert_eq!(parse_decimal(text), Err(refusal.to_owned()), "{text}");
    }
}

#[test]
fn a_quantity_is_read_from_exactly_a_value_and_a_unit() {
    let read = |json: &str| serde_json::from_str::<Quantity>(json);
    assert_eq!(read(r#"{"unit": "CS", "value": 7}"#).unwrap(), quantity("7 CS"));
    assert_eq!(read(r#"{"value": -3, "unit": "KGM"}"#).unwrap(), quantity("-3 KGM"));
    for json in [
        r#"{"value": "1"}"#,
        r#"{"unit": "KGM"}"#,
        r#"{"value": "1", "unit": "kgm"}"#,
        r#"{"value": "1", "unit": "KGM", "note": "x"}"#,
        r#"{"value": [1], "unit": "KGM"}"#,
        r#"{"value": 1000000000000, "unit": "KGM"}"#,
        r#"{"value": 18446744073709551615, "unit": "KGM"}"#,
        r#""1 KGM""#,
    ] {
        assert!(read(json).is_err(), "{json}");
    }
}

#[test]
fn units_have_distinct_codes_and_counts_stand_alone() {
    for unit in Unit::ALL {
        assert_eq!(unit.code().parse(), Ok(*unit));
        let same_code = Unit::ALL.iter().filter(|other| other.code() == unit.code());
        assert_eq!(same_code.count(), 1, "{unit}");
        if let Dimension::Count(own) = unit.dimension() {
            assert_eq!(own, *unit, "counted things convert into nothing else");
        }
    }
}
