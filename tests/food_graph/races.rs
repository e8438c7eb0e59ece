//! Invariants under concurrency.

use foodflow_testkit::{Stores, TestApp, World, amount, at};
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::json;

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn of_two_shipments_racing_for_the_last_cases_exactly_one_wins(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 1_000).await?;
    for round in 0..10 {
        let bread = world.transform(&world.pack(&format!("B-{round}"), flour, "10", "100")).await?;
        let shipment = world.shipment(bread, 60, "CS");
        let answers = try_join_all((0..2).map(|_| world.client.post("/v1/shipments", &shipment))).await?;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.is_success());
        assert_eq!((won.len(), lost.len()), (1, 1), "{answers:?}");
        lost[0].refused_at(422, "insufficient-quantity", "/lines/0");
    }
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn many_withdrawals_never_overdraw_a_lot(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 20).await?;
    let path = format!("/v1/batches/{lot}/adjustments");
    let waste = json!({"kind": "waste", "quantity": amount(1, "KGM"), "occurred_at": at(2, 6)});
    let answers = try_join_all((0..32).map(|_| world.client.post(&path, &waste))).await?;
    let won = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(won, 20);
    let last = answers.iter().filter_map(|answer| answer.body["position"].as_u64()).max().unwrap();
    let view = world.client.get_after(last, &format!("/v1/batches/{lot}")).await?.ok();
    assert_eq!((&view["remaining"], &view["status"]), (&amount(0, "KGM"), &json!("consumed")));
    assert_eq!(view["version"], 21);
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn two_late_inputs_at_once_close_no_cycle(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 1_000).await?;
    for round in 0..5 {
        let mut made = Vec::new();
        for side in ["a", "b"] {
            let body = world.mix(&format!("D-{round}{side}"), &[(flour, "10")], "10");
            made.push(world.client.post("/v1/transformations", &body).await?.ok());
        }
        let cross = |into: usize, from: usize| {
            let lot = made[from]["batch_ids"][0].clone();
            let body =
                json!({"inputs": [{"batch_id": lot, "quantity": amount(1, "KGM")}], "occurred_at": at(2, 9)});
            let path = format!("/v1/transformations/{}/inputs", made[into]["id"].as_str().unwrap());
            let client = world.client.clone();
            async move { client.post(&path, &body).await }
        };
        let (first, second) = tokio::try_join!(cross(0, 1), cross(1, 0))?;
        let won = [&first, &second].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(won, 1, "{first:?} {second:?}");
        let lost = if first.status.is_success() { second } else { first };
        lost.refused(422, "cycle");
    }
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_shipment_of_several_lots_is_all_or_nothing(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let plenty = world.transform(&world.pack("B-1", flour, "10", "100")).await?;
    let little = world.transform(&world.pack("B-2", flour, "10", "1")).await?;
    let mut shipment = world.shipment(plenty, 50, "CS");
    let second = json!({"batch_id": little, "quantity": amount(2, "CS")});
    shipment["lines"].as_array_mut().unwrap().push(second);
    world.client.post("/v1/shipments", &shipment).await?.refused_at(422, "insufficient-quantity", "/lines/1");
    let events = world.client.get(&format!("/v1/events?subject=batch/{plenty}")).await?.ok();
    assert_eq!(events.as_array().unwrap().len(), 1, "only that it was produced: {events}");
    Ok(())
}

/// A process remembers what it has recorded, and must not walk by it where another one has recorded more since.
#[tokio::test]
async fn two_processes_close_no_cycle_one_after_the_other() -> anyhow::Result<()> {
    let app = TestApp::own(Stores::Servers).await?;
    let other = app.beside(&["serve", "--role", "api"]).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 1_000).await?;
    let mut made = Vec::new();
    for number in ["D-1", "D-2"] {
        let body = world.mix(number, &[(flour, "10")], "10");
        made.push(world.client.post("/v1/transformations", &body).await?.ok());
    }
    let input = |from: usize| {
        let lot = &made[from]["batch_ids"][0];
        json!({"inputs": [{"batch_id": lot, "quantity": amount(1, "KGM")}], "occurred_at": at(2, 9)})
    };
    let path = |into: usize| format!("/v1/transformations/{}/inputs", made[into]["id"].as_str().unwrap());
    other.client(&world.client.slug, &[])?.post(&path(1), &input(0)).await?.ok();
    world.client.post(&path(0), &input(1)).await?.refused(422, "cycle");
    Ok(())
}
