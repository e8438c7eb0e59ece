//! What operators ask: is it alive, is it ready, how far are the projections, what do the meters say.

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use foodflow_log::Partition;
use foodflow_projections::graph::DigestScope;
use foodflow_projections::runner::ProjectionStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Access, ProjectionsRead};
use super::problem::Problem;
use super::quarantine::WaitingEntity;
use super::reads::parameters;
use super::{App, document};

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses(
    (status = 200, description = "It lives", body = String, content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can take requests: log, read models and key store answer, and its projectors work.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "Ready; a second line says where erasures of people are overdue", body = String, content_type = "text/plain"),
    (status = 503, description = "Not ready; the body says why", body = String, content_type = "text/plain")))]
async fn readyz(State(app): State<App>) -> Response {
    let mut reasons = Vec::new();
    for partition in 0..app.log.partition_count() {
        let partition = Partition(partition);
        if let Err(error) = app.log.head(partition).await {
            reasons.push(error.to_string());
            break;
        }
        for runner in app.runners.all() {
            if let Err(error) = runner.store().checkpoint(partition).await {
                reasons.push(error.to_string());
            }
        }
        if !reasons.is_empty() {
            break;
        }
    }
    if let Err(error) = app.keys.ping().await {
        reasons.push(error.to_string());
    }
    // Requests are answered also while no projector lives, from what was projected until then.
    if app.projects && !app.runners.are_ready() {
        for status in app.runners.status().await {
            if let Some(error) = status.error {
                reasons.push(format!("{} partition {}: {error}", status.projection, status.partition.0));
            }
        }
        if reasons.is_empty() {
            reasons.push("the projectors are starting".to_owned());
        }
    }
    if reasons.is_empty() {
        return match app.erasures.overdue() {
            0 => "ready\n".into_response(),
            // That is for an operator; requests are answered as ever.
            overdue => format!("ready\nerasures overdue: {overdue}\n").into_response(),
        };
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reasons.join("\n"))).into_response()
}

/// Meters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(
    (status = 200, description = "Prometheus text format", body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}

/// What is asked of the projections.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProjectionsQuery {
    /// Also the digest of the tenant's part of the read model; reads all of it.
    digest: Option<bool>,
}

/// How the projections stand that serve the tenant.
#[derive(Debug, Serialize, ToSchema)]
struct Projections {
    /// Each projection.
    projections: Vec<Standing>,
}

/// How a projection stands.
#[derive(Debug, Serialize, ToSchema)]
struct Standing {
    #[serde(flatten)]
    status: ProjectionStatus,
    /// The tenant's entities of which an event could not be projected.
    quarantine: Vec<WaitingEntity>,
    /// Digest of the tenant's part of the read model, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    digest: Option<String>,
}

/// How far the projections are that serve the tenant.
#[utoipa::path(get, path = "/v1/projections", tag = "operations", params(ProjectionsQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "Per projection: store, partition, owner, position, head, lag in events and seconds, state, and what of the tenant waits in quarantine", body = Projections),
    ))]
async fn projections(
    State(app): State<App>,
    access: Access<ProjectionsRead>,
    query: Result<Query<ProjectionsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let partition = app.log.partition_of(access.tenant);
    let mut projections = Vec::new();
    for runner in app.runners.all() {
        let digest = match query.digest {
            Some(true) => Some(runner.store().digest(DigestScope::Tenant(access.tenant)).await?),
            _ => None,
        };
        let Some(status) = runner.status_of(partition).await else { continue };
        let quarantine = WaitingEntity::of(&status.quarantine, access.tenant);
        projections.push(Standing { status, quarantine, digest });
    }
    Ok(axum::Json(Projections { projections }).into_response())
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "operations", responses(
    (status = 200, description = "The OpenAPI document of this version", body = Object)))]
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document::text()).into_response()
}

/// The document's route, where the service is offered that it describes.
pub(super) fn document_route() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// The operators' routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(projections))
}
