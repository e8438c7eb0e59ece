//! What is metered equals an independent count over the log, whatever the batches, and again after a rebuild.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use foodflow_projections::page::PageRequest;
use foodflow_projections::tables::TableStore;
use foodflow_projections::tenancy::usage_metrics::{UsageMetric, UsageMetricFilters, usage_metrics};
use rust_decimal::Decimal;
use serde_json::Value;

use super::rows::{apply, stores};
use crate::story::{Story, plant, time};

/// Sums by metric and hour, counted from the bytes of the log.
fn counted(story: &Story) -> BTreeMap<(String, String), Decimal> {
    let mut sums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    for message in &story.messages {
        let events: Vec<Value> = serde_json::from_slice(&message.payload).unwrap();
        let hour = format!("{}:00:00Z", &events[0]["time"].as_str().unwrap()[..13]);
        let mut add = |metric: &str, amount: usize| {
            if amount > 0 {
                *sums.entry((metric.to_owned(), hour.clone())).or_default() += Decimal::from(amount);
            }
        };
        let of_type = |wanted: &str| events.iter().filter(|event| event["type"] == wanted).count();
        add("events.recorded", events.len());
        add("bytes.recorded", message.payload.len());
        add("commands.recorded", usize::from(events[0]["commitindex"] == 0));
        add("lots.received", of_type("foodflow.food_graph.batch.received.v1"));
        add("lots.produced", of_type("foodflow.food_graph.batch.produced.v1"));
        add("shipments.recorded", of_type("foodflow.food_graph.shipment.recorded.v1"));
    }
    sums
}

async fn all(store: &dyn TableStore, tenant: TenantId, filters: UsageMetricFilters) -> Vec<UsageMetric> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, size: 2 };
        let page = usage_metrics(store, tenant, filters.clone(), request, None).await.unwrap();
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

#[tokio::test]
async fn what_is_metered_is_what_the_log_holds() {
    let story = plant::told();
    let expected = counted(&story);
    assert!(expected.keys().any(|(metric, _)| metric == "lots.produced"));
    let mut digests = Vec::new();
    for batch in [1, 7, 1_000] {
        for store in stores().await {
            digests.push(apply(&*store, &story, batch).await);
            let rows = all(&*store, story.tenant, UsageMetricFilters::default()).await;
            assert!(rows.is_sorted_by_key(|row| (row.timestamp, row.id)));
            let found: BTreeMap<(String, String), Decimal> = rows
                .into_iter()
                .map(|row| ((row.metric_name, row.timestamp.to_string()), row.value))
                .collect();
            assert_eq!(found, expected, "in batches of {batch}");
        }
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

#[tokio::test]
async fn a_rebuild_makes_the_same_bill() {
    let story = plant::told();
    for store in stores().await {
        let before = apply(&*store, &story, 5).await;
        store.clear(story.messages[0].partition).await.unwrap();
        assert!(all(&*store, story.tenant, UsageMetricFilters::default()).await.is_empty());
        assert_eq!(apply(&*store, &story, 11).await, before);
    }
}

#[tokio::test]
async fn a_bill_is_asked_by_metric_and_hours() {
    let story = plant::told();
    let [store, _] = stores().await;
    apply(&*store, &story, 100).await;
    let of = |metric_name: &str, since: Option<&str>, until: Option<&str>| UsageMetricFilters {
        metric_name: Some(metric_name.to_owned()),
        since: since.map(time),
        until: until.map(time),
    };
    let metric = "events.recorded";
    let whole = all(&*store, story.tenant, of(metric, None, None)).await;
    let hour = whole[0].timestamp.to_string();
    assert!(whole.iter().all(|row| row.metric_name == metric));
    assert_eq!(all(&*store, story.tenant, of(metric, None, Some(&hour))).await, []);
    assert_eq!(all(&*store, story.tenant, of(metric, Some(&hour), None)).await, whole);
    assert_eq!(all(&*store, story.tenant, of("nothing", None, None)).await, []);
}
