//! Several projectors of one read model, on JetStream and Neo4j: they share the partitions, and one that is killed or
//! frozen is followed by another.

mod metrics;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use foodflow_testkit::servers::{NatsServer, Neo4jServer};
use foodflow_testkit::{TestApp, TestClient, World};
use serde_json::Value;
use uuid::Uuid;

const PARTITIONS: usize = 4;
/// How long a takeover may take on a machine that is busy with something else.
const LATE: Duration = Duration::from_secs(30);

/// One process for requests and the tenants that ask it, at least one in each partition.
struct Plant {
    api: TestApp,
    environment: Vec<(String, String)>,
    worlds: BTreeMap<u64, World>,
}

impl Plant {
    async fn start(nats: &NatsServer, neo4j: &Neo4jServer) -> anyhow::Result<Self> {
        let environment = vec![
            ("FOODFLOW_LOG_URL".to_owned(), nats.url().to_owned()),
            ("FOODFLOW_NEO4J_URL".to_owned(), neo4j.url().to_owned()),
        ];
        let api = TestApp::start(&["serve", "--role", "api"], environment.clone()).await?;
        let mut worlds = BTreeMap::new();
        while worlds.len() < PARTITIONS {
            let client = api.new_tenant()?;
            let partition = standing(&client).await?["partition"].as_u64().context("a partition")?;
            if let std::collections::btree_map::Entry::Vacant(entry) = worlds.entry(partition) {
                entry.insert(World::build(client).await?);
            }
        }
        Ok(Self { api, environment, worlds })
    }

    async fn projector(&self) -> anyhow::Result<TestApp> {
        TestApp::start(&["serve", "--role", "projector"], self.environment.clone()).await
    }

    /// The process id of each partition's owner; `None` where no living process has it.
    async fn owners(&self) -> anyhow::Result<BTreeMap<u64, Option<u32>>> {
        let mut owners = BTreeMap::new();
        for (partition, world) in &self.worlds {
            let standing = standing(&world.client).await?;
            let process = standing["owner"]["process"].as_str();
            let id = process.and_then(|process| process.rsplit('/').next()?.parse().ok());
            owners.insert(*partition, id);
        }
        Ok(owners)
    }

    /// Waits until exactly these processes have the partitions.
    async fn until_owned_by(&self, projectors: &[&TestApp]) -> anyhow::Result<BTreeMap<u64, Option<u32>>> {
        let wanted: BTreeSet<Option<u32>> = projectors.iter().map(|app| app.process_id()).collect();
        let began = Instant::now();
        loop {
            let owners = self.owners().await?;
            if owners.values().copied().collect::<BTreeSet<_>>() == wanted {
                return Ok(owners);
            }
            anyhow::ensure!(began.elapsed() < LATE, "{owners:?} are not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Receives a lot of every tenant, and reads it from the read model.
    async fn write_and_read(&self, number: &str) -> anyhow::Result<()> {
        let mut lots = Vec::new();
        for world in self.worlds.values() {
            let receipt = world.client.post("/v1/receipts", &world.receipt(number, 5)).await?.ok();
            lots.push((world, receipt));
        }
        for (world, receipt) in lots {
            let position = receipt["position"].as_u64().context("a position")?;
            let path = format!("/v1/batches/{}", receipt["batch_id"].as_str().context("a lot")?);
            let began = Instant::now();
            // A read waits for some time by itself; the machine may be slower than that.
            let answer = loop {
                let answer = world.client.get_after(position, &path).await?;
                if answer.status.is_success() || began.elapsed() > LATE {
                    break answer;
                }
            };
            assert_eq!(answer.ok()["batch_number"], number);
        }
        Ok(())
    }

    /// With every process stopped: the read model is what a rebuild makes of the log.
    fn rebuilt_equals_live(&self) -> anyhow::Result<()> {
        let rebuilt = self.api.run(&["rebuild", "--json"])?;
        let text = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
        let errors = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
        assert!(rebuilt.status.success(), "rebuilt differs from live: {text} {errors}");
        Ok(())
    }
}

async fn standing(client: &TestClient) -> anyhow::Result<Value> {
    let answer = client.get("/v1/projections").await?.ok();
    Ok(answer["projections"][0].clone())
}

fn signal(app: &TestApp, name: &str) -> anyhow::Result<()> {
    let id = app.process_id().context("it runs")?.to_string();
    let status = Command::new("kill").args([name, &id]).status()?;
    anyhow::ensure!(status.success(), "kill {name} {id}");
    Ok(())
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "the measured times are for people")]
async fn projectors_share_the_partitions_and_follow_each_other() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let neo4j = Neo4jServer::start().await?;
    let mut plant = Plant::start(&nats, &neo4j).await?;
    assert!(plant.owners().await?.values().all(Option::is_none), "no projector runs yet");
    let (mut first, mut second) = (plant.projector().await?, plant.projector().await?);
    plant.until_owned_by(&[&first, &second]).await?;
    plant.write_and_read("L-1").await?;

    first.kill9()?;
    let killed = Instant::now();
    plant.write_and_read("L-2").await?;
    println!("the partitions of a killed projector were read again within {:?}", killed.elapsed());
    plant.until_owned_by(&[&second]).await?;

    first.restart().await?;
    plant.until_owned_by(&[&first, &second]).await?;
    plant.write_and_read("L-3").await?;

    // Frozen, it is taken for dead; awake, it must not disturb its successor.
    signal(&second, "-STOP")?;
    let frozen = Instant::now();
    plant.write_and_read("L-4").await?;
    println!("the partitions of a frozen projector were read again within {:?}", frozen.elapsed());
    signal(&second, "-CONT")?;
    plant.write_and_read("L-5").await?;
    plant.until_owned_by(&[&first, &second]).await?;

    // An orderly stop hands over at once.
    first.terminate()?;
    plant.until_owned_by(&[&second]).await?;
    plant.write_and_read("L-6").await?;
    for world in plant.worlds.values() {
        let standing = standing(&world.client).await?;
        assert_eq!(
            (&standing["state"], &standing["lag_events"]),
            (&"running".into(), &0.into()),
            "{standing}"
        );
    }
    second.terminate()?;
    plant.api.terminate()?;
    plant.rebuilt_equals_live()
}

#[tokio::test]
async fn embedded_a_killed_program_goes_on_at_once() -> anyhow::Result<()> {
    let mut app = TestApp::embedded().await?;
    let slug = format!("again-{}", Uuid::new_v4().simple());
    let world = World::build(app.client(&slug, &[])?).await?;
    world.receive("L-1", 1).await?;
    let before = standing(&world.client).await?["owner"]["id"].clone();
    assert!(before.is_string());
    app.restart().await?;
    let world = World { client: app.client(&slug, &[])?, ..world };
    let receipt = world.client.post("/v1/receipts", &world.receipt("L-2", 5)).await?.ok();
    let lot = format!("/v1/batches/{}", receipt["batch_id"].as_str().unwrap());
    world.client.get_after(receipt["position"].as_u64().unwrap(), &lot).await?.ok();
    assert_eq!(standing(&world.client).await?["owner"]["id"], before, "it kept its name");
    Ok(())
}
