//! `/v1/tenant/entitlements`: what the tenant's plan includes, and what is used of it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_domain::tenancy::subscription::renewable_until;
use foodflow_domain::tenancy::usage::LOT_METRICS;
use foodflow_domain::tenancy::{Entitlements, Month};
use foodflow_projections::tenancy::usage_metrics::{UsageMetricFilters, all};
use foodflow_projections::tenancy::{subscriptions, tenants};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::http::App;
use crate::http::access::{Access, TenancyRead};
use crate::http::problem::Problem;
use crate::http::tables::{AsOfQuery, as_of};
use crate::http::view::{Standing, answer, standing};

/// What a tenant may use, and what it has used.
#[derive(Debug, Serialize, ToSchema)]
struct EntitlementsAnswer {
    /// The plan; null where the tenant is not registered, which has no limits then.
    plan: Option<String>,
    /// Whether the plan is one that this service describes; one that is not has no limits.
    plan_known: bool,
    /// `active`, `suspended` or `closed`; null where the tenant is not registered.
    status: Option<String>,
    /// The subscription that gives the plan, or gave it until it was over by time.
    subscription: Option<SubscriptionAnswer>,
    /// Begin of the month (UTC) that is counted.
    #[schema(value_type = String, format = DateTime)]
    period_start: Timestamp,
    /// End of the month: when counting begins anew.
    #[schema(value_type = String, format = DateTime)]
    period_end: Timestamp,
    /// What the plan includes; null is without limit.
    limits: Limits,
    /// What is used of it in the month.
    used: Used,
    /// Since when events, use and the past of tenancy's tables are shown; null is since ever.
    #[schema(value_type = Option<String>, format = DateTime)]
    retained_since: Option<Timestamp>,
}

/// The limits of a plan.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    /// Active users.
    seats: Option<u32>,
    /// Lots that are received or produced in a calendar month.
    lots_per_month: Option<u32>,
    /// Requests a second, on average.
    requests_per_second: Option<u32>,
    /// Requests that may come at once.
    request_burst: Option<u32>,
    /// Days for which events, use and the past of tenancy's tables are shown.
    retention_days: Option<u32>,
}

/// What is used.
#[derive(Debug, Serialize, ToSchema)]
struct Used {
    /// Lots that were received or produced in the month, by recorded time.
    lots: u64,
}

/// A subscription in short.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionAnswer {
    /// Its id.
    id: Uuid,
    /// How it stands.
    status: String,
    /// End of its period.
    #[schema(value_type = String, format = DateTime)]
    current_period_end: Timestamp,
    /// Until when it may be renewed.
    #[schema(value_type = String, format = DateTime)]
    renewable_until: Timestamp,
}

/// What the tenant's plan includes, and what is used of it.
#[utoipa::path(get, path = "/v1/tenant/entitlements", tag = "tenancy", security(("bearer" = [])), params(AsOfQuery),
    responses(
        (status = 200, description = "Plan, limits, use, and when counting begins anew", body = EntitlementsAnswer),
    ))]
async fn entitlements(
    State(app): State<App>,
    access: Access<TenancyRead>,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (as_of, tenant) = (as_of(query)?, access.tenant);
    let Standing { store, position, at, .. } =
        standing(&app, &app.models.tenancy, tenant, &headers, as_of.as_deref()).await?;
    let row = tenants::tenant(store.as_ref(), tenant, at).await?;
    let present = subscriptions::present(store.as_ref(), tenant).await?;
    let month = Month::of(at);
    let mut lots = Decimal::ZERO;
    for metric in LOT_METRICS {
        let (since, until) = (Some(month.start()), Some(month.end()));
        let filters = UsageMetricFilters { metric_name: Some(metric.to_owned()), since, until };
        lots +=
            all(store.as_ref(), tenant, &filters).await?.into_iter().map(|row| row.value).sum::<Decimal>();
    }
    let plans = app.executor.standings().plans();
    let (plan, status) = row.map(|row| (row.subscription_plan, row.subscription_status)).unzip();
    let entitlements = plan.as_deref().map_or(Entitlements::UNLIMITED, |plan| plans.entitlements(plan));
    let Entitlements { seats, lots_per_month, requests_per_second, request_burst, retention_days } =
        entitlements;
    let body = EntitlementsAnswer {
        plan_known: plan.as_deref().is_some_and(|plan| plans.get(plan).is_some()),
        plan,
        status,
        subscription: present.map(|row| row.shown_at(at)).map(|row| SubscriptionAnswer {
            id: row.id,
            status: row.status,
            current_period_end: row.current_period_end,
            renewable_until: renewable_until(row.current_period_end),
        }),
        period_start: month.start(),
        period_end: month.end(),
        limits: Limits { seats, lots_per_month, requests_per_second, request_burst, retention_days },
        used: Used { lots: u64::try_from(lots).unwrap_or_default() },
        retained_since: entitlements.retained_since(at),
    };
    Ok(answer(position, &body))
}

/// What the plan includes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(entitlements))
}
