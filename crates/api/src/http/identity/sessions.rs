//! `/v1/login`, `/v1/token`, `/v1/logout`, `/v1/me/sessions`: from a password or a key to an access token, and back.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::CommandError;
use foodflow_commands::identity::authenticate::{
    Credentials, carry_out, with_key, with_password, with_refresh_token,
};
use foodflow_commands::identity::logins::EndSession;
use foodflow_commands::identity::secrets::{Token, TokenKind};
use foodflow_domain::TenantId;
use foodflow_domain::identity::session::SessionEnd;
use foodflow_domain::ids::SessionId;
use foodflow_projections::identity::sessions;
use foodflow_projections::page::Page;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::grants::{self, Grant};
use super::{origin, own, said, sender};
use crate::bodies::identity::{EmptyBody, LoginBody, TokenBody};
use crate::http::access::{Access, AccountUse, UsersRead, UsersWrite};
use crate::http::admission::{admit_address, admit_attempt};
use crate::http::client_address::ClientAddress;
use crate::http::command::CommandRequest;
use crate::http::problem::Problem;
use crate::http::reads::parameters;
use crate::http::tables::{page_request, table_page};
use crate::http::view::{Standing, answer, standing};
use crate::http::{App, PathId};

/// Log in with an e-mail address and a password.
///
/// Who is unknown, wrong, locked out or inactive is answered alike. After five wrong ones in a row each further one
/// locks the account for twice as long as the one before, from 30 seconds to an hour.
#[utoipa::path(post, path = "/v1/login", tag = "identity", request_body = LoginBody, security(()),
    responses(
        (status = 200, description = "An access token, and a refresh token that is good once", body = Grant),
    ))]
async fn log_in(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let LoginBody { tenant, email, password, code } = said::<LoginBody>(&request)?;
    let tenant = TenantId::of_slug(&tenant);
    let account = format!("{tenant}/{}", email.trim().to_lowercase());
    admit_attempt(&app, address.ip, &account, "login").await?;
    let origin = origin(address, request.headers());
    let credentials = Credentials { email, password, code };
    match with_password(&app.executor, tenant, credentials, origin.clone()).await? {
        Ok(logged_in) => grants::to_user(&app, tenant, logged_in).await,
        Err(turned) => Err(grants::turned_away(&app, tenant, "POST /v1/login", turned, origin).await?),
    }
}

/// Have another access token: for a refresh token, which is replaced, or for the key of a service account.
///
/// A refresh token that is used a second time ends its session: one of the two who used it is not the user.
#[utoipa::path(post, path = "/v1/token", tag = "identity", request_body = TokenBody, security(()),
    responses(
        (status = 200, description = "An access token; the refresh token is another one from now on", body = Grant),
    ))]
async fn token(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    admit_address(&app, address.ip, "token").await?;
    let origin = origin(address, request.headers());
    let (tenant, turned) = match said::<TokenBody>(&request)? {
        TokenBody::RefreshToken { refresh_token } => {
            let token = Token::read(TokenKind::Refresh, &refresh_token).ok_or_else(Problem::token_refused)?;
            match with_refresh_token(&app.executor, &token, origin.clone()).await? {
                Ok(logged_in) => return grants::to_user(&app, token.tenant, logged_in).await,
                Err(turned) => (token.tenant, turned),
            }
        }
        TokenBody::ApiKey { api_key } => {
            let token = Token::read(TokenKind::ApiKey, &api_key).ok_or_else(Problem::token_refused)?;
            match with_key(&app.executor, &token, origin.clone()).await? {
                Ok(known) => return grants::to_service_account(&app, token.tenant, known).await,
                Err(turned) => (token.tenant, turned),
            }
        }
    };
    Err(grants::turned_away(&app, tenant, "POST /v1/token", turned, origin).await?)
}

/// End the session whose token it is.
#[utoipa::path(post, path = "/v1/logout", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    responses(
        (status = 204, description = "It has ended; its tokens are refused from now on"),
    ))]
async fn log_out(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    let session = access.session.ok_or_else(|| Problem::not_found("the token is of no session"))?;
    end(&app, &access, address, &request, SessionId(session), SessionEnd::LoggedOut).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn end<P>(
    app: &App,
    access: &Access<P>,
    address: ClientAddress,
    request: &CommandRequest,
    session_id: SessionId,
    reason: SessionEnd,
) -> Result<(), Problem> {
    let of = if reason == SessionEnd::LoggedOut { Some(own(access)?) } else { None };
    let origin = sender(access, address, request);
    let operation = EndSession { session_id, of, reason, origin };
    let outcome = carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await;
    match outcome {
        Ok(_) | Err(CommandError::Refused { code: "session-ended", .. }) => {}
        Err(error) => return Err(error.into()),
    }
    app.keys.drop_session(access.tenant, session_id.0).await?;
    Ok(())
}

/// End one of one's own sessions.
#[utoipa::path(post, path = "/v1/me/sessions/{id}/end", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "It has ended; its tokens are refused from now on"),
    ))]
async fn end_own(
    State(app): State<App>,
    access: Access<AccountUse>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    end(&app, &access, address, &request, SessionId(id), SessionEnd::LoggedOut).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// End somebody's session.
#[utoipa::path(post, path = "/v1/sessions/{id}/revoke", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "It has ended; its tokens are refused from now on"),
    ))]
async fn revoke(
    State(app): State<App>,
    access: Access<UsersWrite>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    end(&app, &access, address, &request, SessionId(id), SessionEnd::Revoked).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Which page of one's own sessions is asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnSessionsQuery {
    /// Only what comes after this id: `next` of the page before.
    #[serde(rename = "page[after]")]
    page_after: Option<Uuid>,
    /// Items of a page, 1 to 500; 50 where absent.
    #[serde(rename = "page[size]")]
    page_size: Option<usize>,
    /// As it stood at this recorded time (RFC 3339) or position.
    as_of: Option<String>,
}

/// A page of one's own sessions, in order of when they began.
#[utoipa::path(get, path = "/v1/me/sessions", tag = "identity", params(OwnSessionsQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "`items`, and `next` to hand to `page[after]`", body = Page<sessions::Session>),
    ))]
async fn own_sessions(
    State(app): State<App>,
    access: Access<AccountUse>,
    headers: HeaderMap,
    query: Result<Query<OwnSessionsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let OwnSessionsQuery { page_after, page_size, as_of } = parameters(query)?;
    let page = page_request(page_after, page_size)?;
    let Standing { store, position, .. } =
        standing(&app, &app.models.identity, access.tenant, &headers, as_of.as_deref()).await?;
    let filters = sessions::SessionFilters { user_id: Some(own(&access)?.0) };
    Ok(answer(position, &sessions::sessions(store.as_ref(), access.tenant, filters, page).await?))
}

table_page!(sessions_page, SessionsQuery, identity, sessions::sessions, SessionFilters, Session, UsersRead, "identity", "/v1/sessions", "A page of sessions, in order of when they began.", {
    /// Of this user.
    user_id: Uuid,
});

/// Sessions.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(log_in))
        .routes(routes!(token))
        .routes(routes!(log_out))
        .routes(routes!(own_sessions))
        .routes(routes!(end_own))
        .routes(routes!(sessions_page))
        .routes(routes!(revoke))
}
