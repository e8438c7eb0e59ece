//! What a projection may ask of a store of tables. Changes are data; stores derive their statements from them.

use foodflow_domain::TenantId;

use super::description::Table;
use super::row::{Key, Row};
use super::value::Value;

/// One change to a table, of one tenant's row.
#[derive(Debug, Clone)]
pub enum TableChange {
    /// Sets the whole row, which is made where it does not exist.
    Upsert(Row),
    /// Adds a row under a key that no row ever had: what the first event of a stream makes, or a measurement.
    Append(Row),
    /// Sets some columns of a row; nothing where the row does not exist.
    Patch {
        /// The table.
        table: &'static Table,
        /// The row's key.
        key: Key,
        /// Columns and their values; none of them part of the key.
        columns: Vec<(&'static str, Value)>,
    },
    /// Adds to a decimal of a row, or makes the row where it does not exist.
    Add {
        /// The row as it is where it did not exist; elsewhere what it holds in `sum` is added, and nothing else of it
        /// counts but `replace`.
        row: Row,
        /// The decimal column that is added to.
        sum: &'static str,
        /// Columns that are set, too, where the row exists.
        replace: &'static [&'static str],
    },
    /// Removes a row; nothing where it does not exist.
    Delete {
        /// The table.
        table: &'static Table,
        /// The row's key.
        key: Key,
    },
    /// Removes every row of the tenant that holds a value in a column of the key.
    DeleteAll {
        /// The table.
        table: &'static Table,
        /// The tenant.
        tenant: TenantId,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: Value,
    },
}

impl TableChange {
    /// The table that it changes.
    #[must_use]
    pub const fn table(&self) -> &'static Table {
        match self {
            Self::Upsert(row) | Self::Append(row) | Self::Add { row, .. } => row.table,
            Self::Patch { table, .. } | Self::Delete { table, .. } | Self::DeleteAll { table, .. } => table,
        }
    }

    /// The key of the row that it changes; `None` where it may change several.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Upsert(row) | Self::Append(row) | Self::Add { row, .. } => Some(row.key()),
            Self::Patch { key, .. } | Self::Delete { key, .. } => Some(key.clone()),
            Self::DeleteAll { .. } => None,
        }
    }
}
