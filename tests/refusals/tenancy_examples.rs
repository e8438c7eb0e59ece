//! Bodies that tenancy's writes accept, in the order in which they may be sent.

use foodflow_testkit::{World, create};
use serde_json::{Value, json};
use uuid::Uuid;

use super::examples::Example;

fn period(end: &str) -> Value {
    json!({"plan": "starter", "current_period_start": "2026-04-01T00:00:00Z", "current_period_end": end})
}

/// A registered tenant with a subscription and a feature; answers with the subscription's id and the position.
pub(super) async fn subscribed(world: &World) -> anyhow::Result<(Uuid, u64)> {
    world.client.put("/v1/tenant", &json!({"name": "Crust & Co"})).await?.ok();
    let subscription = create(&world.client, "/v1/subscriptions", period("2126-05-01T00:00:00Z")).await?;
    let set = world.client.put("/v1/feature-flags/vision", &json!({"enabled": false})).await?.ok();
    Ok((subscription, set["position"].as_u64().unwrap()))
}

pub(super) async fn tenancy(world: &World) -> anyhow::Result<Vec<Example>> {
    let (subscription, _) = subscribed(world).await?;
    let none = Uuid::nil();
    let tenant = json!({
        "name": "Crust & Crumb", "logo_url": "https://crust.example/logo.svg", "primary_color": "#C0FFEE",
        "stripe_customer_id": "cus_1",
    });
    let mut started = period("2126-06-01T00:00:00Z");
    started["id"] = json!(Uuid::new_v4());
    started["stripe_subscription_id"] = json!("sub_1");
    let reason = || json!({"reason": "check"});
    let cancel = json!({"reason": "check", "at_period_end": false});
    let renewal = json!({"current_period_end": "2126-06-01T00:00:00Z"});
    Ok(vec![
        Example::new("PUT /v1/tenant", none, vec![tenant]),
        Example::new("PUT /v1/feature-flags/{feature_name}", none, vec![json!({"enabled": true})]),
        Example::new("POST /v1/subscriptions/{id}/renew", subscription, vec![renewal]),
        Example::new("PUT /v1/subscriptions/{id}/plan", subscription, vec![json!({"plan": "enterprise"})]),
        Example::new("POST /v1/subscriptions/{id}/cancel", subscription, vec![cancel]),
        Example::new("POST /v1/subscriptions", none, vec![started]),
        Example::new("POST /v1/tenant/suspend", none, vec![reason()]),
        Example::new("POST /v1/tenant/reactivate", none, vec![reason()]),
        Example::new("POST /v1/tenant/close", none, vec![reason()]),
    ])
}
