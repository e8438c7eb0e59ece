//! `/v1/users`: the people of a tenant.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::identity::authenticate::{actor_of_user, email_index};
use foodflow_commands::identity::passwords::RequestReset;
use foodflow_commands::identity::second_factors::{ChangeFactor, FactorChange};
use foodflow_commands::identity::secrets::{Token, TokenKind};
use foodflow_commands::identity::users::{
    ChangeProfile, ChangeStanding, Forget, Invite, Standing as Becomes, UnlinkIdentities,
};
use foodflow_commands::{Accepted, CommandMeta};
use foodflow_domain::TenantId;
use foodflow_domain::identity::user::User as Account;
use foodflow_domain::ids::UserId;
use foodflow_projections::identity::{user_roles, users};
use foodflow_projections::page::Page;
use foodflow_projections::tables::TableStore;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::me::end_all;
use super::{grants, said, sender};
use crate::bodies::identity::{EmptyBody, Invitation, InvitationBody, ProfileBody, RolesBody, WhyBody};
use crate::erasure::Erasure;
use crate::http::access::{Access, UsersForget, UsersRead, UsersWrite};
use crate::http::client_address::ClientAddress;
use crate::http::command::{CommandAnswer, CommandRequest, respond};
use crate::http::problem::Problem;
use crate::http::reads::parameters;
use crate::http::tables::{AsOfQuery, as_of, page_request};
use crate::http::view::{Standing, answer, standing, tagged};
use crate::http::{App, PathId};

/// A user, as others see one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct UserAnswer {
    /// The user's id.
    id: Uuid,
    /// E-mail address; `<id>@forgotten.invalid` of somebody who was forgotten.
    email: String,
    /// First name.
    #[schema(required = true)]
    first_name: Option<String>,
    /// Last name.
    #[schema(required = true)]
    last_name: Option<String>,
    /// The user's tenant.
    tenant_id: Uuid,
    /// `invited`, `active`, `deactivated` or `forgotten`.
    status: String,
    /// Whether the user may log in.
    is_active: bool,
    /// Whether a second factor is asked for.
    has_second_factor: bool,
    /// Until when no login is looked at.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    locked_until: Option<Timestamp>,
    /// When the user last logged in.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
    /// When the user was invited or registered.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When anything of the user last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Its version: the `ETag`.
    version: i64,
    /// Position of its last change.
    position: i64,
    /// The user's roles; of a single user alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    role_ids: Option<Vec<Uuid>>,
}

impl From<users::User> for UserAnswer {
    /// Without the hash of the password, which is nobody's to see.
    fn from(row: users::User) -> Self {
        let users::User { id, email, first_name, last_name, tenant_id, status, is_active, .. } = row;
        let users::User { has_second_factor, locked_until, last_login_at, .. } = row;
        let users::User { created_at, updated_at, version, position, .. } = row;
        Self {
            id,
            email,
            first_name,
            last_name,
            tenant_id,
            status,
            is_active,
            has_second_factor,
            locked_until,
            last_login_at,
            created_at,
            updated_at,
            version,
            position,
            role_ids: None,
        }
    }
}

/// The answer about one user.
pub(super) async fn answered(
    from: Standing<dyn TableStore>,
    tenant: TenantId,
    id: Uuid,
) -> Result<Response, Problem> {
    let Standing { store, position, .. } = from;
    let found = users::user(store.as_ref(), tenant, id).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("there is no user {id}")))?;
    let version = u64::try_from(row.version).ok();
    let roles = user_roles::roles_of(store.as_ref(), tenant, id).await?;
    let role_ids = Some(roles.into_iter().map(|role| role.role_id).collect());
    Ok(tagged(position, version, &UserAnswer { role_ids, ..row.into() }))
}

/// One user.
#[utoipa::path(get, path = "/v1/users/{id}", tag = "identity", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the user"), AsOfQuery),
    responses(
        (status = 200, description = "Who that is, and the user's roles", body = UserAnswer),
    ))]
async fn user(
    State(app): State<App>,
    access: Access<UsersRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let as_of = as_of(query)?;
    let from = standing(&app, &app.models.identity, access.tenant, &headers, as_of.as_deref()).await?;
    answered(from, access.tenant, id).await
}

/// Which page of users is asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// With this e-mail address.
    email: Option<String>,
    /// `invited`, `active`, `deactivated` or `forgotten`.
    status: Option<String>,
    /// Who may log in, or may not.
    is_active: Option<bool>,
    /// Only what comes after this id: `next` of the page before.
    #[serde(rename = "page[after]")]
    page_after: Option<Uuid>,
    /// Items of a page, 1 to 500; 50 where absent.
    #[serde(rename = "page[size]")]
    page_size: Option<usize>,
    /// As it stood at this recorded time (RFC 3339) or position.
    as_of: Option<String>,
}

/// A page of users, in order of id.
#[utoipa::path(get, path = "/v1/users", tag = "identity", params(UsersQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "`items`, and `next` to hand to `page[after]`", body = Page<UserAnswer>),
    ))]
async fn users_page(
    State(app): State<App>,
    access: Access<UsersRead>,
    headers: HeaderMap,
    query: Result<Query<UsersQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let UsersQuery { email, status, is_active, page_after, page_size, as_of } = parameters(query)?;
    let page = page_request(page_after, page_size)?;
    let Standing { store, position, .. } =
        standing(&app, &app.models.identity, access.tenant, &headers, as_of.as_deref()).await?;
    let filters = users::UserFilters { email, status, is_active };
    let Page { items, next } = users::users(store.as_ref(), access.tenant, filters, page).await?;
    let items: Vec<UserAnswer> = items.into_iter().map(UserAnswer::from).collect();
    Ok(answer(position, &Page { items, next }))
}

/// What an administrator hands to the person: a token that is good once.
#[derive(Serialize, ToSchema)]
struct OneTimeAnswer {
    /// The user.
    id: Uuid,
    /// The token, which is shown here alone; hand it to the person by a safe way.
    token: String,
    /// Log position to hand to `After`.
    position: u64,
}

/// A token that is the same for a repeat of the command, and nobody else can make.
async fn one_time(app: &App, kind: TokenKind, meta: &CommandMeta, user: Uuid) -> Result<Token, Problem> {
    let text = format!("one-time token/{kind:?}/{user}/{}", meta.command_id.0);
    let secret = app.executor.keyring().fingerprint(meta.tenant, text.as_bytes()).await;
    let secret = secret.map_err(foodflow_commands::CommandError::from)?;
    Ok(Token::of(kind, meta.tenant, user, &secret.0))
}

fn with_token(status: StatusCode, accepted: &Accepted, token: &Token) -> Response {
    let (id, position) = (accepted.reply.id, accepted.position.0);
    let headers = [
        (header::ETAG, format!("\"{}\"", accepted.version)),
        (HeaderName::from_static("foodflow-position"), position.to_string()),
    ];
    let token = token.reveal().to_owned();
    (status, headers, axum::Json(OneTimeAnswer { id, token, position })).into_response()
}

/// Invite somebody; an invitation that was not accepted may be renewed with the same `id`.
#[utoipa::path(post, path = "/v1/users", tag = "identity", request_body = InvitationBody, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "Invited; the token is good for 7 days", body = OneTimeAnswer),
    ))]
async fn invite(
    State(app): State<App>,
    access: Access<UsersWrite>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let Invitation { id, profile, role_ids } = said::<InvitationBody>(&request)?;
    let email_index = email_index(&app.executor, access.tenant, &profile.email).await?;
    let meta = request.secret_meta(&app, access.tenant, access.actor.clone()).await?;
    let origin = sender(&access, address, &request);
    let (id, token_hash) = (id.map(UserId), String::new());
    let mut operation =
        Invite { id, profile, email_index, role_ids, token_hash, held: access.held(), origin };
    let token = one_time(&app, TokenKind::Invitation, &meta, operation.user_id(&meta).0).await?;
    operation.token_hash = token.hash();
    let accepted = app.executor.execute(&meta, &operation).await?;
    Ok(with_token(StatusCode::CREATED, &accepted, &token))
}

/// Issue a token by which a user sets another password.
#[utoipa::path(post, path = "/v1/users/{id}/password-reset", tag = "identity", request_body = EmptyBody, security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "Id of the user"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, description = "The token is good for an hour", body = OneTimeAnswer),
    ))]
async fn reset_password(
    State(app): State<App>,
    access: Access<UsersWrite>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    said::<EmptyBody>(&request)?;
    let meta = request.secret_meta(&app, access.tenant, access.actor.clone()).await?;
    let token = one_time(&app, TokenKind::Reset, &meta, id).await?;
    let origin = sender(&access, address, &request);
    let (user_id, held) = (UserId(id), access.held());
    let operation = RequestReset { user_id, token_hash: token.hash(), held, origin };
    let accepted = app.executor.execute(&meta, &operation).await?;
    Ok(with_token(StatusCode::OK, &accepted, &token))
}

/// Declares what an administrator does to a user: body, and what becomes of the user's tokens.
macro_rules! on_user {
    ($name:ident, $verb:ident, $path:literal, $body:ty, $summary:literal, |$app:ident, $tenant:ident, $id:ident, $said:ident, $held:ident, $origin:ident| $operation:expr) => {
        #[doc = $summary]
        #[utoipa::path($verb, path = $path, tag = "identity", request_body = $body, security(("bearer" = [])), params(("id" = Uuid, Path, description = "Id of the user")), responses((status = 200, description = "Recorded", body = CommandAnswer)))]
        async fn $name(
            State($app): State<App>,
            access: Access<UsersWrite>,
            PathId(id): PathId,
            address: ClientAddress,
            request: CommandRequest,
        ) -> Result<Response, Problem> {
            let $said = said::<$body>(&request)?;
            let ($tenant, $id, $held) = (access.tenant, UserId(id), access.held());
            let $origin = sender(&access, address, &request);
            let before = $app.executor.state_of::<Account>($tenant, id).await?;
            let operation = $operation;
            let accepted = request.carry_out(&$app, &access, &operation).await?;
            after(&$app, $tenant, $id, &before.state).await?;
            Ok(respond(&accepted))
        }
    };
}

/// What the user's tokens state may be so no longer; sessions that ended are not found any more.
async fn after(app: &App, tenant: TenantId, user_id: UserId, before: &Account) -> Result<(), Problem> {
    let now = app.executor.state_of::<Account>(tenant, user_id.0).await?;
    if now.state.session_ids.len() < before.session_ids.len() {
        return end_all(app, tenant, user_id, &before.session_ids).await;
    }
    if now.state.role_ids == before.role_ids {
        return Ok(());
    }
    grants::void_tokens(app, tenant, actor_of_user(user_id)).await
}

on_user!(
    change_user,
    put,
    "/v1/users/{id}",
    ProfileBody,
    "Write anew who a user is.",
    |app, tenant, user_id, profile, held, origin| {
        let email_index = email_index(&app.executor, tenant, &profile.email).await?;
        ChangeProfile { user_id, profile, email_index, held: Some(held), origin }
    }
);
on_user!(
    change_roles,
    put,
    "/v1/users/{id}/roles",
    RolesBody,
    "Give a user other roles: access tokens that were issued are void, the next one states them.",
    |app, _tenant, user_id, said, held, origin| {
        let (role_ids, reason) = said;
        ChangeStanding { user_id, standing: Becomes::Roles(role_ids), reason, held, origin }
    }
);
on_user!(
    deactivate,
    post,
    "/v1/users/{id}/deactivate",
    WhyBody,
    "Let a user log in no more: every session ends at once.",
    |app, _tenant, user_id, reason, held, origin| {
        ChangeStanding { user_id, standing: Becomes::Deactivated, reason, held, origin }
    }
);
on_user!(
    reactivate,
    post,
    "/v1/users/{id}/reactivate",
    WhyBody,
    "Let a user log in again.",
    |app, _tenant, user_id, reason, held, origin| {
        ChangeStanding { user_id, standing: Becomes::Reactivated, reason, held, origin }
    }
);
on_user!(
    disable_second_factor,
    post,
    "/v1/users/{id}/second-factor/disable",
    WhyBody,
    "Ask a user for the second factor no more: the device is lost, and the recovery codes.",
    |app, _tenant, user_id, reason, held, origin| {
        ChangeFactor {
            user_id,
            change: FactorChange::Disable { proof: None, reason },
            held: Some(held),
            origin,
        }
    }
);

on_user!(
    unlink_identities,
    post,
    "/v1/users/{id}/identities/unlink",
    WhyBody,
    "Let a user log in at no identity provider any more: every session ends.",
    |app, _tenant, user_id, reason, held, origin| {
        UnlinkIdentities { user_id, reason, held: Some(held), origin }
    }
);

/// Erase a person: nothing shows who that was, and nothing can be opened that was sealed. There is no way back.
///
/// Once it is decided it is done, be it after an answer that says that it is not done yet; it may be asked again.
#[utoipa::path(post, path = "/v1/users/{id}/forget", tag = "identity", request_body = WhyBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "Erased, and signed", body = Erasure),
    ))]
async fn forget(
    State(app): State<App>,
    access: Access<UsersForget>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let reason = said::<WhyBody>(&request)?;
    let (user_id, tenant) = (UserId(id), access.tenant);
    // What is sealed for somebody who is being erased could not be opened again: the address is another's.
    let is_own = access.actor == actor_of_user(user_id);
    let origin = if is_own { None } else { sender(&access, address, &request) };
    let operation = Forget { user_id, reason, origin };
    let before = app.executor.state_of::<Account>(tenant, id).await?;
    let meta = request.secret_meta(&app, tenant, access.actor.clone()).await?;
    let erasure = app.eraser().erase(&meta, &operation).await?;
    end_all(&app, tenant, user_id, &before.state.session_ids).await?;
    Ok(axum::Json(erasure).into_response())
}

/// Users.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(users_page, invite))
        .routes(routes!(user, change_user))
        .routes(routes!(change_roles))
        .routes(routes!(deactivate))
        .routes(routes!(reactivate))
        .routes(routes!(reset_password))
        .routes(routes!(disable_second_factor))
        .routes(routes!(unlink_identities))
        .routes(routes!(forget))
}
