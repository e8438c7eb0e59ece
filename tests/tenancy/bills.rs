//! A bill is the same from the read model and from the log, whoever asks, and again after a rebuild.

use foodflow_testkit::servers::{NatsServer, PostgresServer};
use foodflow_testkit::{TestApp, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What the program prints.
fn printed(app: &TestApp, arguments: &[&str]) -> anyhow::Result<String> {
    let output = app.run(arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{arguments:?}: {said}");
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// What is billed of a metric, under whatever plan.
fn billed(bill: &Value, metric: &str) -> u64 {
    let lines = bill["lines"].as_array().unwrap().iter().filter(|line| line["metric"] == metric);
    lines.map(|line| line["quantity"].as_str().unwrap().parse::<u64>().unwrap()).sum()
}

async fn a_bill_is_the_same_from_wherever(mut app: TestApp) -> anyhow::Result<()> {
    let slug = "billed-plant";
    let world = World::build(app.client(slug, &[])?).await?;
    world.client.put("/v1/tenant", &json!({"name": "Crust & Co"})).await?.ok();
    let lot = world.receive("L-1", 100).await?;
    world.transform(&world.mix("D-1", &[(lot, "1")], "1")).await?;
    let end = Timestamp::now() + SignedDuration::from_hours(24 * 40);
    let start = Timestamp::now() - SignedDuration::from_hours(1);
    let period = json!({"plan": "starter", "current_period_start": start, "current_period_end": end});
    world.client.post("/v1/subscriptions", &period).await?.ok();
    // Recorded now, whenever it happened: it is of this month's bill.
    world.receive("L-2", 7).await?;
    let bill = world.client.get("/v1/tenant/bill").await?.ok();
    let month = bill["month"].as_str().unwrap().to_owned();
    assert_eq!((billed(&bill, "lots.received"), billed(&bill, "lots.produced")), (2, 1), "{bill:#}");
    assert_eq!(bill["final"], false);
    let lines = bill["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["plan"].is_string()), "{bill:#}");
    let before = world.client.get("/v1/tenant/bill?month=2026-01").await?.ok();
    assert_eq!((&before["final"], &before["lines"]), (&json!(true), &json!([])));
    let earlier = world.client.get("/v1/tenant/bill?as_of=1").await?.ok();
    assert_eq!(billed(&earlier, "lots.received"), 0);

    let path = format!("/v1/tenant/bill?month={month}");
    let answer = world.client.get(&path).await?;
    app.terminate()?;
    let bill = ["bill", "--tenant", slug, "--month", &month];
    let from_log = printed(&app, &[&bill[..], &["--from-log"]].concat())?;
    assert_eq!(String::from_utf8(answer.bytes)?, from_log, "byte for byte over HTTP");
    assert_eq!(printed(&app, &bill)?, from_log, "byte for byte");
    printed(&app, &["rebuild", "--projection", "tenancy"])?;
    assert_eq!(printed(&app, &bill)?, from_log, "after a rebuild, too");
    app.restart().await?;
    let client = app.client(slug, &[])?;
    let again = client.get(&path).await?;
    assert_eq!(String::from_utf8(again.bytes)?, from_log, "byte for byte over HTTP");
    client.get("/v1/tenant/bill?month=march").await?.refused(400, "invalid-parameter");
    Ok(())
}

#[tokio::test]
async fn embedded_a_bill_is_the_same_from_wherever() -> anyhow::Result<()> {
    a_bill_is_the_same_from_wherever(TestApp::embedded().await?).await
}

#[tokio::test]
async fn on_servers_a_bill_is_the_same_from_wherever() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let environment = vec![
        ("FOODFLOW_LOG_URL".to_owned(), nats.url().to_owned()),
        ("FOODFLOW_POSTGRES_URL".to_owned(), PostgresServer::shared().await?.new_database().await?),
    ];
    a_bill_is_the_same_from_wherever(TestApp::start(&["serve"], environment).await?).await
}
