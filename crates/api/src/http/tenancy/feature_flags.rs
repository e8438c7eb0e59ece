//! `/v1/feature-flags`: what is switched on for the tenant.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_projections::tenancy::feature_flags;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::bodies::tenancy::{FeatureFlagBody, is_feature_name};
use crate::http::App;
use crate::http::access::{Access, TenancyRead, TenancyWrite};
use crate::http::command::{CommandAnswer, CommandRequest};
use crate::http::problem::Problem;
use crate::http::tables::{AsOfQuery, as_of, table_page};
use crate::http::view::{Standing, standing, tagged};

/// The feature that the path names; what cannot be one does not exist.
fn feature(path: Result<Path<String>, axum::extract::rejection::PathRejection>) -> Result<String, Problem> {
    let no_name = "a feature's name has 1 to 100 characters of a-z, 0-9, `_`, `-` and `.`";
    let name = path.ok().map(|Path(name)| name).filter(|name| is_feature_name(name));
    name.ok_or_else(|| Problem::not_found(no_name))
}

/// One feature flag.
#[utoipa::path(get, path = "/v1/feature-flags/{feature_name}", tag = "tenancy", security(("bearer" = [])),
    params(("feature_name" = String, Path, description = "The feature"), AsOfQuery),
    responses(
        (status = 200, description = "Whether the feature is on", body = feature_flags::FeatureFlag),
    ))]
async fn feature_flag(
    State(app): State<App>,
    access: Access<TenancyRead>,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (name, as_of) = (feature(path)?, as_of(query)?);
    let Standing { store, position, .. } =
        standing(&app, &app.models.tenancy, access.tenant, &headers, as_of.as_deref()).await?;
    let found = feature_flags::feature_flag(store.as_ref(), access.tenant, name.clone()).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("feature `{name}` was never set")))?;
    Ok(tagged(position, u64::try_from(row.version).ok(), &row))
}

table_page!(feature_flags_page, FeatureFlagsQuery, tenancy, feature_flags::feature_flags, FeatureFlagFilters, FeatureFlag, TenancyRead, "tenancy", "/v1/feature-flags", "A page of feature flags, in order of id.", {
    /// The feature.
    feature_name: String,
    /// On, or off.
    enabled: bool,
});

/// Switch a feature on or off.
#[utoipa::path(put, path = "/v1/feature-flags/{feature_name}", tag = "tenancy", request_body = FeatureFlagBody,
    security(("bearer" = [])),
    params(
        ("feature_name" = String, Path, description = "The feature"),
    ),
    responses(
        (status = 200, description = "Recorded", body = CommandAnswer),
    ))]
async fn set_feature_flag(
    State(app): State<App>,
    access: Access<TenancyWrite>,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let name = feature(path)?;
    request.run_checked(&app, &access, |body: FeatureFlagBody| body.check(name)).await
}

/// Feature flags.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(feature_flags_page)).routes(routes!(feature_flag, set_feature_flag))
}
