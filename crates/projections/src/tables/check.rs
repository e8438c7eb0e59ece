//! Whether a change fits its table: looked at before any store sees it, so that every store takes what one takes.

use foodflow_domain::TenantId;
use jiff::Timestamp;

use super::change::TableChange;
use super::description::{Column, ColumnType, Table};
use super::row::Row;
use super::value::Value;

/// Earliest instant that PostgreSQL can hold, in seconds since 1970: noon of 4714-11-24 BC is its day 0.
const INSTANT_S_MIN: i64 = -210_866_803_200;

/// What is wrong with a change that an event of `tenant` makes; it says nothing of the data.
///
/// # Errors
/// The defect, with the column where there is one.
pub fn check(change: &TableChange, tenant: TenantId) -> Result<(), String> {
    let table = change.table();
    match change {
        TableChange::Upsert(row) | TableChange::Append(row) => check_row(row)?,
        TableChange::Add { row, sum, replace } => {
            check_row(row)?;
            let is_sum = |column: &Column| column.column_type == ColumnType::Decimal && !column.nullable;
            if !is_sum(changeable(table, sum)?) {
                return Err(in_column(sum, "is no decimal that can be added to"));
            }
            for column in *replace {
                changeable(table, column)?;
            }
        }
        TableChange::Patch { key, columns, .. } => {
            check_key(table, key)?;
            for (name, value) in columns {
                check_value(changeable(table, name)?, value)?;
            }
        }
        TableChange::Delete { key, .. } => check_key(table, key)?,
        TableChange::DeleteAll { tenant: of, column, value, .. } => {
            let found = table.key_positions().map(|position| &table.columns[position]);
            let found = found.into_iter().find(|one| one.name == *column);
            check_value(found.ok_or_else(|| in_column(column, "is no part of the key"))?, value)?;
            return if *of == tenant { Ok(()) } else { Err(not_the_tenant(table)) };
        }
    }
    let of_tenant = table.key.iter().position(|name| *name == table.tenant);
    let key = change.key().unwrap_or_default();
    match of_tenant.and_then(|position| key.get(position)) {
        Some(Value::Uuid(id)) if *id == tenant.0 => Ok(()),
        _ => Err(not_the_tenant(table)),
    }
}

fn not_the_tenant(table: &Table) -> String {
    in_column(table.tenant, "is not the event's tenant")
}

fn in_column(name: &str, defect: &str) -> String {
    format!("column {name} {defect}")
}

/// The column of this name that is no part of the key.
fn changeable<'a>(table: &'a Table, name: &str) -> Result<&'a Column, String> {
    let column = table.position_of(name).map(|position| &table.columns[position]);
    let column = column.ok_or_else(|| in_column(name, "does not exist"))?;
    if table.key.contains(&column.name) { Err(in_column(name, "is part of the key")) } else { Ok(column) }
}

fn check_row(row: &Row) -> Result<(), String> {
    if row.values.len() != row.table.columns.len() {
        return Err(format!("a row has {} values", row.values.len()));
    }
    row.table.columns.iter().zip(&row.values).try_for_each(|(column, value)| check_value(column, value))
}

fn check_key(table: &Table, key: &[Value]) -> Result<(), String> {
    if key.len() != table.key.len() {
        return Err(format!("a key has {} values", key.len()));
    }
    let columns = table.key_positions().map(|position| &table.columns[position]);
    columns.zip(key).try_for_each(|(column, value)| check_value(column, value))
}

fn check_value(column: &Column, value: &Value) -> Result<(), String> {
    let name = column.name;
    match (column.column_type, value) {
        (_, Value::Null) if column.nullable => Ok(()),
        (_, Value::Null) => Err(in_column(name, "is missing")),
        (ColumnType::Text | ColumnType::Varchar(_), Value::Text(text)) if text.contains('\0') => {
            Err(in_column(name, "holds a NUL"))
        }
        (ColumnType::Varchar(characters), Value::Text(text)) => {
            let found = text.chars().count();
            if found > characters as usize {
                return Err(in_column(name, &format!("has {found} characters, of {characters} at most")));
            }
            Ok(())
        }
        (ColumnType::Integer, Value::Integer(number)) if i32::try_from(*number).is_err() => {
            Err(in_column(name, "is beyond 32 bits"))
        }
        (ColumnType::Instant, Value::Instant(instant)) => check_instant(name, *instant),
        (ColumnType::Json, Value::Json(json)) if json.as_str().contains("\\u0000") => {
            Err(in_column(name, "holds a NUL"))
        }
        (ColumnType::Uuid, Value::Uuid(_))
        | (ColumnType::Text, Value::Text(_))
        | (ColumnType::Bool, Value::Bool(_))
        | (ColumnType::Integer | ColumnType::BigInteger, Value::Integer(_))
        | (ColumnType::Decimal, Value::Decimal(_))
        | (ColumnType::Date, Value::Date(_))
        | (ColumnType::Json, Value::Json(_)) => Ok(()),
        _ => Err(in_column(name, "has a value of another type")),
    }
}

fn check_instant(name: &str, instant: Timestamp) -> Result<(), String> {
    if instant.as_second() < INSTANT_S_MIN {
        return Err(in_column(name, "lies before any instant that can be stored"));
    }
    if !instant.subsec_nanosecond().unsigned_abs().is_multiple_of(1_000) {
        return Err(in_column(name, "is finer than a microsecond"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::tables::TableRow as _;

    crate::table! {
        /// A note.
        struct Note in "notes" {
            tenant_id: Uuid,
            id: Uuid,
            title: String [5],
            count: i32,
            total: Decimal,
            made_at: Option<Timestamp>,
        }
        key: ["tenant_id", "id"], tenant: "tenant_id",
    }

    fn note() -> Note {
        let tenant_id = Uuid::from_u128(1);
        let (id, title) = (Uuid::from_u128(2), "ünïts".to_owned());
        Note { tenant_id, id, title, count: 1, total: Decimal::ONE, made_at: None }
    }

    fn defect(change: &TableChange) -> Option<String> {
        check(change, TenantId(Uuid::from_u128(1))).err()
    }

    fn patch(column: &'static str, value: Value) -> TableChange {
        let table = Note::TABLE;
        TableChange::Patch { table, key: note().into_row().key(), columns: vec![(column, value)] }
    }

    fn delete_all(tenant: u128, column: &'static str, value: Value) -> TableChange {
        let tenant = TenantId(Uuid::from_u128(tenant));
        TableChange::DeleteAll { table: Note::TABLE, tenant, column, value }
    }

    #[test]
    fn what_fits_is_taken() {
        let row = || note().into_row();
        let changes = [
            TableChange::Upsert(row()),
            TableChange::Append(row()),
            TableChange::Add { row: row(), sum: "total", replace: &["count"] },
            TableChange::Delete { table: Note::TABLE, key: row().key() },
            delete_all(1, "id", Value::Uuid(Uuid::nil())),
            patch("made_at", Value::Null),
            patch("made_at", Value::Instant(Timestamp::from_second(INSTANT_S_MIN).unwrap())),
        ];
        for change in changes {
            assert_eq!(defect(&change), None, "{change:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_by_column() {
        let text = |text: &str| Value::Text(text.to_owned());
        let early = Timestamp::from_second(INSTANT_S_MIN - 1).unwrap();
        let cases = [
            (patch("title", text("sixsix")), "column title has 6 characters, of 5 at most"),
            (patch("title", text("a\0")), "column title holds a NUL"),
            (patch("title", Value::Null), "column title is missing"),
            (patch("title", Value::Integer(1)), "column title has a value of another type"),
            (patch("count", Value::Integer(1 << 31)), "column count is beyond 32 bits"),
            (
                patch("made_at", Value::Instant(early)),
                "column made_at lies before any instant that can be stored",
            ),
            (patch("name", Value::Null), "column name does not exist"),
            (patch("id", Value::Uuid(Uuid::nil())), "column id is part of the key"),
            (
                TableChange::Add { row: note().into_row(), sum: "count", replace: &[] },
                "column count is no decimal that can be added to",
            ),
            (
                TableChange::Upsert(Note { tenant_id: Uuid::from_u128(9), ..note() }.into_row()),
                "column tenant_id is not the event's tenant",
            ),
            (TableChange::Delete { table: Note::TABLE, key: vec![] }, "a key has 0 values"),
            (delete_all(1, "title", text("a")), "column title is no part of the key"),
            (delete_all(1, "id", text("a")), "column id has a value of another type"),
            (delete_all(9, "id", Value::Uuid(Uuid::nil())), "column tenant_id is not the event's tenant"),
        ];
        for (change, expected) in cases {
            assert_eq!(defect(&change).as_deref(), Some(expected));
        }
    }
}
