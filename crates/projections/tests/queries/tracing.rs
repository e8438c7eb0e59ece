//! Traces beyond the golden scenario: views, orders, consignees, suppliers, refusals.

use foodflow_domain::TenantId;
use foodflow_projections::food_graph::queries::{Known, View, impact, impact_changes, trace};
use foodflow_projections::graph::TraceDirection::{Backward, Forward};
use serde_json::json;
use uuid::Uuid;

use super::golden::{harbor_and_vale, numbers};
use super::world::{World, at, id, ingredient, mixing, product};

#[tokio::test]
async fn a_trace_is_written_as_the_contract_says() {
    let world = harbor_and_vale().await;
    let trace =
        world.trace("MP-0390", Forward, View { at: Some(at("03-05 23:00")), known: Known::Now }).await;
    let json = serde_json::to_value(&trace).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["batch_id", "batches", "direction", "edges", "locations", "position", "suppliers"]);
    assert_eq!((&json["batch_id"], &json["direction"]), (&json!(id("MP-0390")), &json!("forward")));
    assert_eq!(
        json["batches"],
        json!([
            {"batch_id": id("DB-302"), "batch_number": "DB-302", "depth": 1,
             "share": {"numerator": "3", "denominator": "50", "value": 0.06}},
            {"batch_id": id("DB-304"), "batch_number": "DB-304", "depth": 1,
             "share": {"numerator": "3", "denominator": "25", "value": 0.12}},
        ])
    );
    assert_eq!(json["edges"].as_array().unwrap().len(), 2);
    let edge = &json["edges"][0];
    let keys: Vec<&String> = edge.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["event_id", "from_batch_id", "occurred_at", "position", "quantity", "to_batch_id"]);
    assert_eq!((&edge["from_batch_id"], &edge["to_batch_id"]), (&json!(id("MP-0390")), &json!(id("DB-302"))));
    assert_eq!(edge["quantity"], json!({"value": "6", "unit": "KGM"}));
    assert_eq!(edge["occurred_at"], "2026-03-05T10:00:00Z");
    assert_eq!(json["locations"], json!([]));
    assert_eq!(
        json["suppliers"],
        json!([
            {"supplier_id": id("SpiceHub"), "name": "SpiceHub", "tier": 1},
            {"supplier_id": id("Rajkot Mills"), "name": "Rajkot Mills", "tier": 2},
        ])
    );
}

#[tokio::test]
async fn consignees_of_a_trace_are_summed_per_location() {
    let mut world = harbor_and_vale().await;
    let sums = |trace: &foodflow_projections::food_graph::queries::Trace| -> Vec<String> {
        let at = trace.locations.iter();
        at.map(|at| format!("{} {}", at.name, serde_json::to_string(&at.quantities).unwrap())).collect()
    };
    let cases = |name: &str, value: &str| format!(r#"{name} [{{"value":"{value}","unit":"CS"}}]"#);
    let trace = world.trace("MP-0417", Forward, View::NOW).await;
    assert_eq!(sums(&trace), [cases("DC-East", "280"), cases("DC-West", "200"), cases("Retail-R", "300")]);
    // The traced lot itself counts, and a corrected shipment does not.
    world.correct_shipment("S-1", None).await;
    let trace = world.trace("DS-1001", Forward, View::NOW).await;
    assert_eq!(sums(&trace), [cases("DC-West", "60")]);
    assert!(trace.batches.is_empty() && trace.edges.is_empty());
}

#[tokio::test]
async fn what_was_not_known_or_is_another_tenants_is_not_there() {
    let world = harbor_and_vale().await;
    let early = Known::RecordedTime(at("03-01 00:00"));
    let (store, lot) = (&*world.store, id("MP-0417"));
    let stranger = TenantId(Uuid::new_v4());
    assert!(trace(store, world.tenant, lot, Forward, View::known(early)).await.unwrap().is_none());
    assert!(impact(store, world.tenant, lot, early).await.unwrap().is_none());
    assert!(impact_changes(store, world.tenant, lot, early, early).await.unwrap().is_none());
    assert!(trace(store, stranger, lot, Backward, View::NOW).await.unwrap().is_none());
    assert!(impact(store, stranger, lot, Known::Now).await.unwrap().is_none());
    assert!(impact_changes(store, stranger, lot, early, Known::Now).await.unwrap().is_none());
    // Known, but before anything happened to it.
    let trace =
        world.trace("MP-0417", Forward, View { at: Some(at("03-01 00:00")), known: Known::Now }).await;
    assert!(trace.batches.is_empty());
}

#[tokio::test]
async fn who_supplies_whom_may_go_round_and_each_stands_at_its_lowest_tier() {
    let mut world = World::new().await;
    world.location("Plant A").await;
    world.ingredient("mustard").await;
    for name in ["Mill", "Trader", "Farm"] {
        world.supplier(name).await;
    }
    world.supplies("Mill", "Trader").await;
    world.supplies("Farm", "Mill").await;
    world.supplies("Trader", "Farm").await;
    world.supplies("Farm", "Trader").await;
    world.receive("M-1", ingredient("mustard"), Some("Trader"), "1 KGM", at("02-01 07:00")).await;
    let trace = world.trace("M-1", Backward, View::NOW).await;
    let tiers: Vec<_> =
        trace.suppliers.iter().map(|supplier| (supplier.name.as_str(), supplier.tier)).collect();
    assert_eq!(tiers, [("Trader", 1), ("Farm", 2), ("Mill", 2)]);
}

#[tokio::test]
async fn impact_lists_what_may_be_sold_and_says_why() {
    let mut world = World::new().await;
    for name in ["Plant A", "DC-East"] {
        world.location(name).await;
    }
    world.ingredient("flour").await;
    for name in ["dough", "bread", "crumbs"] {
        world.product(name).await;
    }
    world.sku("bread 500 g", "bread").await;
    world.now = at("03-01 08:00");
    world.receive("F-1", ingredient("flour"), None, "100 KGM", at("03-01 07:00")).await;
    let mut made_of = "F-1".to_owned();
    for step in 1..=5 {
        let lot = format!("D-{step}");
        let facts = mixing(&[(&made_of, "10 KGM")], &[(&lot, product("dough"), "10 KGM")], at("03-01 07:30"));
        world.transform(&format!("T-{step}"), facts).await;
        made_of = lot;
    }
    let facts = mixing(&[("D-5", "9 KGM")], &[("B-1", product("bread"), "90 EA")], at("03-01 07:40"));
    world.transform("T-B", facts).await;
    let facts = mixing(&[("F-1", "9 KGM")], &[("C-1", product("crumbs"), "9 KGM")], at("03-01 07:40"));
    world.transform("T-C", facts).await;

    let numbered = |impact: &foodflow_projections::food_graph::queries::Impact| -> Vec<(String, String)> {
        impact.batches.iter().map(|lot| (lot.batch_number.clone(), lot.reason.clone())).collect()
    };
    let chain = "made with D-5, which contains F-1 over 5 transformations";
    let only_bread = [("B-1".to_owned(), chain.to_owned())];
    assert_eq!(numbered(&world.impact("F-1", Known::Now).await), only_bread);
    // Shipped without a SKU: it was sold all the same. So was some of the flour itself.
    world.ship("S-1", &[("C-1", "2500 GRM"), ("F-1", "1 KGM")], "DC-East", at("03-01 07:50")).await;
    let impact = world.impact("F-1", Known::Now).await;
    let reasons: Vec<_> = numbered(&impact);
    assert_eq!(reasons[1], ("C-1".to_owned(), "made with F-1".to_owned()));
    assert_eq!(reasons[2], ("F-1".to_owned(), "the recalled lot itself".to_owned()));
    let json = serde_json::to_value(&impact).unwrap();
    let kilograms = |value: &str| json!({"value": value, "unit": "KGM"});
    let crumbs = &json["batches"][1];
    assert_eq!((&crumbs["shipped"], &crumbs["on_hand"]), (&kilograms("2.5"), &kilograms("6.5")));
    let pieces = json!({"value": "90", "unit": "EA"});
    assert_eq!(json["totals"]["on_hand"], json!([pieces, kilograms("86.5")]));
    assert_eq!(json["consignees"][0]["quantities"], json!([kilograms("3.5")]));
    // A count takes the place of the book.
    world.adjust("F-1", "count", "70 KGM", at("03-01 07:45")).await;
    let impact = world.impact("F-1", Known::Now).await;
    assert_eq!(serde_json::to_value(impact.batches[2].on_hand).unwrap(), kilograms("69"));
    // A shipment that never went makes it what it was.
    world.correct_shipment("S-1", None).await;
    assert_eq!(numbered(&world.impact("F-1", Known::Now).await), only_bread);
}

#[tokio::test]
async fn a_trace_shows_every_line_between_its_lots_in_recorded_order() {
    let world = harbor_and_vale().await;
    let trace = world.trace("DS-1004", Backward, View::NOW).await;
    assert_eq!(numbers(&trace), ["DB-303", "BASE", "DB-301", "MP-0390", "MP-0417"]);
    assert_eq!(trace.batches.iter().map(|lot| lot.depth).collect::<Vec<_>>(), [1, 2, 2, 2, 3]);
    let lines: Vec<_> = trace.edges.iter().map(|edge| (edge.position, edge.from_batch_id)).collect();
    let inputs = ["MP-0417", "BASE", "MP-0390", "BASE", "DB-303", "DB-301"].map(id);
    assert_eq!(lines.iter().map(|line| line.1).collect::<Vec<_>>(), inputs);
    assert!(lines.is_sorted_by_key(|line| line.0));
}
