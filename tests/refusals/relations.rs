//! Parts of a body that contradict each other, or what they refer to.

use foodflow_testkit::{Stores, TestApp, World, create};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};
use super::examples::{receipt, set, shipment, transformation, without};

/// A body and where it is refused.
type Row = (&'static str, Value, &'static str);

fn wrong_receipts(world: &World, body: &Value) -> Vec<Row> {
    vec![
        ("an ingredient and a product", set(body, "/product_id", json!(world.product)), "/product_id"),
        ("neither ingredient nor product", without(body, "/ingredient_id"), "/ingredient_id"),
        ("neither, said with null", set(body, "/ingredient_id", Value::Null), "/ingredient_id"),
        ("expired before it was made", set(body, "/expiry_date", json!("2026-03-31")), "/expiry_date"),
    ]
}

fn wrong_transformations(world: &World, body: &Value) -> Vec<Row> {
    let output = &body["outputs"][0];
    let other = set(&without(body, "/outputs/0/sku_id"), "/outputs/0/product_id", json!(world.dough));
    let other = set(&other, "/outputs/0/sku_id", json!(world.sku));
    let of_ingredient =
        set(&without(body, "/outputs/0/product_id"), "/outputs/0/ingredient_id", json!(world.ingredient));
    vec![
        (
            "an ingredient and a product",
            set(body, "/outputs/0/ingredient_id", json!(world.ingredient)),
            "/outputs/0/product_id",
        ),
        (
            "neither ingredient nor product",
            without(body, "/outputs/0/product_id"),
            "/outputs/0/ingredient_id",
        ),
        (
            "expired before it was made",
            set(body, "/outputs/0/expiry_date", json!("2026-05-01")),
            "/outputs/0/expiry_date",
        ),
        ("two outputs are one lot", set(body, "/outputs/-", output.clone()), "/outputs/1/batch_id"),
        ("the SKU of another product", other, "/outputs/0/sku_id"),
        ("a SKU of an ingredient", of_ingredient, "/outputs/0/sku_id"),
    ]
}

fn wrong_shipments(world: &World, body: &Value) -> Vec<Row> {
    vec![("from a place to itself", set(body, "/to_location_id", json!(world.plant)), "/to_location_id")]
}

async fn try_document(
    attempts: &mut Attempts<'_>,
    path: &str,
    id: Uuid,
    rows: Vec<Row>,
) -> anyhow::Result<()> {
    for (why, body, pointer) in rows {
        attempts.refused(why, &Request::post(path, &body), &Refusal::body(pointer)).await?;
        let correction = json!({"reason": "typing error", "restated": set(&body, "/id", json!(id))});
        let request = Request::post(format!("{path}/{id}/correction"), &correction);
        attempts.refused(why, &request, &Refusal::body(format!("/restated{pointer}"))).await?;
    }
    Ok(())
}

#[tokio::test]
async fn documents_do_not_contradict_themselves() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let client = &world.client;
    let lot = world.receive("F-1", 100).await?;
    let (received, made, sent) =
        (receipt(&world, "F-2"), transformation(&world, lot, "D-1"), shipment(&world, lot));
    let receipt_id = create(client, "/v1/receipts", received.clone()).await?;
    let transformation_id = create(client, "/v1/transformations", made.clone()).await?;
    let shipment_id = create(client, "/v1/shipments", sent.clone()).await?;
    let mut attempts = Attempts::of(client).await?;
    let rows = wrong_receipts(&world, &received);
    try_document(&mut attempts, "/v1/receipts", receipt_id, rows).await?;
    let rows = wrong_transformations(&world, &made);
    try_document(&mut attempts, "/v1/transformations", transformation_id, rows).await?;
    let rows = wrong_shipments(&world, &sent);
    try_document(&mut attempts, "/v1/shipments", shipment_id, rows).await?;
    for (path, id, restated) in [
        ("receipts", receipt_id, &received),
        ("transformations", transformation_id, &made),
        ("shipments", shipment_id, &sent),
    ] {
        let other = set(restated, "/id", json!(Uuid::new_v4()));
        let correction = json!({"reason": "typing error", "restated": other});
        let request = Request::post(format!("/v1/{path}/{id}/correction"), &correction);
        attempts.refused("restated as another document", &request, &Refusal::body("/restated/id")).await?;
    }
    let other = set(&received, "/batch_id", json!(Uuid::new_v4()));
    let correction = json!({"reason": "typing error", "restated": other});
    let request = Request::post(format!("/v1/receipts/{receipt_id}/correction"), &correction);
    attempts.refused("restated as another lot", &request, &Refusal::body("/restated/batch_id")).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn master_data_does_not_contradict_itself() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let salt = json!({"name": "salt", "allergens": []});
    let salt = create(&world.client, "/v1/ingredients", salt).await?;
    let line = |id: Uuid, percent: &str| json!({"ingredient_id": id, "percent": percent});
    let recipe = |lines: Value| json!({"version": 3, "ingredients": lines});
    let recipes = format!("/v1/products/{}/recipe", world.product);
    let put = |lines: Value| Request::new(reqwest::Method::PUT, recipes.as_str()).json(&recipe(lines));
    let too_much = json!([line(world.ingredient, "60"), line(salt, "40.1")]);
    let dough = json!({"name": "dough", "allergens": [], "contains": too_much});
    let itself = json!({"supplier_id": world.supplier});
    let customers = format!("/v1/suppliers/{}/customers", world.supplier);
    let mut attempts = Attempts::of(&world.client).await?;
    for (why, request, pointer) in [
        ("more than 100 %", put(too_much), "/ingredients"),
        (
            "one ingredient twice",
            put(json!([line(salt, "1"), line(salt, "2")])),
            "/ingredients/1/ingredient_id",
        ),
        ("more than 100 %", Request::post("/v1/ingredients", &dough), "/contains"),
        ("a supplier of itself", Request::post(customers, &itself), "/supplier_id"),
    ] {
        attempts.refused(why, &request, &Refusal::body(pointer)).await?;
    }
    attempts.finish().await?;
    Ok(())
}
