//! Held and recalled lots do not move from the event time of the bar on.

use foodflow_testkit::{World, at, create};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{and, bar, bar_of, correction, late, line, of, plant};
use crate::refusals::attempt::{Attempts, Refusal, Request};

/// Ways in which a barred lot would move, with where they are refused. `free` is a lot that may.
struct Moves {
    sent: Uuid,
    made: Uuid,
    shipment: Value,
    mixing: Value,
}

impl Moves {
    async fn of(world: &World, free: Uuid) -> anyhow::Result<Self> {
        let shipment = world.shipment(free, 1, "KGM");
        let mixing = world.mix(&format!("D-{free}"), &[(free, "1")], "1");
        let sent = create(&world.client, "/v1/shipments", shipment.clone()).await?;
        let made = create(&world.client, "/v1/transformations", mixing.clone()).await?;
        Ok(Self { sent, made, shipment, mixing })
    }

    fn refused(&self, world: &World, free: Uuid, barred: Uuid) -> Vec<(Request, &'static str)> {
        let more = line(barred, "1", "KGM");
        vec![
            (Request::post("/v1/transformations", &world.mix("X", &[(barred, "1")], "1")), "/inputs/0"),
            (
                Request::post("/v1/transformations", &world.mix("X", &[(free, "1"), (barred, "1")], "1")),
                "/inputs/1",
            ),
            (
                Request::post(format!("/v1/transformations/{}/inputs", self.made), &late(barred, "1", "KGM")),
                "/inputs/0",
            ),
            (
                correction("transformations", self.made, &and(&self.mixing, "inputs", more.clone())),
                "/restated/inputs/1",
            ),
            (Request::post("/v1/shipments", &world.shipment(barred, 1, "KGM")), "/lines/0"),
            (Request::post("/v1/shipments", &and(&self.shipment, "lines", more.clone())), "/lines/1"),
            (correction("shipments", self.sent, &and(&self.shipment, "lines", more)), "/restated/lines/1"),
        ]
    }
}

#[tokio::test]
async fn a_held_lot_does_not_move() -> anyhow::Result<()> {
    let world = plant().await?;
    let (free, barred) = (world.receive("F-1", 100).await?, world.receive("F-2", 100).await?);
    let moves = Moves::of(&world, free).await?;
    world.client.post(&of(barred, "hold"), &bar(2)).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    for (request, pointer) in moves.refused(&world, free, barred) {
        attempts.refused("held", &request, &Refusal::new(422, "batch-held").at(pointer)).await?;
    }
    attempts.finish().await?;
    let mut before = world.shipment(barred, 1, "KGM");
    before["shipped_at"] = json!(at(1, 12));
    world.client.post("/v1/shipments", &before).await?.ok();
    world.client.post(&of(barred, "release"), &bar(3)).await?.ok();
    world.client.post("/v1/shipments", &world.shipment(barred, 1, "KGM")).await?.ok();
    Ok(())
}

#[tokio::test]
async fn the_held_part_of_a_lot_does_not_move() -> anyhow::Result<()> {
    let world = plant().await?;
    let lot = world.receive("F-1", 100).await?;
    world.client.post(&of(lot, "hold"), &bar_of(2, "60", "KGM")).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    let too_much = Request::post("/v1/shipments", &world.shipment(lot, "40.000000001", "KGM"));
    attempts.refused("more than is free", &too_much, &Refusal::new(422, "batch-held").at("/lines/0")).await?;
    attempts.finish().await?;
    world.client.post("/v1/shipments", &world.shipment(lot, 40, "KGM")).await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_recalled_lot_does_not_move_and_is_not_released() -> anyhow::Result<()> {
    let world = plant().await?;
    let (free, barred) = (world.receive("F-1", 100).await?, world.receive("F-2", 100).await?);
    let moves = Moves::of(&world, free).await?;
    world.client.post(&of(barred, "recall"), &bar(2)).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    for (request, pointer) in moves.refused(&world, free, barred) {
        attempts.refused("recalled", &request, &Refusal::new(422, "batch-recalled").at(pointer)).await?;
    }
    for what in ["release", "recall"] {
        let request = Request::post(of(barred, what), &bar(3));
        attempts.refused(what, &request, &Refusal::new(422, "batch-recalled")).await?;
    }
    attempts.finish().await?;
    world.client.post(&of(barred, "dispose"), &bar(3)).await?.ok();
    Ok(())
}

#[tokio::test]
async fn only_a_held_lot_is_released() -> anyhow::Result<()> {
    let world = plant().await?;
    let lots = [world.receive("F-1", 100).await?, world.receive("F-2", 100).await?];
    world.client.post(&of(lots[0], "hold"), &bar(2)).await?.ok();
    world.client.post(&of(lots[0], "release"), &bar(3)).await?.ok();
    world.client.post(&of(lots[1], "hold"), &bar(4)).await?.ok();
    let never = world.receive("F-3", 100).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    for (why, lot) in [("never held", never), ("not any more", lots[0]), ("not yet", lots[1])] {
        let request = Request::post(of(lot, "release"), &bar(3));
        attempts.refused(why, &request, &Refusal::new(422, "batch-not-held")).await?;
    }
    attempts.finish().await?;
    Ok(())
}
