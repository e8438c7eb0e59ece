//! The statements of one table, derived from its description. Columns come as arrays, a variable each.

use std::sync::Arc;

use super::place::Place;
use super::values::{postgres_type, travelling_type};
use crate::tables::description::{Column, Table};

/// What is done to the rows of one table.
#[derive(Debug)]
pub(super) struct TableStatements {
    pub(super) table: &'static Table,
    /// Its name, with its place.
    pub(super) name: String,
    /// Sets rows, whatever was there.
    pub(super) put: Arc<str>,
    /// Adds rows.
    pub(super) append: Arc<str>,
    /// Adds rows whose keys are free.
    pub(super) fill: Arc<str>,
    /// Adds rows that follow as a stream.
    pub(super) copy: Arc<str>,
    /// Removes rows by key.
    pub(super) delete: Arc<str>,
}

impl TableStatements {
    pub(super) fn of(table: &'static Table, place: &Place) -> Self {
        let name = place.name(table.name);
        let all: Vec<&Column> = table.columns.iter().collect();
        let columns = names(table.columns.iter().map(|column| column.name));
        let key = names(table.key.iter().copied());
        let insert = format!("INSERT INTO {name} ({columns}) SELECT {} FROM {}", cast(&all), unnest(&all));
        let sets: Vec<String> =
            table.other_columns().map(|column| format!("\"{0}\" = EXCLUDED.\"{0}\"", column.name)).collect();
        let put = match sets.as_slice() {
            [] => format!("{insert} ON CONFLICT ({key}) DO NOTHING"),
            sets => format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {}", sets.join(", ")),
        };
        let delete = format!(
            "DELETE FROM {name} AS known USING {} WHERE {}",
            unnest(&key_columns(table)),
            matches_key(table)
        );
        Self {
            table,
            name: name.clone(),
            put: put.into(),
            append: insert.as_str().into(),
            fill: format!("{insert} ON CONFLICT ({key}) DO NOTHING").into(),
            copy: format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)").into(),
            delete: delete.into(),
        }
    }
}

/// The statement that removes a tenant's rows that hold a value in this column: the tenant is variable 1, the value 2.
pub(super) fn clear(table: &Table, name: &str, column: &str) -> String {
    format!("DELETE FROM {name} WHERE \"{}\" = $1 AND \"{column}\" = $2", table.tenant)
}

/// The statement that changes rows that exist: sets some columns and adds to others. Its variables are the key, then
/// `set`, then `add`.
pub(super) fn merge(table: &'static Table, name: &str, set: &[&Column], add: &[&Column]) -> String {
    let mut columns = key_columns(table);
    columns.extend_from_slice(set);
    columns.extend_from_slice(add);
    let sets = set.iter().map(|column| format!("\"{}\" = {}", column.name, value_of(column)));
    let adds = add.iter().map(|column| format!("\"{0}\" = known.\"{0}\" + given.\"{0}\"", column.name));
    let changes: Vec<String> = sets.chain(adds).collect();
    format!(
        "UPDATE {name} AS known SET {} FROM {} WHERE {}",
        changes.join(", "),
        unnest(&columns),
        matches_key(table)
    )
}

/// The columns of the key, in its order.
pub(super) fn key_columns(table: &'static Table) -> Vec<&'static Column> {
    table.key_positions().map(|position| &table.columns[position]).collect()
}

fn matches_key(table: &Table) -> String {
    let one = |name: &&str| format!("known.\"{name}\" = given.\"{name}\"");
    table.key.iter().map(one).collect::<Vec<_>>().join(" AND ")
}

/// The arrays of these columns as rows, named `given`.
fn unnest(columns: &[&Column]) -> String {
    let arrays: Vec<String> = (1..)
        .zip(columns)
        .map(|(number, column)| format!("${number}::{}[]", travelling_type(column.column_type)))
        .collect();
    format!("UNNEST({}) AS given ({})", arrays.join(", "), names(columns.iter().map(|column| column.name)))
}

fn cast(columns: &[&Column]) -> String {
    columns.iter().map(|column| value_of(column)).collect::<Vec<_>>().join(", ")
}

/// A column of `given`, as the type of the table.
fn value_of(column: &Column) -> String {
    let (travelling, stored) = (travelling_type(column.column_type), postgres_type(column.column_type));
    match travelling == stored {
        true => format!("given.\"{}\"", column.name),
        false => format!("given.\"{}\"::{stored}", column.name),
    }
}

/// Names of columns, quoted: some are words of the language.
fn names<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    columns.map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
}
