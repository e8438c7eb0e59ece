//! Headers: positions, preferences, expected versions and idempotency keys that are none.

use foodflow_testkit::{Stores, TestApp, World};
use reqwest::Method;

use super::attempt::{Attempts, Refusal, Request};
use super::contract::{Contract, Operation};
use super::examples::examples;

/// Operations that tell how far they are instead of waiting, or are the same for everybody.
const NOT_WAITING: &[&str] = &["GET /v1/events/stream", "GET /v1/permissions", "GET /v1/projections"];

/// Reads that take `After`, ready to be asked.
fn waiting(contract: &Contract, world: &World, lot: uuid::Uuid) -> Vec<Request> {
    let reads = contract.operations().into_iter().filter(|operation| {
        operation.secured && !operation.is_write() && !NOT_WAITING.contains(&operation.name.as_str())
    });
    let request = |operation: Operation| {
        let id = if operation.path.starts_with("/v1/batches") { lot } else { world.plant };
        let query = match operation.path.as_str() {
            "/v1/batches/{id}/trace" => "?direction=forward",
            "/v1/batches/{id}/impact/changes" => "?from=0",
            "/v1/audit/export" => "?format=csv",
            _ => "",
        };
        Request::get(format!("{}{query}", operation.path_of(id)))
    };
    reads.map(request).collect()
}

#[tokio::test]
async fn a_position_to_wait_for_is_a_position() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let contract = Contract::of(&world.client).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    for request in waiting(&contract, &world, lot) {
        for value in ["x", "", "-1", "1.5", "1,2", "0x1", "18446744073709551616", "2026-05-01T00:00:00Z"] {
            let request = request.clone().with("After", value);
            attempts.refused(value, &request, &Refusal::parameter("After")).await?;
        }
        for value in ["wait=x", "wait=", "wait=-1", "wait=NaN", "wait=inf", "respond-async, wait=soon"] {
            let request = request.clone().with("After", "1").with("Prefer", value);
            attempts.refused(value, &request, &Refusal::parameter("Prefer")).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_position_after_the_end_of_the_log_is_not_reached() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let contract = Contract::of(&world.client).await?;
    let behind = Refusal::new(504, "projection-behind");
    let mut attempts = Attempts::of(&world.client).await?;
    for request in waiting(&contract, &world, lot) {
        let request = request.with("After", "18446744073709551615").with("Prefer", "wait=0.01");
        attempts.refused("beyond the end", &request, &behind).await?;
        let answer = request.send(&world.client).await?;
        let position = answer.header("foodflow-position").unwrap_or_default();
        assert_eq!(answer.body["position"].to_string(), position, "it says how far it is");
        assert!(answer.header("retry-after").is_some(), "and when to try again");
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_resumes_after_an_event_of_it() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let mut attempts = Attempts::of(&client).await?;
    for value in ["x", "", "-1", "0.1", "7.", ".1", "7.x", "7.1.1"] {
        let request = Request::get("/v1/events/stream").with("Last-Event-ID", value);
        attempts.refused(value, &request, &Refusal::parameter("Last-Event-ID")).await?;
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_write_takes_no_other_keys_and_versions() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples(&world).await?;
    let long = "k".repeat(256);
    let mut attempts = Attempts::of(&world.client).await?;
    for example in &examples {
        let request = example.request().json(&example.bodies[0]);
        for value in ["", " ", "two words", long.as_str()] {
            let request = request.clone().with("Idempotency-Key", value);
            attempts.refused(value, &request, &Refusal::parameter("Idempotency-Key")).await?;
        }
        for value in ["", "3", "\"x\"", "\"-1\"", "W/\"1\"", "\"1\",", "\"1\" \"2\"", "*, \"1\"", "\""] {
            let request = request.clone().with("If-Match", value);
            attempts.refused(value, &request, &Refusal::parameter("If-Match")).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_longest_key_is_taken() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let key = "k".repeat(255);
    world.client.post_as(&key, "/v1/receipts", &world.receipt("F-1", 1)).await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_header_that_is_given_twice_is_refused_unless_it_is_a_list() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let body = || Some(world.receipt("F-1", 1).to_string().into_bytes());
    let keys = [("Idempotency-Key", "one"), ("Idempotency-Key", "other")];
    let refused = world.client.send(Method::POST, "/v1/receipts", &keys, body()).await?;
    refused.refused(400, "invalid-parameter");
    assert!(refused.body["detail"].as_str().unwrap().contains("Idempotency-Key"), "{:#}", refused.body);
    let positions = [("After", "1"), ("After", "2")];
    let refused = world.client.send(Method::GET, "/v1/batches", &positions, None).await?;
    refused.refused(400, "invalid-parameter");
    let lot = world.receive("F-1", 1).await?;
    let hold = Some(br#"{"reason": "smell"}"#.to_vec());
    let versions = [("If-Match", "\"7\""), ("If-Match", "\"1\"")];
    let held = world.client.send(Method::POST, &format!("/v1/batches/{lot}/hold"), &versions, hold).await?;
    held.ok();
    Ok(())
}
