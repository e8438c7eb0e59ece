//! Tenants do not see each other.

use foodflow_testkit::{Stores, TestApp, World, create};
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn another_tenants_lot_is_not_there(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let ours = World::build(app.new_tenant()?).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    let lot = theirs.receive("F-1", 100).await?;
    let own = ours.receive("F-1", 100).await?;
    for question in ["", "/trace?direction=forward", "/impact", "/mass-balance"] {
        ours.client.get(&format!("/v1/batches/{lot}{question}")).await?.refused(404, "not-found");
    }
    let body = ours.mix("D-1", &[(own, "1"), (lot, "1")], "2");
    ours.client.post("/v1/transformations", &body).await?.refused_at(404, "not-found", "/inputs/1");
    let mut receipt = ours.receipt("F-2", 1);
    receipt["location_id"] = json!(theirs.plant);
    ours.client.post("/v1/receipts", &receipt).await?.refused_at(404, "not-found", "/location_id");
    let events = ours.client.get(&format!("/v1/events?subject={lot}")).await?.ok();
    assert_eq!(events, json!([]));
    Ok(())
}

/// Partners of a supply chain may record one thing under one id.
#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn two_tenants_may_choose_the_same_id(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let id = Uuid::new_v4();
    let (first, second) = (app.new_tenant()?, app.new_tenant()?);
    for (client, name) in [(&first, "ours"), (&second, "theirs")] {
        create(client, "/v1/locations", json!({"id": id, "name": name, "type": "plant"})).await?;
    }
    for (client, name) in [(&first, "ours"), (&second, "theirs")] {
        let position = client.get("/v1/projections").await?.ok()["projections"][0]["head"].as_u64().unwrap();
        let location = client.get_after(position, &format!("/v1/locations/{id}")).await?.ok();
        assert_eq!(location["name"], name);
    }
    Ok(())
}
