//! `tenants`: one row at most for each tenant.

use foodflow_domain::TenantId;
use foodflow_domain::tenancy::FREE_PLAN;
use foodflow_domain::tenancy::subscription::SubscriptionStatus;
use foodflow_domain::tenancy::tenant::{TenantEvent, TenantProfile, TenantStatus};
use jiff::Timestamp;
use uuid::Uuid;

use super::subscriptions;
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableStore, Value, select};

table! {
    /// A tenant.
    pub struct Tenant in "tenants" {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: String [255],
        /// Its short name, from which the id derives.
        slug: String [100],
        /// Where its logo is.
        logo_url: Option<String> [500],
        /// Its colour, `#rrggbb`.
        primary_color: Option<String> [7],
        /// Its plan.
        subscription_plan: String [50],
        /// `active`, `suspended` or `closed`.
        subscription_status: String [50 of "active" | "suspended" | "closed"],
        /// Its customer id at the payment provider.
        stripe_customer_id: Option<String> [255],
        /// When it was registered.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// Its version: the `ETag`.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["id"], tenant: "id",
    unique: [["slug"]],
    indexes: ["idx_tenants_slug": ["slug"], "idx_tenants_subscription_status": ["subscription_status"]],
}

impl EventTable for Tenant {
    type Event = TenantEvent;

    fn project(event: &TableEvent<'_>, data: TenantEvent, changes: &mut Vec<TableChange>) {
        let id = event.tenant().0;
        let patch = || event.patch::<Self>([Value::Uuid(id)]);
        let status = |status: TenantStatus| patch().set("subscription_status", status.as_str().to_owned());
        changes.push(match data {
            TenantEvent::Registered(data) => {
                let TenantProfile { name, logo_url, primary_color, stripe_customer_id } = data.profile;
                event.append(Self {
                    id,
                    name,
                    slug: data.slug,
                    logo_url,
                    primary_color,
                    subscription_plan: data.plan,
                    subscription_status: TenantStatus::Active.as_str().to_owned(),
                    stripe_customer_id,
                    created_at: event.recorded_at(),
                    updated_at: event.recorded_at(),
                    version: event.version(),
                    position: event.position(),
                })
            }
            TenantEvent::Rebranded(data) => {
                let TenantProfile { name, logo_url, primary_color, stripe_customer_id } = data.profile;
                let named = patch().set("name", name).set("logo_url", logo_url);
                named
                    .set("primary_color", primary_color)
                    .set("stripe_customer_id", stripe_customer_id)
                    .change()
            }
            // The flag has a row of its own.
            TenantEvent::FeatureSet(_) => patch().change(),
            TenantEvent::PlanChanged(data) => patch().set("subscription_plan", data.plan).change(),
            TenantEvent::Suspended(_) => status(TenantStatus::Suspended).change(),
            TenantEvent::Reactivated(_) => status(TenantStatus::Active).change(),
            TenantEvent::Closed(_) => status(TenantStatus::Closed).change(),
        });
    }
}

/// The tenant, where it is registered, with the plan that it has at `now`: what a subscription gave is over with it.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn tenant(
    store: &dyn TableStore,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Option<Tenant>, StoreError> {
    let Some(mut row): Option<Tenant> = select::one(store, Select::of::<Tenant>(tenant)).await? else {
        return Ok(None);
    };
    if let Some(subscription) = subscriptions::present(store, tenant).await?
        && !subscription.status_at(now).is_some_and(SubscriptionStatus::is_in_force)
    {
        FREE_PLAN.clone_into(&mut row.subscription_plan);
    }
    Ok(Some(row))
}
