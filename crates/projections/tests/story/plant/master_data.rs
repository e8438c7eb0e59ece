//! The plant's locations, suppliers, ingredients, products and SKUs.

use foodflow_domain::food_graph::ingredient::{Component, IngredientEvent, IngredientRegistered};
use foodflow_domain::food_graph::location::{Coordinates, LocationEvent, LocationRegistered};
use foodflow_domain::food_graph::product::{ProductEvent, ProductRecipeSet, ProductRegistered, RecipeLine};
use foodflow_domain::food_graph::sku::{SkuEvent, SkuRegistered};
use foodflow_domain::food_graph::supplier::{SupplierCustomerAdded, SupplierEvent, SupplierRegistered};

use crate::story::Story;

/// Locations, suppliers, ingredients, products and SKUs.
pub(crate) fn master_data(story: &mut Story) {
    location(story, "Plant A");
    location(story, "DC-East");
    supplier(story, "Rajkot Mills");
    supplier(story, "SpiceHub");
    let customer_added = SupplierEvent::CustomerAdded(SupplierCustomerAdded {
        supplier_id: story.id("Rajkot Mills").into(),
        customer_id: story.id("SpiceHub").into(),
    });
    story.record(story.id("Rajkot Mills"), &customer_added);
    ingredient(story, "mustard", vec![]);
    let contains = vec![
        Component { ingredient_id: story.id("mustard").into(), percent: Some("12".parse().unwrap()) },
        Component { ingredient_id: story.id("mustard").into(), percent: None },
    ];
    ingredient(story, "dressing", contains);
    product(story);
    recipe(story, "1", &["49.5"]);
    recipe(story, "2", &["40", "9.5"]);
    let sku = SkuEvent::Registered(SkuRegistered {
        sku_id: story.id("salad 400 g").into(),
        product_id: story.id("salad").into(),
        sku_code: "SALAD-400".to_owned(),
        size: "400".to_owned(),
        unit: "GRM".to_owned(),
    });
    story.record(story.id("salad 400 g"), &sku);
}

fn location(story: &mut Story, name: &str) {
    let event = LocationEvent::Registered(LocationRegistered {
        location_id: story.id(name).into(),
        name: name.to_owned(),
        location_type: "plant".to_owned(),
        address: None,
        coordinates: Some(Coordinates { latitude: 51.507_351, longitude: -0.127_758 }),
        gln: Some("9501101020016".to_owned()),
    });
    story.record(story.id(name), &event);
}

fn supplier(story: &mut Story, name: &str) {
    let event = SupplierEvent::Registered(SupplierRegistered {
        supplier_id: story.id(name).into(),
        name: name.to_owned(),
        country: "IN".to_owned(),
        risk_score: Some(0.7),
        certifications: vec!["BRCGS".to_owned()],
        location_id: Some(story.id("DC-East").into()),
    });
    story.record(story.id(name), &event);
}

fn ingredient(story: &mut Story, name: &str, contains: Vec<Component>) {
    let event = IngredientEvent::Registered(IngredientRegistered {
        ingredient_id: story.id(name).into(),
        name: name.to_owned(),
        allergens: vec!["mustard".to_owned()],
        origin_country: Some("IN".to_owned()),
        supplier_ids: vec![story.id("SpiceHub").into()],
        contains,
    });
    story.record(story.id(name), &event);
}

fn product(story: &mut Story) {
    let event = ProductEvent::Registered(ProductRegistered {
        product_id: story.id("salad").into(),
        name: "potato deli salad".to_owned(),
        category: "deli".to_owned(),
        brand: None,
        gtin: Some("09501101020016".to_owned()),
        food_traceability_list: true,
        location_ids: vec![story.id("Plant A").into()],
    });
    story.record(story.id("salad"), &event);
}

fn recipe(story: &mut Story, version: &str, percents: &[&str]) {
    let ingredients = percents
        .iter()
        .map(|percent| RecipeLine {
            ingredient_id: story.id("dressing").into(),
            percent: percent.parse().unwrap(),
        })
        .collect();
    let product_id = story.id("salad").into();
    let event =
        ProductEvent::RecipeSet(ProductRecipeSet { product_id, version: version.to_owned(), ingredients });
    story.record(story.id("salad"), &event);
}
