//! Query parameters: unknown, missing, of a wrong kind, out of bounds, contradicting each other.

use foodflow_testkit::{Stores, TestApp, World};
use serde_json::Value;

use super::attempt::{Attempts, Refusal, Request};
use super::contract::{Contract, Operation};

/// Parameters that take any text.
const FREE_TEXTS: &[&str] = &[
    "action",
    "actor",
    "batch_number",
    "brand",
    "category",
    "context",
    "country",
    "email",
    "feature_name",
    "gln",
    "gtin",
    "metric_name",
    "name",
    "origin_country",
    "plan",
    "resource",
    "sku_code",
    "status",
    "subject",
    "type",
];
/// Wrong points of knowledge: no time, no position, a position after the end of the log.
const NO_POINTS: &[&str] =
    &["yesterday", "", "-1", "1.5", "2026-05-01", "999999999999", "18446744073709551616"];
const NO_POSITIONS: &[&str] = &["x", "", "-1", "1.5", "18446744073709551616"];

/// Values that a parameter refuses.
fn wrong(operation: &Operation, name: &str, schema: &Value) -> &'static [&'static str] {
    match name {
        "direction" => &["sideways", "", "Forward", "forward,backward", "1"],
        "at" => &["yesterday", "", "2026-05-01", "7", "2026-13-01T00:00:00Z"],
        "as_of" | "known_at" | "from" | "to" => NO_POINTS,
        "page[size]" => &["0", "501", "-1", "x", "", "1.5"],
        "page[after]" => &["x", "", "7"],
        "limit" => &["0", "1001", "-1", "x", ""],
        "after" => NO_POSITIONS,
        "since" | "until" => &["yesterday", "", "2026-05-01", "7", "2026-13-01T00:00:00Z"],
        "format" => &["xml", "", "CSV", "json,csv"],
        "month" => &["yesterday", "", "2026", "2026-13", "2026-05-01"],
        "outcome" => &["maybe", "", "Done"],
        "digest" | "enabled" | "is_active" => &["maybe", "1", ""],
        _ if schema["format"] == "uuid" => &["x", "", "0199aa11"],
        _ if FREE_TEXTS.contains(&name) => &[],
        _ => panic!("what does `{name}` of {} refuse?", operation.name),
    }
}

/// What an operation cannot do without, except for the parameter `but`.
fn needed(operation: &Operation, but: &str) -> &'static str {
    match (operation.path.as_str(), but) {
        ("/v1/batches/{id}/trace", other) if other != "direction" => "direction=forward&",
        ("/v1/batches/{id}/impact/changes", other) if other != "from" => "from=0&",
        ("/v1/audit/export", other) if other != "format" => "format=csv&",
        _ => "",
    }
}

fn escaped(name: &str) -> String {
    name.replace('[', "%5B").replace(']', "%5D")
}

#[tokio::test]
async fn every_parameter_is_refused_where_it_is_wrong() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let contract = Contract::of(&world.client).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    for operation in contract.operations().iter().filter(|one| one.secured) {
        let path = operation.path_of(lot);
        let ask = |query: &str, needed: &str| {
            Request::new(operation.method.clone(), format!("{path}?{needed}{query}"))
        };
        let refusal = |part: &str| Refusal::new(400, "invalid-parameter").at(part);
        let unknown = ask("surprise=1", needed(operation, ""));
        attempts.refused("an unknown parameter", &unknown, &refusal("surprise")).await?;
        for (name, schema) in &operation.query {
            for value in wrong(operation, name, schema) {
                let request = ask(&format!("{}={value}", escaped(name)), needed(operation, name));
                attempts.refused(name, &request, &refusal(name)).await?;
            }
        }
    }
    let count = attempts.finish().await?;
    assert!(count > 120, "{count} refusals are too few to be all");
    Ok(())
}

#[tokio::test]
async fn parameters_are_neither_missing_nor_contradicting() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    let of_lot = |rest: &str| format!("/v1/batches/{lot}/{rest}");
    let now = jiff::Timestamp::now();
    for (why, path, part) in [
        ("no direction", of_lot("trace"), "direction"),
        ("no beginning", of_lot("impact/changes"), "from"),
        ("no format", "/v1/audit/export".to_owned(), "format"),
        ("no beginning", of_lot("impact/changes?to=1"), "from"),
        ("two directions", of_lot("trace?direction=forward&direction=backward"), "direction"),
        ("both", of_lot("trace?direction=forward&known_at=1&as_of=1"), "as_of"),
        ("both", of_lot("impact?known_at=1&as_of=1"), "as_of"),
        ("both", of_lot("mass-balance?known_at=1&as_of=1"), "as_of"),
        ("the end before the beginning", of_lot(&format!("impact/changes?from={now}&to=0")), "from"),
        ("a stream goes on", "/v1/events/stream?limit=1".to_owned(), "limit"),
        ("a stream goes on", "/v1/events/stream?as_of=1".to_owned(), "as_of"),
        ("twice", "/v1/batches?status=held&status=recalled".to_owned(), "status"),
    ] {
        let refusal = Refusal::new(400, "invalid-parameter").at(part);
        attempts.refused(why, &Request::get(path), &refusal).await?;
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_bounds_of_pages_are_where_they_are_documented() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let position =
        world.client.post("/v1/receipts", &world.receipt("F-1", 1)).await?.ok()["position"].clone();
    let position = position.as_u64().unwrap();
    let get = async |path: &str| world.client.get_after(position, path).await;
    for size in [1, 500] {
        get(&format!("/v1/batches?page%5Bsize%5D={size}")).await?.ok();
    }
    let one = get("/v1/events?limit=1").await?.ok();
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    get("/v1/events?limit=1000").await?.ok();
    get(&format!("/v1/batches?page%5Bafter%5D={}", uuid::Uuid::max())).await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_character_that_no_name_has_is_refused_by_every_store() -> anyhow::Result<()> {
    for stores in [Stores::Embedded, Stores::Servers] {
        let client = TestApp::shared(stores).await?.new_tenant()?;
        for path in ["/v1/batches?batch_number=%00", "/v1/subscriptions?plan=a%00", "/v1/events?subject=%00"]
        {
            client.get(path).await?.refused(400, "invalid-parameter");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_page_behind_the_end_says_where_the_log_ends() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    world.receive("F-1", 1).await?;
    let behind = world.client.get("/v1/events?after=999999999").await?;
    let position: u64 = behind.header("foodflow-position").unwrap().parse()?;
    assert!((1..999_999_999).contains(&position), "{position}");
    world.client.get_after(position, "/v1/batches").await?.ok();
    Ok(())
}
