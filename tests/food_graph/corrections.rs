//! Corrections by error declaration: retired from today's view, kept in views as known before.

use foodflow_testkit::{Stores, TestApp, World, amount, at};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

fn position(answer: &Value) -> u64 {
    answer["position"].as_u64().unwrap()
}

fn path_id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap()
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_receipt_is_restated(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let receipt = world.client.post("/v1/receipts", &world.receipt("F-1", 30)).await?.ok();
    let lot = receipt["batch_id"].as_str().unwrap().to_owned();
    let used = world.mix("D-1", &[(lot.parse()?, "18")], "18");
    let used = world.client.post("/v1/transformations", &used).await?.ok();
    let correction = format!("/v1/receipts/{}/correction", path_id(&receipt));
    let too_little = json!({"reason": "typing error", "restated": world.receipt("F-1", 10)});
    world.client.post(&correction, &too_little).await?.refused(422, "insufficient-quantity");
    let restated = json!({"reason": "typing error", "restated": world.receipt("F-1", 300)});
    let corrected = world.client.post(&correction, &restated).await?.ok();
    let after = position(&corrected);
    let today = world.client.get_after(after, &format!("/v1/batches/{lot}/mass-balance")).await?.ok();
    assert_eq!((&today["received"], &today["book"]), (&amount(300, "KGM"), &amount(282, "KGM")));
    let then = format!("/v1/batches/{lot}/mass-balance?known_at={}", position(&used));
    let then = world.client.get(&then).await?.ok();
    assert_eq!((&then["received"], &then["book"]), (&amount(30, "KGM"), &amount(12, "KGM")));
    let view = world.client.get(&format!("/v1/batches/{lot}")).await?.ok();
    assert_eq!(view["remaining"], amount(282, "KGM"));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_shipment_is_retired(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let bread = world.transform(&world.pack("B-1", flour, "40", "80")).await?;
    let shipped = world.client.post("/v1/shipments", &world.shipment(bread, 50, "CS")).await?.ok();
    let before = position(&shipped);
    let correction = format!("/v1/shipments/{}/correction", path_id(&shipped));
    let corrected = world.client.post(&correction, &json!({"reason": "never left"})).await?.ok();
    let after = position(&corrected);
    let impact = format!("/v1/batches/{flour}/impact");
    let today = world.client.get_after(after, &impact).await?.ok();
    assert_eq!((&today["consignees"], &today["totals"]["shipped"]), (&json!([]), &json!([amount(0, "CS")])));
    let then = world.client.get(&format!("{impact}?known_at={before}")).await?.ok();
    assert_eq!(then["totals"]["shipped"], json!([amount(50, "CS")]));
    world.client.post(&correction, &json!({"reason": "again"})).await?.refused(422, "already-retired");
    let all = world.client.post("/v1/shipments", &world.shipment(bread, 80, "CS")).await?.ok();
    assert!(position(&all) > after, "what the shipment had taken is there again");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_transformation_is_restated_with_other_inputs(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let wrong = world.receive("F-1", 100).await?;
    let right = world.receive("F-2", 100).await?;
    let mixed =
        world.client.post("/v1/transformations", &world.mix("D-1", &[(wrong, "20")], "19")).await?.ok();
    let dough: Uuid = mixed["batch_ids"][0].as_str().unwrap().parse()?;
    let bread = world.transform(&world.pack("B-1", dough, "19", "40")).await?;
    let before =
        world.client.post(&format!("/v1/batches/{wrong}/hold"), &json!({"reason": "smell"})).await?.ok();
    let correction = format!("/v1/transformations/{}/correction", path_id(&mixed));
    let restated =
        json!({"reason": "other lot on the belt", "restated": world.mix("D-1", &[(right, "20")], "19")});
    let corrected = world.client.post(&correction, &restated).await?.ok();
    let after = position(&corrected);
    let reached = async |lot: Uuid, known: String| -> anyhow::Result<Vec<String>> {
        let path = format!("/v1/batches/{lot}/trace?direction=forward{known}");
        let trace = world.client.get_after(after, &path).await?.ok();
        let lots = trace["batches"].as_array().unwrap();
        Ok(lots.iter().map(|lot| lot["batch_id"].as_str().unwrap().to_owned()).collect())
    };
    assert_eq!(reached(wrong, String::new()).await?, Vec::<String>::new());
    assert_eq!(reached(right, String::new()).await?, [dough.to_string(), bread.to_string()]);
    let then = format!("&known_at={}", position(&before));
    assert_eq!(reached(wrong, then.clone()).await?, [dough.to_string(), bread.to_string()]);
    assert_eq!(reached(right, then).await?, Vec::<String>::new());
    let path = format!("/v1/batches/{wrong}/impact/changes?from={}&to={after}", position(&before));
    let changes = world.client.get(&path).await?.ok();
    assert_eq!(changes["changes"][0]["change"], "left", "{changes}");
    assert_eq!(changes["changes"][0]["event_type"], "foodflow.food_graph.transformation.corrected.v1");
    let lot = world.client.get(&format!("/v1/batches/{wrong}")).await?.ok();
    assert_eq!(lot["remaining"], amount(100, "KGM"));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_bar_counts_from_its_event_time_on(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let hold = json!({"reason": "laboratory", "occurred_at": at(2, 12)});
    world.client.post(&format!("/v1/batches/{flour}/hold"), &hold).await?.ok();
    let late = world.mix("D-1", &[(flour, "10")], "10");
    world.client.post("/v1/transformations", &late).await?.ok();
    let mut barred = world.mix("D-2", &[(flour, "10")], "10");
    barred["occurred_at"] = json!(at(2, 12));
    world.client.post("/v1/transformations", &barred).await?.refused_at(422, "batch-held", "/inputs/0");
    let release = json!({"reason": "clean", "occurred_at": at(2, 18)});
    world.client.post(&format!("/v1/batches/{flour}/release"), &release).await?.ok();
    world.client.post("/v1/transformations", &barred).await?.refused(422, "batch-held");
    barred["occurred_at"] = json!(at(2, 18));
    let answer = world.client.post("/v1/transformations", &barred).await?.ok();
    let count = json!({"kind": "count", "quantity": amount(79, "KGM"), "occurred_at": at(3, 1)});
    let counted = world.client.post(&format!("/v1/batches/{flour}/adjustments"), &count).await?.ok();
    assert!(position(&counted) > position(&answer));
    let path = format!("/v1/batches/{flour}/mass-balance");
    let balance = world.client.get_after(position(&counted), &path).await?.ok();
    assert_eq!((&balance["variance"], &balance["accounted_percent"]), (&amount(1, "KGM"), &json!(99.0)));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn no_two_outputs_restate_one_lot(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let mixed =
        world.client.post("/v1/transformations", &world.mix("D-1", &[(flour, "20")], "19")).await?.ok();
    let correction = format!("/v1/transformations/{}/correction", path_id(&mixed));
    let mut restated = world.mix("D-1", &[(flour, "20")], "12");
    let second = world.mix("D-1", &[(flour, "20")], "7")["outputs"][0].clone();
    restated["outputs"].as_array_mut().unwrap().push(second);
    let twice = json!({"reason": "two lines", "restated": restated});
    let refused = world.client.post(&correction, &twice).await?;
    refused.refused_at(400, "invalid-body", "/restated/outputs/1");
    // Nothing of it was recorded: it can still be retired, once.
    world.client.post(&correction, &json!({"reason": "never made"})).await?.ok();
    world.client.post(&correction, &json!({"reason": "again"})).await?.refused(422, "already-retired");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_count_of_what_never_came_is_void(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let receipt = world.client.post("/v1/receipts", &world.receipt("F-1", 100)).await?.ok();
    let lot = receipt["batch_id"].as_str().unwrap();
    let count = json!({"kind": "count", "quantity": amount(100, "KGM"), "occurred_at": at(2, 9)});
    let counted = world.client.post(&format!("/v1/batches/{lot}/adjustments"), &count).await?.ok();
    let correction = format!("/v1/receipts/{}/correction", path_id(&receipt));
    let corrected = world.client.post(&correction, &json!({"reason": "booked twice"})).await?.ok();
    let balance = format!("/v1/batches/{lot}/mass-balance");
    let today = world.client.get_after(position(&corrected), &balance).await?.ok();
    assert_eq!((&today["received"], &today["counted"]), (&amount(0, "KGM"), &Value::Null), "{today:#}");
    let then = world.client.get(&format!("{balance}?known_at={}", position(&counted))).await?.ok();
    assert_eq!(then["counted"], amount(100, "KGM"));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_lot_whose_number_is_corrected_stays_held(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let mixed =
        world.client.post("/v1/transformations", &world.mix("D-1O1", &[(flour, "20")], "19")).await?.ok();
    let lot = mixed["batch_ids"][0].as_str().unwrap();
    world.client.post(&format!("/v1/batches/{lot}/hold"), &json!({"reason": "glass"})).await?.ok();
    let correction = format!("/v1/transformations/{}/correction", path_id(&mixed));
    let restated = json!({"reason": "O is 0", "restated": world.mix("D-101", &[(flour, "20")], "19")});
    let corrected = world.client.post(&correction, &restated).await?.ok();
    let view = world.client.get_after(position(&corrected), &format!("/v1/batches/{lot}")).await?.ok();
    assert_eq!((&view["batch_number"], &view["status"]), (&json!("D-101"), &json!("held")));
    let found = world.client.get("/v1/batches?batch_number=D-1O1").await?.ok();
    assert_eq!(found["items"], json!([]));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn two_lots_exchange_their_numbers(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let mut mix = world.mix("D-1", &[(flour, "20")], "12");
    let second = world.mix("D-2", &[(flour, "20")], "7")["outputs"][0].clone();
    mix["outputs"].as_array_mut().unwrap().push(second);
    let mixed = world.client.post("/v1/transformations", &mix).await?.ok();
    let lots: Vec<String> = (0..2).map(|at| mixed["batch_ids"][at].as_str().unwrap().to_owned()).collect();
    for (output, (lot, number)) in [(0, (&lots[0], "D-2")), (1, (&lots[1], "D-1"))] {
        mix["outputs"][output]["batch_id"] = json!(lot);
        mix["outputs"][output]["batch_number"] = json!(number);
    }
    let correction = format!("/v1/transformations/{}/correction", path_id(&mixed));
    let exchanged = json!({"reason": "labels exchanged", "restated": mix});
    let corrected = world.client.post(&correction, &exchanged).await?.ok();
    for (lot, number) in [(&lots[0], "D-2"), (&lots[1], "D-1")] {
        let view = world.client.get_after(position(&corrected), &format!("/v1/batches/{lot}")).await?.ok();
        assert_eq!(view["batch_number"], number);
        let found = world.client.get(&format!("/v1/batches?batch_number={number}")).await?.ok();
        assert_eq!(found["items"][0]["id"], json!(lot));
    }
    Ok(())
}
