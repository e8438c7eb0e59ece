//! `/v1/service-accounts`: programs that act for the tenant, and their keys.

use std::collections::BTreeSet;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::identity::authenticate::{actor_of_service_account, carry_out};
use foodflow_commands::identity::secrets::{Token, TokenKind};
use foodflow_commands::identity::service_accounts::{
    ChangeServiceAccount, CreateServiceAccount, IssueKey, ServiceAccountChange,
};
use foodflow_domain::ids::{ApiKeyId, ServiceAccountId};
use foodflow_projections::identity::{api_keys, service_accounts};
use foodflow_projections::page::Page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{grants, said, sender};
use crate::bodies::identity::{ApiKeyBody, RolesBody, ServiceAccountBody, WhyBody};
use crate::http::access::{Access, ServiceAccountsRead, ServiceAccountsWrite};
use crate::http::client_address::ClientAddress;
use crate::http::command::{CommandAnswer, CommandRequest, respond};
use crate::http::problem::Problem;
use crate::http::reads::parameters;
use crate::http::tables::{AsOfQuery, as_of, page_request, table_page};
use crate::http::view::{Standing, answer, standing, tagged};
use crate::http::{App, PathId};

/// One service account.
#[utoipa::path(get, path = "/v1/service-accounts/{id}", tag = "identity", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the service account"), AsOfQuery),
    responses(
        (status = 200, description = "Its name and roles, and whether it may act", body = service_accounts::ServiceAccount),
    ))]
async fn service_account(
    State(app): State<App>,
    access: Access<ServiceAccountsRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let as_of = as_of(query)?;
    let Standing { store, position, .. } =
        standing(&app, &app.models.identity, access.tenant, &headers, as_of.as_deref()).await?;
    let found = service_accounts::service_account(store.as_ref(), access.tenant, id).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("there is no service account {id}")))?;
    Ok(tagged(position, u64::try_from(row.version).ok(), &row))
}

table_page!(service_accounts_page, ServiceAccountsQuery, identity, service_accounts::service_accounts, ServiceAccountFilters, ServiceAccount, ServiceAccountsRead, "identity", "/v1/service-accounts", "A page of service accounts, in order of id.", {
    /// With this name.
    name: String,
    /// Which may act, or may not.
    is_active: bool,
});

/// A key, as others see it.
#[derive(Serialize, ToSchema)]
struct ApiKeyAnswer {
    /// Its id.
    id: Uuid,
    /// Whose.
    service_account_id: Uuid,
    /// What it is called.
    name: String,
    /// Names of permissions that it is limited to; empty for all of its account.
    #[schema(value_type = Vec<String>)]
    scopes: serde_json::Value,
    /// Until when it is good.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it last bought an access token.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Position of its last change.
    position: i64,
}

impl From<api_keys::ApiKey> for ApiKeyAnswer {
    /// Without the hash.
    fn from(row: api_keys::ApiKey) -> Self {
        let api_keys::ApiKey { id, service_account_id, name, scopes, expires_at, last_used_at, .. } = row;
        Self {
            id,
            service_account_id,
            name,
            scopes: serde_json::from_str(scopes.as_str()).unwrap_or_default(),
            expires_at,
            last_used_at,
            revoked_at: row.revoked_at,
            created_at: row.created_at,
            position: row.position,
        }
    }
}

/// Which page of keys is asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeysQuery {
    /// Only what comes after this id: `next` of the page before.
    #[serde(rename = "page[after]")]
    page_after: Option<Uuid>,
    /// Items of a page, 1 to 500; 50 where absent.
    #[serde(rename = "page[size]")]
    page_size: Option<usize>,
    /// As it stood at this recorded time (RFC 3339) or position.
    as_of: Option<String>,
}

/// A page of a service account's keys, in order of id.
#[utoipa::path(get, path = "/v1/service-accounts/{id}/keys", tag = "identity", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the service account"), KeysQuery),
    responses(
        (status = 200, description = "`items`, and `next` to hand to `page[after]`", body = Page<ApiKeyAnswer>),
    ))]
async fn keys_page(
    State(app): State<App>,
    access: Access<ServiceAccountsRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<KeysQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let KeysQuery { page_after, page_size, as_of } = parameters(query)?;
    let page = page_request(page_after, page_size)?;
    let Standing { store, position, .. } =
        standing(&app, &app.models.identity, access.tenant, &headers, as_of.as_deref()).await?;
    if service_accounts::service_account(store.as_ref(), access.tenant, id).await?.is_none() {
        return Err(Problem::not_found(format!("there is no service account {id}")));
    }
    let filters = api_keys::ApiKeyFilters { service_account_id: Some(id) };
    let Page { items, next } = api_keys::api_keys(store.as_ref(), access.tenant, filters, page).await?;
    let items: Vec<ApiKeyAnswer> = items.into_iter().map(ApiKeyAnswer::from).collect();
    Ok(answer(position, &Page { items, next }))
}

/// Make a service account.
#[utoipa::path(post, path = "/v1/service-accounts", tag = "identity", request_body = ServiceAccountBody, security(("bearer" = [])),
    responses(
        (status = 201, description = "Recorded", body = CommandAnswer),
    ))]
async fn create(
    State(app): State<App>,
    access: Access<ServiceAccountsWrite>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let said = said::<ServiceAccountBody>(&request)?;
    let operation = CreateServiceAccount {
        id: said.id.map(ServiceAccountId),
        name: said.name,
        description: said.description,
        role_ids: said.role_ids,
        held: access.held(),
        origin: sender(&access, address, &request),
    };
    Ok(respond(&request.carry_out(&app, &access, &operation).await?))
}

/// A key; shown here alone.
#[derive(Serialize, ToSchema)]
struct IssuedKey {
    /// Its id.
    id: Uuid,
    /// The key; `POST /v1/token` gives an access token for it.
    api_key: String,
    /// Log position to hand to `After`.
    position: u64,
}

/// Issue a key: it is shown in the answer, and never again.
#[utoipa::path(post, path = "/v1/service-accounts/{id}/keys", tag = "identity", request_body = ApiKeyBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the service account")),
    responses(
        (status = 201, description = "The key", body = IssuedKey),
    ))]
async fn issue_key(
    State(app): State<App>,
    access: Access<ServiceAccountsWrite>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let said = said::<ApiKeyBody>(&request)?;
    let (key_id, token) = (Uuid::now_v7(), Token::random(TokenKind::ApiKey, access.tenant, id)?);
    let operation = IssueKey {
        id: ServiceAccountId(id),
        key_id: ApiKeyId(key_id),
        name: said.name,
        key_hash: token.hash(),
        scopes: said.scopes,
        expires_at: said.expires_at,
        held: access.held(),
        origin: sender(&access, address, &request),
    };
    let accepted = carry_out(&app.executor, access.tenant, access.actor.clone(), &operation).await?;
    let (api_key, position) = (token.reveal().to_owned(), accepted.position.0);
    Ok((StatusCode::CREATED, axum::Json(IssuedKey { id: key_id, api_key, position })).into_response())
}

/// Declares a change to a service account; access tokens that were issued to it are void then.
macro_rules! on_service_account {
    ($name:ident, $verb:ident, $path:literal, $body:ty, $summary:literal, |$said:ident| $change:expr) => {
        #[doc = $summary]
        #[utoipa::path($verb, path = $path, tag = "identity", request_body = $body, security(("bearer" = [])), params(("id" = Uuid, Path, description = "Id of the service account")), responses((status = 200, description = "Recorded", body = CommandAnswer)))]
        async fn $name(
            State(app): State<App>,
            access: Access<ServiceAccountsWrite>,
            PathId(id): PathId,
            address: ClientAddress,
            request: CommandRequest,
        ) -> Result<Response, Problem> {
            let $said = said::<$body>(&request)?;
            let (change, reason) = $change;
            changed(&app, &access, address, &request, id, change, reason).await
        }
    };
}

async fn changed(
    app: &App,
    access: &Access<ServiceAccountsWrite>,
    address: ClientAddress,
    request: &CommandRequest,
    id: Uuid,
    change: ServiceAccountChange,
    reason: String,
) -> Result<Response, Problem> {
    let id = ServiceAccountId(id);
    let (held, origin) = (access.held(), sender(access, address, request));
    let operation = ChangeServiceAccount { id, change, reason, held, origin };
    let accepted = request.carry_out(app, access, &operation).await?;
    grants::void_tokens(app, access.tenant, actor_of_service_account(id)).await?;
    Ok(respond(&accepted))
}

on_service_account!(
    change_roles_of_account,
    put,
    "/v1/service-accounts/{id}/roles",
    RolesBody,
    "Give a service account other roles.",
    |said| {
        let (role_ids, reason): (BTreeSet<_>, String) = said;
        (ServiceAccountChange::Roles(role_ids), reason)
    }
);
on_service_account!(
    deactivate_account,
    post,
    "/v1/service-accounts/{id}/deactivate",
    WhyBody,
    "Let a service account act no more: its keys and tokens are refused.",
    |reason| (ServiceAccountChange::Deactivate, reason)
);
on_service_account!(
    reactivate_account,
    post,
    "/v1/service-accounts/{id}/reactivate",
    WhyBody,
    "Let a service account act again.",
    |reason| (ServiceAccountChange::Reactivate, reason)
);

/// Revoke a key: it is refused from now on, and so are the tokens that it bought.
#[utoipa::path(post, path = "/v1/service-accounts/{id}/keys/{key_id}/revoke", tag = "identity", request_body = WhyBody, security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "Id of the service account"),
        ("key_id" = Uuid, Path, description = "Id of the key"),
    ),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn revoke_key(
    State(app): State<App>,
    access: Access<ServiceAccountsWrite>,
    path: Result<Path<(Uuid, Uuid)>, PathRejection>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let no_id = |_| Problem::not_found("what the path names is not a UUID, so nothing has that id");
    let Path((id, key_id)) = path.map_err(no_id)?;
    let reason = said::<WhyBody>(&request)?;
    let change = ServiceAccountChange::RevokeKey(ApiKeyId(key_id));
    changed(&app, &access, address, &request, id, change, reason).await
}

/// Service accounts.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(service_accounts_page, create))
        .routes(routes!(service_account))
        .routes(routes!(change_roles_of_account))
        .routes(routes!(deactivate_account))
        .routes(routes!(reactivate_account))
        .routes(routes!(keys_page, issue_key))
        .routes(routes!(revoke_key))
}
