//! An edge as a row.

use foodflow_domain::Quantity;
use foodflow_log::Position;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use uuid::Uuid;

use crate::changes::{Edge, EdgeType, Label, NodeKey, Retirement};
use crate::graph::StoreError;
use crate::sqlite::blob;
use crate::sqlite::error::{corrupt, to_stored};

/// An edge as one JSON array, in the order of [`EdgeRow`]; the table is `edge`.
///
/// One value instead of twenty-one: a value is copied for every column of a row on its way from the thread of the
/// connection, and that would take most of the time of a trace.
macro_rules! edge_json {
    () => {
        "json_array(edge.edge_type, hex(edge.from_id), edge.position, edge.line, hex(edge.id), edge.from_label, \
         edge.to_label, hex(edge.to_id), edge.quantity, edge.unit, edge.percent, edge.kind, \
         hex(edge.document_id), edge.occurred_at, edge.recorded_at, hex(edge.event_id), edge.event_type, \
         edge.retired_position, edge.retired_at, hex(edge.retired_event_id), edge.retired_event_type)"
    };
}
pub(super) use edge_json;

/// Number of columns that [`bind`] gives.
pub(super) const EDGE_COLUMN_COUNT: usize = 21;

/// Binds an edge's columns in the order of [`EdgeRow`].
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

/// What [`edge_json!`] gives. Text is borrowed where it holds no escapes.
#[derive(Deserialize)]
struct EdgeRow<'a> {
    edge_type: &'a str,
    from_id: Uuid,
    position: u64,
    line: u32,
    id: Uuid,
    from_label: &'a str,
    to_label: &'a str,
    to_id: Uuid,
    quantity: Option<&'a str>,
    unit: Option<&'a str>,
    percent: Option<&'a str>,
    kind: Option<String>,
    document_id: &'a str,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    event_id: Uuid,
    event_type: String,
    retired_position: Option<u64>,
    retired_at: Option<Timestamp>,
    retired_event_id: &'a str,
    retired_event_type: Option<String>,
}

/// Reads the edges of a text that holds any number of them, one after the other.
///
/// # Errors
/// `Corrupt` where it is not what [`edge_json!`] gives of what [`bind`] writes.
pub(super) fn read(json: &str, edges: &mut Vec<Edge>) -> Result<(), StoreError> {
    for row in serde_json::Deserializer::from_str(json).into_iter::<EdgeRow<'_>>() {
        let row = row.map_err(|error| corrupt(format!("an edge: {error}")))?;
        let id = row.id;
        edges.push(edge(row).ok_or_else(|| corrupt(format!("the edge {id}")))?);
    }
    Ok(())
}

fn edge(row: EdgeRow<'_>) -> Option<Edge> {
    let quantity = match (row.quantity, row.unit) {
        (Some(value), Some(unit)) => Some(Quantity { value: value.parse().ok()?, unit: unit.parse().ok()? }),
        (None, None) => None,
        _ => return None,
    };
    let retired = match row.retired_position {
        Some(position) => Some(Retirement {
            position: Position(position),
            recorded_at: row.retired_at?,
            event_id: row.retired_event_id.parse().ok()?,
            event_type: row.retired_event_type?,
        }),
        None => None,
    };
    Some(Edge {
        id: row.id,
        edge_type: EdgeType::parse(row.edge_type)?,
        from: NodeKey { label: Label::parse(row.from_label)?, id: row.from_id },
        to: NodeKey { label: Label::parse(row.to_label)?, id: row.to_id },
        quantity,
        percent: row.percent.map(Decimal::from_str_exact).transpose().ok()?,
        kind: row.kind,
        line: row.line,
        // The hexadecimal digits of nothing are no digits.
        document_id: (!row.document_id.is_empty()).then(|| row.document_id.parse()).transpose().ok()?,
        occurred_at: row.occurred_at,
        recorded_at: row.recorded_at,
        position: Position(row.position),
        event_id: row.event_id,
        event_type: row.event_type,
        retired,
    })
}
