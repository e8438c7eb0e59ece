//! What is metered equals what the log holds, counted over the interface; of a tenant that is not registered, too.

use std::collections::{BTreeMap, BTreeSet};

use foodflow_testkit::{Stores, TestApp, TestClient, World, amount, at};
use rstest::rstest;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Every event of the tenant.
pub(crate) async fn events(client: &TestClient) -> anyhow::Result<Vec<Value>> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = client.get(&format!("/v1/events?limit=100&after={after}")).await?;
        let more = page.header("foodflow-next").is_some();
        after = page.header("foodflow-position").unwrap().parse()?;
        events.extend(page.ok().as_array().unwrap().iter().cloned());
        if !more {
            return Ok(events);
        }
    }
}

/// Sums of the metrics over all hours, read page by page.
pub(crate) async fn sums(
    client: &TestClient,
    position: u64,
    query: &str,
) -> anyhow::Result<BTreeMap<String, Decimal>> {
    let (mut sums, mut after) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/v1/usage-metrics?page%5Bsize%5D=2{query}{after}");
        let page = client.get_after(position, &path).await?.ok();
        for row in page["items"].as_array().unwrap() {
            let value: Decimal = row["value"].as_str().unwrap().parse()?;
            *sums.entry(row["metric_name"].as_str().unwrap().to_owned()).or_default() += value;
            assert!(row["timestamp"].as_str().unwrap().ends_with(":00:00Z"), "{row}");
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&page%5Bafter%5D={next}"),
            None => return Ok(sums),
        }
    }
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn the_bill_is_what_the_log_holds(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let world = World::build(app.new_tenant()?).await?;
    let client = &world.client;
    let lot = world.receive("F-1", 100).await?;
    world.receive("F-2", 50).await?;
    client.post("/v1/transformations", &world.mix("D-1", &[(lot, "40")], "38")).await?.ok();
    let shipment = json!({
        "lines": [{"batch_id": lot, "quantity": amount(1, "KGM")}], "from_location_id": world.plant,
        "to_location_id": world.depot, "shipped_at": at(4, 6),
    });
    let last = client.post("/v1/shipments", &shipment).await?.ok()["position"].as_u64().unwrap();

    let events = events(client).await?;
    let of = |wanted: &str| events.iter().filter(|event| event["type"] == wanted).count();
    let commands: BTreeSet<&str> = events.iter().map(|event| event["commandid"].as_str().unwrap()).collect();
    let counted = |name: &str| match name {
        "events.recorded" => events.len(),
        "commands.recorded" => commands.len(),
        "lots.received" => of("foodflow.food_graph.batch.received.v1"),
        "lots.produced" => of("foodflow.food_graph.batch.produced.v1"),
        "shipments.recorded" => of("foodflow.food_graph.shipment.recorded.v1"),
        other => panic!("{other} is metered and not counted here"),
    };
    let mut metered = sums(client, last, "").await?;
    let bytes = metered.remove("bytes.recorded").unwrap();
    assert!(bytes > Decimal::from(events.len() * 100), "{bytes} bytes");
    assert_eq!(metered.len(), 5, "{metered:?}");
    for (name, value) in &metered {
        assert_eq!(*value, Decimal::from(counted(name)), "{name}");
    }
    // By metric and hours.
    let one = sums(client, last, "&metric_name=lots.received").await?;
    assert_eq!(one, BTreeMap::from([("lots.received".to_owned(), Decimal::from(2))]));
    assert!(sums(client, last, "&until=2026-01-01T00:00:00Z").await?.is_empty());
    assert_eq!(sums(client, last, "&since=2026-01-01T00:00:00Z").await?.len(), 6);
    // As it stood before the shipment.
    let before =
        client.get(&format!("/v1/usage-metrics?metric_name=shipments.recorded&as_of={}", last - 1)).await?;
    assert_eq!(before.ok()["items"], json!([]));
    Ok(())
}
