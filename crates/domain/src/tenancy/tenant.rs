//! A tenant: its name and look, its plan, and whether it is active.
//!
//! The tenant keeps which subscription is in force, so that there is one at most. A feature flag is set in a commit with
//! the tenant, so that none is set while it is closed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::subscription::Subscription;
use super::{FREE_PLAN, TenancyError};
use crate::ids::{SubscriptionId, TenantId};
use crate::{Context, aggregate, event_set};

/// What people see of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantProfile {
    /// Its name.
    pub name: String,
    /// Where its logo is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Its colour, `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_color: Option<String>,
    /// Its customer id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_customer_id: Option<String>,
}

/// A tenant was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRegistered {
    /// Its id.
    pub tenant_id: TenantId,
    /// Its short name, from which the id derives.
    pub slug: String,
    /// What people see of it.
    pub profile: TenantProfile,
    /// The plan that it begins with.
    pub plan: String,
}

/// What people see of a tenant was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRebranded {
    /// Its id.
    pub tenant_id: TenantId,
    /// What people see of it now.
    pub profile: TenantProfile,
}

/// A tenant has another plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantPlanChanged {
    /// Its id.
    pub tenant_id: TenantId,
    /// The plan that it has now.
    pub plan: String,
    /// The subscription that gives it; none for the free plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<SubscriptionId>,
}

/// A feature was switched on or off for a tenant, by the feature's flag in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFeatureSet {
    /// Its id.
    pub tenant_id: TenantId,
    /// The feature.
    pub feature_name: String,
    /// Whether it is on now.
    pub enabled: bool,
}

/// A tenant's status was changed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantStatusChanged {
    /// Its id.
    pub tenant_id: TenantId,
    /// Why.
    pub reason: String,
}

/// Whether a tenant is active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// It is.
    #[default]
    Active,
    /// It is not, for now.
    Suspended,
    /// It is not, for good.
    Closed,
}

impl TenantStatus {
    /// The word that it is written as.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

event_set! {
    /// Events of a tenant.
    pub enum TenantEvent {
        /// It was registered.
        Registered(TenantRegistered) = "foodflow.tenancy.tenant.registered.v1",
        /// What people see of it was replaced.
        Rebranded(TenantRebranded) = "foodflow.tenancy.tenant.rebranded.v1",
        /// It has another plan.
        PlanChanged(TenantPlanChanged) = "foodflow.tenancy.tenant.plan_changed.v1",
        /// A feature was switched on or off for it.
        FeatureSet(TenantFeatureSet) = "foodflow.tenancy.tenant.feature_set.v1",
        /// It was suspended.
        Suspended(TenantStatusChanged) = "foodflow.tenancy.tenant.suspended.v1",
        /// It is active again.
        Reactivated(TenantStatusChanged) = "foodflow.tenancy.tenant.reactivated.v1",
        /// It was closed.
        Closed(TenantStatusChanged) = "foodflow.tenancy.tenant.closed.v1",
    }
}

/// What may be asked of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantCommand {
    /// Register it under its slug, or replace what people see of it.
    Describe {
        /// Its short name.
        slug: String,
        /// What people see of it.
        profile: TenantProfile,
    },
    /// Take the plan of a subscription that starts, or that has another plan.
    TakePlan {
        /// The plan.
        plan: String,
        /// The subscription.
        subscription_id: SubscriptionId,
    },
    /// Go back to the free plan, as the subscription was cancelled.
    GiveUpPlan,
    /// Have a feature switched on or off.
    SetFeature {
        /// The feature.
        feature_name: String,
        /// Whether it is on.
        enabled: bool,
    },
    /// Suspend it.
    Suspend {
        /// Why.
        reason: String,
    },
    /// End its suspension.
    Reactivate {
        /// Why.
        reason: String,
    },
    /// Close it for good; whoever asks cancels the subscription in force before, and gives up its plan.
    Close {
        /// Why.
        reason: String,
    },
}

/// State of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its short name; `None` before it was registered.
    pub slug: Option<String>,
    /// Whether it is active.
    pub status: TenantStatus,
    /// The plan that it was last given; `None` before it was registered.
    pub plan: Option<String>,
    /// The subscription that gives the plan, be it in force or over by time.
    pub subscription_id: Option<SubscriptionId>,
}

impl Tenant {
    /// Its slug, where it may still be changed.
    ///
    /// # Errors
    /// `NotFound` before it was registered, `TenantClosed` once it is closed.
    pub fn open(&self, tenant: TenantId) -> Result<&str, TenancyError> {
        let slug = self.slug.as_deref().ok_or(TenancyError::NotFound { what: "tenant", id: tenant.0 })?;
        match self.status {
            TenantStatus::Closed => Err(TenancyError::TenantClosed { slug: slug.to_owned() }),
            _ => Ok(slug),
        }
    }

    /// Its plan at an instant, where its subscription is in this state: what a subscription gave is over with it.
    #[must_use]
    pub fn plan_at(&self, subscription: Option<&Subscription>, now: Timestamp) -> Option<&str> {
        let is_over = self.subscription_id.is_some()
            && !subscription.and_then(|one| one.status_at(now)).is_some_and(|status| status.is_in_force());
        if is_over { self.plan.as_ref().map(|_| FREE_PLAN) } else { self.plan.as_deref() }
    }

    fn decide(&self, command: TenantCommand, context: &Context) -> Result<Vec<TenantEvent>, TenancyError> {
        let tenant_id = context.tenant;
        let status = |reason: String| TenantStatusChanged { tenant_id, reason };
        let event = match command {
            TenantCommand::Describe { slug, profile } => self.describe(tenant_id, slug, profile)?,
            TenantCommand::TakePlan { plan, subscription_id } => {
                self.open(tenant_id)?;
                match self.subscription_id {
                    Some(other) if other != subscription_id => {
                        return Err(TenancyError::SubscriptionInForce { subscription_id: other });
                    }
                    _ => {}
                }
                let subscription_id = Some(subscription_id);
                TenantEvent::PlanChanged(TenantPlanChanged { tenant_id, plan, subscription_id })
            }
            TenantCommand::GiveUpPlan => {
                self.open(tenant_id)?;
                let plan = FREE_PLAN.to_owned();
                TenantEvent::PlanChanged(TenantPlanChanged { tenant_id, plan, subscription_id: None })
            }
            TenantCommand::SetFeature { feature_name, enabled } => {
                self.open(tenant_id)?;
                TenantEvent::FeatureSet(TenantFeatureSet { tenant_id, feature_name, enabled })
            }
            TenantCommand::Suspend { reason } => match (self.open(tenant_id)?, self.status) {
                (slug, TenantStatus::Suspended) => {
                    return Err(TenancyError::TenantSuspended { slug: slug.to_owned() });
                }
                _ => TenantEvent::Suspended(status(reason)),
            },
            TenantCommand::Reactivate { reason } => match (self.open(tenant_id)?, self.status) {
                (_, TenantStatus::Suspended) => TenantEvent::Reactivated(status(reason)),
                (slug, _) => return Err(TenancyError::TenantNotSuspended { slug: slug.to_owned() }),
            },
            TenantCommand::Close { reason } => {
                self.open(tenant_id)?;
                TenantEvent::Closed(status(reason))
            }
        };
        Ok(vec![event])
    }

    fn describe(
        &self,
        tenant_id: TenantId,
        slug: String,
        profile: TenantProfile,
    ) -> Result<TenantEvent, TenancyError> {
        if TenantId::of_slug(&slug) != tenant_id {
            return Err(TenancyError::OtherSlug { slug, tenant: tenant_id });
        }
        if self.slug.is_some() {
            self.open(tenant_id)?;
            return Ok(TenantEvent::Rebranded(TenantRebranded { tenant_id, profile }));
        }
        let plan = FREE_PLAN.to_owned();
        Ok(TenantEvent::Registered(TenantRegistered { tenant_id, slug, profile, plan }))
    }

    fn evolve(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::Registered(data) => (self.slug, self.plan) = (Some(data.slug), Some(data.plan)),
            TenantEvent::Rebranded(_) | TenantEvent::FeatureSet(_) => {}
            TenantEvent::PlanChanged(data) => {
                (self.plan, self.subscription_id) = (Some(data.plan), data.subscription_id);
            }
            TenantEvent::Suspended(_) => self.status = TenantStatus::Suspended,
            TenantEvent::Reactivated(_) => self.status = TenantStatus::Active,
            TenantEvent::Closed(_) => {
                self.status = TenantStatus::Closed;
                self.subscription_id = None;
            }
        }
    }
}

aggregate!(Tenant, "tenancy", "tenant", TenantCommand, TenantEvent, TenancyError, state_shape = 2);
