//! The operations of tenants, subscriptions and features: each on the tenant who asks.

pub mod feature_flags;
pub mod subscriptions;
pub mod tenants;

use foodflow_domain::tenancy::tenant::Tenant;
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
