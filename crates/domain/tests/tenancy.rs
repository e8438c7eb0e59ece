//! Tenants, their subscriptions and features.

use std::collections::BTreeSet;

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::subscription::{Subscription, SubscriptionCommand, SubscriptionEvent};
use foodflow_domain::tenancy::tenant::{
    Tenant, TenantCommand, TenantEvent, TenantPlanChanged, TenantRegistered, TenantStatus,
    TenantStatusChanged,
};
use foodflow_domain::tenancy::{FREE_PLAN, TenancyError};
use foodflow_domain::{Context, DomainProblem as _, TenantId};

use crate::events::tenancy::{profile, started};
use crate::support::{at, context, decide, id, replay};

const SLUG: &str = "harbor-vale";

/// What a tenant of that slug with this history decides.
fn tenant(given: &[TenantEvent], when: TenantCommand) -> Result<TenantEvent, TenancyError> {
    let context = Context { tenant: TenantId::of_slug(SLUG), ..context() };
    let outcome = cqrs_es::test::TestFramework::<Tenant>::with(context)
        .given(given.to_vec())
        .when(when)
        .inspect_result();
    outcome.map(|events| events.into_iter().next().expect("an event"))
}

fn describe(slug: &str) -> TenantCommand {
    TenantCommand::Describe { slug: slug.to_owned(), profile: profile("Harbor & Vale") }
}

fn registered() -> TenantEvent {
    TenantEvent::Registered(TenantRegistered {
        tenant_id: TenantId::of_slug(SLUG),
        slug: SLUG.to_owned(),
        profile: profile("Harbor & Vale"),
        plan: FREE_PLAN.to_owned(),
    })
}

fn status() -> TenantStatusChanged {
    TenantStatusChanged { tenant_id: TenantId::of_slug(SLUG), reason: "unpaid".to_owned() }
}

fn plan(subscription: Option<u128>) -> TenantEvent {
    let tenant_id = TenantId::of_slug(SLUG);
    let plan = subscription.map_or(FREE_PLAN, |_| "plant").to_owned();
    TenantEvent::PlanChanged(TenantPlanChanged { tenant_id, plan, subscription_id: subscription.map(id) })
}

fn take(subscription: u128) -> TenantCommand {
    TenantCommand::TakePlan { plan: "plant".to_owned(), subscription_id: id(subscription) }
}

fn code<T: std::fmt::Debug>(decision: Result<T, TenancyError>) -> &'static str {
    decision.expect_err("it was not refused").code()
}

fn reason() -> String {
    "unpaid".to_owned()
}

#[test]
fn a_tenant_is_registered_under_the_slug_of_its_id_and_then_rebranded() {
    assert_eq!(tenant(&[], describe(SLUG)), Ok(registered()));
    assert_eq!(code(tenant(&[], describe("elsewhere"))), "other-slug");
    assert!(matches!(tenant(&[registered()], describe(SLUG)), Ok(TenantEvent::Rebranded(_))));
    assert_eq!(code(tenant(&[registered()], describe("elsewhere"))), "other-slug");
}

#[test]
fn one_subscription_is_in_force_at_a_time() {
    assert_eq!(code(tenant(&[], take(600))), "not-found");
    assert_eq!(tenant(&[registered()], take(600)), Ok(plan(Some(600))));
    let subscribed = [registered(), plan(Some(600))];
    assert_eq!(code(tenant(&subscribed, take(601))), "subscription-in-force");
    assert_eq!(tenant(&subscribed, take(600)), Ok(plan(Some(600))), "the same may have another plan");
    assert_eq!(tenant(&subscribed, TenantCommand::GiveUpPlan), Ok(plan(None)));
    let free = [registered(), plan(Some(600)), plan(None)];
    assert_eq!(tenant(&free, take(601)), Ok(plan(Some(601))));
}

#[test]
fn a_tenant_is_suspended_reactivated_and_closed_for_good() {
    let suspend = || TenantCommand::Suspend { reason: reason() };
    let reactivate = || TenantCommand::Reactivate { reason: reason() };
    let close = || TenantCommand::Close { reason: reason() };
    let active = [registered()];
    let suspended = [registered(), TenantEvent::Suspended(status())];
    let again = [registered(), TenantEvent::Suspended(status()), TenantEvent::Reactivated(status())];
    let closed = [registered(), TenantEvent::Closed(status())];
    assert_eq!(tenant(&active, suspend()), Ok(TenantEvent::Suspended(status())));
    assert_eq!(code(tenant(&suspended, suspend())), "tenant-suspended");
    assert_eq!(tenant(&suspended, reactivate()), Ok(TenantEvent::Reactivated(status())));
    for given in [&active[..], &again] {
        assert_eq!(code(tenant(given, reactivate())), "tenant-not-suspended");
    }
    for given in [&active[..], &suspended] {
        assert_eq!(tenant(given, close()), Ok(TenantEvent::Closed(status())));
    }
    let subscribed = [registered(), plan(Some(600)), TenantEvent::Closed(status())];
    assert_eq!(replay::<Tenant>(&subscribed).subscription_id, None);
    for command in [suspend(), reactivate(), close(), describe(SLUG), take(600), TenantCommand::GiveUpPlan] {
        assert_eq!(code(tenant(&closed, command.clone())), "tenant-closed", "{command:?}");
        if !matches!(command, TenantCommand::Describe { .. }) {
            assert_eq!(code(tenant(&[], command)), "not-found");
        }
    }
    assert_eq!(replay::<Tenant>(&closed).status, TenantStatus::Closed);
}

#[test]
fn the_periods_of_a_subscription_follow_each_other() {
    let subscription_id: SubscriptionId = id(600);
    let start = || SubscriptionCommand::Start(started());
    let renew = |minutes| SubscriptionCommand::Renew { subscription_id, current_period_end: at(minutes) };
    let begun = [SubscriptionEvent::Started(started())];
    assert_eq!(decide::<Subscription>(&[], start()), Ok(begun.to_vec()));
    assert_eq!(code(decide::<Subscription>(&begun, start())), "already-exists");
    let mut backwards = started();
    backwards.current_period_end = backwards.current_period_start;
    assert_eq!(code(decide::<Subscription>(&[], SubscriptionCommand::Start(backwards))), "period-ends-early");
    // March has 31 days.
    let march_ends = 31 * 24 * 60;
    assert_eq!(code(decide::<Subscription>(&begun, renew(march_ends))), "period-ends-early");
    let renewed = decide::<Subscription>(&begun, renew(march_ends + 1)).unwrap();
    let [SubscriptionEvent::Renewed(data)] = renewed.as_slice() else { panic!("{renewed:?}") };
    assert_eq!(data.current_period_start, started().current_period_end);
    let history = [begun[0].clone(), renewed[0].clone()];
    assert_eq!(code(decide::<Subscription>(&history, renew(march_ends + 1))), "period-ends-early");
}

#[test]
fn a_subscription_that_was_cancelled_does_not_change() {
    let subscription_id: SubscriptionId = id(600);
    let cancel = || SubscriptionCommand::Cancel { subscription_id, reason: reason() };
    let commands = || {
        let plan = "enterprise".to_owned();
        [
            SubscriptionCommand::Renew { subscription_id, current_period_end: at(10_000_000) },
            SubscriptionCommand::ChangePlan { subscription_id, plan },
            cancel(),
        ]
    };
    let begun = [SubscriptionEvent::Started(started())];
    let cancelled = [begun.to_vec(), decide::<Subscription>(&begun, cancel()).unwrap()].concat();
    for command in commands() {
        assert_eq!(code(decide::<Subscription>(&[], command.clone())), "not-found");
        assert_eq!(code(decide::<Subscription>(&cancelled, command.clone())), "subscription-cancelled");
        decide::<Subscription>(&begun, command).unwrap();
    }
}

#[test]
fn no_two_refusals_share_a_code() {
    let source = include_str!("../src/tenancy/error.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1));
    let declared: Vec<&str> = codes.collect();
    assert_eq!(declared.len(), declared.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(declared.len(), 9);
}
