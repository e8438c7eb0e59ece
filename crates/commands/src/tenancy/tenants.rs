//! The tenant itself.

use foodflow_domain::tenancy::subscription::{Subscription, SubscriptionCommand};
use foodflow_domain::tenancy::tenant::{Tenant, TenantCommand, TenantProfile};
use foodflow_log::StreamId;

use super::{Present, own};
use crate::execute::{CommandMeta, Operation, Reply, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit};

/// `PUT /v1/tenant`: registers the tenant, or replaces what people see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeTenant {
    /// Its short name, as the access token states it.
    pub slug: String,
    /// What people see of it.
    pub profile: TenantProfile,
}

impl Operation for DescribeTenant {
    type Primary = Tenant;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("tenant", meta.tenant.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![own(meta)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { slug, profile } = self.clone();
        unit.decide::<Tenant>(unit.meta.tenant.0, TenantCommand::Describe { slug, profile }, "").await
    }
}

/// What becomes of a tenant's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// `POST /v1/tenant/suspend`.
    Suspend,
    /// `POST /v1/tenant/reactivate`.
    Reactivate,
    /// `POST /v1/tenant/close`.
    Close,
}

/// Suspends, reactivates or closes the tenant; what is closed has no subscription in force, and the free plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeTenantStatus {
    /// Which.
    pub change: StatusChange,
    /// Why.
    pub reason: String,
}

impl Operation for ChangeTenantStatus {
    type Primary = Tenant;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        let operation = match self.change {
            StatusChange::Suspend => "tenant/suspend",
            StatusChange::Reactivate => "tenant/reactivate",
            StatusChange::Close => "tenant/close",
        };
        reply_of::<Self::Primary>(operation, meta.tenant.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![own(meta)]
    }

    fn needs(&self) -> Needs {
        match self.change {
            StatusChange::Suspend => Needs::Active,
            StatusChange::Reactivate | StatusChange::Close => Needs::Open,
        }
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let reason = self.reason.clone();
        if self.change == StatusChange::Close {
            // Before it is closed: afterwards nothing of it changes.
            cancel_subscription(unit, reason.clone()).await?;
        }
        let command = match self.change {
            StatusChange::Suspend => TenantCommand::Suspend { reason },
            StatusChange::Reactivate => TenantCommand::Reactivate { reason },
            StatusChange::Close => TenantCommand::Close { reason },
        };
        unit.decide::<Tenant>(unit.meta.tenant.0, command, "").await
    }
}

/// Ends the tenant's subscription, where there is one, and with it gives up its plan.
async fn cancel_subscription(unit: &mut Unit<'_>, reason: String) -> Result<(), Stop> {
    let subscription_id = match super::present(unit).await? {
        Present::None => return Ok(()),
        Present::Over(id) => return super::end(unit, id).await,
        Present::InForce(id) => id,
    };
    let cancel = SubscriptionCommand::Cancel { subscription_id, reason, at_period_end: false };
    unit.decide::<Subscription>(subscription_id.0, cancel, "").await?;
    unit.decide::<Tenant>(unit.meta.tenant.0, TenantCommand::GiveUpPlan, "").await
}
