//! What a store does, in memory: one change after the other, without folding.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use foodflow_projections::digest::{Canonical, RowsDigest};
use foodflow_projections::tables::{Row, TableChange, Value};

/// Rows by table and key.
#[derive(Debug, Default)]
pub(crate) struct Model {
    rows: BTreeMap<(&'static str, Canonical), Row>,
}

impl Model {
    pub(crate) fn apply(&mut self, change: &TableChange) {
        if let TableChange::DeleteAll { table, tenant, column, value } = change {
            let goes = |row: &Row| {
                row.table.name == table.name
                    && row.get(table.tenant) == Some(&Value::Uuid(tenant.0))
                    && row.get(column) == Some(value)
            };
            self.rows.retain(|_, row| !goes(row));
            return;
        }
        let mut bytes = Canonical::empty();
        change.key().unwrap().iter().for_each(|value| value.write_canonical(&mut bytes));
        let key = (change.table().name, bytes);
        match change {
            TableChange::Upsert(row) | TableChange::Append(row) => {
                self.rows.insert(key, row.clone());
            }
            TableChange::Patch { columns, .. } => {
                if let Some(row) = self.rows.get_mut(&key) {
                    columns.iter().for_each(|(name, value)| set(row, name, value.clone()));
                }
            }
            TableChange::Add { row, sum, replace } => match self.rows.get_mut(&key) {
                None => {
                    self.rows.insert(key, row.clone());
                }
                Some(known) => {
                    let (Some(Value::Decimal(before)), Some(Value::Decimal(amount))) =
                        (known.get(sum), row.get(sum))
                    else {
                        panic!("{sum} is no decimal");
                    };
                    let after = Value::Decimal(before + amount);
                    set(known, sum, after);
                    replace.iter().for_each(|name| set(known, name, row.get(name).unwrap().clone()));
                }
            },
            TableChange::Delete { .. } | TableChange::DeleteAll { .. } => {
                self.rows.remove(&key);
            }
        }
    }

    pub(crate) fn digest(&self) -> String {
        let mut digest = RowsDigest::default();
        for row in self.rows.values() {
            let Some(Value::Uuid(tenant)) = row.get(row.table.tenant) else {
                panic!("a row without a tenant")
            };
            row.add_to(&mut digest, TenantId(*tenant));
        }
        digest.finish()
    }
}

fn set(row: &mut Row, name: &str, value: Value) {
    let position = row.table.position_of(name).unwrap();
    row.values[position] = value;
}
