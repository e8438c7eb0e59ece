//! The handle of an OpenID provider, and a browser that logs in there.
//!
//! Each test has a provider of its own: it names the pages that browsers are sent back to, and a test may take it down or
//! give it other keys.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use super::launch::oidc::OidcProcess;
use super::{blocking, workspace_tools};

/// The page that browsers are sent back to. Nobody listens there: a test reads the address.
const REDIRECT_URL: &str = "http://127.0.0.1:9/back";
/// Redirections of one login, at most.
const STEPS_MAX: usize = 20;

/// An OpenID provider: a process of its own that ends with this one.
#[derive(Debug)]
pub struct OidcServer {
    issuer: String,
    process: Arc<Mutex<OidcProcess>>,
}

/// What a provider sent a browser back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentBack {
    /// `state` of the address.
    pub state: String,
    /// `code` of the address; an error where it gave none.
    pub code: Result<String, String>,
    /// `iss` of the address.
    pub iss: String,
}

/// How a provider is set up.
#[derive(Debug, Clone, Default)]
pub struct OidcSetup {
    /// Members of its settings beside the clients; see `oidc/provider.mjs`.
    pub settings: Vec<(&'static str, Value)>,
}

impl OidcSetup {
    /// The settings, with every client that tests use: `foodflow` has the secret `s3cret-of-foodflow`, `public` has none,
    /// `elsewhere` is another service, and `hs256` is given tokens that are signed with its secret.
    fn text(&self) -> String {
        let client = |id: &str, more: Value| {
            let mut client = json!({
                "client_id": id, "client_secret": OidcServer::secret(id), "redirect_uris": [REDIRECT_URL],
            });
            if let (Some(client), Some(more)) = (client.as_object_mut(), more.as_object()) {
                client.extend(more.clone());
            }
            client
        };
        let public = json!({
            "client_id": "public", "redirect_uris": [REDIRECT_URL], "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": "ES256",
        });
        let clients = json!([
            client("foodflow", json!({})),
            client("elsewhere", json!({})),
            client("hs256", json!({"id_token_signed_response_alg": "HS256"})),
            client("eddsa", json!({"id_token_signed_response_alg": "EdDSA"})),
            public,
        ]);
        let mut settings = serde_json::Map::from_iter([("clients".to_owned(), clients)]);
        settings.extend(self.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::from(settings).to_string()
    }
}

impl OidcServer {
    /// Starts a provider, which takes about half a second; it is killed when dropped.
    ///
    /// # Errors
    /// When it is not installed, or does not start; the error carries the end of its log.
    pub async fn start(setup: OidcSetup) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc/provider.mjs");
        let start = move || OidcProcess::start(&workspace_tools()?, script, &setup.text());
        let process = blocking(start).await?;
        Ok(Self { issuer: process.issuer(), process: Arc::new(Mutex::new(process)) })
    }

    /// The provider, as it calls itself.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The secret of a client.
    #[must_use]
    pub fn secret(client: &str) -> String {
        format!("s3cret-of-{client}")
    }

    /// The variables with which `foodflow` lets people log in here as this client.
    #[must_use]
    pub fn environment(&self, client: &str) -> Vec<(String, String)> {
        let mut variables = vec![
            ("FOODFLOW_OIDC_ISSUER".to_owned(), self.issuer.clone()),
            ("FOODFLOW_OIDC_CLIENT_ID".to_owned(), client.to_owned()),
            ("FOODFLOW_OIDC_REDIRECT_URL".to_owned(), REDIRECT_URL.to_owned()),
        ];
        if client != "public" {
            variables.push(("FOODFLOW_OIDC_CLIENT_SECRET".to_owned(), Self::secret(client)));
        }
        variables
    }

    /// Kills the provider with SIGKILL.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.change(|process| Ok(process.kill9()?)).await
    }

    /// Lets the provider hang, with its connections open.
    ///
    /// # Errors
    /// When it is down, or the operating system refuses.
    pub async fn suspend(&self) -> anyhow::Result<()> {
        self.change(|process| process.suspend()).await
    }

    /// Starts the provider on the same port with other keys.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&self, setup: OidcSetup) -> anyhow::Result<()> {
        self.change(move |process| process.restart(&setup.text())).await
    }

    async fn change(
        &self,
        work: impl FnOnce(&mut OidcProcess) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let process = Arc::clone(&self.process);
        blocking(move || work(&mut process.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Goes to an address of the provider as a new browser does, logs in there under `name`, consents, and says what it is
    /// sent back with.
    ///
    /// # Errors
    /// Where the provider does not send it back.
    pub async fn log_in(&self, authorization_url: &str, name: &str) -> anyhow::Result<SentBack> {
        let browser = Browser {
            http: reqwest::Client::builder().redirect(Policy::none()).build()?,
            cookies: Mutex::default(),
            base: self.issuer.clone(),
        };
        browser.log_in(authorization_url, name).await
    }
}

/// A browser: it keeps cookies, and follows redirections as long as they stay at the provider.
struct Browser {
    http: reqwest::Client,
    cookies: Mutex<Vec<(String, String)>>,
    base: String,
}

impl Browser {
    async fn log_in(&self, authorization_url: &str, name: &str) -> anyhow::Result<SentBack> {
        let mut at = authorization_url.to_owned();
        let mut form = None;
        for _ in 0..STEPS_MAX {
            if let Some(query) = at.strip_prefix(REDIRECT_URL).and_then(|rest| rest.strip_prefix('?')) {
                return sent_back(query);
            }
            let response = self.request(&at, form.take()).await?;
            if let Some(next) = response.headers().get("location") {
                let next = next.to_str()?;
                at = if next.starts_with('/') { format!("{}{next}", self.base) } else { next.to_owned() };
                continue;
            }
            let page = response.text().await?;
            at = between(&page, "action=\"", "\"").with_context(|| format!("no form in {page}"))?.to_owned();
            let prompt = between(&page, "name=\"prompt\" value=\"", "\"").context("no prompt in the form")?;
            form = Some(format!("prompt={prompt}&login={name}&password=any"));
        }
        anyhow::bail!("the provider does not send the browser back");
    }

    async fn request(&self, address: &str, form: Option<String>) -> anyhow::Result<reqwest::Response> {
        ensure!(address.starts_with(&self.base), "{address} is elsewhere");
        let mut request = match form {
            Some(form) => {
                self.http.post(address).header("content-type", "application/x-www-form-urlencoded").body(form)
            }
            None => self.http.get(address),
        };
        let cookies = self.lock().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let response = request.send().await?;
        for cookie in response.headers().get_all("set-cookie") {
            let Some((name, value)) =
                cookie.to_str()?.split(';').next().and_then(|pair| pair.split_once('='))
            else {
                continue;
            };
            let mut cookies = self.lock();
            cookies.retain(|(before, _)| before != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(response)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sent_back(query: &str) -> anyhow::Result<SentBack> {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.replace('+', " "));
        values.next()
    };
    let iss = value("iss").context("the provider does not say who it is")?;
    let iss = iss.replace("%3A", ":").replace("%2F", "/");
    let code = value("code").ok_or_else(|| value("error_description").unwrap_or_default());
    Ok(SentBack { state: value("state").context("the state is not sent back")?, code, iss })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
