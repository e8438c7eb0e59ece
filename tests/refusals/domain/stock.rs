//! A lot gives no more than it has, in a unit that measures the same.

use foodflow_testkit::{World, amount, at, create};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{and, bar, bar_of, correction, late, line, of, plant};
use crate::refusals::attempt::{Attempts, Refusal, Request};
use crate::refusals::examples::set;

fn adjustment(kind: &str, value: &str, unit: &str) -> Value {
    json!({"kind": kind, "quantity": amount(value, unit), "occurred_at": at(5, 6)})
}

/// A lot of 10 kg, of which 5 kg were mixed into another and 1 kg was shipped.
struct Stock {
    world: World,
    lot: Uuid,
    receipt: Uuid,
    made: Uuid,
    sent: Uuid,
}

impl Stock {
    async fn build() -> anyhow::Result<Self> {
        let world = plant().await?;
        let received = world.client.post("/v1/receipts", &world.receipt("F-1", 10)).await?.ok();
        let id = |name: &str| received[name].as_str().unwrap().parse::<Uuid>().unwrap();
        let (receipt, lot) = (id("id"), id("batch_id"));
        let mixed = world.mix("D-1", &[(lot, "5")], "5");
        let mixed = world.client.post("/v1/transformations", &mixed).await?.ok();
        let dough: Uuid = mixed["batch_ids"][0].as_str().unwrap().parse()?;
        create(&world.client, "/v1/shipments", world.shipment(dough, 4, "KGM")).await?;
        let sent = create(&world.client, "/v1/shipments", world.shipment(lot, 1, "KGM")).await?;
        Ok(Self { lot, receipt, made: mixed["id"].as_str().unwrap().parse()?, sent, world })
    }

    /// Every movement that takes this much of the lot, with where it is refused.
    fn movements(&self, value: &str, unit: &str) -> Vec<(Request, &'static str)> {
        let Self { world, lot, made, sent, .. } = self;
        let mixing = world.mix("D-2", &[], "1");
        let mixing = and(&mixing, "inputs", line(*lot, value, unit));
        let restated = set(&world.mix("D-1", &[(*lot, "5")], "5"), "/inputs/0", line(*lot, value, unit));
        let shipment = world.shipment(*lot, value, unit);
        let inputs = format!("/v1/transformations/{made}/inputs");
        let adjustments = of(*lot, "adjustments");
        vec![
            (Request::post("/v1/transformations", &mixing), "/inputs/0"),
            (Request::post(inputs, &late(*lot, value, unit)), "/inputs/0"),
            (correction("transformations", *made, &restated), "/restated/inputs/0"),
            (Request::post("/v1/shipments", &shipment), "/lines/0"),
            (correction("shipments", *sent, &shipment), "/restated/lines/0"),
            (Request::post(&adjustments, &adjustment("sample", value, unit)), "/quantity"),
            (Request::post(&adjustments, &adjustment("waste", value, unit)), "/quantity"),
        ]
    }
}

#[tokio::test]
async fn a_lot_gives_no_more_than_it_has() -> anyhow::Result<()> {
    let stock = Stock::build().await?;
    let Stock { world, lot, receipt, made, sent: _ } = &stock;
    let mut attempts = Attempts::of(&world.client).await?;
    let insufficient = Refusal::new(422, "insufficient-quantity");
    for (request, pointer) in stock.movements("11", "KGM") {
        attempts.refused("11 kg of 10", &request, &insufficient.clone().at(pointer)).await?;
    }
    let barely = Request::post("/v1/shipments", &world.shipment(*lot, "4000.000001", "GRM"));
    attempts.refused("barely more", &barely, &insufficient.clone().at("/lines/0")).await?;
    let twice = and(&world.shipment(*lot, 3, "KGM"), "lines", line(*lot, "2", "KGM"));
    let twice = Request::post("/v1/shipments", &twice);
    attempts.refused("3 kg and 2 kg of 4", &twice, &insufficient.clone().at("/lines/1")).await?;
    let twice = Request::post("/v1/transformations", &world.mix("D-2", &[(*lot, "3"), (*lot, "2")], "5"));
    attempts.refused("3 kg and 2 kg of 4", &twice, &insufficient.clone().at("/inputs/1")).await?;
    for what in ["hold", "dispose"] {
        let request = Request::post(of(*lot, what), &bar_of(5, "4.1", "KGM"));
        attempts.refused(what, &request, &insufficient).await?;
    }
    let less = correction("receipts", *receipt, &world.receipt("F-1", "5.9"));
    attempts.refused("less than went out", &less, &insufficient.clone().at("/restated")).await?;
    let none = correction("receipts", *receipt, &Value::Null);
    attempts.refused("nothing, though some went out", &none, &insufficient).await?;
    let less = correction("transformations", *made, &world.mix("D-1", &[(*lot, "5")], "3.9"));
    attempts.refused("less than was shipped", &less, &insufficient.clone().at("/restated/outputs/0")).await?;
    let none = correction("transformations", *made, &Value::Null);
    attempts.refused("nothing, though some was shipped", &none, &insufficient).await?;
    attempts.finish().await?;
    world.client.post("/v1/shipments", &world.shipment(*lot, 4, "KGM")).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    let empty = Request::post(of(*lot, "dispose"), &bar(5));
    attempts.refused("nothing is left", &empty, &insufficient).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn no_more_is_released_than_is_held() -> anyhow::Result<()> {
    let world = plant().await?;
    let lot = world.receive("F-1", 100).await?;
    world.client.post(&of(lot, "hold"), &bar_of(2, "60", "KGM")).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    let request = Request::post(of(lot, "release"), &bar_of(3, "60.1", "KGM"));
    attempts.refused("more than is held", &request, &Refusal::new(422, "insufficient-quantity")).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_unit_measures_what_the_lot_is_measured_in() -> anyhow::Result<()> {
    let stock = Stock::build().await?;
    let Stock { world, lot, receipt, .. } = &stock;
    world.client.post(&of(*lot, "hold"), &bar_of(6, "1", "KGM")).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    let mismatch = Refusal::new(422, "unit-mismatch");
    // The last is mass as well, but more of it than kilograms can state.
    for (value, unit) in [("1", "LTR"), ("1", "EA"), ("1", "CS"), ("999999999999", "TNE")] {
        for (request, pointer) in stock.movements(value, unit) {
            attempts.refused(unit, &request, &mismatch.clone().at(pointer)).await?;
        }
        let count = Request::post(of(*lot, "adjustments"), &adjustment("count", value, unit));
        attempts.refused(unit, &count, &mismatch.clone().at("/quantity")).await?;
        for what in ["hold", "release", "dispose", "recall"] {
            let request = Request::post(of(*lot, what), &bar_of(7, value, unit));
            attempts.refused(unit, &request, &mismatch).await?;
        }
    }
    let in_litres = set(&world.receipt("F-1", 10), "/quantity", amount(10, "LTR"));
    let request = correction("receipts", *receipt, &in_litres);
    attempts
        .refused("litres of what was used in kilograms", &request, &mismatch.clone().at("/restated"))
        .await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_rounds_to_nothing_is_no_amount() -> anyhow::Result<()> {
    let stock = Stock::build().await?;
    let mut attempts = Attempts::of(&stock.world.client).await?;
    let nothing = Refusal::new(422, "quantity-not-positive");
    for (request, pointer) in stock.movements("0.0001", "MGM") {
        attempts.refused("a tenth of a microgram", &request, &nothing.clone().at(pointer)).await?;
    }
    attempts.finish().await?;
    Ok(())
}
