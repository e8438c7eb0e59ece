//! A read as of a point in time answers what it answered then.

use foodflow_testkit::{Stores, TestApp, TestClient, World, amount, at};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

/// What a question was answered at a position.
struct Told {
    position: u64,
    path: String,
    status: u16,
    body: Value,
}

/// Asks everything about a lot and its master data, as of now.
async fn ask_all(world: &World, lot: Uuid, position: u64) -> anyhow::Result<Vec<Told>> {
    let World { plant, supplier, ingredient, product, sku, .. } = world;
    let paths = [
        format!("/v1/batches/{lot}"),
        "/v1/batches?status=held".to_owned(),
        "/v1/batches?page%5Bsize%5D=2".to_owned(),
        format!("/v1/batches?ingredient_id={ingredient}"),
        format!("/v1/locations/{plant}"),
        "/v1/locations".to_owned(),
        format!("/v1/suppliers/{supplier}"),
        format!("/v1/ingredients/{ingredient}"),
        format!("/v1/products/{product}"),
        format!("/v1/skus/{sku}"),
        "/v1/skus?sku_code=RB-500".to_owned(),
        format!("/v1/batches/{lot}/trace?direction=forward"),
        format!("/v1/batches/{lot}/impact"),
        format!("/v1/batches/{lot}/mass-balance"),
        format!("/v1/batches/{lot}/impact/changes?from=0"),
        "/v1/events?limit=1000".to_owned(),
    ];
    let mut told = Vec::new();
    for path in paths {
        let answer = world.client.get_after(position, &path).await?;
        told.push(Told { position, path, status: answer.status.as_u16(), body: answer.body });
    }
    Ok(told)
}

fn with_as_of(path: &str, point: &str) -> String {
    format!("{path}{}as_of={point}", if path.contains('?') { "&" } else { "?" })
}

/// Without what says only how far the whole read model was.
fn plain(mut body: Value) -> Value {
    if let Some(object) = body.as_object_mut() {
        object.remove("position");
        object.remove("to");
    }
    body
}

async fn position_of(client: &TestClient, path: &str, body: &Value) -> anyhow::Result<u64> {
    let answer = client.post(path, body).await?.ok();
    Ok(answer["position"].as_u64().unwrap())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn every_read_answers_as_it_did_then(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let client = &world.client;
    let other = World::build(app.new_tenant()?).await?;
    let lot = Uuid::new_v4();
    let mut receipt = world.receipt("F-1", 100);
    receipt["batch_id"] = json!(lot);
    let mut told = Vec::new();
    let mut position = position_of(client, "/v1/receipts", &receipt).await?;
    told.extend(ask_all(&world, lot, position).await?);
    let mixed = world.mix("D-1", &[(lot, "40")], "38");
    let held = json!({"reason": "Glass", "quantity": amount(5, "KGM"), "occurred_at": at(2, 9)});
    let sample = json!({"kind": "sample", "quantity": amount("0.5", "KGM"), "occurred_at": at(2, 10)});
    let recipe =
        json!({"version": "2", "ingredients": [{"ingredient_id": world.ingredient, "percent": "60"}]});
    let steps = [
        ("/v1/transformations".to_owned(), mixed),
        (format!("/v1/batches/{lot}/hold"), held),
        (format!("/v1/batches/{lot}/adjustments"), sample),
        (format!("/v1/batches/{lot}/release"), json!({"reason": "X-rayed"})),
        (format!("/v1/batches/{lot}/recall"), json!({"reason": "Notice"})),
    ];
    for (path, body) in &steps {
        position = position_of(client, path, body).await?;
        // What others record between is nothing to this tenant.
        other.receive(&format!("O-{position}"), 1).await?;
        told.extend(ask_all(&world, lot, position).await?);
    }
    let put = client.put(&format!("/v1/products/{}/recipe", world.product), &recipe).await?.ok();
    let now = put["position"].as_u64().unwrap();

    assert!(told.iter().any(|one| one.body["status"] == "held") && told.iter().all(|one| one.status == 200));
    for Told { position, path, status, body } in &told {
        let then = client.get_after(now, &with_as_of(path, &position.to_string())).await?;
        assert_eq!(then.status.as_u16(), *status, "{path} as of {position}: {:#}", then.body);
        assert_eq!(plain(then.body.clone()), plain(body.clone()), "{path} as of {position}");
        if !path.starts_with("/v1/events") {
            assert_eq!(then.header("foodflow-position"), Some(position.to_string().as_str()), "{path}");
        }
    }
    // Before anything was there.
    let before = client.get(&with_as_of(&format!("/v1/batches/{lot}"), "0")).await?;
    before.refused(404, "not-found");
    let none = client.get("/v1/batches?as_of=0").await?.ok();
    assert_eq!(none["items"], json!([]));
    assert_eq!(client.get("/v1/events?as_of=0").await?.ok(), json!([]));
    // Another tenant's lot is not there at any time. Positions are of a partition, and that may be another one.
    let now = jiff::Timestamp::now().to_string();
    let stranger = other.client.get(&with_as_of(&format!("/v1/batches/{lot}"), &now)).await?;
    stranger.refused(404, "not-found");
    Ok(())
}

#[tokio::test]
async fn a_recorded_time_means_the_last_position_recorded_by_then() -> anyhow::Result<()> {
    let app = TestApp::demo().await?;
    let client = app.printed_client("harbor-vale").await?;
    let lot = |page: Value| page["items"][0].clone();
    let number = "/v1/batches?batch_number=MP-0417";
    // The receipt was recorded as 30 kg and corrected to 300 kg nine days later.
    let typed = lot(client.get(&with_as_of(number, "2026-03-10T12:00:00Z")).await?.ok());
    assert_eq!((&typed["quantity"]["value"], &typed["status"]), (&json!("30"), &json!("held")));
    let arrived = lot(client.get(&with_as_of(number, "2026-03-04T23:00:00Z")).await?.ok());
    assert_eq!(arrived["status"], "available");
    let corrected = lot(client.get(&with_as_of(number, "2026-03-12T00:00:00Z")).await?.ok());
    assert_eq!(corrected["quantity"]["value"], "300");
    let none = client.get(&with_as_of(number, "2026-01-01T00:00:00Z")).await?.ok();
    assert_eq!(none["items"], json!([]));
    Ok(())
}
