//! `production = true`: what is weak is refused, by `serve` and by `doctor`.

use std::process::Stdio;

use super::doctor::{has, lines};
use super::{Place, serve_until_ready};

const PRODUCTION: [&str; 4] = ["--set", "production=true", "--set", "audit_interval=10m"];

#[test]
fn nothing_is_served_with_weak_settings() {
    let place = Place::empty();
    let mut command = place.command(&["serve", "--listen", "0.0.0.0:0", "--set", "production=true"]);
    command.env("FOODFLOW_CORS_ORIGINS", "*").env("FOODFLOW_NEO4J_URL", "bolt://neo4j:s3cret@graph.example");
    let ended = super::Ended::of(command.env("FOODFLOW_NEO4J_PASSWORD", "s3cret").output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended}");
    for part in ["listen = 0.0.0.0:0", "cors_origins = *", "neo4j_url", "neo4j_password", "audit_interval"] {
        assert!(ended.stderr.contains(part), "{part} is not in {ended}");
    }
    assert_eq!(ended.stderr.matches("\n    -> ").count(), 5, "each says what to do: {ended}");
    assert!(!ended.stderr.contains("s3cret"), "{ended}");
    assert!(!place.data().exists(), "nothing was opened");
    let ended = place.run(&["demo", "--listen", "127.0.0.1:0", "--set", "production=true"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("gives tokens away"), "{ended}");
}

#[test]
fn what_is_sound_is_served() {
    let place = Place::empty();
    let mut command = place.command(&[&["serve", "--listen", "127.0.0.1:0"][..], &PRODUCTION].concat());
    serve_until_ready(command.stdout(Stdio::piped()));
    super::set_mode(&place.data(), 0o700);
    let (code, report) = place.json(&[&["doctor", "--json"][..], &PRODUCTION].concat());
    assert_eq!(code, Some(0), "{report:#}");
    let ok = lines(&report, "ok");
    assert!(has(&ok, &["production: the log does not hold the demo's story"]), "{ok:#?}");
}

#[test]
fn the_demos_story_is_not_told_in_earnest() {
    let place = Place::seeded();
    let (code, report) = place.json(&[&["doctor", "--json"][..], &PRODUCTION].concat());
    let failures = lines(&report, "fail");
    assert_eq!((code, failures.len()), (Some(1), 1), "{failures:#?}");
    assert!(has(&failures, &["production: the log holds the demo's story"]), "{failures:#?}");
    let ended = place.run(&[&["serve", "--listen", "127.0.0.1:0"][..], &PRODUCTION].concat());
    assert!(ended.code == Some(1) && ended.stderr.contains("the log holds the demo's story"), "{ended}");
    let report = place.json(&["doctor", "--json"]).1;
    assert!(has(&lines(&report, "ok"), &["production = false; with it 1 setting(s)"]), "{report:#}");
}

#[test]
fn a_token_for_long_is_warned_of() {
    let place = Place::empty();
    let token =
        |hours| place.run(&["token", "--tenant", "plant", "--hours", hours, "--set", "production=true"]);
    let (short, long) = (token("12"), token("13"));
    assert!(short.code == Some(0) && !short.stderr.contains("warning"), "{short}");
    assert!(long.code == Some(0) && long.stderr.contains("warning: whoever finds this token"), "{long}");
}
