//! An edge as a row.

use std::str::FromStr;

use foodflow_domain::Quantity;
use foodflow_domain::quantity::Unit;
use rust_decimal::Decimal;
use sqlx::Row as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use uuid::Uuid;

use super::error::{corrupt, from_stored, to_stored, unavailable};
use crate::changes::{Edge, EdgeType, Label, NodeKey, Retirement};
use crate::graph::StoreError;

/// The columns of an edge in the order in which [`read`] takes them and [`bind`] gives them; the table is `edge`.
macro_rules! edge_columns {
    () => {
        "edge.edge_type, edge.from_id, edge.position, edge.line, edge.id, edge.from_label, edge.to_label, \
         edge.to_id, edge.quantity, edge.unit, edge.percent, edge.kind, edge.document_id, edge.occurred_at, \
         edge.recorded_at, edge.event_id, edge.event_type, edge.retired_position, edge.retired_at, \
         edge.retired_event_id, edge.retired_event_type"
    };
}
pub(super) use edge_columns;

/// Number of those columns.
pub(super) const EDGE_COLUMN_COUNT: usize = 21;

/// Binds an edge's columns in their order.
///
/// # Errors
/// `Unavailable` where a position is beyond what SQLite can hold.
pub(super) fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    edge: &Edge,
) -> Result<Query<'q, Sqlite, SqliteArguments>, StoreError> {
    let retired = edge.retired.as_ref();
    let retired_position = retired.map(|retired| to_stored(retired.position)).transpose()?;
    Ok(query
        .bind(edge.edge_type.as_str())
        .bind(blob(edge.from.id))
        .bind(to_stored(edge.position)?)
        .bind(i64::from(edge.line))
        .bind(blob(edge.id))
        .bind(edge.from.label.as_str())
        .bind(edge.to.label.as_str())
        .bind(blob(edge.to.id))
        .bind(edge.quantity.map(|quantity| quantity.value.to_string()))
        .bind(edge.quantity.map(|quantity| quantity.unit.code()))
        .bind(edge.percent.map(|percent| percent.to_string()))
        .bind(edge.kind.clone())
        .bind(edge.document_id.map(blob))
        .bind(edge.occurred_at.to_string())
        .bind(edge.recorded_at.to_string())
        .bind(blob(edge.event_id))
        .bind(edge.event_type.clone())
        .bind(retired_position)
        .bind(retired.map(|retired| retired.recorded_at.to_string()))
        .bind(retired.map(|retired| blob(retired.event_id)))
        .bind(retired.map(|retired| retired.event_type.clone())))
}

/// Reads an edge whose columns begin at `first`.
///
/// # Errors
/// `Corrupt` where a column does not hold what [`bind`] writes.
pub(super) fn read(row: &SqliteRow, first: usize) -> Result<Edge, StoreError> {
    let column = |offset: usize| first + offset;
    let label = |offset| parsed(row, column(offset), Label::parse);
    Ok(Edge {
        edge_type: parsed(row, column(0), EdgeType::parse)?,
        from: NodeKey { label: label(5)?, id: uuid(row, column(1))? },
        position: from_stored(row.try_get(column(2)).map_err(unavailable)?)?,
        line: row.try_get(column(3)).map_err(unavailable)?,
        id: uuid(row, column(4))?,
        to: NodeKey { label: label(6)?, id: uuid(row, column(7))? },
        quantity: quantity(row, column(8))?,
        percent: optional(row, column(10), |text| Decimal::from_str(text).ok())?,
        kind: row.try_get(column(11)).map_err(unavailable)?,
        document_id: optional_uuid(row, column(12))?,
        occurred_at: parsed(row, column(13), |text| text.parse().ok())?,
        recorded_at: parsed(row, column(14), |text| text.parse().ok())?,
        event_id: uuid(row, column(15))?,
        event_type: row.try_get(column(16)).map_err(unavailable)?,
        retired: retirement(row, column(17))?,
    })
}

fn quantity(row: &SqliteRow, first: usize) -> Result<Option<Quantity>, StoreError> {
    let Some(value) = optional(row, first, |text| Decimal::from_str(text).ok())? else { return Ok(None) };
    let unit = parsed(row, first + 1, |code| Unit::from_str(code).ok())?;
    Ok(Some(Quantity { value, unit }))
}

fn retirement(row: &SqliteRow, first: usize) -> Result<Option<Retirement>, StoreError> {
    let position: Option<i64> = row.try_get(first).map_err(unavailable)?;
    let Some(position) = position else { return Ok(None) };
    Ok(Some(Retirement {
        position: from_stored(position)?,
        recorded_at: parsed(row, first + 1, |text| text.parse().ok())?,
        event_id: uuid(row, first + 2)?,
        event_type: row.try_get(first + 3).map_err(unavailable)?,
    }))
}

/// An id as its 16 bytes.
pub(super) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Reads an id.
///
/// # Errors
/// `Corrupt` where the column does not hold 16 bytes.
pub(super) fn uuid(row: &SqliteRow, column: usize) -> Result<Uuid, StoreError> {
    optional_uuid(row, column)?.ok_or_else(|| corrupt(format!("no id in column {column}")))
}

fn optional_uuid(row: &SqliteRow, column: usize) -> Result<Option<Uuid>, StoreError> {
    let bytes: Option<&[u8]> = row.try_get(column).map_err(unavailable)?;
    bytes.map(Uuid::from_slice).transpose().map_err(|error| corrupt(error.to_string()))
}

fn parsed<T>(row: &SqliteRow, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
    let text: &str = row.try_get(column).map_err(unavailable)?;
    parse(text).ok_or_else(|| corrupt(format!("`{text}` in column {column}")))
}

fn optional<T>(
    row: &SqliteRow,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column).map_err(unavailable)?;
    text.map(|text| parse(text).ok_or_else(|| corrupt(format!("`{text}` in column {column}")))).transpose()
}

/// Puts edges into the order of the port: position, line, id.
pub(super) fn sort(edges: &mut [Edge]) {
    edges.sort_unstable_by_key(|edge| (edge.position, edge.line, edge.id));
}
