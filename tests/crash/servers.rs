//! kill -9 of every server and of the program, in turn and together, while writers go on: each recovers by itself, and
//! after each recovery every acknowledged commit is there, none twice, and the read models are what a rebuild gives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use foodflow_testkit::servers::{NatsServer, Neo4jServer, PostgresServer};
use foodflow_testkit::{TestApp, TestClient, World, amount, at};
use reqwest::StatusCode;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{WRITERS, projection, wastes};
use crate::tenancy::metering::{events, sums};

/// How long all is well before something is killed.
const WELL: Duration = Duration::from_millis(800);
/// How long what was killed stays away.
const AWAY: Duration = Duration::from_secs(1);
/// How soon everything works again once what was killed is back.
const RECOVERY_MAX: Duration = Duration::from_secs(30);
/// How long a writer rests between two commands, so that what is checked five times stays small.
const REST: Duration = Duration::from_millis(20);
/// How long a writer waits before it repeats a command.
const REPEAT_AFTER: Duration = Duration::from_millis(50);
/// How long a writer repeats one command before it gives up.
const REPEAT_MAX: Duration = Duration::from_secs(120);

/// What goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Log,
    Graph,
    Tables,
    Program,
}

/// The program on servers of its own.
struct Plant {
    app: TestApp,
    nats: NatsServer,
    neo4j: Neo4jServer,
    postgres: PostgresServer,
    slug: String,
}

impl Plant {
    async fn kill(&mut self, victim: Victim) -> anyhow::Result<()> {
        match victim {
            Victim::Log => self.nats.kill9().await,
            Victim::Graph => self.neo4j.kill9().await,
            Victim::Tables => self.postgres.kill9().await,
            Victim::Program => self.app.kill9(),
        }
    }

    async fn bring_back(&mut self, victim: Victim) -> anyhow::Result<()> {
        match victim {
            Victim::Log => self.nats.restart().await,
            Victim::Graph => self.neo4j.restart().await,
            Victim::Tables => self.postgres.restart().await,
            Victim::Program => self.app.restart().await,
        }
    }

    /// Waits until the program says that it is ready.
    async fn recovers(&self) -> anyhow::Result<()> {
        let (began, client) = (Instant::now(), self.app.client(&self.slug, &[])?);
        loop {
            let answer = client.get("/readyz").await?;
            if answer.status == StatusCode::OK {
                return Ok(());
            }
            anyhow::ensure!(began.elapsed() < RECOVERY_MAX, "not ready again: {:#}", answer.body);
            sleep(REPEAT_AFTER).await;
        }
    }

    /// What must hold at any time: also while writers go on.
    async fn holds(&self, told: &watch::Receiver<Told>) -> anyhow::Result<()> {
        let client = self.app.client(&self.slug, &[])?;
        let acknowledged = told.borrow().clone();
        let found = wastes(&client).await?;
        for (key, position) in &acknowledged {
            assert_eq!(found.get(key), Some(&vec![*position]), "{key} was acknowledged at {position}");
        }
        assert!(found.values().all(|positions| positions.len() == 1), "none twice");
        for projection in ["food_graph", "tenancy"] {
            let rebuild = ["rebuild", "--projection", projection, "--switch", "never", "--json"];
            let rebuilt = self.app.run(&rebuild)?;
            let report = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
            let errors = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
            assert!(
                rebuilt.status.success(),
                "live {projection} is not what a rebuild gives: {report} {errors}"
            );
        }
        // Each stream in its order, whole.
        let verified = self.app.run(&["audit", "verify"])?;
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        Ok(())
    }
}

/// Every command that was acknowledged, with its position.
type Told = BTreeMap<String, u64>;

/// Writers that repeat each command under its key until it is acknowledged.
struct Load {
    writers: Vec<JoinHandle<anyhow::Result<u32>>>,
    clients: watch::Sender<TestClient>,
    told: watch::Receiver<Told>,
    stop: CancellationToken,
}

impl Load {
    fn start(client: TestClient, lots: &[Uuid]) -> Self {
        let (clients, stop) = (watch::Sender::new(client), CancellationToken::new());
        let (tell, told) = watch::channel(Told::new());
        let tell = Arc::new(tell);
        let writer = |(number, lot): (usize, &Uuid)| Writer {
            clients: clients.subscribe(),
            number,
            lot: *lot,
            tell: Arc::clone(&tell),
            stop: stop.clone(),
        };
        let writers = lots.iter().enumerate().map(writer).map(|writer| tokio::spawn(writer.run())).collect();
        Self { writers, clients, told, stop }
    }

    /// Ends the writers; answers how many commands each gave, all of them acknowledged.
    async fn end(self) -> anyhow::Result<Vec<u32>> {
        self.stop.cancel();
        let mut given = Vec::new();
        for writer in self.writers {
            given.push(writer.await??);
        }
        Ok(given)
    }
}

struct Writer {
    clients: watch::Receiver<TestClient>,
    number: usize,
    lot: Uuid,
    tell: Arc<watch::Sender<Told>>,
    stop: CancellationToken,
}

impl Writer {
    async fn run(self) -> anyhow::Result<u32> {
        let mut given = 0;
        while !self.stop.is_cancelled() {
            let key = format!("w{}-{given}", self.number);
            let position = self.until_acknowledged(&key).await?;
            self.tell.send_modify(|told| {
                told.insert(key, position);
            });
            given += 1;
            sleep(REST).await;
        }
        Ok(given)
    }

    /// Wastes a gram; repeats that while there is no answer, or the answer is to try again.
    async fn until_acknowledged(&self, key: &str) -> anyhow::Result<u64> {
        let (path, began) = (format!("/v1/batches/{}/adjustments", self.lot), Instant::now());
        let body =
            json!({"kind": "waste", "quantity": amount(1, "GRM"), "occurred_at": at(2, 6), "reason": key});
        loop {
            let client = self.clients.borrow().clone();
            match client.post_as(key, &path, &body).await {
                Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => {
                    anyhow::ensure!(answer.header("retry-after").is_some(), "503 without Retry-After");
                }
                Ok(answer) => return Ok(answer.ok()["position"].as_u64().unwrap()),
                Err(_) => {}
            }
            anyhow::ensure!(began.elapsed() < REPEAT_MAX, "{key} was never acknowledged");
            sleep(REPEAT_AFTER).await;
        }
    }
}

#[tokio::test]
async fn every_server_and_the_program_may_be_killed_under_load() -> anyhow::Result<()> {
    let (nats, neo4j, postgres) =
        tokio::try_join!(NatsServer::start(), Neo4jServer::start(), PostgresServer::start())?;
    let database = postgres.new_database().await?;
    let app = TestApp::on_servers_and_database(&nats, &neo4j, &database).await?;
    let slug = format!("crash-{}", Uuid::new_v4().simple());
    let world = World::build(app.client(&slug, &[])?).await?;
    let mut lots = Vec::new();
    for writer in 0..WRITERS {
        lots.push(world.receive(&format!("F-{writer}"), 1_000).await?);
    }
    let mut plant = Plant { app, nats, neo4j, postgres, slug };
    let load = Load::start(plant.app.client(&plant.slug, &[])?, &lots);
    let turns: [&[Victim]; 6] = [
        &[Victim::Log],
        &[Victim::Graph],
        &[Victim::Tables],
        &[Victim::Program],
        &[Victim::Log, Victim::Program],
        &[Victim::Graph, Victim::Log, Victim::Tables],
    ];
    for victims in turns {
        sleep(WELL).await;
        let before = load.told.borrow().len();
        for victim in victims {
            plant.kill(*victim).await?;
        }
        sleep(AWAY).await;
        for victim in victims {
            plant.bring_back(*victim).await?;
        }
        load.clients.send_replace(plant.app.client(&plant.slug, &[])?);
        plant.recovers().await.map_err(|error| error.context(format!("{victims:?} came back")))?;
        plant.holds(&load.told).await?;
        assert!(load.told.borrow().len() > before, "writers go on behind {victims:?}");
    }
    let told = load.told.clone();
    let given = load.end().await?;

    let client = plant.app.client(&plant.slug, &[])?;
    let found = wastes(&client).await?;
    assert_eq!(found.len() as u64, given.iter().map(|count| u64::from(*count)).sum::<u64>());
    assert!(found.values().all(|positions| positions.len() == 1));
    let head = projection(&client, "").await?["head"].as_u64().unwrap();
    for (lot, count) in lots.iter().zip(given) {
        let view = client.get_after(head, &format!("/v1/batches/{lot}")).await?.ok();
        let left = 1_000.0 - f64::from(count) / 1_000.0;
        let remaining: f64 = view["remaining"]["value"].as_str().unwrap().parse()?;
        assert!((remaining - left).abs() < 1e-9, "{remaining} {left}");
    }
    let recorded = events(&client).await?.len();
    let billed = sums(&client, head, "&metric_name=events.recorded").await?;
    assert_eq!(billed.get("events.recorded"), Some(&Decimal::from(recorded)));
    plant.holds(&told).await
}
