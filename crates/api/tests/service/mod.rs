//! The service in this process, over a log and a key store of the test's own.

use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use foodflow_api::config::Config;
use foodflow_api::erasure::Eraser;
use foodflow_api::erasure::worker::Erasures;
use foodflow_api::http::admission::{SameForAll, address_limit};
use foodflow_api::http::view::Models;
use foodflow_api::http::{App, router};
use foodflow_api::read_models::{Logs, ReadModels};
use foodflow_api::tokens::{Claims, KeyFiles, TokenKeys};
use foodflow_commands::identity::refusals::Refusals;
use foodflow_commands::{Executor, SystemClock};
use foodflow_log::{Keyring, SharedLog};
use foodflow_projections::keys::KeyStore;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// What serves requests over `log` and `keys`, with everything else under `folder`, by the settings of today.
pub(crate) async fn app(log: &SharedLog, keys: Arc<dyn KeyStore>, folder: &Path) -> anyhow::Result<App> {
    let config = Config { data: folder.join("data"), ..Config::default() };
    let read_models = ReadModels::open(&config).await?;
    let runners = read_models.watch(log)?;
    let keyring = Arc::new(Keyring::passing(log.records())?);
    let logs = Logs { sealed: Arc::clone(log), opened: Arc::clone(log) };
    let executor = Arc::new(Executor::new(Arc::clone(log), keyring, Arc::new(SystemClock)));
    let models = Models::of(&logs, &read_models, &runners);
    let eraser = Eraser {
        executor: Arc::clone(&executor),
        identity: models.identity.clone(),
        config: Arc::new(config.clone()),
    };
    Ok(App {
        log: Arc::clone(log),
        erasures: Erasures::new(eraser, Arc::clone(&keys)),
        config: Arc::new(config.clone()),
        refusals: Refusals::start(Arc::clone(&executor), CancellationToken::new()),
        oidc: None,
        sign_up: true,
        executor,
        models,
        runners,
        projects: false,
        tokens: Arc::new(TokenKeys::open(KeyFiles::of(&config))?),
        keys,
        limits: Arc::new(SameForAll::of(&config)),
        address_limit: address_limit(&config),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        shutdown: CancellationToken::new(),
    })
}

/// Reads with a token of these claims.
pub(crate) async fn get(app: &App, claims: &Claims, path: &str) -> anyhow::Result<Response<Body>> {
    let token = app.tokens.issue(claims)?;
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    Ok(router(app.clone()).oneshot(request.body(Body::empty())?).await?)
}

/// The status and the code of a refusal; an empty code where it is none.
pub(crate) async fn refusal(response: Response<Body>) -> anyhow::Result<(u16, String)> {
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1_000_000).await?;
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok((status, body["code"].as_str().unwrap_or_default().to_owned()))
}
