//! Bounds, from both sides: the largest that is taken, and the smallest that is not.

use foodflow_testkit::{Stores, TestApp, World, amount, at};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};
use super::examples::set;

/// Refuses one body, then takes the other.
async fn bound(
    world: &World,
    why: &str,
    path: &str,
    taken: &Value,
    refused: &Value,
    pointer: &str,
) -> anyhow::Result<()> {
    let mut attempts = Attempts::of(&world.client).await?;
    attempts.refused(why, &Request::post(path, refused), &Refusal::body(pointer)).await?;
    attempts.finish().await?;
    let answer = world.client.post(path, taken).await?;
    assert!(answer.status.is_success(), "{why}: {:#}", answer.body);
    Ok(())
}

#[tokio::test]
async fn the_bounds_are_where_they_are_documented() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    // Characters, not bytes.
    let characters = |count: usize| "é".repeat(count);
    let place = |name: usize, address: usize| json!({"name": characters(name), "type": "plant", "address": characters(address)});
    let places = "/v1/locations";
    bound(&world, "a name", places, &place(255, 10), &place(256, 10), "/name").await?;
    bound(&world, "an address", places, &place(10, 2_000), &place(10, 2_001), "/address").await?;
    let corner = |latitude: f64, longitude: f64| {
        let coordinates = json!({"latitude": latitude, "longitude": longitude});
        json!({"name": "corner", "type": "plant", "coordinates": coordinates})
    };
    let (south, north) = (corner(-90.0, -180.0), corner(90.0, 180.0));
    bound(&world, "a pole", places, &south, &corner(-90.000_001, -180.0), "/coordinates/latitude").await?;
    bound(&world, "a date line", places, &north, &corner(90.0, 180.000_001), "/coordinates/longitude")
        .await?;
    let ids = |count: usize| (0..count).map(|_| json!(Uuid::new_v4())).collect::<Value>();
    let words = |count: usize| (0..count).map(|n| json!(format!("allergen {n}"))).collect::<Value>();
    let ingredient = |allergens: Value| json!({"name": "mix", "allergens": allergens});
    bound(&world, "words", "/v1/ingredients", &ingredient(words(300)), &ingredient(words(301)), "/allergens")
        .await?;
    let product = |places: Value| json!({"name": "p", "category": "c", "location_ids": places});
    let mut attempts = Attempts::of(&world.client).await?;
    let unknown = Request::post("/v1/products", &product(ids(300)));
    attempts.refused("300 unknown places", &unknown, &Refusal::missing("/location_ids/0")).await?;
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn quantities_are_exact_up_to_their_bounds() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = |number: &str, value: &str| world.receipt(number, value);
    let path = "/v1/receipts";
    let value = "/quantity/value";
    bound(&world, "12 digits", path, &lot("A", "999999999999"), &lot("A", "1000000000000"), value).await?;
    bound(&world, "9 decimals", path, &lot("B", "0.000000001"), &lot("B", "0.0000000001"), value).await?;
    let all = lot("C", "999999999999.999999999");
    bound(&world, "all digits", path, &all, &lot("C", "999999999999.9999999991"), value).await?;
    let early = |time: &str| set(&lot("D", "1"), "/received_at", json!(time));
    let (first, last) = ("1900-01-01T00:00:00Z", "1899-12-31T23:59:59Z");
    bound(&world, "an early time", path, &early(first), &early(last), "/received_at").await?;
    let made = |date: &str| set(&lot("E", "1"), "/production_date", json!(date));
    bound(&world, "an early date", path, &made("1900-01-01"), &made("1899-12-31"), "/production_date")
        .await?;
    let expiry = |date: &str| {
        set(&set(&lot("F", "1"), "/production_date", json!("2026-04-01")), "/expiry_date", json!(date))
    };
    bound(&world, "expiry", path, &expiry("2026-04-01"), &expiry("2026-03-31"), "/expiry_date").await?;
    Ok(())
}

#[tokio::test]
async fn a_count_may_find_nothing_but_not_less() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 100).await?;
    let path = format!("/v1/batches/{lot}/adjustments");
    let count =
        |value: &str| json!({"kind": "count", "quantity": amount(value, "KGM"), "occurred_at": at(5, 6)});
    bound(&world, "a count", &path, &count("0"), &count("-0.000000001"), "/quantity/value").await
}

/// Each of these words differs from every other one, which must not be found out by comparing all of them.
#[tokio::test]
async fn a_list_far_beyond_its_bound_is_refused_at_once_and_in_few_words() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let words: Vec<String> = (0..100_000).map(|number| format!("{number:05}")).collect();
    for words in [words, vec![String::new(); 100_000]] {
        let body = json!({"name": "Mill", "country": "NL", "certifications": words});
        let answer = world.client.post("/v1/suppliers", &body).await?;
        answer.refused_at(400, "invalid-body", "/certifications");
        assert!(answer.body["errors"].as_array().unwrap().len() <= 101);
    }
    Ok(())
}
