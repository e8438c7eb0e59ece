//! Tokens that must not open anything.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use foodflow_testkit::{Stores, TestApp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, dangerous::insecure_decode, encode};
use serde_json::{Value, json};

/// `{"alg":"none","typ":"at+jwt"}`.
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";

/// Forgeries of a valid token, each with what it is.
pub(super) fn forged(app: &TestApp, valid: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let claims: Value = insecure_decode(valid)?.claims;
    let forge = Forge::of(app, valid)?;
    let mut forged = forged_claims(&forge, &claims)?;
    forged.extend(forged_headers(&forge, &claims)?);
    let [header, payload, signature] = valid.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other: Value = insecure_decode(&app.new_tenant()?.token)?.claims;
    let stolen = forge.signed(&other)?;
    let stolen_payload = stolen.split('.').nth(1).unwrap();
    let mut flipped = signature.to_owned();
    let first = if flipped.remove(0) == 'A' { 'B' } else { 'A' };
    flipped.insert(0, first);
    forged.extend([
        ("no token", String::new()),
        ("garbage", "garbage".to_owned()),
        ("garbage in three parts", "a.b.c".to_owned()),
        ("a token that is too long", "x".repeat(10_000)),
        ("with the public key as a secret", forge.signed_with_the_public_key(&claims)?),
        ("unsigned", format!("{UNSIGNED}.{payload}.")),
        ("unsigned, with a signature", format!("{UNSIGNED}.{payload}.{signature}")),
        ("without its signature", format!("{header}.{payload}.")),
        ("with another's claims", format!("{header}.{stolen_payload}.{signature}")),
        ("with a bit of its signature turned", format!("{header}.{payload}.{flipped}")),
        ("with a fourth part", format!("{valid}.{signature}")),
    ]);
    Ok(forged)
}

/// Signed with the right key: what is wrong is only what the claims say.
fn forged_claims(forge: &Forge, claims: &Value) -> anyhow::Result<Vec<(&'static str, String)>> {
    let now = jiff::Timestamp::now().as_second();
    let cases = [
        ("expired", "exp", json!(now - 1)),
        ("without an end", "exp", Value::Null),
        ("not yet valid", "nbf", json!(now + 3_600)),
        ("issued in the future", "iat", json!(now + 3_600)),
        ("issued at no time", "iat", Value::Null),
        ("of another issuer", "iss", json!("elsewhere")),
        ("for another audience", "aud", json!("elsewhere")),
        ("for several audiences", "aud", json!(["foodflow", "elsewhere"])),
        ("for no audience", "aud", Value::Null),
        ("without a subject", "sub", Value::Null),
        ("without a tenant", "tenant", Value::Null),
        ("for no tenant", "tenant", json!("harbor-vale")),
        ("without permissions", "permissions", Value::Null),
        ("without an id", "jti", Value::Null),
        ("of a session that there is not", "sid", json!(uuid::Uuid::new_v4())),
        ("of what is no session", "sid", json!("none")),
        ("signed and too long", "padding", json!("x".repeat(10_000))),
    ];
    cases
        .into_iter()
        .map(|(why, name, value)| Ok((why, forge.signed(&changed(claims, name, value))?)))
        .collect()
}

/// With the right claims: what is wrong is who signed, or what the header says of it.
fn forged_headers(forge: &Forge, claims: &Value) -> anyhow::Result<Vec<(&'static str, String)>> {
    let stranger = forge.stranger();
    let header = &forge.header;
    let public = BASE64_URL_SAFE_NO_PAD.encode(stranger.key.verifying_key().as_bytes());
    let own_key: Jwk =
        serde_json::from_value(json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": public}))?;
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = header.clone();
        change(&mut header);
        header
    };
    let cases = [
        ("of another key", &stranger, header.clone()),
        (
            "of another key, which it brings along",
            &stranger,
            with(&|header| header.jwk = Some(own_key.clone())),
        ),
        ("of a key that nobody has", forge, with(&|header| header.kid = Some("nobody-s".to_owned()))),
        ("of a key in a file", forge, with(&|header| header.kid = Some("../access-key".to_owned()))),
        ("without the name of its key", forge, with(&|header| header.kid = None)),
        ("of another type", forge, with(&|header| header.typ = Some("JWT".to_owned()))),
        ("of no type", forge, with(&|header| header.typ = None)),
        ("with something critical", forge, with(&|header| header.crit = Some(vec!["exp".to_owned()]))),
    ];
    cases
        .into_iter()
        .map(|(why, forge, header)| Ok((why, encode(&header, claims, &forge.encoding()?)?)))
        .collect()
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
    header: Header,
}

impl Forge {
    /// Signs as the program itself does, by its key and the header of a token of its own.
    fn of(app: &TestApp, valid: &str) -> anyhow::Result<Self> {
        let path: &Path = &app.data().join("access-key.pem");
        let key = SigningKey::from_pkcs8_pem(&std::fs::read_to_string(path)?)?;
        Ok(Self { key, header: jsonwebtoken::decode_header(valid)? })
    }

    /// Another key, under the name of the right one.
    fn stranger(&self) -> Self {
        let mut seed = self.key.to_bytes();
        seed[0] ^= 1;
        Self { key: SigningKey::from_bytes(&seed), header: self.header.clone() }
    }

    fn encoding(&self) -> anyhow::Result<EncodingKey> {
        Ok(EncodingKey::from_ed_pem(self.key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?)
    }

    fn signed(&self, claims: &Value) -> anyhow::Result<String> {
        Ok(encode(&self.header, claims, &self.encoding()?)?)
    }

    fn signed_with_the_public_key(&self, claims: &Value) -> anyhow::Result<String> {
        let pem = self.key.verifying_key().to_public_key_pem(LineEnding::LF)?;
        let header = Header { alg: Algorithm::HS256, ..self.header.clone() };
        Ok(encode(&header, claims, &EncodingKey::from_secret(pem.as_bytes()))?)
    }
}

/// The forge works: what it signs without a change opens the door.
#[tokio::test]
async fn a_token_signed_with_the_key_of_the_program_is_valid() -> anyhow::Result<()> {
    let app = TestApp::shared(foodflow_testkit::Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let claims: Value = insecure_decode(&client.token)?.claims;
    let token = Forge::of(app, &client.token)?.signed(&claims)?;
    client.with_token(&token).get("/v1/locations").await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_token() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let valid = app.new_tenant()?.token;
    let claims: Value = insecure_decode(&valid)?.claims;
    let forge = Forge::of(app, &valid)?;
    let soon = jiff::Timestamp::now().as_second() + 2;
    let token = forge.signed(&changed(&claims, "exp", json!(soon)))?;
    let request = reqwest::Client::new().get(format!("{}/v1/events/stream", app.base())).bearer_auth(token);
    let stream = request.send().await?.error_for_status()?;
    // It goes on until the token ends, and no longer.
    tokio::time::timeout(Duration::from_secs(30), stream.bytes()).await??;
    assert!(jiff::Timestamp::now().as_second() + 1 >= soon);
    Ok(())
}
