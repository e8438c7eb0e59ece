//! What is left to a tenant that is closed: reading itself, its use and bills, and taking its events away.

use super::App;
use super::problem::Problem;
use foodflow_domain::TenantId;
use foodflow_domain::tenancy::tenant::TenantStatus;

/// The permissions that a closed tenant still has: to take away what is its own, to end what is left of persons, and those
/// of operators, so that its read models stay in order.
const LEFT: &[&str] = &[
    "account:use",
    "audit:read",
    "events:read",
    "projections:decide",
    "projections:read",
    "tenancy:read",
    "users:forget",
];

/// Refuses a request that asks for `permission` where the tenant is closed.
///
/// The status is the one that was read last: what is closed is so for good. Writes are decided on one that is not a second
/// old, as all of them are.
///
/// # Errors
/// `tenant-closed`.
pub(super) async fn refuse_closed(app: &App, tenant: TenantId, permission: &str) -> Result<(), Problem> {
    if LEFT.contains(&permission) {
        return Ok(());
    }
    let standing = app.executor.standings().recent(tenant).await;
    match standing.and_then(|standing| standing.status()) {
        Some(TenantStatus::Closed) => Err(Problem::tenant_closed()),
        _ => Ok(()),
    }
}
