//! What is not what the provider says: codes, nonces, challenges and tokens of others, and keys that it does not publish.

use foodflow_testkit::servers::OidcSetup;
use serde_json::json;

use super::super::text;
use super::Scene;

/// An address with another value of a parameter.
fn with(address: &str, name: &str, value: &str) -> String {
    let (before, rest) = address.split_once(&format!("{name}=")).unwrap();
    let rest = rest.split_once('&').map_or("", |(_, rest)| rest);
    format!("{before}{name}={value}&{rest}")
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    scene.link(&scene.plant.admin, "ada").await?.ok();
    // SHA-256 of another verifier.
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for (name, value) in [("nonce", "another"), ("code_challenge", challenge), ("client_id", "elsewhere")] {
        let begun = scene.begin().await?;
        let address = with(text(&begun, "authorization_url"), name, value);
        let back = scene.back_from(&begun, &address, "ada").await?;
        scene.finish(&back).await?.refused(401, "login-refused");
    }
    let (one, other) = (scene.begin().await?, scene.begin().await?);
    let mut mixed = scene.back(&one, "ada").await?;
    let theirs = scene.back(&other, "ada").await?;
    mixed["code"] = theirs["code"].clone();
    scene.finish(&mixed).await?.refused(401, "login-refused");
    for (name, value) in [("code", "never-was"), ("iss", "http://127.0.0.1:1")] {
        let begun = scene.begin().await?;
        let mut back = scene.back(&begun, "ada").await?;
        back[name] = json!(value);
        scene.finish(&back).await?.refused(401, "login-refused");
    }
    let output = scene.app.output();
    assert!(output.contains("its token is of another login"), "the nonce is looked at:\n{output}");
    assert!(output.contains("it does not know the code"), "{output}");
    scene.log_in("ada").await?.ok();
    Ok(())
}

#[tokio::test]
async fn tokens_are_believed_by_their_signature_and_time_alone() -> anyhow::Result<()> {
    let cases = [
        ("hs256", vec![], "its token is not signed, or not as it should be"),
        (
            "foodflow",
            vec![("publishes", json!("another key"))],
            "its token is signed with a key that it does not publish",
        ),
        (
            "foodflow",
            vec![("lifetime_s", json!(1)), ("late_ms", json!(2_000))],
            "its token has expired, or was not issued just now",
        ),
    ];
    for (client, settings, reason) in cases {
        let scene = Scene::with(client, OidcSetup { settings }).await?;
        let refused = scene.log_in("ada").await?;
        let output = scene.app.output();
        assert_eq!((client, refused.status.as_u16()), (client, 401), "{output}");
        refused.refused(401, "login-refused");
        assert!(output.contains(reason), "not \"{reason}\":\n{output}");
    }
    Ok(())
}
