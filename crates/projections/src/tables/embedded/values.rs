//! A value as SQLite holds it.

use rust_decimal::Decimal;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Row as _, ValueRef as _};
use uuid::Uuid;

use crate::sqlite::blob;
use crate::sqlite::error::{corrupt, unavailable};
use crate::store::StoreError;
use crate::tables::description::{Column, ColumnType, Table};
use crate::tables::row::Row;
use crate::tables::value::{Json, Value, of_microseconds};

/// The type of a column in a `STRICT` table.
pub(super) const fn sqlite_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Uuid => "BLOB",
        ColumnType::Bool | ColumnType::Integer | ColumnType::BigInteger | ColumnType::Instant => "INTEGER",
        ColumnType::Text
        | ColumnType::Varchar(_)
        | ColumnType::Decimal
        | ColumnType::Date
        | ColumnType::Json => "TEXT",
    }
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Binds a value.
pub(super) fn bind<'q>(statement: Statement<'q>, value: &Value) -> Statement<'q> {
    match value {
        Value::Null => statement.bind(None::<i64>),
        Value::Uuid(id) => statement.bind(blob(*id)),
        Value::Text(text) => statement.bind(text.clone()),
        Value::Bool(yes) => statement.bind(i64::from(*yes)),
        Value::Integer(number) => statement.bind(*number),
        Value::Decimal(decimal) => statement.bind(decimal.to_string()),
        Value::Instant(instant) => statement.bind(instant.as_microsecond()),
        Value::Date(date) => statement.bind(date.to_string()),
        Value::Json(json) => statement.bind(json.as_str().to_owned()),
    }
}

/// Reads a row of `table` whose columns begin at `first`.
///
/// # Errors
/// `Corrupt` where a column holds what this program does not write.
pub(super) fn read_row(row: &SqliteRow, table: &'static Table, first: usize) -> Result<Row, StoreError> {
    let read = |(index, column)| read_value(row, first + index, column, table);
    let values = table.columns.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(Row { table, values })
}

fn read_value(row: &SqliteRow, index: usize, column: &Column, table: &Table) -> Result<Value, StoreError> {
    let raw = row.try_get_raw(index).map_err(unavailable)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let strange = || corrupt(format!("column {} of table {}", column.name, table.name));
    let integer = || row.try_get::<i64, _>(index).map_err(unavailable);
    let text = || row.try_get::<&str, _>(index).map_err(unavailable);
    Ok(match column.column_type {
        ColumnType::Uuid => {
            let bytes: &[u8] = row.try_get(index).map_err(unavailable)?;
            Value::Uuid(Uuid::from_slice(bytes).map_err(|_| strange())?)
        }
        ColumnType::Text | ColumnType::Varchar(_) => Value::Text(text()?.to_owned()),
        ColumnType::Bool => Value::Bool(integer()? != 0),
        ColumnType::Integer | ColumnType::BigInteger => Value::Integer(integer()?),
        ColumnType::Decimal => Value::Decimal(Decimal::from_str_exact(text()?).map_err(|_| strange())?),
        ColumnType::Instant => Value::Instant(of_microseconds(integer()?).ok_or_else(strange)?),
        ColumnType::Date => Value::Date(text()?.parse().map_err(|_| strange())?),
        ColumnType::Json => Value::Json(Json::parse(text()?).map_err(|_| strange())?),
    })
}
