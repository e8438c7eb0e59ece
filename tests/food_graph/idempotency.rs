//! A repeat is answered with the first result; a reuse is refused.

use foodflow_testkit::{Stores, TestApp, TestClient, World, amount, at};
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

/// Clients that post the same at the same time.
const AT_ONCE: usize = 32;

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
    let first = at_once(&[&world.client], "sample-1", &path, &sample).await?;
    let after = first["position"].as_u64().unwrap();
    let view = world.client.get_after(after, &format!("/v1/batches/{lot}")).await?.ok();
    assert_eq!(view["remaining"], amount(99, "KGM"));
    assert_eq!(count(&world, &format!("subject=batch/{lot}")).await?, 2);

    // And where nothing exists yet that they could meet on.
    let received = at_once(&[&world.client], "receipt-1", "/v1/receipts", &world.receipt("F-2", 5)).await?;
    assert_eq!(count(&world, &format!("subject=batch/{}", received["batch_id"].as_str().unwrap())).await?, 1);
    assert_eq!(count(&world, "type=foodflow.food_graph.batch.received.v1").await?, 2);
    Ok(())
}

/// The same between processes, which share no lock.
#[tokio::test]
async fn one_key_at_two_processes_is_one_command() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Servers).await?;
    let beside = TestApp::own(Stores::Servers).await?;
    let world = World::build(app.new_tenant()?).await?;
    let other = beside.client(&world.client.slug, &[])?;
    let lot = world.receive("F-1", 100).await?;
    let path = format!("/v1/batches/{lot}/adjustments");
    for round in 0..5 {
        let sample = json!({"kind": "sample", "quantity": amount(1, "KGM"), "occurred_at": at(2, 6)});
        let key = format!("sample-{round}");
        at_once(&[&world.client, &other], &key, &path, &sample).await?;
        let receipt = world.receipt(&format!("R-{round}"), 5);
        at_once(&[&world.client, &other], &format!("receipt-{round}"), "/v1/receipts", &receipt).await?;
    }
    assert_eq!(count(&world, &format!("subject=batch/{lot}")).await?, 6);
    assert_eq!(count(&world, "type=foodflow.food_graph.batch.received.v1").await?, 6);
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn of_two_payloads_at_once_under_one_key_one_is_refused(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    for round in 0..4 {
        let key = format!("key-{round}");
        let bodies = ["A", "B"].map(|name| world.receipt(&format!("{name}-{round}"), 5));
        let posts = (0..AT_ONCE).map(|index| world.client.post_as(&key, "/v1/receipts", &bodies[index % 2]));
        let answers = try_join_all(posts).await?;
        let won = usize::from(!answers[0].status.is_success());
        let first = answers[won].clone().ok();
        for (index, answer) in answers.into_iter().enumerate() {
            if index % 2 == won {
                assert_eq!(answer.ok(), first);
            } else {
                answer.refused(409, "command-id-reused");
            }
        }
        assert_eq!(count(&world, "type=foodflow.food_graph.batch.received.v1").await?, round + 1);
    }
    Ok(())
}

/// Posts one command at once from many clients; they all hear the same, and how that is.
async fn at_once(clients: &[&TestClient], key: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
    let posts = clients.iter().cycle().take(AT_ONCE).map(|client| client.post_as(key, path, body));
    let answers = try_join_all(posts).await?;
    let first = answers[0].clone();
    for answer in answers {
        assert_eq!((answer.status, answer.header("etag")), (first.status, first.header("etag")));
        assert_eq!(answer.ok(), first.body);
    }
    Ok(first.body)
}

/// How many events of the tenant there are.
async fn count(world: &World, filter: &str) -> anyhow::Result<usize> {
    let events = world.client.get(&format!("/v1/events?limit=1000&{filter}")).await?.ok();
    Ok(events.as_array().unwrap().len())
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
