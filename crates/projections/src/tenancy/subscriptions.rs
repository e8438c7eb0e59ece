//! `subscriptions`: every subscription that a tenant ever had.

use foodflow_domain::TenantId;
use foodflow_domain::tenancy::subscription::SubscriptionEvent;
use jiff::Timestamp;
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableStore, Value, select};

table! {
    /// A subscription.
    pub struct Subscription in "subscriptions" {
        /// Its id.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// Its plan.
        plan: String [50],
        /// `active` or `cancelled`.
        status: String [50],
        /// Begin of its present period.
        current_period_start: Timestamp,
        /// End of its present period.
        current_period_end: Timestamp,
        /// Its id at the payment provider.
        stripe_subscription_id: Option<String> [255],
        /// When it was recorded.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// Its version: the `ETag`.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    indexes: ["idx_subscriptions_tenant_id": ["tenant_id"]],
}

impl EventTable for Subscription {
    type Event = SubscriptionEvent;

    fn project(event: &TableEvent<'_>, data: SubscriptionEvent, changes: &mut Vec<TableChange>) {
        let patch = |id: Uuid| event.patch::<Self>([Value::Uuid(event.tenant().0), Value::Uuid(id)]);
        changes.push(match data {
            SubscriptionEvent::Started(data) => event.append(Self {
                id: data.subscription_id.0,
                tenant_id: event.tenant().0,
                plan: data.plan,
                status: "active".to_owned(),
                current_period_start: data.current_period_start,
                current_period_end: data.current_period_end,
                stripe_subscription_id: data.stripe_subscription_id,
                created_at: event.recorded_at(),
                updated_at: event.recorded_at(),
                version: event.version(),
                position: event.position(),
            }),
            SubscriptionEvent::Renewed(data) => patch(data.subscription_id.0)
                .set("current_period_start", data.current_period_start)
                .set("current_period_end", data.current_period_end)
                .change(),
            SubscriptionEvent::PlanChanged(data) => {
                patch(data.subscription_id.0).set("plan", data.plan).change()
            }
            SubscriptionEvent::Cancelled(data) => {
                patch(data.subscription_id.0).set("status", "cancelled".to_owned()).change()
            }
        });
    }
}

/// The subscription of this id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn subscription(
    store: &dyn TableStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<Subscription>, StoreError> {
    select::one(store, Select::of::<Subscription>(tenant).equal("id", Some(id))).await
}

/// Which subscriptions are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionFilters {
    /// Of this plan.
    pub plan: Option<String>,
    /// Of this status.
    pub status: Option<String>,
}

/// A page of subscriptions, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn subscriptions(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: SubscriptionFilters,
    request: PageRequest,
) -> Result<Page<Subscription>, StoreError> {
    let SubscriptionFilters { plan, status } = filters;
    let select = Select::of::<Subscription>(tenant).equal("plan", plan).equal("status", status);
    select::page(store, select, request, |row: &Subscription| row.id).await
}
