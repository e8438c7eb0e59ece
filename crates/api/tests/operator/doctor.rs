//! `foodflow doctor`, on files.

use serde_json::Value;

use super::{Place, set_mode};

/// The lines of this level, as text.
pub(super) fn lines(report: &Value, level: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["level"] == level);
    checks
        .map(|check| format!("{}: {}", check["section"].as_str().unwrap(), check["text"].as_str().unwrap()))
        .collect()
}

pub(super) fn has(lines: &[String], parts: &[&str]) -> bool {
    lines.iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[test]
fn everything_is_well_after_the_demo() {
    let place = Place::seeded();
    let (code, report) = place.json(&["doctor", "--json"]);
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()));
    let head = place.events(&[]).last().unwrap()["position"].clone();
    let ok = lines(&report, "ok");
    assert!(has(&ok, &["settings: data = data (default)"]), "{ok:#?}");
    assert!(has(&ok, &["data folder: ", "can be written"]), "{ok:#?}");
    assert!(has(&ok, &["access key: ", "0600"]), "{ok:#?}");
    assert!(has(&ok, &["log: embedded: data/log.sqlite, 1 partition(s)"]), "{ok:#?}");
    assert!(
        has(&ok, &["log: partition 0: head at position ", &head.to_string(), "recorded 2026-"]),
        "{ok:#?}"
    );
    assert!(has(&ok, &["read model: its schema is complete"]), "{ok:#?}");
    assert!(has(&ok, &["read model: partition 0: ", "the log's head"]), "{ok:#?}");
    assert_eq!(lines(&report, "fail"), Vec::<String>::new());
    let told = place.run(&["doctor"]);
    assert!(told.code == Some(0) && told.stdout.contains("\nlog\n  ok    embedded: "), "{told}");
}

#[test]
fn before_the_first_start_nothing_is_made() {
    let place = Place::empty();
    let (code, report) = place.json(&["doctor", "--json"]);
    assert_eq!(code, Some(0), "{report:#}");
    let warnings = lines(&report, "warn");
    for section in ["data folder: ", "access key: ", "log: ", "read model: "] {
        assert!(has(&warnings, &[section, "yet"]), "{warnings:#?}");
    }
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none());
}

#[test]
fn settings_show_their_source_and_no_secret() {
    let place = Place::empty();
    let file = place.path().join("foodflow.toml");
    std::fs::write(&file, "log_replicas = 3\nlog_format = \"json\"\n").unwrap();
    std::fs::write(place.path().join("password"), "s3cret\n").unwrap();
    let mut command = place.command(&["doctor", "--json", "--data", "elsewhere", "--set", "log_format=text"]);
    command.env("FOODFLOW_NEO4J_PASSWORD_FILE", "password").env("FOODFLOW_NEO4J_USER", "0123");
    let ended = super::Ended::of(command.env("FOODFLOW_LOG", "warn").output().unwrap());
    assert!(!ended.stdout.contains("s3cret") && !ended.stderr.contains("s3cret"), "{ended}");
    let report = serde_json::from_str(&ended.stdout).unwrap();
    let ok = lines(&report, "ok");
    for line in [
        "data = elsewhere (flag --data)",
        "neo4j_password = set (file password, variable FOODFLOW_NEO4J_PASSWORD_FILE)",
        "neo4j_user = 0123 (variable FOODFLOW_NEO4J_USER)",
        "log_replicas = 3 (file foodflow.toml)",
        "log_format = text (flag --set)",
        "log = warn (variable FOODFLOW_LOG)",
        "log_url = unset (default)",
    ] {
        assert!(has(&ok, &[line]), "{line} is not in {ok:#?}");
    }
}

#[test]
fn what_is_no_setting_is_refused_with_the_name_that_was_meant() {
    let place = Place::empty();
    std::fs::write(place.path().join("foodflow.toml"), "listne = \"0.0.0.0:80\"\n").unwrap();
    let mut command = place.command(&["doctor", "--set", "roll=api"]);
    let ended = super::Ended::of(command.env("FOODFLOW_NEO4J_DATABSE", "s3cret").output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended}");
    for part in [
        "foodflow.toml: `listne` is no setting; do you mean `listen`?",
        "`FOODFLOW_NEO4J_DATABSE` is no setting; do you mean `FOODFLOW_NEO4J_DATABASE`?",
        "--set: `roll` is no setting; do you mean `role`?",
    ] {
        assert!(ended.stderr.contains(part), "{part} is not in {ended}");
    }
    assert!(!ended.stderr.contains("s3cret"), "{ended}");

    std::fs::write(place.path().join("foodflow.toml"), "listen = 8080\n").unwrap();
    let ended = place.run(&["doctor"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("listen (file foodflow.toml)"), "{ended}");
    std::fs::write(place.path().join("foodflow.toml"), "").unwrap();
    let ended = place.run(&["doctor", "--set", "log=nonsense=nonsense"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("does not say what to log"), "{ended}");
    let ended = place.run(&["doctor", "--set", "s3cret"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("name=value"), "{ended}");
    assert!(!ended.stderr.contains("s3cret"), "{ended}");
}

#[tokio::test]
async fn what_is_wrong_fails_with_what_to_do() {
    let place = Place::seeded();
    set_mode(&place.data().join("access-key.pem"), 0o644);
    place.edit("food_graph.sqlite", "UPDATE checkpoints SET position = 100000").await;
    let (code, report) = place.json(&["doctor", "--json"]);
    let failures = lines(&report, "fail");
    assert_eq!((code, failures.len(), &report["failures"]), (Some(1), 2, &2.into()), "{failures:#?}");
    assert!(has(&failures, &["access key: ", "0644"]), "{failures:#?}");
    assert!(has(&failures, &["read model: ", "filled from another log"]), "{failures:#?}");
    let told = place.run(&["doctor"]);
    assert!(
        told.stdout.contains("-> chmod 600") && told.stdout.contains("-> run `foodflow rebuild`"),
        "{told}"
    );

    place.edit("food_graph.sqlite", "UPDATE checkpoints SET position = 1; DROP TABLE graph_edges").await;
    let warnings = lines(&place.json(&["doctor", "--json"]).1, "warn");
    assert!(has(&warnings, &["its schema lacks", "graph_edges"]), "{warnings:#?}");
    std::fs::write(
        place.data().join("log.sqlite"),
        "this is not a log, but long enough to look like something",
    )
    .unwrap();
    std::fs::write(place.data().join("food_graph.sqlite"), "nor is this a graph").unwrap();
    let failures = lines(&place.json(&["doctor", "--json"]).1, "fail");
    assert!(has(&failures, &["log: embedded: ", "is not a FoodFlow event log"]), "{failures:#?}");
    assert!(has(&failures, &["read model: ", "unavailable"]), "{failures:#?}");
}

#[tokio::test]
async fn a_read_model_that_is_behind_is_a_warning() {
    let place = Place::seeded();
    place.edit("food_graph.sqlite", "UPDATE checkpoints SET position = 1").await;
    let (code, report) = place.json(&["doctor", "--json"]);
    let warnings = lines(&report, "warn");
    assert_eq!(code, Some(0), "{report:#}");
    assert!(
        has(&warnings, &["read model: partition 0: at position 1, ", " messages behind"]),
        "{warnings:#?}"
    );
}
