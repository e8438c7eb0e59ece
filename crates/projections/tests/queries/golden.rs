//! The golden scenario: what happened, and what must be answered.

use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_projections::changes::{EdgeType, Label};
use foodflow_projections::food_graph::queries::amounts::Amounts;
use foodflow_projections::food_graph::queries::{
    Impact, Known, Trace, View, impact, impact_changes, mass_balance, stock, trace,
};
use foodflow_projections::graph::{EdgeDirection, TraceDirection};
use serde_json::{Value, json};

use super::world::{World, amount, at, id, ingredient, mixing, product};

/// Harbor & Vale Foods, up to 2026-03-14.
pub(crate) async fn harbor_and_vale() -> World {
    let mut world = World::new().await;
    master_data(&mut world).await;
    receipts(&mut world).await;
    dressings_and_salads(&mut world).await;
    shipments_and_rework(&mut world).await;
    aftermath(&mut world).await;
    world
}

async fn master_data(world: &mut World) {
    for name in ["Plant A", "DC-East", "DC-West", "Retail-R"] {
        world.location(name).await;
    }
    for name in ["Rajkot Mills", "SpiceHub", "Dill grower"] {
        world.supplier(name).await;
    }
    world.supplies("Rajkot Mills", "SpiceHub").await;
    for name in ["mustard", "base", "dill"] {
        world.ingredient(name).await;
    }
    world.product("dressing").await;
    world.product("deli salad").await;
    world.sku("deli salad 400 g", "deli salad").await;
}

async fn receipts(world: &mut World) {
    world.now = at("02-20 09:00");
    world.receive("MP-0390", ingredient("mustard"), Some("SpiceHub"), "500 KGM", at("02-20 08:00")).await;
    world.receive("BASE", ingredient("base"), None, "2000 KGM", at("02-20 08:30")).await;
    world.now = at("03-02 09:00");
    world.receive("MP-0417", ingredient("mustard"), Some("SpiceHub"), "30 KGM", at("03-02 08:00")).await;
}

async fn dressings_and_salads(world: &mut World) {
    let dressing = || product("dressing");
    let salad = || product("deli salad");
    world.now = at("03-05 12:00");
    let time = at("03-05 10:00");
    world
        .transform(
            "T-301",
            mixing(&[("MP-0417", "12 KGM"), ("BASE", "88 KGM")], &[("DB-301", dressing(), "98 KGM")], time),
        )
        .await;
    let inputs = [("MP-0417", "6 KGM"), ("MP-0390", "6 KGM"), ("BASE", "88 KGM")];
    world.transform("T-302", mixing(&inputs, &[("DB-302", dressing(), "98 KGM")], time)).await;
    let clean = [("MP-0390", "12 KGM"), ("BASE", "88 KGM")];
    world.transform("T-304", mixing(&clean, &[("DB-304", dressing(), "98 KGM")], time)).await;
    world.now = at("03-07 12:00");
    world.receive("HB-7", ingredient("dill"), Some("Dill grower"), "20 KGM", at("03-07 06:00")).await;
    let time = at("03-07 10:00");
    for (document, lot, input, cases) in [
        ("T-1001", "DS-1001", ("DB-301", "49 KGM"), "200 CS"),
        ("T-1002", "DS-1002", ("DB-301", "39 KGM"), "160 CS"),
        ("T-1003", "DS-1003", ("DB-302", "98 KGM"), "400 CS"),
    ] {
        world.transform(document, mixing(&[input, ("HB-7", "1 KGM")], &[(lot, salad(), cases)], time)).await;
    }
}

async fn shipments_and_rework(world: &mut World) {
    let (dressing, salad) = (product("dressing"), product("deli salad"));
    world.now = at("03-08 08:00");
    world.ship("S-1", &[("DS-1001", "120 CS"), ("DS-1002", "160 CS")], "DC-East", at("03-08 07:00")).await;
    world.ship("S-2", &[("DS-1001", "60 CS"), ("DS-1003", "40 CS")], "DC-West", at("03-08 07:30")).await;
    world.now = at("03-09 16:30");
    let mostly_clean = [("MP-0390", "10.8 KGM"), ("BASE", "79.2 KGM")];
    world
        .transform("T-303", mixing(&mostly_clean, &[("DB-303", dressing, "98 KGM")], at("03-09 16:00")))
        .await;
    world.now = at("03-09 23:00");
    let packed = mixing(&[("DB-303", "98 KGM")], &[("DS-1004", salad, "400 CS")], at("03-09 18:00"));
    world.transform("T-1004", packed).await;
    let packed = mixing(&[("DB-304", "98 KGM")], &[("DS-1005", salad, "400 CS")], at("03-09 22:00"));
    world.transform("T-1005", packed).await;
    world.now = at("03-10 07:00");
    world.ship("S-3", &[("DS-1003", "300 CS")], "Retail-R", at("03-10 06:30")).await;
}

async fn aftermath(world: &mut World) {
    world.now = at("03-10 11:00");
    world.adjust("MP-0417", "sample", "0.5 KGM", at("03-10 10:00")).await;
    world.now = at("03-11 09:00");
    world.correct_receipt("MP-0417", Some("300 KGM")).await;
    world.now = at("03-12 15:00");
    world.ship("S-4", &[("DS-1004", "100 CS")], "DC-West", at("03-12 15:00")).await;
    world.now = at("03-13 09:00");
    world.add_inputs("T-303", &[("DB-301", "10 KGM")], at("03-09 16:20")).await;
    world.now = at("03-14 10:00");
    world.adjust("MP-0417", "count", "279 KGM", at("03-14 09:00")).await;
}

/// Before and after the late rework.
const BEFORE: &str = "03-12 12:00";
const AFTER: &str = "03-13 10:00";

impl World {
    pub(crate) async fn impact(&self, lot: &str, known: Known) -> Impact {
        impact(&*self.store, self.tenant, id(lot), known).await.unwrap().unwrap()
    }

    pub(crate) async fn trace(&self, lot: &str, direction: TraceDirection, view: View) -> Trace {
        trace(&*self.store, self.tenant, id(lot), direction, view).await.unwrap().unwrap()
    }
}

pub(crate) fn numbers(trace: &Trace) -> Vec<&str> {
    trace.batches.iter().map(|batch| batch.batch_number.as_str()).collect()
}

fn known(text: &str) -> Known {
    Known::RecordedTime(at(text))
}

#[tokio::test]
async fn question_1_before_the_rework_is_known_760_cases_are_in_scope() {
    let world = harbor_and_vale().await;
    let impact = world.impact("MP-0417", known(BEFORE)).await;
    let json = serde_json::to_value(&impact).unwrap();
    let cases = |value: &str| json!([{"value": value, "unit": "CS"}]);
    assert_eq!(
        json["totals"],
        json!({"produced": cases("760"), "shipped": cases("680"), "on_hand": cases("80")})
    );
    assert_eq!(
        json["batches"][0],
        json!({
            "batch_id": id("DS-1001"),
            "batch_number": "DS-1001",
            "tier": "definite",
            "reason": "made with DB-301, which contains MP-0417",
            "produced": {"value": "200", "unit": "CS"},
            "shipped": {"value": "180", "unit": "CS"},
            "on_hand": {"value": "20", "unit": "CS"},
        })
    );
    let numbers: Vec<&Value> =
        json["batches"].as_array().unwrap().iter().map(|lot| &lot["batch_number"]).collect();
    assert_eq!(numbers, ["DS-1001", "DS-1002", "DS-1003"]);
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["batches", "consignees", "position", "totals"]);
}

#[tokio::test]
async fn question_2_the_rework_brings_in_400_cases_and_explains_them() {
    let world = harbor_and_vale().await;
    let impact = world.impact("MP-0417", known(AFTER)).await;
    let total = |amounts: &Amounts| amounts.iter().collect::<Vec<_>>();
    assert_eq!(total(&impact.totals.produced), [amount("1160 CS")]);
    assert_eq!(total(&impact.totals.shipped), [amount("780 CS")]);
    assert_eq!(total(&impact.totals.on_hand), [amount("380 CS")]);
    assert_eq!(impact.batches[3].reason, "made with DB-303, which contains DB-301, which contains MP-0417");

    let changes = impact_changes(&*world.store, world.tenant, id("MP-0417"), known(BEFORE), known(AFTER));
    let json = serde_json::to_value(changes.await.unwrap().unwrap()).unwrap();
    let [change] = json["changes"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(change["batch_number"], "DS-1004");
    assert_eq!(change["batch_id"], json!(id("DS-1004")));
    assert_eq!(change["change"], "entered");
    assert_eq!(change["event_type"], "foodflow.food_graph.transformation.inputs_added.v1");
    assert_eq!(change["occurred_at"], "2026-03-09T16:20:00Z");
    assert_eq!(change["recorded_at"], "2026-03-13T09:00:00Z");
    assert_eq!(change["lateness_seconds"], 88 * 3_600 + 40 * 60);
    assert_eq!(
        (&json["from"], &json["to"]),
        (&json!("2026-03-12T12:00:00Z"), &json!("2026-03-13T10:00:00Z"))
    );
    assert_eq!(json["batch_id"], json!(id("MP-0417")));
}

#[tokio::test]
async fn question_3_what_was_so_then_and_what_was_thought_then_are_two_things() {
    let world = harbor_and_vale().await;
    let time = at("03-09 17:00");
    let today = View { at: Some(time), known: Known::Now };
    let then = View { at: Some(time), known: Known::RecordedTime(time) };
    let today = world.trace("MP-0417", TraceDirection::Forward, today).await;
    assert_eq!(numbers(&today), ["DB-301", "DB-302", "DB-303", "DS-1001", "DS-1002", "DS-1003"]);
    let clean = world.trace("DB-303", TraceDirection::Backward, then).await;
    assert_eq!(numbers(&clean), ["BASE", "MP-0390"]);
    let then = world.trace("MP-0417", TraceDirection::Forward, then).await;
    assert_eq!(numbers(&then), ["DB-301", "DB-302", "DS-1001", "DS-1002", "DS-1003"]);
}

#[tokio::test]
async fn question_4_the_consignees_are_told_how_much_they_have() {
    let world = harbor_and_vale().await;
    let impact = world.impact("MP-0417", known(AFTER)).await;
    let consignees: Vec<_> = impact
        .consignees
        .iter()
        .map(|at| {
            (at.name.as_str(), at.quantities.iter().map(|sum| sum.to_string()).collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [("DC-East", "280 CS"), ("DC-West", "200 CS"), ("Retail-R", "300 CS")];
    assert_eq!(consignees, expected.map(|(name, sum)| (name, sum.to_owned())));
    let west: Vec<_> = impact.consignees[1].batches.iter().map(|lot| (lot.batch_id, lot.quantity)).collect();
    let lots = [("DS-1001", "60 CS"), ("DS-1003", "40 CS"), ("DS-1004", "100 CS")];
    assert_eq!(west, lots.map(|(lot, sum)| (id(lot), amount(sum))));
}

#[tokio::test]
async fn question_5_the_mass_balance_of_the_mustard() {
    let world = harbor_and_vale().await;
    let balance =
        mass_balance(&*world.store, world.tenant, id("MP-0417"), Known::Now).await.unwrap().unwrap();
    let kilograms = |value: &str| json!({"value": value, "unit": "KGM"});
    assert_eq!(
        serde_json::to_value(&balance).unwrap(),
        json!({
            "batch_id": id("MP-0417"),
            "batch_number": "MP-0417",
            "position": 0,
            "received": kilograms("300"),
            "used": kilograms("18"),
            "shipped": kilograms("0"),
            "sampled": kilograms("0.5"),
            "wasted": kilograms("0"),
            "disposed": kilograms("0"),
            "book": kilograms("281.5"),
            "counted": kilograms("279"),
            "variance": kilograms("2.5"),
            "accounted_percent": 99.17,
            "closed": false,
        })
    );
    let then = mass_balance(&*world.store, world.tenant, id("MP-0417"), known("03-10 12:00"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(then.book, amount("11.5 KGM"));
    assert_eq!((then.counted, then.accounted_percent), (None, None));
}

#[tokio::test]
async fn question_6_the_dressing_closes() {
    let world = harbor_and_vale().await;
    let balance = mass_balance(&*world.store, world.tenant, id("DB-301"), Known::Now).await.unwrap().unwrap();
    assert_eq!((balance.produced, balance.received), (Some(amount("98 KGM")), None));
    assert_eq!((balance.used, balance.book, balance.closed), (amount("98 KGM"), amount("0 KGM"), true));
    let lot = id("DB-301");
    let lots = [lot];
    let out = world
        .store
        .edges(world.tenant, Label::Batch, &lots, stock::STOCK_EDGES, EdgeDirection::Outgoing)
        .await
        .unwrap();
    let uses = world
        .store
        .edges(world.tenant, Label::Batch, &lots, &[EdgeType::UsesIngredient], EdgeDirection::Incoming)
        .await
        .unwrap();
    let book = stock::Stock::read(out.iter().chain(&uses), None, known(BEFORE));
    assert_eq!((book.out(OutflowKind::Used), book.remaining()), (amount("88 KGM"), amount("10 KGM")));
}

#[tokio::test]
async fn question_7_there_is_no_path_to_the_clean_salad() {
    let world = harbor_and_vale().await;
    let impact = world.impact("MP-0417", Known::Now).await;
    assert!(impact.batches.iter().all(|lot| lot.batch_number != "DS-1005"));
}

#[tokio::test]
async fn question_8_backward_from_a_case_each_mustard_is_half_of_it() {
    let world = harbor_and_vale().await;
    let trace = world.trace("DS-1003", TraceDirection::Backward, View::NOW).await;
    assert_eq!(numbers(&trace), ["DB-302", "HB-7", "BASE", "MP-0390", "MP-0417"]);
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!(json["direction"], "backward");
    let half = json!({"numerator": "1", "denominator": "2", "value": 0.5});
    let one = json!({"numerator": "1", "denominator": "1", "value": 1.0});
    for lot in json["batches"].as_array().unwrap() {
        let expected = match lot["batch_number"].as_str().unwrap() {
            "MP-0417" | "MP-0390" => Some(&half),
            "BASE" | "HB-7" => Some(&one),
            _ => None,
        };
        assert_eq!(lot.get("share_of_ingredient"), expected, "{lot}");
    }
    // 98 of 99 parts are dressing, and 6 of 100 of that are MP-0417.
    let share = &json["batches"][4]["share"];
    assert_eq!((&share["numerator"], &share["denominator"]), (&json!("49"), &json!("825")));
    let suppliers: Vec<_> =
        trace.suppliers.iter().map(|supplier| (supplier.name.as_str(), supplier.tier)).collect();
    assert_eq!(suppliers, [("Dill grower", 1), ("SpiceHub", 1), ("Rajkot Mills", 2)]);
    let locations: Vec<_> = trace.locations.iter().map(|location| location.name.as_str()).collect();
    assert_eq!(locations, ["DC-West", "Retail-R"]);
}
