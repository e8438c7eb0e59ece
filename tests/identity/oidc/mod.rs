//! Logins at an identity provider: a real one (oidc-provider), and a browser that goes through its forms.

mod forged;
mod linking;
mod logins;
mod outages;

use foodflow_testkit::servers::{OidcServer, OidcSetup};
use foodflow_testkit::{Answer, Stores, TestApp, TestClient};
use serde_json::{Value, json};

use super::{Plant, text};

/// A provider, the program that sends people there, and a tenant.
struct Scene {
    provider: OidcServer,
    app: TestApp,
    plant: Plant,
    visitor: TestClient,
}

impl Scene {
    /// One with this client of the provider.
    async fn new(client: &str) -> anyhow::Result<Self> {
        Self::with(client, OidcSetup::default()).await
    }

    async fn with(client: &str, setup: OidcSetup) -> anyhow::Result<Self> {
        let provider = OidcServer::start(setup).await?;
        let app = TestApp::own_with(Stores::Embedded, provider.environment(client)).await?;
        let plant = Plant::new(&app).await?;
        let visitor = plant.admin.with_token("none");
        Ok(Self { provider, app, plant, visitor })
    }

    async fn begin(&self) -> anyhow::Result<Value> {
        let body = json!({"tenant": self.plant.slug});
        Ok(self.visitor.post("/v1/login/oidc", &body).await?.ok())
    }

    /// What somebody of this name is sent back with, as the page sends it on.
    async fn back(&self, begun: &Value, name: &str) -> anyhow::Result<Value> {
        self.back_from(begun, text(begun, "authorization_url"), name).await
    }

    /// The same from an address that somebody has changed.
    async fn back_from(&self, begun: &Value, address: &str, name: &str) -> anyhow::Result<Value> {
        let back = self.provider.log_in(address, name).await?;
        let code = back.code.map_err(|error| anyhow::anyhow!("the provider refuses: {error}"))?;
        let binding = text(begun, "binding");
        Ok(json!({"state": back.state, "code": code, "binding": binding, "iss": back.iss}))
    }

    async fn finish(&self, back: &Value) -> anyhow::Result<Answer> {
        self.visitor.post("/v1/login/oidc/finish", back).await
    }

    /// A whole login of somebody of this name.
    async fn log_in(&self, name: &str) -> anyhow::Result<Answer> {
        let begun = self.begin().await?;
        self.finish(&self.back(&begun, name).await?).await
    }

    /// Links the identity of this name to the account whose client it is.
    async fn link(&self, client: &TestClient, name: &str) -> anyhow::Result<Answer> {
        let begun = client.post("/v1/me/identities", &json!({})).await?.ok();
        client.post("/v1/me/identities/finish", &self.back(&begun, name).await?).await
    }
}
