//! The tenant who asks: itself, its subscriptions, its features, what it may use, and what it uses.

mod bill;
mod entitlements;
mod feature_flags;
mod subscriptions;
mod tenant;
mod usage_metrics;

use utoipa_axum::router::OpenApiRouter;

use super::App;

/// Tenancy.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(tenant::routes())
        .merge(entitlements::routes())
        .merge(bill::routes())
        .merge(subscriptions::routes())
        .merge(feature_flags::routes())
        .merge(usage_metrics::routes())
}
