//! `/v1/tenant`: the tenant that the token names.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_projections::tenancy::tenants;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::bodies::tenancy::{CloseBody, ReactivateBody, ReasonBody, SuspendBody, TenantBody};
use crate::http::App;
use crate::http::access::{Access, TenancyAdminister, TenancyRead, TenancyWrite};
use crate::http::command::{CommandAnswer, CommandRequest};
use crate::http::problem::Problem;
use crate::http::tables::{AsOfQuery, as_of};
use crate::http::view::{Standing, standing, tagged};

/// The tenant.
#[utoipa::path(get, path = "/v1/tenant", tag = "tenancy", security(("bearer" = [])), params(AsOfQuery),
    responses(
        (status = 200, description = "Its name and look, plan and status", body = tenants::Tenant),
    ))]
async fn tenant(
    State(app): State<App>,
    access: Access<TenancyRead>,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let as_of = as_of(query)?;
    let Standing { store, position, at, .. } =
        standing(&app, &app.models.tenancy, access.tenant, &headers, as_of.as_deref()).await?;
    let found = tenants::tenant(store.as_ref(), access.tenant, at).await?;
    let row = found.ok_or_else(|| {
        Problem::not_found("the tenant is not registered, or was not then; `PUT /v1/tenant` registers it")
    })?;
    Ok(tagged(position, u64::try_from(row.version).ok(), &row))
}

/// Register the tenant under its slug, or replace its name and look.
#[utoipa::path(put, path = "/v1/tenant", tag = "tenancy", request_body = TenantBody, security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn describe_tenant(
    State(app): State<App>,
    access: Access<TenancyWrite>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run_checked(&app, &access, |body: TenantBody| body.check(&access.slug)).await
}

write_operation!(suspend_tenant, post, "/v1/tenant/suspend", SuspendBody, ReasonBody, TenancyAdminister, "tenancy", own: "Suspend the tenant.");
write_operation!(reactivate_tenant, post, "/v1/tenant/reactivate", ReactivateBody, ReasonBody, TenancyAdminister, "tenancy", own: "End the tenant's suspension.");
write_operation!(close_tenant, post, "/v1/tenant/close", CloseBody, ReasonBody, TenancyAdminister, "tenancy", own: "Close the tenant for good.");

/// The tenant's routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tenant, describe_tenant))
        .routes(routes!(suspend_tenant))
        .routes(routes!(reactivate_tenant))
        .routes(routes!(close_tenant))
}
