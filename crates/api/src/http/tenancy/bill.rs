//! `/v1/tenant/bill`: what the tenant used in a month.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_domain::tenancy::Month;
use foodflow_log::position_at;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::bill::{Bill, from_metrics};
use crate::http::App;
use crate::http::access::{Access, TenancyRead};
use crate::http::problem::Problem;
use crate::http::reads::parameters;
use crate::http::view::{answer, standing, wait};

/// Which bill is asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BillQuery {
    /// The month (UTC), e.g. `2026-03`; the present one where absent.
    month: Option<String>,
    /// As it stood at this recorded time (RFC 3339) or position.
    as_of: Option<String>,
}

/// What the tenant used in a month, by plan and metric.
///
/// The whole month as recorded: it waits until the read model reflects it. `final` says that the month is over; what is
/// recorded later is of a later month, whenever it happened.
#[utoipa::path(get, path = "/v1/tenant/bill", tag = "tenancy", security(("bearer" = [])), params(BillQuery),
    responses(
        (status = 200, description = "What was used of each metric, under which plan", body = Bill),
    ))]
async fn bill(
    State(app): State<App>,
    access: Access<TenancyRead>,
    headers: HeaderMap,
    query: Result<Query<BillQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (BillQuery { month, as_of }, tenant) = (parameters(query)?, access.tenant);
    let month = month.map(|text| text.parse::<Month>()).transpose();
    let month = month.map_err(|what| Problem::invalid_parameter("month", what))?;
    if as_of.is_none() {
        // Else a read model that is behind would leave something out.
        let partition = app.log.partition_of(tenant);
        let end = month.map_or(Timestamp::MAX, Month::end);
        let last = match end > Timestamp::now() {
            true => app.log.head(partition).await?,
            false => position_at(app.log.as_ref(), partition, end).await?,
        };
        app.models.tenancy.progress.wait_for(partition, last, wait(&headers)?).await?;
    }
    let standing = standing(&app, &app.models.tenancy, tenant, &headers, as_of.as_deref()).await?;
    let month = month.unwrap_or_else(|| Month::of(standing.at));
    if let Some(since) = standing.retained_since.filter(|since| month.end() <= *since) {
        return Err(Problem::beyond_retention("month", since));
    }
    let (store, position, at) = (standing.store, standing.position, standing.at);
    Ok(answer(position, &from_metrics(&app.log, store.as_ref(), tenant, month, position, at).await?))
}

/// Bills.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(bill))
}
