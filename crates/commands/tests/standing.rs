//! What a tenant's status and plan let it do, in processes that share a log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use foodflow_commands::food_graph::batches::{BarBatch, BarKind};
use foodflow_commands::standing::{FRESH, STALE};
use foodflow_commands::tenancy::feature_flags::SetFeatureFlag;
use foodflow_commands::tenancy::subscriptions::StartSubscription;
use foodflow_commands::tenancy::tenants::{ChangeTenantStatus, DescribeTenant, StatusChange};
use foodflow_commands::{CommandError, CommandMeta, Executor, Meter, Metered, SystemClock};
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::ids::BatchId;
use foodflow_domain::tenancy::tenant::TenantProfile;
use foodflow_domain::tenancy::{Entitlements, Plans, usage};
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Direction, Envelope, Keyring, Position, ReadQuery, SharedLog, recorded_at};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::loading::counting_log::CountingLog;
use crate::loading::plant::{Plant, adjustment, meta};

/// Lots of the free plan of these tests.
const LOTS: u32 = 10;
/// What a machine that is busy may add to a second.
const LATE: Duration = Duration::from_millis(500);

/// Every event of the tenant, with its position and type.
async fn events(log: &SharedLog, tenant: TenantId) -> anyhow::Result<Vec<(Position, Timestamp, Envelope)>> {
    let query =
        ReadQuery { tenant: Some(tenant), from: Position(0), direction: Direction::Forward, limit: 10_000 };
    let mut events = Vec::new();
    for message in log.read(log.partition_of(tenant), query).await? {
        let time = recorded_at(&message)?;
        let batch = Envelope::decode_batch(&message.payload)?;
        events.extend(batch.into_iter().map(|event| (message.position, time, event)));
    }
    Ok(events)
}

/// Counts lots in the log itself, but for so many of the last events: a read model is behind.
struct Counting {
    log: SharedLog,
    behind: usize,
}

#[async_trait]
impl Meter for Counting {
    async fn lots(
        &self,
        tenant: TenantId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Metered, CommandError> {
        let events = events(&self.log, tenant).await;
        let events = events.map_err(|error| CommandError::Unavailable { reason: error.to_string() })?;
        let (mut metered, late) = (Metered::default(), events.len().saturating_sub(self.behind));
        for (position, time, event) in events.into_iter().take(late) {
            metered.position = position;
            let hour = Timestamp::from_second(time.as_second().div_euclid(3_600) * 3_600).unwrap();
            if usage::is_lot(&event.event_type) && (since..until).contains(&hour) {
                metered.hours.push((hour, 1));
            }
        }
        let mut hours = std::collections::BTreeMap::new();
        metered.hours.iter().for_each(|(hour, lots)| *hours.entry(*hour).or_default() += lots);
        Ok(Metered { hours: hours.into_iter().collect(), ..metered })
    }
}

/// A process on the log, whose free plan has few lots.
fn process(log: &SharedLog) -> Executor {
    process_behind(log, 0)
}

/// The same, with a read model that is behind.
fn process_behind(log: &SharedLog, behind: usize) -> Executor {
    let mut plans = Plans::default();
    let few = Entitlements { lots_per_month: Some(LOTS), ..Entitlements::UNLIMITED };
    plans.set("free".to_owned(), few);
    let keyring = Arc::new(Keyring::passing(log.records()).expect("randomness"));
    let process = Executor::with_plans(Arc::clone(log), keyring, Arc::new(SystemClock), plans);
    process.standings().meter_by(Arc::new(Counting { log: Arc::clone(log), behind }));
    process
}

fn log() -> SharedLog {
    Arc::new(MemoryLog::new(1))
}

async fn register(process: &Executor) -> anyhow::Result<TenantId> {
    let slug = format!("t-{}", Uuid::new_v4().simple());
    let tenant = TenantId::of_slug(&slug);
    let profile = TenantProfile {
        name: "One".to_owned(),
        logo_url: None,
        primary_color: None,
        stripe_customer_id: None,
    };
    process.execute(&meta(tenant), &DescribeTenant { slug, profile }).await?;
    Ok(tenant)
}

async fn change(process: &Executor, tenant: TenantId, change: StatusChange) -> Result<(), CommandError> {
    let operation = ChangeTenantStatus { change, reason: "unpaid".to_owned() };
    process.execute(&meta(tenant), &operation).await.map(drop)
}

fn code<T: std::fmt::Debug>(outcome: &Result<T, CommandError>) -> &'static str {
    outcome.as_ref().map_or_else(CommandError::code, |_| "accepted")
}

async fn bar(process: &Executor, plant: Plant, lot: BatchId, kind: BarKind) -> &'static str {
    let bar = BarBatch { batch_id: lot, kind, reason: "glass".to_owned(), occurred_at: None, quantity: None };
    code(&process.execute(&meta(plant.tenant), &bar).await)
}

/// How long it takes until the process answers a command so.
async fn until_answered(process: &Executor, plant: Plant, lot: BatchId, wanted: &str) -> Duration {
    let began = Instant::now();
    loop {
        let sample = adjustment(lot, AdjustmentKind::Sample);
        let answered = code(&process.execute(&meta(plant.tenant), &sample).await);
        if answered == wanted {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{answered}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_counts_in_every_process_within_a_second() -> anyhow::Result<()> {
    let log = log();
    let (own, other) = (process(&log), process(&log));
    let tenant = register(&own).await?;
    let plant = Plant::of(tenant, &other).await?;
    let received = meta(tenant);
    let repeatable = CommandMeta { repeatable: true, ..received };
    let receipt = plant.receipt();
    let accepted = other.execute(&repeatable, &receipt).await?;
    let lot = BatchId(accepted.reply.batch_id.unwrap());

    change(&own, tenant, StatusChange::Suspend).await?;
    let sample = adjustment(lot, AdjustmentKind::Sample);
    assert_eq!(code(&own.execute(&meta(tenant), &sample).await), "tenant-suspended", "here at once");
    let late = until_answered(&other, plant, lot, "tenant-suspended").await;
    assert!(late < STALE + LATE, "{late:?}");
    assert_eq!(code(&change(&other, tenant, StatusChange::Suspend).await), "tenant-suspended");
    // A repeat is answered as before, and what may harm somebody is stopped.
    let again = other.execute(&repeatable, &receipt).await?;
    assert!(again.repeated && again.position == accepted.position);
    assert_eq!(bar(&other, plant, lot, BarKind::Hold).await, "accepted");
    assert_eq!(bar(&other, plant, lot, BarKind::Release).await, "tenant-suspended");
    let end = Timestamp::now() + SignedDuration::from_hours(24);
    let paid = StartSubscription {
        id: None,
        plan: "starter".to_owned(),
        current_period_start: Timestamp::now(),
        current_period_end: end,
        stripe_subscription_id: None,
    };
    other.execute(&meta(tenant), &paid).await?;

    change(&own, tenant, StatusChange::Reactivate).await?;
    assert_eq!(bar(&own, plant, lot, BarKind::Release).await, "accepted");
    let late = until_answered(&other, plant, lot, "accepted").await;
    assert!(late < STALE + LATE, "{late:?}");
    change(&own, tenant, StatusChange::Close).await?;
    until_answered(&other, plant, lot, "tenant-closed").await;
    assert_eq!(bar(&other, plant, lot, BarKind::Recall).await, "tenant-closed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_has_no_more_lots_than_the_plan_and_what_several_processes_take_at_once() -> anyhow::Result<()>
{
    let log = log();
    let processes = [process_behind(&log, 5), process(&log)];
    let tenant = register(&processes[0]).await?;
    let plant = Plant::of(tenant, &processes[0]).await?;
    let receive = async |process: &Executor| {
        let (meta, receipt) = (meta(tenant), plant.receipt());
        code(&process.execute(&meta, &receipt).await)
    };
    let lots = async || {
        let events = events(&log, tenant).await?;
        anyhow::Ok(events.iter().filter(|(_, _, event)| usage::is_lot(&event.event_type)).count())
    };
    // One process never takes one more, however many ask at once.
    let answers = join_all((0..3 * LOTS).map(|_| receive(&processes[0]))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == "accepted").count(), LOTS as usize);
    assert!(answers.iter().all(|answer| ["accepted", "quota-exceeded"].contains(answer)), "{answers:?}");
    assert_eq!(lots().await?, LOTS as usize);
    // Another one knows soon.
    tokio::time::sleep(STALE).await;
    let before = lots().await?;
    assert_eq!(receive(&processes[1]).await, "quota-exceeded");
    let refused = processes[1].execute(&meta(tenant), &plant.receipt()).await.unwrap_err().to_string();
    for told in ["`free`", "10 lots a month", "next month begins", "larger plan"] {
        assert!(refused.contains(told), "{refused}");
    }
    assert_eq!(lots().await?, before);
    // What makes no lot goes on, and a larger plan counts at once.
    let end = Timestamp::now() + SignedDuration::from_hours(24);
    let larger = StartSubscription {
        id: None,
        plan: "enterprise".to_owned(),
        current_period_start: Timestamp::now(),
        current_period_end: end,
        stripe_subscription_id: None,
    };
    let unknown = StartSubscription { plan: "entreprise".to_owned(), ..larger.clone() };
    assert_eq!(code(&processes[1].execute(&meta(tenant), &unknown).await), "unknown-plan");
    processes[1].execute(&meta(tenant), &larger).await?;
    assert_eq!(receive(&processes[1]).await, "accepted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_is_set_before_the_tenant_is_closed_or_not_at_all() -> anyhow::Result<()> {
    let log = log();
    let (closing, setting) = (process(&log), Arc::new(process(&log)));
    for _ in 0..40 {
        let tenant = register(&closing).await?;
        let flag = SetFeatureFlag { feature_name: "vision".to_owned(), enabled: true };
        setting.execute(&meta(tenant), &flag).await?;
        let set = tokio::spawn({
            let setting = Arc::clone(&setting);
            async move { code(&setting.execute(&meta(tenant), &flag).await) }
        });
        change(&closing, tenant, StatusChange::Close).await?;
        let set = set.await?;
        assert!(["accepted", "tenant-closed"].contains(&set), "{set}");
        let events = events(&log, tenant).await?;
        let is_closed = |event: &Envelope| event.event_type.ends_with("tenant.closed.v1");
        let closed_at = events.iter().find(|(_, _, event)| is_closed(event)).unwrap().0;
        assert!(events.iter().all(|(position, ..)| *position <= closed_at), "{set}: {events:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_tenant_is_read_now_and_then_and_not_for_each_command() -> anyhow::Result<()> {
    let counting = Arc::new(CountingLog::before(log()));
    let log = Arc::clone(&counting) as SharedLog;
    let process = process(&log);
    let plant = Plant::of(TenantId(Uuid::new_v4()), &process).await?;
    let lot = process.execute(&meta(plant.tenant), &plant.receipt()).await?.reply.batch_id.unwrap();
    counting.take_standings();
    let (began, mut commands) = (Instant::now(), 0);
    while began.elapsed() < FRESH * 4 {
        let sample = adjustment(BatchId(lot), AdjustmentKind::Count);
        process.execute(&meta(plant.tenant), &sample).await?;
        commands += 1;
    }
    let readings = counting.take_standings();
    let most = began.elapsed().as_millis() / FRESH.as_millis() + 1;
    assert!((1..=most).contains(&(readings as u128)), "{readings} for {commands} commands");
    assert!(commands > 100, "{commands}");
    Ok(())
}
