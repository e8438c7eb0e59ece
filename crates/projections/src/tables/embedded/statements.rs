//! The statements of one table, derived from its description.

use crate::sqlite::bulk::BulkInsert;
use crate::tables::description::Table;

/// What is done to the rows of one table.
#[derive(Debug)]
pub(super) struct TableStatements {
    pub(super) table: &'static Table,
    /// Sets rows, whatever was there.
    pub(super) put: BulkInsert,
    /// Adds rows.
    pub(super) append: BulkInsert,
    /// Rows by key.
    pub(super) read: BulkInsert,
    /// Removes rows by key.
    pub(super) delete: BulkInsert,
}

impl TableStatements {
    pub(super) fn of(table: &'static Table) -> Self {
        let name = table.name;
        let columns = table.columns.len();
        let head = format!("INSERT INTO {name} ({})", names(table.columns.iter().map(|column| column.name)));
        let sets: Vec<String> =
            table.other_columns().map(|column| format!("\"{0}\" = excluded.\"{0}\"", column.name)).collect();
        let conflict = format!(" ON CONFLICT ({}) DO", names(table.key.iter().copied()));
        let update = match sets.as_slice() {
            [] => format!("{conflict} NOTHING"),
            sets => format!("{conflict} UPDATE SET {}", sets.join(", ")),
        };
        let is_wanted: Vec<String> = (1..)
            .zip(table.key)
            .map(|(number, column)| format!("{name}.\"{column}\" = wanted.column{number}"))
            .collect();
        let is_wanted = is_wanted.join(" AND ");
        let all = table.columns.iter().map(|column| format!("{name}.\"{}\"", column.name));
        let all = all.collect::<Vec<_>>().join(", ");
        let keys = table.key.len();
        Self {
            table,
            put: BulkInsert::new(&head, columns, &update),
            append: BulkInsert::new(&head, columns, ""),
            read: BulkInsert::new(
                &format!("SELECT {all} FROM ("),
                keys,
                &format!(") AS wanted CROSS JOIN {name} ON {is_wanted}"),
            ),
            delete: BulkInsert::new(
                &format!("DELETE FROM {name} WHERE ({}) IN (", names(table.key.iter().copied())),
                keys,
                ")",
            ),
        }
    }
}

/// Names of columns, quoted: some are words of the language.
fn names(columns: impl Iterator<Item = &'static str>) -> String {
    columns.map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
}
