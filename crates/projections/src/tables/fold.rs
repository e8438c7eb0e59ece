//! Folds the changes of a batch per key into what a store writes.
//!
//! Changes of one row are brought together in log order, so that a store writes every row once: the folded changes do
//! what the changes would do one by one. Nothing here may depend on what a store holds: where that matters, as for a
//! sum, the folded change says what is to be done either way.

use std::collections::HashMap;

use foodflow_domain::TenantId;
use rust_decimal::Decimal;

use super::change::TableChange;
use super::description::Table;
use super::row::{Key, Row};
use super::value::Value;
use crate::digest::Canonical;

/// What becomes of the rows of one table.
#[derive(Debug, Clone)]
pub struct FoldedTable {
    /// The table.
    pub table: &'static Table,
    /// Rows that are as given afterwards, whatever was there.
    pub puts: Vec<Row>,
    /// Rows that are as given afterwards, and under whose keys nothing was there.
    pub appends: Vec<Row>,
    /// Rows that are changed where they exist, and perhaps made where they do not.
    pub merges: Vec<Merge>,
    /// Rows that are gone afterwards.
    pub deletes: Vec<Key>,
    /// Which rows go before anything else is done.
    pub clears: Vec<Clear>,
}

/// Rows that go together: a tenant's that hold a value in a column of the key.
#[derive(Debug, Clone, PartialEq)]
pub struct Clear {
    /// The tenant.
    pub tenant: TenantId,
    /// The column.
    pub column: &'static str,
    /// What it holds.
    pub value: Value,
}

impl Clear {
    /// Whether a row of this key goes.
    #[must_use]
    pub fn takes(&self, table: &Table, key: &[Value]) -> bool {
        let holds = |column: &str, value: &Value| {
            table.key.iter().position(|name| *name == column).and_then(|at| key.get(at)) == Some(value)
        };
        holds(table.tenant, &Value::Uuid(self.tenant.0)) && holds(self.column, &self.value)
    }
}

/// What becomes of one row, which may exist or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Its key.
    pub key: Key,
    /// What it is afterwards where it did not exist; still nothing where this is nothing.
    pub if_absent: Option<Row>,
    /// Columns that are set where it exists, in order of name.
    pub set: Vec<(&'static str, Value)>,
    /// Decimal columns that are added to where it exists, in order of name; none of them is also set.
    pub add: Vec<(&'static str, Decimal)>,
}

/// Why changes cannot be folded: a defect of the projection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A change of a table that the store does not hold.
    #[error("the store holds no table {0}")]
    UnknownTable(&'static str),
    /// A sum that a decimal cannot hold exactly.
    #[error("a sum in column {column} of table {table} is beyond what a decimal holds")]
    Sum {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

/// What becomes of one row, so far.
#[derive(Debug)]
enum Effect {
    Put { row: Row, is_new: bool },
    Merge(Merge),
    Delete(Key),
}

/// Folds changes that stand in log order; the outcome has an entry for each of `tables`, in their order.
///
/// # Errors
/// [`FoldError`].
pub fn fold(
    tables: &[&'static Table],
    changes: impl IntoIterator<Item = (TenantId, TableChange)>,
) -> Result<Vec<FoldedTable>, FoldError> {
    let mut effects: Vec<Vec<Effect>> = tables.iter().map(|_| Vec::new()).collect();
    let mut known: HashMap<(usize, Canonical), usize> = HashMap::new();
    let mut clears: Vec<Vec<Clear>> = tables.iter().map(|_| Vec::new()).collect();
    for (_, change) in changes {
        let name = change.table().name;
        let table =
            tables.iter().position(|table| table.name == name).ok_or(FoldError::UnknownTable(name))?;
        let of_table = &mut effects[table];
        let Some(key) = change.key() else {
            clears[table].extend(cleared(change, of_table));
            continue;
        };
        match known.entry((table, canonical(&key))) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(of_table.len());
                of_table.extend(Effect::first(change));
            }
            std::collections::hash_map::Entry::Occupied(entry) => of_table[*entry.get()].then(change)?,
        }
    }
    let folded = tables.iter().zip(effects).zip(clears);
    Ok(folded.map(|((table, effects), clears)| folded_table(table, effects, clears)).collect())
}

fn canonical(key: &[Value]) -> Canonical {
    let mut bytes = Canonical::empty();
    key.iter().for_each(|value| value.write_canonical(&mut bytes));
    bytes
}

/// Takes what a change removes from what was decided so far. What the store holds of it goes before all else, so that what
/// comes later finds it gone.
fn cleared(change: TableChange, effects: &mut [Effect]) -> Option<Clear> {
    let TableChange::DeleteAll { table, tenant, column, value } = change else { return None };
    let clear = Clear { tenant, column, value };
    for effect in effects {
        let key = effect.key();
        if clear.takes(table, &key) {
            *effect = Effect::Delete(key);
        }
    }
    Some(clear)
}

fn folded_table(table: &'static Table, effects: Vec<Effect>, clears: Vec<Clear>) -> FoldedTable {
    let (puts, appends, merges, deletes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut folded = FoldedTable { table, puts, appends, merges, deletes, clears };
    for effect in effects {
        match effect {
            Effect::Put { row, is_new: true } => folded.appends.push(row),
            Effect::Put { row, is_new: false } => folded.puts.push(row),
            Effect::Merge(merge) => folded.merges.push(merge),
            Effect::Delete(key) => folded.deletes.push(key),
        }
    }
    folded
}

impl Effect {
    fn key(&self) -> Key {
        match self {
            Self::Put { row, .. } => row.key(),
            Self::Merge(merge) => merge.key.clone(),
            Self::Delete(key) => key.clone(),
        }
    }

    /// Nothing where a change is of no single row.
    fn first(change: TableChange) -> Option<Self> {
        Some(match change {
            TableChange::Upsert(row) => Self::Put { row, is_new: false },
            TableChange::Append(row) => Self::Put { row, is_new: true },
            TableChange::Patch { key, columns, .. } => Self::Merge(Merge::patch(key, columns)),
            TableChange::Add { row, sum, replace } => Self::Merge(Merge::addition(row, sum, replace)),
            TableChange::Delete { key, .. } => Self::Delete(key),
            TableChange::DeleteAll { .. } => return None,
        })
    }

    /// Follows what was decided about the row by one more change.
    fn then(&mut self, change: TableChange) -> Result<(), FoldError> {
        match (&mut *self, change) {
            (_, TableChange::Upsert(row) | TableChange::Append(row)) => {
                *self = Self::Put { row, is_new: false }
            }
            (_, TableChange::Delete { key, .. }) => *self = Self::Delete(key),
            (Self::Put { row, .. }, TableChange::Patch { columns, .. }) => set_all(row, &columns),
            (Self::Put { row, .. }, TableChange::Add { row: more, sum, replace }) => {
                Merge::addition(more, sum, replace).change(row)?;
            }
            (Self::Merge(merge), TableChange::Patch { key, columns, .. }) => {
                merge.then(Merge::patch(key, columns))?;
            }
            (Self::Merge(merge), TableChange::Add { row, sum, replace }) => {
                merge.then(Merge::addition(row, sum, replace))?;
            }
            // What is gone is not there to be patched, and made anew by an addition.
            (Self::Delete(_), TableChange::Patch { .. }) | (_, TableChange::DeleteAll { .. }) => {}
            (Self::Delete(_), TableChange::Add { row, .. }) => *self = Self::Put { row, is_new: false },
        }
        Ok(())
    }
}

impl Merge {
    fn patch(key: Key, columns: Vec<(&'static str, Value)>) -> Self {
        let mut merge = Self { key, if_absent: None, set: Vec::new(), add: Vec::new() };
        columns.into_iter().for_each(|(name, value)| merge.set(name, value));
        merge
    }

    fn addition(row: Row, sum: &'static str, replace: &'static [&'static str]) -> Self {
        let mut merge = Self { key: row.key(), if_absent: None, set: Vec::new(), add: Vec::new() };
        for name in replace {
            if let Some(value) = row.get(name) {
                merge.set(name, value.clone());
            }
        }
        if let Some(Value::Decimal(amount)) = row.get(sum) {
            merge.add.push((sum, *amount));
        }
        merge.if_absent = Some(row);
        merge
    }

    /// What the row is afterwards, given what it is.
    ///
    /// # Errors
    /// [`FoldError::Sum`] where a sum cannot be held exactly.
    pub fn applied_to(&self, row: Option<Row>) -> Result<Option<Row>, FoldError> {
        match row {
            None => Ok(self.if_absent.clone()),
            Some(mut row) => self.change(&mut row).map(|()| Some(row)),
        }
    }

    /// Follows by one more merge of the same row.
    fn then(&mut self, next: Self) -> Result<(), FoldError> {
        self.if_absent = next.applied_to(self.if_absent.take())?;
        let table = self.if_absent.as_ref().or(next.if_absent.as_ref()).map_or("", |row| row.table.name);
        for (column, amount) in next.add {
            if let Some((_, Value::Decimal(sum))) = self.set.iter_mut().find(|(name, _)| *name == column) {
                *sum = exact_sum(*sum, amount).ok_or(FoldError::Sum { table, column })?;
            } else if let Some((_, sum)) = self.add.iter_mut().find(|(name, _)| *name == column) {
                *sum = exact_sum(*sum, amount).ok_or(FoldError::Sum { table, column })?;
            } else {
                let place = self.add.partition_point(|(name, _)| *name < column);
                self.add.insert(place, (column, amount));
            }
        }
        next.set.into_iter().for_each(|(name, value)| self.set(name, value));
        Ok(())
    }

    fn set(&mut self, name: &'static str, value: Value) {
        self.add.retain(|(added, _)| *added != name);
        match self.set.binary_search_by_key(&name, |(known, _)| known) {
            Ok(place) => self.set[place].1 = value,
            Err(place) => self.set.insert(place, (name, value)),
        }
    }

    /// Changes a row that exists.
    fn change(&self, row: &mut Row) -> Result<(), FoldError> {
        let table = row.table.name;
        for (column, amount) in &self.add {
            let place = row.table.position_of(column).and_then(|position| row.values.get_mut(position));
            if let Some(Value::Decimal(sum)) = place {
                *sum = exact_sum(*sum, *amount).ok_or(FoldError::Sum { table, column })?;
            }
        }
        set_all(row, &self.set);
        Ok(())
    }
}

fn set_all(row: &mut Row, columns: &[(&'static str, Value)]) {
    for (name, value) in columns {
        if let Some(place) = row.table.position_of(name).and_then(|position| row.values.get_mut(position)) {
            *place = value.clone();
        }
    }
}

/// The sum, where a decimal holds it without rounding.
fn exact_sum(one: Decimal, other: Decimal) -> Option<Decimal> {
    let sum = one.checked_add(other)?;
    (sum.checked_sub(other)? == one && sum.checked_sub(one)? == other).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_exact_or_none() {
        let decimal = |text: &str| Decimal::from_str_exact(text).unwrap();
        assert_eq!(exact_sum(decimal("0.1"), decimal("0.2")), Some(decimal("0.3")));
        assert_eq!(exact_sum(Decimal::MAX, Decimal::ONE), None);
        assert_eq!(exact_sum(Decimal::MAX, decimal("0.1")), None);
        assert_eq!(exact_sum(Decimal::MAX, Decimal::MIN), Some(Decimal::ZERO));
        let (large, small) =
            (decimal("10000000000000000000000000000"), decimal("0.0000000000000000000000000001"));
        assert_eq!(exact_sum(large, small), None);
    }
}
