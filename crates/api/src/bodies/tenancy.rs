//! Bodies of the tenant, its subscriptions and features.

use foodflow_commands::tenancy::feature_flags::SetFeatureFlag;
use foodflow_commands::tenancy::subscriptions::{ChangeSubscription, StartSubscription, SubscriptionChange};
use foodflow_commands::tenancy::tenants::{ChangeTenantStatus, DescribeTenant, StatusChange};
use foodflow_domain::tenancy::tenant::TenantProfile;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Body, Checks, FieldError};
use crate::http::schema;

/// Most characters of the name of a plan.
pub const PLAN_CHARS_MAX: usize = 50;
/// Most characters of the address of a logo.
pub const URL_CHARS_MAX: usize = 500;
/// Most characters of the name of a feature.
const FEATURE_CHARS_MAX: usize = 100;

/// Whether a feature may be called so.
#[must_use]
pub fn is_feature_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    (1..=FEATURE_CHARS_MAX).contains(&name.len()) && name.chars().all(fits)
}

/// Whether a plan may be called so.
///
/// # Errors
/// What its name must be.
pub fn check_plan_name(plan: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if (1..=PLAN_CHARS_MAX).contains(&plan.len()) && plan.chars().all(fits) {
        return Ok(());
    }
    Err(format!("must have 1 to {PLAN_CHARS_MAX} characters of a-z, 0-9, `_` and `-`"))
}

fn plan(checks: &mut Checks, plan: &str) {
    if let Err(detail) = check_plan_name(plan) {
        checks.add("/plan", detail);
    }
}

/// `PUT /v1/tenant`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantBody {
    /// Name.
    #[schema(value_type = schema::Name)]
    name: String,
    /// Where its logo is: an `https` address.
    #[schema(value_type = Option<schema::HttpsAddress>)]
    logo_url: Option<String>,
    /// Its colour, `#rrggbb`.
    #[schema(value_type = Option<schema::Colour>)]
    primary_color: Option<String>,
    /// Its customer id at the payment provider.
    #[schema(value_type = Option<schema::Name>)]
    stripe_customer_id: Option<String>,
}

impl TenantBody {
    /// The operation, for the tenant of this slug.
    ///
    /// # Errors
    /// Every part that is wrong.
    pub fn check(self, slug: &str) -> Result<DescribeTenant, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/name", &self.name);
        if let Some(url) = &self.logo_url {
            let is_address = url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
            if !is_address || url.len() > URL_CHARS_MAX || !url.chars().all(|c| c.is_ascii_graphic()) {
                let detail =
                    format!("must be an `https` address of at most {URL_CHARS_MAX} ASCII characters");
                checks.add("/logo_url", detail);
            }
        }
        if let Some(color) = &self.primary_color {
            let digits = color.strip_prefix('#').unwrap_or_default();
            if digits.len() != 6 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
                checks.add("/primary_color", "must be a colour as `#rrggbb`, with hexadecimal digits");
            }
        }
        checks.optional_name("/stripe_customer_id", self.stripe_customer_id.as_deref());
        let Self { name, logo_url, primary_color, stripe_customer_id } = self;
        let profile = TenantProfile { name, logo_url, primary_color, stripe_customer_id };
        checks.finish(DescribeTenant { slug: slug.to_owned(), profile })
    }
}

/// Why something is done.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why.
    #[schema(value_type = schema::Sentence)]
    reason: String,
}

impl ReasonBody {
    fn checked(self) -> Result<String, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.sentence("/reason", &self.reason);
        checks.finish(self.reason)
    }
}

macro_rules! status_bodies {
    ($($(#[$doc:meta])* $name:ident = $change:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(transparent)]
        pub struct $name(ReasonBody);

        impl Body for $name {
            type Operation = ChangeTenantStatus;

            fn check(self, _: Uuid) -> Result<ChangeTenantStatus, Vec<FieldError>> {
                Ok(ChangeTenantStatus { change: StatusChange::$change, reason: self.0.checked()? })
            }
        }
    )*};
}

status_bodies! {
    /// `POST /v1/tenant/suspend`.
    SuspendBody = Suspend;
    /// `POST /v1/tenant/reactivate`.
    ReactivateBody = Reactivate;
    /// `POST /v1/tenant/close`.
    CloseBody = Close;
}

/// `POST /v1/subscriptions`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Its plan.
    #[schema(value_type = schema::PlanName)]
    plan: String,
    /// Begin of its first period.
    #[schema(value_type = schema::Instant)]
    current_period_start: Timestamp,
    /// End of its first period.
    #[schema(value_type = schema::Instant)]
    current_period_end: Timestamp,
    /// Its id at the payment provider.
    #[schema(value_type = Option<schema::Name>)]
    stripe_subscription_id: Option<String>,
}

impl Body for SubscriptionBody {
    type Operation = StartSubscription;

    fn check(self, _: Uuid) -> Result<StartSubscription, Vec<FieldError>> {
        let mut checks = Checks::default();
        plan(&mut checks, &self.plan);
        checks.instant("/current_period_start", self.current_period_start);
        checks.instant("/current_period_end", self.current_period_end);
        checks.optional_name("/stripe_subscription_id", self.stripe_subscription_id.as_deref());
        let Self { id, plan, current_period_start, current_period_end, stripe_subscription_id } = self;
        checks.finish(StartSubscription {
            id: id.map(Into::into),
            plan,
            current_period_start,
            current_period_end,
            stripe_subscription_id,
        })
    }
}

/// `POST /v1/subscriptions/{id}/renew`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewalBody {
    /// End of the period that begins where the present one ends.
    #[schema(value_type = schema::Instant)]
    current_period_end: Timestamp,
}

impl Body for RenewalBody {
    type Operation = ChangeSubscription;

    fn check(self, id: Uuid) -> Result<ChangeSubscription, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.instant("/current_period_end", self.current_period_end);
        let change = SubscriptionChange::Renew(self.current_period_end);
        checks.finish(ChangeSubscription { id: id.into(), change })
    }
}

/// `PUT /v1/subscriptions/{id}/plan`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionPlanBody {
    /// Its plan.
    #[schema(value_type = schema::PlanName)]
    plan: String,
}

impl Body for SubscriptionPlanBody {
    type Operation = ChangeSubscription;

    fn check(self, id: Uuid) -> Result<ChangeSubscription, Vec<FieldError>> {
        let mut checks = Checks::default();
        plan(&mut checks, &self.plan);
        checks.finish(ChangeSubscription { id: id.into(), change: SubscriptionChange::ChangePlan(self.plan) })
    }
}

/// `POST /v1/subscriptions/{id}/cancel`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// Why.
    reason: String,
    /// Whether it goes on until its period ends; at once where absent.
    #[serde(default)]
    at_period_end: bool,
}

impl Body for CancelBody {
    type Operation = ChangeSubscription;

    fn check(self, id: Uuid) -> Result<ChangeSubscription, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.sentence("/reason", &self.reason);
        let change = SubscriptionChange::Cancel { reason: self.reason, at_period_end: self.at_period_end };
        checks.finish(ChangeSubscription { id: id.into(), change })
    }
}

/// `PUT /v1/feature-flags/{feature_name}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureFlagBody {
    /// Whether the feature is on.
    enabled: bool,
}

impl FeatureFlagBody {
    /// The operation, for the feature of this name.
    ///
    /// # Errors
    /// None: a flag is on or off.
    pub fn check(self, feature_name: String) -> Result<SetFeatureFlag, Vec<FieldError>> {
        Ok(SetFeatureFlag { feature_name, enabled: self.enabled })
    }
}
