//! From a request to a command, and from its outcome to the response.

use axum::body::Body as RequestBody;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use foodflow_commands::{Accepted, CommandError, CommandMeta, IfMatch, Operation};
use foodflow_domain::TenantId;
use foodflow_domain::ids::CommandId;
use foodflow_log::PayloadHash;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

use super::App;
use super::access::Access;
use super::header_value::single;
use super::problem::Problem;
use super::reads::no_parameters;
use crate::bodies::{self, Body, FieldError};

/// Most bytes of a request body.
pub const BODY_BYTES_MAX: usize = 1_000_000;
/// Most characters of an idempotency key.
pub const KEY_CHARS_MAX: usize = 255;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The answer to an accepted command.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandAnswer {
    /// Id of the document or resource.
    id: Uuid,
    /// The lot, of receipts and of what is done to a lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    batch_id: Option<Uuid>,
    /// The lots that a transformation made, in the order of its outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    batch_ids: Option<Vec<Uuid>>,
    /// Log position to hand to `After`.
    position: u64,
    /// Every event that the command recorded.
    events: Vec<EventAnswer>,
}

/// An event that a command recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventAnswer {
    /// Its id.
    id: Uuid,
    /// Its CloudEvents type.
    #[serde(rename = "type")]
    event_type: String,
}

/// A request that asks for a command.
pub struct CommandRequest {
    headers: HeaderMap,
    json: Bytes,
    operation: String,
}

impl FromRequest<App> for CommandRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        no_parameters(parts.uri.query())?;
        let length =
            parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|bytes: usize| bytes > BODY_BYTES_MAX) {
            return Err(Problem::body_too_large(BODY_BYTES_MAX));
        }
        let json = read_body(body).await?;
        let operation = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self { headers: parts.headers, json, operation })
    }
}

async fn read_body(body: RequestBody) -> Result<Bytes, Problem> {
    use futures::StreamExt as _;
    let mut stream = body.into_data_stream();
    let mut json = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            let detail = format!("the body could not be read: {error}");
            Problem::invalid_body(vec![FieldError { pointer: String::new(), detail }])
        })?;
        if json.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Problem::body_too_large(BODY_BYTES_MAX));
        }
        json.extend_from_slice(&chunk);
    }
    Ok(json.into())
}

impl CommandRequest {
    /// Carries out the command for the resource that the path names; nil where it names none.
    pub async fn run<B: Body, P: Send + Sync>(
        self,
        app: &App,
        access: &Access<P>,
        path_id: Uuid,
    ) -> Result<Response, Problem> {
        self.run_read(app, access, |json| bodies::read::<B>(json, path_id)).await
    }

    /// Carries out the command that `check` makes of the body, with what else the request states.
    pub async fn run_checked<B: DeserializeOwned, O: Operation, P: Send + Sync>(
        self,
        app: &App,
        access: &Access<P>,
        check: impl FnOnce(B) -> Result<O, Vec<FieldError>> + Send,
    ) -> Result<Response, Problem> {
        self.run_read(app, access, |json| bodies::parse::<B>(json).and_then(check)).await
    }

    /// Carries out the command that `read` finds in the body.
    pub async fn run_read<O: Operation, P: Send + Sync>(
        self,
        app: &App,
        access: &Access<P>,
        read: impl FnOnce(&[u8]) -> Result<O, Vec<FieldError>> + Send,
    ) -> Result<Response, Problem> {
        let operation = read(&self.json).map_err(Problem::invalid_body)?;
        let hash = command_hash(&self.operation, &self.canonical()?);
        let meta = self.meta(access.tenant, access.actor.clone(), hash)?;
        let accepted = app.executor.execute(&meta, &operation).await?;
        Ok(respond(&accepted))
    }

    /// The body as it came.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Carries out an operation whose body holds secrets or personal data.
    pub async fn carry_out<O: Operation, P: Send + Sync>(
        &self,
        app: &App,
        access: &Access<P>,
        operation: &O,
    ) -> Result<Accepted, Problem> {
        let meta = self.secret_meta(app, access.tenant, access.actor.clone()).await?;
        Ok(app.executor.execute(&meta, operation).await?)
    }

    /// What a command says of itself whose body holds secrets or personal data: what is remembered of it, to tell a
    /// repeat, is a keyed hash, which nobody can try bodies against.
    pub async fn secret_meta(
        &self,
        app: &App,
        tenant: TenantId,
        actor: String,
    ) -> Result<CommandMeta, Problem> {
        let text = format!("{}\n{}", self.operation, self.canonical()?);
        let hash = app.executor.keyring().fingerprint(tenant, text.as_bytes()).await;
        self.meta(tenant, actor, hash.map_err(CommandError::from)?)
    }

    /// The body with sorted keys, however it was written.
    fn canonical(&self) -> Result<serde_json::Value, Problem> {
        serde_json::from_slice(&self.json).map_err(|error| Problem::internal(&error))
    }

    fn meta(
        &self,
        tenant: TenantId,
        actor: String,
        command_hash: PayloadHash,
    ) -> Result<CommandMeta, Problem> {
        let key = single(&self.headers, IDEMPOTENCY_KEY)?.map(|value| value.to_str().unwrap_or_default());
        // Several lines of it are one list.
        let tags = self.headers.get_all(header::IF_MATCH).iter();
        let tags: Vec<&str> = tags.map(|value| value.to_str().unwrap_or_default()).collect();
        let if_match = (!tags.is_empty()).then(|| parse_if_match(&tags.join(",")));
        let command_id = match key {
            Some(key) => command_id(tenant, key)
                .map_err(|detail| Problem::invalid_parameter(IDEMPOTENCY_KEY, detail))?,
            None => CommandId(Uuid::now_v7()),
        };
        Ok(CommandMeta {
            tenant,
            actor,
            command_id,
            repeatable: key.is_some(),
            command_hash,
            correlation_id: command_id.0,
            causation_id: None,
            if_match: if_match.transpose()?,
        })
    }
}

/// The hash by which a repeat is told from a reuse: over the operation and the body with sorted keys.
#[must_use]
pub fn command_hash(operation: &str, body: &serde_json::Value) -> PayloadHash {
    PayloadHash::of(format!("{operation}\n{body}").as_bytes())
}

/// The command id of an idempotency key: the key itself where it is a UUID, else derived from it.
///
/// # Errors
/// What a key must be.
pub fn command_id(tenant: TenantId, key: &str) -> Result<CommandId, String> {
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(format!("must have 1 to {KEY_CHARS_MAX} visible ASCII characters"));
    }
    Ok(CommandId(Uuid::parse_str(key).unwrap_or_else(|_| Uuid::new_v5(&tenant.0, key.as_bytes()))))
}

fn parse_if_match(text: &str) -> Result<IfMatch, Problem> {
    if text.trim() == "*" {
        return Ok(IfMatch::Any);
    }
    let version = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    let versions: Option<Vec<u64>> = text.split(',').map(version).collect();
    versions.map(IfMatch::Versions).ok_or_else(|| {
        Problem::invalid_parameter(
            "If-Match",
            "must be `*` or an `ETag` as this service gives, such as `\"3\"`",
        )
    })
}

/// The answer to an accepted command.
pub(super) fn respond(accepted: &Accepted) -> Response {
    let event = |event: &foodflow_commands::AcceptedEvent| EventAnswer {
        id: event.id,
        event_type: event.event_type.clone(),
    };
    let answer = CommandAnswer {
        id: accepted.reply.id,
        batch_id: accepted.reply.batch_id,
        batch_ids: accepted.reply.batch_ids.clone(),
        position: accepted.position.0,
        events: accepted.events.iter().map(event).collect(),
    };
    let status = if accepted.reply.creates { StatusCode::CREATED } else { StatusCode::OK };
    let headers = [
        (header::ETAG, format!("\"{}\"", accepted.version)),
        (HeaderName::from_static("foodflow-position"), accepted.position.to_string()),
    ];
    (status, headers, axum::Json(answer)).into_response()
}
