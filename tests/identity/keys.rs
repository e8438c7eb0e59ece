//! Service accounts: keys that are shown once and buy access tokens.

use foodflow_testkit::{Stores, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Plant, position, text};

fn show(key: &str) -> Value {
    json!({"grant_type": "api_key", "api_key": key})
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_key_buys_tokens_within_its_scopes_until_it_is_revoked(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let role = plant.role("Integrator").await?;
    let body = json!({"name": "ERP bridge", "role_ids": [role]});
    let made = plant.admin.post("/v1/service-accounts", &body).await?.ok();
    plant.admin.post("/v1/service-accounts", &body).await?.refused_at(422, "name-taken", "/name");
    let path = format!("/v1/service-accounts/{}", text(&made, "id"));
    let issue = |scopes: Value| json!({"name": "spring", "scopes": scopes});
    let all = plant.admin.post(&format!("{path}/keys"), &issue(json!(null))).await?.ok();
    let some = plant.admin.post(&format!("{path}/keys"), &issue(json!(["lots:read"]))).await?.ok();
    let past = json!({"name": "old", "expires_at": "2020-01-01T00:00:00Z"});
    plant.admin.post(&format!("{path}/keys"), &past).await?.refused_at(400, "invalid-body", "/expires_at");
    let grant = visitor.post("/v1/token", &show(text(&all, "api_key"))).await?.ok();
    assert!(grant.get("refresh_token").is_none(), "{grant:#}");
    let bridge = visitor.with_token(text(&grant, "access_token"));
    bridge.get("/v1/products").await?.ok();
    bridge.get("/v1/users").await?.refused(403, "forbidden");
    bridge.get("/v1/me").await?.refused(404, "not-found");
    let grant = visitor.post("/v1/token", &show(text(&some, "api_key"))).await?.ok();
    assert_eq!(grant["permissions"], json!(["lots:read"]));
    visitor.with_token(text(&grant, "access_token")).get("/v1/products").await?.refused(403, "forbidden");

    let keys = plant.admin.get_after(position(&some), &format!("{path}/keys")).await?.ok();
    assert_eq!(keys["items"].as_array().unwrap().len(), 2);
    assert!(!keys.to_string().contains(text(&all, "api_key")) && !keys.to_string().contains("key_hash"));
    let why = json!({"reason": "leaked"});
    let revoke = format!("{path}/keys/{}/revoke", text(&all, "id"));
    Plant::new(app).await?.admin.post(&revoke, &why).await?.refused(404, "not-found");
    plant.admin.post(&revoke, &why).await?.ok();
    visitor.post("/v1/token", &show(text(&all, "api_key"))).await?.refused(401, "token-invalid");
    bridge.get("/v1/products").await?.refused(401, "unauthenticated");
    visitor.post("/v1/token", &show(text(&some, "api_key"))).await?.ok();
    plant.admin.post(&format!("{path}/deactivate"), &why).await?.ok();
    visitor.post("/v1/token", &show(text(&some, "api_key"))).await?.refused(401, "token-invalid");
    visitor.post("/v1/token", &show("ffk_made.up")).await?.refused(401, "token-invalid");
    Ok(())
}
