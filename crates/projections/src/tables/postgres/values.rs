//! A value as PostgreSQL holds it: in arrays of a column, as a variable, in a row that is read.

use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgHasArrayType, PgRow, PgTypeInfo, PgValueFormat, PgValueRef,
};
use sqlx::query::Query;
use sqlx::{Decode, Encode, Postgres, Row as _, Type, ValueRef as _};
use uuid::Uuid;

use super::error::{corrupt, unavailable};
use crate::store::StoreError;
use crate::tables::description::{Column, ColumnType, Table};
use crate::tables::row::Row;
use crate::tables::value::{Json, Value, of_microseconds};

/// 2000-01-01T00:00:00Z in microseconds since 1970: instant 0 of PostgreSQL.
const EPOCH_US: i64 = 946_684_800_000_000;

/// The type of a column, as a cast names it.
pub(super) const fn postgres_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Uuid => "uuid",
        ColumnType::Text | ColumnType::Varchar(_) => "text",
        ColumnType::Bool => "boolean",
        ColumnType::Integer => "integer",
        ColumnType::BigInteger => "bigint",
        ColumnType::Decimal => "numeric",
        ColumnType::Instant => "timestamptz",
        ColumnType::Date => "date",
        ColumnType::Json => "jsonb",
    }
}

/// The type in which values of a column travel: those without an exact Rust type of the driver's go as text.
pub(super) const fn travelling_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Date | ColumnType::Json => "text",
        other => postgres_type(other),
    }
}

/// How a column is asked for, so that [`read_row`] can read it.
pub(super) fn shown(column: &Column) -> String {
    match column.column_type {
        ColumnType::Date | ColumnType::Json | ColumnType::Decimal => format!("\"{}\"::text", column.name),
        _ => format!("\"{}\"", column.name),
    }
}

/// An instant of PostgreSQL, in microseconds since 2000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant(pub(super) i64);

impl From<Timestamp> for Instant {
    fn from(instant: Timestamp) -> Self {
        Self(instant.as_microsecond() - EPOCH_US)
    }
}

impl Instant {
    /// The same instant, where it is one.
    pub(super) fn timestamp(self) -> Option<Timestamp> {
        of_microseconds(self.0.checked_add(EPOCH_US)?)
    }
}

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl PgHasArrayType for Instant {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("_timestamptz")
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Instant {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => Ok(Self(i64::from_be_bytes(value.as_bytes()?.try_into()?))),
            PgValueFormat::Text => Err("an instant came as text".into()),
        }
    }
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Binds a value as a variable.
pub(super) fn bind<'q>(statement: Statement<'q>, value: &Value) -> Statement<'q> {
    match value {
        Value::Null => statement.bind(None::<String>),
        Value::Uuid(id) => statement.bind(*id),
        Value::Text(text) => statement.bind(text.clone()),
        Value::Bool(yes) => statement.bind(*yes),
        Value::Integer(number) => statement.bind(*number),
        Value::Decimal(decimal) => statement.bind(*decimal),
        Value::Instant(instant) => statement.bind(Instant::from(*instant)),
        Value::Date(date) => statement.bind(date.to_string()),
        Value::Json(json) => statement.bind(json.as_str().to_owned()),
    }
}

/// Binds the values of one column of many rows, as an array.
///
/// # Errors
/// `Corrupt` where a value is not of the column's type; the values of a checked change are.
pub(super) fn bind_column<'q, 'v>(
    statement: Statement<'q>,
    column: &Column,
    values: impl Iterator<Item = &'v Value>,
) -> Result<Statement<'q>, StoreError> {
    macro_rules! array {
        ($type:ty, $($pattern:pat => $value:expr),*) => {{
            let of = |value: &Value| match value {
                Value::Null => Some(None),
                $($pattern => Some(Some($value)),)*
                _ => None,
            };
            let array: Option<Vec<Option<$type>>> = values.map(of).collect();
            let array = array.ok_or_else(|| corrupt(format!("a value of column {}", column.name)))?;
            Ok(statement.bind(array))
        }};
    }
    match column.column_type {
        ColumnType::Uuid => array!(Uuid, Value::Uuid(id) => *id),
        ColumnType::Text | ColumnType::Varchar(_) => array!(String, Value::Text(text) => text.clone()),
        ColumnType::Bool => array!(bool, Value::Bool(yes) => *yes),
        ColumnType::Integer => {
            array!(i32, Value::Integer(number) => i32::try_from(*number).unwrap_or_default())
        }
        ColumnType::BigInteger => array!(i64, Value::Integer(number) => *number),
        ColumnType::Decimal => array!(Decimal, Value::Decimal(decimal) => *decimal),
        ColumnType::Instant => array!(Instant, Value::Instant(instant) => Instant::from(*instant)),
        ColumnType::Date => array!(String, Value::Date(date) => date.to_string()),
        ColumnType::Json => array!(String, Value::Json(json) => json.as_str().to_owned()),
    }
}

/// Reads a row of `table`, asked for by [`shown`], whose columns begin at `first`.
///
/// # Errors
/// `Corrupt` where a column holds what this program does not write.
pub(super) fn read_row(row: &PgRow, table: &'static Table, first: usize) -> Result<Row, StoreError> {
    let read = |(index, column)| read_value(row, first + index, column, table);
    let values = table.columns.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(Row { table, values })
}

fn read_value(row: &PgRow, index: usize, column: &Column, table: &Table) -> Result<Value, StoreError> {
    if row.try_get_raw(index).map_err(unavailable)?.is_null() {
        return Ok(Value::Null);
    }
    let strange = || corrupt(format!("column {} of table {}", column.name, table.name));
    let text = || row.try_get::<&str, _>(index).map_err(unavailable);
    Ok(match column.column_type {
        ColumnType::Uuid => Value::Uuid(row.try_get(index).map_err(unavailable)?),
        ColumnType::Text | ColumnType::Varchar(_) => Value::Text(text()?.to_owned()),
        ColumnType::Bool => Value::Bool(row.try_get(index).map_err(unavailable)?),
        ColumnType::Integer => Value::Integer(row.try_get::<i32, _>(index).map_err(unavailable)?.into()),
        ColumnType::BigInteger => Value::Integer(row.try_get(index).map_err(unavailable)?),
        ColumnType::Decimal => Value::Decimal(Decimal::from_str_exact(text()?).map_err(|_| strange())?),
        ColumnType::Instant => {
            let instant: Instant = row.try_get(index).map_err(unavailable)?;
            Value::Instant(instant.timestamp().ok_or_else(strange)?)
        }
        ColumnType::Date => Value::Date(text()?.parse().map_err(|_| strange())?),
        ColumnType::Json => Value::Json(Json::parse(text()?).map_err(|_| strange())?),
    })
}
