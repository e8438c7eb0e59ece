//! Tenants, their subscriptions and features.

use std::collections::BTreeSet;

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::plan::RETENTION_DAYS_MIN;
use foodflow_domain::tenancy::plan_history::PlanHistory;
use foodflow_domain::tenancy::subscription::{
    Ending, Subscription, SubscriptionCommand, SubscriptionEvent, SubscriptionRenewed, SubscriptionStatus,
};
use foodflow_domain::tenancy::tenant::{
    Tenant, TenantCommand, TenantEvent, TenantPlanChanged, TenantRegistered, TenantStatus,
    TenantStatusChanged,
};
use foodflow_domain::tenancy::{Entitlements, FREE_PLAN, Month, Plans, TenancyError};
use foodflow_domain::{Context, DomainProblem as _, TenantId};

use crate::events::tenancy::{profile, started};
use crate::support::{NOW, at, context, decide, id, replay};

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
    let feature = TenantCommand::SetFeature { feature_name: "vision".to_owned(), enabled: true };
    let take_plan = [take(600), TenantCommand::GiveUpPlan, feature.clone()];
    assert!(matches!(tenant(&active, feature), Ok(TenantEvent::FeatureSet(_))));
    for command in [suspend(), reactivate(), close(), describe(SLUG)].into_iter().chain(take_plan) {
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
    let cancel = || SubscriptionCommand::Cancel { subscription_id, reason: reason(), at_period_end: false };
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

/// Minutes of so many days after 2026-03-01; the sample's period ends after 31.
const fn days(days: i64) -> i64 {
    days * 24 * 60
}

fn at_day<A: cqrs_es::Aggregate<Services = Context>>(
    day: i64,
    given: &[A::Event],
    when: A::Command,
) -> Result<Vec<A::Event>, A::Error> {
    let context = Context { now: at(days(day)), ..context() };
    cqrs_es::test::TestFramework::<A>::with(context).given(given.to_vec()).when(when).inspect_result()
}

#[test]
fn a_period_that_is_not_renewed_is_past_due_and_then_over() {
    let subscription_id: SubscriptionId = id(600);
    let begun = [SubscriptionEvent::Started(started())];
    let subscription = replay::<Subscription>(&begun);
    let stands = |minutes: i64| subscription.status_at(at(minutes)).unwrap();
    assert_eq!(stands(days(31) - 1), SubscriptionStatus::Active);
    assert_eq!(stands(days(31)), SubscriptionStatus::PastDue);
    assert_eq!(stands(days(45) - 1), SubscriptionStatus::PastDue);
    assert_eq!(stands(days(45)), SubscriptionStatus::Expired);
    assert_eq!(Subscription::default().status_at(at(0)), None);

    let renew = || SubscriptionCommand::Renew { subscription_id, current_period_end: at(days(62)) };
    let plan = || SubscriptionCommand::ChangePlan { subscription_id, plan: "enterprise".to_owned() };
    let cancel =
        |at_period_end| SubscriptionCommand::Cancel { subscription_id, reason: reason(), at_period_end };
    let end = || SubscriptionCommand::End { subscription_id };
    for command in [renew(), plan(), cancel(false), cancel(true)] {
        at_day::<Subscription>(44, &begun, command.clone()).unwrap();
        assert_eq!(code(at_day::<Subscription>(45, &begun, command)), "subscription-expired");
    }
    // The end of a period that has ended is now.
    let cancelled = at_day::<Subscription>(44, &begun, cancel(true)).unwrap();
    assert!(matches!(cancelled.as_slice(), [SubscriptionEvent::Cancelled(_)]), "{cancelled:?}");
    assert_eq!(code(at_day::<Subscription>(44, &begun, end())), "subscription-in-force");
    assert_eq!(code(at_day::<Subscription>(44, &[], end())), "not-found");
    let ended = at_day::<Subscription>(60, &begun, end()).unwrap();
    let [SubscriptionEvent::Ended(data)] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!((data.ending, data.ended_at), (Ending::Expired, at(days(45))));
    let over = [begun.to_vec(), ended].concat();
    assert_eq!(replay::<Subscription>(&over).status_at(at(0)), Some(SubscriptionStatus::Expired));
    assert_eq!(code(at_day::<Subscription>(60, &over, renew())), "subscription-expired");
    assert_eq!(code(at_day::<Subscription>(60, &over, end())), "subscription-cancelled");
}

#[test]
fn a_cancellation_to_the_end_of_the_period_lasts_until_then_and_a_renewal_undoes_it() {
    let subscription_id: SubscriptionId = id(600);
    let cancel = SubscriptionCommand::Cancel { subscription_id, reason: reason(), at_period_end: true };
    let renew = SubscriptionCommand::Renew { subscription_id, current_period_end: at(days(62)) };
    let begun = [SubscriptionEvent::Started(started())];
    let scheduled = [begun.to_vec(), at_day::<Subscription>(3, &begun, cancel).unwrap()].concat();
    let subscription = replay::<Subscription>(&scheduled);
    assert_eq!(subscription.status_at(at(days(31) - 1)), Some(SubscriptionStatus::Cancelling));
    assert_eq!(subscription.status_at(at(days(31))), Some(SubscriptionStatus::Cancelled), "without grace");
    assert_eq!(code(at_day::<Subscription>(31, &scheduled, renew.clone())), "subscription-cancelled");
    let ended = at_day::<Subscription>(31, &scheduled, SubscriptionCommand::End { subscription_id }).unwrap();
    let [SubscriptionEvent::Ended(data)] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!((data.ending, data.ended_at), (Ending::Cancelled, at(days(31))));
    let renewed = [scheduled.clone(), at_day::<Subscription>(30, &scheduled, renew).unwrap()].concat();
    let subscription = replay::<Subscription>(&renewed);
    assert_eq!(subscription.status_at(at(days(61))), Some(SubscriptionStatus::Active));
}

#[test]
fn the_plan_of_an_instant_follows_from_what_was_recorded_by_then() {
    let mut history = PlanHistory::default();
    assert_eq!(history.plan_at(at(0)), None);
    history.of_tenant(at(days(1)), registered());
    history.of_tenant(at(days(2)), plan(Some(600)));
    assert_eq!(history.subscription_ids().collect::<Vec<_>>(), [id(600)]);
    history.of_subscription(id(600), at(days(2)), SubscriptionEvent::Started(started()));
    let expected =
        [(0, None), (1, Some("free")), (2, Some("plant")), (31, Some("plant")), (45, Some("free"))];
    for (day, plan) in expected {
        assert_eq!(history.plan_at(at(days(day))), plan, "day {day}");
    }
    let renewed = SubscriptionEvent::Renewed(SubscriptionRenewed {
        subscription_id: id(600),
        current_period_start: at(days(31)),
        current_period_end: at(days(62)),
    });
    history.of_subscription(id(600), at(days(44)), renewed);
    assert_eq!(history.plan_at(at(days(45))), Some("plant"));
    history.of_tenant(at(days(50)), plan(None));
    assert_eq!((history.plan_at(at(days(49))), history.plan_at(at(days(50)))), (Some("plant"), Some("free")));
}

#[test]
fn plans_are_known_by_name_and_what_is_not_known_is_not_limited() {
    let mut plans = Plans::default();
    assert_eq!(plans.names().collect::<Vec<_>>(), ["enterprise", "free", "professional", "starter"]);
    assert_eq!(plans.get("enterprise"), Some(Entitlements::UNLIMITED));
    assert_eq!((plans.get("plant"), plans.entitlements("plant")), (None, Entitlements::UNLIMITED));
    for name in ["free", "starter", "professional"] {
        let plan = plans.get(name).unwrap();
        plan.check().unwrap();
        assert!(plan.seats.is_some() && plan.lots_per_month.is_some() && plan.request_burst.is_some());
    }
    plans.set("free".to_owned(), Entitlements { seats: Some(1), ..Entitlements::UNLIMITED });
    assert_eq!(plans.entitlements("free").seats, Some(1));
}

#[test]
fn nothing_is_retained_for_less_than_the_law_asks() {
    let retained = |days| Entitlements { retention_days: Some(days), ..Entitlements::UNLIMITED };
    assert_eq!(retained(RETENTION_DAYS_MIN).check(), Ok(()));
    assert_eq!(retained(RETENTION_DAYS_MIN - 1).check().unwrap_err().0, "retention_days");
    assert_eq!(Entitlements::UNLIMITED.retained_since(at(0)), None);
    // To the day, and never a day less.
    let since = retained(RETENTION_DAYS_MIN).retained_since(at(NOW)).unwrap();
    assert_eq!(since.to_string(), "2024-02-29T00:00:00Z");
}

#[test]
fn a_month_is_one_of_utc() {
    let month = |text: &str| text.parse::<Month>();
    let march = month("2026-03").unwrap();
    assert_eq!(march.to_string(), "2026-03");
    assert_eq!((march.start(), march.end()), (at(0), at(days(31))));
    assert_eq!((Month::of(at(0)), Month::of(at(days(31) - 1))), (march, march));
    assert_eq!(Month::of(at(days(31))).to_string(), "2026-04");
    assert_eq!(month("2026-12").unwrap().end().to_string(), "2027-01-01T00:00:00Z");
    for bad in ["", "2026", "2026-13", "2026-00", "2026-3", "26-03", "+026-03", "2026-03-01", "1969-12"] {
        assert!(month(bad).is_err(), "{bad}");
    }
}

#[test]
fn no_two_refusals_share_a_code() {
    let source = include_str!("../src/tenancy/error.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1));
    let declared: Vec<&str> = codes.collect();
    assert_eq!(declared.len(), declared.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(declared.len(), 12);
}
