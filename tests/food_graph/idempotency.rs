//! A repeat is answered with the first result; a reuse is refused.

use foodflow_testkit::{Stores, TestApp, World, amount, at};
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_repeat_answers_with_the_first_result(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let receipt = world.receipt("F-1", 100);
    let first = world.client.post_as("delivery-1", "/v1/receipts", &receipt).await?;
    let again = world.client.post_as("delivery-1", "/v1/receipts", &receipt).await?;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(first.header("etag"), again.header("etag"));
    let lot = first.body["batch_id"].as_str().unwrap();
    let hold = format!("/v1/batches/{lot}/hold");
    let body = json!({"reason": "check"});
    let held = world.client.post_as("hold-1", &hold, &body).await?;
    world.client.post_as("release-1", &format!("/v1/batches/{lot}/release"), &body).await?.ok();
    let held_again = world.client.post_as("hold-1", &hold, &body).await?;
    assert_eq!(held.body, held_again.body, "long after, and though the lot was released since");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn another_payload_under_a_used_key_is_refused(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    world.client.post_as("k", "/v1/receipts", &world.receipt("F-1", 100)).await?.ok();
    let other = world.client.post_as("k", "/v1/receipts", &world.receipt("F-2", 100)).await?;
    other.refused(409, "command-id-reused");
    let mut chosen = world.receipt("F-3", 100);
    chosen["id"] = json!(Uuid::new_v4());
    world.client.post_as("c", "/v1/receipts", &chosen).await?.ok();
    chosen["id"] = json!(Uuid::new_v4());
    chosen["batch_number"] = json!("F-4");
    world.client.post_as("c", "/v1/receipts", &chosen).await?.refused(409, "command-id-reused");
    let location = json!({"name": "elsewhere", "type": "plant"});
    world.client.post_as("c", "/v1/locations", &location).await?.refused(409, "command-id-reused");
    let (one, other) = (world.receive("F-5", 1).await?, world.receive("F-6", 1).await?);
    let body = json!({"reason": "check"});
    world.client.post_as("h", &format!("/v1/batches/{one}/hold"), &body).await?.ok();
    let hold = world.client.post_as("h", &format!("/v1/batches/{other}/hold"), &body).await?;
    hold.refused(409, "command-id-reused");
    Ok(())
}

/// A lot's state remembers a bounded number of commands; a repeat is found all the same.
#[tokio::test]
async fn a_repeat_is_found_after_more_commands_than_a_lot_remembers() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 1).await?;
    let path = format!("/v1/batches/{lot}/adjustments");
    let all_but_a_gram = json!({"kind": "waste", "quantity": amount(999, "GRM"), "occurred_at": at(2, 6)});
    let first = world.client.post_as("first", &path, &all_but_a_gram).await?.ok();
    for _ in 0..300 {
        let sample = json!({"kind": "sample", "quantity": amount(1, "MGM"), "occurred_at": at(2, 6)});
        world.client.post(&path, &sample).await?.ok();
    }
    let again = world.client.post_as("first", &path, &all_but_a_gram).await?.ok();
    assert_eq!(again, first, "though the lot could not give that much any more");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn many_at_once_under_one_key_are_one_command(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let sample = json!({"kind": "sample", "quantity": amount(1, "KGM"), "occurred_at": at(2, 6)});
    let path = format!("/v1/batches/{lot}/adjustments");
    let answers = try_join_all((0..16).map(|_| world.client.post_as("sample-1", &path, &sample))).await?;
    let first = answers[0].clone().ok();
    for answer in answers {
        assert_eq!(answer.ok(), first);
    }
    let after = first["position"].as_u64().unwrap();
    let view = world.client.get_after(after, &format!("/v1/batches/{lot}")).await?.ok();
    assert_eq!(view["remaining"], amount(99, "KGM"));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_lot_number_is_unique_for_its_item_and_supplier(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    world.receive("F-1", 100).await?;
    let twice = world.client.post("/v1/receipts", &world.receipt("F-1", 5)).await?;
    twice.refused_at(409, "already-exists", "/batch_number");
    let mut elsewhere = world.receipt("F-1", 5);
    elsewhere["supplier_id"] = json!(null);
    world.client.post("/v1/receipts", &elsewhere).await?.ok();
    Ok(())
}
