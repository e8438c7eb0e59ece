//! Lots: what they are, what was done to them, and what becomes of a corrected one.

use foodflow_domain::Unit;
use foodflow_domain::food_graph::batch::{
    BatchAdjusted, BatchBarred, BatchEvent, BatchOriginCorrected, Status,
};
use foodflow_domain::food_graph::facts::Item;
use foodflow_projections::changes::{Change, EdgeType, Label, Value};

use super::{edges, key, merged, text};
use crate::story::plant::{self, amount, balance};
use crate::story::{Story, recorded, time};

/// The changes that each event of `lots` makes, by index.
fn told() -> (Story, Vec<Vec<Change>>) {
    let mut story = Story::new();
    plant::lots(&mut story);
    let changes = story.changes();
    (story, changes)
}

/// What an event of the mustard lot changes.
fn changed_by(event: impl FnOnce(&Story) -> BatchEvent) -> (Story, Vec<Change>) {
    let (mut story, _) = told();
    let event = event(&story);
    story.record(story.id("MP-0417"), &event);
    let changes = story.last_changes();
    (story, changes)
}

#[test]
fn a_received_lot_has_every_documented_property() {
    let (story, changes) = told();
    let lot = merged(&changes[2], Label::Batch, story.id("MP-0417"));
    let expected = [
        ("batch_number", text("MP-0417")),
        ("created_at", Some(Value::Instant(recorded(3)))),
        ("document_id", text(story.id("receipt"))),
        ("expiry_date", Some(Value::Date("2027-03-01".parse().unwrap()))),
        ("ingredient_id", text(story.id("mustard"))),
        ("location_id", text(story.id("Plant A"))),
        ("occurred_at", Some(Value::Instant(time("2026-03-02T07:30:00Z")))),
        ("origin", text("received")),
        ("quantity", Some(Value::Float(30.0))),
        ("quantity_exact", text("30")),
        ("remaining", Some(Value::Float(30.0))),
        ("remaining_exact", text("30")),
        ("sscc", text("SSCC-1")),
        ("status", text("available")),
        ("supplier_id", text(story.id("SpiceHub"))),
        ("unit", text("KGM")),
        ("updated_at", Some(Value::Instant(recorded(3)))),
        ("version", Some(Value::Integer(1))),
    ];
    assert_eq!(lot.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_lot_is_of_an_item_and_by_a_supplier() {
    let (story, changes) = told();
    let ends = |changes: &[Change], edge_type| {
        edges(changes, edge_type).iter().map(|edge| (edge.to, edge.document_id)).collect::<Vec<_>>()
    };
    let (receipt, packing) = (Some(story.id("receipt")), Some(story.id("packing")));
    let mustard = key(&story, Label::Ingredient, "mustard");
    assert_eq!(ends(&changes[2], EdgeType::OfIngredient), [(mustard, receipt)]);
    let supplier = key(&story, Label::Supplier, "SpiceHub");
    assert_eq!(ends(&changes[2], EdgeType::SuppliedBy), [(supplier, receipt)]);
    assert!(ends(&changes[2], EdgeType::OfProduct).is_empty());
    assert!(ends(&changes[2], EdgeType::OfSku).is_empty());

    let salad = key(&story, Label::Product, "salad");
    assert_eq!(ends(&changes[4], EdgeType::OfProduct), [(salad, packing)]);
    let sku = key(&story, Label::Sku, "salad 400 g");
    assert_eq!(ends(&changes[4], EdgeType::OfSku), [(sku, packing)]);
    let produced = merged(&changes[4], Label::Batch, story.id("DS-1001"));
    assert_eq!((&produced["origin"], &produced["line"]), (&text("produced"), &text("Line-1")));
    assert_eq!(produced["production_date"], Some(Value::Date("2026-03-07".parse().unwrap())));
    assert_eq!(edges(&changes[4], EdgeType::OfProduct)[0].occurred_at, time("2026-03-07T06:00:00Z"));
}

#[test]
fn later_events_patch_the_balance_alone() {
    let (story, changes) = told();
    let consumed = merged(&changes[6], Label::Batch, story.id("MP-0417"));
    let expected = [
        ("remaining", Some(Value::Float(11.5))),
        ("remaining_exact", text("11.5")),
        ("status", text("available")),
        ("updated_at", Some(Value::Instant(recorded(7)))),
        ("version", Some(Value::Integer(2))),
    ];
    assert_eq!(consumed.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(changes[6].len(), 1);
}

#[test]
fn bars_keep_their_reason_until_they_are_lifted() {
    let lot = |event: fn(BatchBarred) -> BatchEvent, status| {
        let (story, changes) = changed_by(|story| event(plant::barred(story, status)));
        merged(&changes, Label::Batch, story.id("MP-0417"))
    };
    let held = lot(BatchEvent::Held, Status::Held);
    assert_eq!((&held["status"], &held["held_reason"]), (&text("held"), &text("peanut")));
    assert_eq!(held["held_at"], Some(Value::Instant(time("2026-03-10T08:17:00Z"))));
    let released = lot(BatchEvent::Released, Status::Available);
    assert_eq!((&released["held_reason"], &released["held_at"]), (&None, &None));
    let partly = lot(BatchEvent::Released, Status::Held);
    assert!(!partly.contains_key("held_reason"));
    let recalled = lot(BatchEvent::Recalled, Status::Recalled);
    assert_eq!((&recalled["status"], &recalled["recall_reason"]), (&text("recalled"), &text("peanut")));
}

#[test]
fn adjustments_are_edges_with_their_kind() {
    type Adjusted = fn(BatchAdjusted) -> BatchEvent;
    let kinds: [(Adjusted, &str); 4] = [
        (BatchEvent::Sampled, "sample"),
        (BatchEvent::Wasted, "waste"),
        (BatchEvent::Counted, "count"),
        (BatchEvent::Disposed, "dispose"),
    ];
    for (event, kind) in kinds {
        let (story, changes) = changed_by(|story| event(plant::adjusted(story, "0.5", "11")));
        let [edge] = <[_; 1]>::try_from(edges(&changes, EdgeType::AdjustedAt)).unwrap();
        assert_eq!(edge.kind.as_deref(), Some(kind));
        assert_eq!(edge.quantity, Some(amount("0.5", Unit::Kgm)));
        assert_eq!(edge.occurred_at, time("2026-03-10T12:00:00Z"));
        assert_eq!(edge.from, key(&story, Label::Batch, "MP-0417"));
        assert_eq!(edge.to, key(&story, Label::Location, "Plant A"));
        let lot = merged(&changes, Label::Batch, story.id("MP-0417"));
        assert_eq!(lot["remaining_exact"], text("11"), "{kind}");
    }
}

#[test]
fn a_corrected_origin_restates_everything_and_leaves_nothing_behind() {
    let (story, changes) = changed_by(|story| {
        let mut restated = plant::mustard_origin(story, "300");
        restated.supplier_id = None;
        restated.sscc = None;
        restated.item = Item::Product(story.id("salad").into());
        BatchEvent::OriginCorrected(BatchOriginCorrected {
            batch_id: story.id("MP-0417").into(),
            reason: "another item".to_owned(),
            retired: plant::mustard_origin(story, "30"),
            restated: Some(restated),
            after: balance("281.5", Status::Available),
        })
    });
    let lot = merged(&changes, Label::Batch, story.id("MP-0417"));
    for name in ["ingredient_id", "supplier_id", "sscc", "sku_id", "line", "production_date"] {
        assert_eq!(lot[name], None, "{name}");
    }
    assert_eq!(lot["product_id"], text(story.id("salad")));
    assert_eq!((&lot["quantity_exact"], &lot["remaining_exact"]), (&text("300"), &text("281.5")));
    for untouched in ["created_at", "origin", "retired_at"] {
        assert!(!lot.contains_key(untouched), "{untouched}");
    }
    let retired = changes.iter().find_map(|change| match change {
        Change::RetireFrom { from, edge_types, .. } => Some((*from, *edge_types)),
        _ => None,
    });
    let types = [EdgeType::OfProduct, EdgeType::OfIngredient, EdgeType::SuppliedBy, EdgeType::OfSku];
    assert_eq!(retired, Some((key(&story, Label::Batch, "MP-0417"), types.as_slice())));
    assert_eq!(edges(&changes, EdgeType::OfProduct).len(), 1);
    assert!(edges(&changes, EdgeType::OfIngredient).is_empty());
    assert!(edges(&changes, EdgeType::SuppliedBy).is_empty());
}

#[test]
fn a_lot_that_never_was_is_empty_and_says_since_when() {
    let (story, changes) = changed_by(|story| {
        BatchEvent::OriginCorrected(BatchOriginCorrected {
            batch_id: story.id("MP-0417").into(),
            reason: "recorded twice".to_owned(),
            retired: plant::mustard_origin(story, "30"),
            restated: None,
            after: balance("0", Status::Consumed),
        })
    });
    let lot = merged(&changes, Label::Batch, story.id("MP-0417"));
    let nothing = (&Some(Value::Float(0.0)), &text("0"));
    assert_eq!((&lot["quantity"], &lot["quantity_exact"]), nothing);
    assert_eq!((&lot["remaining"], &lot["remaining_exact"]), nothing);
    assert_eq!(lot["retired_at"], Some(Value::Instant(recorded(story.messages.len() as u64))));
    assert_eq!(lot["status"], text("consumed"));
    assert_eq!(changes.iter().filter(|change| matches!(change, Change::MergeEdge(_))).count(), 0);
}
