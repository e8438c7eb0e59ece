//! `/v1/me`: one's own account.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_commands::identity::authenticate::{carry_out, email_index};
use foodflow_commands::identity::passwords::{self, Allowance, Change};
use foodflow_commands::identity::secrets::{Token, TokenKind};
use foodflow_commands::identity::users::{Accept, ChangeProfile};
use foodflow_commands::identity::wrong_proof;
use foodflow_commands::{CommandError, IfMatch};
use foodflow_domain::TenantId;
use foodflow_domain::identity::IdentityError;
use foodflow_domain::identity::user::User;
use foodflow_domain::ids::{PersonId, SessionId, UserId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::{UserAnswer, answered};
use super::{grants, origin, own, said, sender};
use crate::bodies::identity::{NewPasswordBody, PasswordBody, ProfileBody};
use crate::http::App;
use crate::http::access::{Access, AccountUse};
use crate::http::admission::{admit_address, admit_attempt};
use crate::http::client_address::ClientAddress;
use crate::http::command::{CommandAnswer, CommandRequest, respond};
use crate::http::problem::Problem;
use crate::http::tables::{AsOfQuery, as_of};
use crate::http::view::standing;

/// How often a change of password is tried again because something else of the account changed.
const TRIES_MAX: usize = 4;

/// One's own account.
#[utoipa::path(get, path = "/v1/me", tag = "identity", security(("bearer" = [])), params(AsOfQuery),
    responses(
        (status = 200, description = "Who one is, and what one may do", body = UserAnswer),
    ))]
async fn me(
    State(app): State<App>,
    access: Access<AccountUse>,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let as_of = as_of(query)?;
    let from = standing(&app, &app.models.identity, access.tenant, &headers, as_of.as_deref()).await?;
    answered(from, access.tenant, own(&access)?.0).await
}

/// Write anew who one is.
#[utoipa::path(put, path = "/v1/me", tag = "identity", request_body = ProfileBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn change_me(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let (user_id, profile) = (own(&access)?, said::<ProfileBody>(&request)?);
    let email_index = email_index(&app.executor, access.tenant, &profile.email).await?;
    let origin = sender(&access, address, &request);
    let operation = ChangeProfile { user_id, profile, email_index, held: None, origin };
    Ok(respond(&request.carry_out(&app, &access, &operation).await?))
}

/// Set another password, knowing the present one: every other session ends, and this one, too.
#[utoipa::path(post, path = "/v1/me/password", tag = "identity", request_body = PasswordBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded; log in again", body = CommandAnswer),
    ))]
async fn change_password(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let (user_id, body) = (own(&access)?, said::<PasswordBody>(&request)?);
    admit_attempt(&app, address.ip, &access.actor, "password").await?;
    let origin = sender(&access, address, &request);
    let hash = passwords::hash(body.password).await?;
    for _ in 0..TRIES_MAX {
        let user = app.executor.state_of::<User>(access.tenant, user_id.0).await?;
        let present = user.state.password.as_ref().and_then(|hash| hash.value()).cloned();
        let fits = passwords::fits(body.present.clone(), present).await?;
        let by = Allowance::Present(fits);
        let operation = Change { by, user_id, password: hash.clone(), origin: origin.clone() };
        let mut meta = request.secret_meta(&app, access.tenant, access.actor.clone()).await?;
        meta.if_match = Some(IfMatch::Versions(vec![user.version]));
        match app.executor.execute(&meta, &operation).await {
            Err(CommandError::PreconditionFailed { .. } | CommandError::VersionConflict) => {}
            outcome => {
                let accepted = outcome?;
                if wrong_proof(&accepted) {
                    return Err(CommandError::refused(&IdentityError::PasswordWrong, "").into());
                }
                end_all(&app, access.tenant, user_id, &user.state.session_ids).await?;
                return Ok(respond(&accepted));
            }
        }
    }
    Err(CommandError::VersionConflict.into())
}

/// Ends what goes on by tokens: a user's sessions, and access tokens that were issued.
pub(super) async fn end_all(
    app: &App,
    tenant: TenantId,
    user_id: UserId,
    session_ids: &[SessionId],
) -> Result<(), Problem> {
    use foodflow_commands::identity::authenticate::actor_of_user;
    grants::void_tokens(app, tenant, actor_of_user(user_id)).await?;
    for session_id in session_ids {
        app.keys.drop_session(tenant, session_id.0).await?;
    }
    Ok(())
}

/// Accept an invitation: set a password, and log in then.
#[utoipa::path(post, path = "/v1/invitations/accept", tag = "identity", request_body = NewPasswordBody, security(()),
    responses(
        (status = 200, description = "Accepted; log in with `POST /v1/login`", body = CommandAnswer),
    ))]
async fn accept_invitation(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    admit_address(&app, address.ip, "invitation").await?;
    let body = said::<NewPasswordBody>(&request)?;
    let token = Token::read(TokenKind::Invitation, &body.token).ok_or_else(Problem::token_refused)?;
    let user_id = UserId(token.id);
    let origin = Some(origin(address, request.headers()).of(PersonId(user_id.0)));
    let password = passwords::hash(body.password).await?;
    let operation = Accept { user_id, token_hash: token.hash(), password, origin };
    let actor = foodflow_commands::identity::authenticate::actor_of_user(user_id);
    let outcome = carry_out(&app.executor, token.tenant, actor, &operation).await;
    Ok(respond(&outcome.map_err(shown_alike)?))
}

/// Set another password with the token of a reset: every session ends.
#[utoipa::path(post, path = "/v1/password-resets/use", tag = "identity", request_body = NewPasswordBody, security(()),
    responses(
        (status = 200, description = "Recorded; log in with `POST /v1/login`", body = CommandAnswer),
    ))]
async fn use_reset(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    admit_address(&app, address.ip, "password-reset").await?;
    let body = said::<NewPasswordBody>(&request)?;
    let token = Token::read(TokenKind::Reset, &body.token).ok_or_else(Problem::token_refused)?;
    let user_id = UserId(token.id);
    let origin = Some(origin(address, request.headers()).of(PersonId(user_id.0)));
    let password = passwords::hash(body.password).await?;
    let sessions = app.executor.state_of::<User>(token.tenant, user_id.0).await?.state.session_ids.clone();
    let operation = Change { by: Allowance::Token(token.hash()), user_id, password, origin };
    let actor = foodflow_commands::identity::authenticate::actor_of_user(user_id);
    let outcome = carry_out(&app.executor, token.tenant, actor, &operation).await;
    let accepted = outcome.map_err(shown_alike)?;
    end_all(&app, token.tenant, user_id, &sessions).await?;
    Ok(respond(&accepted))
}

/// A token that is not good is refused alike, whoever it names.
pub(super) fn shown_alike(error: CommandError) -> Problem {
    match error {
        CommandError::Refused { .. } | CommandError::NotFound { .. } => Problem::token_refused(),
        error => error.into(),
    }
}

/// One's own account.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me, change_me))
        .routes(routes!(change_password))
        .routes(routes!(accept_invitation))
        .routes(routes!(use_reset))
}
