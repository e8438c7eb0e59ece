//! A rebuild of what is metered while it is metered: no bill ever lacks a lot that was acknowledged, nor counts one twice,
//! also where the rebuild is killed in the middle, switches, or switches back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use foodflow_testkit::servers::{NatsServer, PostgresServer};
use foodflow_testkit::{TestApp, TestClient, World};
use rust_decimal::Decimal;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::rebuild::course::{Users, every_way};

/// How long the writer rests between two lots.
const REST: Duration = Duration::from_millis(20);

/// What was acknowledged so far: lots, and the position of the last one.
#[derive(Default)]
struct Told {
    lots: Mutex<(u64, u64)>,
    reads: AtomicU64,
    stop: AtomicBool,
}

impl Told {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Users for Told {
    fn reads(&self) -> &AtomicU64 {
        &self.reads
    }

    fn failed(&self) -> bool {
        self.stopped()
    }
}

async fn write(world: World, told: Arc<Told>) -> anyhow::Result<()> {
    for number in 0.. {
        if told.stopped() {
            break;
        }
        let answer = world.client.post("/v1/receipts", &world.receipt(&format!("L-{number}"), 1)).await?.ok();
        let position = answer["position"].as_u64().context("no position")?;
        let mut lots = told.lots.lock().await;
        *lots = (lots.0 + 1, position);
        drop(lots);
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

/// The lots that are billed as of `position` at least; nothing where the read model is not there in time.
async fn billed(client: &TestClient, position: u64) -> anyhow::Result<Option<u64>> {
    let answer = client.get_after(position, "/v1/usage-metrics?metric_name=lots.received").await?;
    if answer.status.as_u16() == 504 {
        return Ok(None);
    }
    let mut sum = Decimal::ZERO;
    for row in answer.ok()["items"].as_array().context("no items")? {
        sum += row["value"].as_str().context("no value")?.parse::<Decimal>()?;
    }
    Ok(Some(sum.try_into()?))
}

async fn read(client: TestClient, told: Arc<Told>) -> anyhow::Result<()> {
    while !told.stopped() {
        let (before, position) = *told.lots.lock().await;
        let Some(sum) = billed(&client, position).await? else { continue };
        let (after, _) = *told.lots.lock().await;
        // One more may be on its way to its acknowledgement.
        ensure!((before..=after + 1).contains(&sum), "{sum} lots are billed, of {before} to {after}");
        told.reads.fetch_add(u64::from(position > 0), Ordering::SeqCst);
    }
    Ok(())
}

async fn metered_all_the_while(app: TestApp) -> anyhow::Result<()> {
    let slug = format!("metered-{}", Uuid::new_v4().simple());
    let world = World::build(app.client(&slug, &[])?).await?;
    let told = Arc::new(Told::default());
    let work = {
        let (world, told) = (world.clone(), Arc::clone(&told));
        async move {
            let outcome = tokio::try_join!(
                write(world.clone(), Arc::clone(&told)),
                read(world.client.clone(), Arc::clone(&told))
            );
            // Whoever waits for them must not wait for ever.
            told.stop.store(true, Ordering::SeqCst);
            outcome
        }
    };
    let working = tokio::spawn(work);
    let tenancy = ["rebuild", "--projection", "tenancy"];
    let rebuilt = every_way(&app, &tenancy, &slug, &*told).await;
    told.stop.store(true, Ordering::SeqCst);
    working.await??;
    rebuilt?;
    let (lots, position) = *told.lots.lock().await;
    assert_eq!(billed(&world.client, position).await?, Some(lots));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_a_bill_is_right_all_the_while() -> anyhow::Result<()> {
    metered_all_the_while(TestApp::embedded().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_postgres_a_bill_is_right_all_the_while() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let environment = vec![
        ("FOODFLOW_LOG_URL".to_owned(), nats.url().to_owned()),
        ("FOODFLOW_POSTGRES_URL".to_owned(), PostgresServer::shared().await?.new_database().await?),
    ];
    metered_all_the_while(TestApp::start(&["serve"], environment).await?).await
}
