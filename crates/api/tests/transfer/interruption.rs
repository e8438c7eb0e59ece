//! An import that is ended, however it is ended, goes on where it was.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Ended, Plant, history};

const RECEIPTS: usize = 3_000;
const RECORDS: u64 = RECEIPTS as u64 + 2;

/// Starts an import and waits until it has recorded something.
async fn begun(plant: &Plant, file: &str) -> Child {
    let before = plant.head().await;
    let mut command = plant.command(&["import", "--json", file]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while plant.head().await < before + 50 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is recorded");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child
}

#[tokio::test]
async fn a_killed_import_is_resumed_by_running_it_again() {
    let plant = Plant::empty().await;
    plant.write("history.ndjson", &history(RECEIPTS));
    let mut child = begun(&plant, "history.ndjson").await;
    child.kill().unwrap();
    child.wait().unwrap();

    let resumed = plant.run(&["import", "--json", "history.ndjson"]);
    let [recorded, repeated, refused] = resumed.totals();
    assert_eq!((resumed.code, refused, recorded + repeated), (Some(0), 0, RECORDS), "{}", resumed.stderr);
    assert!(recorded > 0 && repeated > 0, "it was killed midway: {recorded} and {repeated}");
    let head = plant.head().await;
    let again = plant.run(&["import", "--json", "history.ndjson"]);
    assert_eq!(again.totals(), [0, RECORDS, 0], "{}", again.stderr);
    assert_eq!(plant.head().await, head);
    let exported = plant.run(&["export"]);
    assert_eq!(exported.stdout.lines().count() as u64, RECORDS);
}

#[tokio::test]
async fn an_interrupted_import_finishes_what_it_began_and_says_how_to_go_on() {
    let plant = Plant::empty().await;
    plant.write("history.ndjson", &history(RECEIPTS));
    let child = begun(&plant, "history.ndjson").await;
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("run the same command again"), "{}", ended.stderr);
    let [first, _, refused] = ended.totals();
    assert_eq!(refused, 0);
    let results = plant.results("history.ndjson.results.ndjson");
    assert_eq!(results.len() as u64, first, "every record that was begun is told");
    let lines: Vec<u64> = results.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=first).collect::<Vec<_>>(), "in the order of the file");

    let resumed = plant.run(&["import", "--json", "history.ndjson"]);
    assert_eq!(resumed.totals(), [RECORDS - first, first, 0], "{}", resumed.stderr);
}
