//! What the events of tenants, subscriptions and features make of their rows, in both stores.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_domain::tenancy::feature_flag::{FeatureFlagEvent, FeatureFlagSet};
use foodflow_domain::tenancy::subscription::{
    Ending, SubscriptionCancellationScheduled, SubscriptionCancelled, SubscriptionEnded, SubscriptionEvent,
    SubscriptionPlanChanged, SubscriptionRenewed, SubscriptionStarted,
};
use foodflow_domain::tenancy::tenant::{
    TenantEvent, TenantPlanChanged, TenantProfile, TenantRebranded, TenantRegistered, TenantStatusChanged,
};
use foodflow_log::{Partition, Position, StreamId};
use foodflow_projections::page::PageRequest;
use foodflow_projections::recorded::{ProjectError, Recorded};
use foodflow_projections::store::{Checkpoint, DigestScope};
use foodflow_projections::tables::embedded::EmbeddedTables;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tables::{TableProjection, TableStore};
use foodflow_projections::tenancy::{TENANCY, feature_flags, subscriptions, tenants};
use jiff::Timestamp;
use uuid::Uuid;

use crate::story::{Story, recorded, time};
use crate::table_contract::postgres::database;

/// Both stores of tenancy, empty.
pub(super) async fn stores() -> [Arc<dyn TableStore>; 2] {
    stores_of(&TENANCY).await
}

/// Both stores of a projection, empty.
pub(crate) async fn stores_of(tables: &'static TableProjection) -> [Arc<dyn TableStore>; 2] {
    let embedded = EmbeddedTables::in_memory(tables).await.unwrap();
    let stores: [Arc<dyn TableStore>; 2] =
        [Arc::new(embedded), Arc::new(PostgresTables::new(database().await, tables))];
    for store in &stores {
        store.migrate().await.unwrap();
    }
    stores
}

/// Applies the story to tenancy's tables, in batches of so many messages; answers with the tenant's digest.
pub(super) async fn apply(store: &dyn TableStore, story: &Story, messages: usize) -> String {
    apply_of(&TENANCY, store, story, messages).await
}

/// Applies the story to a projection's tables.
pub(crate) async fn apply_of(
    tables: &'static TableProjection,
    store: &dyn TableStore,
    story: &Story,
    messages: usize,
) -> String {
    let partition = Partition(0);
    let mut claim = store.claim(partition).await.unwrap();
    for part in story.messages.chunks(messages) {
        let mut changes = Vec::new();
        for message in part {
            let projected = tables.project(&Recorded::decode(message).unwrap()).unwrap();
            changes.extend(projected.into_iter().map(|change| (story.tenant, change)));
        }
        let position = part.last().unwrap().position;
        let reached = Checkpoint::new(position, Some(recorded(position.0)));
        store.apply(claim.next(partition, changes, reached)).await.unwrap();
    }
    store.digest(DigestScope::Tenant(story.tenant)).await.unwrap()
}

fn profile(name: &str, logo_url: Option<&str>) -> TenantProfile {
    let (name, logo_url) = (name.to_owned(), logo_url.map(str::to_owned));
    TenantProfile { name, logo_url, primary_color: None, stripe_customer_id: None }
}

/// While the subscription of the story would be in force.
fn now() -> Timestamp {
    time("2026-04-15T00:00:00Z")
}

fn told() -> Story {
    let mut story = Story::new();
    let tenant_id = story.tenant;
    let subscription_id = story.id("subscription").into();
    let tenant = |story: &mut Story, event| story.record(tenant_id.0, &event);
    let status = || TenantStatusChanged { tenant_id, reason: "unpaid".to_owned() };
    let (slug, plan) = (format!("t-{tenant_id}"), "free".to_owned());
    let registered =
        TenantRegistered { tenant_id, slug, profile: profile("One", Some("https://x.example/1")), plan };
    tenant(&mut story, TenantEvent::Registered(registered));
    tenant(&mut story, TenantEvent::Rebranded(TenantRebranded { tenant_id, profile: profile("Two", None) }));
    let subscription = |story: &mut Story, event| story.record(story.id("subscription"), &event);
    let started = SubscriptionStarted {
        subscription_id,
        plan: "plant".to_owned(),
        current_period_start: time("2026-03-01T00:00:00Z"),
        current_period_end: time("2026-04-01T00:00:00Z"),
        stripe_subscription_id: None,
    };
    subscription(&mut story, SubscriptionEvent::Started(started));
    let changed =
        TenantPlanChanged { tenant_id, plan: "plant".to_owned(), subscription_id: Some(subscription_id) };
    tenant(&mut story, TenantEvent::PlanChanged(changed));
    let renewed = SubscriptionRenewed {
        subscription_id,
        current_period_start: time("2026-04-01T00:00:00Z"),
        current_period_end: time("2026-05-01T00:00:00Z"),
    };
    subscription(&mut story, SubscriptionEvent::Renewed(renewed));
    let plan = "enterprise".to_owned();
    subscription(
        &mut story,
        SubscriptionEvent::PlanChanged(SubscriptionPlanChanged { subscription_id, plan }),
    );
    let reason = "sold".to_owned();
    subscription(&mut story, SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id, reason }));
    tenant(&mut story, TenantEvent::Suspended(status()));
    for enabled in [true, false] {
        let (feature_flag_id, feature_name) = (story.id("vision").into(), "vision".to_owned());
        let set = FeatureFlagEvent::Set(FeatureFlagSet { feature_flag_id, feature_name, enabled });
        story.record(story.id("vision"), &set);
    }
    story
}

#[tokio::test]
async fn events_make_rows_and_change_them() {
    let story = told();
    for store in stores().await {
        apply(&*store, &story, 3).await;
        let tenant = tenants::tenant(&*store, story.tenant, now()).await.unwrap().unwrap();
        assert_eq!((tenant.name.as_str(), tenant.logo_url), ("Two", None));
        assert_eq!(
            (tenant.subscription_plan.as_str(), tenant.subscription_status.as_str()),
            ("plant", "suspended")
        );
        assert_eq!((tenant.version, tenant.position), (4, 8));
        assert_eq!((tenant.created_at, tenant.updated_at), (recorded(1), recorded(8)));
        let id = story.id("subscription");
        let subscription =
            subscriptions::subscription(&*store, story.tenant, id, now()).await.unwrap().unwrap();
        assert_eq!((subscription.plan.as_str(), subscription.status.as_str()), ("enterprise", "cancelled"));
        assert_eq!(subscription.current_period_end, time("2026-05-01T00:00:00Z"));
        assert_eq!((subscription.version, subscription.position), (4, 7));
        let flag = feature_flags::feature_flag(&*store, story.tenant, "vision".to_owned()).await.unwrap();
        let flag = flag.unwrap();
        assert_eq!((flag.enabled, flag.version, flag.created_at), (false, 2, recorded(9)));
        // Of nobody else.
        let stranger = TenantId(Uuid::new_v4());
        assert_eq!(tenants::tenant(&*store, stranger, now()).await.unwrap(), None);
        assert_eq!(subscriptions::subscription(&*store, stranger, id, now()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_a_tenant_has_is_kept_while_its_own_events_wait() {
    // Quarantine withholds the tenant's stream, and nothing else.
    let mut story = told();
    story.messages.retain(|message| message.stream.aggregate != "tenant");
    let mut digests = Vec::new();
    for store in stores().await {
        digests.push(apply(&*store, &story, 1).await);
        assert_eq!(tenants::tenant(&*store, story.tenant, now()).await.unwrap(), None);
        let flag = feature_flags::feature_flag(&*store, story.tenant, "vision".to_owned()).await.unwrap();
        assert_eq!(flag.map(|flag| (flag.enabled, flag.version)), Some((false, 2)));
        let id = story.id("subscription");
        let subscription = subscriptions::subscription(&*store, story.tenant, id, now()).await.unwrap();
        assert_eq!(subscription.map(|row| row.status).as_deref(), Some("cancelled"));
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn pages_are_filtered_and_in_order_of_id() {
    let mut story = told();
    for number in 0..5 {
        let feature_name = format!("feature-{number}");
        let id = story.id(&feature_name);
        let enabled = number % 2 == 0;
        let set = FeatureFlagSet { feature_flag_id: id.into(), feature_name, enabled };
        story.record(id, &FeatureFlagEvent::Set(set));
    }
    for store in stores().await {
        apply(&*store, &story, 100).await;
        let ask = async |enabled, after| {
            let filters = feature_flags::FeatureFlagFilters { enabled, ..Default::default() };
            let request = PageRequest { after, size: 2 };
            feature_flags::feature_flags(&*store, story.tenant, filters, request).await.unwrap()
        };
        let (mut after, mut ids) = (None, Vec::new());
        loop {
            let page = ask(None, after).await;
            ids.extend(page.items.iter().map(|flag| flag.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(ids.is_sorted() && ids.len() == 6, "{ids:?}");
        let on = ask(Some(true), None).await;
        assert!(on.items.iter().all(|flag| flag.enabled) && on.next.is_some());
        let filters = subscriptions::SubscriptionFilters { plan: None, status: Some("active".to_owned()) };
        let request = PageRequest { after: None, size: 10 };
        let active =
            subscriptions::subscriptions(&*store, story.tenant, filters, request, now()).await.unwrap();
        assert!(active.items.is_empty());
    }
}

#[test]
fn an_unknown_type_of_the_context_is_an_error_and_every_known_one_is_read() {
    for event_type in ["foodflow.tenancy.tenant.merged.v1", "foodflow.tenancy.invoice.sent.v1"] {
        let mut story = Story::new();
        let stream = StreamId::new("tenancy", "tenant", story.tenant.0);
        story.record_raw(stream, event_type, "{}".to_owned());
        let refused = TENANCY.project(&story.last()).unwrap_err();
        assert!(matches!(refused, ProjectError::UnknownType { position: Position(1), .. }), "{refused}");
    }
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/events");
    for event_type in TENANCY.event_types() {
        let text = std::fs::read_to_string(samples.join(format!("{event_type}.json"))).unwrap();
        let sample: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut story = Story::new();
        let stream = StreamId::new("tenancy", "sample", story.tenant.0);
        story.record_raw(stream, event_type, sample["data"].to_string());
        TENANCY.project(&story.last()).unwrap();
    }
    assert_eq!(TENANCY.event_types().len(), 14);
}

#[tokio::test]
async fn a_subscription_ends_by_time_and_its_plan_with_it() {
    let mut story = Story::new();
    let tenant_id = story.tenant;
    let (slug, plan) = (format!("t-{tenant_id}"), "free".to_owned());
    let registered = TenantRegistered { tenant_id, slug, profile: profile("One", None), plan };
    story.record(tenant_id.0, &TenantEvent::Registered(registered));
    let started = |id: Uuid| SubscriptionStarted {
        subscription_id: id.into(),
        plan: "starter".to_owned(),
        current_period_start: time("2026-03-01T00:00:00Z"),
        current_period_end: time("2026-04-01T00:00:00Z"),
        stripe_subscription_id: None,
    };
    let (kept, left) = (story.id("kept"), story.id("left"));
    story.record(left, &SubscriptionEvent::Started(started(left)));
    let cancelled = SubscriptionCancelled { subscription_id: left.into(), reason: "sold".to_owned() };
    story.record(left, &SubscriptionEvent::Cancelled(cancelled));
    story.record(kept, &SubscriptionEvent::Started(started(kept)));
    let subscription_id = Some(kept.into());
    let changed = TenantPlanChanged { tenant_id, plan: "starter".to_owned(), subscription_id };
    story.record(tenant_id.0, &TenantEvent::PlanChanged(changed));

    let stands = async |story: &Story, store: &dyn TableStore, at: &str, status: &str, plan: &str| {
        let (tenant, at) = (story.tenant, time(at));
        let row = subscriptions::subscription(store, tenant, kept, at).await.unwrap().unwrap();
        assert_eq!(row.status, status, "{at}");
        let row = tenants::tenant(store, tenant, at).await.unwrap().unwrap();
        assert_eq!(row.subscription_plan, plan, "{at}");
        for wanted in ["active", "cancelling", "past_due", "expired", "cancelled", "unheard-of"] {
            let filters = subscriptions::SubscriptionFilters { plan: None, status: Some(wanted.to_owned()) };
            let request = PageRequest { after: None, size: 10 };
            let page = subscriptions::subscriptions(store, tenant, filters, request, at).await.unwrap();
            let found: Vec<_> = page.items.iter().map(|row| (row.id, row.status.as_str())).collect();
            let mut expected = Vec::new();
            expected.extend((wanted == status).then_some((kept, wanted)));
            expected.extend((wanted == "cancelled").then_some((left, wanted)));
            expected.sort_unstable();
            assert_eq!(found, expected, "{wanted} at {at}");
        }
    };
    for store in stores().await {
        apply(&*store, &story, 100).await;
        stands(&story, &*store, "2026-03-31T23:59:59.999999Z", "active", "starter").await;
        stands(&story, &*store, "2026-04-01T00:00:00Z", "past_due", "starter").await;
        stands(&story, &*store, "2026-04-14T23:59:59.999999Z", "past_due", "starter").await;
        stands(&story, &*store, "2026-04-15T00:00:00Z", "expired", "free").await;
    }
    let ends_at = time("2026-04-01T00:00:00Z");
    let (subscription_id, reason) = (kept.into(), "sold".to_owned());
    let scheduled = SubscriptionCancellationScheduled { subscription_id, reason, ends_at };
    story.record(kept, &SubscriptionEvent::CancellationScheduled(scheduled));
    for store in stores().await {
        apply(&*store, &story, 100).await;
        stands(&story, &*store, "2026-03-31T23:59:59.999999Z", "cancelling", "starter").await;
        stands(&story, &*store, "2026-04-01T00:00:00Z", "cancelled", "free").await;
    }
    let ended =
        SubscriptionEnded { subscription_id: kept.into(), ending: Ending::Expired, ended_at: ends_at };
    story.record(kept, &SubscriptionEvent::Ended(ended));
    for store in stores().await {
        apply(&*store, &story, 100).await;
        let row = subscriptions::subscription(&*store, story.tenant, kept, ends_at).await.unwrap().unwrap();
        assert_eq!(row.status, "expired");
        assert_eq!(subscriptions::present(&*store, story.tenant).await.unwrap(), None);
    }
}
