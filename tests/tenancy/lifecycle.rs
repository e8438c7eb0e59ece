//! A tenant from its registration to its end.

use foodflow_testkit::{Stores, TestApp, TestClient};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

fn position(answer: &Value) -> u64 {
    answer["position"].as_u64().unwrap()
}

async fn put(client: &TestClient, path: &str, body: Value) -> anyhow::Result<u64> {
    Ok(position(&client.put(path, &body).await?.ok()))
}

async fn post(client: &TestClient, path: &str, body: Value) -> anyhow::Result<Value> {
    Ok(client.post(path, &body).await?.ok())
}

fn first_month() -> Value {
    json!({
        "plan": "starter", "current_period_start": "2026-04-01T00:00:00Z",
        "current_period_end": "2126-05-01T00:00:00Z", "stripe_subscription_id": "sub_1",
    })
}

fn reason() -> Value {
    json!({"reason": "invoice 118 is unpaid"})
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_tenant_is_registered_rebranded_suspended_and_closed(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let client = app.new_tenant()?;
    client.get("/v1/tenant").await?.refused(404, "not-found");
    client.post("/v1/tenant/suspend", &reason()).await?.refused(404, "not-found");
    client.post("/v1/subscriptions", &first_month()).await?.refused(404, "not-found");
    client.put("/v1/feature-flags/vision", &json!({"enabled": true})).await?.refused(404, "not-found");

    let look =
        json!({"name": "Crust & Co", "logo_url": "https://crust.example/1.svg", "primary_color": "#C0FFEE"});
    let registered = put(&client, "/v1/tenant", look).await?;
    let answer = client.get_after(registered, "/v1/tenant").await?;
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let tenant = answer.ok();
    assert_eq!((&tenant["name"], &tenant["slug"]), (&json!("Crust & Co"), &json!(client.slug)));
    assert_eq!(
        (&tenant["subscription_plan"], &tenant["subscription_status"]),
        (&json!("free"), &json!("active"))
    );

    let renamed = json!({"name": "Crumb"}).to_string().into_bytes();
    let send = async |version: &str| {
        client.send(Method::PUT, "/v1/tenant", &[("If-Match", version)], Some(renamed.clone())).await
    };
    send("\"7\"").await?.refused(412, "precondition-failed");
    let rebranded = position(&send("\"1\"").await?.ok());
    send("\"1\"").await?.refused(412, "precondition-failed");
    let tenant = client.get_after(rebranded, "/v1/tenant").await?.ok();
    assert_eq!(
        (&tenant["name"], &tenant["logo_url"], &tenant["version"]),
        (&json!("Crumb"), &json!(null), &json!(2))
    );

    client.post("/v1/tenant/reactivate", &reason()).await?.refused(422, "tenant-not-suspended");
    let suspended = position(&post(&client, "/v1/tenant/suspend", reason()).await?);
    client.post("/v1/tenant/suspend", &reason()).await?.refused(403, "tenant-suspended");
    let tenant = client.get_after(suspended, "/v1/tenant").await?.ok();
    assert_eq!(tenant["subscription_status"], "suspended");
    post(&client, "/v1/tenant/reactivate", reason()).await?;
    let subscription = post(&client, "/v1/subscriptions", first_month()).await?;
    let subscribed = client.get_after(position(&subscription), "/v1/tenant").await?.ok();
    assert_eq!(subscribed["subscription_plan"], "starter");
    let closed = position(&post(&client, "/v1/tenant/close", reason()).await?);
    let tenant = client.get_after(closed, "/v1/tenant").await?.ok();
    assert_eq!(
        (&tenant["subscription_plan"], &tenant["subscription_status"]),
        (&json!("free"), &json!("closed"))
    );
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await?.ok()["status"], "cancelled", "with its tenant");
    for path in ["suspend", "reactivate", "close"] {
        client.post(&format!("/v1/tenant/{path}"), &reason()).await?.refused(403, "tenant-closed");
    }
    client.put("/v1/tenant", &json!({"name": "Again"})).await?.refused(403, "tenant-closed");
    client.put("/v1/feature-flags/vision", &json!({"enabled": true})).await?.refused(403, "tenant-closed");
    client
        .post("/v1/locations", &json!({"name": "Plant", "type": "plant"}))
        .await?
        .refused(403, "tenant-closed");
    // What is left: reading itself, its use and bills, and taking its events away.
    for path in [
        "/v1/batches",
        "/v1/locations",
        "/v1/batches/0197f3a0-5d6e-7c1a-9b2f-3f6a1c0d4e52/trace?direction=forward",
    ] {
        client.get(path).await?.refused(403, "tenant-closed");
    }
    for path in
        ["/v1/tenant/entitlements", "/v1/tenant/bill", "/v1/usage-metrics", "/v1/events", "/v1/projections"]
    {
        client.get(path).await?.ok();
    }
    // What was known before stays known.
    let as_of = async |point: u64| client.get(&format!("/v1/tenant?as_of={point}")).await;
    assert_eq!(as_of(suspended).await?.ok()["subscription_status"], "suspended");
    let then = as_of(registered).await?;
    assert_eq!(then.header("foodflow-position"), Some(registered.to_string().as_str()));
    assert_eq!(then.ok()["name"], "Crust & Co");
    as_of(0).await?.refused(404, "not-found");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn one_subscription_gives_the_plan(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let client = app.new_tenant()?;
    put(&client, "/v1/tenant", json!({"name": "Crust & Co"})).await?;
    let started = client.post_as("start", "/v1/subscriptions", &first_month()).await?;
    assert_eq!(started.status.as_u16(), 201);
    let again = client.post_as("start", "/v1/subscriptions", &first_month()).await?;
    assert_eq!(again.body, started.body, "a repeat answers with the first result");
    let subscription = started.ok();
    let events: Vec<&str> = subscription["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert!(events.contains(&"foodflow.tenancy.tenant.plan_changed.v1"), "{events:?}");
    client.post("/v1/subscriptions", &first_month()).await?.refused(422, "subscription-in-force");
    let mut unknown = first_month();
    unknown["plan"] = json!("startre");
    client.post("/v1/subscriptions", &unknown).await?.refused_at(422, "unknown-plan", "/plan");
    let mut backwards = first_month();
    backwards["current_period_end"] = json!("2026-04-01T00:00:00Z");
    client.post("/v1/subscriptions", &backwards).await?.refused(422, "period-ends-early");

    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let renew = |end: &str| json!({"current_period_end": end});
    let early = client.post(&format!("{path}/renew"), &renew("2126-05-01T00:00:00Z")).await?;
    early.refused(422, "period-ends-early");
    post(&client, &format!("{path}/renew"), renew("2126-06-01T00:00:00Z")).await?;
    let changed = put(&client, &format!("{path}/plan"), json!({"plan": "enterprise"})).await?;
    let row = client.get_after(changed, &path).await?;
    assert_eq!(row.header("etag"), Some("\"3\""));
    let row = row.ok();
    assert_eq!(row["current_period_start"], "2126-05-01T00:00:00Z");
    assert_eq!((&row["plan"], &row["status"]), (&json!("enterprise"), &json!("active")));
    assert_eq!(client.get("/v1/tenant").await?.ok()["subscription_plan"], "enterprise");

    let cancelled = position(&post(&client, &format!("{path}/cancel"), reason()).await?);
    for (action, body) in [("cancel", reason()), ("renew", renew("2126-07-01T00:00:00Z"))] {
        client.post(&format!("{path}/{action}"), &body).await?.refused(422, "subscription-cancelled");
    }
    assert_eq!(client.get_after(cancelled, "/v1/tenant").await?.ok()["subscription_plan"], "free");
    let next = position(&post(&client, "/v1/subscriptions", first_month()).await?);
    let page = async |query: &str| client.get_after(next, &format!("/v1/subscriptions{query}")).await;
    assert_eq!(page("").await?.ok()["items"].as_array().unwrap().len(), 2);
    let active = page("?status=active&plan=starter").await?.ok();
    assert_eq!(active["items"].as_array().unwrap().len(), 1);
    assert_eq!(page("?plan=none").await?.ok()["items"], json!([]));
    let one = page("?page%5Bsize%5D=1").await?.ok();
    let rest =
        page(&format!("?page%5Bsize%5D=1&page%5Bafter%5D={}", one["next"].as_str().unwrap())).await?.ok();
    assert_ne!(one["items"][0]["id"], rest["items"][0]["id"]);
    assert_eq!(rest["next"], json!(null));
    let then = client.get(&format!("/v1/subscriptions?as_of={changed}")).await?.ok();
    assert_eq!(then["items"].as_array().unwrap().len(), 1);
    assert_eq!(then["items"][0]["plan"], "enterprise");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn features_are_switched_per_tenant(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let (client, other) = (app.new_tenant()?, app.new_tenant()?);
    put(&client, "/v1/tenant", json!({"name": "Crust & Co"})).await?;
    // A position is of its tenant's partition.
    let others = put(&other, "/v1/tenant", json!({"name": "Crumb"})).await?;
    let flag = "/v1/feature-flags/vision.line-4_beta";
    client.get(flag).await?.refused(404, "not-found");
    for name in ["Vision", "a%20b", "%FF", &"x".repeat(101)] {
        let path = format!("/v1/feature-flags/{name}");
        client.get(&path).await?.refused(404, "not-found");
        client.put(&path, &json!({"enabled": true})).await?.refused(404, "not-found");
    }
    let on = put(&client, flag, json!({"enabled": true})).await?;
    assert_eq!(client.get_after(on, flag).await?.ok()["enabled"], true);
    other.get(flag).await?.refused(404, "not-found");
    let off = put(&client, flag, json!({"enabled": false})).await?;
    let answer = client.get_after(off, flag).await?;
    assert_eq!(answer.header("etag"), Some("\"2\""));
    assert_eq!(answer.ok()["feature_name"], "vision.line-4_beta");
    put(&client, "/v1/feature-flags/alerts", json!({"enabled": true})).await?;
    let last = put(&client, "/v1/feature-flags/reports", json!({"enabled": true})).await?;
    let on_now = client.get_after(last, "/v1/feature-flags?enabled=true").await?.ok();
    assert_eq!(on_now["items"].as_array().unwrap().len(), 2);
    let named = client.get("/v1/feature-flags?feature_name=alerts").await?.ok();
    assert_eq!(named["items"].as_array().unwrap().len(), 1);
    let then = client.get(&format!("{flag}?as_of={on}")).await?.ok();
    assert_eq!(then["enabled"], true, "as it stood");
    assert_eq!(other.get_after(others, "/v1/feature-flags").await?.ok()["items"], json!([]));
    Ok(())
}
