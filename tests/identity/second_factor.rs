//! Codes of an authenticator, and recovery codes.

use foodflow_testkit::{Answer, Stores, TestApp, TestClient};
use rstest::rstest;
use serde_json::json;
use totp_rs::{Algorithm, Secret, TOTP};

use super::{PASSWORD, Plant, email, text};

/// The code that an authenticator shows so many seconds from now.
pub(super) fn code(secret: &str, ahead_s: u64) -> String {
    let secret = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    let totp = TOTP::new(Algorithm::SHA1, 6, 1, 30, secret, None, "any".to_owned()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    totp.generate(now + ahead_s)
}

async fn log_in_with(client: &TestClient, name: &str, code: &str) -> anyhow::Result<Answer> {
    let email = email(name, &client.slug);
    let body = json!({"tenant": client.slug, "email": email, "password": PASSWORD, "code": code});
    client.post("/v1/login", &body).await
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_second_factor_is_set_up_asked_for_and_recovered(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let id = plant.hire("maria", "Operator").await?;
    let maria = plant.client_of("maria").await?;
    let enable = |code: &str| json!({"code": code});
    maria.post("/v1/me/second-factor/enable", &enable("123456")).await?.refused(422, "second-factor");
    let begun = maria.post("/v1/me/second-factor", &json!({})).await?.ok();
    let secret = text(&begun, "secret");
    assert!(text(&begun, "address").contains(secret));
    maria.post("/v1/me/second-factor/enable", &enable("000000")).await?.refused(422, "code-invalid");
    let codes = maria.post("/v1/me/second-factor/enable", &enable(&code(secret, 0))).await?.ok();
    let codes = codes["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);

    let without = log_in_with(&visitor, "maria", "").await?;
    without.refused_at(400, "invalid-body", "/code");
    let body = json!({"tenant": plant.slug, "email": email("maria", &plant.slug), "password": PASSWORD});
    visitor.post("/v1/login", &body).await?.refused(401, "second-factor-required");
    log_in_with(&visitor, "maria", &code(secret, 0)).await?.refused(401, "login-refused");
    let next = code(secret, 30);
    log_in_with(&visitor, "maria", &next).await?.ok();
    log_in_with(&visitor, "maria", &next).await?.refused(401, "login-refused");
    let recovery = codes[0].as_str().unwrap();
    log_in_with(&visitor, "maria", recovery).await?.ok();
    log_in_with(&visitor, "maria", recovery).await?.refused(401, "login-refused");

    let why = json!({"reason": "the phone is lost"});
    plant.admin.post(&format!("/v1/users/{id}/second-factor/disable"), &why).await?.ok();
    plant.client_of("maria").await?.get("/v1/me").await?.ok();
    Ok(())
}
