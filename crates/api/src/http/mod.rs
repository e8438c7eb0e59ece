//! The HTTP interface: resources under `/v1`, problems as `application/problem+json`, OpenAPI from the handlers.

#[macro_use]
mod write_operation;

pub mod access;
pub mod admission;
pub mod audit;
mod body_time;
pub mod client_address;
mod closed;
pub mod command;
pub mod cors;
pub mod document;
pub mod events;
pub mod front;
mod header_value;
pub mod identity;
pub mod nodes;
pub mod operations;
pub mod plan_rates;
pub mod problem;
pub mod quarantine;
pub mod reads;
mod refused;
pub mod schema;
pub mod tables;
pub mod tenancy;
mod unread;
pub mod view;
mod well_known;
pub mod writes;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Path, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use foodflow_commands::Executor;
use foodflow_commands::identity::refusals::Refusals;
use foodflow_log::SharedLog;
use foodflow_projections::keys::{KeyStore, Rate};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use admission::RateLimits;
use problem::Problem;
use view::Models;

use crate::config::Config;
use crate::erasure::Eraser;
use crate::erasure::worker::Erasures;
use crate::oidc::Provider;
use crate::read_models::Runners;
use crate::tokens::TokenKeys;

/// Longest time that a request may take; beyond the longest wait that a client may ask for.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The event log.
    pub log: SharedLog,
    /// The write path.
    pub executor: Arc<Executor>,
    /// The read models.
    pub models: Models,
    /// The projectors, of this process or of others.
    pub runners: Runners,
    /// Whether this process projects.
    pub projects: bool,
    /// The keys that tokens are signed and checked with.
    pub tokens: Arc<TokenKeys>,
    /// Sessions, revoked tokens and rate limits.
    pub keys: Arc<dyn KeyStore>,
    /// How much each tenant may ask for.
    pub limits: Arc<dyn RateLimits>,
    /// How much may be attempted from one address without a token; `None` where there is no limit.
    pub address_limit: Option<Rate>,
    /// The settings.
    pub config: Arc<Config>,
    /// Where refusals are written down.
    pub refusals: Refusals,
    /// Erasures of people that are not done.
    pub erasures: Erasures,
    /// The identity provider, where there is one.
    pub oidc: Option<Arc<Provider>>,
    /// Whether anybody may register a tenant over HTTP.
    pub sign_up: bool,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Ends long-lived responses at shutdown.
    pub shutdown: CancellationToken,
}

impl App {
    /// What erases people.
    fn eraser(&self) -> &Eraser {
        self.erasures.eraser()
    }
}

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::Declared::openapi())
        .merge(writes::routes())
        .merge(reads::routes())
        .merge(nodes::routes())
        .merge(tenancy::routes())
        .merge(identity::routes())
        .merge(audit::routes())
        .merge(events::routes())
        .merge(operations::routes())
        .merge(operations::document_route())
        .merge(quarantine::routes())
        .merge(well_known::routes())
        .layer(middleware::from_fn(limit_time))
        // A stream of events outlives any timeout.
        .merge(events::stream_routes())
}

/// What a process serves that only projects: health, metrics, and how the projections stand.
pub fn operator_router(app: App) -> axum::Router {
    operations::routes().split_for_parts().0.with_state(app)
}

/// The service.
pub fn router(app: App) -> axum::Router {
    documented()
        .split_for_parts()
        .0
        .fallback(|| async { Problem::not_found("there is no such path; see `/v1/openapi.json`") })
        .method_not_allowed_fallback(|| async {
            let title = "Method not allowed";
            let detail = "the path exists, but not with this method; see `/v1/openapi.json`";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail)
        })
        .layer(middleware::from_fn(refuse_nul))
        .layer(middleware::from_fn_with_state(app.clone(), refused::note))
        .layer(middleware::from_fn(measure))
        .layer(CatchPanicLayer::custom(|_| Problem::internal(&"a handler panicked").into_response()))
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}

/// Counts requests and measures how long they take, by route and status.
async fn measure(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    // A client may make up a method, and each value is kept.
    let method = match *request.method() {
        Method::GET | Method::POST | Method::PUT | Method::HEAD | Method::OPTIONS => {
            request.method().to_string()
        }
        _ => "other".to_owned(),
    };
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    let labels = [("route", route), ("method", method), ("status", status)];
    metrics::histogram!("foodflow_api_request_seconds", &labels).record(started.elapsed().as_secs_f64());
    response
}

/// Refuses a parameter with a character that no name or id has and not every store can compare.
async fn refuse_nul(request: Request, next: Next) -> Response {
    if request.uri().query().is_some_and(|query| query.contains("%00")) {
        return Problem::invalid_parameter("query", "must not contain the character NUL").into_response();
    }
    next.run(request).await
}

/// Ends a request that takes too long, with a refusal like every other one.
async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout(REQUEST_TIMEOUT).into_response(),
    }
}

/// The id that the path names; what is no id cannot exist.
struct PathId(Uuid);

impl FromRequestParts<App> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let no_id = |what: &str| Problem::not_found(format!("{what} is not a UUID, so nothing has that id"));
        let Path(text) =
            Path::<String>::from_request_parts(parts, app).await.map_err(|_| no_id("what the path names"))?;
        Uuid::parse_str(&text).map(Self).map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            no_id(&format!("`{shown}`"))
        })
    }
}
