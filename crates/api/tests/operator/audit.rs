//! `foodflow audit verify`.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Place;

pub(super) const DROP_TRIGGERS: &str =
    "DROP TRIGGER message_is_never_changed; DROP TRIGGER message_is_never_removed;";

/// Positions of the messages of each stream that has at least two.
pub(super) fn long_streams(events: &[Value]) -> Vec<Vec<u64>> {
    let mut streams: HashMap<(&str, &str), Vec<u64>> = HashMap::new();
    for event in events {
        let stream = (event["tenantid"].as_str().unwrap(), event["subject"].as_str().unwrap());
        let position = event["position"].as_u64().unwrap();
        let positions = streams.entry(stream).or_default();
        if positions.last() != Some(&position) {
            positions.push(position);
        }
    }
    let mut long: Vec<_> = streams.into_values().filter(|positions| positions.len() > 1).collect();
    long.sort();
    long
}

pub(super) fn change_at(position: u64) -> String {
    // Data of an event, which no rule but the chain looks at.
    format!(
        "{DROP_TRIGGERS} UPDATE message
         SET payload = CAST(replace(CAST(payload AS TEXT), '\"data\":{{', '\"data\":{{\"x\":1,') AS BLOB)
         WHERE position = {position}"
    )
}

#[test]
fn a_log_as_written_is_in_order() {
    let place = Place::seeded();
    let events = place.events(&[]);
    let (code, report) = place.json(&["audit", "verify", "--json"]);
    assert_eq!((code, &report["in_order"]), (Some(0), &true.into()));
    let checked = &report["partitions"][0]["checked"];
    assert_eq!(
        (&checked["events"], &checked["position"]),
        (&events.len().into(), &events.last().unwrap()["position"])
    );
    let streams: HashSet<_> =
        events.iter().map(|event| (event["tenantid"].as_str(), event["subject"].as_str())).collect();
    let commands: HashSet<_> = events.iter().map(|event| event["commandid"].as_str()).collect();
    assert_eq!((&checked["streams"], &checked["commits"]), (&streams.len().into(), &commands.len().into()));
    let told = place.run(&["audit", "verify"]);
    assert_eq!(told.code, Some(0), "{told}");
    assert!(told.stdout.contains("partition 0: in order"), "{told}");

    let own = place.events(&["--tenant", "harbor-vale"]).len();
    let (code, report) = place.json(&["audit", "verify", "--tenant", "harbor-vale", "--json"]);
    assert_eq!((code, &report["partitions"][0]["checked"]["events"]), (Some(0), &own.into()));
}

#[tokio::test]
async fn the_first_broken_link_is_named() {
    let place = Place::seeded();
    let events = place.events(&[]);
    let stream = &long_streams(&events)[0];
    let (changed, next) = (stream[0], stream[1]);
    place.edit("log.sqlite", &change_at(changed)).await;
    let (code, report) = place.json(&["audit", "verify", "--json"]);
    let broken = &report["partitions"][0]["broken"];
    assert_eq!((code, &broken["position"], &broken["rule"]), (Some(1), &next.into(), &"chain".into()));
    let event = events.iter().find(|event| event["position"] == next).unwrap();
    assert_eq!((&broken["event"], &broken["tenant"]), (&event["id"], &event["tenantid"]));
    let subject = event["subject"].as_str().unwrap().replace('/', ".");
    assert_eq!(broken["stream"], format!("food_graph.{subject}"));
    let told = place.run(&["audit", "verify"]);
    assert_eq!(told.code, Some(1), "{told}");
    assert!(told.stdout.contains(&format!("first broken link: at position {next}")), "{told}");
    assert!(told.stderr.contains("the log is not what was written"), "{told}");
}

#[tokio::test]
async fn a_removed_message_and_a_cut_commit_show() {
    let place = Place::seeded();
    place.edit("log.sqlite", &format!("{DROP_TRIGGERS} DELETE FROM message WHERE position = 7")).await;
    let broken = &place.json(&["audit", "verify", "--json"]).1["partitions"][0]["broken"];
    assert_eq!((&broken["position"], &broken["rule"]), (&8.into(), &"place".into()));

    let place = Place::seeded();
    let events = place.events(&[]);
    let ends_commit = |event: &&Value| event["commitindex"].as_u64() > Some(0);
    let position = events.iter().rev().find(ends_commit).unwrap()["position"].as_u64().unwrap();
    place
        .edit("log.sqlite", &format!("{DROP_TRIGGERS} DELETE FROM message WHERE position >= {position}"))
        .await;
    let broken = &place.json(&["audit", "verify", "--json"]).1["partitions"][0]["broken"];
    assert_eq!((&broken["position"], &broken["rule"]), (&(position - 1).into(), &"commit".into()));
    assert_eq!(broken["found"], "the end of the log");
}

#[tokio::test]
async fn what_breaks_no_link_changes_the_root() {
    let place = Place::seeded();
    let verify = |place: &Place, more: &[&str]| {
        let (code, report) = place.json(&[&["audit", "verify", "--json"], more].concat());
        (code, report["partitions"][0]["checked"].clone())
    };
    let (_, whole) = verify(&place, &[]);
    let last_of_stream = *long_streams(&place.events(&[]))[0].last().unwrap();
    let before = (last_of_stream - 1).to_string();
    let (_, noted) = verify(&place, &["--to", &before]);
    place.edit("log.sqlite", &change_at(last_of_stream)).await;
    let (code, changed) = verify(&place, &[]);
    assert_eq!((code, &changed["position"]), (Some(0), &whole["position"]));
    assert_ne!(changed["root"], whole["root"]);
    let (_, again) = verify(&place, &["--to", &before]);
    if noted["position"].as_u64().unwrap() < last_of_stream {
        assert_eq!(again, noted);
    }
}

#[tokio::test]
async fn what_the_log_cannot_read_is_told() {
    let place = Place::seeded();
    let statement = format!("{DROP_TRIGGERS} UPDATE message SET stream = 'nonsense' WHERE position = 5");
    place.edit("log.sqlite", &statement).await;
    let (code, report) = place.json(&["audit", "verify", "--json"]);
    assert_eq!((code, &report["in_order"]), (Some(1), &false.into()));
    let unreadable = report["partitions"][0]["unreadable"].as_str().unwrap();
    assert!(unreadable.contains("position 5") && unreadable.contains("nonsense"), "{unreadable}");
}

#[test]
fn no_log_is_a_failure_and_makes_none() {
    let place = Place::empty();
    let ended = place.run(&["audit", "verify"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(!place.data().exists());
    assert_eq!(place.run(&["audit"]).code, Some(2));
}
