//! Another tenant's id is not there: for every operation that takes one, and in every list.

use foodflow_testkit::{Stores, TestApp, TestClient, World};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};
use super::contract::{Contract, Operation, path_of};
use super::examples::{Example, examples};
use super::tenancy_examples::subscribed;

/// Reads of a thing of which the tenant has one at most, without an id.
const ALONE: &[&str] = &["GET /v1/tenant", "GET /v1/feature-flags/{feature_name}"];

/// The query that an operation cannot do without.
fn query(operation: &Operation) -> &'static str {
    match operation.name.as_str() {
        "GET /v1/batches/{id}/trace" => "?direction=forward",
        "GET /v1/batches/{id}/impact/changes" => "?from=0",
        _ => "",
    }
}

/// The id of something of the kind that a path names.
fn resource(world: &World, lot: Uuid, examples: &[Example], path: &str) -> Uuid {
    match path.split('/').nth(2).unwrap() {
        "batches" => lot,
        "locations" => world.plant,
        "suppliers" => world.supplier,
        "ingredients" => world.ingredient,
        "products" => world.product,
        "skus" => world.sku,
        collection => {
            let of_collection = format!("POST /v1/{collection}/{{id}}/");
            let found = examples.iter().find(|example| example.operation.starts_with(&of_collection));
            found.unwrap_or_else(|| panic!("what is in `{collection}`?")).id
        }
    }
}

/// A request that its owner may make.
fn request(operation: &Operation, id: Uuid, examples: &[Example]) -> Request {
    if operation.is_write() {
        let example = examples.iter().find(|one| one.operation == operation.name).expect(&operation.name);
        // A correction alone, so that not a reference but the document is what is missing.
        let body = match example.bodies[0].get("restated") {
            Some(_) => json!({"reason": "typing error"}),
            None => example.bodies[0].clone(),
        };
        return example.request_on(id).json(&body);
    }
    Request::get(format!("{}{}", operation.path_of(id), query(operation)))
}

#[tokio::test]
async fn another_tenants_id_is_not_there() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let ours = World::build(app.new_tenant()?).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    let (our_examples, their_examples) = (examples(&ours).await?, examples(&theirs).await?);
    let lot = theirs.receive("F-1", 100).await?;
    let operations: Vec<Operation> = contract.operations().into_iter().filter(Operation::has_id).collect();
    assert!(operations.len() > 20, "{operations:?}");
    let not_there = Refusal::new(404, "not-found");
    let mut attempts = Attempts::of(&ours.client).await?;
    let mut owners = Attempts::of(&theirs.client).await?;
    for operation in &operations {
        let foreign = resource(&theirs, lot, &their_examples, &operation.path);
        for (whose, id) in [("another tenant's", foreign), ("nobody's", Uuid::new_v4())] {
            attempts.refused(whose, &request(operation, id, &our_examples), &not_there).await?;
        }
        let nobodys = request(operation, Uuid::new_v4(), &their_examples);
        owners.refused("nobody's", &nobodys, &not_there).await?;
    }
    attempts.finish().await?;
    owners.finish().await?;
    control(&theirs.client, &operations, &their_examples, &theirs, lot).await
}

/// The owner's own requests succeed, so that nothing but the tenant was at fault.
async fn control(
    owner: &TestClient,
    operations: &[Operation],
    examples: &[Example],
    world: &World,
    lot: Uuid,
) -> anyhow::Result<()> {
    let position = owner.post("/v1/receipts", &world.receipt("F-2", 1)).await?.ok()["position"].clone();
    owner.get_after(position.as_u64().unwrap(), "/v1/batches").await?.ok();
    for operation in operations.iter().filter(|operation| !operation.is_write()) {
        let id = resource(world, lot, examples, &operation.path);
        request(operation, id, examples).send(owner).await?.ok();
    }
    for example in examples.iter().filter(|example| example.has_id()) {
        let operation = operations.iter().find(|one| one.name == example.operation).unwrap();
        request(operation, example.id, examples).send(owner).await?.ok();
    }
    Ok(())
}

#[tokio::test]
async fn no_list_shows_what_another_tenant_has() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    theirs.client.post("/v1/receipts", &theirs.receipt("F-1", 1)).await?.ok();
    let (_, position) = subscribed(&theirs).await?;
    let stranger = app.new_tenant()?;
    let elements = |answer: Value| match answer {
        Value::Array(elements) => elements.len(),
        page => page["items"].as_array().expect("a page has items").len(),
    };
    for operation in contract.operations() {
        let is_list = operation.secured && !operation.is_write() && !operation.has_id();
        // A stream has no end to read; projections are shared by all tenants, and hold nothing of theirs.
        if !is_list || ["GET /v1/events/stream", "GET /v1/projections"].contains(&operation.name.as_str()) {
            continue;
        }
        let path = path_of(&operation.path, Uuid::nil());
        if ALONE.contains(&operation.name.as_str()) {
            theirs.client.get_after(position, &path).await?.ok();
            stranger.get(&path).await?.refused(404, "not-found");
            continue;
        }
        let own = theirs.client.get_after(position, &operation.path).await?.ok();
        assert!(elements(own) > 0, "{}", operation.name);
        assert_eq!(elements(stranger.get(&operation.path).await?.ok()), 0, "{}", operation.name);
    }
    Ok(())
}
