//! A subscription: a plan for periods that follow each other, until it is cancelled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TenancyError;
use crate::ids::SubscriptionId;
use crate::{Context, aggregate, event_set};

/// A subscription began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionStarted {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Its plan.
    pub plan: String,
    /// Begin of its first period.
    pub current_period_start: Timestamp,
    /// End of its first period.
    pub current_period_end: Timestamp,
    /// Its id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_subscription_id: Option<String>,
}

/// A subscription goes on for another period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRenewed {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Begin of the period: the end of the one before.
    pub current_period_start: Timestamp,
    /// End of the period.
    pub current_period_end: Timestamp,
}

/// A subscription has another plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionPlanChanged {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// The plan that it has now.
    pub plan: String,
}

/// A subscription was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionCancelled {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Why.
    pub reason: String,
}

event_set! {
    /// Events of a subscription.
    pub enum SubscriptionEvent {
        /// It began.
        Started(SubscriptionStarted) = "foodflow.tenancy.subscription.started.v1",
        /// It goes on for another period.
        Renewed(SubscriptionRenewed) = "foodflow.tenancy.subscription.renewed.v1",
        /// It has another plan.
        PlanChanged(SubscriptionPlanChanged) = "foodflow.tenancy.subscription.plan_changed.v1",
        /// It was cancelled.
        Cancelled(SubscriptionCancelled) = "foodflow.tenancy.subscription.cancelled.v1",
    }
}

/// What may be asked of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionCommand {
    /// Start it.
    Start(SubscriptionStarted),
    /// Let it go on until the end of another period.
    Renew {
        /// The subscription.
        subscription_id: SubscriptionId,
        /// End of the period.
        current_period_end: Timestamp,
    },
    /// Give it another plan.
    ChangePlan {
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The plan.
        plan: String,
    },
    /// Cancel it.
    Cancel {
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Why.
        reason: String,
    },
}

/// State of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// End of its present period; `None` before it began.
    pub current_period_end: Option<Timestamp>,
    /// Whether it was cancelled.
    pub is_cancelled: bool,
}

impl Subscription {
    /// End of the present period, where the subscription is in force.
    fn in_force(&self, subscription_id: SubscriptionId) -> Result<Timestamp, TenancyError> {
        let not_found = TenancyError::NotFound { what: "subscription", id: subscription_id.0 };
        let end = self.current_period_end.ok_or(not_found)?;
        match self.is_cancelled {
            true => Err(TenancyError::SubscriptionCancelled { subscription_id }),
            false => Ok(end),
        }
    }

    fn decide(
        &self,
        command: SubscriptionCommand,
        _: &Context,
    ) -> Result<Vec<SubscriptionEvent>, TenancyError> {
        let event = match command {
            SubscriptionCommand::Start(data) => {
                if self.current_period_end.is_some() {
                    let id = data.subscription_id.0;
                    return Err(TenancyError::AlreadyExists { what: "subscription", id });
                }
                follows(data.current_period_start, data.current_period_end)?;
                SubscriptionEvent::Started(data)
            }
            SubscriptionCommand::Renew { subscription_id, current_period_end } => {
                let current_period_start = self.in_force(subscription_id)?;
                follows(current_period_start, current_period_end)?;
                SubscriptionEvent::Renewed(SubscriptionRenewed {
                    subscription_id,
                    current_period_start,
                    current_period_end,
                })
            }
            SubscriptionCommand::ChangePlan { subscription_id, plan } => {
                self.in_force(subscription_id)?;
                SubscriptionEvent::PlanChanged(SubscriptionPlanChanged { subscription_id, plan })
            }
            SubscriptionCommand::Cancel { subscription_id, reason } => {
                self.in_force(subscription_id)?;
                SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id, reason })
            }
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: SubscriptionEvent) {
        match event {
            SubscriptionEvent::Started(data) => self.current_period_end = Some(data.current_period_end),
            SubscriptionEvent::Renewed(data) => self.current_period_end = Some(data.current_period_end),
            SubscriptionEvent::PlanChanged(_) => {}
            SubscriptionEvent::Cancelled(_) => self.is_cancelled = true,
        }
    }
}

/// Refuses a period that ends no later than it begins.
fn follows(start: Timestamp, end: Timestamp) -> Result<(), TenancyError> {
    if end > start { Ok(()) } else { Err(TenancyError::PeriodEndsEarly { start, end }) }
}

aggregate!(Subscription, "tenancy", "subscription", SubscriptionCommand, SubscriptionEvent, TenancyError);
