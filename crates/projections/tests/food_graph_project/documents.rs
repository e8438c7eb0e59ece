//! Receipts, transformations and shipments.

use foodflow_domain::Unit;
use foodflow_domain::food_graph::receipt::{ReceiptCorrected, ReceiptEvent};
use foodflow_domain::food_graph::shipment::{ShipmentCorrected, ShipmentEvent};
use foodflow_domain::food_graph::transformation::{TransformationCorrected, TransformationEvent};
use foodflow_projections::changes::{Change, EdgeType, Label};
use uuid::Uuid;

use super::{edges, key};
use crate::story::plant::{self, amount};
use crate::story::{Story, recorded, time};

fn told() -> Story {
    let mut story = Story::new();
    plant::lots(&mut story);
    story
}

/// What is retired: the document and the types.
fn retired(changes: &[Change]) -> Option<(Uuid, &'static [EdgeType])> {
    changes.iter().find_map(|change| match change {
        Change::RetireDocument { document_id, edge_types, .. } => Some((*document_id, *edge_types)),
        _ => None,
    })
}

#[test]
fn a_receipt_says_where_the_lot_came_in() {
    let story = told();
    let changes = &story.changes()[1];
    let [edge] = <[_; 1]>::try_from(edges(changes, EdgeType::ReceivedAt)).unwrap();
    assert_eq!(edge.from, key(&story, Label::Batch, "MP-0417"));
    assert_eq!(edge.to, key(&story, Label::Location, "Plant A"));
    assert_eq!(edge.quantity, Some(amount("30", Unit::Kgm)));
    assert_eq!(edge.document_id, Some(story.id("receipt")));
    assert_eq!((edge.occurred_at, edge.recorded_at), (time("2026-03-02T07:30:00Z"), recorded(2)));
    assert_eq!(changes.len(), 1);
}

#[test]
fn a_corrected_receipt_retires_and_restates() {
    let mut story = told();
    let corrected = |restated| ReceiptCorrected {
        receipt_id: Uuid::from_u128(9).into(),
        reason: "typing error".to_owned(),
        retired: plant::mustard_receipt(&story, "30"),
        restated,
    };
    let restated = corrected(Some(plant::mustard_receipt(&story, "300")));
    let withdrawn = corrected(None);
    story.record(Uuid::from_u128(9), &ReceiptEvent::Corrected(restated));
    let changes = story.last_changes();
    assert_eq!(retired(&changes), Some((Uuid::from_u128(9), [EdgeType::ReceivedAt].as_slice())));
    assert_eq!(edges(&changes, EdgeType::ReceivedAt)[0].quantity, Some(amount("300", Unit::Kgm)));
    story.record(Uuid::from_u128(9), &ReceiptEvent::Corrected(withdrawn));
    assert_eq!(story.last_changes().len(), 1);
}

#[test]
fn every_input_line_goes_into_every_output() {
    let story = told();
    let changes = &story.changes()[3];
    let uses: Vec<_> = edges(changes, EdgeType::UsesIngredient)
        .into_iter()
        .map(|edge| {
            assert_eq!(edge.to, key(&story, Label::Batch, "MP-0417"));
            assert_eq!(edge.document_id, Some(story.id("packing")));
            assert_eq!(edge.occurred_at, time("2026-03-07T06:00:00Z"));
            (edge.from, edge.line, edge.quantity.unwrap().value.to_string())
        })
        .collect();
    let [first, second] = ["DS-1001", "DS-1002"].map(|name| key(&story, Label::Batch, name));
    let (twelve, more) = ("12".to_owned(), "6.5".to_owned());
    assert_eq!(
        uses,
        [(first, 0, twelve.clone()), (second, 0, twelve), (first, 1, more.clone()), (second, 1, more)]
    );

    let made: Vec<_> = edges(changes, EdgeType::ProducedAt)
        .into_iter()
        .map(|edge| (edge.from, edge.to, edge.line, edge.quantity.unwrap()))
        .collect();
    let place = key(&story, Label::Location, "Plant A");
    let cases = |cases| amount(cases, Unit::Cs);
    assert_eq!(made, [(first, place, 0, cases("200")), (second, place, 1, cases("160"))]);
}

#[test]
fn inputs_told_late_have_their_own_time_and_lines() {
    let mut story = told();
    let added = plant::inputs_added(&story);
    story.record(story.id("packing"), &TransformationEvent::InputsAdded(added));
    let changes = story.last_changes();
    let uses: Vec<_> = edges(&changes, EdgeType::UsesIngredient)
        .into_iter()
        .map(|edge| (edge.from, edge.line, edge.occurred_at, edge.document_id))
        .collect();
    let late = |name| {
        let document = Some(story.id("packing"));
        (key(&story, Label::Batch, name), 0, time("2026-03-09T16:20:00Z"), document)
    };
    assert_eq!(uses, [late("DS-1001"), late("DS-1002")]);
    assert_eq!(changes.len(), 2);
}

#[test]
fn a_corrected_transformation_retires_all_that_it_declared() {
    let mut story = told();
    let corrected = |restated| TransformationCorrected {
        transformation_id: story.id("packing").into(),
        reason: "other lot".to_owned(),
        retired: plant::packing(&story, &["12", "6.5"]),
        restated,
        yield_percent: None,
    };
    let (restated, withdrawn) = (corrected(Some(plant::packing(&story, &["11"]))), corrected(None));
    let id = story.id("packing");
    story.record(id, &TransformationEvent::Corrected(restated));
    let changes = story.last_changes();
    let types = [EdgeType::UsesIngredient, EdgeType::ProducedAt].as_slice();
    assert_eq!(retired(&changes), Some((id, types)));
    let amounts: Vec<_> =
        edges(&changes, EdgeType::UsesIngredient).iter().map(|edge| edge.quantity).collect();
    assert_eq!(amounts, [Some(amount("11", Unit::Kgm)); 2]);
    assert_eq!(edges(&changes, EdgeType::ProducedAt).len(), 2);
    story.record(id, &TransformationEvent::Corrected(withdrawn));
    assert_eq!(retired(&story.last_changes()), Some((id, types)));
    assert_eq!(story.last_changes().len(), 1);
}

#[test]
fn a_shipment_has_one_edge_to_a_line() {
    let mut story = told();
    let shipped = |changes: &[Change]| {
        edges(changes, EdgeType::ShippedTo)
            .into_iter()
            .map(|edge| (edge.to.id, edge.line, edge.quantity.unwrap().value.to_string(), edge.occurred_at))
            .collect::<Vec<_>>()
    };
    let at = time("2026-03-08T05:00:00Z");
    let consignee = story.id("DC-East");
    let changes = &story.changes()[7];
    assert_eq!(shipped(changes), [(consignee, 0, "120".to_owned(), at), (consignee, 1, "60".to_owned(), at)]);
    let corrected = ShipmentEvent::Corrected(ShipmentCorrected {
        shipment_id: story.id("shipment").into(),
        reason: "one line too many".to_owned(),
        retired: plant::shipment(&story, &["120", "60"]),
        restated: Some(plant::shipment(&story, &["120"])),
    });
    story.record(story.id("shipment"), &corrected);
    let changes = story.last_changes();
    assert_eq!(retired(&changes), Some((story.id("shipment"), [EdgeType::ShippedTo].as_slice())));
    assert_eq!(shipped(&changes), [(consignee, 0, "120".to_owned(), at)]);
}
