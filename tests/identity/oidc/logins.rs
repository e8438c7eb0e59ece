//! Logins that succeed, and those of people who may not come in.

use foodflow_testkit::{Stores, TestApp};
use serde_json::{Value, json};

use super::super::audit::{entries, entries_with};
use super::super::{PASSWORD, Plant, email, log_in, text};
use super::{OidcServer, OidcSetup, Scene};

#[tokio::test]
async fn whoever_linked_an_identity_logs_in_with_it() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    let Scene { plant, visitor, .. } = &scene;
    scene.link(&plant.admin, "ada").await?.ok();
    let begun = scene.begin().await?;
    let address = text(&begun, "authorization_url");
    for part in ["code_challenge_method=S256", "&nonce=", "&state=", "scope=openid&", "response_type=code"] {
        assert!(address.contains(part), "no {part} in {address}");
    }
    assert!(!address.contains(text(&begun, "binding")), "the binding is between browser and program");
    let back = scene.back(&begun, "ada").await?;
    let grant = scene.finish(&back).await?.ok();
    assert_eq!((text(&grant, "user_id"), text(&grant, "token_type")), (plant.admin_id.as_str(), "Bearer"));
    let ada = visitor.with_token(text(&grant, "access_token"));
    ada.get("/v1/users").await?.ok();
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]});
    visitor.post("/v1/token", &refresh).await?.ok();

    let query = format!("action=foodflow.identity.user.logged_in.v1&actor=user:{}", plant.admin_id);
    let logins = entries(&plant.admin, &query).await?;
    assert!(logins.iter().all(|login| login["address"] == "127.0.0.1"), "{logins:#?}");
    let sessions = ada.get("/v1/me/sessions").await?.ok();
    let methods: Vec<_> = sessions["items"].as_array().unwrap().iter().map(|one| &one["method"]).collect();
    assert!(methods.contains(&&json!("oidc")) && methods.contains(&&json!("password")), "{methods:?}");

    let output = scene.app.output();
    for secret in [
        text(&back, "code"),
        text(&back, "state"),
        text(&begun, "binding"),
        text(&grant, "refresh_token"),
        &OidcServer::secret("foodflow"),
    ] {
        assert!(!output.contains(secret), "the program's log holds a secret");
    }
    Ok(())
}

#[tokio::test]
async fn a_login_is_good_once_and_for_the_browser_that_began_it() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    scene.link(&scene.plant.admin, "ada").await?.ok();
    let begun = scene.begin().await?;
    let back = scene.back(&begun, "ada").await?;
    let mut unknown = back.clone();
    unknown["state"] = json!("never-was");
    scene.finish(&unknown).await?.refused(401, "login-expired");
    scene.finish(&back).await?.ok();
    scene.finish(&back).await?.refused(401, "login-expired");

    // Somebody hands his own login on, to have another browser logged in as himself.
    let begun = scene.begin().await?;
    let back = scene.back(&begun, "ada").await?;
    let mut lured = back.clone();
    lured["binding"] = scene.begin().await?["binding"].clone();
    scene.finish(&lured).await?.refused(401, "login-expired");
    scene.finish(&back).await?.refused(401, "login-expired");
    let refused = "action=foodflow.identity.access.refused.v1";
    entries_with(&scene.plant.admin, refused, |one| one["code"] == "login-expired").await?;
    Ok(())
}

#[tokio::test]
async fn who_is_unknown_locked_or_deactivated_is_refused_alike() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    let Scene { plant, visitor, .. } = &scene;
    let unknown = scene.log_in("nobody").await?;
    unknown.refused(401, "login-refused");
    let is_told = |one: &Value| {
        one["operation"] == "POST /v1/login/oidc/finish"
            && one["code"] == "unknown"
            && one["address"] == "127.0.0.1"
    };
    entries_with(&plant.admin, "action=foodflow.identity.access.refused.v1", is_told).await?;

    let id = plant.hire("maria", "Operator").await?;
    scene.link(&plant.client_of("maria").await?, "maria").await?.ok();
    for _ in 0..5 {
        log_in(visitor, &email("maria", &plant.slug), "not the password").await?;
    }
    let locked = scene.log_in("maria").await?;
    locked.refused(401, "login-refused");
    plant.hire("bob", "Operator").await?;
    let bob = plant.client_of("bob").await?;
    scene.link(&bob, "bob").await?.ok();
    scene.log_in("bob").await?.ok();
    let bob_id = text(&bob.get("/v1/me").await?.ok(), "id").to_owned();
    let why = json!({"reason": "left the company"});
    plant.admin.post(&format!("/v1/users/{bob_id}/deactivate"), &why).await?.ok();
    let deactivated = scene.log_in("bob").await?;
    deactivated.refused(401, "login-refused");
    assert!(unknown.body == locked.body && locked.body == deactivated.body, "no more is told");
    for id in [id, bob_id] {
        let query = format!("action=foodflow.identity.user.login_refused.v1&resource_id={id}");
        assert!(!entries(&plant.admin, &query).await?.is_empty());
    }

    // An identity opens accounts of the tenant alone that it was linked in.
    scene.link(&plant.admin, "ada").await?.ok();
    let stranger = Plant::new(&scene.app).await?;
    let body = json!({"tenant": stranger.slug});
    let begun = visitor.post("/v1/login/oidc", &body).await?.ok();
    scene.finish(&scene.back(&begun, "ada").await?).await?.refused(401, "login-refused");
    let nowhere = visitor.post("/v1/login/oidc", &json!({"tenant": "no-such-tenant"})).await?.ok();
    scene.finish(&scene.back(&nowhere, "ada").await?).await?.refused(401, "login-refused");
    Ok(())
}

#[tokio::test]
async fn another_process_ends_what_one_began() -> anyhow::Result<()> {
    let provider = OidcServer::start(OidcSetup::default()).await?;
    // It projects.
    TestApp::shared(Stores::Servers).await?;
    let app = TestApp::own_with(Stores::Servers, provider.environment("foodflow")).await?;
    let other = app.beside(&["serve", "--role", "api"]).await?;
    let plant = Plant::new(&app).await?;
    let visitor = plant.admin.with_token("none");
    let scene = Scene { provider, app, plant, visitor };
    scene.link(&scene.plant.admin, "ada").await?.ok();
    let begun = scene.begin().await?;
    let back = scene.back(&begun, "ada").await?;
    let elsewhere = other.client(&scene.plant.slug, &[])?.with_token("none");
    let grant = elsewhere.post("/v1/login/oidc/finish", &back).await?.ok();
    assert_eq!(text(&grant, "user_id"), scene.plant.admin_id);
    scene.finish(&back).await?.refused(401, "login-expired");
    Ok(())
}

#[tokio::test]
async fn providers_sign_in_their_ways_and_clients_have_a_secret_or_none() -> anyhow::Result<()> {
    for client in ["public", "eddsa"] {
        let scene = Scene::new(client).await?;
        scene.link(&scene.plant.admin, "ada").await?.ok();
        scene.log_in("ada").await?.ok();
    }
    Ok(())
}

#[tokio::test]
async fn a_second_factor_is_the_providers_to_ask_for() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    let Scene { plant, visitor, .. } = &scene;
    let admin = &plant.admin;
    scene.link(admin, "ada").await?.ok();
    let begun = admin.post("/v1/me/second-factor", &json!({})).await?.ok();
    let code = super::super::second_factor::code(text(&begun, "secret"), 0);
    admin.post("/v1/me/second-factor/enable", &json!({"code": code})).await?.ok();
    log_in(visitor, &email("admin", &plant.slug), PASSWORD).await?.refused(401, "second-factor-required");
    scene.log_in("ada").await?.ok();
    Ok(())
}

#[tokio::test]
async fn without_a_provider_nobody_is_sent_anywhere() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let plant = Plant::new(app).await?;
    let (visitor, body) = (plant.admin.with_token("none"), json!({"tenant": plant.slug}));
    let back = json!({"state": "s", "code": "c", "binding": "b"});
    let code = "no-identity-provider";
    visitor.post("/v1/login/oidc", &body).await?.refused(404, code);
    visitor.post("/v1/login/oidc/finish", &back).await?.refused(404, code);
    plant.admin.post("/v1/me/identities", &json!({})).await?.refused(404, code);
    plant.admin.post("/v1/me/identities/finish", &back).await?.refused(404, code);
    Ok(())
}
