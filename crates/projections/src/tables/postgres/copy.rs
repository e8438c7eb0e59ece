//! Rows in PostgreSQL's binary COPY format.

use jiff::civil::Date;
use rust_decimal::Decimal;
use sqlx::Encode as _;
use sqlx::postgres::PgArgumentBuffer;

use super::error::corrupt;
use super::values::Instant;
use crate::store::StoreError;
use crate::tables::description::ColumnType;
use crate::tables::row::Row;
use crate::tables::value::Value;

/// What the stream begins with: a signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Version of `jsonb`'s binary form.
const JSONB_VERSION: u8 = 1;
/// Day 0 of PostgreSQL.
const EPOCH: Date = Date::constant(2000, 1, 1);

/// The stream that adds these rows.
///
/// # Errors
/// `Corrupt` where a value is not of its column's type; the values of a checked change are.
pub(super) fn stream(rows: &[Row]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(HEADER.len() + rows.len() * 160);
    bytes.extend_from_slice(HEADER);
    for row in rows {
        let columns = i16::try_from(row.values.len()).map_err(|error| corrupt(error.to_string()))?;
        bytes.extend_from_slice(&columns.to_be_bytes());
        for (column, value) in row.table.columns.iter().zip(&row.values) {
            write(&mut bytes, column.column_type, value)
                .ok_or_else(|| corrupt(format!("a value of column {}", column.name)))?;
        }
    }
    bytes.extend_from_slice(&TRAILER);
    Ok(bytes)
}

/// Writes a value behind its length; `None` where it is not of the type.
fn write(bytes: &mut Vec<u8>, column_type: ColumnType, value: &Value) -> Option<()> {
    if *value == Value::Null {
        bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        return Some(());
    }
    let length_at = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    match (column_type, value) {
        (ColumnType::Uuid, Value::Uuid(id)) => bytes.extend_from_slice(id.as_bytes()),
        (ColumnType::Text | ColumnType::Varchar(_), Value::Text(text)) => {
            bytes.extend_from_slice(text.as_bytes());
        }
        (ColumnType::Bool, Value::Bool(yes)) => bytes.push(u8::from(*yes)),
        (ColumnType::Integer, Value::Integer(number)) => {
            bytes.extend_from_slice(&i32::try_from(*number).ok()?.to_be_bytes());
        }
        (ColumnType::BigInteger, Value::Integer(number)) => bytes.extend_from_slice(&number.to_be_bytes()),
        (ColumnType::Decimal, Value::Decimal(decimal)) => write_decimal(bytes, *decimal)?,
        (ColumnType::Instant, Value::Instant(instant)) => {
            bytes.extend_from_slice(&Instant::from(*instant).0.to_be_bytes());
        }
        (ColumnType::Date, Value::Date(date)) => {
            let days = date.duration_since(EPOCH).as_hours() / 24;
            bytes.extend_from_slice(&i32::try_from(days).ok()?.to_be_bytes());
        }
        (ColumnType::Json, Value::Json(json)) => {
            bytes.push(JSONB_VERSION);
            bytes.extend_from_slice(json.as_str().as_bytes());
        }
        _ => return None,
    }
    let length = i32::try_from(bytes.len() - length_at - 4).ok()?;
    bytes[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    Some(())
}

/// The driver's own form of a decimal.
fn write_decimal(bytes: &mut Vec<u8>, decimal: Decimal) -> Option<()> {
    let mut buffer = PgArgumentBuffer::default();
    let _ = decimal.encode_by_ref(&mut buffer).ok()?;
    bytes.extend_from_slice(&buffer);
    Some(())
}
