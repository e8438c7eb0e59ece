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
const NEEDED: &str = "the domain needs it besides";
const NAMES_TENANT: &str = "every row names its tenant, which is part of its key and of its policy";
const EMAIL: &str = "a person may belong to several tenants: an address is unique in each";
const OF_TENANT: &str = "the reference is kept, within the tenant";
const OF_ANOTHER: &str =
    "the other row is of another aggregate, and may wait in quarantine while this one is written";

macro_rules! deviations {
    ($($fact:literal: $documented:expr => $migrated:expr, $reason:expr;)*) => {
        &[$(Deviation { fact: $fact, documented: $documented, migrated: $migrated, reason: $reason },)*]
    };
}

/// All of them: what is said of a fact, what the document says, what the database has, and why.
pub(super) const DEVIATIONS: &[Deviation] = deviations! {

    "*: type": "timestamp without time zone" => "timestamp with time zone", INSTANT;
    "*.version: *": ABSENT => "*", ADDED;
    "*.position: *": ABSENT => "*", ADDED;
    "projection_*: table": ABSENT => "present", PROJECTION;

    "*.created_at: nullable": "yes" => "no", BY_EVENT;
    "*.updated_at: nullable": "yes" => "no", BY_EVENT;

    "sessions: table": ABSENT => "present", NEEDED;
    "service_accounts: table": ABSENT => "present", NEEDED;
    "api_keys: table": ABSENT => "present", NEEDED;
    "audit_trail: table": ABSENT => "present", NEEDED;

    "users: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "users: unique (email)": "present" => ABSENT, EMAIL;
    "users: unique (tenant_id, email)": ABSENT => "present", EMAIL;
    "users.is_active: nullable": "yes" => "no", BY_EVENT;
    "users.status: *": ABSENT => "*", NEEDED;
    "users.has_second_factor: *": ABSENT => "*", NEEDED;
    "users.locked_until: *": ABSENT => "*", NEEDED;

    "roles: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "roles.built_in: *": ABSENT => "*", NEEDED;

    "permissions.tenant_id: *": ABSENT => "*", NAMES_TENANT;
    "permissions: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "permissions: unique (resource, action)": "present" => ABSENT, NAMES_TENANT;
    "permissions: unique (tenant_id, resource, action)": ABSENT => "present", NAMES_TENANT;

    "user_roles.tenant_id: *": ABSENT => "*", NAMES_TENANT;
    "user_roles: primary key": "user_id, role_id" => "tenant_id, user_id, role_id", WITHIN_TENANT;
    "user_roles: references (user_id)": "users(id) ON DELETE CASCADE" => ABSENT, OF_TENANT;
    "user_roles: references (tenant_id, user_id)": ABSENT => "users(tenant_id, id) ON DELETE CASCADE", OF_TENANT;
    "user_roles: references (role_id)": "roles(id) ON DELETE CASCADE" => ABSENT, OF_ANOTHER;

    "role_permissions.tenant_id: *": ABSENT => "*", NAMES_TENANT;
    "role_permissions: primary key": "role_id, permission_id" => "tenant_id, role_id, permission_id", WITHIN_TENANT;
    "role_permissions: references (role_id)": "roles(id) ON DELETE CASCADE" => ABSENT, OF_TENANT;
    "role_permissions: references (tenant_id, role_id)": ABSENT => "roles(tenant_id, id) ON DELETE CASCADE", OF_TENANT;
    "role_permissions: references (permission_id)": "permissions(id) ON DELETE CASCADE" => ABSENT, OF_TENANT;
    "role_permissions: references (tenant_id, permission_id)":
        ABSENT => "permissions(tenant_id, id) ON DELETE CASCADE", OF_TENANT;

    "refresh_tokens.tenant_id: *": ABSENT => "*", NAMES_TENANT;
    "refresh_tokens: primary key": "id" => "tenant_id, id", WITHIN_TENANT;
    "refresh_tokens.user_id: nullable": "yes" => "no", BY_EVENT;
    "refresh_tokens: references (user_id)": "users(id) ON DELETE CASCADE" => ABSENT, OF_ANOTHER;

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
