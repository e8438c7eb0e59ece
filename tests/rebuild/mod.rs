//! A rebuild while the plant works: nothing that was acknowledged is ever missing from an answer, also where the rebuild is
//! killed in the middle, switches, or switches back.

use std::collections::BTreeSet;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use foodflow_testkit::servers::{NatsServer, Neo4jServer};
use foodflow_testkit::{TestApp, TestClient, World};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use uuid::Uuid;

const WRITERS: usize = 3;
const READERS: usize = 2;
const KILLS: u32 = 5;
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

/// Runs a command of the program to its end without stopping the readers and writers of this process.
async fn run(app: &TestApp, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = app.command(arguments)?;
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

/// Runs a rebuild that succeeds, and answers with its report.
async fn rebuild(app: &TestApp, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = run(app, &[&["rebuild", "--json"], arguments].concat()).await?;
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "rebuild {arguments:?}: {told} {errors}");
    serde_json::from_str(&told).with_context(|| format!("no JSON: {told}"))
}

/// Begins rebuilds and kills them, each a little later than the one before.
async fn kill_some(app: &TestApp) -> anyhow::Result<()> {
    for kill in 1..=KILLS {
        let mut command = app.command(&["rebuild", "--switch", "always"])?;
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        tokio::time::sleep(Duration::from_millis(80) * kill).await;
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// Waits for more than `before` lists, unless a task has failed.
async fn until_read(told: &Told, before: u64, tasks: &[JoinHandle<anyhow::Result<()>>]) {
    while told.reads.load(Ordering::SeqCst) <= before && !tasks.iter().any(JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(20)).await;
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
    let rebuilt = async {
        // A read model that holds nothing yet would be filled in place.
        until_read(&told, 0, &tasks).await;
        kill_some(&app).await?;
        for (arguments, outcome) in [
            (&["--switch", "always"][..], "switched"),
            (&[][..], "kept"),
            (&["--tenant", &slug, "--switch", "always"][..], "switched"),
            (&["--back"][..], "switched"),
        ] {
            let before = told.reads.load(Ordering::SeqCst);
            let report = rebuild(&app, arguments).await?;
            ensure!(report["identical"] == true && report["outcome"] == outcome, "{arguments:?}: {report:#}");
            // Somebody reads what is live now before the next one.
            until_read(&told, before + 1, &tasks).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    let rebuilt = rebuilt.await;
    told.stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await??;
    }
    rebuilt?;
    let (expected, position) = told.lots.lock().await.clone();
    let found = listed(&world.client, position).await?.context("the read model is behind")?;
    assert_eq!(found, expected);
    let report = rebuild(&app, &[]).await?;
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
