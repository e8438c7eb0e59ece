//! kill -9 in the middle of writes and of projection: every acknowledged commit is there, none twice, and the read
//! model equals one that is rebuilt.

mod erasure;
mod keys;
mod servers;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use foodflow_testkit::servers::{NatsServer, Neo4jServer};
use foodflow_testkit::{TestApp, TestClient, World, amount, at};
use serde_json::{Value, json};
use uuid::Uuid;

const WRITERS: usize = 8;
const KILLS: usize = 3;
/// How long the writers run between two kills.
const LIFE: Duration = Duration::from_millis(700);

/// What one writer was told: which of its wastes were acknowledged, and at which position.
#[derive(Debug, Default)]
struct Told {
    acknowledged: BTreeMap<String, u64>,
    asked: Vec<String>,
}

/// Wastes one gram after another of its lot until the program is gone.
async fn write_until_killed(client: TestClient, lot: Uuid, writer: usize, round: usize) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        let key = format!("w{writer}-r{round}-{number}");
        let body =
            json!({"kind": "waste", "quantity": amount(1, "GRM"), "occurred_at": at(2, 6), "reason": key});
        told.asked.push(key.clone());
        match client.post_as(&key, &format!("/v1/batches/{lot}/adjustments"), &body).await {
            Ok(answer) => {
                let position = answer.ok()["position"].as_u64().unwrap();
                told.acknowledged.insert(key, position);
            }
            Err(_) => break,
        }
    }
    told
}

/// Every waste in the log, with the position of its commit.
async fn wastes(client: &TestClient) -> anyhow::Result<BTreeMap<String, Vec<u64>>> {
    let (mut found, mut after) = (BTreeMap::<String, Vec<u64>>::new(), 0);
    loop {
        let path = format!("/v1/events?type=foodflow.food_graph.batch.wasted.v1&limit=1000&after={after}");
        let page = client.get(&path).await?.ok();
        for event in page.as_array().unwrap() {
            let key = event["data"]["reason"].as_str().unwrap().to_owned();
            let number = |name: &str| event[name].as_u64().unwrap();
            let commit_end = number("position") + number("commitsize") - number("commitindex") - 1;
            found.entry(key).or_default().push(commit_end);
            after = number("position");
        }
        if page.as_array().unwrap().is_empty() {
            return Ok(found);
        }
    }
}

async fn projection(client: &TestClient, question: &str) -> anyhow::Result<Value> {
    let answer = client.get(&format!("/v1/projections{question}")).await?.ok();
    Ok(answer["projections"][0].clone())
}

/// Kills and restarts the program under load, asks it to stop once, then compares what was told with what is there.
async fn survive(mut app: TestApp) -> anyhow::Result<()> {
    let slug = format!("crash-{}", Uuid::new_v4().simple());
    let world = World::build(app.client(&slug, &[])?).await?;
    let mut lots = Vec::new();
    for writer in 0..WRITERS {
        lots.push(world.receive(&format!("F-{writer}"), 1_000).await?);
    }
    let mut told = Vec::new();
    for round in 0..=KILLS {
        let client = app.client(&slug, &[])?;
        let writers: Vec<_> = lots
            .iter()
            .enumerate()
            .map(|(writer, lot)| tokio::spawn(write_until_killed(client.clone(), *lot, writer, round)))
            .collect();
        tokio::time::sleep(LIFE).await;
        if round < KILLS {
            app.kill9()?
        } else {
            app.terminate()?
        }
        for writer in writers {
            told.push(writer.await?);
        }
        app.restart().await?;
    }
    let client = app.client(&slug, &[])?;
    let found = wastes(&client).await?;
    let acknowledged: usize = told.iter().map(|told| told.acknowledged.len()).sum();
    assert!(acknowledged > WRITERS * KILLS, "the writers wrote under the kills: {acknowledged}");
    for (key, position) in told.iter().flat_map(|told| &told.acknowledged) {
        assert_eq!(found.get(key), Some(&vec![*position]), "{key} was acknowledged at {position}");
    }
    let asked: usize = told.iter().map(|told| told.asked.len()).sum();
    assert!(
        found.len() <= asked && found.values().all(|positions| positions.len() == 1),
        "none twice, none made up"
    );
    // What it had taken in when it was asked to stop, it has answered.
    let last = format!("-r{KILLS}-");
    for key in found.keys().filter(|key| key.contains(&last)) {
        assert!(told.iter().any(|told| told.acknowledged.contains_key(key)), "{key} was not answered");
    }
    assert!(found.keys().any(|key| key.contains(&last)));

    // What was asked and not answered is repeated under its key, and is there once.
    let unanswered =
        told.iter().flat_map(|told| told.asked.iter().filter(|key| !told.acknowledged.contains_key(*key)));
    for key in unanswered {
        let writer: usize = key[1..].split('-').next().unwrap().parse()?;
        let body =
            json!({"kind": "waste", "quantity": amount(1, "GRM"), "occurred_at": at(2, 6), "reason": key});
        let path = format!("/v1/batches/{}/adjustments", lots[writer]);
        let answer = client.post_as(key, &path, &body).await?.ok();
        if let Some(positions) = found.get(key) {
            assert_eq!(answer["position"].as_u64(), Some(positions[0]), "{key} stood already");
        }
    }
    let found = wastes(&client).await?;
    assert_eq!(found.len(), asked);
    assert!(found.values().all(|positions| positions.len() == 1));

    let head = projection(&client, "").await?["head"].as_u64().unwrap();
    for (writer, lot) in lots.iter().enumerate() {
        let mine = found.keys().filter(|key| key.starts_with(&format!("w{writer}-"))).count();
        let view = client.get_after(head, &format!("/v1/batches/{lot}")).await?.ok();
        let left = 1_000.0 - f64::from(u32::try_from(mine)?) / 1_000.0;
        let remaining: f64 = view["remaining"]["value"].as_str().unwrap().parse()?;
        assert!((remaining - left).abs() < 1e-9, "{remaining} {left}");
    }
    rebuilt_equals_live(&mut app).await?;
    let verified = app.run(&["audit", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    Ok(())
}

async fn rebuilt_equals_live(app: &mut TestApp) -> anyhow::Result<()> {
    app.terminate()?;
    let rebuilt = app.run(&["rebuild", "--json"])?;
    let text = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    let errors = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    assert!(rebuilt.status.success(), "rebuilt differs from live: {text} {errors}");
    let _: Value = serde_json::from_str(text.trim()).with_context(|| format!("no JSON: {text}"))?;
    Ok(())
}

#[tokio::test]
async fn embedded_stores_survive_kill_9() -> anyhow::Result<()> {
    survive(TestApp::embedded().await?).await
}

#[tokio::test]
async fn jetstream_and_neo4j_survive_kill_9() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let neo4j = Neo4jServer::start().await?;
    survive(TestApp::on_servers(&nats, &neo4j).await?).await
}
