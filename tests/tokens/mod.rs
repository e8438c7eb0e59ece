//! Access tokens from outside: their keys are published and rotated, and tokens are revoked.

use std::time::{Duration, Instant};

use foodflow_testkit::{Stores, TestApp, TestClient};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};
use rstest::rstest;
use serde_json::Value;

/// What is asked with a token.
const READ: &str = "/v1/locations";

async fn key_set(app: &TestApp) -> anyhow::Result<(JwkSet, Value)> {
    let answer = reqwest::get(format!("{}/.well-known/jwks.json", app.base())).await?.error_for_status()?;
    assert_eq!(answer.headers()["content-type"], "application/jwk-set+json");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    let text = answer.text().await?;
    Ok((serde_json::from_str(&text)?, serde_json::from_str(&text)?))
}

/// The bytes of unpadded base64url (RFC 4648).
fn bytes_of(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|one| *one == byte).expect("a digit of base64url");
        held = held << 6 | u32::try_from(digit).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}

/// Checks the signature by the standards alone: the key of the set that the header names, with another implementation of
/// Ed25519 than the program's.
fn is_signed_by(token: &str, keys: &Value) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let header: Value = serde_json::from_slice(&bytes_of(token.split('.').next().unwrap())).unwrap();
    let mut of_name = keys["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == header["kid"]);
    let Some(key) = of_name.next() else { return false };
    assert_eq!((&key["kty"], &key["crv"], &key["use"]), (&"OKP".into(), &"Ed25519".into(), &"sig".into()));
    let public = UnparsedPublicKey::new(&ED25519, bytes_of(key["x"].as_str().unwrap()));
    public.verify(signed.as_bytes(), &bytes_of(signature)).is_ok()
}

/// Until a running program has noticed what was done to files beside it.
async fn within_seconds(mut done: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let began = Instant::now();
    while !done().await? {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(10), "it was not noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test]
async fn the_published_keys_check_tokens_elsewhere() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let (set, keys) = key_set(app).await?;
    assert!(is_signed_by(&client.token, &keys));
    let name = decode_header(&client.token)?.kid.unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["foodflow"]);
    validation.set_audience(&["foodflow"]);
    let claims: Value =
        decode(&client.token, &DecodingKey::from_jwk(set.find(&name).unwrap())?, &validation)?.claims;
    assert_eq!(claims["tenant_slug"], *client.slug);
    assert!(claims["exp"].as_u64().unwrap() > get_current_timestamp());
    // Nothing of a private key.
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()), "{keys}");
    let tampered = client.token.replacen(".ey", ".eY", 1);
    assert!(!is_signed_by(&tampered, &keys));
    Ok(())
}

#[tokio::test]
async fn a_rotated_key_leaves_its_tokens_valid_and_running_programs_sign_with_the_new_one()
-> anyhow::Result<()> {
    let app = TestApp::embedded().await?;
    let old = app.new_tenant()?;
    let report = app.run(&["token", "rotate-key", "--json"])?;
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
    let report: Value = serde_json::from_slice(&report.stdout)?;
    let new = app.new_tenant()?;
    let name = |client: &TestClient| Value::from(decode_header(&client.token).unwrap().kid.unwrap());
    assert_eq!((name(&old), name(&new)), (report["retired"].clone(), report["key"].clone()));
    within_seconds(async || Ok(new.get(READ).await?.status == 200)).await?;
    old.get(READ).await?.ok();
    let (_, keys) = key_set(&app).await?;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(is_signed_by(&old.token, &keys) && is_signed_by(&new.token, &keys));

    // One that others may know is void at once, as is one whose public half is taken away.
    let report = app.run(&["token", "rotate-key", "--compromised"])?;
    assert!(String::from_utf8(report.stderr)?.contains("its tokens are void"));
    within_seconds(async || Ok(new.get(READ).await?.status == 401)).await?;
    new.get(READ).await?.refused(401, "unauthenticated");
    old.get(READ).await?.ok();
    let kept = report_path(&app, &name(&old));
    std::fs::remove_file(&kept)?;
    within_seconds(async || Ok(old.get(READ).await?.status == 401)).await?;
    assert_eq!(key_set(&app).await?.1["keys"].as_array().unwrap().len(), 1);
    let last = app.new_tenant()?;
    within_seconds(async || Ok(last.get(READ).await?.status == 200)).await
}

fn report_path(app: &TestApp, name: &Value) -> std::path::PathBuf {
    app.data().join("access-keys").join(format!("{}.pem", name.as_str().unwrap()))
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn tokens_that_an_operator_revokes_are_refused(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let tenant = app.new_tenant()?;
    let issue = |actor: &str| -> anyhow::Result<TestClient> {
        let output = app.run(&["token", "--tenant", &tenant.slug, "--actor", actor])?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(tenant.with_token(String::from_utf8(output.stdout)?.trim()))
    };
    let revoke = |more: &[&str]| {
        let output = app.run(&[&["token", "revoke", "--tenant", &tenant.slug], more].concat()).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let (scale, printer, elsewhere) = (issue("scale-7")?, issue("printer-2")?, app.new_tenant()?);
    for client in [&scale, &printer] {
        client.get(READ).await?.ok();
    }
    revoke(&["--actor", "scale-7"]);
    within_seconds(async || Ok(scale.get(READ).await?.status == 401)).await?;
    scale.get(READ).await?.refused(401, "unauthenticated");
    printer.get(READ).await?.ok();
    issue("scale-7")?.get(READ).await?.ok();
    revoke(&[]);
    within_seconds(async || Ok(printer.get(READ).await?.status == 401)).await?;
    elsewhere.get(READ).await?.ok();
    issue("printer-2")?.get(READ).await?.ok();
    Ok(())
}
