//! Tokens that must not open anything.

use std::path::Path;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use foodflow_testkit::{Stores, TestApp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, dangerous::insecure_decode, encode};
use serde_json::{Value, json};

/// `{"alg":"none","typ":"JWT"}`.
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// Forgeries of a valid token, each with what it is.
pub(super) fn forged(app: &TestApp, valid: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let claims: Value = insecure_decode(valid)?.claims;
    let forge = Forge::of(&app.data().join("access-key.pem"))?;
    let [header, payload, signature] = valid.split('.').collect::<Vec<_>>().try_into().unwrap();
    let now = claims["iat"].as_i64().unwrap();
    let other: Value = insecure_decode(&app.new_tenant()?.token)?.claims;
    let stolen = forge.signed(&other)?;
    let stolen_payload = stolen.split('.').nth(1).unwrap();
    Ok(vec![
        ("no token", String::new()),
        ("garbage", "garbage".to_owned()),
        ("garbage in three parts", "a.b.c".to_owned()),
        ("a token that is too long", "x".repeat(10_000)),
        ("expired", forge.signed(&changed(&claims, "exp", json!(now - 1)))?),
        ("without an end", forge.signed(&changed(&claims, "exp", Value::Null))?),
        ("of another issuer", forge.signed(&changed(&claims, "iss", json!("elsewhere")))?),
        ("without a subject", forge.signed(&changed(&claims, "sub", Value::Null))?),
        ("without a tenant", forge.signed(&changed(&claims, "tenant", Value::Null))?),
        ("for no tenant", forge.signed(&changed(&claims, "tenant", json!("harbor-vale")))?),
        ("without permissions", forge.signed(&changed(&claims, "permissions", Value::Null))?),
        ("of another key", forge.signed_by_another_key(&claims)?),
        ("with the public key as a secret", forge.signed_with_the_public_key(&claims)?),
        ("unsigned", format!("{UNSIGNED}.{payload}.")),
        ("unsigned, with a signature", format!("{UNSIGNED}.{payload}.{signature}")),
        ("without its signature", format!("{header}.{payload}.")),
        ("with another's claims", format!("{header}.{stolen_payload}.{signature}")),
    ])
}

/// The claims with another value; without the claim where that is null.
fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

struct Forge {
    key: SigningKey,
}

impl Forge {
    /// Signs with the key of the program itself: what is wrong is then only what the claims say.
    fn of(path: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read_to_string(path)?;
        Ok(Self { key: SigningKey::from_pkcs8_pem(&pem)? })
    }

    fn signed(&self, claims: &Value) -> anyhow::Result<String> {
        let pem = self.key.to_pkcs8_pem(LineEnding::LF)?;
        Ok(encode(&Header::new(Algorithm::EdDSA), claims, &EncodingKey::from_ed_pem(pem.as_bytes())?)?)
    }

    fn signed_by_another_key(&self, claims: &Value) -> anyhow::Result<String> {
        let mut seed = self.key.to_bytes();
        seed[0] ^= 1;
        Self { key: SigningKey::from_bytes(&seed) }.signed(claims)
    }

    fn signed_with_the_public_key(&self, claims: &Value) -> anyhow::Result<String> {
        let pem = self.key.verifying_key().to_public_key_pem(LineEnding::LF)?;
        Ok(encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(pem.as_bytes()))?)
    }
}

/// The forge works: what it signs without a change opens the door.
#[tokio::test]
async fn a_token_signed_with_the_key_of_the_program_is_valid() -> anyhow::Result<()> {
    let app = TestApp::shared(foodflow_testkit::Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let claims: Value = insecure_decode(&client.token)?.claims;
    let token = Forge::of(&app.data().join("access-key.pem"))?.signed(&claims)?;
    client.with_token(&token).get("/v1/locations").await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_token() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let claims: Value = insecure_decode(&app.new_tenant()?.token)?.claims;
    let forge = Forge::of(&app.data().join("access-key.pem"))?;
    let soon = jiff::Timestamp::now().as_second() + 2;
    let token = forge.signed(&changed(&claims, "exp", json!(soon)))?;
    let request = reqwest::Client::new().get(format!("{}/v1/events/stream", app.base())).bearer_auth(token);
    let stream = request.send().await?.error_for_status()?;
    // It goes on until the token ends, and no longer.
    tokio::time::timeout(Duration::from_secs(30), stream.bytes()).await??;
    assert!(jiff::Timestamp::now().as_second() + 1 >= soon);
    Ok(())
}
