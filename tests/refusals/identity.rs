//! Used idempotency keys, and versions that are not the expected ones.

use foodflow_testkit::{Stores, TestApp, World};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};
use super::examples::{Example, examples, receipt, set, without};

/// Another body that the operation would take too.
fn other(example: &Example) -> Value {
    let body = &example.bodies[0];
    let texts = ["reason", "name", "sku_code", "version", "sscc", "line", "plan"];
    match texts.iter().find(|name| body.get(**name).is_some()) {
        Some(name) => set(body, &format!("/{name}"), json!("another")),
        None if body.get("entity").is_some() => {
            set(body, "/entity", json!(format!("food_graph.supplier.{}", Uuid::new_v4())))
        }
        None if body.get("enabled").is_some() => set(body, "/enabled", json!(false)),
        None if body.get("current_period_end").is_some() => {
            set(body, "/current_period_end", json!("2027-01-01T00:00:00Z"))
        }
        None if body.get("supplier_id").is_some() => json!({"supplier_id": Uuid::new_v4()}),
        None => set(body, "/inputs/0/quantity/value", json!("0.5")),
    }
}

/// The body with other ids of what it creates.
fn with_other_ids(body: &Value) -> Value {
    let ids = ["/id", "/batch_id", "/outputs/0/batch_id"];
    let chosen = ids.iter().filter(|pointer| body.pointer(pointer).is_some());
    chosen.fold(body.clone(), |body, pointer| set(&body, pointer, json!(Uuid::new_v4())))
}

#[tokio::test]
async fn a_used_key_is_refused_for_anything_else() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let mut examples = examples(&world).await?;
    // A tenant that is closed is told so, whatever is sent.
    examples.retain(|example| example.operation != "POST /v1/tenant/close");
    let key = |example: &Example| format!("key-of-{}", example.operation.replace(' ', "-"));
    for example in &examples {
        let request = example.request().json(&example.bodies[0]).with("Idempotency-Key", key(example));
        let first = request.send(&world.client).await?;
        assert!(first.status.is_success(), "{}: {:#}", example.operation, first.body);
        let again = request.send(&world.client).await?;
        assert_eq!((first.status, &first.body), (again.status, &again.body), "{}", example.operation);
    }
    let reused = Refusal::new(409, "command-id-reused");
    let mut attempts = Attempts::of(&world.client).await?;
    for example in &examples {
        let keyed = example.request().with("Idempotency-Key", key(example));
        attempts.refused("another body", &keyed.clone().json(&other(example)), &reused).await?;
        if example.creates() {
            let body = with_other_ids(&example.bodies[0]);
            attempts.refused("other ids", &keyed.clone().json(&body), &reused).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_used_key_is_refused_for_another_path() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let received = world.client.post_as("k-1", "/v1/receipts", &world.receipt("F-1", 100)).await?.ok();
    let receipt_id = received["id"].as_str().unwrap();
    let lot: Uuid = received["batch_id"].as_str().unwrap().parse()?;
    let reason = json!({"reason": "check"});
    let hold = format!("/v1/batches/{lot}/hold");
    world.client.post_as("k-2", &hold, &reason).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    for (key, path) in [
        ("k-1", hold),
        ("k-1", format!("/v1/receipts/{receipt_id}/correction")),
        ("k-2", format!("/v1/batches/{lot}/release")),
        ("k-2", format!("/v1/batches/{lot}/recall")),
        ("k-2", format!("/v1/batches/{lot}/dispose")),
    ] {
        let request = Request::post(path, &reason).with("Idempotency-Key", key);
        attempts.refused(key, &request, &Refusal::new(409, "command-id-reused")).await?;
    }
    let chosen = receipt(&world, "F-2");
    attempts.finish().await?;
    // A key belongs to its tenant.
    let neighbour = World::build(app.new_tenant()?).await?;
    neighbour.client.post_as("k-1", "/v1/receipts", &neighbour.receipt("F-1", 100)).await?.ok();
    // A repeat may write the same body in another way, but leaves nothing out.
    let request = |body: &Value| Request::post("/v1/receipts", body).with("Idempotency-Key", "k-3");
    request(&chosen).send(&world.client).await?.ok();
    let spaced = Request::post("/v1/receipts", &chosen).raw(format!("{chosen:#}"));
    spaced.with("Idempotency-Key", "k-3").send(&world.client).await?.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    let less = without(&chosen, "/sscc");
    attempts.refused("less", &request(&less), &Refusal::new(409, "command-id-reused")).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_unexpected_version_is_refused() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples(&world).await?;
    let unexpected = Refusal::new(412, "precondition-failed");
    let mut attempts = Attempts::of(&world.client).await?;
    for example in &examples {
        let request = example.request().json(&example.bodies[0]);
        // What is about to be created has no version yet; what exists has not come this far.
        let versions: &[&str] =
            if example.creates() { &["*", "\"1\"", "\"0\""] } else { &["\"99\"", "\"0\"", "\"98\", \"99\""] };
        for version in versions {
            let request = request.clone().with("If-Match", *version);
            attempts.refused(version, &request, &unexpected).await?;
        }
        if example.has_id() {
            let mut body = example.bodies[0].clone();
            body.as_object_mut().unwrap().remove("restated");
            let request = example.request_on(Uuid::new_v4()).json(&body).with("If-Match", "*");
            attempts.refused("nobody's", &request, &unexpected).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_version_is_expected_once() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let reason = json!({"reason": "check"});
    let path = |what: &str| format!("/v1/batches/{lot}/{what}");
    let hold = Request::post(path("hold"), &reason).with("If-Match", "\"1\"");
    let answer = hold.send(&world.client).await?;
    let version = answer.header("etag").unwrap().to_owned();
    answer.ok();
    let mut attempts = Attempts::of(&world.client).await?;
    attempts.refused("the version before", &hold, &Refusal::new(412, "precondition-failed")).await?;
    attempts.finish().await?;
    Request::post(path("release"), &reason).with("If-Match", version).send(&world.client).await?.ok();
    Request::post(path("hold"), &reason).with("If-Match", "*").send(&world.client).await?.ok();
    Ok(())
}
