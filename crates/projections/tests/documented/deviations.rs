//! Where the database is not as documented, and why.

use super::facts::ABSENT;

/// A difference between document and database, and its reason. `*` stands for any text.
#[derive(Debug)]
pub(super) struct Deviation {
    pub(super) fact: &'static str,
    pub(super) documented: &'static str,
    pub(super) migrated: &'static str,
    pub(super) reason: &'static str,
}

impl Deviation {
    /// Whether it is this difference: the fact, what the document says, what the database has.
    pub(super) fn is(&self, (fact, documented, migrated): &(String, String, String)) -> bool {
        let pairs = [(self.fact, fact), (self.documented, documented), (self.migrated, migrated)];
        pairs.into_iter().all(|(pattern, text)| fits(pattern, text))
    }
}

/// Whether the text is the pattern, in which each `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| fits(tail, rest)))
        }),
    }
}

const INSTANT: &str = "an instant is one everywhere: in UTC, with its zone";
const BY_EVENT: &str = "every event says it, so that it is never absent";
const ADDED: &str = "the `ETag` of the row, and the position of its last change in the log";
const WITHIN_TENANT: &str = "ids are unique within a tenant (ADR 6), and the tenant is part of every key";
const COMMUTES: &str =
    "an event of the tenant may wait in quarantine while rows of other streams are written (ADR 12)";
const PROJECTION: &str = "what a projection itself remembers";
const NOT_BUILT: &str = "identity has no projection yet";

macro_rules! deviations {
    ($($fact:literal: $documented:expr => $migrated:expr, $reason:expr;)*) => {
        &[$(Deviation { fact: $fact, documented: $documented, migrated: $migrated, reason: $reason },)*]
    };
}

/// All of them: what is said of a fact, what the document says, what the database has, and why.
pub(super) const DEVIATIONS: &[Deviation] = deviations! {
    "users: table": "present" => ABSENT, NOT_BUILT;
    "roles: table": "present" => ABSENT, NOT_BUILT;
    "permissions: table": "present" => ABSENT, NOT_BUILT;
    "user_roles: table": "present" => ABSENT, NOT_BUILT;
    "role_permissions: table": "present" => ABSENT, NOT_BUILT;
    "refresh_tokens: table": "present" => ABSENT, NOT_BUILT;

    "*: type": "timestamp without time zone" => "timestamp with time zone", INSTANT;
    "*.version: *": ABSENT => "*", ADDED;
    "*.position: *": ABSENT => "*", ADDED;
    "projection_*: table": ABSENT => "present", PROJECTION;

    "*.created_at: nullable": "yes" => "no", BY_EVENT;
    "*.updated_at: nullable": "yes" => "no", BY_EVENT;

    "tenants.subscription_plan: nullable": "yes" => "no", BY_EVENT;
    "tenants.subscription_status: nullable": "yes" => "no", BY_EVENT;

    "subscriptions.tenant_id: nullable": "yes" => "no", WITHIN_TENANT;
    "subscriptions: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "subscriptions: references (tenant_id)": "tenants(id) ON DELETE CASCADE" => ABSENT, COMMUTES;
    "subscriptions.current_period_start: nullable": "yes" => "no", BY_EVENT;
    "subscriptions.current_period_end: nullable": "yes" => "no", BY_EVENT;

    "usage_metrics.tenant_id: nullable": "yes" => "no", WITHIN_TENANT;
    "usage_metrics: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "usage_metrics: references (tenant_id)": "tenants(id) ON DELETE CASCADE" => ABSENT, COMMUTES;
    "usage_metrics.timestamp: nullable": "yes" => "no", BY_EVENT;

    "feature_flags.tenant_id: nullable": "yes" => "no", WITHIN_TENANT;
    "feature_flags: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "feature_flags: references (tenant_id)": "tenants(id) ON DELETE CASCADE" => ABSENT, COMMUTES;
    "feature_flags.enabled: nullable": "yes" => "no", BY_EVENT;
};
