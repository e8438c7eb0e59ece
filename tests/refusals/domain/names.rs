//! Ids and names that are taken.

use foodflow_testkit::create;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{and, correction, plant};
use crate::refusals::attempt::{Attempts, Refusal, Request};
use crate::refusals::examples::{examples, receipt, set, transformation};

fn taken(pointer: &str) -> Refusal {
    Refusal::new(409, "already-exists").at(pointer)
}

fn fresh(body: &Value, pointers: &[&str]) -> Value {
    pointers.iter().fold(body.clone(), |body, pointer| set(&body, pointer, json!(Uuid::new_v4())))
}

#[tokio::test]
async fn nothing_is_created_twice_under_one_id() -> anyhow::Result<()> {
    let world = plant().await?;
    let examples = examples(&world).await?;
    // One subscription is in force at a time.
    let cancel = examples.iter().find(|one| one.operation == "POST /v1/subscriptions/{id}/cancel").unwrap();
    cancel.request().json(&cancel.bodies[0]).send(&world.client).await?.ok();
    for example in examples.iter().filter(|example| example.creates()) {
        let request = example.request().json(&example.bodies[0]);
        request.send(&world.client).await?.ok();
        let mut attempts = Attempts::of(&world.client).await?;
        attempts.refused("the same again", &request, &taken("/id")).await?;
        let under_a_key = request.with("Idempotency-Key", format!("key-{}", Uuid::new_v4()));
        attempts.refused("the same under a key", &under_a_key, &taken("/id")).await?;
        attempts.finish().await?;
    }
    let customers = format!("/v1/suppliers/{}/customers", world.supplier);
    let mill = create(&world.client, "/v1/suppliers", json!({"name": "Mill", "country": "NL"})).await?;
    let request = Request::post(customers, &json!({"supplier_id": mill}));
    request.send(&world.client).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    attempts.refused("the same customer", &request, &taken("/supplier_id")).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_lot_and_its_number_are_taken_once() -> anyhow::Result<()> {
    let world = plant().await?;
    let received = receipt(&world, "F-1");
    let flour = world.client.post("/v1/receipts", &received).await?.ok();
    let flour: Uuid = flour["batch_id"].as_str().unwrap().parse()?;
    let second = receipt(&world, "F-2");
    let second_id = create(&world.client, "/v1/receipts", second.clone()).await?;
    let made = transformation(&world, flour, "D-1");
    create(&world.client, "/v1/transformations", made.clone()).await?;
    let other = fresh(&transformation(&world, flour, "D-2"), &[]);
    let other_id = create(&world.client, "/v1/transformations", other.clone()).await?;
    let twins = transformation(&world, flour, "D-3");
    let twins =
        and(&twins, "outputs", fresh(&json!({"o": twins["outputs"][0]}), &["/o/batch_id"])["o"].clone());
    let mut attempts = Attempts::of(&world.client).await?;
    for (why, request, pointer) in [
        ("the lot of a receipt", Request::post("/v1/receipts", &fresh(&received, &["/id"])), "/batch_id"),
        (
            "the number of a receipt",
            Request::post("/v1/receipts", &fresh(&received, &["/id", "/batch_id"])),
            "/batch_number",
        ),
        (
            "the lot of a transformation",
            Request::post("/v1/transformations", &fresh(&made, &["/id"])),
            "/outputs/0/batch_id",
        ),
        (
            "the number of a transformation",
            Request::post("/v1/transformations", &fresh(&made, &["/id", "/outputs/0/batch_id"])),
            "/outputs/0/batch_number",
        ),
        ("one number twice", Request::post("/v1/transformations", &twins), "/outputs/1/batch_number"),
        (
            "restated as another's number",
            correction("receipts", second_id, &set(&second, "/batch_number", json!("F-1"))),
            "/restated/batch_number",
        ),
        (
            "restated as another's number",
            correction("transformations", other_id, &set(&other, "/outputs/0/batch_number", json!("D-1"))),
            "/restated/outputs/0/batch_number",
        ),
    ] {
        attempts.refused(why, &request, &taken(pointer)).await?;
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_sku_code_is_taken_once() -> anyhow::Result<()> {
    let world = plant().await?;
    let sku = |product: Uuid| json!({"product_id": product, "sku_code": "RB-500", "size": 1, "unit": "EA"});
    let mut attempts = Attempts::of(&world.client).await?;
    for product in [world.product, world.dough] {
        let request = Request::post("/v1/skus", &sku(product));
        attempts.refused("taken", &request, &taken("/sku_code")).await?;
    }
    attempts.finish().await?;
    let neighbour = plant().await?;
    assert_ne!(neighbour.sku, world.sku, "another tenant has the same code");
    Ok(())
}
