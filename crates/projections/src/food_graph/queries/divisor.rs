//! The greatest common divisor of long numbers, by Lehmer's method.
//!
//! Shares of widely mixed lots have denominators of thousands of bits, and every sum of two of them needs a
//! divisor. The binary method of `num-integer` takes a pass over both numbers per bit; this one takes a pass per
//! some thirty bits, since the leading digits alone tell several steps of Euclid's algorithm ahead. Shares of
//! 400 lots that are made of 5 random lots each take half the time.

use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::{ToPrimitive as _, Zero as _};

const WORD_BITS: u64 = 64;

/// The greatest common divisor; of 0 and a number, that number.
pub(super) fn greatest_common_divisor(left: &BigUint, right: &BigUint) -> BigUint {
    let (mut long, mut short) =
        if left >= right { (left.clone(), right.clone()) } else { (right.clone(), left.clone()) };
    while short.bits() > WORD_BITS {
        let steps = Steps::foresee(&long, &short);
        (long, short) = match steps {
            Some(steps) => steps.take(&long, &short),
            None => {
                let rest = &long % &short;
                (short, rest)
            }
        };
    }
    match short.to_u64() {
        None | Some(0) => long,
        Some(short) => {
            let rest = (long % short).to_u64().unwrap_or_default();
            BigUint::from(rest.gcd(&short))
        }
    }
}

/// Several steps of Euclid's algorithm at once, as factors for both numbers.
struct Steps {
    first: [u64; 2],
    second: [u64; 2],
    is_even: bool,
}

impl Steps {
    /// The steps that the leading digits tell for sure (Collins' condition); `None` where they tell none.
    fn foresee(long: &BigUint, short: &BigUint) -> Option<Self> {
        let shift = long.bits().saturating_sub(WORD_BITS);
        let mut high = (long >> shift).to_u64()?;
        let mut low = (short >> shift).to_u64()?;
        let (mut of_long, mut of_short) = ([0_u64, 1, 0], [0_u64, 0, 1]);
        let mut is_even = false;
        while low >= of_short[2] && high - low >= of_short[1] + of_short[2] {
            let (quotient, rest) = (high / low, high % low);
            (high, low) = (low, rest);
            of_long = [of_long[1], of_long[2], of_long[1] + quotient * of_long[2]];
            of_short = [of_short[1], of_short[2], of_short[1] + quotient * of_short[2]];
            is_even = !is_even;
        }
        let [first, second] = [0, 1].map(|number| [of_long[number], of_short[number]]);
        (!of_short[0].is_zero()).then_some(Self { first, second, is_even })
    }

    fn take(&self, long: &BigUint, short: &BigUint) -> (BigUint, BigUint) {
        let (longs, shorts) = (long * self.first[0], short * self.first[1]);
        let next_long = if self.is_even { longs - shorts } else { shorts - longs };
        let (longs, shorts) = (long * self.second[0], short * self.second[1]);
        let next_short = if self.is_even { shorts - longs } else { longs - shorts };
        (next_long, next_short)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = BigUint> {
        let digits = prop_oneof![Just(0_u32), Just(1), Just(u32::MAX), any::<u32>()];
        prop::collection::vec(digits, 0..40).prop_map(BigUint::new)
    }

    fn check(left: &BigUint, right: &BigUint) {
        assert_eq!(greatest_common_divisor(left, right), left.gcd(right), "{left} {right}");
    }

    proptest! {
        #[test]
        fn it_is_that_of_the_binary_method(left in number(), right in number(), common in number()) {
            check(&left, &right);
            check(&(&left * &common), &(&right * &common));
            check(&(&left * &common), &common);
        }
    }

    #[test]
    fn neighbours_in_the_sequence_of_fibonacci_take_the_most_steps() {
        let (mut small, mut large) = (BigUint::zero(), BigUint::from(1_u8));
        for _ in 0..2_000 {
            (small, large) = (large.clone(), small + large);
        }
        check(&large, &small);
        check(&(large * 6_u8), &(small * 9_u8));
    }
}
