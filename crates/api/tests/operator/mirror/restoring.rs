//! A log that was damaged, and its copy.

use foodflow_testkit::TestApp;

use super::super::audit::long_streams;
use super::{Place, change_at, digests, failed_with, remove_from, roots, succeeded};

/// A place with a copy of its log.
fn copied() -> Place {
    let place = Place::seeded();
    succeeded(&place.run(&["mirror", "--to", "copy", "--once"]));
    place
}

#[tokio::test]
async fn a_lost_tail_is_appended_and_all_is_as_before() {
    let place = copied();
    let before = (roots(&place, &[]), digests(&place, &[]));
    let head = before.0[0].0;
    for lost in [1, 7, 100, head] {
        place.edit("log.sqlite", &remove_from(head + 1 - lost)).await;
        let ended = place.run(&["mirror", "--to", "copy", "--once"]);
        failed_with(&ended, &[&format!("the target ends at position {head}"), "mirror --restore --from"]);
        let ended = place.run(&["mirror", "--to", "copy", "--verify"]);
        assert_eq!(ended.code, Some(1), "{ended}");

        let (code, report) = place.json(&["mirror", "--restore", "--from", "copy", "--json"]);
        assert_eq!((code, &report["messages"]), (Some(0), &lost.into()), "{report:#}");
        assert_eq!((roots(&place, &[]), digests(&place, &[])), before);
        let again = place.run(&["mirror", "--restore", "--from", "copy"]);
        succeeded(&again);
        assert!(again.stdout.contains("the log holds all that its copy holds"), "{again}");
    }
}

#[tokio::test]
async fn a_log_that_differs_is_named_and_left_as_it_is() {
    let place = copied();
    place.edit("log.sqlite", &change_at(17)).await;
    place.edit("log.sqlite", "DELETE FROM message WHERE position > 200").await;
    let ended = place.run(&["mirror", "--restore", "--from", "copy"]);
    failed_with(
        &ended,
        &["source and target differ: partition 0, position 17", "payload", "restore into a new one"],
    );
    let (code, report) = place.json(&["mirror", "--restore", "--from", "copy", "--json"]);
    let compared = &report["compared"][0];
    assert_eq!((code, &compared["same_until"], &compared["target_head"]), (Some(1), &16.into(), &200.into()));
    let ended = place.run(&["mirror", "--to", "copy", "--verify"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("position 17") && ended.stderr.contains("audit verify"), "{ended}");

    // What the refusal says to do.
    succeeded(&place.run(&["--data", "new", "mirror", "--restore", "--from", "copy"]));
    let expected = roots(&place, &["--log-url", "file:copy"]);
    assert_eq!(roots(&place, &["--data", "new"]), expected);
}

#[tokio::test]
async fn a_tampered_copy_is_found_and_nothing_is_restored_from_it() {
    let place = copied();
    let copy = "../copy/partition-0.sqlite";
    // The next message of its stream tells that it was changed.
    let changed = long_streams(&place.events(&[]))[0][0];
    place.edit(copy, &change_at(changed)).await;
    let ended = place.run(&["mirror", "--to", "copy", "--verify"]);
    failed_with(&ended, &[&format!("source and target differ: partition 0, position {changed}: ")]);
    // Copying goes on behind what is there: that compares only where it goes on.
    succeeded(&place.run(&["mirror", "--to", "copy", "--once"]));

    let ended = place.run(&["--data", "new", "mirror", "--restore", "--from", "copy"]);
    failed_with(&ended, &["the source is not in order", "the copy cannot be relied upon"]);
    assert!(roots(&place, &["--data", "new"]).iter().all(|(position, _)| *position == 0));

    place.edit("log.sqlite", &remove_from(changed + 10)).await;
    let ended = place.run(&["mirror", "--restore", "--from", "copy"]);
    failed_with(&ended, &[&format!("position {changed}: "), "nothing was changed"]);
    std::fs::remove_file(place.path().join("copy/partition-0.sqlite")).unwrap();
    let ended = place.run(&["mirror", "--restore", "--from", "copy"]);
    failed_with(&ended, &["partition-0.sqlite", "the file is gone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_answers_the_same() {
    let place = copied();
    let new = place.path().join("new").display().to_string();
    succeeded(&place.run(&["--data", &new, "mirror", "--restore", "--from", "copy"]));
    let file = |folder: &std::path::Path| format!("file:{}", folder.display());
    // The first is served from the log itself, by way of a second copy that is a folder; the other is the restored one.
    succeeded(&place.run(&["mirror", "--to", "second", "--once"]));
    succeeded(&place.run(&["--data", &new, "mirror", "--to", "third", "--once"]));
    let mut answers = Vec::new();
    for folder in ["second", "third"] {
        let log = ("FOODFLOW_LOG_URL".to_owned(), file(&place.path().join(folder)));
        let app = TestApp::start(&["serve"], vec![log]).await.unwrap();
        let client = app.client("harbor-vale", &[]).unwrap();
        let batches = client.get_after(200, "/v1/batches?page[size]=500").await.unwrap().ok();
        let id = batches["items"][0]["id"].as_str().unwrap().to_owned();
        let trace = client.get(&format!("/v1/batches/{id}/trace?direction=forward")).await.unwrap().ok();
        let impact = client.get(&format!("/v1/batches/{id}/impact")).await.unwrap().ok();
        assert!(batches["items"].as_array().unwrap().len() > 5, "{batches:#}");
        answers.push((batches, trace, impact));
    }
    assert_eq!(answers[0], answers[1]);
}
