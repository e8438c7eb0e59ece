//! What a plan includes, as it is told and as it is enforced; how a subscription ends; what a suspension bars.

use std::time::{Duration, Instant};

use foodflow_testkit::servers::{NatsServer, PostgresServer};
use foodflow_testkit::{Stores, TestApp, TestClient, World};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};

/// A catalogue whose free plan has three lots a month.
const PLANS: &str = "{free={lots_per_month=3,seats=2},site={lots_per_month=\"unlimited\"}}";

fn environment(more: &[(&str, String)]) -> Vec<(String, String)> {
    let plans = ("FOODFLOW_PLANS".to_owned(), PLANS.to_owned());
    more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).chain([plans]).collect()
}

async fn register(client: &TestClient) -> anyhow::Result<u64> {
    Ok(position(&client.put("/v1/tenant", &json!({"name": "Crust & Co"})).await?.ok()))
}

fn position(answer: &Value) -> u64 {
    answer["position"].as_u64().unwrap()
}

/// So many days from now; before, where negative.
fn in_days(days: i64) -> String {
    (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_string()
}

fn subscription(plan: &str, ends_in_days: i64) -> Value {
    json!({"plan": plan, "current_period_start": in_days(-400), "current_period_end": in_days(ends_in_days)})
}

async fn entitlements(client: &TestClient, after: u64) -> anyhow::Result<Value> {
    Ok(client.get_after(after, "/v1/tenant/entitlements").await?.ok())
}

async fn a_plan_bounds_the_lots_of_a_month(mut app: TestApp) -> anyhow::Result<()> {
    let world = World::build(app.client("few-lots", &[])?).await?;
    // Without a plan there is no limit.
    let unregistered = entitlements(&world.client, 0).await?;
    assert_eq!((&unregistered["plan"], &unregistered["status"]), (&json!(null), &json!(null)));
    assert_eq!(unregistered["limits"]["lots_per_month"], json!(null));
    let lot = world.receive("L-1", 100).await?;
    register(&world.client).await?;
    let second = world.client.post("/v1/receipts", &world.receipt("L-2", 5)).await?.ok();
    let told = entitlements(&world.client, position(&second)).await?;
    assert_eq!(
        (&told["plan"], &told["plan_known"], &told["status"]),
        (&json!("free"), &json!(true), &json!("active"))
    );
    assert_eq!((&told["limits"]["lots_per_month"], &told["limits"]["seats"]), (&json!(3), &json!(2)));
    assert_eq!(told["used"]["lots"], 2, "also what was recorded before the tenant was registered");
    let now = Timestamp::now();
    let period = ["period_start", "period_end"].map(|name| told[name].as_str().unwrap().parse::<Timestamp>());
    assert!(period[0].as_ref().unwrap() <= &now && &now < period[1].as_ref().unwrap(), "{told}");

    world.transform(&world.mix("D-1", &[(lot, "1")], "1")).await?;
    let over = world.client.post("/v1/receipts", &world.receipt("L-3", 5)).await?;
    over.refused(422, "quota-exceeded");
    let detail = over.body["detail"].as_str().unwrap().to_owned();
    let reset = told["period_end"].as_str().unwrap();
    for part in ["`free`", "3 lots a month", reset, "larger plan"] {
        assert!(detail.contains(part), "{detail}");
    }
    world
        .client
        .post("/v1/transformations", &world.mix("D-2", &[(lot, "1")], "1"))
        .await?
        .refused(422, "quota-exceeded");
    // What makes no lot is not limited, and a process that starts anew counts on.
    let shipped = world.client.post("/v1/shipments", &world.shipment(lot, 1, "KGM")).await?.ok();
    app.restart().await?;
    let client = app.client("few-lots", &[])?;
    assert_eq!(entitlements(&client, position(&shipped)).await?["used"]["lots"], 3);
    // It may have counted before its read model had caught up.
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.post("/v1/receipts", &world.receipt("L-3", 5)).await?.refused(422, "quota-exceeded");
    // A larger plan counts at once.
    let paid = client.post("/v1/subscriptions", &subscription("site", 30)).await?.ok();
    let answer = client.post("/v1/receipts", &world.receipt("L-3", 5)).await?.ok();
    let told = entitlements(&client, position(&answer)).await?;
    assert_eq!((&told["plan"], &told["used"]["lots"]), (&json!("site"), &json!(4)));
    assert_eq!(
        (&told["subscription"]["id"], &told["subscription"]["status"]),
        (&paid["id"], &json!("active"))
    );
    assert_eq!(told["limits"]["lots_per_month"], json!(null));
    Ok(())
}

#[tokio::test]
async fn embedded_a_plan_bounds_the_lots_of_a_month() -> anyhow::Result<()> {
    a_plan_bounds_the_lots_of_a_month(TestApp::start(&["serve"], environment(&[])).await?).await
}

#[tokio::test]
async fn on_servers_a_plan_bounds_the_lots_of_a_month() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let database = PostgresServer::shared().await?.new_database().await?;
    let servers = [("FOODFLOW_LOG_URL", nats.url().to_owned()), ("FOODFLOW_POSTGRES_URL", database)];
    a_plan_bounds_the_lots_of_a_month(TestApp::start(&["serve"], environment(&servers)).await?).await
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_subscription_ends_by_time(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let client = app.new_tenant()?;
    register(&client).await?;
    let stands = async |after: u64, id: &Value, status: &str, plan: &str| {
        let row = client.get_after(after, &format!("/v1/subscriptions/{}", id.as_str().unwrap())).await?.ok();
        assert_eq!(row["status"], status);
        let found = client.get(&format!("/v1/subscriptions?status={status}")).await?.ok();
        assert!(found["items"].as_array().unwrap().iter().any(|one| one["id"] == *id), "{found}");
        assert_eq!(client.get("/v1/tenant").await?.ok()["subscription_plan"], plan);
        assert_eq!(client.get("/v1/tenant/entitlements").await?.ok()["plan"], plan);
        anyhow::Ok(())
    };
    // Its time for renewal is over: the plan is gone, and another one may start.
    let late = client.post("/v1/subscriptions", &subscription("professional", -15)).await?.ok();
    stands(position(&late), &late["id"], "expired", "free").await?;
    let path = format!("/v1/subscriptions/{}", late["id"].as_str().unwrap());
    let renewal = json!({"current_period_end": in_days(20)});
    client.post(&format!("{path}/renew"), &renewal).await?.refused(422, "subscription-expired");
    let due = client.post("/v1/subscriptions", &subscription("starter", -1)).await?.ok();
    let events: Vec<&str> =
        due["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(events.contains(&"foodflow.tenancy.subscription.ended.v1"), "{events:?}");
    stands(position(&due), &late["id"], "expired", "starter").await?;
    // Not yet over: renewed, it goes on where it ended.
    stands(position(&due), &due["id"], "past_due", "starter").await?;
    client
        .post("/v1/subscriptions", &subscription("starter", 9))
        .await?
        .refused(422, "subscription-in-force");
    let path = format!("/v1/subscriptions/{}", due["id"].as_str().unwrap());
    let renewed = client.post(&format!("{path}/renew"), &renewal).await?.ok();
    stands(position(&renewed), &due["id"], "active", "starter").await?;
    // Cancelled to the end of its period, it lasts until then, unless it is renewed.
    let cancel = json!({"reason": "sold", "at_period_end": true});
    let cancelling = client.post(&format!("{path}/cancel"), &cancel).await?.ok();
    stands(position(&cancelling), &due["id"], "cancelling", "starter").await?;
    let renewal = json!({"current_period_end": in_days(50)});
    let renewed = client.post(&format!("{path}/renew"), &renewal).await?.ok();
    stands(position(&renewed), &due["id"], "active", "starter").await?;
    let at_once = client.post(&format!("{path}/cancel"), &json!({"reason": "sold"})).await?.ok();
    stands(position(&at_once), &due["id"], "cancelled", "free").await?;
    // As it was understood then.
    let then = client.get(&format!("{path}?as_of={}", position(&cancelling))).await?.ok();
    assert_eq!(then["status"], "cancelling");
    Ok(())
}

#[tokio::test]
async fn a_suspension_bars_writes_in_every_process_within_a_second() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let servers = [("FOODFLOW_LOG_URL", nats.url().to_owned())];
    let app = TestApp::start(&["serve"], environment(&servers)).await?;
    let other = TestApp::start(&["serve", "--role", "api"], environment(&servers)).await?;
    let slug = "late-payer";
    let world = World::build(app.client(slug, &[])?).await?;
    let lot = world.receive("L-1", 100).await?;
    register(&world.client).await?;
    let beside = other.client(slug, &[])?;
    let place = json!({"name": "Dock", "type": "warehouse"});
    beside.post("/v1/locations", &place).await?.ok();

    let why = json!({"reason": "invoice 118 is unpaid"});
    world.client.post("/v1/tenant/suspend", &why).await?.ok();
    let suspended = Instant::now();
    world.client.post("/v1/locations", &place).await?.refused(403, "tenant-suspended");
    loop {
        let began = suspended.elapsed();
        let answer = beside.post("/v1/locations", &place).await?;
        if answer.status.as_u16() == 403 {
            answer.refused(403, "tenant-suspended");
            break;
        }
        answer.ok();
        assert!(began < Duration::from_secs(1), "a write was taken {began:?} after the suspension");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Reads go on; what may harm somebody is stopped; what is paid is taken.
    world.client.get("/v1/batches").await?.ok();
    world.client.get(&format!("/v1/batches/{lot}/trace?direction=forward")).await?.ok();
    beside.post(&format!("/v1/batches/{lot}/hold"), &json!({"reason": "glass"})).await?.ok();
    let release = format!("/v1/batches/{lot}/release");
    beside.post(&release, &json!({"reason": "none found"})).await?.refused(403, "tenant-suspended");
    beside.put("/v1/feature-flags/vision", &json!({"enabled": true})).await?.refused(403, "tenant-suspended");
    beside.post("/v1/subscriptions", &subscription("starter", 30)).await?.ok();
    beside.post("/v1/tenant/reactivate", &why).await?.ok();
    beside.post(&release, &json!({"reason": "none found"})).await?.ok();
    Ok(())
}

#[tokio::test]
async fn the_past_is_shown_as_far_back_as_the_plan_says_and_lots_of_any_time() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let client = &world.client;
    world.receive("L-1", 5).await?;
    let long_ago = ["/v1/usage-metrics?as_of=2020-01-01T00:00:00Z", "/v1/tenant/bill?month=2020-01"];
    for path in long_ago {
        client.get(path).await?.ok();
    }
    let registered = register(client).await?;
    let told = entitlements(client, registered).await?;
    let since: Timestamp = told["retained_since"].as_str().unwrap().parse()?;
    let days = Timestamp::now().duration_since(since).as_hours() / 24;
    assert_eq!(days, told["limits"]["retention_days"].as_i64().unwrap(), "{told}");
    for path in long_ago {
        client.get(path).await?.refused(422, "beyond-retention");
    }
    client.get("/v1/tenant?as_of=2020-01-01T00:00:00Z").await?.refused(422, "beyond-retention");
    client.get("/v1/batches?as_of=2020-01-01T00:00:00Z").await?.ok();
    client.get("/v1/tenant?as_of=0").await?.refused(404, "not-found");
    client.get("/v1/tenant/bill?month=2020-13").await?.refused(400, "invalid-parameter");
    Ok(())
}
