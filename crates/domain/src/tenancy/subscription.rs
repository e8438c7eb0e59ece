//! A subscription: a plan for periods that follow each other, until it is cancelled or no longer renewed.
//!
//! It ends by time: a period that was not renewed leaves [`GRACE`] to do so, and then it is over. Nothing is recorded at
//! that instant; whoever asks derives the [`SubscriptionStatus`] from the end of the period and the time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::TenancyError;
use crate::ids::SubscriptionId;
use crate::{Context, aggregate, event_set};

/// How long a subscription goes on to give its plan after a period that was not renewed: 14 days.
pub const GRACE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How a subscription stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// In force.
    #[default]
    Active,
    /// In force until its period ends, and not to be renewed.
    Cancelling,
    /// Its period has ended; it is in force until the time for renewal is over.
    PastDue,
    /// Its period has ended and was not renewed in time.
    Expired,
    /// It was cancelled.
    Cancelled,
}

impl SubscriptionStatus {
    /// The word that it is written as.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cancelling => "cancelling",
            Self::PastDue => "past_due",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it gives its plan to the tenant.
    #[must_use]
    pub const fn is_in_force(self) -> bool {
        matches!(self, Self::Active | Self::Cancelling | Self::PastDue)
    }

    /// What the status that was recorded last has become at `now`, where the period ends at `period_end`.
    #[must_use]
    pub fn at(self, period_end: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Active if now < period_end => Self::Active,
            Self::Active if now < renewable_until(period_end) => Self::PastDue,
            Self::Active => Self::Expired,
            Self::Cancelling if now >= period_end => Self::Cancelled,
            recorded => recorded,
        }
    }
}

/// Until when a period that ends then may be renewed.
#[must_use]
pub fn renewable_until(period_end: Timestamp) -> Timestamp {
    period_end.checked_add(GRACE).unwrap_or(Timestamp::MAX)
}

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

/// A subscription is to end with its present period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionCancellationScheduled {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Why.
    pub reason: String,
    /// When it ends, unless it is renewed before.
    pub ends_at: Timestamp,
}

/// As what a subscription ended by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It was not renewed.
    Expired,
    /// It was cancelled to the end of its period.
    Cancelled,
}

impl Ending {
    /// The status that it has from then on.
    #[must_use]
    pub const fn status(self) -> SubscriptionStatus {
        match self {
            Self::Expired => SubscriptionStatus::Expired,
            Self::Cancelled => SubscriptionStatus::Cancelled,
        }
    }
}

/// A subscription had ended by time, as was found when its tenant subscribed again or was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionEnded {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// As what.
    pub ending: Ending,
    /// When it ended.
    pub ended_at: Timestamp,
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
        /// It is to end with its period.
        CancellationScheduled(SubscriptionCancellationScheduled) =
            "foodflow.tenancy.subscription.cancellation_scheduled.v1",
        /// It had ended by time.
        Ended(SubscriptionEnded) = "foodflow.tenancy.subscription.ended.v1",
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
    /// Cancel it at once, or to the end of its period; at once where that has ended.
    Cancel {
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Why.
        reason: String,
        /// Whether it goes on until its period ends.
        at_period_end: bool,
    },
    /// Note that it is over by time.
    End {
        /// The subscription.
        subscription_id: SubscriptionId,
    },
}

/// State of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// End of its present period; `None` before it began.
    pub current_period_end: Option<Timestamp>,
    /// The status that was recorded last.
    pub status: SubscriptionStatus,
}

impl Subscription {
    /// How it stands at `now`; `None` before it began.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Option<SubscriptionStatus> {
        Some(self.status.at(self.current_period_end?, now))
    }

    /// End of the present period, where the subscription is in force.
    fn in_force(&self, subscription_id: SubscriptionId, now: Timestamp) -> Result<Timestamp, TenancyError> {
        let end = self.begun(subscription_id)?;
        match self.status.at(end, now) {
            SubscriptionStatus::Cancelled => Err(TenancyError::SubscriptionCancelled { subscription_id }),
            SubscriptionStatus::Expired => {
                let expired_at = renewable_until(end);
                Err(TenancyError::SubscriptionExpired { subscription_id, expired_at })
            }
            _ => Ok(end),
        }
    }

    fn begun(&self, subscription_id: SubscriptionId) -> Result<Timestamp, TenancyError> {
        let not_found = TenancyError::NotFound { what: "subscription", id: subscription_id.0 };
        self.current_period_end.ok_or(not_found)
    }

    fn decide(
        &self,
        command: SubscriptionCommand,
        context: &Context,
    ) -> Result<Vec<SubscriptionEvent>, TenancyError> {
        let now = context.now;
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
                let current_period_start = self.in_force(subscription_id, now)?;
                follows(current_period_start, current_period_end)?;
                SubscriptionEvent::Renewed(SubscriptionRenewed {
                    subscription_id,
                    current_period_start,
                    current_period_end,
                })
            }
            SubscriptionCommand::ChangePlan { subscription_id, plan } => {
                self.in_force(subscription_id, now)?;
                SubscriptionEvent::PlanChanged(SubscriptionPlanChanged { subscription_id, plan })
            }
            SubscriptionCommand::Cancel { subscription_id, reason, at_period_end } => {
                let ends_at = self.in_force(subscription_id, now)?;
                if at_period_end && now < ends_at {
                    let scheduled = SubscriptionCancellationScheduled { subscription_id, reason, ends_at };
                    SubscriptionEvent::CancellationScheduled(scheduled)
                } else {
                    SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id, reason })
                }
            }
            SubscriptionCommand::End { subscription_id } => {
                SubscriptionEvent::Ended(self.end(subscription_id, now)?)
            }
        };
        Ok(vec![event])
    }

    fn end(
        &self,
        subscription_id: SubscriptionId,
        now: Timestamp,
    ) -> Result<SubscriptionEnded, TenancyError> {
        let end = self.begun(subscription_id)?;
        match (self.status, self.status.at(end, now)) {
            (SubscriptionStatus::Active, SubscriptionStatus::Expired) => {
                let (ending, ended_at) = (Ending::Expired, renewable_until(end));
                Ok(SubscriptionEnded { subscription_id, ending, ended_at })
            }
            (SubscriptionStatus::Cancelling, SubscriptionStatus::Cancelled) => {
                Ok(SubscriptionEnded { subscription_id, ending: Ending::Cancelled, ended_at: end })
            }
            (_, status) if status.is_in_force() => Err(TenancyError::SubscriptionInForce { subscription_id }),
            _ => Err(TenancyError::SubscriptionCancelled { subscription_id }),
        }
    }

    fn evolve(&mut self, event: SubscriptionEvent) {
        match event {
            SubscriptionEvent::Started(data) => self.current_period_end = Some(data.current_period_end),
            SubscriptionEvent::Renewed(data) => {
                self.current_period_end = Some(data.current_period_end);
                self.status = SubscriptionStatus::Active;
            }
            SubscriptionEvent::PlanChanged(_) => {}
            SubscriptionEvent::CancellationScheduled(_) => self.status = SubscriptionStatus::Cancelling,
            SubscriptionEvent::Ended(data) => self.status = data.ending.status(),
            SubscriptionEvent::Cancelled(_) => self.status = SubscriptionStatus::Cancelled,
        }
    }
}

/// Refuses a period that ends no later than it begins.
fn follows(start: Timestamp, end: Timestamp) -> Result<(), TenancyError> {
    if end > start { Ok(()) } else { Err(TenancyError::PeriodEndsEarly { start, end }) }
}

aggregate!(
    Subscription,
    "tenancy",
    "subscription",
    SubscriptionCommand,
    SubscriptionEvent,
    TenancyError,
    state_shape = 2
);
