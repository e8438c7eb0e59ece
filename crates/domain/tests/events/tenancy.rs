//! Tenancy: one event of every type, with every optional part present, and the fields of its schema.

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::feature_flag::{FeatureFlagEvent, FeatureFlagSet};
use foodflow_domain::tenancy::subscription::{
    Ending, SubscriptionCancellationScheduled, SubscriptionCancelled, SubscriptionEnded, SubscriptionEvent,
    SubscriptionPlanChanged, SubscriptionRenewed, SubscriptionStarted,
};
use foodflow_domain::tenancy::tenant::{
    TenantEvent, TenantFeatureSet, TenantPlanChanged, TenantProfile, TenantRebranded, TenantRegistered,
    TenantStatusChanged,
};
use serde_json::json;

use super::definitions::{Field, id as uuid, may, must, object, text, the};
use super::samples::{some, time};
use crate::support::id;

pub(crate) fn profile(name: &str) -> TenantProfile {
    TenantProfile {
        name: name.to_owned(),
        logo_url: some("https://harbor-vale.example/logo.svg"),
        primary_color: some("#0a5c36"),
        stripe_customer_id: some("cus_NffrFeUfNV2Hib"),
    }
}

pub(super) fn tenant_events() -> Vec<TenantEvent> {
    let tenant_id = id(0xA);
    let status = |reason: &str| TenantStatusChanged { tenant_id, reason: reason.to_owned() };
    vec![
        TenantEvent::Registered(TenantRegistered {
            tenant_id,
            slug: "harbor-vale".to_owned(),
            profile: profile("Harbor & Vale"),
            plan: "free".to_owned(),
        }),
        TenantEvent::Rebranded(TenantRebranded { tenant_id, profile: profile("Harbor & Vale Foods") }),
        TenantEvent::PlanChanged(TenantPlanChanged {
            tenant_id,
            plan: "plant".to_owned(),
            subscription_id: Some(id(600)),
        }),
        TenantEvent::FeatureSet(TenantFeatureSet {
            tenant_id,
            feature_name: "vision_inspection".to_owned(),
            enabled: true,
        }),
        TenantEvent::Suspended(status("invoice 2026-118 is unpaid")),
        TenantEvent::Reactivated(status("paid")),
        TenantEvent::Closed(status("contract ended")),
    ]
}

pub(crate) fn started() -> SubscriptionStarted {
    SubscriptionStarted {
        subscription_id: id(600),
        plan: "plant".to_owned(),
        current_period_start: time("2026-03-01T00:00:00Z"),
        current_period_end: time("2026-04-01T00:00:00Z"),
        stripe_subscription_id: some("sub_1MowQVLkdIwHu7ixeRlqHVzs"),
    }
}

pub(super) fn subscription_events() -> Vec<SubscriptionEvent> {
    let subscription_id: SubscriptionId = id(600);
    vec![
        SubscriptionEvent::Started(started()),
        SubscriptionEvent::Renewed(SubscriptionRenewed {
            subscription_id,
            current_period_start: time("2026-04-01T00:00:00Z"),
            current_period_end: time("2026-05-01T00:00:00Z"),
        }),
        SubscriptionEvent::PlanChanged(SubscriptionPlanChanged {
            subscription_id,
            plan: "enterprise".to_owned(),
        }),
        SubscriptionEvent::CancellationScheduled(SubscriptionCancellationScheduled {
            subscription_id,
            reason: "the plant is for sale".to_owned(),
            ends_at: time("2026-05-01T00:00:00Z"),
        }),
        SubscriptionEvent::Ended(SubscriptionEnded {
            subscription_id,
            ending: Ending::Cancelled,
            ended_at: time("2026-05-01T00:00:00Z"),
        }),
        SubscriptionEvent::Cancelled(SubscriptionCancelled {
            subscription_id,
            reason: "the plant was sold".to_owned(),
        }),
    ]
}

pub(super) fn feature_flag_events() -> Vec<FeatureFlagEvent> {
    vec![FeatureFlagEvent::Set(FeatureFlagSet {
        feature_flag_id: id(700),
        feature_name: "vision_inspection".to_owned(),
        enabled: true,
    })]
}

/// The fields of the data of an event.
pub(super) fn fields(aggregate: &str, verb: &str) -> Vec<Field> {
    let profile = || {
        let fields = vec![
            must("name", text()),
            may("logo_url", text()),
            may("primary_color", text()),
            may("stripe_customer_id", text()),
        ];
        must("profile", object(fields))
    };
    match (aggregate, verb) {
        ("tenant", "registered") => {
            vec![must("tenant_id", uuid()), must("slug", text()), profile(), must("plan", text())]
        }
        ("tenant", "rebranded") => vec![must("tenant_id", uuid()), profile()],
        ("tenant", "plan_changed") => {
            vec![must("tenant_id", uuid()), must("plan", text()), may("subscription_id", uuid())]
        }
        ("tenant", "feature_set") => vec![
            must("tenant_id", uuid()),
            must("feature_name", text()),
            must("enabled", json!({"type": "boolean"})),
        ],
        ("tenant", "suspended" | "reactivated" | "closed") => {
            vec![must("tenant_id", uuid()), must("reason", text())]
        }
        ("subscription", "started") => vec![
            must("subscription_id", uuid()),
            must("plan", text()),
            must("current_period_start", the("time")),
            must("current_period_end", the("time")),
            may("stripe_subscription_id", text()),
        ],
        ("subscription", "renewed") => vec![
            must("subscription_id", uuid()),
            must("current_period_start", the("time")),
            must("current_period_end", the("time")),
        ],
        ("subscription", "plan_changed") => vec![must("subscription_id", uuid()), must("plan", text())],
        ("subscription", "cancellation_scheduled") => {
            vec![must("subscription_id", uuid()), must("reason", text()), must("ends_at", the("time"))]
        }
        ("subscription", "ended") => vec![
            must("subscription_id", uuid()),
            must("ending", json!({"enum": ["expired", "cancelled"]})),
            must("ended_at", the("time")),
        ],
        ("subscription", "cancelled") => vec![must("subscription_id", uuid()), must("reason", text())],
        ("feature_flag", "set") => vec![
            must("feature_flag_id", uuid()),
            must("feature_name", text()),
            must("enabled", json!({"type": "boolean"})),
        ],
        _ => panic!("no schema is written for {aggregate} {verb}"),
    }
}
