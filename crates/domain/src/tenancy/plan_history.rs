//! Which plan a tenant had when: from the events of the tenant and of its subscriptions.
//!
//! A subscription ends by time alone, so that the plan of an instant follows from what was recorded by then and from the
//! instant itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::subscription::{Subscription, SubscriptionEvent};
use super::tenant::{Tenant, TenantEvent};
use crate::ids::SubscriptionId;

/// The plans of one tenant.
#[derive(Debug, Clone, Default)]
pub struct PlanHistory {
    tenant: States<Tenant>,
    subscriptions: BTreeMap<SubscriptionId, States<Subscription>>,
}

/// A state after each of its events, with their recorded times.
type States<A> = Vec<(Timestamp, A)>;

fn follow<A: cqrs_es::Aggregate + Clone>(states: &mut States<A>, recorded_at: Timestamp, event: A::Event) {
    let mut state = states.last().map_or_else(A::default, |(_, state)| state.clone());
    state.apply(event);
    states.push((recorded_at, state));
}

fn at<A>(states: &States<A>, time: Timestamp) -> Option<&A> {
    states.iter().rev().find(|(recorded_at, _)| *recorded_at <= time).map(|(_, state)| state)
}

impl PlanHistory {
    /// Takes in an event of the tenant, in order of its stream.
    pub fn of_tenant(&mut self, recorded_at: Timestamp, event: TenantEvent) {
        follow(&mut self.tenant, recorded_at, event);
    }

    /// Takes in an event of one of its subscriptions, in order of its stream.
    pub fn of_subscription(&mut self, id: SubscriptionId, recorded_at: Timestamp, event: SubscriptionEvent) {
        follow(self.subscriptions.entry(id).or_default(), recorded_at, event);
    }

    /// The subscriptions that ever gave the tenant a plan.
    pub fn subscription_ids(&self) -> impl Iterator<Item = SubscriptionId> {
        let ids: std::collections::BTreeSet<_> =
            self.tenant.iter().filter_map(|(_, state)| state.subscription_id).collect();
        ids.into_iter()
    }

    /// The plan at an instant, as recorded by then; `None` where the tenant was not registered.
    #[must_use]
    pub fn plan_at(&self, time: Timestamp) -> Option<&str> {
        let tenant = at(&self.tenant, time)?;
        let subscription = tenant.subscription_id.and_then(|id| at(self.subscriptions.get(&id)?, time));
        tenant.plan_at(subscription, time)
    }
}
