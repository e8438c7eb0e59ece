//! Exact quantities with a unit of measure (UN/ECE Recommendation 20).
//!
//! Values are decimals, never floats: at most [`INTEGER_DIGITS_MAX`] digits before and [`SCALE_MAX`] after the
//! point. Units of one [`Dimension`] convert into each other, exactly wherever the result fits these bounds and
//! to the nearest last digit elsewhere; cases and pieces do not. What was computed can thus always be read back.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most digits after the decimal point.
pub const SCALE_MAX: u32 = 9;
/// Digits that a JSON number keeps exactly.
const FLOAT_DIGITS: usize = 15;
/// Most digits before the decimal point.
pub const INTEGER_DIGITS_MAX: u32 = 12;

/// What a unit measures. Only units of one dimension convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Mass.
    Mass,
    /// Volume.
    Volume,
    /// Counted things, each unit its own kind.
    Count(Unit),
}

macro_rules! units {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $dimension:expr, $factor:expr;)*) => {
        /// A unit of measure, by its UN/ECE Rec 20 common code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Unit { $($(#[$doc])* $variant,)* }

        impl Unit {
            /// Every unit that is understood.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The UN/ECE Rec 20 common code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What the unit measures.
            #[must_use]
            pub const fn dimension(self) -> Dimension {
                match self { $(Self::$variant => $dimension,)* }
            }

            /// How many of the dimension's smallest unit it holds, as (mantissa, scale) of a decimal.
            const fn factor(self) -> (i64, u32) {
                match self { $(Self::$variant => $factor,)* }
            }
        }
    };
}

units! {
    /// Milligram.
    Mgm = "MGM", Dimension::Mass, (1, 6);
    /// Gram.
    Grm = "GRM", Dimension::Mass, (1, 3);
    /// Kilogram.
    Kgm = "KGM", Dimension::Mass, (1, 0);
    /// Metric ton.
    Tne = "TNE", Dimension::Mass, (1_000, 0);
    /// Pound (avoirdupois), 0.45359237 kg.
    Lbr = "LBR", Dimension::Mass, (45_359_237, 8);
    /// Ounce (avoirdupois), 0.028349523125 kg.
    Onz = "ONZ", Dimension::Mass, (28_349_523_125, 12);
    /// Millilitre.
    Mlt = "MLT", Dimension::Volume, (1, 3);
    /// Litre.
    Ltr = "LTR", Dimension::Volume, (1, 0);
    /// Hectolitre.
    Hlt = "HLT", Dimension::Volume, (100, 0);
    /// Cubic metre.
    Mtq = "MTQ", Dimension::Volume, (1_000, 0);
    /// US gallon, 3.785411784 l.
    Gll = "GLL", Dimension::Volume, (3_785_411_784, 9);
    /// Each.
    Ea = "EA", Dimension::Count(Self::Ea), (1, 0);
    /// Case.
    Cs = "CS", Dimension::Count(Self::Cs), (1, 0);
    /// Pallet (unit load).
    Pf = "PF", Dimension::Count(Self::Pf), (1, 0);
}

/// A code that is not a known unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown unit `{0}`; known are {known}", known = known_units())]
pub struct UnknownUnit(pub String);

fn known_units() -> String {
    Unit::ALL.iter().map(|unit| unit.code()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find(|unit| unit.code() == code).copied().ok_or_else(|| UnknownUnit(code.to_owned()))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// An amount of something, e.g. 12.5 `KGM`. Written as `{"value": "12.5", "unit": "KGM"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// The number; normalized, so that 12.50 and 12.5 are the same.
    pub value: Decimal,
    /// What it counts.
    pub unit: Unit,
}

/// An amount that another unit cannot state: the units measure different things, or it is too large there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount in {from} cannot be stated in {to}")]
pub struct Incompatible {
    /// Unit of the given quantity.
    pub from: Unit,
    /// Unit that was asked for.
    pub to: Unit,
}

impl Quantity {
    /// `value` of `unit`.
    #[must_use]
    pub fn new(value: Decimal, unit: Unit) -> Self {
        Self { value: value.normalize(), unit }
    }

    /// None of `unit`.
    #[must_use]
    pub const fn zero(unit: Unit) -> Self {
        Self { value: Decimal::ZERO, unit }
    }

    /// The same amount in `unit`: exact, or rounded half to even at [`SCALE_MAX`] digits after the point.
    ///
    /// # Errors
    /// [`Incompatible`] where the units measure different things, or where the amount has more than
    /// [`INTEGER_DIGITS_MAX`] digits before the point in `unit`.
    pub fn to(self, unit: Unit) -> Result<Self, Incompatible> {
        if self.unit == unit {
            return Ok(self);
        }
        let incompatible = Incompatible { from: self.unit, to: unit };
        if self.unit.dimension() != unit.dimension() {
            return Err(incompatible);
        }
        let (from, to) = (self.unit.factor(), unit.factor());
        let value = self.value.checked_mul(Decimal::new(from.0, from.1));
        let value =
            value.and_then(|value| value.checked_div(Decimal::new(to.0, to.1))).ok_or(incompatible)?;
        let value = value.round_dp(SCALE_MAX);
        if has_too_many_integer_digits(value) { Err(incompatible) } else { Ok(Self::new(value, unit)) }
    }

    /// The sum, in the unit of `self`.
    ///
    /// # Errors
    /// [`Incompatible`] where the units measure different things.
    pub fn plus(self, other: Self) -> Result<Self, Incompatible> {
        Ok(Self::new(self.value + other.to(self.unit)?.value, self.unit))
    }

    /// The difference, in the unit of `self`.
    ///
    /// # Errors
    /// [`Incompatible`] where the units measure different things.
    pub fn minus(self, other: Self) -> Result<Self, Incompatible> {
        Ok(Self::new(self.value - other.to(self.unit)?.value, self.unit))
    }

    /// True for exactly nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.value.is_zero()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value, self.unit)
    }
}

/// Reads a decimal that is within the bounds of this module.
///
/// # Errors
/// A sentence that says which bound is broken.
pub fn parse_decimal(text: &str) -> Result<Decimal, String> {
    let plain = !text.is_empty() && text.len() <= 40 && !text.contains(['_', ' ']);
    let value = plain
        .then(|| Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok())
        .flatten()
        .ok_or_else(|| format!("`{}` is not a decimal number", text.chars().take(40).collect::<String>()))?
        .normalize();
    if value.scale() > SCALE_MAX {
        return Err(format!("at most {SCALE_MAX} digits after the decimal point"));
    }
    if has_too_many_integer_digits(value) {
        return Err(format!("at most {INTEGER_DIGITS_MAX} digits before the decimal point"));
    }
    Ok(value)
}

fn has_too_many_integer_digits(value: Decimal) -> bool {
    value.abs() >= Decimal::from(10_u64.pow(INTEGER_DIGITS_MAX))
}

#[derive(Serialize)]
struct Written {
    value: String,
    unit: Unit,
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { value: self.value.to_string(), unit: self.unit }.serialize(serializer)
    }
}

struct Number(Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number, as a string or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                parse_decimal(text).map(Number).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                // The shortest decimal that reads back as this float: what the client wrote, up to 15 digits.
                let text = number.to_string();
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                if digits.trim_matches('0').len() > FLOAT_DIGITS {
                    let detail =
                        "a number of more than 15 digits loses some on its way; write it as a string";
                    return Err(E::custom(detail));
                }
                self.visit_str(&text)
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename = "Quantity")]
        struct Read {
            value: Number,
            unit: Unit,
        }
        let Read { value, unit } = Read::deserialize(deserializer)?;
        Ok(Self::new(value.0, unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(json: &str) -> Result<Quantity, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn strings_and_numbers_read_alike_and_write_as_strings() {
        for json in [
            r#"{"value":"12.5","unit":"KGM"}"#,
            r#"{"value":12.5,"unit":"KGM"}"#,
            r#"{"value":"12.50","unit":"KGM"}"#,
        ] {
            let read = quantity(json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"value":"12.5","unit":"KGM"}"#);
        }
        assert_eq!(quantity(r#"{"value":0.1,"unit":"KGM"}"#).unwrap().value.to_string(), "0.1");
    }

    #[test]
    fn what_is_not_a_bounded_decimal_is_refused() {
        for value in [
            "999999999999.123456789",
            "\"NaN\"",
            "\"\"",
            "\"1e400\"",
            "\"1_000\"",
            "1e300",
            "\"0.0000000001\"",
            "null",
            "true",
        ] {
            assert!(quantity(&format!(r#"{{"value":{value},"unit":"KGM"}}"#)).is_err(), "{value}");
        }
        let unknown = quantity(r#"{"value":"1","unit":"STONE"}"#).unwrap_err();
        assert!(unknown.contains("unknown unit `STONE`; known are MGM, GRM, KGM"), "{unknown}");
    }

    #[test]
    fn units_of_one_dimension_convert_exactly() {
        let grams = Quantity::new(Decimal::from(12_500), Unit::Grm);
        assert_eq!(grams.to(Unit::Kgm).unwrap(), Quantity::new(Decimal::new(125, 1), Unit::Kgm));
        assert_eq!(grams.to(Unit::Ltr).unwrap_err(), Incompatible { from: Unit::Grm, to: Unit::Ltr });
        assert!(Quantity::zero(Unit::Ea).to(Unit::Cs).is_err());
    }
}
