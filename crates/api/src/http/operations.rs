//! What operators ask: is it alive, is it ready, how far are the projections, what do the meters say.

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use foodflow_log::{Direction, Partition, ReadQuery};
use foodflow_projections::graph::DigestScope;
use foodflow_projections::runner::{ProjectionState, ProjectionStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::access::{Access, ProjectionsRead};
use super::problem::Problem;
use super::reads::parameters;

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "It lives")))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can take requests: the log answers, and every projector works.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "Ready"), (status = 503, description = "Not ready; the body says why")))]
async fn readyz(State(app): State<App>) -> Response {
    let mut reasons = Vec::new();
    for partition in 0..app.log.partition_count() {
        let partition = Partition(partition);
        if let Err(error) = app.log.head(partition).await {
            reasons.push(error.to_string());
            break;
        }
        if let Err(error) = app.graph.checkpoint(partition).await {
            reasons.push(error.to_string());
            break;
        }
    }
    if let Some(runner) = app.runner.as_ref().filter(|runner| !runner.is_ready()) {
        for status in runner.status().await {
            if let Some(error) = status.error {
                reasons.push(format!("{} partition {}: {error}", status.projection, status.partition.0));
            }
        }
        if reasons.is_empty() {
            reasons.push("the projectors are starting".to_owned());
        }
    }
    if reasons.is_empty() {
        return "ready\n".into_response();
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
#[derive(Debug, Serialize)]
struct Projections {
    projections: Vec<Standing>,
}

#[derive(Debug, Serialize)]
struct Standing {
    #[serde(flatten)]
    status: ProjectionStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

/// How far the projections are that serve the tenant.
#[utoipa::path(get, path = "/v1/projections", tag = "operations", params(ProjectionsQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "Per projection: store, partition, position, head, lag in events and seconds, state", body = Object),
        (status = "4XX", description = "Refused; see `code`", body = Problem, content_type = "application/problem+json"),
    ))]
async fn projections(
    State(app): State<App>,
    access: Access<ProjectionsRead>,
    query: Result<Query<ProjectionsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let partition = app.log.partition_of(access.tenant);
    let statuses = match &app.runner {
        Some(runner) => runner.status().await,
        None => vec![stored_status(&app, partition).await?],
    };
    let digest = match query.digest {
        Some(true) => Some(app.graph.digest(DigestScope::Tenant(access.tenant)).await?),
        _ => None,
    };
    let own = statuses.into_iter().filter(|status| status.partition == partition);
    let projections = own.map(|status| Standing { status, digest: digest.clone() }).collect();
    Ok(axum::Json(Projections { projections }).into_response())
}

/// How a projection stands that another process keeps up to date, by its stored checkpoint.
async fn stored_status(app: &App, partition: Partition) -> Result<ProjectionStatus, Problem> {
    let checkpoint = app.graph.checkpoint(partition).await?;
    let head = app.log.head(partition).await?;
    let lag_events = head.0.saturating_sub(checkpoint.position.0);
    let next = ReadQuery { tenant: None, from: checkpoint.position, direction: Direction::Forward, limit: 1 };
    let oldest = match lag_events {
        0 => None,
        _ => app.log.read(partition, next).await?.first().map(foodflow_log::recorded_at).transpose()?,
    };
    let age = |recorded: Timestamp| Timestamp::now().duration_since(recorded).as_secs_f64().max(0.0);
    Ok(ProjectionStatus {
        projection: "food_graph",
        store: app.graph.name(),
        partition,
        position: checkpoint.position,
        head,
        lag_events,
        lag_seconds: oldest.map_or(0.0, age),
        state: if lag_events == 0 { ProjectionState::Running } else { ProjectionState::CatchingUp },
        error: None,
        quarantined_entities: Vec::new(),
    })
}

/// The operators' routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(projections))
}
