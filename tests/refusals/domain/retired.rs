//! A document that was declared an error, with nothing in its place, is not corrected or added to.

use foodflow_testkit::{amount, at, create};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{correction, late, of, plant};
use crate::refusals::attempt::{Attempts, Refusal, Request};

#[tokio::test]
async fn a_retired_document_stays_retired() -> anyhow::Result<()> {
    let world = plant().await?;
    let lot = world.receive("F-1", 100).await?;
    let received = world.client.post("/v1/receipts", &world.receipt("F-2", 10)).await?.ok();
    let id = |name: &str| received[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let (receipt, retired_lot) = (id("id"), id("batch_id"));
    let mixing = world.mix("D-1", &[(lot, "1")], "1");
    let made = create(&world.client, "/v1/transformations", mixing.clone()).await?;
    let shipment = world.shipment(lot, 1, "KGM");
    let sent = create(&world.client, "/v1/shipments", shipment.clone()).await?;
    let documents = [
        ("receipts", receipt, world.receipt("F-2", 10)),
        ("transformations", made, mixing),
        ("shipments", sent, shipment),
    ];
    for (collection, id, _) in &documents {
        correction(collection, *id, &Value::Null).send(&world.client).await?.ok();
    }
    let retired = Refusal::new(422, "already-retired");
    let mut attempts = Attempts::of(&world.client).await?;
    for (collection, id, restated) in &documents {
        attempts.refused("again", &correction(collection, *id, &Value::Null), &retired).await?;
        attempts.refused("restated", &correction(collection, *id, restated), &retired).await?;
    }
    let inputs = Request::post(format!("/v1/transformations/{made}/inputs"), &late(lot, "1", "KGM"));
    attempts.refused("more inputs", &inputs, &retired).await?;
    let count = json!({"kind": "count", "quantity": amount(1, "KGM"), "occurred_at": at(5, 6)});
    let count = Request::post(of(retired_lot, "adjustments"), &count);
    attempts.refused("a count of a lot that never was", &count, &retired).await?;
    let insufficient = Refusal::new(422, "insufficient-quantity");
    let sample = json!({"kind": "sample", "quantity": amount(1, "KGM"), "occurred_at": at(5, 6)});
    for (request, pointer) in [
        (Request::post("/v1/shipments", &world.shipment(retired_lot, 1, "KGM")), "/lines/0"),
        (Request::post("/v1/transformations", &world.mix("D-2", &[(retired_lot, "1")], "1")), "/inputs/0"),
        (Request::post(of(retired_lot, "adjustments"), &sample), "/quantity"),
    ] {
        attempts.refused("of what never was", &request, &insufficient.clone().at(pointer)).await?;
    }
    attempts.finish().await?;
    Ok(())
}
