//! `foodflow mirror`: copies, comparisons and restores with the real program.

mod following;
mod large;
mod restoring;

use foodflow_testkit::servers::NatsServer;
use serde_json::Value;

use super::{Ended, Place, serve_until_ready};

const DROP_TRIGGERS: &str =
    "DROP TRIGGER IF EXISTS message_is_never_changed; DROP TRIGGER IF EXISTS message_is_never_removed;";

/// A change of event data at `position`, which breaks no rule of that message itself.
fn change_at(position: u64) -> String {
    format!(
        "{DROP_TRIGGERS} UPDATE message
         SET payload = CAST(replace(CAST(payload AS TEXT), '\"data\":{{', '\"data\":{{\"x\":1,') AS BLOB)
         WHERE position = {position}"
    )
}

fn remove_from(position: u64) -> String {
    format!("{DROP_TRIGGERS} DELETE FROM message WHERE position >= {position}")
}

/// What `audit verify` says of each partition, which must be in order: position and root.
fn roots(place: &Place, log: &[&str]) -> Vec<(u64, String)> {
    let (code, report) = place.json(&[log, &["audit", "verify", "--json"]].concat());
    assert_eq!(code, Some(0), "{report:#}");
    let partitions = report["partitions"].as_array().unwrap().iter().map(|one| &one["checked"]);
    partitions
        .map(|one| (one["position"].as_u64().unwrap(), one["root"].as_str().unwrap().to_owned()))
        .collect()
}

/// The audit records of a log, and the checkpoints that agree with each partition.
fn signed(place: &Place, log: &[&str]) -> (u64, Vec<u64>) {
    let (code, report) = place.json(&[log, &["audit", "verify", "--json"]].concat());
    assert_eq!((code, &report["in_order"]), (Some(0), &true.into()), "{report:#}");
    let partitions = report["partitions"].as_array().unwrap().iter();
    let agree = partitions.map(|one| one["checkpoints"]["agree"].as_u64().unwrap()).collect();
    let printed = place.run(&[log, &["audit", "records"]].concat());
    succeeded(&printed);
    (printed.stdout.lines().count() as u64, agree)
}

fn digests(place: &Place, log: &[&str]) -> Vec<Value> {
    let (code, report) = place.json(&[log, &["rebuild", "--json"]].concat());
    assert!(code.is_some(), "{report:#}");
    let partitions = report["partitions"].as_array().unwrap().iter();
    let digests: Vec<Value> = partitions.map(|one| one["compared"]["rebuilt_digest"].clone()).collect();
    assert!(digests.iter().any(Value::is_string), "{report:#}");
    digests
}

fn succeeded(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[track_caller]
fn failed_with(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended}");
    for part in parts {
        assert!(ended.stderr.contains(part), "`{part}` is not in {ended}");
    }
}

#[test]
fn a_copy_is_a_log_like_any_other() {
    let place = Place::seeded();
    let (code, report) = place.json(&["mirror", "--to", "copy", "--once", "--json"]);
    assert_eq!((code, &report["ok"], &report["mode"]), (Some(0), &true.into(), &"once".into()));
    let copied = &report["copied"][0];
    assert_eq!((&copied["position"], &copied["head"]), (&report["messages"], &report["messages"]));
    let on_copy = ["--log-url", "file:copy"];
    assert_eq!(roots(&place, &on_copy), roots(&place, &[]));
    assert_eq!(place.events(&on_copy), place.events(&[]));
    assert_eq!(digests(&place, &on_copy), digests(&place, &[]));

    let again = place.run(&["mirror", "--to", "copy", "--once"]);
    succeeded(&again);
    assert!(again.stdout.contains("partition 0: 0 messages copied, up to position "), "{again}");
    let (code, report) = place.json(&["mirror", "--to", "copy", "--verify", "--json"]);
    let root = &report["compared"][0]["checked"]["root"];
    assert_eq!((code, root.as_str()), (Some(0), Some(roots(&place, &[])[0].1.as_str())));
    succeeded(&place.run(&["mirror", "--to", "copy", "--verify"]));
    succeeded(&place.run(&["mirror", "--to", "one.sqlite", "--once"]));
    succeeded(&place.run(&["mirror", "--to", "one.sqlite", "--verify"]));
    let in_one_file = ["--log-url", "file:one.sqlite"];
    assert_eq!(roots(&place, &in_one_file), roots(&place, &[]));
    assert_eq!(place.events(&in_one_file), place.events(&[]));
}

#[test]
fn a_copy_holds_what_was_signed_of_its_log() {
    let place = Place::signed();
    succeeded(&place.run(&["mirror", "--to", "copy", "--once"]));
    assert_eq!(signed(&place, &["--log-url", "file:copy"]), (2, vec![1]));
    place.append("second");
    place.checkpoint();
    let (code, report) = place.json(&["mirror", "--to", "copy", "--once", "--json"]);
    let records = &report["copied_records"];
    assert_eq!((code, &records["begun_behind"], &records["records"]), (Some(0), &2.into(), &3.into()));
    assert_eq!(signed(&place, &["--log-url", "file:copy"]), (3, vec![2]));
    let compared = place.run(&["mirror", "--to", "copy", "--verify"]);
    succeeded(&compared);
    assert!(compared.stdout.contains("; 2 checkpoint(s) agree"), "{compared}");
    assert!(compared.stdout.contains("audit records: 3 of the source, 3 of the target"), "{compared}");

    succeeded(&place.run(&["--data", "new", "mirror", "--restore", "--from", "copy"]));
    assert_eq!(signed(&place, &["--data", "new"]), (3, vec![2]));
    // A copy that is signed itself is no copy any more.
    succeeded(&place.run(&["--log-url", "file:copy", "audit", "rotate-key"]));
    let ended = place.run(&["mirror", "--to", "copy", "--once"]);
    failed_with(&ended, &["the target has 4 audit records, and the source 3", "never signed itself"]);
    failed_with(&place.run(&["mirror", "--to", "copy", "--verify"]), &["3 audit records, and its copy 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_a_server_goes_into_a_folder_and_onto_a_new_server() {
    let (server, new) = (NatsServer::start().await.unwrap(), NatsServer::start().await.unwrap());
    let place = Place::empty();
    std::fs::create_dir(place.data()).unwrap();
    serve_until_ready(&mut place.demo(&["--log-url", server.url()]));
    let (on_server, on_new) = (["--log-url", server.url()], ["--log-url", new.url()]);
    succeeded(&place.run(&[&on_server[..], &["audit", "checkpoint"]].concat()));

    succeeded(&place.run(&[&on_server[..], &["mirror", "--to", "copy", "--once"]].concat()));
    let told = place.run(&[&on_new[..], &["mirror", "--restore", "--from", "copy"]].concat());
    succeeded(&told);
    let expected = roots(&place, &on_server);
    assert_eq!(expected.len(), 4);
    assert!(expected.iter().filter(|(position, _)| *position > 0).count() > 1, "{expected:?}");
    assert_eq!(roots(&place, &["--log-url", "file:copy"]), expected);
    assert_eq!(roots(&place, &on_new), expected);
    let tenant = ["--tenant", "harbor-vale"];
    assert_eq!(
        place.events(&[&on_new[..], &tenant].concat()),
        place.events(&[&on_server[..], &tenant].concat())
    );
    assert_eq!(digests(&place, &on_new), digests(&place, &on_server));
    let signed = signed(&place, &on_server);
    assert!(signed.0 > 2, "{signed:?}");
    for copy in [&["--log-url", "file:copy"], &on_new] {
        assert_eq!(self::signed(&place, copy), signed);
    }
    succeeded(&place.run(&[&on_server[..], &["mirror", "--to", new.url(), "--verify"]].concat()));

    // From four partitions into one file, or into none that is there: refused, and nothing is made.
    let (refused, missing) =
        (["mirror", "--restore", "--from", "copy"], ["mirror", "--to", "gone", "--verify"]);
    let ended = place.run(&[&["--data", "new"], &refused[..]].concat());
    failed_with(&ended, &["would have one partition", "has 4", "file:<folder>"]);
    assert!(!place.path().join("new").exists());
    failed_with(&place.run(&[&on_server[..], &missing].concat()), &["there is no copy of a log at gone"]);
    succeeded(&place.run(&[&["--log-url", "file:new", "--data", "new"], &refused[..]].concat()));
    assert_eq!(roots(&place, &["--log-url", "file:new"]), expected);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let place = Place::seeded();
    failed_with(&place.run(&["mirror", "--to", "data/log.sqlite"]), &["is the log itself"]);
    failed_with(&place.run(&["mirror", "--to", "data", "--once"]), &["no part of a log", "an empty folder"]);
    for usage in [
        &["mirror"][..],
        &["mirror", "--restore"],
        &["mirror", "--from", "copy"],
        &["mirror", "--to", "copy", "--once", "--verify"],
        &["mirror", "--to", "copy", "--restore", "--from", "copy"],
        &["mirror", "--to", "copy", "--once", "--listen", "127.0.0.1:0"],
    ] {
        assert_eq!(place.run(usage).code, Some(2), "{usage:?}");
    }
    let empty = Place::empty();
    failed_with(&empty.run(&["mirror", "--to", "copy"]), &["there is no event log"]);
    failed_with(
        &empty.run(&["mirror", "--restore", "--from", "copy"]),
        &["there is no copy of a log at copy"],
    );
    assert!(std::fs::read_dir(empty.path()).unwrap().next().is_none());
}
