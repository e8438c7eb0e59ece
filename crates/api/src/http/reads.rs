//! The questions of traceability: trace, impact, its changes, and mass balance.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_domain::TenantId;
use foodflow_log::Position;
use foodflow_projections::food_graph::queries::{
    self, Impact, ImpactChanges, Known, MassBalance, Trace, View,
};
use foodflow_projections::graph::TraceDirection;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::access::{Access, LotsRead};
use super::problem::Problem;
use super::view::{answer, event_time, known, settle};
use super::{App, PathId};

/// What a trace is asked.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TraceQuery {
    /// Which way.
    direction: TraceDirection,
    /// Only what happened by this event time (RFC 3339).
    at: Option<String>,
    /// Only what was recorded by this time (RFC 3339) or position.
    known_at: Option<String>,
    /// The same as `known_at`.
    as_of: Option<String>,
}

/// As known when.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KnownQuery {
    /// Only what was recorded by this time (RFC 3339) or position.
    known_at: Option<String>,
    /// The same as `known_at`.
    as_of: Option<String>,
}

/// Between which two points of knowledge.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// Time (RFC 3339) or position of the earlier point.
    from: String,
    /// Time (RFC 3339) or position of the later point; now where absent.
    to: Option<String>,
    /// As it was known at this time (RFC 3339) or position: nothing later is told.
    as_of: Option<String>,
}

/// What a query string holds, or what is wrong with it.
pub(super) fn parameters<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    match query {
        Ok(Query(query)) => Ok(query),
        Err(error) => {
            let text = error.body_text();
            let detail = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            Err(Problem::invalid_parameter("query", detail))
        }
    }
}

/// Most characters of a query that is not understood that are told.
const QUERY_CHARS_SHOWN: usize = 100;

/// Refuses a query string where the operation takes none.
pub(super) fn no_parameters(query: Option<&str>) -> Result<(), Problem> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(()) };
    let shown: String = query.chars().take(QUERY_CHARS_SHOWN).collect();
    Err(Problem::invalid_parameter("query", format!("the operation takes none, and `{shown}` is there")))
}

fn no_lot(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no lot {id}, or it was not known then"))
}

/// The point of knowledge of a query, and the position that its answer reflects.
async fn as_known(
    app: &App,
    tenant: TenantId,
    applied: Position,
    known_at: Option<String>,
    as_of: Option<String>,
) -> Result<(Known, Position), Problem> {
    let (name, text) = match (known_at, as_of) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_parameter("as_of", "give `known_at` or `as_of`, not both"));
        }
        (None, Some(text)) => ("as_of", Some(text)),
        (text, None) => ("known_at", text),
    };
    // What is applied while the query runs must not show in half of the answer.
    let position = match known(app, tenant, name, text.as_deref()).await? {
        Known::Position(position) => position.min(applied),
        _ => applied,
    };
    Ok((Known::Position(position), position))
}

/// What was made of a lot, or what it was made of.
#[utoipa::path(get, path = "/v1/batches/{id}/trace", tag = "traceability", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the lot"), TraceQuery),
    responses(
        (status = 200, description = "Reached lots with depth and exact share, edges, places, suppliers", body = Trace),
    ))]
async fn trace(
    State(app): State<App>,
    access: Access<LotsRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<TraceQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let at = query.at.map(|text| event_time("at", &text)).transpose()?;
    let applied = settle(&app, &app.models.graph.progress, access.tenant, &headers).await?;
    let (known, position) = as_known(&app, access.tenant, applied, query.known_at, query.as_of).await?;
    let found = queries::trace(
        app.models.graph.store.as_ref(),
        access.tenant,
        id,
        query.direction,
        View { at, known },
    )
    .await?;
    let mut trace = found.ok_or_else(|| no_lot(id))?;
    trace.position = position;
    Ok(answer(position, &trace))
}

/// What a recall of a lot would touch.
#[utoipa::path(get, path = "/v1/batches/{id}/impact", tag = "traceability", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the lot"), KnownQuery),
    responses(
        (status = 200, description = "Saleable lots in scope, consignees, totals", body = Impact),
    ))]
async fn impact(
    State(app): State<App>,
    access: Access<LotsRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<KnownQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let applied = settle(&app, &app.models.graph.progress, access.tenant, &headers).await?;
    let (known, position) = as_known(&app, access.tenant, applied, query.known_at, query.as_of).await?;
    let found = queries::impact(app.models.graph.store.as_ref(), access.tenant, id, known).await?;
    let mut impact = found.ok_or_else(|| no_lot(id))?;
    impact.position = position;
    Ok(answer(position, &impact))
}

/// Which lots entered or left the scope of a recall between two points of knowledge, and why.
#[utoipa::path(get, path = "/v1/batches/{id}/impact/changes", tag = "traceability", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the lot"), ChangesQuery),
    responses(
        (status = 200, description = "Lots that entered or left, each with the event that caused it", body = ImpactChanges),
    ))]
async fn impact_changes(
    State(app): State<App>,
    access: Access<LotsRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<ChangesQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let applied = settle(&app, &app.models.graph.progress, access.tenant, &headers).await?;
    let point = |known| match known {
        Known::Position(position) => position.min(applied),
        _ => applied,
    };
    let from = known(&app, access.tenant, "from", Some(&query.from)).await?;
    let to = known(&app, access.tenant, "to", query.to.as_deref()).await?;
    // As they were asked for: a read model that is behind knows neither.
    if matches!((from, to), (Known::Position(from), Known::Position(to)) if from > to) {
        return Err(Problem::invalid_parameter("from", "lies after `to`"));
    }
    let (from, to) = (point(from), point(to));
    let to = to.min(point(known(&app, access.tenant, "as_of", query.as_of.as_deref()).await?));
    if from > to {
        return Err(Problem::invalid_parameter("from", "lies after `to`"));
    }
    let (store, earlier, later) =
        (app.models.graph.store.as_ref(), Known::Position(from), Known::Position(to));
    let found = queries::impact_changes(store, access.tenant, id, earlier, later).await?;
    let mut changes = found.ok_or_else(|| no_lot(id))?;
    changes.position = to;
    Ok(answer(to, &changes))
}

/// What came in of a lot against what went out of it.
#[utoipa::path(get, path = "/v1/batches/{id}/mass-balance", tag = "traceability", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the lot"), KnownQuery),
    responses(
        (status = 200, description = "The lot's book, its count and their difference", body = MassBalance),
    ))]
async fn mass_balance(
    State(app): State<App>,
    access: Access<LotsRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<KnownQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = parameters(query)?;
    let applied = settle(&app, &app.models.graph.progress, access.tenant, &headers).await?;
    let (known, position) = as_known(&app, access.tenant, applied, query.known_at, query.as_of).await?;
    let found = queries::mass_balance(app.models.graph.store.as_ref(), access.tenant, id, known).await?;
    let mut balance = found.ok_or_else(|| no_lot(id))?;
    balance.position = position;
    Ok(answer(position, &balance))
}

/// The questions of traceability.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(trace))
        .routes(routes!(impact))
        .routes(routes!(impact_changes))
        .routes(routes!(mass_balance))
}
