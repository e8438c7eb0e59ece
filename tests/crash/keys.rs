//! Idempotency keys outlive the process: after kill -9 and after a long time, a repeat is the first answer and one
//! commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use foodflow_testkit::{Answer, Stores, TestApp, TestClient, World, amount, at};
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

const CLIENTS: usize = 16;
const KILLS: usize = 3;
/// Acknowledged commands after which the program is killed.
const ACKNOWLEDGED_PER_LIFE: usize = 60;
const LIFE_MAX: Duration = Duration::from_secs(60);
/// More commands than a lot's state remembers.
const LATER_COMMANDS: usize = 280;

/// A command, as a client gives it under its key.
#[derive(Debug, Clone)]
struct Given {
    key: String,
    path: String,
    body: Value,
}

impl Given {
    async fn give(&self, client: &TestClient) -> anyhow::Result<Answer> {
        client.post_as(&self.key, &self.path, &self.body).await
    }
}

/// A new lot, or a waste of `lot`, in turn.
fn given(world: &World, lot: Uuid, key: String, number: usize) -> Given {
    if number.is_multiple_of(2) {
        return Given { path: "/v1/receipts".to_owned(), body: world.receipt(&key, 5), key };
    }
    let body = json!({"kind": "waste", "quantity": amount(1, "GRM"), "occurred_at": at(2, 6)});
    Given { path: format!("/v1/batches/{lot}/adjustments"), body, key }
}

/// What an answer says, without what depends on the connection.
fn said(answer: &Answer) -> (u16, Option<String>, Value) {
    (answer.status.as_u16(), answer.header("etag").map(str::to_owned), answer.body.clone())
}

/// What a client asked for, and the answers to it where there were any.
type Told = Vec<(Given, Option<Answer>)>;

/// Gives one command after another until the program is gone.
async fn give_until_killed(world: World, lot: Uuid, prefix: String, acknowledged: Arc<AtomicUsize>) -> Told {
    let mut told = Told::new();
    for number in 0.. {
        let given = given(&world, lot, format!("{prefix}-{number}"), number);
        match given.give(&world.client).await {
            Ok(answer) if answer.status.is_success() => {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                told.push((given, Some(answer)));
            }
            // A log that does not answer in time may have recorded it all the same.
            Ok(answer) => {
                answer.refused(503, "unavailable");
                told.push((given, None));
            }
            Err(_) => {
                told.push((given, None));
                break;
            }
        }
    }
    told
}

/// Lets clients give commands under keys and kills the program under them, several times.
async fn give_under_kills(app: &mut TestApp, world: &mut World, lots: &[Uuid]) -> anyhow::Result<Told> {
    let mut told = Told::new();
    for round in 0..KILLS {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let give = |(client, lot): (usize, &Uuid)| {
            let prefix = format!("k{round}-{client}");
            tokio::spawn(give_until_killed(world.clone(), *lot, prefix, Arc::clone(&acknowledged)))
        };
        let clients: Vec<_> = lots.iter().enumerate().map(give).collect();
        let began = Instant::now();
        while acknowledged.load(Ordering::Relaxed) < ACKNOWLEDGED_PER_LIFE && began.elapsed() < LIFE_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        app.kill9()?;
        for client in clients {
            told.extend(client.await?);
        }
        app.restart().await?;
        world.client = app.client(&world.client.slug, &[])?;
    }
    Ok(told)
}

/// For each command in the log its commits, by the position of the last message.
async fn commits(client: &TestClient) -> anyhow::Result<BTreeMap<String, BTreeSet<u64>>> {
    let (mut commits, mut after) = (BTreeMap::<String, BTreeSet<u64>>::new(), 0);
    loop {
        let page = client.get(&format!("/v1/events?limit=1000&after={after}")).await?.ok();
        for event in page.as_array().unwrap() {
            let number = |name: &str| event[name].as_u64().unwrap();
            let end = number("position") + number("commitsize") - number("commitindex") - 1;
            let command = event["commandid"].as_str().unwrap().to_owned();
            commits.entry(command).or_default().insert(end);
            after = number("position");
        }
        if page.as_array().unwrap().is_empty() {
            return Ok(commits);
        }
    }
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn every_key_is_one_commit_and_one_answer_after_kill_9(#[case] stores: Stores) -> anyhow::Result<()> {
    let mut app = TestApp::own(stores).await?;
    let mut world = World::build(app.new_tenant()?).await?;
    let mut lots = Vec::new();
    for client in 0..CLIENTS {
        lots.push(world.receive(&format!("F-{client}"), 1_000).await?);
    }
    let before = commits(&world.client).await?.len();
    let told = give_under_kills(&mut app, &mut world, &lots).await?;
    let acknowledged = told.iter().filter(|(_, answer)| answer.is_some()).count();
    assert!(acknowledged >= KILLS * CLIENTS, "the clients were answered under the kills: {acknowledged}");

    for some in told.chunks(CLIENTS) {
        try_join_all(some.iter().map(|(given, answer)| repeat(&world.client, given, answer.as_ref())))
            .await?;
    }
    let commits = commits(&world.client).await?;
    assert_eq!(commits.len(), before + told.len(), "a commit for each key, and none beside");
    let twice: Vec<_> = commits.iter().filter(|(_, ends)| ends.len() != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let ends: BTreeSet<u64> = commits.into_values().flatten().collect();
    for (given, answer) in told.iter().filter_map(|(given, answer)| Some((given, answer.as_ref()?))) {
        assert!(ends.contains(&answer.body["position"].as_u64().unwrap()), "{given:?}");
    }
    Ok(())
}

/// Repeats a command twice at once: both answers are the first one, where that was heard.
async fn repeat(client: &TestClient, given: &Given, first: Option<&Answer>) -> anyhow::Result<()> {
    let (one, other) = tokio::try_join!(given.give(client), given.give(client))?;
    let one = said(&one);
    assert!((200..300).contains(&one.0), "{given:?}: {one:?}");
    assert_eq!(one, said(&other), "{given:?}");
    if let Some(first) = first {
        assert_eq!(one, said(first), "{given:?}");
    }
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_month_later_a_repeat_is_the_first_answer(#[case] stores: Stores) -> anyhow::Result<()> {
    let mut app = TestApp::own(stores).await?;
    let mut world = World::build(app.new_tenant()?).await?;
    let lot = world.receive("F-1", 1_000).await?;
    let of_lot = |what: &str| format!("/v1/batches/{lot}/{what}");
    let sample = |kg: u32| json!({"kind": "sample", "quantity": amount(kg, "KGM"), "occurred_at": at(2, 6)});
    let cases = [
        ("receipt", "/v1/receipts".to_owned(), world.receipt("F-2", 5), world.receipt("F-3", 5)),
        ("sample", of_lot("adjustments"), sample(1), sample(2)),
        ("hold", of_lot("hold"), json!({"reason": "check"}), json!({"reason": "doubt"})),
        ("release", of_lot("release"), json!({"reason": "fine"}), json!({"reason": "good"})),
        (
            "mix",
            "/v1/transformations".to_owned(),
            world.mix("D-1", &[(lot, "1")], "1"),
            world.mix("D-2", &[(lot, "1")], "1"),
        ),
    ];
    let mut first = Vec::new();
    for (key, path, body, _) in &cases {
        let answer = world.client.post_as(key, path, body).await?;
        assert!(answer.status.is_success(), "{key}: {:#}", answer.body);
        first.push(said(&answer));
    }
    app.restart().await?;
    world.client = app.client(&world.client.slug, &[])?;
    for _ in 0..LATER_COMMANDS {
        world.client.post(&of_lot("adjustments"), &sample(1)).await?.ok();
    }
    app.restart().await?;
    world.client = app.client(&world.client.slug, &[])?;
    for ((key, path, body, other), first) in cases.iter().zip(first) {
        assert_eq!(said(&world.client.post_as(key, path, body).await?), first, "{key}");
        world.client.post_as(key, path, other).await?.refused(409, "command-id-reused");
        assert_eq!(said(&world.client.post_as(key, path, body).await?), first, "{key}");
    }
    Ok(())
}
