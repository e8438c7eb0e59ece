//! `foodflow audit export`, and what `audit verify --bundle` makes of a bundle where there is no log.

use std::collections::HashSet;

use serde_json::Value;

use super::Place;
use super::audit::{DROP_TRIGGERS, change_at};

/// Tenants of the demo.
const PLANT: &str = "harbor-vale";

impl Place {
    /// Exports, and answers with the lines and the report.
    fn export(&self, arguments: &[&str]) -> (Vec<String>, Value) {
        let all = [&["audit", "export", "--out", "bundle.ndjson", "--json"], arguments].concat();
        let (code, report) = self.json(&all);
        assert_eq!(code, Some(0), "{report:#}");
        let text = std::fs::read_to_string(self.path().join("bundle.ndjson")).unwrap();
        (text.lines().map(str::to_owned).collect(), report)
    }

    /// Verifies a bundle where there is nothing else.
    fn verify_bundle(&self, lines: &[String], more: &[&str]) -> (Option<i32>, Value) {
        std::fs::write(self.path().join("b.ndjson"), format!("{}\n", lines.join("\n"))).unwrap();
        let told = self.json(&[&["audit", "verify", "--bundle", "b.ndjson", "--json"], more].concat());
        assert!(!self.data().exists());
        told
    }
}

/// The lot of the demo with the most events.
fn lot(events: &[Value]) -> String {
    let subjects: HashSet<_> = events
        .iter()
        .filter(|event| event["tenantid"] == events[0]["tenantid"])
        .filter_map(|event| event["subject"].as_str().filter(|subject| subject.starts_with("batch/")))
        .collect();
    let count = |subject: &&str| events.iter().filter(|event| event["subject"] == **subject).count();
    subjects.into_iter().max_by_key(count).unwrap().strip_prefix("batch/").unwrap().to_owned()
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Positions of the messages in a bundle.
fn positions(lines: &[String]) -> Vec<u64> {
    lines.iter().filter_map(|line| parsed(line)["position"].as_u64()).collect()
}

fn of(events: &[Value], wanted: impl Fn(&Value) -> bool) -> Vec<u64> {
    let mut positions: Vec<_> = events
        .iter()
        .filter(|event| wanted(event))
        .map(|event| event["position"].as_u64().unwrap())
        .collect();
    positions.dedup();
    positions
}

#[test]
fn a_bundle_holds_what_was_asked_for_and_proves_it_anywhere() {
    let (place, auditor) = (Place::seeded(), Place::empty());
    let events = place.events(&[]);
    let (lot, head) = (lot(&events), events.last().unwrap()["position"].as_u64().unwrap());
    let subject = format!("batch/{lot}");
    let tenant = events[0]["tenantid"].clone();
    let of_lot = of(&events, |event| event["subject"] == *subject && event["tenantid"] == tenant);
    let commands: HashSet<_> = events
        .iter()
        .filter(|event| event["subject"] == *subject)
        .map(|event| event["commandid"].to_string())
        .collect();
    let related = of(&events, |event| {
        commands.contains(&event["commandid"].to_string()) && event["tenantid"] == tenant
    });
    assert!(of_lot.len() > 3 && related.len() > of_lot.len());
    // A range that begins and ends within commits holds them whole.
    let within = |event: &&Value| event["commitindex"] == 1 && event["position"].as_u64() > Some(60);
    let from = events.iter().find(within).unwrap()["position"].as_u64().unwrap();
    let (first, to) = (from - 1, from.to_string());
    let in_commit =
        of(&events, |event| event["commandid"] == events.iter().find(within).unwrap()["commandid"]);
    let cases: [(&[&str], Vec<u64>); 6] = [
        (&["--tenant", PLANT, "--lot", &lot], of_lot.clone()),
        (&["--tenant", PLANT, "--subject", &subject], of_lot),
        (&["--tenant", PLANT, "--lot", &lot, "--related"], related),
        (&["--tenant", PLANT], of(&events, |event| event["tenantid"] == tenant)),
        (&[], (1..=head).collect()),
        (&["--from", &to, "--to", &to], in_commit),
    ];
    for (arguments, wanted) in cases {
        let (lines, report) = place.export(arguments);
        assert_eq!(positions(&lines), wanted, "{arguments:?}");
        assert_eq!((&report["messages"], &report["size"]), (&wanted.len().into(), &head.into()));
        let (code, told) = auditor.verify_bundle(&lines, &["--key-id", report["key"].as_str().unwrap()]);
        assert_eq!((code, &told["in_order"]), (Some(0), &true.into()), "{told:#}");
        assert_eq!(told["proven"]["messages"], wanted.len());
        assert_eq!(told["proven"]["scope"], parsed(&lines[0])["scope"]);
    }
    assert!(positions(&place.export(&["--from", &to, "--to", &to]).0).contains(&first));
    // Byte for byte what the log holds.
    let (lines, _) = place.export(&["--tenant", PLANT, "--lot", &lot]);
    let exported: Vec<Value> = lines
        .iter()
        .filter_map(|line| parsed(line)["payload"].as_str().map(|payload| parsed(payload)[0].clone()))
        .collect();
    let replayed = place.events(&["--tenant", PLANT, "--subject", &subject]);
    let ids = |events: &[Value]| events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&exported), ids(&replayed));
    let told = auditor.run(&["audit", "verify", "--bundle", "b.ndjson"]);
    assert!(told.code == Some(0) && told.stdout.contains("bundle: in order"), "{told}");
}

#[test]
fn a_bundle_shows_nothing_of_others() {
    let place = Place::seeded();
    let events = place.events(&[]);
    let (lines, _) = place.export(&["--tenant", "co-packer"]);
    let text = lines.join("\n");
    let own = parsed(&lines[0])["scope"]["tenant"].clone();
    let mut others = 0;
    for event in events.iter().filter(|event| event["tenantid"] != own) {
        others += 1;
        assert!(!text.contains(event["id"].as_str().unwrap()), "{event}");
        assert!(!text.contains(event["tenantid"].as_str().unwrap()), "{event}");
    }
    assert!(others > 50 && text.contains(own.as_str().unwrap()));
}

#[test]
fn what_was_done_to_a_bundle_is_named() {
    let (place, auditor) = (Place::seeded(), Place::empty());
    let lot = lot(&place.events(&[]));
    let (whole, report) = place.export(&["--tenant", PLANT, "--lot", &lot]);
    let key = report["key"].as_str().unwrap();
    let at = |line: usize| parsed(&whole[line - 1])["position"].clone();
    let replaced = |line: usize, from: &str, to: &str| {
        let mut lines = whole.clone();
        assert!(lines[line - 1].contains(from), "{}", lines[line - 1]);
        lines[line - 1] = lines[line - 1].replacen(from, to, 1);
        lines
    };
    let without = |line: usize| {
        let mut lines = whole.clone();
        lines.remove(line - 1);
        lines
    };
    let swapped = |line: usize| {
        let mut lines = whole.clone();
        lines.swap(line - 1, line);
        lines
    };
    // Lines: header, key, checkpoint, messages, seal.
    let last = whole.len() - 1;
    let proof = parsed(&whole[4])["proof"][0].as_str().unwrap().to_owned();
    let other = proof.chars().rev().collect::<String>();
    let root = parsed(&whole[2])["root"].as_str().unwrap().to_owned();
    let cases = [
        ("inclusion", 5, at(5), replaced(5, "specversion", "specVersion")),
        ("inclusion", last, at(last), replaced(last, r#"\"data\":{"#, r#"\"data\":{\"x\":1,"#)),
        ("inclusion", 5, at(5), replaced(5, &proof, &other)),
        ("chain", 5, at(6), without(5)),
        ("chain", 5, at(6), swapped(5)),
        ("seal", last, Value::Null, without(last)),
        ("line-order", whole.len(), Value::Null, without(whole.len())),
        ("header", 4, Value::Null, replaced(1, r#""checkpoint":2"#, r#""checkpoint":3"#)),
        ("seal", whole.len(), Value::Null, replaced(1, "\"exported_at\":\"20", "\"exported_at\":\"19")),
        ("place", 4, at(4), replaced(1, &lot, "00000000-0000-0000-0000-000000000000")),
        ("record-signature", 3, Value::Null, replaced(3, &root, &other)),
        ("record-key", 3, Value::Null, replaced(3, key, &other)),
        ("line-form", 5, Value::Null, replaced(5, "{", "{ ")),
        ("record-key", 2, Value::Null, without(2)),
    ];
    for (rule, line, position, lines) in cases {
        let (code, report) = auditor.verify_bundle(&lines, &["--key-id", key]);
        let broken = &report["broken"];
        assert_eq!((code, &broken["rule"]), (Some(1), &rule.into()), "{report:#}");
        assert_eq!((&broken["line"], &broken["position"]), (&line.into(), &position), "{rule}: {broken:#}");
        let told = auditor.run(&["audit", "verify", "--bundle", "b.ndjson"]);
        assert!(told.code == Some(1) && told.stdout.contains("bundle: BROKEN"), "{told}");
        assert!(told.stdout.contains(&format!("first broken line: {line}")), "{told}");
        assert!(told.stderr.contains("the bundle is not what was exported"), "{told}");
    }
    // Complete and in order, under a key that nobody knows.
    let unknown = "0".repeat(64);
    let (code, report) = auditor.verify_bundle(&whole, &["--key-id", &unknown]);
    assert_eq!((code, &report["broken"]["rule"]), (Some(1), &"trust".into()), "{report:#}");
}

#[test]
fn a_later_bundle_goes_on_from_an_earlier_one() {
    let (place, auditor) = (Place::signed(), Place::empty());
    let (earlier, _) = place.export(&["--tenant", PLANT]);
    std::fs::write(auditor.path().join("earlier.ndjson"), format!("{}\n", earlier.join("\n"))).unwrap();
    let against = ["--against", "earlier.ndjson"];
    assert_eq!(auditor.verify_bundle(&earlier, &against).0, Some(0));
    place.append("tarn-hollow");
    assert_eq!(place.run(&["audit", "rotate-key"]).code, Some(0));
    let (later, report) = place.export(&["--tenant", PLANT, "--since", "2"]);
    assert_eq!(report["checkpoint"], 4);
    let (code, told) = auditor.verify_bundle(&later, &against);
    assert_eq!((code, &told["in_order"]), (Some(0), &true.into()), "{told:#}");
    // Without the proof, nothing says that the one goes on from the other.
    let (without, _) = place.export(&["--tenant", PLANT]);
    let (code, told) = auditor.verify_bundle(&without, &against);
    assert_eq!((code, &told["broken"]["rule"]), (Some(1), &"known".into()), "{told:#}");
    assert!(told["broken"]["found"].as_str().unwrap().contains("--since 2"), "{told:#}");
    // A log of somebody else under the same numbers.
    let (other, _) = Place::seeded().export(&["--tenant", PLANT]);
    assert_eq!(auditor.verify_bundle(&other, &against).1["broken"]["rule"], "known");
    // The earlier bundle also holds the log to what it said then.
    std::fs::copy(auditor.path().join("earlier.ndjson"), place.path().join("earlier.ndjson")).unwrap();
    assert_eq!(place.run(&["audit", "verify", "--against", "earlier.ndjson"]).code, Some(0));
    let bad = place.run(&["audit", "verify", "--against", "more.ndjson"]);
    assert!(bad.code == Some(1) && bad.stderr.contains("--against: more.ndjson, line 1 is"), "{bad}");
}

#[tokio::test]
async fn nothing_is_exported_of_a_log_that_is_not_what_was_written() {
    let signed = Place::signed();
    let events = signed.events(&[]);
    let head = events.last().unwrap()["position"].as_u64().unwrap();
    let of_last = change_at(head);
    let begins = |event: &&Value| event["commitindex"] == 0;
    let cut = events.iter().rev().find(begins).unwrap()["position"].as_u64().unwrap();
    for (statement, why) in [
        (
            format!("{DROP_TRIGGERS} DELETE FROM message WHERE position = 7"),
            "the log is not what was written",
        ),
        (of_last, "the log is not what was signed"),
        (
            format!("{DROP_TRIGGERS} DELETE FROM message WHERE position >= {cut}"),
            "the log is not what was signed",
        ),
    ] {
        let place = Place::copy_of(&signed);
        place.edit("log.sqlite", &statement).await;
        let ended = place.run(&["audit", "export", "--tenant", PLANT, "--out", "bundle.ndjson"]);
        assert!(ended.code == Some(1) && ended.stderr.contains(why), "{ended}");
        assert!(!place.path().join("bundle.ndjson").exists());
    }
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let place = Place::seeded();
    for usage in [
        &["--lot", "0197f3a0-5d6e-7c1a-9b2f-3f6a1c0d4e52"][..],
        &["--tenant", PLANT, "--lot", "batch/0197f3a0-5d6e-7c1a-9b2f-3f6a1c0d4e52"],
        &["--tenant", PLANT, "--lot", "7"],
        &["--tenant", PLANT, "--lot", "0197f3a0-5d6e-7c1a-9b2f-3f6a1c0d4e52", "--from", "3"],
        &["--json"],
    ] {
        assert_eq!(place.run(&[&["audit", "export"], usage].concat()).code, Some(2), "{usage:?}");
    }
    for (refused, why) in [
        (&["--tenant", "nobody"][..], "no messages fit"),
        (&["--from", "1000000"], "no messages fit"),
        (&["--from", "9", "--to", "8"], "--from 9 lies after --to 8"),
        (&["--tenant", PLANT, "--related"], "--related goes with --lot or --subject"),
        (&["--since", "1"], "--since: record 1 is no checkpoint of partition 0"),
    ] {
        let ended = place.run(&[&["audit", "export", "--out", "bundle.ndjson"], refused].concat());
        assert!(ended.code == Some(1) && ended.stderr.contains(why), "{ended}");
        assert!(!place.path().join("bundle.ndjson").exists());
    }
    let printed = place.run(&["audit", "export", "--tenant", PLANT]);
    assert!(printed.code == Some(0) && printed.stdout.lines().count() > 50, "{printed}");
    let none = Place::empty().run(&["audit", "verify", "--bundle", "none.ndjson"]);
    assert!(none.code == Some(1) && none.stderr.contains("--bundle: cannot read none.ndjson"), "{none}");
}
