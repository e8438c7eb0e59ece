//! Paths, ids and methods that do not exist.

use foodflow_testkit::{Stores, TestApp, World};
use reqwest::Method;
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};
use super::contract::Contract;
use super::examples::examples;

const UNKNOWN: &[&str] = &[
    "/",
    "/v1",
    "/v1/",
    "/v1/unknown",
    "/v1/locations/",
    "/V1/locations",
    "/v1/Locations",
    "/v2/locations",
    "/v1/batches/hold",
    "/v1/events/stream/more",
    "/index.html",
    "/.env",
];

/// Texts in the place of an id.
const NO_IDS: &[&str] = &[
    "x",
    "0",
    "%FF",
    "%00",
    "%20",
    "..%2fsecret",
    "0199aa11-0000-7000-8000-00000000000",
    "0199aa11-0000-7000-8000-000000000000x",
    "%27%20OR%201=1",
];

#[tokio::test]
async fn an_unknown_path_is_not_there() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let mut attempts = Attempts::of(&client).await?;
    let not_there = Refusal::new(404, "not-found");
    for path in UNKNOWN {
        // `/v1/batches/hold` is the path of a lot whose id is no id.
        for method in [Method::GET, Method::POST] {
            if (&method, *path) == (&Method::POST, "/v1/batches/hold") {
                continue;
            }
            attempts.refused("unknown", &Request::new(method, *path), &not_there).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_no_id_is_not_there() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let contract = Contract::of(&world.client).await?;
    let examples = examples(&world).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    for operation in contract.operations().iter().filter(|operation| operation.has_id()) {
        for id in NO_IDS {
            let mut request = Request::new(operation.method.clone(), operation.path.replace("{id}", id));
            if let Some(example) = examples.iter().find(|example| example.operation == operation.name) {
                request = request.json(&example.bodies[0]);
            }
            attempts.refused("no id", &request, &Refusal::new(404, "not-found")).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn another_method_is_not_allowed() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let operations = Contract::of(&client).await?.operations();
    let mut paths: Vec<&str> = operations.iter().map(|operation| operation.path.as_str()).collect();
    paths.dedup();
    let refusal = Refusal::new(405, "method-not-allowed");
    let mut attempts = Attempts::of(&client).await?;
    for path in paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        {
            if operations.iter().any(|one| one.path == path && one.method == method) {
                continue;
            }
            let request = Request::new(method, path.replace("{id}", &Uuid::new_v4().to_string()));
            attempts.refused("another method", &request, &refusal).await?;
            let answer = request.send(&client).await?;
            let allowed = answer.header("allow").unwrap_or_default();
            assert!(!allowed.is_empty(), "{path} does not say which methods it takes");
        }
    }
    attempts.finish().await?;
    Ok(())
}
