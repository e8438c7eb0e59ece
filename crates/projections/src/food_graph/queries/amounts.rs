//! Sums of quantities, one per unit.

use std::collections::BTreeMap;

use foodflow_domain::{Quantity, Unit};
use serde::{Serialize, Serializer};

/// One sum per unit, in order of the unit's code. Written as a list of quantities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<&'static str, Quantity>);

impl Amounts {
    /// Adds `quantity` to the sum of its own unit.
    pub fn add(&mut self, quantity: Quantity) {
        let sum = self.0.entry(quantity.unit.code()).or_insert(Quantity::zero(quantity.unit));
        *sum = Quantity::new(sum.value.saturating_add(quantity.value), sum.unit);
    }

    /// The sums, in order of the unit's code.
    pub fn iter(&self) -> impl Iterator<Item = Quantity> {
        self.0.values().copied()
    }
}

impl FromIterator<Quantity> for Amounts {
    fn from_iter<I: IntoIterator<Item = Quantity>>(quantities: I) -> Self {
        let mut sums = Self::default();
        quantities.into_iter().for_each(|quantity| sums.add(quantity));
        sums
    }
}

impl Serialize for Amounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The quantity in `unit`, or as declared where it does not convert.
#[must_use]
pub fn preferably_in(unit: Option<Unit>, quantity: Quantity) -> Quantity {
    unit.and_then(|unit| quantity.to(unit).ok()).unwrap_or(quantity)
}

/// The sum in `unit`; what does not convert counts as nothing, as in the lot's own book.
#[must_use]
pub fn total_in(unit: Unit, quantities: impl IntoIterator<Item = Quantity>) -> Quantity {
    quantities.into_iter().fold(Quantity::zero(unit), |sum, next| sum.plus(next).unwrap_or(sum))
}

#[cfg(test)]
mod tests {
    use foodflow_domain::quantity::parse_decimal;

    use super::*;

    fn quantity(value: &str, unit: Unit) -> Quantity {
        Quantity::new(parse_decimal(value).unwrap(), unit)
    }

    #[test]
    fn each_unit_has_one_sum_in_order_of_its_code() {
        let sums: Amounts = [
            quantity("1.5", Unit::Kgm),
            quantity("3", Unit::Cs),
            quantity("0.5", Unit::Kgm),
            quantity("7", Unit::Grm),
        ]
        .into_iter()
        .collect();
        let json = serde_json::to_string(&sums).unwrap();
        assert_eq!(
            json,
            r#"[{"value":"3","unit":"CS"},{"value":"7","unit":"GRM"},{"value":"2","unit":"KGM"}]"#
        );
    }

    #[test]
    fn a_total_takes_what_converts() {
        let parts = [quantity("500", Unit::Grm), quantity("1", Unit::Kgm), quantity("9", Unit::Ea)];
        assert_eq!(total_in(Unit::Kgm, parts), quantity("1.5", Unit::Kgm));
        assert_eq!(preferably_in(Some(Unit::Kgm), parts[0]), quantity("0.5", Unit::Kgm));
        assert_eq!(preferably_in(Some(Unit::Kgm), parts[2]), parts[2]);
    }
}
