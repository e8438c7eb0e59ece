//! `usage_metrics`: what a tenant uses, metered from the log itself.
//!
//! A row holds the sum of one metric over one hour of recorded time. It follows from the messages alone, so that a bill
//! can be made again from the log and is the same. Contexts are known by the types of their events only.

use foodflow_domain::TenantId;
use foodflow_domain::tenancy::usage::{LOT_METRICS, LOT_PRODUCED, LOT_RECEIVED};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::page::{PAGE_ITEMS_MAX, Page, PageRequest};
use crate::recorded::Recorded;
use crate::store::StoreError;
use crate::table;
use crate::tables::{Select, TableChange, TableRow as _, TableStore, select};

/// Length of the period that a row sums up, in seconds.
const PERIOD_S: i64 = 3_600;

/// Metrics that count events, with what the types of those begin with, up to the version.
const EVENT_METRICS: [(&str, &str); 3] = [
    (LOT_METRICS[0], LOT_RECEIVED),
    (LOT_METRICS[1], LOT_PRODUCED),
    ("shipments.recorded", "foodflow.food_graph.shipment.recorded."),
];

table! {
    /// The sum of a metric over one hour of recorded time.
    pub struct UsageMetric in "usage_metrics" {
        /// Its id; derives from tenant, metric and hour.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// The metric.
        metric_name: String [100],
        /// The sum: a number of things, or of bytes.
        value: Decimal,
        /// Begin of the hour.
        timestamp: Timestamp,
        /// Position of what was added last.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    indexes: [
        "idx_usage_metrics_tenant_id": ["tenant_id"],
        "idx_usage_metrics_timestamp": ["timestamp"],
    ],
}

/// What a message adds to the metrics of its tenant:
///
/// - `events.recorded`: events in it;
/// - `commands.recorded`: 1 for the first message of a commit;
/// - `bytes.recorded`: bytes of its payload, as stored;
/// - `lots.received`, `lots.produced`, `shipments.recorded`: events of that kind.
pub fn meter(message: &Recorded, changes: &mut Vec<TableChange>) {
    changes.extend(metered(message).into_iter().map(|row| TableChange::Add {
        row: row.into_row(),
        sum: "value",
        replace: &["position"],
    }));
}

/// What a message adds, as rows of its hour.
#[must_use]
pub fn metered(message: &Recorded) -> Vec<UsageMetric> {
    let Some(first) = message.events.first() else { return Vec::new() };
    let count = |wanted: &str| {
        message.events.iter().filter(|event| event.event_type.starts_with(wanted)).count() as u64
    };
    let own = [
        ("events.recorded", message.events.len() as u64),
        ("commands.recorded", u64::from(first.commitindex == 0)),
        ("bytes.recorded", message.payload_bytes as u64),
    ];
    let of_events = EVENT_METRICS.into_iter().map(|(name, wanted)| (name, count(wanted)));
    let hour = first.time.as_second().div_euclid(PERIOD_S) * PERIOD_S;
    let timestamp = Timestamp::from_second(hour).unwrap_or(first.time);
    let row = |(metric_name, amount): (&str, u64)| UsageMetric {
        id: Uuid::new_v5(&message.tenant.0, format!("{metric_name}/{hour}").as_bytes()),
        tenant_id: message.tenant.0,
        metric_name: metric_name.to_owned(),
        value: amount.into(),
        timestamp,
        position: message.position.0.cast_signed(),
    };
    own.into_iter().chain(of_events).filter(|(_, amount)| *amount > 0).map(row).collect()
}

/// Which sums are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct UsageMetricFilters {
    /// Of this metric.
    pub metric_name: Option<String>,
    /// Of hours that begin then or later.
    pub since: Option<Timestamp>,
    /// Of hours that begin before then.
    pub until: Option<Timestamp>,
}

/// A page of sums, in order of their hours; of those that began at `retained_since` or later, where that is given.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn usage_metrics(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: UsageMetricFilters,
    request: PageRequest,
    retained_since: Option<Timestamp>,
) -> Result<Page<UsageMetric>, StoreError> {
    let UsageMetricFilters { metric_name, since, until } = filters;
    let select = Select::of::<UsageMetric>(tenant).equal("metric_name", metric_name);
    let select = select.at_least("timestamp", since).at_least("timestamp", retained_since);
    let select = select.before("timestamp", until).ordered_by("timestamp");
    select::page(store, select, request, |row: &UsageMetric| row.id).await
}

/// Every sum that the filters name, in order of their hours.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn all(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: &UsageMetricFilters,
) -> Result<Vec<UsageMetric>, StoreError> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, size: PAGE_ITEMS_MAX };
        let page = usage_metrics(store, tenant, filters.clone(), request, None).await?;
        rows.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(rows),
        }
    }
}
