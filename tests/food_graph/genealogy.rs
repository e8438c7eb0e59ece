//! Trace, impact and mass balance on data other than the demo's, on both kinds of stores.

use std::time::Instant;

use foodflow_testkit::{Stores, TestApp, World, amount, at};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

const LEVELS: usize = 30;

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_trace_visits_each_lot_once_however_many_paths_there_are(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let first = world.receive("R-1", 100).await?;
    let second = world.receive("R-2", 100).await?;
    let (mut level, mut position) = ([first, second], 0);
    for number in 1..=LEVELS {
        let mut next = [Uuid::nil(); 2];
        for (side, lot) in next.iter_mut().enumerate() {
            let body = world.mix(&format!("L-{number}-{side}"), &[(level[0], "1"), (level[1], "1")], "2");
            let answer = world.client.post("/v1/transformations", &body).await?.ok();
            *lot = answer["batch_ids"][0].as_str().unwrap().parse()?;
            position = answer["position"].as_u64().unwrap();
        }
        level = next;
    }
    for (start, direction, reached) in [(first, "forward", 2 * LEVELS), (level[0], "backward", 2 * LEVELS)] {
        let path = format!("/v1/batches/{start}/trace?direction={direction}");
        let warm = world.client.get_after(position, &path).await?.ok();
        assert_eq!(warm["batches"].as_array().unwrap().len(), reached);
        let started = Instant::now();
        let trace = world.client.get(&path).await?.ok();
        assert!(started.elapsed().as_millis() < 2_000, "{direction}: {:?}", started.elapsed());
        for lot in trace["batches"].as_array().unwrap() {
            let half = lot["share"]["numerator"] == "1" && lot["share"]["denominator"] == "2";
            let of_traced = direction == "forward" || lot["depth"] != 0;
            assert!(half && of_traced, "by symmetry every level holds one half: {lot}");
        }
    }
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_lot_is_followed_from_receipt_to_consignee(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let other = world.receive("F-2", 50).await?;
    let dough = world.transform(&world.mix("D-1", &[(flour, "30"), (other, "10")], "38")).await?;
    let bread = world.transform(&world.pack("B-1", dough, "38", "80")).await?;
    let shipped = world.client.post("/v1/shipments", &world.shipment(bread, 60, "CS")).await?.ok();
    let position = shipped["position"].as_u64().unwrap();
    let get =
        async |path: String| world.client.get_after(position, &path).await.map(foodflow_testkit::Answer::ok);

    let forward = get(format!("/v1/batches/{flour}/trace?direction=forward")).await?;
    let lots: Vec<(&str, u64)> = forward["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lot| (lot["batch_number"].as_str().unwrap(), lot["depth"].as_u64().unwrap()))
        .collect();
    assert_eq!(lots, [("D-1", 1), ("B-1", 2)]);
    assert_eq!(forward["batches"][1]["share"], json!({"numerator": "3", "denominator": "4", "value": 0.75}));
    assert_eq!(forward["locations"][0]["location_id"], json!(world.depot));
    assert_eq!(forward["locations"][0]["quantities"], json!([amount(60, "CS")]));
    assert_eq!(forward["edges"].as_array().unwrap().len(), 2);
    assert_eq!(forward["edges"][0]["from_batch_id"], json!(flour));
    assert_eq!(forward["edges"][0]["quantity"], amount(30, "KGM"));

    let impact = get(format!("/v1/batches/{flour}/impact")).await?;
    assert_eq!(impact["totals"]["on_hand"], json!([amount(20, "CS")]));
    assert_eq!(impact["consignees"][0]["name"], "North depot");

    let lot = get(format!("/v1/batches/{flour}")).await?;
    assert_eq!((&lot["remaining"], &lot["status"]), (&amount(70, "KGM"), &json!("available")));
    let unshipped = get(format!("/v1/batches/{other}/trace?direction=backward")).await?;
    assert_eq!(unshipped["batches"], json!([]), "a raw lot has no ancestors");
    assert_eq!(unshipped["suppliers"][0]["name"], "Flour & Sons");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn shares_are_null_where_units_do_not_add_up(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 10).await?;
    let mut eggs = world.receipt("E-1", 0);
    eggs["quantity"] = amount(12, "EA");
    let eggs = world.client.post("/v1/receipts", &eggs).await?.ok();
    let eggs: Uuid = eggs["batch_id"].as_str().unwrap().parse()?;
    let mut body = world.mix("D-1", &[(flour, "1")], "1");
    body["inputs"].as_array_mut().unwrap().push(json!({"batch_id": eggs, "quantity": amount(2, "EA")}));
    world.transform(&body).await?;
    let grams = json!({"batch_id": flour, "quantity": amount(500, "GRM")});
    let mut mixed = world.mix("D-2", &[(flour, "1.5")], "2");
    mixed["inputs"].as_array_mut().unwrap().push(grams);
    let answer = world.client.post("/v1/transformations", &mixed).await?.ok();
    let path = format!("/v1/batches/{flour}/trace?direction=forward");
    let trace = world.client.get_after(answer["position"].as_u64().unwrap(), &path).await?.ok();
    let share = |number: &str| -> Value {
        let lots = trace["batches"].as_array().unwrap();
        lots.iter().find(|lot| lot["batch_number"] == number).unwrap()["share"].clone()
    };
    assert_eq!(share("D-1"), Value::Null);
    assert_eq!(share("D-2"), json!({"numerator": "1", "denominator": "1", "value": 1.0}));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_lot_never_becomes_its_own_ancestor(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let flour = world.receive("F-1", 100).await?;
    let first =
        world.client.post("/v1/transformations", &world.mix("D-1", &[(flour, "10")], "10")).await?.ok();
    let d1: Uuid = first["batch_ids"][0].as_str().unwrap().parse()?;
    let second = world.client.post("/v1/transformations", &world.mix("D-2", &[(d1, "5")], "5")).await?.ok();
    let d2: Uuid = second["batch_ids"][0].as_str().unwrap().parse()?;
    let late = json!({"inputs": [{"batch_id": d2, "quantity": amount(1, "KGM")}], "occurred_at": at(2, 8)});
    let inputs = format!("/v1/transformations/{}/inputs", first["id"].as_str().unwrap());
    world.client.post(&inputs, &late).await?.refused_at(422, "cycle", "/inputs/0");
    let own = json!({"inputs": [{"batch_id": d1, "quantity": amount(1, "KGM")}], "occurred_at": at(2, 8)});
    world.client.post(&inputs, &own).await?.refused(422, "cycle");
    let mut both = world.mix("D-3", &[(flour, "1")], "1");
    both["outputs"][0]["batch_id"] = json!(flour);
    world.client.post("/v1/transformations", &both).await?.refused(422, "cycle");
    let lot = world
        .client
        .get_after(second["position"].as_u64().unwrap(), &format!("/v1/batches/{d2}"))
        .await?
        .ok();
    assert_eq!(lot["remaining"], amount(5, "KGM"), "a refused command leaves nothing behind");
    Ok(())
}
