//! `/v1/roles` and `/v1/permissions`: what may be done, and by whom.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use foodflow_commands::identity::roles::{ChangeRole, DefineRole, DeleteRole};
use foodflow_domain::identity::permission::PERMISSIONS;
use foodflow_domain::identity::role::RoleForm;
use foodflow_domain::ids::RoleId;
use foodflow_projections::identity::user_roles::{self, UserRole};
use foodflow_projections::identity::{role_permissions, roles};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{said, sender};
use crate::bodies::identity::{RoleBody, WhyBody};
use crate::http::access::{Access, RolesRead, RolesWrite};
use crate::http::client_address::ClientAddress;
use crate::http::command::{CommandAnswer, CommandRequest, respond};
use crate::http::problem::Problem;
use crate::http::reads::no_parameters;
use crate::http::tables::{AsOfQuery, as_of, table_page};
use crate::http::view::{Standing, standing, tagged};
use crate::http::{App, PathId};

/// A role, and what it may do.
#[derive(Serialize, ToSchema)]
struct RoleAnswer {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// For people.
    #[schema(required = true)]
    description: Option<String>,
    /// Its tenant.
    tenant_id: Uuid,
    /// The key of the built-in role that it is.
    #[schema(required = true)]
    built_in: Option<String>,
    /// What it may do, as `resource:action`.
    permissions: Vec<String>,
    /// When it was defined.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Its version: the `ETag`.
    version: i64,
    /// Position of its last change.
    position: i64,
}

/// One role, and what it may do.
#[utoipa::path(get, path = "/v1/roles/{id}", tag = "identity", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the role"), AsOfQuery),
    responses(
        (status = 200, description = "The role", body = RoleAnswer),
    ))]
async fn role(
    State(app): State<App>,
    access: Access<RolesRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let as_of = as_of(query)?;
    let tenant = access.tenant;
    let Standing { store, position, .. } =
        standing(&app, &app.models.identity, tenant, &headers, as_of.as_deref()).await?;
    let found = roles::role(store.as_ref(), tenant, id).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("there is no role {id}")))?;
    let granted = role_permissions::permissions_of(store.as_ref(), tenant, id).await?;
    let mut permissions = foodflow_projections::identity::permissions::names_of(
        store.as_ref(),
        tenant,
        &granted.into_iter().map(|one| one.permission_id).collect(),
    )
    .await?;
    permissions.sort_unstable();
    let roles::Role { id, name, description, tenant_id, created_at, updated_at, built_in, version, .. } = row;
    let answer = RoleAnswer {
        id,
        name,
        description,
        tenant_id,
        built_in,
        permissions,
        created_at,
        updated_at,
        version,
        position: row.position,
    };
    Ok(tagged(position, u64::try_from(version).ok(), &answer))
}

table_page!(roles_page, RolesQuery, identity, roles::roles, RoleFilters, Role, RolesRead, "identity", "/v1/roles", "A page of roles, in order of id.", {
    /// With this name.
    name: String,
});

/// A permission that a role may have.
#[derive(Serialize, ToSchema)]
struct PermissionAnswer {
    /// Its name, as roles and tokens state it.
    #[schema(example = "lots:read")]
    name: String,
    /// To what.
    #[schema(example = "lots")]
    resource: &'static str,
    /// What.
    #[schema(example = "read")]
    action: &'static str,
    /// For people.
    description: &'static str,
}

/// Every permission.
#[derive(Serialize, ToSchema)]
struct PermissionsAnswer {
    /// In order of resource.
    items: Vec<PermissionAnswer>,
}

/// Every permission that a role may have.
#[utoipa::path(get, path = "/v1/permissions", tag = "identity", security(("bearer" = [])),
    responses(
        (status = 200, description = "Every permission", body = PermissionsAnswer),
    ))]
async fn permissions(_: Access<RolesRead>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    let shown = PERMISSIONS.iter().map(|permission| PermissionAnswer {
        name: permission.name(),
        resource: permission.resource,
        action: permission.action,
        description: permission.description,
    });
    Ok(axum::Json(PermissionsAnswer { items: shown.collect() }).into_response())
}

/// Define a role.
#[utoipa::path(post, path = "/v1/roles", tag = "identity", request_body = RoleBody, security(("bearer" = [])),
    responses(
        (status = 201, description = "Recorded", body = CommandAnswer),
    ))]
async fn define_role(
    State(app): State<App>,
    access: Access<RolesWrite>,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let said = said::<RoleBody>(&request)?;
    let operation = DefineRole {
        id: said.id.map(RoleId),
        name: said.name,
        description: said.description,
        permissions: said.permissions,
        held: access.held(),
        origin: sender(&access, address, &request),
    };
    Ok(respond(&request.carry_out(&app, &access, &operation).await?))
}

/// Change a role: access tokens that were issued to its holders are void.
#[utoipa::path(put, path = "/v1/roles/{id}", tag = "identity", request_body = RoleBody, security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "Id of the role"),
    ),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn change_role(
    State(app): State<App>,
    access: Access<RolesWrite>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let said = said::<RoleBody>(&request)?;
    let form = RoleForm {
        role_id: RoleId(id),
        name: said.name,
        description: said.description,
        permissions: said.permissions,
    };
    let (held, origin) = (access.held(), sender(&access, address, &request));
    let operation = ChangeRole { form, reason: said.reason, held, origin };
    let accepted = request.carry_out(&app, &access, &operation).await?;
    void_tokens(&app, &access, holders(&app, &access, id).await?).await?;
    Ok(respond(&accepted))
}

/// Delete a role: whoever has it may do what the other roles allow.
#[utoipa::path(post, path = "/v1/roles/{id}/delete", tag = "identity", request_body = WhyBody, security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "Id of the role"),
    ),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn delete_role(
    State(app): State<App>,
    access: Access<RolesWrite>,
    PathId(id): PathId,
    address: ClientAddress,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let reason = Some(said::<WhyBody>(&request)?);
    let origin = sender(&access, address, &request);
    let operation = DeleteRole { role_id: RoleId(id), reason, held: access.held(), origin };
    // Once it is deleted the read model knows of nobody who has it.
    let holders = holders(&app, &access, id).await?;
    let accepted = request.carry_out(&app, &access, &operation).await?;
    void_tokens(&app, &access, holders).await?;
    Ok(respond(&accepted))
}

/// Who has a role, as far as the read model knows them.
async fn holders(app: &App, access: &Access<RolesWrite>, role: Uuid) -> Result<Vec<UserRole>, Problem> {
    Ok(user_roles::holders_of(app.models.identity.store.as_ref(), access.tenant, role).await?)
}

/// Makes the access tokens of a role's holders void; those of others state for ten minutes at most what was so.
async fn void_tokens(app: &App, access: &Access<RolesWrite>, holders: Vec<UserRole>) -> Result<(), Problem> {
    use foodflow_commands::identity::authenticate::actor_of_user;
    for holder in holders {
        let actor = actor_of_user(holder.user_id.into());
        super::grants::void_tokens(app, access.tenant, actor).await?;
    }
    Ok(())
}

/// Roles and permissions.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(permissions))
        .routes(routes!(roles_page, define_role))
        .routes(routes!(role, change_role))
        .routes(routes!(delete_role))
}
