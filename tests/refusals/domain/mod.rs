//! What the domain refuses, seen through HTTP.
//!
//! - [`bars`]: holds and recalls; [`stock`]: quantities and units;
//! - [`names`]: ids and names that are taken; [`retired`]: documents that were declared an error;
//! - this file: event times, cycles.

mod bars;
mod names;
mod retired;
mod stock;

use foodflow_testkit::{Stores, TestApp, World, amount, at, create};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};

/// A plant of a tenant of its own.
pub(super) async fn plant() -> anyhow::Result<World> {
    let app = TestApp::shared(Stores::Embedded).await?;
    World::build(app.new_tenant()?).await
}

/// A body with one more element in one of its lists.
pub(super) fn and(body: &Value, list: &str, element: Value) -> Value {
    let mut body = body.clone();
    body[list].as_array_mut().unwrap().push(element);
    body
}

/// An amount of a lot.
pub(super) fn line(lot: Uuid, value: &str, unit: &str) -> Value {
    json!({"batch_id": lot, "quantity": amount(value, unit)})
}

/// Inputs that are recorded late, on day 2.
pub(super) fn late(lot: Uuid, value: &str, unit: &str) -> Value {
    json!({"inputs": [line(lot, value, unit)], "occurred_at": at(2, 8)})
}

/// The path of something that is done to a lot.
pub(super) fn of(lot: Uuid, what: &str) -> String {
    format!("/v1/batches/{lot}/{what}")
}

/// A bar on day `day`, of all of a lot.
pub(super) fn bar(day: u8) -> Value {
    json!({"reason": "check", "occurred_at": at(day, 0)})
}

/// The same, of some of it.
pub(super) fn bar_of(day: u8, value: &str, unit: &str) -> Value {
    json!({"reason": "check", "occurred_at": at(day, 0), "quantity": amount(value, unit)})
}

/// A correction of a document.
pub(super) fn correction(collection: &str, id: Uuid, restated: &Value) -> Request {
    let body = match restated {
        Value::Null => json!({"reason": "typing error"}),
        body => json!({"reason": "typing error", "restated": body}),
    };
    Request::post(format!("/v1/{collection}/{id}/correction"), &body)
}

#[tokio::test]
async fn a_lot_is_not_among_its_own_ancestors() -> anyhow::Result<()> {
    let world = plant().await?;
    let flour = world.receive("F-1", 100).await?;
    let first = world.mix("D-1", &[(flour, "10")], "10");
    let first = world.client.post("/v1/transformations", &first).await?.ok();
    let id: Uuid = first["id"].as_str().unwrap().parse()?;
    let made: Uuid = first["batch_ids"][0].as_str().unwrap().parse()?;
    let next = world.transform(&world.mix("D-2", &[(made, "5")], "5")).await?;
    let inputs = format!("/v1/transformations/{id}/inputs");
    let restated = world.mix("D-1", &[(flour, "9"), (next, "1")], "10");
    let mut attempts = Attempts::of(&world.client).await?;
    let cycle = |pointer: &str| Refusal::new(422, "cycle").at(pointer);
    let request = Request::post(&inputs, &late(next, "1", "KGM"));
    attempts.refused("late", &request, &cycle("/inputs/0")).await?;
    let request = correction("transformations", id, &restated);
    attempts.refused("restated", &request, &cycle("/restated/inputs/1")).await?;
    let request = Request::post(&inputs, &late(made, "1", "KGM"));
    attempts.refused("its own output", &request, &Refusal::new(422, "cycle")).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_has_not_happened_is_not_recorded() -> anyhow::Result<()> {
    let world = plant().await?;
    let lot = world.receive("F-1", 100).await?;
    let sent = create(&world.client, "/v1/shipments", world.shipment(lot, 1, "KGM")).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    // Clocks that differ by some seconds are not yet the future.
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(2)).to_string();
    let mut receipt = world.receipt("F-2", 1);
    receipt["received_at"] = json!(soon);
    let mut shipment = world.shipment(lot, 1, "KGM");
    shipment["shipped_at"] = json!(soon);
    let future = |pointer: &str| Refusal::new(422, "occurred-in-future").at(pointer);
    for (request, pointer) in [
        (Request::post("/v1/receipts", &receipt), "/received_at"),
        (Request::post("/v1/shipments", &shipment), "/shipped_at"),
        (correction("shipments", sent, &shipment), "/restated/shipped_at"),
        (Request::post(of(lot, "hold"), &json!({"reason": "check", "occurred_at": soon})), "/occurred_at"),
    ] {
        attempts.refused("in two minutes", &request, &future(pointer)).await?;
    }
    attempts.finish().await?;
    let now = json!({"reason": "check", "occurred_at": jiff::Timestamp::now().to_string()});
    world.client.post(&of(lot, "hold"), &now).await?.ok();
    Ok(())
}
