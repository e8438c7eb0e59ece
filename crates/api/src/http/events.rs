//! The tenant's log, as CloudEvents: in pages, and as a stream that resumes.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use foodflow_domain::TenantId;
use foodflow_log::{Direction, Envelope, Position, ReadQuery, StoredMessage, position_at, recorded_at};
use foodflow_projections::food_graph::queries::Known;
use futures::stream::{self, Stream, StreamExt as _};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::access::{Access, EventsRead};
use super::header_value::single;
use super::problem::Problem;
use super::reads::parameters;
use super::schema::{CloudEvent, ServerSentEvent};
use super::view;

/// Events of a page where the client names no number.
const LIMIT_DEFAULT: usize = 100;
/// Most events of a page.
pub const LIMIT_MAX: usize = 1_000;
/// Messages that one look into the log takes while it filters.
const READ_AHEAD: usize = 500;
/// Most messages that one request looks through for what its filters name.
const SCANNED_MAX: usize = 100_000;

/// Which events are asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Events after this position.
    after: Option<u64>,
    /// Only events of this subject: `batch/<id>`, or the id alone.
    #[param(example = "batch/0199aa11-0000-7000-8000-000000000042")]
    subject: Option<String>,
    /// Only events of this type.
    #[serde(rename = "type")]
    #[param(example = "foodflow.food_graph.batch.received.v1")]
    event_type: Option<String>,
    /// At most this many, 1 to 1,000; events of one message stay together.
    limit: Option<usize>,
    /// Only what was recorded by this time (RFC 3339) or position.
    as_of: Option<String>,
}

/// Which events are streamed.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Events after this position.
    after: Option<u64>,
    /// Only events of this subject: `batch/<id>`, or the id alone.
    #[param(example = "batch/0199aa11-0000-7000-8000-000000000042")]
    subject: Option<String>,
    /// Only events of this type.
    #[serde(rename = "type")]
    #[param(example = "foodflow.food_graph.batch.received.v1")]
    event_type: Option<String>,
}

/// Events that are shown.
#[derive(Debug, Clone)]
struct Filter {
    subject: Option<String>,
    event_type: Option<String>,
}

impl Filter {
    fn takes(&self, envelope: &Envelope) -> bool {
        let subject = self.subject.as_ref().is_none_or(|wanted| {
            envelope.subject == *wanted
                || envelope.subject.split_once('/').is_some_and(|(_, id)| id == wanted)
        });
        subject && self.event_type.as_ref().is_none_or(|wanted| envelope.event_type == *wanted)
    }
}

/// A CloudEvent with its position, as an extension attribute.
#[derive(Debug, Serialize)]
pub struct PositionedEvent {
    /// The event.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Position of its message in the tenant's partition.
    pub position: u64,
}

/// The events of a message.
///
/// # Errors
/// Where the message is not a CloudEvents batch.
pub fn events_of(message: &StoredMessage) -> Result<Vec<PositionedEvent>, serde_json::Error> {
    let position = message.position.0;
    let envelopes = Envelope::decode_batch(&message.payload)?;
    Ok(envelopes.into_iter().map(|envelope| PositionedEvent { envelope, position }).collect())
}

/// The tenant's events, oldest first.
///
/// A CloudEvents JSON batch; the next page starts `after` the last event's `position`. The header
/// `Foodflow-Next` names that position where there may be more.
#[utoipa::path(get, path = "/v1/events", tag = "log", params(EventsQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "CloudEvents, oldest first", body = Vec<CloudEvent>, content_type = "application/cloudevents-batch+json"),
    ))]
async fn list_events(
    State(app): State<App>,
    access: Access<EventsRead>,
    headers: HeaderMap,
    query: Result<Query<EventsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let EventsQuery { after, subject, event_type, limit, as_of } = parameters(query)?;
    let filter = Filter { subject, event_type };
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid_parameter("limit", format!("must be from 1 to {LIMIT_MAX}")));
    }
    view::settle(&app, &app.models.graph.progress, access.tenant, &headers).await?;
    let until = match view::known(&app, access.tenant, "as_of", as_of.as_deref()).await? {
        Known::Position(position) => position,
        _ => Position(u64::MAX),
    };
    let partition = app.log.partition_of(access.tenant);
    let mut from = retained(&app, access.tenant, Position(after.unwrap_or(0))).await?;
    let mut events = Vec::new();
    let mut scanned = 0;
    let more = 'reading: loop {
        let page =
            ReadQuery { tenant: Some(access.tenant), from, direction: Direction::Forward, limit: READ_AHEAD };
        let messages = app.log.read(partition, page).await?;
        for message in &messages {
            if message.position > until {
                break 'reading false;
            }
            let mut taken = events_of(message).map_err(|error| Problem::internal(&error))?;
            taken.retain(|event| filter.takes(&event.envelope));
            if !events.is_empty() && events.len() + taken.len() > limit {
                break 'reading true;
            }
            events.append(&mut taken);
            from = message.position;
        }
        scanned += messages.len();
        if messages.len() < READ_AHEAD {
            break false;
        }
        if events.len() >= limit || scanned >= SCANNED_MAX {
            break true;
        }
    };
    if events.is_empty() {
        // The client may have named what does not exist yet.
        from = from.min(app.log.head(partition).await?);
    }
    let mut response = axum::Json(events).into_response();
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/cloudevents-batch+json"));
    head.insert(HeaderName::from_static("foodflow-position"), header::HeaderValue::from(from.0));
    if more {
        head.insert(HeaderName::from_static("foodflow-next"), header::HeaderValue::from(from.0));
    }
    Ok(response)
}

/// From where on events are shown that were asked for after `after`: not those that the tenant's plan no longer retains.
async fn retained(app: &App, tenant: TenantId, after: Position) -> Result<Position, Problem> {
    let Some(since) = view::retained_since(app, tenant).await else { return Ok(after) };
    let partition = app.log.partition_of(tenant);
    let next = ReadQuery { tenant: None, from: after, direction: Direction::Forward, limit: 1 };
    match app.log.read(partition, next).await?.first() {
        Some(message) if recorded_at(message)? < since => {
            let before = since.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(since);
            Ok(after.max(position_at(app.log.as_ref(), partition, before).await?))
        }
        _ => Ok(after),
    }
}

/// Where a stream starts: the message, and how many of its events were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resume {
    /// Everything after this position.
    after: Position,
    /// Events of the next message that were seen.
    seen: usize,
}

impl Resume {
    /// Reads an event's SSE id, `<position>.<index>`; a bare position means its whole message.
    fn parse(text: &str) -> Option<Self> {
        match text.trim().split_once('.') {
            Some((position, index)) => {
                let position: u64 = position.parse().ok()?;
                let index: usize = index.parse().ok()?;
                Some(Self { after: Position(position.checked_sub(1)?), seen: index.checked_add(1)? })
            }
            None => Some(Self { after: Position(text.trim().parse().ok()?), seen: 0 }),
        }
    }
}

/// The tenant's events as server-sent events, then those to come.
///
/// Starts after `Last-Event-ID`, else after the parameter `after`, else with the first event.
#[utoipa::path(get, path = "/v1/events/stream", tag = "log", params(StreamQuery,
        ("Last-Event-ID" = Option<String>, Header)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Events as they are recorded, each as described", body = ServerSentEvent, content_type = "text/event-stream"),
    ))]
async fn stream_events(
    State(app): State<App>,
    access: Access<EventsRead>,
    headers: HeaderMap,
    query: Result<Query<StreamQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let StreamQuery { after, subject, event_type } = parameters(query)?;
    let filter = Filter { subject, event_type };
    let resume = match single(&headers, "Last-Event-ID")? {
        Some(value) => value.to_str().ok().and_then(Resume::parse).ok_or_else(|| {
            Problem::invalid_parameter("Last-Event-ID", "must be the `id` of an event of this stream")
        })?,
        None => Resume { after: Position(after.unwrap_or(0)), seen: 0 },
    };
    let partition = app.log.partition_of(access.tenant);
    let after = retained(&app, access.tenant, resume.after).await?;
    let messages = app.log.subscribe(partition, Some(access.tenant), after).await?;
    let resumed = Position(resume.after.0 + 1);
    let events = messages
        .take_while(|message| {
            let goes_on = match message {
                Ok(_) => true,
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends; its client resumes");
                    false
                }
            };
            std::future::ready(goes_on)
        })
        .flat_map(move |message| {
            let seen = |at| if at == resumed { resume.seen } else { 0 };
            stream::iter(
                message
                    .map(|message| sse_events(&message, seen(message.position), &filter))
                    .unwrap_or_default(),
            )
        })
        .take_until(app.shutdown.clone().cancelled_owned())
        // Who may read on has another token by then, and resumes with it.
        .take_until(Box::pin(access.until_void(app)));
    Ok(sse(events).into_response())
}

fn sse(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send + 'static> {
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

fn sse_events(message: &StoredMessage, seen: usize, filter: &Filter) -> Vec<Result<Event, Infallible>> {
    let events = match events_of(message) {
        Ok(events) => events,
        Err(error) => {
            tracing::error!(%error, position = message.position.0, "a message is not a batch of events");
            Vec::new()
        }
    };
    let shown = events.into_iter().enumerate().skip(seen).filter(|(_, event)| filter.takes(&event.envelope));
    shown
        .map(|(index, event)| {
            let id = format!("{}.{index}", message.position);
            let name = event.envelope.event_type.clone();
            Ok(Event::default().id(id).event(name).json_data(event).unwrap_or_default())
        })
        .collect()
}

/// The paged log.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_events))
}

/// The stream, apart: it outlives the timeout of other requests.
pub(super) fn stream_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream_events))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_resumes_within_a_message() {
        assert_eq!(Resume::parse("7.1"), Some(Resume { after: Position(6), seen: 2 }));
        assert_eq!(Resume::parse("7"), Some(Resume { after: Position(7), seen: 0 }));
        for bad in ["", "x", "7.", ".1", "0.1", "7.x", "-1"] {
            assert_eq!(Resume::parse(bad), None, "{bad}");
        }
    }
}
