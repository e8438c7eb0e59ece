//! A log that takes a while to copy, and a copy that is killed meanwhile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_log::partitioned::PartitionedEmbedded;
use foodflow_log::{Commit, Envelope, EventLog as _, NewMessage, Partition, PayloadHash, Position, StreamId};
use foodflow_testkit::servers::NatsServer;
use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Place, roots, succeeded};
use crate::operator::Serving;

const PARTITIONS: u16 = 2;
const COMMITS_EACH: u64 = 12_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// The first commit of a lot.
fn lot(tenant: TenantId, number: u64) -> Commit {
    let id = Uuid::from_u128(u128::from(number));
    let recorded_at = Timestamp::from_second(number as i64).unwrap();
    let event = Envelope {
        specversion: "1.0".to_owned(),
        id: Uuid::now_v7(),
        source: format!("foodflow/{tenant}"),
        event_type: "foodflow.food_graph.batch.created.v1".to_owned(),
        subject: format!("batch/{id}"),
        time: recorded_at,
        datacontenttype: "application/json".to_owned(),
        tenantid: tenant,
        actor: "ana".to_owned(),
        commandid: id,
        commandhash: PayloadHash::default(),
        correlationid: id,
        causationid: None,
        commitindex: 0,
        commitsize: 1,
        sequence: 1,
        prevhash: PayloadHash::default(),
        data: RawValue::from_string(format!(r#"{{"note":"{}"}}"#, "x".repeat(300))).unwrap(),
    };
    let stream = StreamId::new("food_graph", "batch", id);
    let payload = Envelope::encode_batch(&[event]).unwrap().into();
    let messages = vec![NewMessage { stream, expected: Position(0), payload }];
    Commit { tenant, recorded_at, messages }
}

/// A log in the folder `large`.
async fn write(place: &Place) {
    let folder = place.path().join("large");
    let log = PartitionedEmbedded::open_or_create(&folder, PARTITIONS, None).await.unwrap();
    for partition in (0..PARTITIONS).map(Partition) {
        let mut tenants = (1..).map(|number| TenantId(Uuid::from_u128(number)));
        let tenant = tenants.find(|tenant| log.partition_of(*tenant) == partition).unwrap();
        for start in (0..COMMITS_EACH).step_by(1_000) {
            let commits = (start + 1..=start + 1_000).map(|number| lot(tenant, number)).collect();
            log.append_after(partition, Position(start), commits).await.unwrap();
        }
    }
    log.close().await;
}

/// How many messages are in the copy; 0 where there is none yet.
fn copied(place: &Place, copy: &[&str]) -> u64 {
    let ended = place.run(&[copy, &["audit", "verify", "--json"]].concat());
    let is_made = !ended.stderr.contains("there is no event log") && !ended.stderr.contains("was cut short");
    if !is_made {
        return 0;
    }
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended}"));
    assert_eq!(ended.code, Some(0), "{ended}");
    report["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["checked"]["position"].as_u64().unwrap())
        .sum()
}

/// Copies, and kills the program again and again, each time later, until it ends by itself.
fn copy_and_kill(place: &Place, to: &str, copy: &[&str]) {
    let started = Instant::now();
    let (mut wait, mut kills_with_something) = (Duration::from_millis(50), 0);
    let mut before = 0;
    loop {
        assert!(started.elapsed() < PATIENCE, "it never ends");
        let mut command = place.command(&["--log-url", "file:large", "mirror", "--to", to, "--once"]);
        let mut mirror = Serving(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let end = Instant::now() + wait;
        let ended = loop {
            match mirror.0.try_wait().unwrap() {
                None if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
                ended => break ended,
            }
        };
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
        mirror.0.kill().unwrap();
        mirror.0.wait().unwrap();
        let now = copied(place, copy);
        assert!(now >= before, "{now} after {before}");
        kills_with_something += u32::from(now > before);
        before = now;
        wait = wait * 3 / 2;
    }
    assert!(kills_with_something > 0, "the copy was killed while it got on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_goes_on_without_gap_or_repetition() {
    let place = Place::empty();
    write(&place).await;
    let expected = roots(&place, &["--log-url", "file:large"]);
    assert_eq!(expected.iter().map(|one| one.0).collect::<Vec<_>>(), [COMMITS_EACH; 2]);

    let in_folder = ["--log-url", "file:copy"];
    copy_and_kill(&place, "copy", &in_folder);
    assert_eq!(roots(&place, &in_folder), expected);

    let server = NatsServer::start().await.unwrap();
    let on_server = ["--log-url", server.url()];
    copy_and_kill(&place, server.url(), &on_server);
    assert_eq!(roots(&place, &on_server), expected);
    succeeded(&place.run(&["--log-url", "file:copy", "mirror", "--to", server.url(), "--verify"]));
}
