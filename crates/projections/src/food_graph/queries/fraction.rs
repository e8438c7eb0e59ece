//! Exact, reduced fractions: how much of one lot is in another.
//!
//! Along a long chain of rework the exact fraction grows by some digits per lot, without bound. Beyond
//! [`FRACTION_BITS_MAX`] it is not kept: the share is then unknown (null), while the lot stays reached.

use num_bigint::BigUint;
use num_traits::{One as _, ToPrimitive as _, Zero as _};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::divisor::greatest_common_divisor;

/// Most bits of a fraction's denominator (some 2,466 decimal digits).
pub const FRACTION_BITS_MAX: u64 = 8_192;

/// A fraction from 0, reduced. Written as `{"numerator": "1", "denominator": "2", "value": 0.5}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fraction {
    numerator: BigUint,
    denominator: BigUint,
}

impl Fraction {
    /// Nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self { numerator: BigUint::zero(), denominator: BigUint::one() }
    }

    /// All.
    #[must_use]
    pub fn one() -> Self {
        Self { numerator: BigUint::one(), denominator: BigUint::one() }
    }

    /// `numerator` ÷ `denominator`, reduced; `None` where the denominator is 0 or the fraction too long.
    #[must_use]
    pub fn new(numerator: BigUint, denominator: BigUint) -> Option<Self> {
        if denominator.is_zero() {
            return None;
        }
        let divisor = greatest_common_divisor(&numerator, &denominator);
        let denominator = denominator / &divisor;
        (denominator.bits() <= FRACTION_BITS_MAX)
            .then(|| Self { numerator: numerator / &divisor, denominator })
    }

    /// The numerator of the reduced fraction.
    #[must_use]
    pub const fn numerator(&self) -> &BigUint {
        &self.numerator
    }

    /// The denominator of the reduced fraction.
    #[must_use]
    pub const fn denominator(&self) -> &BigUint {
        &self.denominator
    }

    /// The product; `None` where it is too long.
    #[must_use]
    pub fn times(&self, other: &Self) -> Option<Self> {
        // Both are reduced: only a numerator and the other's denominator can have a divisor in common.
        let (left, right) = (
            greatest_common_divisor(&self.numerator, &other.denominator),
            greatest_common_divisor(&other.numerator, &self.denominator),
        );
        let denominator = (&self.denominator / &right) * (&other.denominator / &left);
        let numerator = (&self.numerator / &left) * (&other.numerator / &right);
        (denominator.bits() <= FRACTION_BITS_MAX).then_some(Self { numerator, denominator })
    }

    /// The quotient; `None` where `other` is zero or the result too long.
    #[must_use]
    pub fn divided_by(&self, other: &Self) -> Option<Self> {
        Self::new(&self.numerator * &other.denominator, &self.denominator * &other.numerator)
    }

    /// The nearest float, to within its last digit.
    #[must_use]
    pub fn value(&self) -> f64 {
        const EXACT_BITS: u64 = 53;
        const QUOTIENT_BITS: u64 = 64;
        if self.numerator.bits() <= EXACT_BITS && self.denominator.bits() <= EXACT_BITS {
            let (numerator, denominator) = (self.numerator.to_f64(), self.denominator.to_f64());
            return numerator.unwrap_or(f64::NAN) / denominator.unwrap_or(f64::NAN);
        }
        let shift = (QUOTIENT_BITS + self.denominator.bits()).saturating_sub(self.numerator.bits());
        let quotient = (&self.numerator << shift) / &self.denominator;
        // Two steps, so that a power below the smallest float does not turn a small share into none.
        let half = i32::try_from(shift / 2).unwrap_or(i32::MAX);
        let rest = i32::try_from(shift - shift / 2).unwrap_or(i32::MAX);
        quotient.to_f64().unwrap_or(f64::INFINITY) * 2_f64.powi(-half) * 2_f64.powi(-rest)
    }
}

impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fraction = serializer.serialize_struct("Fraction", 3)?;
        fraction.serialize_field("numerator", &self.numerator.to_string())?;
        fraction.serialize_field("denominator", &self.denominator.to_string())?;
        fraction.serialize_field("value", &self.value())?;
        fraction.end()
    }
}

/// A sum of fractions that is reduced once, at its end.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    numerator: BigUint,
    denominator: BigUint,
}

impl Sum {
    pub(super) fn nothing() -> Self {
        Self { numerator: BigUint::zero(), denominator: BigUint::one() }
    }

    /// Adds `fraction` × `weight`.
    pub(super) fn add(&mut self, fraction: &Fraction, weight: &BigUint) {
        if fraction.numerator.is_zero() || weight.is_zero() {
            return;
        }
        let part = &fraction.numerator * weight;
        if fraction.denominator == self.denominator {
            self.numerator += part;
            return;
        }
        let divisor = greatest_common_divisor(&self.denominator, &fraction.denominator);
        let own = &self.denominator / &divisor;
        self.numerator = &self.numerator * (&fraction.denominator / &divisor) + part * &own;
        self.denominator = own * &fraction.denominator;
    }

    /// The sum ÷ `divisor`; `None` where that is 0 or the result too long.
    pub(super) fn divided_by(self, divisor: &BigUint) -> Option<Fraction> {
        let sum = Fraction::new(self.numerator, self.denominator)?;
        sum.times(&Fraction::new(BigUint::one(), divisor.clone())?)
    }

    /// The sum; `None` where it is too long.
    pub(super) fn finish(self) -> Option<Fraction> {
        Fraction::new(self.numerator, self.denominator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fraction(numerator: u64, denominator: u64) -> Fraction {
        Fraction::new(numerator.into(), denominator.into()).unwrap()
    }

    #[test]
    fn a_fraction_is_reduced_and_written_with_its_value() {
        let json = serde_json::to_string(&fraction(6, 12)).unwrap();
        assert_eq!(json, r#"{"numerator":"1","denominator":"2","value":0.5}"#);
        assert_eq!(fraction(2, 3).times(&fraction(3, 4)), Some(fraction(1, 2)));
        assert_eq!(fraction(1, 2).divided_by(&fraction(3, 4)), Some(fraction(2, 3)));
        assert_eq!(fraction(1, 2).divided_by(&Fraction::zero()), None);
        assert_eq!(Fraction::new(BigUint::one(), BigUint::zero()), None);
    }

    #[test]
    fn sums_are_exact() {
        let mut sum = Sum::nothing();
        for (part, weight) in [(fraction(1, 3), 2_u32), (fraction(1, 6), 1), (fraction(1, 6), 1)] {
            sum.add(&part, &weight.into());
        }
        assert_eq!(sum.clone().finish(), Some(fraction(1, 1)));
        assert_eq!(sum.divided_by(&BigUint::from(4_u32)), Some(fraction(1, 4)));
    }

    #[test]
    fn the_value_of_a_long_fraction_is_close() {
        let third = BigUint::from(3_u32);
        let long = Fraction::new(third.pow(200) * 2_u32, third.pow(201) + 1_u32).unwrap();
        assert!((long.value() - 2.0 / 3.0).abs() < 1e-15, "{}", long.value());
        let tiny = Fraction::new(BigUint::one(), BigUint::from(2_u32).pow(1_000)).unwrap();
        assert!(tiny.value() > 0.0 && tiny.value() < 1e-300, "{}", tiny.value());
        let below_all_floats = Fraction::new(BigUint::one(), BigUint::from(2_u32).pow(8_000)).unwrap();
        assert!(below_all_floats.value().abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn a_fraction_beyond_the_bound_is_not_kept() {
        let two = BigUint::from(2_u32);
        assert!(Fraction::new(BigUint::one(), two.pow(8_191)).is_some());
        assert!(Fraction::new(BigUint::one(), two.pow(8_192)).is_none());
        let long = Fraction::new(BigUint::one(), two.pow(5_000)).unwrap();
        assert!(long.times(&long).is_none());
    }
}
