//! What a read reflects: read your writes (`After`, `Prefer: wait`) and points in time.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use foodflow_domain::TenantId;
use foodflow_log::{Direction, Envelope, Position, ReadQuery};
use foodflow_projections::audit::AUDIT;
use foodflow_projections::food_graph::queries::Known;
use foodflow_projections::graph::GraphStore;
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::past::{Past, PastGraphs, PastTables};
use foodflow_projections::runner::{Progress, food_graph};
use foodflow_projections::tables::TableStore;
use foodflow_projections::tenancy::TENANCY;
use jiff::Timestamp;
use serde::Serialize;

use super::App;
use super::header_value::single;
use super::problem::Problem;
use crate::read_models::{Logs, ReadModels, Runners};

/// How long a query with `After` waits where the client names no time.
const WAIT_DEFAULT: Duration = Duration::from_secs(5);
/// Longest time that a query waits.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A read model as requests see it. Cheap to clone.
pub struct Model<S: ?Sized> {
    /// The store that answers for today.
    pub store: Arc<S>,
    /// How far it is.
    pub progress: Progress,
    /// The store as it stood.
    past: Arc<dyn Past<S>>,
    /// Whether its past is shown only as far back as the tenant's plan retains it. Never so of lots and their genealogy.
    is_retained_by_plan: bool,
}

impl<S: ?Sized> Model<S> {
    /// Lets go of what is kept of a tenant's past: somebody was forgotten.
    pub fn forget(&self, tenant: TenantId) {
        self.past.forget(tenant);
    }
}

impl<S: ?Sized> Clone for Model<S> {
    fn clone(&self) -> Self {
        let Self { store, progress, past, is_retained_by_plan } = self;
        let (store, progress, past) = (Arc::clone(store), progress.clone(), Arc::clone(past));
        Self { store, progress, past, is_retained_by_plan: *is_retained_by_plan }
    }
}

/// Every read model.
#[derive(Clone)]
pub struct Models {
    /// The traceability graph.
    pub graph: Model<dyn GraphStore>,
    /// Tenants, their subscriptions, features and use.
    pub tenancy: Model<dyn TableStore>,
    /// Users, roles, sessions and keys.
    pub identity: Model<dyn TableStore>,
    /// Who did what when.
    pub audit: Model<dyn TableStore>,
}

impl Models {
    /// The models that `runners` fill from `logs`.
    #[must_use]
    pub fn of(logs: &Logs, models: &ReadModels, runners: &Runners) -> Self {
        let log = &logs.sealed;
        Self {
            graph: Model {
                store: Arc::clone(&models.graph),
                progress: runners.food_graph.progress().clone(),
                past: Arc::new(PastGraphs::new(Arc::clone(log), food_graph())),
                is_retained_by_plan: false,
            },
            tenancy: Model {
                store: Arc::clone(&models.tenancy),
                progress: runners.tenancy.progress().clone(),
                past: Arc::new(PastTables::new(Arc::clone(log), &TENANCY)),
                is_retained_by_plan: true,
            },
            identity: Model {
                store: Arc::clone(&models.identity),
                progress: runners.identity.progress().clone(),
                past: Arc::new(PastTables::new(Arc::clone(&logs.opened), &IDENTITY)),
                is_retained_by_plan: false,
            },
            audit: Model {
                store: Arc::clone(&models.audit),
                progress: runners.audit.progress().clone(),
                past: Arc::new(PastTables::new(Arc::clone(log), &AUDIT)),
                is_retained_by_plan: false,
            },
        }
    }
}

/// Waits until the read model has applied what `After` names; answers with the applied position.
pub async fn settle(
    app: &App,
    progress: &Progress,
    tenant: TenantId,
    headers: &HeaderMap,
) -> Result<Position, Problem> {
    let partition = app.log.partition_of(tenant);
    if let Some(value) = single(headers, "After")? {
        let after = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        let after = after.ok_or_else(|| Problem::invalid_parameter("After", "must be a log position"))?;
        progress.wait_for(partition, Position(after), wait(headers)?).await?;
    }
    Ok(progress.applied(partition).await?)
}

/// How long a query waits for what it names.
pub fn wait(headers: &HeaderMap) -> Result<Duration, Problem> {
    for value in headers.get_all("prefer") {
        for preference in value.to_str().unwrap_or_default().split([',', ';']) {
            let Some((name, seconds)) = preference.split_once('=') else { continue };
            if name.trim().eq_ignore_ascii_case("wait") {
                let seconds: f64 = seconds
                    .trim()
                    .trim_matches('"')
                    .parse()
                    .ok()
                    .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
                    .ok_or_else(|| {
                        Problem::invalid_parameter("Prefer", "`wait` must be a number of seconds")
                    })?;
                return Ok(Duration::from_secs_f64(seconds.min(WAIT_MAX.as_secs_f64())));
            }
        }
    }
    Ok(WAIT_DEFAULT)
}

/// An event time of a query.
pub fn event_time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| {
        Problem::invalid_parameter(name, "must be a time as in RFC 3339, e.g. `2026-03-09T17:00:00Z`")
    })
}

/// A point of knowledge: a log position, or a recorded time, which is the last position recorded by then.
pub async fn known(app: &App, tenant: TenantId, name: &str, text: Option<&str>) -> Result<Known, Problem> {
    let Some(text) = text else { return Ok(Known::Now) };
    let head = app.log.head(app.log.partition_of(tenant)).await?;
    if let Ok(position) = text.parse::<u64>() {
        if position > head.0 {
            return Err(Problem::invalid_parameter(name, format!("the log ends at position {head}")));
        }
        return Ok(Known::Position(whole_commit(app, tenant, Position(position)).await?));
    }
    let time: Timestamp = text.parse().map_err(|_| {
        Problem::invalid_parameter(
            name,
            "must be a log position or a time as in RFC 3339, e.g. `2026-03-12T12:00:00Z`",
        )
    })?;
    let position = foodflow_log::position_at(app.log.as_ref(), app.log.partition_of(tenant), time).await?;
    Ok(Known::Position(position))
}

/// Up to which position a question to what never changes is answered: the one that `as_of` names, once that is applied.
pub async fn bound(
    app: &App,
    progress: &Progress,
    tenant: TenantId,
    headers: &HeaderMap,
    as_of: Option<&str>,
) -> Result<Position, Problem> {
    let applied = settle(app, progress, tenant, headers).await?;
    let Known::Position(position) = known(app, tenant, "as_of", as_of).await? else { return Ok(applied) };
    if position > applied {
        progress.wait_for(app.log.partition_of(tenant), position, wait(headers)?).await?;
    }
    Ok(position)
}

/// Where a question is answered: in the read model of today, or in one as it stood.
pub struct Standing<S: ?Sized> {
    /// The store to ask.
    pub store: Arc<S>,
    /// The position that its answers reflect.
    pub position: Position,
    /// The instant at which it stands: what is over by time is over then.
    pub at: Timestamp,
    /// Since when what was recorded is shown, where the tenant's plan says so.
    pub retained_since: Option<Timestamp>,
}

/// The store that answers a question: today's once it has applied what `After` names, or with `as_of` the one of
/// that position or recorded time.
pub async fn standing<S: ?Sized>(
    app: &App,
    model: &Model<S>,
    tenant: TenantId,
    headers: &HeaderMap,
    as_of: Option<&str>,
) -> Result<Standing<S>, Problem> {
    let applied = settle(app, &model.progress, tenant, headers).await?;
    let retained_since = if model.is_retained_by_plan { retained_since(app, tenant).await } else { None };
    let position = match known(app, tenant, "as_of", as_of).await? {
        Known::Position(position) => position,
        _ => {
            let store = Arc::clone(&model.store);
            return Ok(Standing { store, position: applied, at: Timestamp::now(), retained_since });
        }
    };
    let at = match as_of.and_then(|text| text.parse().ok()) {
        Some(time) => time,
        None => recorded_about(app, tenant, position).await?,
    };
    if let Some(since) = retained_since.filter(|since| at < *since) {
        return Err(Problem::beyond_retention("as_of", since));
    }
    Ok(Standing { store: model.past.as_of(tenant, position).await?, position, at, retained_since })
}

/// Since when what was recorded is shown to the tenant, where its plan says so.
pub async fn retained_since(app: &App, tenant: TenantId) -> Option<Timestamp> {
    let now = Timestamp::now();
    app.executor.standings().recent(tenant).await?.entitlements_at(now).retained_since(now)
}

/// When the message at a position was recorded; the first one of all, before it.
async fn recorded_about(app: &App, tenant: TenantId, position: Position) -> Result<Timestamp, Problem> {
    let from = Position(position.0.saturating_sub(1));
    let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 1 };
    let messages = app.log.read(app.log.partition_of(tenant), query).await?;
    let recorded = messages.first().map(foodflow_log::recorded_at).transpose()?;
    Ok(recorded.unwrap_or_else(Timestamp::now))
}

/// The last position up to `position` at which a commit ends: half a commit was never known to anybody.
async fn whole_commit(app: &App, tenant: TenantId, position: Position) -> Result<Position, Problem> {
    if position == Position(0) {
        return Ok(position);
    }
    let query =
        ReadQuery { tenant: None, from: Position(position.0 - 1), direction: Direction::Forward, limit: 1 };
    let messages = app.log.read(app.log.partition_of(tenant), query).await?;
    let Some(message) = messages.first() else { return Ok(position) };
    let events = Envelope::decode_batch(&message.payload).map_err(|error| Problem::internal(&error))?;
    let within = events.first().map_or(0, |first| match first.commitindex + 1 {
        taken if taken < first.commitsize => taken,
        _ => 0,
    });
    Ok(Position(position.0.saturating_sub(u64::from(within))))
}

/// A JSON answer that says which position it reflects.
pub fn answer(position: Position, body: &impl Serialize) -> Response {
    tagged(position, None, body)
}

/// A JSON answer that says which position it reflects and which version of the resource it shows.
pub fn tagged(position: Position, version: Option<u64>, body: &impl Serialize) -> Response {
    let position = (HeaderName::from_static("foodflow-position"), position.to_string());
    match version {
        Some(version) => {
            ([position, (header::ETAG, format!("\"{version}\""))], axum::Json(body)).into_response()
        }
        None => ([position], axum::Json(body)).into_response(),
    }
}
