//! kill -9 between the decision to erase somebody and the erasure: it is finished without being asked for again.

use std::time::{Duration, Instant};

use foodflow_testkit::{TestApp, TestClient};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::identity::forgetting::holding;
use crate::identity::{PASSWORD, Plant, email, log_in, text};

/// How soon a decision is carried out by whoever follows the log.
const FINISHED_WITHIN: Duration = Duration::from_secs(40);

/// Events of this type in the log, once there are any.
async fn events(client: &TestClient, what: &str, within: Duration) -> anyhow::Result<Vec<Value>> {
    let began = Instant::now();
    loop {
        let path = format!("/v1/events?type=foodflow.identity.user.{what}.v1&limit=1000");
        let found = client.get(&path).await?.ok().as_array().cloned().unwrap_or_default();
        if !found.is_empty() || began.elapsed() > within {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_erasure_that_was_decided_is_finished_after_kill_9() -> anyhow::Result<()> {
    let mut app = TestApp::embedded().await?;
    let plant = Plant::new(&app).await?;
    let id = plant.hire("maria", "Operator").await?;
    let address = email("maria", &plant.slug);
    // Nothing can be written beside the log: the decision is taken, and the keys stay.
    let records = SqliteConnectOptions::new().filename(app.data().join("log-records.sqlite"));
    let mut held = records.connect().await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut held).await?;
    let asking = {
        let (admin, path) = (plant.admin.clone(), format!("/v1/users/{id}/forget"));
        tokio::spawn(async move { admin.post(&path, &json!({"reason": "request of the person"})).await })
    };
    let decided = events(&plant.admin, "forgotten", Duration::from_secs(20)).await?;
    assert_eq!(decided.len(), 1, "{decided:?}");
    app.kill9()?;
    assert!(!asking.await?.is_ok_and(|answer| answer.status.is_success()), "nobody was told that it is done");
    sqlx::raw_sql("ROLLBACK").execute(&mut held).await?;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM record WHERE kind = 'person_key' AND key LIKE ?1 AND CAST(value AS TEXT) LIKE '%sealed%'")
        .bind(format!("%.{id}"))
        .fetch_one(&mut held)
        .await?;
    assert_eq!(kept, 1, "the keys are still there");

    app.restart().await?;
    let visitor = app.client(&plant.slug, &[])?.with_token("none");
    let grant = log_in(&visitor, &email("admin", &plant.slug), PASSWORD).await?.ok();
    let admin = visitor.with_token(text(&grant, "access_token"));
    let erased = events(&admin, "erased", FINISHED_WITHIN).await?;
    assert_eq!(erased.len(), 1, "{erased:?}\n{}", app.output());
    assert_eq!(text(&erased[0], "actor"), "foodflow");
    let record: Value = serde_json::from_str(text(&erased[0]["data"], "record"))?;
    assert_eq!((text(&record, "user_id"), text(&record, "reason")), (id.as_str(), "request of the person"));
    assert_eq!(record["decided_at"], decided[0]["position"]);
    let kept: String = sqlx::query_scalar(
        "SELECT CAST(value AS TEXT) FROM record WHERE kind = 'person_key' AND key LIKE ?1",
    )
    .bind(format!("%.{id}"))
    .fetch_one(&mut held)
    .await?;
    assert!(kept.contains("erased_at") && !kept.contains("sealed"), "{kept}");
    let shown = admin.get(&format!("/v1/users/{id}")).await?.ok();
    assert_eq!(text(&shown, "email"), format!("{id}@forgotten.invalid"));
    assert_eq!(holding(app.data(), &[&address])?, Vec::<String>::new());
    // It is done once, and nothing is left to do.
    let began = Instant::now();
    loop {
        let metrics = reqwest::get(format!("{}/metrics", app.base())).await?.text().await?;
        if metrics.contains("foodflow_erasures_undone 0") && metrics.contains("foodflow_erasures_overdue 0") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ready = reqwest::get(format!("{}/readyz", app.base())).await?.text().await?;
    assert_eq!(ready, "ready\n");
    let doctor = app.run(&["doctor"])?;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("whoever was to be erased is"), "{told}");
    Ok(())
}
