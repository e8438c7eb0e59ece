//! A rebuild while the plant works: nothing that was acknowledged is ever missing from an answer, also where the rebuild is
//! killed in the middle, switches, or switches back.

pub(crate) mod course;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use foodflow_testkit::servers::{NatsServer, Neo4jServer};
use foodflow_testkit::{TestApp, TestClient, World};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::course::{Users, every_way, rebuild};

const WRITERS: usize = 3;
const READERS: usize = 2;
/// How long a writer rests between two lots: the lists that are read stay of some thousand lots.
const REST: Duration = Duration::from_millis(25);

/// What the plant has been told so far.
#[derive(Default)]
struct Told {
    /// Every acknowledged lot, and the position of the last acknowledgement.
    lots: Mutex<(BTreeSet<Uuid>, u64)>,
    reads: AtomicU64,
    stop: AtomicBool,
}

impl Told {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Receives one lot after another.
async fn write(world: World, writer: usize, told: Arc<Told>) -> anyhow::Result<()> {
    for number in 0.. {
        if told.stopped() {
            break;
        }
        let receipt = world.receipt(&format!("W{writer}-{number}"), 10);
        let answer = world.client.post("/v1/receipts", &receipt).await?.ok();
        let lot = answer["batch_id"].as_str().context("no lot")?.parse()?;
        let position = answer["position"].as_u64().context("no position")?;
        {
            let mut lots = told.lots.lock().await;
            lots.0.insert(lot);
            lots.1 = lots.1.max(position);
        }
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

/// Every lot of the tenant, as of `position` at least; nothing where the read model is not there in time, which it says.
async fn listed(client: &TestClient, position: u64) -> anyhow::Result<Option<BTreeSet<Uuid>>> {
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/v1/batches?page%5Bsize%5D=500{after}");
        let answer = client.get_after(position, &path).await?;
        if answer.status.as_u16() == 504 {
            return Ok(None);
        }
        let page = answer.ok();
        for item in page["items"].as_array().context("no items")? {
            found.insert(item["id"].as_str().context("no id")?.parse()?);
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&page%5Bafter%5D={next}"),
            None => return Ok(Some(found)),
        }
    }
}

/// Lists everything again and again, and fails where an acknowledged lot is missing.
async fn read(client: TestClient, told: Arc<Told>) -> anyhow::Result<()> {
    while !told.stopped() {
        let (expected, position) = told.lots.lock().await.clone();
        let Some(found) = listed(&client, position).await? else { continue };
        let missing = expected.difference(&found).count();
        ensure!(missing == 0, "{missing} of {} lots are missing after {position}", expected.len());
        // What is listed before the first acknowledgement says nothing of the read model.
        told.reads.fetch_add(u64::from(position > 0), Ordering::SeqCst);
    }
    Ok(())
}

/// The plant at work: its writers and readers.
struct Work {
    told: Arc<Told>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Users for Work {
    fn reads(&self) -> &AtomicU64 {
        &self.told.reads
    }

    fn failed(&self) -> bool {
        self.tasks.iter().any(JoinHandle::is_finished)
    }
}

async fn rebuild_all_the_while(app: TestApp) -> anyhow::Result<()> {
    let slug = format!("rebuild-{}", Uuid::new_v4().simple());
    let world = World::build(app.client(&slug, &[])?).await?;
    let told = Arc::new(Told::default());
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        tasks.push(tokio::spawn(write(world.clone(), writer, Arc::clone(&told))));
    }
    for _ in 0..READERS {
        tasks.push(tokio::spawn(read(world.client.clone(), Arc::clone(&told))));
    }
    let work = Work { told: Arc::clone(&told), tasks };
    let rebuilt = every_way(&app, &["rebuild"], &slug, &work).await;
    told.stop.store(true, Ordering::SeqCst);
    for task in work.tasks {
        task.await??;
    }
    rebuilt?;
    let (expected, position) = told.lots.lock().await.clone();
    let found = listed(&world.client, position).await?.context("the read model is behind")?;
    assert_eq!(found, expected);
    let report = rebuild(&app, &["rebuild"], &[]).await?;
    assert!(report["identical"] == true && report["outcome"] == "kept", "{report:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_stores_are_rebuilt_all_the_while() -> anyhow::Result<()> {
    rebuild_all_the_while(TestApp::embedded().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_rebuilt_all_the_while() -> anyhow::Result<()> {
    let (nats, neo4j) = (NatsServer::start().await?, Neo4jServer::start().await?);
    rebuild_all_the_while(TestApp::on_servers(&nats, &neo4j).await?).await
}
