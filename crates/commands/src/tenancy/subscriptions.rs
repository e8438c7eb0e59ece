//! Subscriptions: what changes one's plan changes the tenant's in the same commit. They go on while the tenant is
//! suspended, so that it can pay.

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::subscription::{Subscription, SubscriptionCommand, SubscriptionStarted};
use foodflow_domain::tenancy::tenant::{Tenant, TenantCommand};
use foodflow_log::StreamId;
use jiff::Timestamp;

use super::{Present, known_plan, own};
use crate::execute::{CommandMeta, Operation, Reply, chosen_or_derived, reply_of};
use crate::standing::Needs;
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

    fn needs(&self) -> Needs {
        Needs::Open
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let subscription_id = self.id(unit.meta);
        let Self { plan, current_period_start, current_period_end, stripe_subscription_id, .. } =
            self.clone();
        known_plan(unit, &plan)?;
        // What is over by time makes room for another one.
        if let Present::Over(id) = super::present(unit).await? {
            super::end(unit, id).await?;
        }
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
    /// `POST /v1/subscriptions/{id}/cancel`: it ends.
    Cancel {
        /// Why.
        reason: String,
        /// Whether it goes on until its period ends.
        at_period_end: bool,
    },
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
            SubscriptionChange::Cancel { .. } => "subscriptions/cancel",
        };
        reply_of::<Self::Primary>(operation, self.id.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![own(meta), stream_of::<Subscription>(self.id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Open
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let subscription_id = self.id;
        let now = unit.context.now;
        let ends_at = unit.load::<Subscription>(subscription_id.0).await?.current_period_end;
        let (command, of_tenant) = match self.change.clone() {
            SubscriptionChange::Renew(current_period_end) => {
                (SubscriptionCommand::Renew { subscription_id, current_period_end }, None)
            }
            SubscriptionChange::ChangePlan(plan) => {
                known_plan(unit, &plan)?;
                let change = SubscriptionCommand::ChangePlan { subscription_id, plan: plan.clone() };
                (change, Some(TenantCommand::TakePlan { plan, subscription_id }))
            }
            SubscriptionChange::Cancel { reason, at_period_end } => {
                // Until then it gives its plan.
                let goes_on = at_period_end && ends_at.is_some_and(|end| now < end);
                let cancel = SubscriptionCommand::Cancel { subscription_id, reason, at_period_end };
                (cancel, (!goes_on).then_some(TenantCommand::GiveUpPlan))
            }
        };
        unit.decide::<Subscription>(subscription_id.0, command, "").await?;
        match of_tenant {
            Some(command) => unit.decide::<Tenant>(unit.meta.tenant.0, command, "").await,
            // What is in force is of a tenant that is open.
            None => Ok(()),
        }
    }
}
