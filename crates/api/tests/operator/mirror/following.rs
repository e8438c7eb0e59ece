//! A copy that follows a plant at work.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{ChildStderr, Stdio};
use std::time::{Duration, Instant};

use foodflow_testkit::TestApp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Place, roots, succeeded};
use crate::operator::{Ended, Serving};

const PATIENCE: Duration = Duration::from_secs(60);

/// What `path` answers at `address`.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: foodflow\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Where it serves its metrics.
fn address(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> String {
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("metrics: ")).unwrap();
    line.strip_prefix("metrics: http://").unwrap().strip_suffix("/metrics").unwrap().to_owned()
}

/// The value of a metric of partition 0.
fn metric(address: &str, name: &str) -> Option<f64> {
    let answer = get(address, "/metrics");
    let line =
        answer.lines().find(|line| line.starts_with(&format!("{name}{{partition=\"0\"}} ")))?.to_owned();
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_writes_come_into_the_copy() {
    let app = TestApp::embedded().await.unwrap();
    let client = app.client("tarn-hollow", &[]).unwrap();
    let place = Place::empty();
    let data = app.data().display().to_string();
    let mut command =
        place.command(&["--data", &data, "mirror", "--to", "copy", "--listen", "127.0.0.1:0", "--json"]);
    let mut mirror = Serving(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(mirror.0.stderr.take().unwrap() as ChildStderr).lines();
    let address = address(&mut lines);
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));

    let mut position = 0;
    for number in 0..30 {
        let name = json!({ "name": format!("Supplier {number}"), "country": "GB" });
        position = client.post("/v1/suppliers", &name).await.unwrap().ok()["position"].as_u64().unwrap();
    }
    let started = Instant::now();
    while metric(&address, "foodflow_api_mirror_copied_messages_total") != Some(position as f64) {
        assert!(started.elapsed() < PATIENCE, "{}", get(&address, "/metrics"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(metric(&address, "foodflow_api_mirror_lag_messages"), Some(0.0));
    assert_eq!(metric(&address, "foodflow_api_mirror_lag_seconds"), Some(0.0));
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    succeeded(&place.run(&["--data", &data, "mirror", "--to", "copy", "--verify"]));

    kill_process(Pid::from_child(&mirror.0), Signal::INT).unwrap();
    let mut printed = String::new();
    mirror.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(mirror.0.wait().unwrap().success());
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&report["mode"], &report["messages"]), (&"follow".into(), &position.into()), "{report:#}");
    let expected = roots(&place, &["--data", &data]);
    assert_eq!((expected[0].0, roots(&place, &["--log-url", "file:copy"])), (position, expected));
}

#[test]
fn a_copy_that_follows_in_text_says_so_and_ends_on_a_signal() {
    let place = Place::seeded();
    let mut command = place.command(&["mirror", "--to", "copy"]);
    let mut mirror = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(mirror.stderr.take().unwrap()).lines();
    let in_step = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("in step: ")).unwrap();
    kill_process(Pid::from_child(&mirror), Signal::TERM).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let ended = Ended::of(mirror.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(rest, ["stopping: what is copied stays"]);
    let copied = in_step.strip_prefix("in step: ").unwrap().strip_suffix(" messages copied").unwrap();
    assert!(ended.stdout.contains(&format!("partition 0: {copied} messages copied")), "{in_step}\n{ended}");
}
