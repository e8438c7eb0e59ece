//! What a login, a refreshed session or a key is answered with: an access token, signed here.

use std::collections::BTreeSet;

use axum::response::{IntoResponse as _, Response};
use foodflow_commands::identity::authenticate::{
    Known, LoggedIn, Turned, actor_of_service_account, actor_of_user,
};
use foodflow_domain::TenantId;
use foodflow_domain::identity::Origin;
use foodflow_domain::identity::access::AccessRefused;
use foodflow_domain::identity::origin::visitors;
use foodflow_domain::ids::{PersonId, SessionId, UserId};
use foodflow_domain::tenancy::tenant::Tenant;
use foodflow_projections::keys::Session;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::App;
use crate::http::problem::Problem;
use crate::tokens::voiding::{ACCESS_TOKEN_VALID_S, of_actor};
use crate::tokens::{Claims, claims};

/// An access token, and how to have the next one.
#[derive(Serialize, ToSchema)]
pub(super) struct Grant {
    /// Access token (JWT, EdDSA): `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long the access token is valid, in seconds.
    #[schema(example = 600)]
    expires_in: i64,
    /// Goes on with the session, once: `POST /v1/token`. A service account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Until when the refresh token is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    refresh_expires_at: Option<Timestamp>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<Uuid>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<Uuid>,
    /// What may be done with it.
    permissions: BTreeSet<String>,
}

/// Signs an access token.
async fn sign(
    app: &App,
    tenant: TenantId,
    actor: &str,
    session: Option<SessionId>,
    permissions: &BTreeSet<String>,
) -> Result<String, Problem> {
    let slug = app.executor.state_of::<Tenant>(tenant, tenant.0).await?.state.slug.clone();
    let slug = slug.ok_or_else(|| Problem::not_found("the tenant is not registered"))?;
    let names: Vec<String> = permissions.iter().cloned().collect();
    let claims = claims(&slug, actor, &names, Timestamp::now(), ACCESS_TOKEN_VALID_S);
    let claims = Claims { sid: session.map(|session| session.0), ..claims };
    app.tokens.issue(&claims).map_err(|error| Problem::internal(&error))
}

/// The answer to somebody who has logged in; the session is kept where requests look for it.
pub(super) async fn to_user(app: &App, tenant: TenantId, logged_in: LoggedIn) -> Result<Response, Problem> {
    let LoggedIn { user_id, session_id, method, started_at, refresh, refresh_expires_at, permissions, ended } =
        logged_in;
    let method = serde_json::to_value(method).ok().and_then(|word| word.as_str().map(str::to_owned));
    let session = Session {
        session_id: session_id.0,
        tenant_id: tenant,
        user_id: user_id.0,
        method: method.unwrap_or_default(),
        started_at,
    };
    app.keys.put_session(&session).await?;
    for ended in ended {
        app.keys.drop_session(tenant, ended.0).await?;
    }
    let access_token = sign(app, tenant, &actor_of_user(user_id), Some(session_id), &permissions).await?;
    let grant = Grant {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_VALID_S,
        refresh_token: Some(refresh.reveal().to_owned()),
        refresh_expires_at: Some(refresh_expires_at),
        session_id: Some(session_id.0),
        user_id: Some(user_id.0),
        permissions,
    };
    Ok(axum::Json(grant).into_response())
}

/// The answer to a service account that showed its key.
pub(super) async fn to_service_account(
    app: &App,
    tenant: TenantId,
    known: Known,
) -> Result<Response, Problem> {
    let Known { id, permissions } = known;
    let access_token = sign(app, tenant, &actor_of_service_account(id), None, &permissions).await?;
    let grant = Grant {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_VALID_S,
        refresh_token: None,
        refresh_expires_at: None,
        session_id: None,
        user_id: None,
        permissions,
    };
    Ok(axum::Json(grant).into_response())
}

/// The answer to somebody who is not let in; written down for the tenant, where there is one.
pub(super) async fn turned_away(
    app: &App,
    tenant: TenantId,
    operation: &str,
    turned: Turned,
    origin: Origin,
) -> Result<Problem, Problem> {
    let actor = match turned {
        Turned::Unknown => None,
        Turned::Refused(user_id, _) | Turned::Reused(user_id, _) => Some(user_id),
    };
    if let Turned::Reused(_, session_id) = turned {
        app.keys.drop_session(tenant, session_id.0).await?;
    }
    note_refusal(app, tenant, actor, operation, turned.says(), origin).await?;
    Ok(match turned.says() {
        "second-factor-required" => Problem::second_factor_required(),
        "token-reused" => Problem::token_refused(),
        _ if operation.ends_with("/token") => Problem::token_refused(),
        _ if operation.contains("/oidc") => Problem::identity_refused(),
        _ => Problem::login_refused(),
    })
}

/// Writes down for a tenant, where there is one, that somebody was refused.
pub(super) async fn note_refusal(
    app: &App,
    tenant: TenantId,
    user_id: Option<UserId>,
    operation: &str,
    code: &str,
    origin: Origin,
) -> Result<(), Problem> {
    // A tenant that nobody registered has no log to fill.
    if app.executor.state_of::<Tenant>(tenant, tenant.0).await?.version > 0 {
        let person = user_id.map_or_else(|| visitors(tenant), |user_id| PersonId(user_id.0));
        let refused = AccessRefused {
            actor: user_id.map(actor_of_user),
            operation: operation.to_owned(),
            code: code.to_owned(),
            permission: None,
            occurred_at: Timestamp::now(),
            count: 1,
            origin: Some(origin.of(person)),
        };
        app.refusals.tell(tenant, refused);
    }
    Ok(())
}

/// Makes every access token of an actor that was issued so far void: what it states is no longer so.
pub(super) async fn void_tokens(app: &App, tenant: TenantId, actor: String) -> Result<(), Problem> {
    Ok(app.keys.revoke(&of_actor(tenant, actor)).await?)
}
