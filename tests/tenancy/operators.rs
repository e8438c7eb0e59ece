//! Tenancy's tables in PostgreSQL, seen by who runs the service: another process projects them than the one that answers,
//! one that is killed is followed, and a rebuild finds nothing to correct. No output holds the password.

use std::time::{Duration, Instant};

use foodflow_testkit::servers::{NatsServer, PostgresServer};
use foodflow_testkit::{TestApp, TestClient, World};
use serde_json::{Value, json};

/// How long projectors may take to be there on a machine that is busy with something else.
const LATE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "s3cret-of-the-plant";

/// The database with a user who has a password, which the server does not ask for.
fn with_password(url: &str) -> String {
    url.replacen("foodflow@", &format!("foodflow:{PASSWORD}@"), 1)
}

async fn projections(client: &TestClient) -> anyhow::Result<Vec<Value>> {
    let answer = client.get("/v1/projections?digest=true").await?.ok();
    Ok(answer["projections"].as_array().unwrap().clone())
}

async fn until_running(client: &TestClient) -> anyhow::Result<Vec<Value>> {
    let began = Instant::now();
    loop {
        let found = projections(client).await?;
        // The embedded graph of a process that does not project has no projector.
        let mut tenancy = found.iter().filter(|one| one["projection"] == "tenancy");
        if tenancy.all(|one| one["state"] == "running" && one["lag_events"] == 0) {
            return Ok(found);
        }
        anyhow::ensure!(began.elapsed() < LATE, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn another_process_projects_into_postgres() -> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let database = with_password(&PostgresServer::shared().await?.new_database().await?);
    anyhow::ensure!(database.contains(PASSWORD), "{database}");
    let environment = vec![
        ("FOODFLOW_LOG_URL".to_owned(), nats.url().to_owned()),
        ("FOODFLOW_POSTGRES_URL".to_owned(), database.clone()),
    ];
    let mut api = TestApp::start(&["serve", "--role", "api"], environment.clone()).await?;
    let mut projector = TestApp::start(&["serve", "--role", "projector"], environment).await?;
    let client = api.new_tenant()?;
    let put = client.put("/v1/tenant", &json!({"name": "Crust & Co"})).await?.ok();
    let tenant = client.get_after(put["position"].as_u64().unwrap(), "/v1/tenant").await?;
    assert_eq!(tenant.ok()["name"], "Crust & Co");

    projector.kill9()?;
    let set = client.put("/v1/feature-flags/vision", &json!({"enabled": true})).await?.ok();
    projector.restart().await?;
    let began = Instant::now();
    let flag = loop {
        let answer = client.get_after(set["position"].as_u64().unwrap(), "/v1/feature-flags/vision").await?;
        if answer.status.is_success() || began.elapsed() > LATE {
            break answer.ok();
        }
    };
    assert_eq!(flag["enabled"], true);
    // Who has the partition is looked at every now and then.
    let found = until_running(&client).await?;
    let tenancy = found.iter().find(|one| one["projection"] == "tenancy").unwrap();
    assert_eq!((&tenancy["store"], &tenancy["state"]), (&json!("postgres"), &json!("running")), "{found:#?}");
    assert!(tenancy["owner"]["process"].is_string());

    projector.terminate()?;
    api.terminate()?;
    let rebuilt = api.run(&["rebuild", "--projection", "tenancy", "--json"])?;
    let doctor = api.run(&["doctor"])?;
    let report: Value = serde_json::from_slice(&rebuilt.stdout)?;
    assert_eq!(
        (&report["projection"], &report["identical"]),
        (&json!("tenancy"), &json!(true)),
        "{report:#}"
    );
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("read model tenancy\n  ok    postgres: postgres://127.0.0.1:"), "{said}");
    for output in [said, api.output(), projector.output()] {
        assert!(!output.contains(PASSWORD), "{output}");
    }
    Ok(())
}

#[tokio::test]
async fn each_store_is_chosen_on_its_own_and_both_hold_the_same() -> anyhow::Result<()> {
    let database = PostgresServer::shared().await?.new_database().await?;
    let mut app = TestApp::start(&["serve"], vec![("FOODFLOW_POSTGRES_URL".to_owned(), database)]).await?;
    let world = World::build(app.new_tenant()?).await?;
    world.receive("L-1", 5).await?;
    // The last event of the log: what is compared below is the digest after all of them.
    let put = world.client.put("/v1/tenant", &json!({"name": "Crust & Co"})).await?.ok();
    world.client.get_after(put["position"].as_u64().unwrap(), "/v1/tenant").await?.ok();
    let found = until_running(&world.client).await?;
    let stores: Vec<_> = found
        .iter()
        .map(|one| [&one["projection"], &one["store"]].map(|name| name.as_str().unwrap()))
        .collect();
    let tables = ["tenancy", "identity", "audit"].map(|name| [name, "postgres"]);
    assert_eq!(stores, [&[["food_graph", "embedded"]][..], &tables].concat());
    assert_ne!(found[0]["digest"], found[1]["digest"], "each projection has a digest of its own");
    let in_postgres = found[1]["digest"].as_str().unwrap().to_owned();
    app.terminate()?;
    // The same log into SQLite: the same rows.
    let rebuild = ["rebuild", "--projection", "tenancy", "--json", "--postgres-url", ""];
    app.run(&rebuild)?;
    let report: Value = serde_json::from_slice(&app.run(&rebuild)?.stdout)?;
    assert_eq!((&report["store"], &report["identical"]), (&json!("embedded"), &json!(true)), "{report:#}");
    assert_eq!(report["partitions"][0]["compared"]["rebuilt_digest"], json!(in_postgres), "{report:#}");
    Ok(())
}
