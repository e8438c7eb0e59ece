//! `foodflow replay`.

use std::process::Stdio;

use serde_json::Value;

use super::{Ended, Place};

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["position"].as_u64().unwrap()).collect()
}

#[test]
fn it_prints_a_tenants_events_in_order() {
    let place = Place::seeded();
    let (all, own) = (place.events(&[]), place.events(&["--tenant", "harbor-vale"]));
    assert!(positions(&all).is_sorted() && all[0]["position"] == 1 && all[0]["partition"] == 0);
    assert!(own.len() < all.len() && own.len() > 50, "{} of {}", own.len(), all.len());
    let tenant = own[0]["tenantid"].as_str().unwrap();
    assert!(own.iter().all(|event| event["tenantid"] == tenant && event["specversion"] == "1.0"));
    assert_eq!(place.events(&["--tenant", tenant]), own);
    assert_eq!(place.events(&["--partition", "0"]), all);
}

#[test]
fn it_prints_what_was_asked_for() {
    let place = Place::seeded();
    let all = place.events(&[]);
    let subject = "batch/";
    let subject = all.iter().find(|event| event["subject"].as_str().unwrap().starts_with(subject)).unwrap();
    let subject = subject["subject"].as_str().unwrap();
    let of = |wanted: &dyn Fn(&Value) -> bool| {
        all.iter().filter(|event| wanted(event)).cloned().collect::<Vec<_>>()
    };
    let of_subject = of(&|event| event["subject"] == subject);
    assert!(of_subject.len() > 1);
    assert_eq!(place.events(&["--subject", subject]), of_subject);
    assert_eq!(place.events(&["--subject", subject.split_once('/').unwrap().1]), of_subject);
    let kind = of_subject[1]["type"].as_str().unwrap();
    let of_kind = of(&|event| event["type"] == kind);
    assert_eq!(place.events(&["--type", kind]), of_kind);
    let position = |event: &Value| event["position"].as_u64().unwrap();
    assert_eq!(
        place.events(&["--from", "10", "--to", "20"]),
        of(&|event| (10..=20).contains(&position(event)))
    );
    let middle = &all[all.len() / 2];
    let time = middle["time"].as_str().unwrap();
    // Times are written alike, so that their text is in their order.
    let by_then = of(&|event| event["time"].as_str().unwrap() <= time);
    assert!(by_then.len() < all.len());
    assert_eq!(place.events(&["--until", time]), by_then);
}

#[test]
fn every_format_holds_the_same_events() {
    let place = Place::seeded();
    let lines = place.events(&["--tenant", "harbor-vale"]);
    let batch = place.run(&["replay", "--tenant", "harbor-vale", "--format", "cloudevents"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&batch.stdout).unwrap(), lines);
    let table = place.run(&["replay", "--tenant", "harbor-vale", "--format", "table"]);
    let rows: Vec<&str> = table.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        assert!(row.contains(line["subject"].as_str().unwrap()), "{row}");
        assert!(row.contains(line["type"].as_str().unwrap().strip_prefix("foodflow.").unwrap()), "{row}");
    }
}

#[test]
fn a_file_is_complete_or_not_there() {
    let place = Place::seeded();
    let printed = place.run(&["replay", "--format", "ndjson"]);
    let written = place.run(&["replay", "--format", "ndjson", "--out", "events.ndjson"]);
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""), "{written}");
    assert_eq!(std::fs::read_to_string(place.path().join("events.ndjson")).unwrap(), printed.stdout);
    assert!(!place.path().join(".events.ndjson.part").exists());
    let refused = place.run(&["replay", "--out", "no/such/folder/events.ndjson"]);
    assert_eq!(refused.code, Some(1), "{refused}");
}

#[test]
fn nothing_to_print_is_said_and_no_failure() {
    let place = Place::seeded();
    for arguments in
        [&["--tenant", "nobody"][..], &["--from", "1000000"], &["--until", "2020-01-01T00:00:00Z"]]
    {
        let ended = place.run(&[&["replay"], arguments].concat());
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
            (Some(0), "", "no events match\n")
        );
    }
    let ended = place.run(&["replay", "--tenant", "nobody", "--format", "cloudevents"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&ended.stdout).unwrap(), Vec::<Value>::new());
}

#[test]
fn what_cannot_be_is_refused_and_makes_nothing() {
    let place = Place::empty();
    let ended = place.run(&["replay"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("there is no event log at data/log.sqlite yet"), "{ended}");
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none());
    for usage in [
        &["--tenant", "Not A Slug"][..],
        &["--subject", "batch/1"],
        &["--until", "noon"],
        &["--format", "xml"],
    ] {
        assert_eq!(place.run(&[&["replay"], usage].concat()).code, Some(2), "{usage:?}");
    }
    let ended = Place::seeded().run(&["replay", "--partition", "1"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("no partition 1"), "{ended}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::seeded();
    let mut replay = place.command(&["replay", "--format", "ndjson"]);
    let mut replay = replay.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(replay.stdout.take());
    let ended = Ended::of(replay.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended}");
}
