//! What is exported and imported elsewhere is the same plant.

use std::collections::BTreeSet;

use foodflow_testkit::TestApp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Plant, TENANT};

/// What an import states anew: when and where in the log something was recorded, and by which event.
const ANEW: [&str; 6] = ["position", "event_id", "created_at", "updated_at", "retired_at", "version"];

/// An answer without what an import states anew, and without the order of recording.
fn lasting(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !ANEW.contains(&name.as_str()))
            .map(|(name, field)| (name.clone(), lasting(field)))
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(lasting).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

async fn answers(plant: &Plant) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    for kind in ["locations", "suppliers", "ingredients", "products", "skus", "batches"] {
        let path = format!("/v1/{kind}?page[size]=500");
        let page = plant.get(&path).await;
        assert!(page["next"].is_null());
        answers.push((path, lasting(&page)));
    }
    let (_, lots) = answers.last().unwrap().clone();
    for lot in lots["items"].as_array().unwrap() {
        for question in ["trace?direction=forward", "trace?direction=backward", "impact", "mass-balance"] {
            let path = format!("/v1/batches/{}/{question}", lot["id"].as_str().unwrap());
            answers.push((path.clone(), lasting(&plant.get(&path).await)));
        }
    }
    answers
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

/// Exports `plant`, imports it into an empty one, and compares all that they answer.
async fn same_elsewhere(plant: &Plant) -> Plant {
    let exported = plant.run(&["export", "--out", "plant.ndjson"]);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let text = std::fs::read_to_string(plant.path("plant.ndjson")).unwrap();
    let count = text.lines().count() as u64;

    let mut elsewhere = Plant::empty().await;
    elsewhere.client = elsewhere.app.client(&plant.client.slug, &[]).unwrap();
    let imported = elsewhere.import(&plant.path("plant.ndjson"), &["--results", "results.ndjson"]);
    assert_eq!((imported.code, imported.totals()), (Some(0), [count, 0, 0]), "{}", imported.stderr);

    let (expected, found) = (answers(plant).await, answers(&elsewhere).await);
    assert_eq!(expected.len(), found.len());
    for ((path, expected), (_, found)) in expected.iter().zip(&found) {
        assert_eq!(expected, found, "{path}");
    }
    let again = elsewhere.run(&["export"]);
    assert_eq!(lines(&again.stdout), lines(&text), "an export of the import is the export");
    let back = plant.import(&plant.path("plant.ndjson"), &["--results", "back.ndjson"]);
    assert_eq!(back.totals(), [0, count, 0], "a plant knows its own export: {}", back.stderr);
    elsewhere
}

#[tokio::test]
async fn the_demo_is_the_same_elsewhere() {
    let app = TestApp::demo().await.unwrap();
    let client = app.printed_client("harbor-vale").await.unwrap();
    let plant = Plant { app, client, folder: TempDir::new().unwrap() };
    same_elsewhere(&plant).await;

    let until = plant.run(&["export", "--until", "2026-03-05T12:00:00Z"]);
    let all = plant.run(&["export"]);
    assert!(all.stdout.starts_with(&until.stdout) && until.stdout.len() < all.stdout.len());
    assert!(until.stdout.contains("DB-302") && !until.stdout.contains("DB-304"));
}

#[tokio::test]
async fn every_operation_is_the_same_elsewhere() {
    let plant = Plant::sample().await;
    let mut ids = Vec::new();
    for number in ["SD-2604-A", "MS-0309", "SS-0414", "BR-0413", "LS-5540"] {
        ids.push(plant.lot(number).await["id"].as_str().unwrap().to_owned());
    }
    let [butter, salt, bread, rolls, sesame] = ids.try_into().unwrap();
    let kg = |value: &str| json!({"value": value, "unit": "KGM"});
    let at = "2026-04-16T08:00:00Z";
    let results = plant.results("sample.results.ndjson");
    let document = |command: &str, line: u64| {
        let is_it = |found: &&Value| found["command"] == command && found["line"] == line;
        results.iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (receipt, baked, shipped) =
        (document("receipts", 9), document("transformations", 15), document("shipments", 5));
    let dough = plant.lot("WD-0414-1").await["id"].clone();
    let place = plant.lot("SS-0414").await["location_id"].clone();
    let product = plant.lot("SS-0414").await["product_id"].clone();
    let commands = [
        (
            format!("batches/{butter}/hold"),
            json!({"reason": "Cold chain", "quantity": kg("20"), "occurred_at": at}),
        ),
        (format!("batches/{butter}/release"), json!({"reason": "Tested", "quantity": kg("5")})),
        (
            format!("batches/{butter}/adjustments"),
            json!({"kind": "waste", "quantity": kg("1.5"), "occurred_at": at}),
        ),
        (format!("batches/{salt}/dispose"), json!({"reason": "Damp", "quantity": kg("2")})),
        (format!("batches/{rolls}/recall"), json!({"reason": "Label"})),
        (
            format!("batches/{salt}/adjustments"),
            json!({"kind": "count", "quantity": kg("30"), "occurred_at": at}),
        ),
        (
            format!("transformations/{baked}/inputs"),
            json!({"inputs": [{"batch_id": butter, "quantity": kg("2")}], "occurred_at": "2026-04-14T05:25:00Z"}),
        ),
        (
            format!("transformations/{baked}/correction"),
            json!({"reason": "One lot of sesame", "restated": {
            "inputs": [{"batch_id": dough, "quantity": kg("300")}, {"batch_id": sesame, "quantity": kg("13")}],
            "outputs": [{"batch_number": "SS-0414", "product_id": product, "quantity": {"value": "33", "unit": "CS"}},
                        {"batch_number": "SS-0414-B", "product_id": product, "quantity": {"value": "1", "unit": "CS"}}],
            "location_id": place, "occurred_at": "2026-04-14T05:20:00Z", "loss": kg("1")}}),
        ),
        (format!("shipments/{shipped}/correction"), json!({"reason": "Never left"})),
        (format!("receipts/{receipt}/correction"), json!({"reason": "Never came"})),
        (
            format!("batches/{bread}/adjustments"),
            json!({"kind": "sample", "quantity": {"value": 1, "unit": "CS"}, "occurred_at": at, "reason": "Lab"}),
        ),
    ];
    // The salt of one receipt has been used, so that it cannot never have come.
    for (index, (command, body)) in commands.iter().enumerate() {
        let key = format!("operation-{index}");
        let answer = plant.client.post_as(&key, &format!("/v1/{command}"), body).await.unwrap();
        if command.starts_with("receipts/") {
            answer.refused(422, "insufficient-quantity");
        } else {
            assert!(answer.status.is_success(), "{command}: {:#}", answer.body);
        }
    }
    let elsewhere = same_elsewhere(&plant).await;
    let (command, body) = &commands[0];
    let again = elsewhere.client.post_as("operation-0", &format!("/v1/{command}"), body).await.unwrap().ok();
    let hold = plant.client.post_as("operation-0", &format!("/v1/{command}"), body).await.unwrap().ok();
    assert_eq!(again["id"], hold["id"], "a client's repeat is known elsewhere: {again}");
    let held = elsewhere.lot("SD-2604-A").await;
    assert_eq!((&held["status"], elsewhere.client.slug.as_str()), (&json!("held"), TENANT));
}
