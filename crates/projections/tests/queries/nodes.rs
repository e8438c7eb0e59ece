//! Nodes with their properties and relations, and pages of them.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::food_graph::queries::nodes::{
    self, BatchFilters, IngredientFilters, LocationFilters, PageRequest, ProductFilters, SkuFilters,
    SupplierFilters,
};
use foodflow_projections::graph::{Checkpoint, GraphStore};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::world::{World, at, id, ingredient, open};
use crate::story::{Story, plant, recorded};

const FIRST: PageRequest = PageRequest { after: None, size: 100 };

/// The plant's story in a store.
async fn told() -> (Story, Arc<dyn GraphStore>, TempDir) {
    let story = plant::told();
    let (store, folder) = open().await;
    let changes = story.changes().concat().into_iter().map(|change| (story.tenant, change)).collect();
    let checkpoint = Checkpoint::new(Position(story.messages.len() as u64), None);
    let mut claim = store.claim(Partition(0)).await.unwrap();
    store.apply(claim.next(Partition(0), changes, checkpoint)).await.unwrap();
    (story, store, folder)
}

/// As JSON, with its stamp checked and taken off.
fn plain(view: Option<impl Serialize>) -> Value {
    let mut json = serde_json::to_value(view.unwrap()).unwrap();
    let object = json.as_object_mut().unwrap();
    assert!(object.remove("version").unwrap().as_u64().unwrap() >= 1);
    let (created, updated) = (object.remove("created_at").unwrap(), object.remove("updated_at").unwrap());
    assert!(created.as_str().unwrap() <= updated.as_str().unwrap());
    json
}

#[tokio::test]
async fn a_lot_is_shown_as_it_stands() {
    let (story, store, _folder) = told().await;
    let lot = nodes::batch(&*store, story.tenant, story.id("MP-0417")).await.unwrap();
    let version = lot.as_ref().unwrap().version;
    assert_eq!(
        plain(lot),
        json!({
            "id": story.id("MP-0417"),
            "batch_number": "MP-0417",
            "ingredient_id": story.id("mustard"),
            "supplier_id": story.id("SpiceHub"),
            "quantity": {"value": "300", "unit": "KGM"},
            "remaining": {"value": "296.5", "unit": "KGM"},
            "status": "available",
            "expiry_date": "2027-03-01",
            "location_id": story.id("Plant A"),
            "origin": "received",
            "occurred_at": "2026-03-02T07:30:00Z",
            "sscc": "SSCC-1",
        })
    );
    let events = story.messages.iter().filter(|message| message.stream.id == story.id("MP-0417"));
    let events = events.filter(|message| message.stream.aggregate == "batch");
    assert_eq!(version, events.count() as u64);
    let packed = plain(nodes::batch(&*store, story.tenant, story.id("DS-1001")).await.unwrap());
    assert_eq!(packed["product_id"], json!(story.id("salad")));
    assert_eq!(packed["sku_id"], json!(story.id("salad 400 g")));
    assert_eq!((&packed["line"], &packed["origin"]), (&json!("Line-1"), &json!("produced")));
    let retired = nodes::batch(&*store, story.tenant, story.id("DS-1002")).await.unwrap().unwrap();
    assert!(retired.retired_at.is_some() && retired.quantity.is_zero());
}

#[tokio::test]
async fn master_data_is_shown_with_its_relations() {
    let (story, store, _folder) = told().await;
    let (store, tenant) = (&*store, story.tenant);
    let [plant, east] = ["Plant A", "DC-East"].map(|name| story.id(name));
    let [mill, hub] = ["Rajkot Mills", "SpiceHub"].map(|name| story.id(name));
    assert_eq!(
        plain(nodes::product(store, tenant, story.id("salad")).await.unwrap()),
        json!({
            "id": story.id("salad"), "name": "potato deli salad", "category": "deli", "gtin": "09501101020016",
            "food_traceability_list": true, "location_ids": [plant], "sku_ids": [story.id("salad 400 g")],
            "recipe": {"version": "2", "ingredients": [
                {"ingredient_id": story.id("dressing"), "percent": 40.0},
                {"ingredient_id": story.id("dressing"), "percent": 9.5},
            ]},
        })
    );
    assert_eq!(
        plain(nodes::ingredient(store, tenant, story.id("dressing")).await.unwrap()),
        json!({
            "id": story.id("dressing"), "name": "dressing", "allergens": ["mustard"], "origin_country": "IN",
            "supplier_ids": [hub],
            "contains": [{"ingredient_id": story.id("mustard"), "percent": 12.0}, {"ingredient_id": story.id("mustard")}],
        })
    );
    let supplier = |id: Uuid, name: &str, customers: Value, suppliers: Value| {
        json!({
            "id": id, "name": name, "country": "IN", "risk_score": 0.7, "certifications": ["BRCGS"],
            "customer_ids": customers, "supplier_ids": suppliers, "location_id": east,
        })
    };
    let answered = plain(nodes::supplier(store, tenant, mill).await.unwrap());
    assert_eq!(answered, supplier(mill, "Rajkot Mills", json!([hub]), json!([])));
    let answered = plain(nodes::supplier(store, tenant, hub).await.unwrap());
    assert_eq!(answered, supplier(hub, "SpiceHub", json!([]), json!([mill])));
    assert_eq!(
        plain(nodes::sku(store, tenant, story.id("salad 400 g")).await.unwrap()),
        json!({
            "id": story.id("salad 400 g"), "product_id": story.id("salad"), "sku_code": "SALAD-400",
            "size": "400", "unit": "GRM",
        })
    );
    assert_eq!(
        plain(nodes::location(store, tenant, plant).await.unwrap()),
        json!({
            "id": plant, "name": "Plant A", "type": "plant", "gln": "9501101020016",
            "coordinates": {"latitude": 51.507_351, "longitude": -0.127_758},
        })
    );
    let created = nodes::location(store, tenant, plant).await.unwrap().unwrap();
    assert_eq!((created.created_at, created.version), (recorded(1), 1));
}

#[tokio::test]
async fn lists_are_filtered_and_another_tenant_sees_nothing() {
    let (story, store, _folder) = told().await;
    let (store, tenant) = (&*store, story.tenant);
    let by_number = BatchFilters { batch_number: Some("DS-1001".to_owned()), ..BatchFilters::default() };
    let found = nodes::batches(store, tenant, by_number.clone(), FIRST).await.unwrap();
    assert_eq!((found.items.len(), found.items[0].id, found.next), (1, story.id("DS-1001"), None));
    let by_item = BatchFilters { product_id: Some(story.id("salad")), ..BatchFilters::default() };
    assert_eq!(nodes::batches(store, tenant, by_item.clone(), FIRST).await.unwrap().items.len(), 2);
    let neither = BatchFilters { status: Some("held".to_owned()), ..by_item };
    assert!(nodes::batches(store, tenant, neither, FIRST).await.unwrap().items.is_empty());
    for (filters, count) in [
        (BatchFilters { ingredient_id: Some(story.id("mustard")), ..BatchFilters::default() }, 1),
        (BatchFilters { supplier_id: Some(story.id("SpiceHub")), ..BatchFilters::default() }, 1),
        (BatchFilters { location_id: Some(story.id("Plant A")), ..BatchFilters::default() }, 3),
        (BatchFilters { location_id: Some(story.id("DC-East")), ..BatchFilters::default() }, 0),
    ] {
        assert_eq!(
            nodes::batches(store, tenant, filters.clone(), FIRST).await.unwrap().items.len(),
            count,
            "{filters:?}"
        );
    }
    let suppliers = SupplierFilters { country: Some("IN".to_owned()), ..SupplierFilters::default() };
    assert_eq!(nodes::suppliers(store, tenant, suppliers, FIRST).await.unwrap().items.len(), 2);
    let products = ProductFilters { category: Some("deli".to_owned()), ..ProductFilters::default() };
    assert_eq!(nodes::products(store, tenant, products, FIRST).await.unwrap().items.len(), 1);
    let skus = SkuFilters { product_id: Some(story.id("salad")), ..SkuFilters::default() };
    assert_eq!(nodes::skus(store, tenant, skus, FIRST).await.unwrap().items.len(), 1);
    let locations = LocationFilters { location_type: Some("plant".to_owned()), ..LocationFilters::default() };
    assert_eq!(nodes::locations(store, tenant, locations, FIRST).await.unwrap().items.len(), 2);
    let ingredients = IngredientFilters { name: Some("mustard".to_owned()), ..IngredientFilters::default() };
    let page = nodes::ingredients(store, tenant, ingredients, FIRST).await.unwrap();
    assert_eq!(page.items[0].supplier_ids, [story.id("SpiceHub")]);

    let stranger = TenantId(Uuid::new_v4());
    assert!(nodes::batches(store, stranger, by_number, FIRST).await.unwrap().items.is_empty());
    assert!(nodes::batch(store, stranger, story.id("MP-0417")).await.unwrap().is_none());
    assert!(nodes::product(store, stranger, story.id("salad")).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_follow_each_other_and_the_last_has_no_next() {
    let mut world = World::new().await;
    world.location("Plant A").await;
    world.ingredient("flour").await;
    let mut lots: Vec<Uuid> = Vec::new();
    for number in 0..6 {
        let name = format!("F-{number}");
        world.receive(&name, ingredient("flour"), None, "1 KGM", at("02-01 07:00")).await;
        lots.push(id(&name));
    }
    lots.sort();
    for size in [1, 2, 3, 4, 6, 7, usize::MAX] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest { after, size };
            let page =
                nodes::batches(&*world.store, world.tenant, BatchFilters::default(), request).await.unwrap();
            assert!(!page.items.is_empty() && page.items.len() <= size);
            seen.extend(page.items.iter().map(|lot| lot.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, lots, "pages of {size}");
    }
    let empty = nodes::skus(&*world.store, world.tenant, SkuFilters::default(), FIRST).await.unwrap();
    assert_eq!(serde_json::to_value(&empty).unwrap(), json!({"items": [], "next": null}));
}
