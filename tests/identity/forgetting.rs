//! A person who is forgotten is in no answer and no file, and the log still proves itself.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use foodflow_testkit::{Stores, TestApp};
use rstest::rstest;
use serde_json::json;

use super::{PASSWORD, Plant, log_in, position, text};

/// How soon another process lets go of who was forgotten.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);

/// Files under `folder` that hold one of `texts`.
pub(crate) fn holding(folder: &Path, texts: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut command = Command::new("grep");
    command.env("LC_ALL", "C").args(["--recursive", "--text", "--files-with-matches", "--fixed-strings"]);
    command.args(texts.iter().flat_map(|text| ["-e", text])).arg(folder);
    let output = command.output()?;
    // Servers remove files meanwhile.
    let told = String::from_utf8_lossy(&output.stderr);
    let is_looked_through = told.lines().all(|line| line.ends_with("No such file or directory"));
    anyhow::ensure!(is_looked_through, "{}: {told}", folder.display());
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn nothing_shows_who_was_forgotten(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let role = plant.role("Operator").await?;
    let body = json!({"email": "quillfeather@plant.example", "first_name": "Zephyrina", "last_name": "Quillfeather", "role_ids": [role]});
    let invited = plant.admin.post("/v1/users", &body).await?.ok();
    let accept = json!({"token": text(&invited, "token"), "password": PASSWORD});
    let accepted = visitor.post("/v1/invitations/accept", &accept).await?.ok();
    let grant = log_in(&visitor, "quillfeather@plant.example", PASSWORD).await?.ok();
    let session = visitor.with_token(text(&grant, "access_token"));
    let path = format!("/v1/users/{}", text(&invited, "id"));
    let past = format!("{path}?as_of={}", position(&accepted));
    let shown = plant.admin.get_after(position(&accepted), &past).await?.ok();
    assert_eq!(text(&shown, "last_name"), "Quillfeather");

    let why = json!({"reason": "request of the person"});
    let forget = format!("{path}/forget");
    session.post(&forget, &why).await?.refused(403, "forbidden");
    Plant::new(app).await?.admin.post(&forget, &why).await?.refused(404, "not-found");
    let erased = plant.admin.post(&forget, &why).await?.ok();
    let record: serde_json::Value = serde_json::from_str(text(&erased, "record"))?;
    assert_eq!((text(&record, "reason"), &record["user_id"]), ("request of the person", &invited["id"]));
    let again = plant.admin.post(&forget, &why).await?.ok();
    assert_eq!(again["user_id"], erased["user_id"]);

    session.get("/v1/me").await?.refused(401, "unauthenticated");
    log_in(&visitor, "quillfeather@plant.example", PASSWORD).await?.refused(401, "login-refused");
    for read in [path.clone(), past] {
        let user = plant.admin.get_after(position(&erased), &read).await?.ok();
        let address = format!("{}@forgotten.invalid", text(&invited, "id"));
        assert_eq!((text(&user, "email"), &user["last_name"]), (address.as_str(), &json!(null)), "{read}");
    }
    for read in ["/v1/users", "/v1/events?limit=200", "/v1/sessions"] {
        let answer = plant.admin.get_after(position(&erased), read).await?.ok().to_string();
        assert!(!answer.contains("uillfeather") && !answer.contains("Zephyrina"), "{read}: {answer}");
    }
    // The address is free again.
    plant.admin.post("/v1/users", &body).await?.ok();
    Ok(())
}

#[tokio::test]
async fn no_file_holds_who_was_forgotten_and_the_log_still_verifies() -> anyhow::Result<()> {
    let mut app = TestApp::embedded().await?;
    let plant = Plant::new(&app).await?;
    let role = plant.role("Operator").await?;
    let body = json!({"email": "quillfeather@plant.example", "first_name": "Zephyrina", "last_name": "Quillfeather", "role_ids": [role]});
    let invited = plant.admin.post("/v1/users", &body).await?.ok();
    let accept = json!({"token": text(&invited, "token"), "password": PASSWORD});
    plant.admin.with_token("none").post("/v1/invitations/accept", &accept).await?.ok();
    let user = format!("/v1/users/{}", text(&invited, "id"));
    let texts = ["quillfeather", "Quillfeather", "Zephyrina"];
    // Enough of a history for snapshots.
    for _ in 0..30 {
        let profile = json!({"email": "quillfeather@plant.example", "last_name": "Quillfeather"});
        plant.admin.put(&user, &profile).await?.ok();
    }
    let found = holding(app.data(), &texts)?;
    assert!(found.iter().all(|file| file.contains("identity")), "sealed everywhere else: {found:?}");
    assert!(!found.is_empty(), "the read model shows the person");
    let why = json!({"reason": "request of the person"});
    plant.admin.post(&format!("{user}/forget"), &why).await?.ok();
    assert_eq!(holding(app.data(), &texts)?, Vec::<String>::new());
    app.terminate()?;
    assert_eq!(holding(app.data(), &texts)?, Vec::<String>::new());
    let verified = app.run(&["audit", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let rebuilt = app.run(&["rebuild", "--projection", "identity"])?;
    let told = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    assert!(rebuilt.status.success(), "{told}");
    assert_eq!(holding(app.data(), &texts)?, Vec::<String>::new());
    Ok(())
}

/// What another process has opened before it lets go of as soon as the log tells it, and not when its time is over.
#[tokio::test]
async fn another_process_lets_go_of_who_is_forgotten() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Servers).await?;
    let other = TestApp::own(Stores::Servers).await?;
    let plant = Plant::new(app).await?;
    let role = plant.role("Operator").await?;
    let body =
        json!({"email": "quillfeather@plant.example", "last_name": "Quillfeather", "role_ids": [role]});
    let invited = plant.admin.post("/v1/users", &body).await?.ok();
    let accept = json!({"token": text(&invited, "token"), "password": PASSWORD});
    let accepted = plant.admin.with_token("none").post("/v1/invitations/accept", &accept).await?.ok();
    let there = other.client(&plant.slug, &[])?;
    let session = there.with_token("none");
    let grant = log_in(&session, "quillfeather@plant.example", PASSWORD).await?.ok();
    let session = session.with_token(text(&grant, "access_token"));
    let user = format!("/v1/users/{}", text(&invited, "id"));
    let past = format!("{user}?as_of={}", position(&accepted));
    for read in [&user, &past] {
        let shown = there.get_after(position(&accepted), read).await?.ok();
        assert_eq!(text(&shown, "last_name"), "Quillfeather");
    }
    session.get("/v1/me").await?.ok();
    let why = json!({"reason": "request of the person"});
    let erased = plant.admin.post(&format!("{user}/forget"), &why).await?.ok();
    let began = Instant::now();
    loop {
        let shown = there.get_after(position(&erased), &past).await?.ok();
        if shown["last_name"].is_null() {
            break;
        }
        assert!(began.elapsed() < LET_GO_WITHIN, "still shown: {shown:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    session.get("/v1/me").await?.refused(401, "unauthenticated");
    Ok(())
}

#[tokio::test]
async fn the_command_line_forgets_by_address() -> anyhow::Result<()> {
    let app = TestApp::embedded().await?;
    let plant = Plant::new(&app).await?;
    let id = plant.hire("maria", "Operator").await?;
    let address = super::email("maria", &plant.slug);
    let forget = |user: &str| {
        app.run(&["forget", "--tenant", &plant.slug, "--user", user, "--reason", "request of the person"])
    };
    assert!(!forget("nobody@plant.example")?.status.success());
    let done = forget(&address)?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let erasure: serde_json::Value = serde_json::from_slice(&done.stdout)?;
    assert_eq!(text(&erasure, "user_id"), id);
    let user = plant.admin.get_after(position(&erasure), &format!("/v1/users/{id}")).await?.ok();
    assert_eq!(text(&user, "status"), "forgotten");
    Ok(())
}
