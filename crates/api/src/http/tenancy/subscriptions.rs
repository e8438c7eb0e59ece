//! `/v1/subscriptions`: what the tenant has subscribed to.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_projections::tenancy::subscriptions;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::bodies::tenancy::{CancelBody, RenewalBody, SubscriptionBody, SubscriptionPlanBody};
use crate::http::access::{Access, TenancyAdminister, TenancyRead};
use crate::http::command::{CommandAnswer, CommandRequest};
use crate::http::problem::Problem;
use crate::http::tables::{AsOfQuery, as_of, table_page};
use crate::http::view::{Standing, standing, tagged};
use crate::http::{App, PathId};

/// One subscription.
#[utoipa::path(get, path = "/v1/subscriptions/{id}", tag = "tenancy", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the subscription"), AsOfQuery),
    responses(
        (status = 200, description = "Its plan, status and period", body = subscriptions::Subscription),
    ))]
async fn subscription(
    State(app): State<App>,
    access: Access<TenancyRead>,
    PathId(id): PathId,
    headers: HeaderMap,
    query: Result<Query<AsOfQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let as_of = as_of(query)?;
    let Standing { store, position, at, .. } =
        standing(&app, &app.models.tenancy, access.tenant, &headers, as_of.as_deref()).await?;
    let found = subscriptions::subscription(store.as_ref(), access.tenant, id, at).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("there is no subscription {id}")))?;
    Ok(tagged(position, u64::try_from(row.version).ok(), &row))
}

table_page!(subscriptions_page, SubscriptionsQuery, tenancy, subscriptions::subscriptions(at), SubscriptionFilters, Subscription, TenancyRead, "tenancy", "/v1/subscriptions", "A page of subscriptions, in order of id.", {
    /// Its plan.
    plan: String,
    /// `active`, `cancelling`, `past_due`, `expired` or `cancelled`.
    status: String,
});

write_operation!(start_subscription, post, "/v1/subscriptions", SubscriptionBody, SubscriptionBody, TenancyAdminister, "tenancy", created: "Start a subscription: its plan is the tenant's.");
write_operation!(renew_subscription, post, "/v1/subscriptions/{id}/renew", RenewalBody, RenewalBody, TenancyAdminister, "tenancy", on "Id of the subscription": "Let a subscription go on for another period.");
write_operation!(change_plan, put, "/v1/subscriptions/{id}/plan", SubscriptionPlanBody, SubscriptionPlanBody, TenancyAdminister, "tenancy", on "Id of the subscription": "Give a subscription another plan.");
write_operation!(cancel_subscription, post, "/v1/subscriptions/{id}/cancel", CancelBody, CancelBody, TenancyAdminister, "tenancy", on "Id of the subscription": "Cancel a subscription, at once or to the end of its period: the tenant has the free plan then.");

/// Subscriptions.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(subscriptions_page, start_subscription))
        .routes(routes!(subscription))
        .routes(routes!(renew_subscription))
        .routes(routes!(change_plan))
        .routes(routes!(cancel_subscription))
}
