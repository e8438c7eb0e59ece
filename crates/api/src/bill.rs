//! A tenant's bill of a month: what it used of each metric, under which plan.
//!
//! It follows from the log alone. Use is summed up by hours of recorded time, taken from the usage metrics of the read model
//! or metered from the log again, which comes to the same, byte for byte. The plans are those of the events of the
//! tenant and its subscriptions; an hour is billed under the plan that was in force as it ended.

use std::collections::BTreeMap;

use foodflow_domain::tenancy::subscription::{Subscription, SubscriptionEvent};
use foodflow_domain::tenancy::tenant::{Tenant, TenantEvent};
use foodflow_domain::tenancy::{Month, plan_history::PlanHistory};
use foodflow_domain::{EventSet, StreamAggregate, TenantId};
use foodflow_log::{Envelope, LogError, Position, SharedLog, StoredMessage, StreamId, position_at};
use foodflow_projections::recorded::Recorded;
use foodflow_projections::store::StoreError;
use foodflow_projections::tables::TableStore;
use foodflow_projections::tenancy::usage_metrics::{UsageMetric, UsageMetricFilters, all, metered};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cli::walk::Walk;

/// How long after a month something may still be recorded in it, by a process whose clock is late.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How far apart the clocks of processes are assumed to be at most, where the log is read by recorded time.
const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(24);
/// Length of the hours by which use is summed up.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bill {
    /// The tenant.
    tenant_id: Uuid,
    /// The month, in UTC.
    month: String,
    /// Begin of the month.
    #[schema(value_type = String, format = DateTime)]
    period_start: Timestamp,
    /// End of the month.
    #[schema(value_type = String, format = DateTime)]
    period_end: Timestamp,
    /// Whether the month is over, so that the bill does not change any more.
    #[serde(rename = "final")]
    is_final: bool,
    /// What was used, by plan in order of time, and by metric.
    lines: Vec<BillLine>,
}

/// What was used of one metric under one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BillLine {
    /// The metric, e.g. `lots.received`.
    metric: String,
    /// The plan; null where the tenant was not registered.
    plan: Option<String>,
    /// From when on the plan was in force, within the month.
    #[schema(value_type = String, format = DateTime)]
    period_start: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    period_end: Timestamp,
    /// How much, as an exact number.
    quantity: String,
}

/// What recorded time is exact to.
const INSTANT: SignedDuration = SignedDuration::from_micros(1);

/// Use by hour and metric.
type Hours = BTreeMap<(Timestamp, String), Decimal>;

/// Why there is no bill.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BillError {
    /// The log does not answer, or holds something unexpected.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The read model does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The bill from the usage metrics of the read model, which reflects the tenant's log up to `position` at least.
///
/// # Errors
/// [`BillError`].
pub async fn from_metrics(
    log: &SharedLog,
    store: &dyn TableStore,
    tenant: TenantId,
    month: Month,
    position: Position,
    now: Timestamp,
) -> Result<Bill, BillError> {
    let (since, until) = (Some(month.start()), Some(month.end()));
    let filters = UsageMetricFilters { metric_name: None, since, until };
    let mut hours = Hours::new();
    add(&mut hours, month, all(store, tenant, &filters).await?);
    Ok(bill(tenant, month, now, &plans(log, tenant, position).await?, &hours))
}

/// The bill from the log itself.
///
/// # Errors
/// [`BillError`].
pub async fn from_log(
    log: &SharedLog,
    tenant: TenantId,
    month: Month,
    now: Timestamp,
) -> Result<Bill, BillError> {
    let partition = log.partition_of(tenant);
    let before = month.start().checked_sub(CLOCKS_APART).unwrap_or(Timestamp::MIN);
    let behind = month.end().checked_add(CLOCKS_APART).unwrap_or(Timestamp::MAX);
    let after = position_at(&**log, partition, before).await?;
    let mut walk = Walk::new(&**log, partition, Some(tenant), after);
    let mut hours = Hours::new();
    'reading: loop {
        let page = walk.page().await?;
        if page.is_empty() {
            break;
        }
        for message in &page {
            let recorded = Recorded::decode(message).map_err(|error| corrupt(message, &error))?;
            if recorded.events.first().is_some_and(|first| first.time >= behind) {
                break 'reading;
            }
            add(&mut hours, month, metered(&recorded));
        }
    }
    Ok(bill(tenant, month, now, &plans(log, tenant, Position(u64::MAX)).await?, &hours))
}

fn add(hours: &mut Hours, month: Month, rows: Vec<UsageMetric>) {
    let of_month = |row: &UsageMetric| (month.start()..month.end()).contains(&row.timestamp);
    for row in rows.into_iter().filter(of_month) {
        *hours.entry((row.timestamp, row.metric_name)).or_default() += row.value;
    }
}

/// The tenant's plans, as recorded up to `until`.
async fn plans(log: &SharedLog, tenant: TenantId, until: Position) -> Result<PlanHistory, LogError> {
    let mut history = PlanHistory::default();
    for (time, event) in events::<TenantEvent>(log, tenant, stream::<Tenant>(tenant.0), until).await? {
        history.of_tenant(time, event);
    }
    let subscriptions: Vec<_> = history.subscription_ids().collect();
    for id in subscriptions {
        let stream = stream::<Subscription>(id.0);
        for (time, event) in events::<SubscriptionEvent>(log, tenant, stream, until).await? {
            history.of_subscription(id, time, event);
        }
    }
    Ok(history)
}

const fn stream<A: StreamAggregate>(id: Uuid) -> StreamId {
    foodflow_commands::unit::stream_of::<A>(id)
}

async fn events<E: EventSet>(
    log: &SharedLog,
    tenant: TenantId,
    stream: StreamId,
    until: Position,
) -> Result<Vec<(Timestamp, E)>, LogError> {
    let mut events = Vec::new();
    for message in log.load(tenant, &stream, Position(0)).await? {
        if message.position > until {
            break;
        }
        for envelope in Envelope::decode_batch(&message.payload).map_err(|error| corrupt(&message, &error))? {
            let event = E::decode(&envelope.event_type, envelope.data.get());
            // What this version does not know has nothing to do with plans.
            events.extend(
                event.map_err(|error| corrupt(&message, &error))?.map(|event| (envelope.time, event)),
            );
        }
    }
    Ok(events)
}

fn corrupt(message: &StoredMessage, error: &dyn std::fmt::Display) -> LogError {
    let place = format!("partition {}, position {}", message.partition.0, message.position);
    LogError::Corrupt { place, reason: error.to_string() }
}

fn bill(tenant: TenantId, month: Month, now: Timestamp, plans: &PlanHistory, hours: &Hours) -> Bill {
    let mut lines = Vec::new();
    for (plan, start, end) in periods(month, plans) {
        let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
        for ((_, metric), value) in hours.range((start, String::new())..(end, String::new())) {
            *sums.entry(metric).or_default() += value;
        }
        lines.extend(sums.into_iter().map(|(metric, sum)| BillLine {
            metric: metric.to_owned(),
            plan: plan.map(str::to_owned),
            period_start: start,
            period_end: end,
            quantity: sum.normalize().to_string(),
        }));
    }
    Bill {
        tenant_id: tenant.0,
        month: month.to_string(),
        period_start: month.start(),
        period_end: month.end(),
        is_final: month.end().checked_add(SETTLED_AFTER).is_ok_and(|settled| now >= settled),
        lines,
    }
}

/// The plans of a month, each with the whole hours for which it is billed.
fn periods(month: Month, plans: &PlanHistory) -> Vec<(Option<&str>, Timestamp, Timestamp)> {
    let mut periods: Vec<(Option<&str>, Timestamp, Timestamp)> = Vec::new();
    let mut hour = month.start();
    while hour < month.end() {
        let next = hour.checked_add(HOUR).unwrap_or(Timestamp::MAX);
        let plan = plans.plan_at(next.checked_sub(INSTANT).unwrap_or(hour));
        match periods.last_mut() {
            Some((last, _, end)) if *last == plan => *end = next,
            _ => periods.push((plan, hour, next)),
        }
        hour = next;
    }
    periods
}
