//! Receipts, transformations and shipments: where lots came in, what went into what, and where lots went.
//!
//! A transformation mixes all of its inputs into every output: each input line gives one edge per output, with
//! the line's quantity as declared; the edges of one line share its number, and the quantity counts once. A
//! correction retires what the document declared before and states anew what it should have declared.
//!
//! Where a lot was received or made stands in its document: the lot's own correction does not say which of the
//! two it was.

use foodflow_domain::food_graph::facts::{LotQuantity, ReceiptFacts, ShipmentFacts, TransformationFacts};
use foodflow_domain::food_graph::receipt::ReceiptEvent;
use foodflow_domain::food_graph::shipment::ShipmentEvent;
use foodflow_domain::food_graph::transformation::TransformationEvent;
use foodflow_domain::ids::{BatchId, ReceiptId, ShipmentId, TransformationId};
use jiff::Timestamp;

use super::event::{Event, node};
use crate::changes::{Change, EdgeType, Label};

/// A receiving.
pub(super) fn receipt(event: &Event<'_>, data: ReceiptEvent, changes: &mut Vec<Change>) {
    match data {
        ReceiptEvent::Recorded(data) => changes.push(received(event, data.receipt_id, &data.facts)),
        ReceiptEvent::Corrected(data) => {
            changes.push(event.retire_document(data.receipt_id.0, &[EdgeType::ReceivedAt]));
            changes.extend(data.restated.map(|facts| received(event, data.receipt_id, &facts)));
        }
    }
}

fn received(event: &Event<'_>, receipt_id: ReceiptId, facts: &ReceiptFacts) -> Change {
    let lot = node(Label::Batch, facts.batch_id);
    let place = node(Label::Location, facts.location_id);
    let edge = event.edge(EdgeType::ReceivedAt, lot, place, 0, facts.received_at);
    edge.with_quantity(facts.quantity).declared_by(receipt_id.0).added()
}

/// A transformation.
pub(super) fn transformation(event: &Event<'_>, data: TransformationEvent, changes: &mut Vec<Change>) {
    match data {
        TransformationEvent::Recorded(data) => {
            transformed(event, data.transformation_id, &data.facts, changes)
        }
        TransformationEvent::InputsAdded(data) => {
            let outputs = &data.output_batch_ids;
            changes.extend(uses(event, data.transformation_id, &data.inputs, outputs, data.occurred_at));
        }
        TransformationEvent::Corrected(data) => {
            let edge_types = &[EdgeType::UsesIngredient, EdgeType::ProducedAt];
            changes.push(event.retire_document(data.transformation_id.0, edge_types));
            if let Some(facts) = &data.restated {
                transformed(event, data.transformation_id, facts, changes);
            }
        }
    }
}

fn transformed(
    event: &Event<'_>,
    id: TransformationId,
    facts: &TransformationFacts,
    changes: &mut Vec<Change>,
) {
    let place = node(Label::Location, facts.location_id);
    changes.extend(facts.outputs.iter().enumerate().map(|(line, output)| {
        let lot = node(Label::Batch, output.batch_id);
        let edge = event.edge(EdgeType::ProducedAt, lot, place, line, facts.occurred_at);
        edge.with_quantity(output.quantity).declared_by(id.0).added()
    }));
    let outputs: Vec<BatchId> = facts.outputs.iter().map(|output| output.batch_id).collect();
    changes.extend(uses(event, id, &facts.inputs, &outputs, facts.occurred_at));
}

fn uses(
    event: &Event<'_>,
    id: TransformationId,
    inputs: &[LotQuantity],
    outputs: &[BatchId],
    occurred_at: Timestamp,
) -> impl Iterator<Item = Change> {
    inputs.iter().enumerate().flat_map(move |(line, input)| {
        outputs.iter().map(move |output| {
            let (from, to) = (node(Label::Batch, *output), node(Label::Batch, input.batch_id));
            let edge = event.edge(EdgeType::UsesIngredient, from, to, line, occurred_at);
            edge.with_quantity(input.quantity).declared_by(id.0).added()
        })
    })
}

/// A shipping.
pub(super) fn shipment(event: &Event<'_>, data: ShipmentEvent, changes: &mut Vec<Change>) {
    match data {
        ShipmentEvent::Recorded(data) => shipped(event, data.shipment_id, &data.facts, changes),
        ShipmentEvent::Corrected(data) => {
            changes.push(event.retire_document(data.shipment_id.0, &[EdgeType::ShippedTo]));
            if let Some(facts) = &data.restated {
                shipped(event, data.shipment_id, facts, changes);
            }
        }
    }
}

fn shipped(event: &Event<'_>, id: ShipmentId, facts: &ShipmentFacts, changes: &mut Vec<Change>) {
    let consignee = node(Label::Location, facts.to_location_id);
    changes.extend(facts.lines.iter().enumerate().map(|(line, shipped)| {
        let lot = node(Label::Batch, shipped.batch_id);
        let edge = event.edge(EdgeType::ShippedTo, lot, consignee, line, facts.shipped_at);
        edge.with_quantity(shipped.quantity).declared_by(id.0).added()
    }));
}
