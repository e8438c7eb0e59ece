//! Exact shares: how much of a reached lot came from the traced one, and the reverse.
//!
//! One transformation mixes all its inputs, by quantity, evenly into every output; loss falls on all alike. So
//! what counts is each input's part of the sum of all inputs of a lot, in the view, whether or not they are
//! reached. Inputs that have no dimension of measure in common make the share unknown, and every share that
//! rests on it.

use foodflow_domain::quantity::Dimension;
use foodflow_domain::{Quantity, Unit};
use num_bigint::BigUint;
use num_traits::{One as _, Zero as _};
use rust_decimal::Decimal;

use super::fraction::{Fraction, Sum};
use super::lot_graph::LotGraph;
use crate::graph::TraceDirection;

/// The share of every lot of the graph, by its number: forward the part of it that came from the start, backward
/// the part of the start that came from it. `None` where it is unknown, or the lot is not reached.
#[must_use]
pub fn shares(graph: &LotGraph, direction: TraceDirection, depths: &[Option<u32>]) -> Vec<Option<Fraction>> {
    let order = graph.order(direction, depths);
    match direction {
        TraceDirection::Forward => forward(graph, depths, &order),
        TraceDirection::Backward => backward(graph, &order),
    }
}

fn forward(graph: &LotGraph, depths: &[Option<u32>], order: &[usize]) -> Vec<Option<Fraction>> {
    let mut shares: Vec<Option<Fraction>> = vec![None; graph.lot_count()];
    for &lot in order {
        shares[lot] = if lot == 0 { Some(Fraction::one()) } else { mixed(graph, depths, &shares, lot) };
    }
    shares
}

/// Σ share(input) × quantity(input) ÷ Σ quantity(input).
fn mixed(
    graph: &LotGraph,
    depths: &[Option<u32>],
    shares: &[Option<Fraction>],
    lot: usize,
) -> Option<Fraction> {
    let inputs = graph.inputs(lot);
    let Parts { parts, total } = Parts::of(inputs.map(|input| input.quantity))?;
    let mut sum = Sum::nothing();
    for (input, part) in graph.inputs(lot).zip(&parts) {
        if depths[input.input].is_some() {
            sum.add(shares[input.input].as_ref()?, part);
        }
    }
    sum.divided_by(&total)
}

fn backward(graph: &LotGraph, order: &[usize]) -> Vec<Option<Fraction>> {
    let once = BigUint::one();
    let mut sums: Vec<Option<Sum>> = vec![Some(Sum::nothing()); graph.lot_count()];
    let mut shares: Vec<Option<Fraction>> = vec![None; graph.lot_count()];
    for &lot in order {
        let share = if lot == 0 { Some(Fraction::one()) } else { sums[lot].take().and_then(Sum::finish) };
        let parts = share.as_ref().and_then(|_| Parts::of(graph.inputs(lot).map(|input| input.quantity)));
        for (index, input) in graph.inputs(lot).enumerate() {
            let portion = parts.as_ref().zip(share.as_ref()).and_then(|(parts, share)| {
                share.times(&Fraction::new(parts.parts[index].clone(), parts.total.clone())?)
            });
            match (portion, &mut sums[input.input]) {
                (Some(portion), Some(sum)) => sum.add(&portion, &once),
                (None, sum) => *sum = None,
                (Some(_), None) => {}
            }
        }
        shares[lot] = share;
    }
    shares
}

/// Quantities as whole numbers of one unit that all of them share, however small.
struct Parts {
    parts: Vec<BigUint>,
    total: BigUint,
}

impl Parts {
    /// `None` where a quantity is missing or below zero, where they have no dimension in common, or where they
    /// sum up to nothing.
    fn of(quantities: impl Iterator<Item = Option<Quantity>>) -> Option<Self> {
        let quantities = quantities.collect::<Option<Vec<Quantity>>>()?;
        let first = quantities.first()?.unit;
        let same_unit = quantities.iter().all(|quantity| quantity.unit == first);
        let exact: Vec<Exact> = match same_unit {
            true => quantities.iter().map(|quantity| Exact::of(quantity.value)).collect::<Option<_>>()?,
            false => {
                let dimension = first.dimension();
                let in_base = |quantity: &Quantity| {
                    let fits = quantity.unit.dimension() == dimension;
                    fits.then(|| Exact::of(quantity.value)?.times(&Exact::of(base_units(quantity.unit)?)?))
                        .flatten()
                };
                quantities.iter().map(in_base).collect::<Option<_>>()?
            }
        };
        let scale = exact.iter().map(|exact| exact.scale).max()?;
        let parts: Vec<BigUint> = exact.into_iter().map(|exact| exact.at_scale(scale)).collect();
        let total: BigUint = parts.iter().sum();
        (!total.is_zero()).then_some(Self { parts, total })
    }
}

/// A decimal from 0 as a whole number ÷ 10^scale, of any length.
struct Exact {
    digits: BigUint,
    scale: u32,
}

impl Exact {
    fn of(value: Decimal) -> Option<Self> {
        let digits = u128::try_from(value.mantissa()).ok()?;
        Some(Self { digits: digits.into(), scale: value.scale() })
    }

    fn times(&self, other: &Self) -> Option<Self> {
        Some(Self { digits: &self.digits * &other.digits, scale: self.scale.checked_add(other.scale)? })
    }

    fn at_scale(self, scale: u32) -> BigUint {
        if scale == self.scale {
            self.digits
        } else {
            self.digits * BigUint::from(10_u8).pow(scale - self.scale)
        }
    }
}

/// How many of its dimension's base unit one `unit` holds. Every unit is a whole number of billionths of a gram
/// or millilitre at most, so that this is exact; in kilograms the ounce would be rounded.
fn base_units(unit: Unit) -> Option<Decimal> {
    let base = match unit.dimension() {
        Dimension::Mass => Unit::Grm,
        Dimension::Volume => Unit::Mlt,
        Dimension::Count(own) => own,
    };
    Quantity::new(Decimal::ONE, unit).to(base).ok().map(|one| one.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_exact_in_its_base_unit() {
        let expected = [
            (Unit::Mgm, "0.001"),
            (Unit::Grm, "1"),
            (Unit::Kgm, "1000"),
            (Unit::Tne, "1000000"),
            (Unit::Lbr, "453.59237"),
            (Unit::Onz, "28.349523125"),
            (Unit::Mlt, "1"),
            (Unit::Ltr, "1000"),
            (Unit::Hlt, "100000"),
            (Unit::Mtq, "1000000"),
            (Unit::Gll, "3785.411784"),
            (Unit::Ea, "1"),
            (Unit::Cs, "1"),
            (Unit::Pf, "1"),
        ];
        assert_eq!(expected.len(), Unit::ALL.len());
        for (unit, value) in expected {
            assert_eq!(base_units(unit).unwrap().to_string(), value, "{unit}");
        }
    }

    #[test]
    fn parts_need_one_dimension_and_a_sum_above_zero() {
        let quantity = |value: i64, unit| Some(Quantity::new(Decimal::from(value), unit));
        let parts = |quantities: &[Option<Quantity>]| {
            Parts::of(quantities.iter().copied()).map(|parts| (parts.parts, parts.total))
        };
        let whole = |numbers: &[u32]| numbers.iter().map(|&number| BigUint::from(number)).collect::<Vec<_>>();
        assert_eq!(
            parts(&[quantity(1, Unit::Kgm), quantity(500, Unit::Grm)]),
            Some((whole(&[1_000, 500]), BigUint::from(1_500_u32)))
        );
        assert_eq!(parts(&[quantity(1, Unit::Kgm), quantity(1, Unit::Ltr)]), None);
        assert_eq!(parts(&[quantity(1, Unit::Ea), quantity(1, Unit::Cs)]), None);
        assert_eq!(parts(&[quantity(0, Unit::Kgm), quantity(0, Unit::Grm)]), None);
        assert_eq!(parts(&[quantity(1, Unit::Kgm), None]), None);
        assert_eq!(parts(&[quantity(1, Unit::Kgm), quantity(-1, Unit::Kgm)]), None);
        assert_eq!(parts(&[]), None);
    }
}
