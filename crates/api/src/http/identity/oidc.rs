//! `/v1/login/oidc`, `/v1/me/identities`: logins at an identity provider, and the identities that may.
//!
//! Each takes two requests: one says where the browser is sent, the other one what it came back with. Whoever began it gets
//! a `binding` that goes to the provider in no way: somebody else's `state` and `code` are of no use to a browser, and a
//! browser's are of no use to somebody else.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::identity::authenticate::{
    Turned, actor_of_user, carry_out, foreign_identity, with_identity,
};
use foodflow_commands::identity::secrets::{self, Token, TokenKind};
use foodflow_commands::identity::users::{LinkIdentity, UnlinkIdentities};
use foodflow_domain::TenantId;
use foodflow_domain::identity::user::{ForeignIdentity, User};
use foodflow_domain::ids::{PersonId, UserId};
use foodflow_log::hex::Hex;
use foodflow_projections::keys::{LoginPurpose, PENDING_LOGIN_TTL_MAX, PendingLogin};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::grants::{self, Grant};
use super::me::{end_all, shown_alike};
use super::{origin, own, said, sender};
use crate::bodies::identity::EmptyBody;
use crate::bodies::oidc::{OidcFinishBody, OidcLoginBody};
use crate::http::App;
use crate::http::access::{Access, AccountUse};
use crate::http::admission::{admit_address, admit_beginning};
use crate::http::client_address::ClientAddress;
use crate::http::command::{CommandAnswer, CommandRequest, respond};
use crate::http::problem::Problem;
use crate::oidc::{Begun, Provider, ProviderError};

/// What is attempted, by the limits of addresses.
const ATTEMPT: &str = "oidc";
/// Bytes of a binding.
const BINDING_BYTES: usize = 32;
/// The operation that ends a login, as refusals name it.
const FINISH: &str = "POST /v1/login/oidc/finish";

/// Where the browser goes.
#[derive(Serialize, ToSchema)]
struct OidcBegun {
    /// Address of the identity provider: send the browser there.
    #[schema(example = "https://login.example/realms/plant/auth?response_type=code&client_id=foodflow")]
    authorization_url: String,
    /// What proves later that the same browser is back: let it keep this to itself, e.g. in its session storage.
    binding: String,
    /// Until when it may be back.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Begin a login at the identity provider.
///
/// Send the browser to `authorization_url`. The provider sends it back to the page of the setting `oidc_redirect_url`, which
/// sends what it came with to `POST /v1/login/oidc/finish`. Whoever was invited adds the invitation's token, and needs no password.
#[utoipa::path(post, path = "/v1/login/oidc", tag = "identity", request_body = OidcLoginBody, security(()),
    responses(
        (status = 200, description = "Where the browser goes; good for ten minutes, and once", body = OidcBegun),
    ))]
async fn begin_login(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let OidcLoginBody { tenant, invitation } = said::<OidcLoginBody>(&request)?;
    let tenant = TenantId::of_slug(&tenant);
    let purpose = match invitation {
        None => LoginPurpose::LogIn,
        Some(text) => {
            let token = Token::read(TokenKind::Invitation, &text).filter(|token| token.tenant == tenant);
            let token = token.ok_or_else(Problem::token_refused)?;
            LoginPurpose::Accept { user_id: token.id, token_hash: token.hash() }
        }
    };
    begun(&app, address, tenant, purpose).await
}

async fn begun(
    app: &App,
    address: ClientAddress,
    tenant_id: TenantId,
    purpose: LoginPurpose,
) -> Result<Response, Problem> {
    let provider = provider(app)?;
    admit_beginning(app, address.ip, ATTEMPT).await?;
    let Begun { url: authorization_url, state, nonce, verifier } = provider.begin().await?;
    let binding = Hex(secrets::random_bytes::<BINDING_BYTES>()?).to_string();
    let binding_hash = secrets::hash(&binding);
    let login = PendingLogin { tenant_id, purpose, binding_hash, nonce, verifier };
    app.keys.put_pending_login(&state, &login, PENDING_LOGIN_TTL_MAX).await?;
    let ttl = SignedDuration::try_from(PENDING_LOGIN_TTL_MAX).unwrap_or_default();
    let expires_at = Timestamp::now().checked_add(ttl).unwrap_or(Timestamp::MAX);
    Ok(axum::Json(OidcBegun { authorization_url, binding, expires_at }).into_response())
}

fn provider(app: &App) -> Result<&Arc<Provider>, Problem> {
    app.oidc.as_ref().ok_or_else(Problem::no_identity_provider)
}

/// End a login at the identity provider with what the browser came back with.
///
/// It logs in whoever has linked the identity. Who is unknown, locked out or inactive is answered alike.
#[utoipa::path(post, path = "/v1/login/oidc/finish", tag = "identity", request_body = OidcFinishBody, security(()),
    responses(
        (status = 200, description = "An access token, and a refresh token that is good once", body = Grant),
    ))]
async fn finish_login(
    State(app): State<App>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let back = said::<OidcFinishBody>(&request)?;
    let origin = origin(address, request.headers());
    let provider = provider(&app)?;
    admit_address(&app, address.ip, ATTEMPT).await?;
    let pending = app.keys.take_pending_login(&back.state).await?.ok_or_else(Problem::login_expired)?;
    let tenant = pending.tenant_id;
    if !is_same_browser(&pending, &back) || matches!(pending.purpose, LoginPurpose::Link { .. }) {
        // Somebody was made to end another one's login; or made somebody else end his.
        grants::note_refusal(&app, tenant, None, FINISH, "login-expired", origin).await?;
        return Err(Problem::login_expired());
    }
    let purpose = pending.purpose.clone();
    let identity = match identity(&app, provider, pending, back).await? {
        Some(identity) => identity,
        None => return Err(grants::turned_away(&app, tenant, FINISH, Turned::Unknown, origin).await?),
    };
    if let LoginPurpose::Accept { user_id, token_hash } = purpose {
        let user_id = UserId(user_id);
        let from = Some(origin.clone().of(PersonId(user_id.0)));
        let identity = identity.clone();
        let operation = LinkIdentity { user_id, identity, token_hash: Some(token_hash), origin: from };
        let outcome = carry_out(&app.executor, tenant, actor_of_user(user_id), &operation).await;
        outcome.map_err(shown_alike)?;
    }
    match with_identity(&app.executor, tenant, identity, origin.clone()).await? {
        Ok(logged_in) => grants::to_user(&app, tenant, logged_in).await,
        Err(turned) => Err(grants::turned_away(&app, tenant, FINISH, turned, origin).await?),
    }
}

fn is_same_browser(pending: &PendingLogin, back: &OidcFinishBody) -> bool {
    secrets::hash(&back.binding) == pending.binding_hash
}

/// Who has logged in at the provider; `None` where it vouches for nobody.
async fn identity(
    app: &App,
    provider: &Provider,
    pending: PendingLogin,
    back: OidcFinishBody,
) -> Result<Option<ForeignIdentity>, Problem> {
    let PendingLogin { tenant_id, nonce, verifier, .. } = pending;
    if back.iss.is_some_and(|issuer| issuer != provider.issuer()) {
        return Ok(None);
    }
    match provider.finish(back.code, nonce, verifier).await {
        Ok(found) => {
            Ok(Some(foreign_identity(&app.executor, tenant_id, &found.issuer, &found.subject).await?))
        }
        Err(error @ ProviderError::Refused { .. }) => {
            tracing::warn!(%error, "a login at the identity provider is refused");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Begin to link an identity at the provider to one's own account.
///
/// It goes on as a login does; the page sends what it gets to `POST /v1/me/identities/finish`.
#[utoipa::path(post, path = "/v1/me/identities", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Where the browser goes; good for ten minutes, and once", body = OidcBegun),
    ))]
async fn begin_link(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    let user_id = own(&access)?.0;
    begun(&app, address, access.tenant, LoginPurpose::Link { user_id }).await
}

/// Link the identity that the browser came back with: whoever has it may log in as oneself from now on.
#[utoipa::path(post, path = "/v1/me/identities/finish", tag = "identity", request_body = OidcFinishBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Linked", body = CommandAnswer),
    ))]
async fn finish_link(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let (user_id, back) = (own(&access)?, said::<OidcFinishBody>(&request)?);
    let provider = provider(&app)?;
    admit_address(&app, address.ip, ATTEMPT).await?;
    let pending = app.keys.take_pending_login(&back.state).await?.ok_or_else(Problem::login_expired)?;
    let is_own = pending.tenant_id == access.tenant
        && pending.purpose == LoginPurpose::Link { user_id: user_id.0 }
        && is_same_browser(&pending, &back);
    if !is_own {
        return Err(Problem::login_expired());
    }
    let identity = identity(&app, provider, pending, back).await?.ok_or_else(Problem::identity_refused)?;
    let origin = sender(&access, address, &request);
    let operation = LinkIdentity { user_id, identity, token_hash: None, origin };
    Ok(respond(&carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await?))
}

/// Unlink every identity from one's own account: one logs in with the password from now on, and every session ends.
#[utoipa::path(post, path = "/v1/me/identities/unlink", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Unlinked; log in again", body = CommandAnswer),
    ))]
async fn unlink_own(
    State(app): State<App>,
    access: Access<AccountUse>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    let (user_id, origin) = (own(&access)?, sender(&access, address, &request));
    let before = app.executor.state_of::<User>(access.tenant, user_id.0).await?;
    let operation = UnlinkIdentities { user_id, reason: "by the user".to_owned(), held: None, origin };
    let accepted = carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await?;
    if !accepted.events.is_empty() {
        end_all(&app, access.tenant, user_id, &before.state.session_ids).await?;
    }
    Ok(respond(&accepted))
}

/// The identity provider.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(begin_login))
        .routes(routes!(finish_login))
        .routes(routes!(begin_link))
        .routes(routes!(finish_link))
        .routes(routes!(unlink_own))
}
