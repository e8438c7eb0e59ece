//! Lots: the `Batch` node, what it is a lot of and who supplied it, and what was done to it.
//!
//! Events of a lot carry the lot's balance afterwards; nothing is computed here. A corrected origin restates
//! every property that it declares, so that none of the retired one remains.

use foodflow_domain::Quantity;
use foodflow_domain::food_graph::batch::{
    Balance, BatchAdjusted, BatchBarred, BatchEvent, BatchOriginCorrected, BatchOriginated, Origin, Status,
};
use foodflow_domain::food_graph::facts::Item;
use foodflow_domain::ids::BatchId;

use super::event::{Event, float, node, optional_text, text};
use crate::changes::{Change, EdgeType, Label, NodeKey, Properties, Value};

/// Edges that say what a lot is; its own correction restates them.
const ORIGIN_EDGES: &[EdgeType] =
    &[EdgeType::OfProduct, EdgeType::OfIngredient, EdgeType::SuppliedBy, EdgeType::OfSku];

/// What an event of a lot changes.
pub(super) fn batch(event: &Event<'_>, data: BatchEvent, changes: &mut Vec<Change>) {
    match data {
        BatchEvent::Received(data) => originated(event, data, "received", changes),
        BatchEvent::Produced(data) => originated(event, data, "produced", changes),
        BatchEvent::Consumed(data) | BatchEvent::Shipped(data) => {
            changes.push(patch(event, data.batch_id, &data.after, Properties::new()));
        }
        BatchEvent::Sampled(data) => adjusted(event, &data, "sample", changes),
        BatchEvent::Wasted(data) => adjusted(event, &data, "waste", changes),
        BatchEvent::Counted(data) => adjusted(event, &data, "count", changes),
        BatchEvent::Disposed(data) => adjusted(event, &data, "dispose", changes),
        BatchEvent::Held(data) => {
            let bar = barred(&data, ["held_at", "held_reason"]);
            changes.push(patch(event, data.batch_id, &data.after, bar));
        }
        BatchEvent::Released(data) => {
            // Where only some was released, the rest stays held for the reason that it was.
            let lifted = match data.after.status {
                Status::Held => Properties::new(),
                _ => Properties::from([("held_at", None), ("held_reason", None)]),
            };
            changes.push(patch(event, data.batch_id, &data.after, lifted));
        }
        BatchEvent::Recalled(data) => {
            let bar = barred(&data, ["recalled_at", "recall_reason"]);
            changes.push(patch(event, data.batch_id, &data.after, bar));
        }
        BatchEvent::OriginCorrected(data) => origin_corrected(event, data, changes),
        BatchEvent::ConsumptionCorrected(data) | BatchEvent::ShipmentCorrected(data) => {
            changes.push(patch(event, data.batch_id, &data.after, Properties::new()));
        }
    }
}

fn originated(event: &Event<'_>, data: BatchOriginated, how: &str, changes: &mut Vec<Change>) {
    let mut properties = origin_properties(&data.origin);
    properties.extend(balance_properties(&data.after));
    properties.insert("origin", text(how));
    let key = node(Label::Batch, data.batch_id);
    changes.push(event.created(key, properties));
    origin_edges(event, key, &data.origin, changes);
}

fn origin_corrected(event: &Event<'_>, data: BatchOriginCorrected, changes: &mut Vec<Change>) {
    let key = node(Label::Batch, data.batch_id);
    let mut properties = balance_properties(&data.after);
    match &data.restated {
        Some(origin) => properties.extend(origin_properties(origin)),
        None => {
            let nothing = Quantity::zero(data.retired.quantity.unit);
            properties.extend(quantity_properties(nothing));
            properties.extend(remaining_properties(nothing));
            properties.insert("retired_at", Some(Value::Instant(event.envelope.time)));
        }
    }
    changes.push(event.patched(key, properties));
    changes.push(event.retire_from(key, ORIGIN_EDGES));
    if let Some(origin) = &data.restated {
        origin_edges(event, key, origin, changes);
    }
}

fn origin_edges(event: &Event<'_>, lot: NodeKey, origin: &Origin, changes: &mut Vec<Change>) {
    let (item_type, item) = match origin.item {
        Item::Product(id) => (EdgeType::OfProduct, node(Label::Product, id)),
        Item::Ingredient(id) => (EdgeType::OfIngredient, node(Label::Ingredient, id)),
    };
    let supplier = origin.supplier_id.map(|id| (EdgeType::SuppliedBy, node(Label::Supplier, id)));
    let sku = origin.sku_id.map(|id| (EdgeType::OfSku, node(Label::Sku, id)));
    let targets = [Some((item_type, item)), supplier, sku];
    changes.extend(targets.into_iter().flatten().map(|(edge_type, to)| {
        event.edge(edge_type, lot, to, 0, origin.occurred_at).declared_by(origin.document_id).added()
    }));
}

fn adjusted(event: &Event<'_>, data: &BatchAdjusted, kind: &str, changes: &mut Vec<Change>) {
    changes.push(patch(event, data.batch_id, &data.after, Properties::new()));
    let (lot, place) = (node(Label::Batch, data.batch_id), node(Label::Location, data.location_id));
    let edge = event.edge(EdgeType::AdjustedAt, lot, place, 0, data.occurred_at);
    changes.push(edge.with_quantity(data.quantity).with_kind(kind).added());
}

fn barred(data: &BatchBarred, [at, reason]: [&'static str; 2]) -> Properties {
    Properties::from([(at, Some(Value::Instant(data.occurred_at))), (reason, text(&data.reason))])
}

fn patch(event: &Event<'_>, batch_id: BatchId, after: &Balance, besides: Properties) -> Change {
    let mut properties = balance_properties(after);
    properties.extend(besides);
    event.patched(node(Label::Batch, batch_id), properties)
}

fn balance_properties(after: &Balance) -> Properties {
    let mut properties = Properties::from(remaining_properties(after.remaining));
    properties.insert("status", text(after.status.as_str()));
    properties
}

/// The documented float, and beside it the exact decimal that every computation uses.
fn remaining_properties(remaining: Quantity) -> [(&'static str, Option<Value>); 2] {
    [("remaining", float(remaining.value)), ("remaining_exact", text(remaining.value))]
}

fn quantity_properties(quantity: Quantity) -> [(&'static str, Option<Value>); 3] {
    [
        ("quantity", float(quantity.value)),
        ("quantity_exact", text(quantity.value)),
        ("unit", text(quantity.unit)),
    ]
}

/// Every property that an origin declares; those that it does not are removed.
fn origin_properties(origin: &Origin) -> Properties {
    let (product_id, ingredient_id) = match origin.item {
        Item::Product(id) => (text(id), None),
        Item::Ingredient(id) => (None, text(id)),
    };
    let mut properties = Properties::from([
        ("batch_number", text(&origin.batch_number)),
        ("document_id", text(origin.document_id)),
        ("expiry_date", origin.expiry_date.map(Value::Date)),
        ("ingredient_id", ingredient_id),
        ("line", optional_text(origin.line.as_ref())),
        ("location_id", text(origin.location_id)),
        ("occurred_at", Some(Value::Instant(origin.occurred_at))),
        ("product_id", product_id),
        ("production_date", origin.production_date.map(Value::Date)),
        ("sku_id", optional_text(origin.sku_id.as_ref())),
        ("sscc", optional_text(origin.sscc.as_ref())),
        ("supplier_id", optional_text(origin.supplier_id.as_ref())),
    ]);
    properties.extend(quantity_properties(origin.quantity));
    properties
}
