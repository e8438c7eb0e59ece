//! Events that a plan no longer retains are not shown; those of today are, and lots of any time.

use std::sync::Arc;

use foodflow_commands::food_graph::master_data::RegisterLocation;
use foodflow_commands::tenancy::tenants::DescribeTenant;
use foodflow_commands::{CommandMeta, Executor, ScriptedClock};
use foodflow_domain::TenantId;
use foodflow_domain::tenancy::tenant::TenantProfile;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::{Keyring, PayloadHash, SharedLog};
use foodflow_testkit::TestApp;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

const SLUG: &str = "old-mill";

fn meta() -> CommandMeta {
    let command_id = Uuid::now_v7();
    CommandMeta {
        tenant: TenantId::of_slug(SLUG),
        actor: "qa@old-mill".to_owned(),
        command_id: command_id.into(),
        repeatable: false,
        command_hash: PayloadHash::of(command_id.as_bytes()),
        correlation_id: command_id,
        causation_id: None,
        if_match: None,
    }
}

fn location(name: &str) -> RegisterLocation {
    RegisterLocation {
        id: None,
        name: name.to_owned(),
        location_type: "plant".to_owned(),
        address: None,
        coordinates: None,
        gln: None,
    }
}

/// A log that began long before what the free plan retains.
async fn write(log: SharedLog) -> anyhow::Result<()> {
    let days_ago = |days: i64| Timestamp::now() - SignedDuration::from_hours(24 * days);
    let clock = Arc::new(ScriptedClock::at(days_ago(900)));
    let keyring = Arc::new(Keyring::passing(log.records())?);
    let executor = Executor::new(Arc::clone(&log), keyring, Arc::clone(&clock) as _);
    executor.execute(&meta(), &location("Mill of then")).await?;
    let profile = TenantProfile {
        name: "Old mill".to_owned(),
        logo_url: None,
        primary_color: None,
        stripe_customer_id: None,
    };
    executor.execute(&meta(), &DescribeTenant { slug: SLUG.to_owned(), profile }).await?;
    clock.set(days_ago(700));
    executor.execute(&meta(), &location("Mill of now")).await?;
    log.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_shown_as_far_back_as_the_plan_says() -> anyhow::Result<()> {
    let mut app = TestApp::embedded().await?;
    app.terminate()?;
    write(Arc::new(EmbeddedLog::open(&app.data().join("log.sqlite")).await?)).await?;
    app.restart().await?;
    let client = app.client(SLUG, &[])?;
    let named = |events: &Value| -> Vec<String> {
        let names = events.as_array().unwrap().iter().map(|event| event["data"]["name"].to_string());
        names.collect()
    };
    let shown = client.get("/v1/events").await?.ok();
    assert_eq!(named(&shown), ["\"Mill of now\""]);
    assert_eq!(named(&client.get("/v1/events?after=1").await?.ok()), ["\"Mill of now\""]);
    let last = shown[0]["position"].as_u64().unwrap();
    assert_eq!(client.get(&format!("/v1/events?after={last}")).await?.ok(), json!([]));
    // Nothing of what lots refer to is hidden, and the operator has it all.
    let places = client.get_after(last, "/v1/locations").await?.ok();
    assert_eq!(places["items"].as_array().unwrap().len(), 2);
    let replayed = app.run(&["replay", "--tenant", SLUG, "--format", "ndjson"])?;
    assert_eq!(String::from_utf8(replayed.stdout)?.lines().count(), 3);
    let since = client.get("/v1/tenant/entitlements").await?.ok()["retained_since"].clone();
    assert!(
        since.as_str().unwrap().parse::<Timestamp>()?
            < Timestamp::now() - SignedDuration::from_hours(24 * 730)
    );
    Ok(())
}
