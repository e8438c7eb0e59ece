//! `/v1/usage-metrics`: what the tenant uses, metered from the log.

use axum::extract::State;
use axum::response::Response;
use foodflow_projections::tenancy::usage_metrics;
use jiff::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::App;
use crate::http::access::{Access, TenancyRead};
use crate::http::problem::Problem;
use crate::http::tables::table_page;

table_page!(usage_metrics_page, UsageMetricsQuery, tenancy, usage_metrics::usage_metrics(retained_since), UsageMetricFilters, UsageMetric, TenancyRead, "tenancy", "/v1/usage-metrics", "A page of sums, each of one metric over one hour of recorded time, in order of the hour.", {
    /// The metric, e.g. `events.recorded`.
    metric_name: String,
    /// Only hours that begin at this time (RFC 3339) or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Timestamp,
    /// Only hours that begin before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Timestamp,
});

/// Use.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(usage_metrics_page))
}
