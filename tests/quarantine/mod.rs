//! An event that the program does not know, or that the database refuses: its entity waits, the others go on, and an operator decides.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foodflow_testkit::newer::NewerProgram;
use foodflow_testkit::servers::{NatsServer, Neo4jServer};
use foodflow_testkit::{TestApp, TestClient, World, create};
use serde_json::{Value, json};
use uuid::Uuid;

const UNKNOWN: &str = "foodflow.food_graph.supplier.audited.v1";
const REGISTERED: &str = "foodflow.food_graph.supplier.registered.v1";
const CUSTOMER_ADDED: &str = "foodflow.food_graph.supplier.customer_added.v1";
/// How long it may take until a projector that cannot go on makes its process not ready.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// The tenant's entities that wait.
async fn waiting(client: &TestClient) -> anyhow::Result<Vec<Value>> {
    let standing = client.get("/v1/projections").await?.ok()["projections"][0].clone();
    Ok(standing["quarantine"].as_array().context("no list of what waits")?.clone())
}

/// A position that is applied once this is answered; the entity that waits does not keep it.
async fn go_on(world: &World) -> anyhow::Result<u64> {
    let place = json!({"name": format!("Dock {}", Uuid::new_v4()), "type": "warehouse"});
    let answer = world.client.post("/v1/locations", &place).await?.ok();
    let position = answer["position"].as_u64().context("no position")?;
    let path = format!("/v1/locations/{}", answer["id"].as_str().context("no id")?);
    world.client.get_after(position, &path).await?.ok();
    Ok(position)
}

async fn customers(world: &World, position: u64) -> anyhow::Result<Value> {
    let path = format!("/v1/suppliers/{}", world.supplier);
    Ok(world.client.get_after(position, &path).await?.ok()["customer_ids"].clone())
}

/// What the program prints about it.
fn printed(app: &TestApp, arguments: &[&str]) -> anyhow::Result<String> {
    let output = app.run(arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{arguments:?}: {said}");
    Ok(String::from_utf8(output.stdout)? + &said)
}

async fn is_ready(app: &TestApp) -> anyhow::Result<bool> {
    Ok(reqwest::get(format!("{}/readyz", app.base())).await?.status().is_success())
}

struct Plant {
    app: TestApp,
    world: World,
    newer: NewerProgram,
}

/// From the event that is not known to the decision, and a rebuild after each.
async fn an_entity_waits_until_somebody_decides(plant: &mut Plant) -> anyhow::Result<()> {
    let Plant { app, world, newer } = plant;
    let mill = create(&world.client, "/v1/suppliers", json!({"name": "Mill", "country": "FR"})).await?;
    let entity = format!("food_graph.supplier.{}", world.supplier);
    let unknown = newer.append("supplier", world.supplier, UNKNOWN, &json!({"by": "an auditor"})).await?;
    let added = json!({"supplier_id": world.supplier, "customer_id": mill});
    let behind = newer.append("supplier", world.supplier, CUSTOMER_ADDED, &added).await?;
    let position = go_on(world).await?;
    assert_eq!(customers(world, position).await?, json!([]));
    let found = waiting(&world.client).await?;
    let expected = (entity.as_str(), unknown, behind, 2);
    let seen = |one: &Value| {
        let number = |name: &str| one[name].as_u64().unwrap();
        let entity = one["entity"].as_str().unwrap().to_owned();
        (entity, number("position"), number("last_position"), number("messages"))
    };
    let (found_entity, first, last, messages) = seen(&found[0]);
    assert_eq!((found_entity.as_str(), first, last, messages), expected);
    assert!(found[0]["reason"].as_str().unwrap().contains("unknown type"), "{found:?}");
    assert!(is_ready(app).await?);
    // The past is shown without it, as it was.
    world.client.get(&format!("/v1/suppliers?as_of={position}")).await?.ok();

    let stranger = app.new_tenant()?;
    assert!(waiting(&stranger).await?.is_empty());
    let decision = json!({"projection": "food_graph", "entity": entity});
    stranger.post("/v1/projections/quarantine/retry", &decision).await?.refused_at(
        404,
        "not-found",
        "/entity",
    );

    // A retry by a program that does not know it either changes nothing; nor does a crash.
    let retried = world.client.post("/v1/projections/quarantine/retry", &decision).await?.ok();
    assert_eq!(customers(world, retried["position"].as_u64().unwrap()).await?, json!([]));
    app.restart().await?;
    world.client = app.client(&world.client.slug, &[])?;
    go_on(world).await?;
    assert_eq!(waiting(&world.client).await?.first().map(seen), Some((entity.clone(), unknown, behind, 2)));
    let compared = printed(app, &["rebuild", "--json"])?;
    assert!(compared.contains("\"kept\""), "{compared}");

    let skip = |positions: &[u64]| {
        let reason = "the auditor's report is filed elsewhere";
        json!({"projection": "food_graph", "entity": entity, "positions": positions, "reason": reason})
    };
    let wrong = world.client.post("/v1/projections/quarantine/skip", &skip(&[unknown, position])).await?;
    wrong.refused_at(400, "invalid-body", "/positions/1");
    let listed = printed(app, &["projections", "list", "--tenant", &world.client.slug, "--json"])?;
    assert!(listed.contains(&entity), "{listed}");
    let key = Uuid::new_v4().to_string();
    let body = skip(&[unknown]);
    let path = "/v1/projections/quarantine/skip";
    let skipped = world.client.post_as(&key, path, &body).await?.ok();
    let position = skipped["position"].as_u64().unwrap();
    assert_eq!(customers(world, position).await?, json!([mill]));
    assert!(waiting(&world.client).await?.is_empty());
    assert_eq!(world.client.post_as(&key, path, &body).await?.ok(), skipped, "a repeat is answered alike");
    world.client.post(path, &body).await?.refused_at(404, "not-found", "/entity");
    let events = world.client.get("/v1/events?type=foodflow.projections.quarantine.skipped.v1").await?.ok();
    assert_eq!(events[0]["data"]["positions"], json!([unknown]));
    assert!(!events[0]["actor"].as_str().unwrap().is_empty());
    let compared = printed(app, &["rebuild", "--json"])?;
    assert!(compared.contains("\"kept\""), "{compared}");
    printed(app, &["audit", "verify"])?;
    Ok(())
}

/// The same decisions from the command line, while the program runs.
async fn an_operator_decides_from_the_command_line(plant: &mut Plant) -> anyhow::Result<()> {
    let Plant { app, world, newer } = plant;
    let slug = world.client.slug.clone();
    let other = create(&world.client, "/v1/suppliers", json!({"name": "Other", "country": "FR"})).await?;
    let unknown = newer.append("supplier", other, UNKNOWN, &json!({})).await?;
    go_on(world).await?;
    let listed = printed(app, &["projections", "list"])?;
    assert!(listed.contains(&format!("waits at position {unknown} with 1 messages")), "{listed}");
    printed(app, &["projections", "retry", "--tenant", &slug, "--all"])?;
    go_on(world).await?;
    assert_eq!(waiting(&world.client).await?.len(), 1);
    let (entity, position) = (format!("food_graph.supplier.{other}"), unknown.to_string());
    let skip = ["projections", "skip", "--tenant", &slug, "--entity", &entity, "--position", &position];
    let said = printed(app, &[&skip[..], &["--actor", "mara", "--reason", "a trial"]].concat())?;
    assert!(said.contains("recorded at position"), "{said}");
    go_on(world).await?;
    assert!(waiting(&world.client).await?.is_empty());
    let again = app.run(&[&skip[..], &["--reason", "a trial"]].concat())?;
    assert!(!again.status.success());
    let events = world.client.get("/v1/events?type=foodflow.projections.quarantine.skipped.v1").await?.ok();
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!((last["actor"].as_str(), &last["data"]["reason"]), (Some("mara"), &json!("a trial")));
    Ok(())
}

/// An event that every program can read, and that the database does not take.
async fn what_the_database_refuses_waits(plant: &mut Plant) -> anyhow::Result<()> {
    let Plant { app, world, newer } = plant;
    let (supplier, slug) = (Uuid::new_v4(), world.client.slug.clone());
    let mill = create(&world.client, "/v1/suppliers", json!({"name": "Mill", "country": "FR"})).await?;
    let registered = json!({"supplier_id": supplier, "name": "x".repeat(100_000), "country": "FR"});
    let refused = newer.append("supplier", supplier, REGISTERED, &registered).await?;
    let added = json!({"supplier_id": supplier, "customer_id": mill});
    let behind = newer.append("supplier", supplier, CUSTOMER_ADDED, &added).await?;
    go_on(world).await?;
    let entity = format!("food_graph.supplier.{supplier}");
    let check = async |world: &World| -> anyhow::Result<()> {
        let found = waiting(&world.client).await?;
        anyhow::ensure!(found.len() == 1 && found[0]["entity"] == entity.as_str(), "{found:?}");
        assert_eq!((found[0]["position"].as_u64(), found[0]["messages"].as_u64()), (Some(refused), Some(2)));
        let reason = found[0]["reason"].as_str().context("no reason")?;
        anyhow::ensure!(reason.contains("`name` of a Supplier has 100000 bytes"), "{reason}");
        Ok(())
    };
    check(world).await?;
    assert!(is_ready(app).await?);
    let compared = printed(app, &["rebuild", "--json"])?;
    assert!(compared.contains("\"kept\""), "{compared}");
    printed(app, &["projections", "retry", "--tenant", &slug, "--entity", &entity])?;
    go_on(world).await?;
    check(world).await?;
    let skip = json!({
        "projection": "food_graph", "entity": entity, "positions": [refused, behind], "reason": "a slip of the hand",
    });
    world.client.post("/v1/projections/quarantine/skip", &skip).await?.ok();
    go_on(world).await?;
    assert!(waiting(&world.client).await?.is_empty());
    let compared = printed(app, &["rebuild", "--json"])?;
    assert!(compared.contains("\"kept\""), "{compared}");
    Ok(())
}

/// A message that is no event at all cannot wait: its partition stops, which is told.
async fn what_is_no_event_stops_the_partition(plant: &Plant) -> anyhow::Result<()> {
    let Plant { app, world, newer } = plant;
    assert!(is_ready(app).await?);
    let position = newer.append_raw("supplier", b"{}").await?;
    let reason = format!("position {position} cannot be projected");
    let tells = |line: &str| line.starts_with("food_graph partition") && line.contains(&reason);
    let began = Instant::now();
    loop {
        let answer = reqwest::get(format!("{}/readyz", app.base())).await?;
        let (status, said) = (answer.status().as_u16(), answer.text().await?);
        if status == 503 && said.lines().any(tells) {
            break;
        }
        ensure!(began.elapsed() < STOPS_WITHIN, "{status}: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = world.client.get("/v1/projections").await?.ok();
    let standing = &answer["projections"][0];
    assert_eq!((&standing["projection"], &standing["state"]), (&json!("food_graph"), &json!("stuck")));
    assert_eq!(standing["position"].as_u64(), Some(position - 1), "{standing}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_event_waits_embedded() -> anyhow::Result<()> {
    let app = TestApp::embedded().await?;
    let world = World::build(app.new_tenant()?).await?;
    let newer = NewerProgram::embedded(&app, &world.client).await?;
    let mut plant = Plant { app, world, newer };
    an_entity_waits_until_somebody_decides(&mut plant).await?;
    an_operator_decides_from_the_command_line(&mut plant).await?;
    what_is_no_event_stops_the_partition(&plant).await
}

#[tokio::test]
async fn an_unknown_event_waits_on_servers() -> anyhow::Result<()> {
    let (nats, neo4j) = (NatsServer::start().await?, Neo4jServer::start().await?);
    let app = TestApp::on_servers(&nats, &neo4j).await?;
    let world = World::build(app.new_tenant()?).await?;
    let newer = NewerProgram::on_nats(nats.url(), &world.client).await?;
    let mut plant = Plant { app, world, newer };
    an_entity_waits_until_somebody_decides(&mut plant).await?;
    an_operator_decides_from_the_command_line(&mut plant).await?;
    what_the_database_refuses_waits(&mut plant).await?;
    what_is_no_event_stops_the_partition(&plant).await
}
