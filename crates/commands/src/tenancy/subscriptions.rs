//! Subscriptions: what changes one's plan changes the tenant's in the same commit.

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::subscription::{Subscription, SubscriptionCommand, SubscriptionStarted};
use foodflow_domain::tenancy::tenant::{Tenant, TenantCommand};
use foodflow_log::StreamId;
use jiff::Timestamp;

use super::own;
use crate::execute::{CommandMeta, Operation, Reply, chosen_or_derived, reply_of};
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/subscriptions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSubscription {
    /// The id that the client chose.
    pub id: Option<SubscriptionId>,
    /// Its plan.
    pub plan: String,
    /// Begin of its first period.
    pub current_period_start: Timestamp,
    /// End of its first period.
    pub current_period_end: Timestamp,
    /// Its id at the payment provider.
    pub stripe_subscription_id: Option<String>,
}

impl StartSubscription {
    fn id(&self, meta: &CommandMeta) -> SubscriptionId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "subscription").into()
    }
}

impl Operation for StartSubscription {
    type Primary = Subscription;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("subscriptions", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![own(meta), stream_of::<Subscription>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let subscription_id = self.id(unit.meta);
        let Self { plan, current_period_start, current_period_end, stripe_subscription_id, .. } =
            self.clone();
        let take = TenantCommand::TakePlan { plan: plan.clone(), subscription_id };
        let started = SubscriptionStarted {
            subscription_id,
            plan,
            current_period_start,
            current_period_end,
            stripe_subscription_id,
        };
        unit.create::<Subscription>(subscription_id.0, SubscriptionCommand::Start(started), "/id").await?;
        unit.decide::<Tenant>(unit.meta.tenant.0, take, "").await
    }
}

/// What becomes of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// `POST /v1/subscriptions/{id}/renew`: it goes on until then.
    Renew(Timestamp),
    /// `PUT /v1/subscriptions/{id}/plan`: it has this plan.
    ChangePlan(String),
    /// `POST /v1/subscriptions/{id}/cancel`: it ends, and why.
    Cancel(String),
}

/// Changes a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSubscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// What becomes of it.
    pub change: SubscriptionChange,
}

impl Operation for ChangeSubscription {
    type Primary = Subscription;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.change {
            SubscriptionChange::Renew(_) => "subscriptions/renew",
            SubscriptionChange::ChangePlan(_) => "subscriptions/plan",
            SubscriptionChange::Cancel(_) => "subscriptions/cancel",
        };
        reply_of::<Self::Primary>(operation, self.id.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![own(meta), stream_of::<Subscription>(self.id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let subscription_id = self.id;
        let (command, of_tenant) = match self.change.clone() {
            SubscriptionChange::Renew(current_period_end) => {
                (SubscriptionCommand::Renew { subscription_id, current_period_end }, None)
            }
            SubscriptionChange::ChangePlan(plan) => (
                SubscriptionCommand::ChangePlan { subscription_id, plan: plan.clone() },
                Some(TenantCommand::TakePlan { plan, subscription_id }),
            ),
            SubscriptionChange::Cancel(reason) => {
                (SubscriptionCommand::Cancel { subscription_id, reason }, Some(TenantCommand::GiveUpPlan))
            }
        };
        unit.decide::<Subscription>(subscription_id.0, command, "").await?;
        match of_tenant {
            Some(command) => unit.decide::<Tenant>(unit.meta.tenant.0, command, "").await,
            None => super::require_open(unit).await,
        }
    }
}
