//! Providers that rotate their keys, are down, hang, or are not what the settings say.

use std::time::{Duration, Instant};

use foodflow_testkit::servers::OidcSetup;
use foodflow_testkit::{Answer, Stores, TestApp};
use serde_json::json;

use super::super::Plant;
use super::{OidcServer, Scene};

/// How long a provider is left alone that did not answer, and a little.
const PAUSE: Duration = Duration::from_millis(2_500);

fn is_unavailable(answer: &Answer) {
    answer.refused(503, "identity-provider-unavailable");
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn a_provider_may_rotate_its_keys() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    scene.link(&scene.plant.admin, "ada").await?.ok();
    scene.log_in("ada").await?.ok();
    for _ in 0..2 {
        scene.provider.restart(OidcSetup::default()).await?;
        scene.log_in("ada").await?.ok();
    }
    Ok(())
}

#[tokio::test]
async fn a_provider_that_is_down_or_hangs_keeps_nobody_waiting() -> anyhow::Result<()> {
    let provider = OidcServer::start(OidcSetup::default()).await?;
    provider.kill9().await?;
    let app = TestApp::own_with(Stores::Embedded, provider.environment("foodflow")).await?;
    let plant = Plant::new(&app).await?;
    let visitor = plant.admin.with_token("none");
    let scene = Scene { provider, app, plant, visitor };
    let body = json!({"tenant": scene.plant.slug});
    is_unavailable(&scene.visitor.post("/v1/login/oidc", &body).await?);
    let output = scene.app.output();
    assert!(output.contains("nobody can log in at the identity provider"), "{output}");
    let doctor = scene.app.run(&["doctor"])?;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success() && told.contains("FAIL  http://127.0.0.1:"), "{told}");

    scene.provider.restart(OidcSetup::default()).await?;
    tokio::time::sleep(PAUSE).await;
    scene.link(&scene.plant.admin, "ada").await?.ok();
    let doctor = scene.app.run(&["doctor"])?;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("answers, and signs with one of 3 keys"), "{told}");
    assert!(!told.contains(&OidcServer::secret("foodflow")), "{told}");

    let begun = scene.begin().await?;
    let back = scene.back(&begun, "ada").await?;
    scene.provider.kill9().await?;
    is_unavailable(&scene.finish(&back).await?);
    scene.provider.restart(OidcSetup::default()).await?;
    let begun = scene.begin().await?;
    let back = scene.back(&begun, "ada").await?;
    scene.provider.suspend().await?;
    let began = Instant::now();
    is_unavailable(&scene.finish(&back).await?);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    scene.plant.admin.get("/v1/me").await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_provider_that_calls_itself_otherwise_is_not_believed() -> anyhow::Result<()> {
    let provider = OidcServer::start(OidcSetup::default()).await?;
    let mut environment = provider.environment("foodflow");
    let other = provider.issuer().replace("127.0.0.1", "localhost");
    environment.retain(|(name, _)| name != "FOODFLOW_OIDC_ISSUER");
    environment.push(("FOODFLOW_OIDC_ISSUER".to_owned(), other));
    let app = TestApp::own_with(Stores::Embedded, environment).await?;
    let visitor = app.new_tenant()?.with_token("none");
    let body = json!({"tenant": visitor.slug});
    is_unavailable(&visitor.post("/v1/login/oidc", &body).await?);
    let doctor = app.run(&["doctor"])?;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("oidc_issuer is written as the provider writes"), "{told}");
    Ok(())
}

#[tokio::test]
async fn settings_that_are_not_whole_do_not_start() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let mut command = app.command(&["serve"])?;
    let output = command.env("FOODFLOW_OIDC_ISSUER", "https://login.example").output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("belong together"), "{told}");
    Ok(())
}
