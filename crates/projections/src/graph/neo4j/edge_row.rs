//! Edges as rows: what a statement sends and what it answers.
//!
//! Decimals are stored twice: as text, which is what counts, and as a float, for charts and Cypher arithmetic.

use foodflow_domain::{Quantity, TenantId};
use foodflow_log::{Partition, Position};
use neo4rs::{BoltType, Row};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::error::corrupt;
use super::names::{parse_edge_type, parse_label};
use super::node_row::uuid;
use super::value::{MapBuilder, count_to_bolt, instant_from_parts, instant_to_bolt};
use crate::changes::{Edge, Label, NodeKey, Retirement};
use crate::graph::StoreError;

/// Properties that an edge has at most before it is retired.
const PROPERTIES_MAX: usize = 16;

/// The row that makes an edge.
pub(super) fn encode(tenant: TenantId, partition: Partition, edge: &Edge) -> Result<BoltType, StoreError> {
    let mut row = MapBuilder::with_capacity(3);
    row.put("from", edge.from.id.to_string());
    row.put("to", edge.to.id.to_string());
    row.put("set", properties(tenant, partition, edge)?);
    Ok(row.build())
}

fn properties(tenant: TenantId, partition: Partition, edge: &Edge) -> Result<BoltType, StoreError> {
    let mut set = MapBuilder::with_capacity(PROPERTIES_MAX);
    set.put("id", edge.id.to_string());
    set.put("tenant_id", tenant.to_string());
    set.put("partition", i64::from(partition.0));
    if let Some(quantity) = edge.quantity {
        set.put_some("quantity", float(quantity.value));
        set.put("quantity_exact", quantity.value.to_string());
        set.put("unit", quantity.unit.code());
    }
    if let Some(percent) = edge.percent {
        set.put_some("percent", float(percent));
        set.put("percent_exact", percent.to_string());
    }
    set.put_some("kind", edge.kind.as_deref());
    set.put("line", i64::from(edge.line));
    set.put_some("document_id", edge.document_id.map(|id| id.to_string()));
    set.put("occurred_at", instant_to_bolt(edge.occurred_at));
    set.put("recorded_at", instant_to_bolt(edge.recorded_at));
    set.put("position", count_to_bolt(edge.position.0)?);
    set.put("event_id", edge.event_id.to_string());
    set.put("event_type", edge.event_type.as_str());
    if let Some(retirement) = &edge.retired {
        put_retirement(&mut set, retirement)?;
    }
    Ok(set.build())
}

/// The float nearest to a decimal; read from its digits, because a computed conversion may miss it.
fn float(decimal: Decimal) -> Option<f64> {
    decimal.to_string().parse().ok()
}

/// The properties that a retirement adds to an edge.
pub(super) fn retirement(retirement: &Retirement) -> Result<BoltType, StoreError> {
    let mut set = MapBuilder::with_capacity(4);
    put_retirement(&mut set, retirement)?;
    Ok(set.build())
}

fn put_retirement(set: &mut MapBuilder, retirement: &Retirement) -> Result<(), StoreError> {
    set.put("retired_position", count_to_bolt(retirement.position.0)?);
    set.put("retired_at", instant_to_bolt(retirement.recorded_at));
    set.put("retired_event_id", retirement.event_id.to_string());
    set.put("retired_event_type", retirement.event_type.as_str());
    Ok(())
}

/// Follows what binds `(a)-[e]->(b)` in a statement, ahead of [`columns`]. All properties of an edge are read at
/// once: one by one, the server would walk their chain for each.
pub(super) const READ_PROPERTIES: &str = "WITH a, b, e, properties(e) AS p";

/// The column `e` of a statement with [`READ_PROPERTIES`], in the order of [`EdgeColumns`]; `from_labels` and
/// `to_labels` are how the statement knows the labels of `a` and `b`.
pub(super) fn columns(from_labels: &str, to_labels: &str) -> String {
    format!(
        "[type(e), {from_labels}, a.id, {to_labels}, b.id, p.id, \
         p.quantity_exact, p.unit, p.percent_exact, p.kind, p.line, p.document_id, \
         p.occurred_at.epochSeconds, p.occurred_at.nanosecond, \
         p.recorded_at.epochSeconds, p.recorded_at.nanosecond, \
         p.position, p.event_id, p.event_type, \
         p.retired_position, p.retired_at.epochSeconds, p.retired_at.nanosecond, \
         p.retired_event_id, p.retired_event_type] AS e"
    )
}

/// An edge in the order of [`columns`]: a list rather than a map or the relationship itself, because names that
/// repeat in every row take most of the time of a large trace.
#[derive(Deserialize)]
struct EdgeColumns<'a>(
    &'a str,
    Vec<&'a str>,
    &'a str,
    Vec<&'a str>,
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    u32,
    Option<&'a str>,
    i64,
    i32,
    i64,
    i32,
    u64,
    &'a str,
    &'a str,
    Option<u64>,
    Option<i64>,
    Option<i32>,
    Option<&'a str>,
    Option<&'a str>,
);

/// The edge of a row whose column `e` is made by [`columns`].
pub(super) fn decode(row: &Row) -> Result<Edge, StoreError> {
    let EdgeColumns(
        edge_type,
        from_labels,
        from,
        to_labels,
        to,
        id,
        quantity,
        unit,
        percent,
        kind,
        line,
        document_id,
        occurred_seconds,
        occurred_nanoseconds,
        recorded_seconds,
        recorded_nanoseconds,
        position,
        event_id,
        event_type,
        retired_position,
        retired_seconds,
        retired_nanoseconds,
        retired_event_id,
        retired_event_type,
    ) = row.get("e")?;
    let retired = match retired_position {
        None => None,
        Some(position) => Some(Retirement {
            position: Position(position),
            recorded_at: instant_from_parts(
                present("retired_at", retired_seconds)?,
                present("retired_at", retired_nanoseconds)?,
            )?,
            event_id: uuid(present("retired_event_id", retired_event_id)?)?,
            event_type: present("retired_event_type", retired_event_type)?.to_owned(),
        }),
    };
    Ok(Edge {
        id: uuid(id)?,
        edge_type: parse_edge_type(edge_type).ok_or_else(|| corrupt("a relationship of another type"))?,
        from: NodeKey { label: label(&from_labels)?, id: uuid(from)? },
        to: NodeKey { label: label(&to_labels)?, id: uuid(to)? },
        quantity: quantity.map(|value| read_quantity(value, unit)).transpose()?,
        percent: percent.map(decimal).transpose()?,
        kind: kind.map(str::to_owned),
        line,
        document_id: document_id.map(uuid).transpose()?,
        occurred_at: instant_from_parts(occurred_seconds, occurred_nanoseconds)?,
        recorded_at: instant_from_parts(recorded_seconds, recorded_nanoseconds)?,
        position: Position(position),
        event_id: uuid(event_id)?,
        event_type: event_type.to_owned(),
        retired,
    })
}

fn present<T>(name: &str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| corrupt(format_args!("an edge without `{name}`")))
}

/// The documented label among those of a node; people may add labels of their own.
fn label(labels: &[&str]) -> Result<Label, StoreError> {
    labels
        .iter()
        .find_map(|name| parse_label(name))
        .ok_or_else(|| corrupt("an edge at a node of no known label"))
}

fn decimal(text: &str) -> Result<Decimal, StoreError> {
    Decimal::from_str_exact(text).map_err(|error| corrupt(format_args!("a decimal: {error}")))
}

fn read_quantity(value: &str, unit: Option<&str>) -> Result<Quantity, StoreError> {
    let unit = present("unit", unit)?.parse().map_err(|error| corrupt(format_args!("a unit: {error}")))?;
    Ok(Quantity { value: decimal(value)?, unit })
}
