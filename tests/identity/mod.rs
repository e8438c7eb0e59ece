//! People, sessions, roles and keys: in SQLite and in PostgreSQL, from sign-up to erasure.

mod accounts;
mod audit;
mod files;
pub(crate) mod forgetting;
mod grants;
mod keys;
mod oidc;
mod roles;
mod second_factor;
mod sessions;
mod sign_up;
mod timing;

use foodflow_testkit::{Answer, TestApp, TestClient};
use serde_json::{Value, json};

/// A password that nobody guesses.
pub(crate) const PASSWORD: &str = "violet-otter-cobalt-29";
/// Another one.
pub(crate) const OTHER_PASSWORD: &str = "granite-lantern-mosaic-74";

/// A tenant that signed up, and its administrator.
pub(crate) struct Plant {
    /// A client with the administrator's access token.
    pub(crate) admin: TestClient,
    /// The tenant's short name.
    pub(crate) slug: String,
    /// The administrator.
    pub(crate) admin_id: String,
}

/// An e-mail address at a tenant.
pub(crate) fn email(name: &str, slug: &str) -> String {
    format!("{name}@{slug}.example")
}

pub(crate) fn position(answer: &Value) -> u64 {
    answer["position"].as_u64().unwrap()
}

pub(crate) fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer:#}"))
}

/// Logs in with an e-mail address and a password.
pub(crate) async fn log_in(client: &TestClient, email: &str, password: &str) -> anyhow::Result<Answer> {
    client.post("/v1/login", &json!({"tenant": client.slug, "email": email, "password": password})).await
}

impl Plant {
    /// Signs a new tenant up, and logs its administrator in.
    pub(crate) async fn new(app: &TestApp) -> anyhow::Result<Self> {
        let visitor = app.new_tenant()?.with_token("none");
        let slug = visitor.slug.clone();
        let signed_up = visitor.post("/v1/sign-up", &sign_up(&slug)).await?.ok();
        let grant = log_in(&visitor, &email("admin", &slug), PASSWORD).await?.ok();
        let admin = visitor.with_token(text(&grant, "access_token"));
        Ok(Self { admin, slug, admin_id: text(&signed_up, "user_id").to_owned() })
    }

    /// The id of the built-in role of this name.
    pub(crate) async fn role(&self, name: &str) -> anyhow::Result<String> {
        let query = format!("name={}", name.replace(' ', "%20"));
        let mut tries = 0;
        loop {
            let page = self.admin.get(&format!("/v1/roles?{query}")).await?.ok();
            if let Some(role) = page["items"].as_array().and_then(|items| items.first()) {
                return Ok(text(role, "id").to_owned());
            }
            tries += 1;
            anyhow::ensure!(tries < 100, "no role {name}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Invites somebody with this role, who accepts; answers the user's id.
    pub(crate) async fn hire(&self, name: &str, role: &str) -> anyhow::Result<String> {
        let role = self.role(role).await?;
        let body = json!({"email": email(name, &self.slug), "first_name": name, "role_ids": [role]});
        let invited = self.admin.post("/v1/users", &body).await?.ok();
        let accept = json!({"token": text(&invited, "token"), "password": PASSWORD});
        self.admin.with_token("none").post("/v1/invitations/accept", &accept).await?.ok();
        Ok(text(&invited, "id").to_owned())
    }

    /// A client of somebody who logs in.
    pub(crate) async fn client_of(&self, name: &str) -> anyhow::Result<TestClient> {
        let visitor = self.admin.with_token("none");
        let grant = log_in(&visitor, &email(name, &self.slug), PASSWORD).await?.ok();
        Ok(visitor.with_token(text(&grant, "access_token")))
    }
}

/// The body of a sign-up.
pub(crate) fn sign_up(slug: &str) -> Value {
    json!({
        "slug": slug, "name": format!("Plant {slug}"),
        "administrator": {
            "email": email("admin", slug), "password": PASSWORD, "first_name": "Ada", "last_name": "Fairweather",
        },
    })
}
