//! `subscriptions`: every subscription that a tenant ever had.
//!
//! The table holds the status that was recorded last. What has become of it since, by time alone, is derived where it is
//! read: a projection knows no other time than that of its events.

use foodflow_domain::TenantId;
use foodflow_domain::tenancy::subscription::{GRACE, SubscriptionEvent, SubscriptionStatus};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{
    Conditions, EventTable, Select, TableChange, TableEvent, TableStore, Value, rows_of, select,
};

table! {
    /// A subscription.
    pub struct Subscription in "subscriptions" {
        /// Its id.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// Its plan.
        plan: String [50],
        /// `active`, `cancelling`, `expired` or `cancelled`; read, `past_due` as well.
        status: String [50 of "active" | "cancelling" | "past_due" | "expired" | "cancelled"],
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
        let word = |status: SubscriptionStatus| status.as_str().to_owned();
        changes.push(match data {
            SubscriptionEvent::Started(data) => event.append(Self {
                id: data.subscription_id.0,
                tenant_id: event.tenant().0,
                plan: data.plan,
                status: word(SubscriptionStatus::Active),
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
                .set("status", word(SubscriptionStatus::Active))
                .change(),
            SubscriptionEvent::PlanChanged(data) => {
                patch(data.subscription_id.0).set("plan", data.plan).change()
            }
            SubscriptionEvent::CancellationScheduled(data) => {
                patch(data.subscription_id.0).set("status", word(SubscriptionStatus::Cancelling)).change()
            }
            SubscriptionEvent::Ended(data) => {
                patch(data.subscription_id.0).set("status", word(data.ending.status())).change()
            }
            SubscriptionEvent::Cancelled(data) => {
                patch(data.subscription_id.0).set("status", word(SubscriptionStatus::Cancelled)).change()
            }
        });
    }
}

impl Subscription {
    /// How it stands at `now`, where its recorded status is a word that is known.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Option<SubscriptionStatus> {
        let recorded = STATUSES.into_iter().find(|status| status.as_str() == self.status)?;
        Some(recorded.at(self.current_period_end, now))
    }

    /// As it is shown at `now`.
    #[must_use]
    pub fn shown_at(self, now: Timestamp) -> Self {
        match self.status_at(now) {
            Some(status) => Self { status: status.as_str().to_owned(), ..self },
            None => self,
        }
    }
}

/// Every status.
const STATUSES: [SubscriptionStatus; 5] = [
    SubscriptionStatus::Active,
    SubscriptionStatus::Cancelling,
    SubscriptionStatus::PastDue,
    SubscriptionStatus::Expired,
    SubscriptionStatus::Cancelled,
];

/// The subscription of this id, as it stands at `now`.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn subscription(
    store: &dyn TableStore,
    tenant: TenantId,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Subscription>, StoreError> {
    let found = select::one(store, Select::of::<Subscription>(tenant).equal("id", Some(id))).await?;
    Ok(found.map(|row: Subscription| row.shown_at(now)))
}

/// The subscription that gives the tenant its plan, or gave it until it was over by time; as recorded last.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn present(store: &dyn TableStore, tenant: TenantId) -> Result<Option<Subscription>, StoreError> {
    let recorded = [SubscriptionStatus::Active, SubscriptionStatus::Cancelling].map(recorded_as);
    let select = Select::of::<Subscription>(tenant).either(recorded.to_vec());
    Ok(rows_of(store, &select).await?.pop())
}

/// Which subscriptions are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionFilters {
    /// Of this plan.
    pub plan: Option<String>,
    /// Of this status.
    pub status: Option<String>,
}

fn recorded_as(status: SubscriptionStatus) -> Conditions {
    Conditions::default().equal("status", Some(status.as_str().to_owned()))
}

/// What rows hold that have this status at `now`, one or the other.
fn standing_as(status: &str, now: Timestamp) -> Vec<Conditions> {
    // Columns hold microseconds: to end after `now` is to end at the next one or later.
    let next = |time: Timestamp| time.checked_add(SignedDuration::from_micros(1)).unwrap_or(time);
    let renewable = next(now.checked_sub(GRACE).unwrap_or(Timestamp::MIN));
    let ends_at_least = |all: Conditions, time| all.at_least("current_period_end", Some(time));
    let ends_before = |all: Conditions, time| all.before("current_period_end", Some(time));
    let (active, cancelling) =
        (recorded_as(SubscriptionStatus::Active), recorded_as(SubscriptionStatus::Cancelling));
    match STATUSES.into_iter().find(|known| known.as_str() == status) {
        Some(SubscriptionStatus::Active) => vec![ends_at_least(active, next(now))],
        Some(SubscriptionStatus::Cancelling) => vec![ends_at_least(cancelling, next(now))],
        Some(SubscriptionStatus::PastDue) => {
            vec![ends_before(ends_at_least(active, renewable), next(now))]
        }
        Some(status @ SubscriptionStatus::Expired) => {
            vec![recorded_as(status), ends_before(active, renewable)]
        }
        Some(status @ SubscriptionStatus::Cancelled) => {
            vec![recorded_as(status), ends_before(cancelling, next(now))]
        }
        None => vec![Conditions::default().equal("status", Some(status.to_owned()))],
    }
}

/// A page of subscriptions as they stand at `now`, in order of id.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn subscriptions(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: SubscriptionFilters,
    request: PageRequest,
    now: Timestamp,
) -> Result<Page<Subscription>, StoreError> {
    let SubscriptionFilters { plan, status } = filters;
    let either = status.map(|status| standing_as(&status, now)).unwrap_or_default();
    let select = Select::of::<Subscription>(tenant).equal("plan", plan).either(either);
    let Page { items, next } = select::page(store, select, request, |row: &Subscription| row.id).await?;
    Ok(Page { items: items.into_iter().map(|row| row.shown_at(now)).collect(), next })
}
