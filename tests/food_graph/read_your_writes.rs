//! A query with the position of a write reflects it; and versions guard against lost updates.

use foodflow_testkit::{Stores, TestApp, World, amount, at};
use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_read_after_a_position_reflects_it(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    a_written_amount_is_read(&world, lot).await
}

/// What projects is another process there: the stored checkpoint says how far it is.
#[tokio::test]
async fn a_read_after_a_position_reflects_it_where_another_process_projects() -> anyhow::Result<()> {
    let projects = TestApp::shared(Stores::Servers).await?;
    let app = projects.beside(&["serve", "--role", "api"]).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    a_written_amount_is_read(&world, lot).await
}

/// Takes from the lot, and reads what is left at the position of each write.
async fn a_written_amount_is_read(world: &World, lot: Uuid) -> anyhow::Result<()> {
    for number in 1..=25 {
        let waste = json!({"kind": "waste", "quantity": amount(1, "KGM"), "occurred_at": at(2, 6)});
        let answer = world.client.post(&format!("/v1/batches/{lot}/adjustments"), &waste).await?;
        let position = answer.body["position"].as_u64().unwrap();
        let read = world.client.get_after(position, &format!("/v1/batches/{lot}")).await?;
        assert!(read.header("foodflow-position").unwrap().parse::<u64>()? >= position);
        assert_eq!(read.header("etag"), answer.header("etag"), "the same version");
        assert_eq!(read.ok()["remaining"], amount(100 - number, "KGM"));
    }
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_position_that_is_not_there_in_time_is_told(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let receipt = world.client.post("/v1/receipts", &world.receipt("F-1", 1)).await?.ok();
    let applied = receipt["position"].as_u64().unwrap();
    world.client.get_after(applied, "/v1/locations").await?.ok();
    let headers = [("After", "999999999"), ("Prefer", "wait=0.2")];
    let answer = world.client.send(Method::GET, "/v1/locations", &headers, None).await?;
    answer.refused(504, "projection-behind");
    assert!(answer.header("foodflow-position").unwrap().parse::<u64>()? >= applied);
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn if_match_guards_against_a_lost_update(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let hold = format!("/v1/batches/{lot}/hold");
    let body = json!({"reason": "check"}).to_string().into_bytes();
    let send = async |version: &str| {
        world.client.send(Method::POST, &hold, &[("If-Match", version)], Some(body.clone())).await
    };
    send("\"7\"").await?.refused(412, "precondition-failed");
    let held = send("\"1\"").await?;
    assert_eq!(held.header("etag"), Some("\"2\""));
    send("\"1\"").await?.refused(412, "precondition-failed");
    send("*").await?.ok();
    Ok(())
}
