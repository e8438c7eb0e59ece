//! The operations of tenants, subscriptions and features: each on the tenant who asks.

pub mod feature_flags;
pub mod subscriptions;
pub mod tenants;

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::TenancyError;
use foodflow_domain::tenancy::subscription::{Subscription, SubscriptionCommand};
use foodflow_domain::tenancy::tenant::{Tenant, TenantCommand};
use foodflow_log::StreamId;

use crate::error::CommandError;
use crate::execute::CommandMeta;
use crate::unit::{Stop, Unit, stream_of};

/// The stream of the tenant who asks.
fn own(meta: &CommandMeta) -> StreamId {
    stream_of::<Tenant>(meta.tenant.0)
}

/// Refuses where the tenant is not registered, or is closed.
pub(crate) async fn require_open(unit: &mut Unit<'_>) -> Result<(), Stop> {
    let tenant = unit.meta.tenant;
    let loaded = unit.peek::<Tenant>(tenant.0).await?;
    match loaded.state.open(tenant) {
        Ok(_) => Ok(()),
        Err(error) => Err(CommandError::refused(&error, "").into()),
    }
}

/// Refuses a plan that the catalogue does not know: nobody could say what it entitles to.
fn known_plan(unit: &Unit<'_>, plan: &str) -> Result<(), Stop> {
    let plans = unit.plans();
    if plans.get(plan).is_some() {
        return Ok(());
    }
    let known = plans.names().collect::<Vec<_>>().join(", ");
    let unknown = TenancyError::UnknownPlan { plan: plan.to_owned(), known };
    Err(CommandError::refused(&unknown, "/plan").into())
}

/// How the subscription stands that gave the tenant its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Present {
    /// There is none.
    None,
    /// It is in force.
    InForce(SubscriptionId),
    /// It is over by time, and nothing says so yet.
    Over(SubscriptionId),
}

async fn present(unit: &mut Unit<'_>) -> Result<Present, Stop> {
    let Some(id) = unit.load::<Tenant>(unit.meta.tenant.0).await?.subscription_id else {
        return Ok(Present::None);
    };
    let now = unit.context.now;
    let status = unit.load::<Subscription>(id.0).await?.status_at(now);
    let is_in_force = status.is_some_and(|status| status.is_in_force());
    Ok(if is_in_force { Present::InForce(id) } else { Present::Over(id) })
}

/// Notes that a subscription is over by time, and that what it gave is.
async fn end(unit: &mut Unit<'_>, subscription_id: SubscriptionId) -> Result<(), Stop> {
    unit.decide::<Subscription>(subscription_id.0, SubscriptionCommand::End { subscription_id }, "").await?;
    unit.decide::<Tenant>(unit.meta.tenant.0, TenantCommand::GiveUpPlan, "").await
}
