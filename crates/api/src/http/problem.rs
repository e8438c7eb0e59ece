//! Every refusal, as `application/problem+json` (RFC 9457) with a stable code. This is the one place that maps
//! errors to HTTP.
//!
//! - `elsewhere`: refusals of logins at an identity provider.

mod elsewhere;

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use foodflow_commands::CommandError;
use foodflow_log::LogError;
use foodflow_projections::graph::StoreError;
use foodflow_projections::keys::{KeyStoreError, Rate};
use foodflow_projections::past::ReplayError;
use foodflow_projections::runner::WaitError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bill::BillError;
use crate::bodies::FieldError;
use crate::erasure::ErasureError;

/// A refusal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `https://foodflow.example/errors/<code>`, explained in `docs/ERRORS.md`.
    #[serde(rename = "type")]
    #[schema(pattern = "^https://foodflow\\.example/errors/[a-z-]+$")]
    problem_type: String,
    /// What kind of refusal, in a few words.
    title: &'static str,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable code.
    #[schema(pattern = "^[a-z]+(-[a-z]+)*$")]
    pub(crate) code: &'static str,
    /// A sentence for people.
    pub(crate) detail: String,
    /// What is wrong with which part of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
    /// The position that the answer would reflect, where a read model is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position: Option<u64>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
    /// The limit that was met.
    #[serde(skip)]
    limit: Option<Limit>,
    /// The permission that is missing.
    #[serde(skip)]
    permission: Option<String>,
}

/// What of a refusal is written down; an extension of its response.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its code.
    pub(super) code: &'static str,
    /// The permission that was missing.
    pub(super) permission: Option<String>,
}

/// A limit, as the headers of its refusal tell it (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy)]
struct Limit {
    name: &'static str,
    /// Requests at once.
    quota: u32,
    /// Seconds until as many are allowed again.
    window_s: u32,
}

impl Problem {
    /// A refusal without details about fields.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            problem_type: format!("https://foodflow.example/errors/{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            position: None,
            retry_after_s: None,
            limit: None,
            permission: None,
        }
    }

    /// The body is not what the operation takes.
    #[must_use]
    pub fn invalid_body(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} parts of the body are wrong", many.len()),
        };
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid-body", "The body is not valid", detail) }
    }

    /// A query parameter or header is not what the operation takes.
    pub fn invalid_parameter(name: &str, detail: impl Into<String>) -> Self {
        let detail = format!("`{name}`: {}", detail.into());
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", "A parameter is not valid", detail)
    }

    /// No token, or not a valid one.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "A valid bearer token is needed", detail)
    }

    /// Somebody is not let in; what was wrong is not told.
    #[must_use]
    pub fn login_refused() -> Self {
        let detail = "tenant, e-mail address, password and code do not belong together, or the account is locked for now";
        Self::new(StatusCode::UNAUTHORIZED, "login-refused", "The login is refused", detail)
    }

    /// The password is right, and the account asks for a second factor.
    #[must_use]
    pub fn second_factor_required() -> Self {
        let detail = "send `code`, too: of the authenticator, or a recovery code";
        Self::new(StatusCode::UNAUTHORIZED, "second-factor-required", "A second factor is needed", detail)
    }

    /// A refresh token, a key, or a token that was good once is not good.
    #[must_use]
    pub fn token_refused() -> Self {
        let detail = "it was used, revoked, is too old, or was never issued";
        Self::new(StatusCode::UNAUTHORIZED, "token-invalid", "The token is not valid", detail)
    }

    /// Nobody may register a tenant over HTTP.
    #[must_use]
    pub fn sign_up_closed() -> Self {
        let detail =
            "tenants are registered with `foodflow sign-up` here; the setting `sign_up` opens it to anybody";
        Self::new(StatusCode::FORBIDDEN, "sign-up-closed", "Sign-up is closed", detail)
    }

    /// The token does not carry the permission.
    #[must_use]
    pub fn forbidden(permission: &str) -> Self {
        let detail = format!("the token does not carry the permission `{permission}`");
        let problem = Self::new(StatusCode::FORBIDDEN, "forbidden", "Not permitted", detail);
        Self { permission: Some(permission.to_owned()), ..problem }
    }

    /// The tenant is closed, and this is not among what is left to it.
    #[must_use]
    pub fn tenant_closed() -> Self {
        let detail =
            "the tenant is closed; what is left to it is reading itself, its use and bills, and its events";
        Self::new(StatusCode::FORBIDDEN, "tenant-closed", "The tenant is not active", detail)
    }

    /// A point in time is asked for that lies before what the plan retains.
    #[must_use]
    pub fn beyond_retention(name: &str, since: jiff::Timestamp) -> Self {
        let detail = format!(
            "`{name}`: the tenant's plan shows what was recorded since {since}; lots and their genealogy are shown of any \
             time"
        );
        let title = "Longer ago than the plan shows";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "beyond-retention", title, detail)
    }

    /// Nothing of that id exists for the tenant.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The body is larger than the service takes.
    #[must_use]
    pub fn body_too_large(bytes_max: usize) -> Self {
        let detail = format!("a body may have at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", detail)
    }

    /// A defect; the cause is logged, not shown.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        let detail = "the request failed; the cause is in the service's log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    fn unavailable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a store does not answer");
        let title = "A store does not answer";
        let detail = "a store does not answer; try again, the same idempotency key makes that safe";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail);
        Self { retry_after_s: Some(1), ..problem }
    }

    /// Somebody asks for more than they may: `name` says whose limit it is.
    #[must_use]
    pub fn rate_limited(name: &'static str, rate: Option<Rate>, wait: Duration) -> Self {
        let seconds =
            |duration: Duration| u32::try_from(duration.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
        let wait_s = seconds(wait).max(1);
        let detail = format!("too many requests of one {name}; the next one is allowed in {wait_s} s");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many requests", detail);
        let limit = rate.map(|rate| Limit {
            name,
            quota: rate.burst(),
            window_s: seconds(rate.period() * rate.burst() / rate.tokens()).max(1),
        });
        Self { retry_after_s: Some(wait_s), limit, ..problem }
    }

    /// The request took longer than `limit`.
    pub fn timeout(limit: Duration) -> Self {
        let seconds = limit.as_secs();
        let detail =
            format!("no answer within {seconds} s; the same idempotency key makes it safe to repeat");
        let title = "The request took too long";
        let problem = Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", title, detail);
        Self { retry_after_s: Some(1), ..problem }
    }

    fn at(mut self, pointer: &str) -> Self {
        if !pointer.is_empty() {
            self.errors.push(FieldError { pointer: pointer.to_owned(), detail: self.detail.clone() });
        }
        self
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        let code = error.code();
        match error {
            CommandError::Refused { pointer, .. } => match code {
                "already-exists" => Self::new(StatusCode::CONFLICT, code, "It exists already", detail),
                "tenant-suspended" | "tenant-closed" => {
                    Self::new(StatusCode::FORBIDDEN, code, "The tenant is not active", detail)
                }
                _ => Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, "The domain refuses it", detail),
            }
            .at(&pointer),
            CommandError::NotFound { pointer, .. } => Self::not_found(detail).at(&pointer),
            CommandError::Invalid { pointer, .. } => Self::invalid_body(vec![FieldError { pointer, detail }]),
            CommandError::BeyondOwnPermissions { missing, pointer } => {
                let title = "Nobody gives or takes what they do not hold";
                let problem = Self::new(StatusCode::FORBIDDEN, code, title, detail).at(&pointer);
                Self { permission: missing.into_iter().next(), ..problem }
            }
            CommandError::CommandIdReused => Self::new(
                StatusCode::CONFLICT,
                code,
                "The idempotency key was used for another command",
                detail,
            ),
            CommandError::PersonForgotten => {
                Self::new(StatusCode::CONFLICT, code, "The person was forgotten", detail)
            }
            CommandError::VersionConflict => {
                Self::new(StatusCode::CONFLICT, code, "Others were faster", detail)
            }
            CommandError::PreconditionFailed { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, code, "Not at the expected version", detail)
            }
            CommandError::Overloaded { retry_after_s } => {
                let busy = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, "The service is busy", detail);
                Self { retry_after_s: Some(retry_after_s), ..busy }
            }
            CommandError::Unavailable { .. } => Self::unavailable(&error),
            _ => Self::internal(&error),
        }
    }
}

impl From<ErasureError> for Problem {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Command(error) => error.into(),
            ErasureError::Behind(error) => error.into(),
            ErasureError::Store(error) => error.into(),
            ErasureError::Key(_) => Self::internal(&error),
        }
    }
}

impl From<BillError> for Problem {
    fn from(error: BillError) -> Self {
        match error {
            BillError::Log(error) => error.into(),
            BillError::Store(error) => error.into(),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Corrupt { .. } => Self::internal(&error),
            _ => Self::unavailable(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::unavailable(&error),
            StoreError::Unfit { reason, .. } => Self::invalid_parameter("query", reason),
            StoreError::TooLarge { .. } => {
                let title = "The answer is too large";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "trace-too-large", title, error.to_string())
            }
            _ => Self::internal(&error),
        }
    }
}

/// Whatever a key store does not answer is refused: a token that may be void opens nothing.
impl From<KeyStoreError> for Problem {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Corrupt { .. } => Self::internal(&error),
            _ => Self::unavailable(&error),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::TooLong { .. } => {
                let title = "The history is too long";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "history-too-long", title, error.to_string())
            }
            ReplayError::Log(error) => error.into(),
            ReplayError::Store(error) => error.into(),
            _ => Self::internal(&error),
        }
    }
}

impl From<WaitError> for Problem {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Behind { current, .. } => {
                let title = "The read model is behind";
                let problem =
                    Self::new(StatusCode::GATEWAY_TIMEOUT, "projection-behind", title, error.to_string());
                Self { position: Some(current.0), retry_after_s: Some(1), ..problem }
            }
            WaitError::Store(error) => error.into(),
            _ => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(Told { code: self.code, permission: self.permission });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(Limit { name, quota, window_s }) = self.limit {
            let wait_s = self.retry_after_s.unwrap_or(window_s);
            let fields = [
                ("ratelimit-policy", format!("\"{name}\";q={quota};w={window_s}")),
                ("ratelimit", format!("\"{name}\";r=0;t={wait_s}")),
            ];
            for (field, text) in fields {
                // A name is a word of this program.
                if let Ok(value) = HeaderValue::from_str(&text) {
                    headers.insert(field, value);
                }
            }
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(position) = self.position {
            headers.insert("foodflow-position", HeaderValue::from(position));
        }
        response
    }
}
