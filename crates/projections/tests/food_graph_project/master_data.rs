//! Master data: documented properties and edges.

use foodflow_projections::changes::{Change, EdgeType, Label, Value};

use super::{edges, key, merged, text};
use crate::story::{Story, plant, recorded};

fn told() -> (Story, Vec<Change>) {
    let mut story = Story::new();
    plant::master_data(&mut story);
    let changes = story.changes().concat();
    (story, changes)
}

#[test]
fn nodes_have_the_documented_properties() {
    let (story, changes) = told();
    let names = |label, name: &str| {
        let merged = merged(&changes, label, story.id(name));
        merged.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Label::Location, "Plant A"),
        ["coordinates", "created_at", "gln", "name", "type", "updated_at", "version"]
    );
    assert_eq!(
        names(Label::Supplier, "SpiceHub"),
        ["certifications", "country", "created_at", "name", "risk_score", "updated_at", "version"]
    );
    assert_eq!(
        names(Label::Ingredient, "mustard"),
        ["allergens", "created_at", "name", "origin_country", "updated_at", "version"]
    );
    assert_eq!(
        names(Label::Product, "salad"),
        [
            "category",
            "created_at",
            "food_traceability_list",
            "gtin",
            "name",
            "recipe_version",
            "updated_at",
            "version"
        ]
    );
    assert_eq!(
        names(Label::Sku, "salad 400 g"),
        ["created_at", "product_id", "size", "sku_code", "unit", "updated_at", "version"]
    );
    let plant = merged(&changes, Label::Location, story.id("Plant A"));
    assert_eq!(plant["coordinates"], Some(Value::Point(51.507_351, -0.127_758)));
    let supplier = merged(&changes, Label::Supplier, story.id("SpiceHub"));
    assert_eq!(supplier["risk_score"], Some(Value::Float(0.7)));
    assert_eq!(supplier["certifications"], Some(Value::Texts(vec!["BRCGS".to_owned()])));
    let product = merged(&changes, Label::Product, story.id("salad"));
    assert_eq!(product["food_traceability_list"], Some(Value::Bool(true)));
    assert_eq!(product["recipe_version"], text("2"));
    assert_eq!(product["version"], Some(Value::Integer(3)));
    assert_eq!(product["created_at"], Some(Value::Instant(recorded(8))));
    assert_eq!(product["updated_at"], Some(Value::Instant(recorded(10))));
}

#[test]
fn edges_hold_from_when_they_were_recorded() {
    let (story, changes) = told();
    for (edge_type, from, to) in [
        (EdgeType::HasSku, (Label::Product, "salad"), (Label::Sku, "salad 400 g")),
        (EdgeType::ProducedAt, (Label::Product, "salad"), (Label::Location, "Plant A")),
        (EdgeType::SourcedFrom, (Label::Ingredient, "mustard"), (Label::Supplier, "SpiceHub")),
        (EdgeType::SuppliesTo, (Label::Supplier, "Rajkot Mills"), (Label::Supplier, "SpiceHub")),
        (EdgeType::LocatedAt, (Label::Supplier, "Rajkot Mills"), (Label::Location, "DC-East")),
    ] {
        let edge = &edges(&changes, edge_type)[0];
        assert_eq!(edge.from, key(&story, from.0, from.1), "{edge_type:?}");
        assert_eq!(edge.to, key(&story, to.0, to.1), "{edge_type:?}");
        assert_eq!(edge.occurred_at, edge.recorded_at, "{edge_type:?}");
        assert_eq!((edge.line, edge.document_id, edge.quantity), (0, None, None), "{edge_type:?}");
    }
}

#[test]
fn a_composite_ingredient_contains_its_components() {
    let (story, changes) = told();
    let contains: Vec<_> = edges(&changes, EdgeType::Contains)
        .into_iter()
        .filter(|edge| edge.from == key(&story, Label::Ingredient, "dressing"))
        .map(|edge| (edge.to, edge.line, edge.percent.map(|percent| percent.to_string())))
        .collect();
    let mustard = key(&story, Label::Ingredient, "mustard");
    assert_eq!(contains, [(mustard, 0, Some("12".to_owned())), (mustard, 1, None)]);
}

#[test]
fn a_recipe_retires_the_one_before() {
    let mut story = Story::new();
    plant::master_data(&mut story);
    let set = &story.changes()[9];
    let salad = key(&story, Label::Product, "salad");
    assert!(matches!(&set[0], Change::MergeNode { key, .. } if *key == salad));
    let Change::RetireFrom { from, edge_types, retirement } = &set[1] else { panic!("{:?}", set[1]) };
    assert_eq!((*from, *edge_types), (salad, [EdgeType::Contains].as_slice()));
    assert_eq!((retirement.position.0, retirement.recorded_at), (10, recorded(10)));
    assert_eq!(retirement.event_type, "foodflow.food_graph.product.recipe_set.v1");
    let percents: Vec<_> = edges(set, EdgeType::Contains)
        .into_iter()
        .map(|edge| (edge.line, edge.percent.unwrap().to_string(), edge.position.0))
        .collect();
    assert_eq!(percents, [(0, "40".to_owned(), 10), (1, "9.5".to_owned(), 10)]);
}
