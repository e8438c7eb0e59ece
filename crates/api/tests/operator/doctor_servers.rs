//! The operators' commands on a JetStream log and a Neo4j read model.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use foodflow_testkit::servers::{NatsServer, Neo4jServer, RedisServer};
use rustix::process::{Pid, Signal, kill_process};

use super::doctor::{has, lines};
use super::{Ended, Place, serve_until_ready};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_log_gets_none() {
    let server = NatsServer::start().await.unwrap();
    let place = Place::empty();
    let doctor = ["doctor", "--json", "--log-url", server.url()];
    for _ in 0..2 {
        let (code, report) = place.json(&doctor);
        let warnings = lines(&report, "warn");
        assert_eq!(code, Some(0), "{report:#}");
        assert!(has(&warnings, &["log: JetStream: no log yet at nats://"]), "{warnings:#?}");
    }
    for command in [&["replay"][..], &["audit", "verify"], &["rebuild"]] {
        let ended = place.run(&[command, &["--log-url", server.url()]].concat());
        assert!(
            ended.code == Some(1) && ended.stderr.contains("there is no event log at nats://"),
            "{ended}"
        );
    }
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_on_a_server_is_in_order() {
    let server = NatsServer::start().await.unwrap();
    let place = Place::empty();
    std::fs::create_dir(place.data()).unwrap();
    serve_until_ready(&mut place.demo(&["--log-url", server.url()]));
    let on_server =
        |arguments: &[&str]| place.json(&[arguments, &["--json", "--log-url", server.url()]].concat());
    let (code, report) = on_server(&["audit", "verify"]);
    assert_eq!((code, &report["in_order"]), (Some(0), &true.into()), "{report:#}");
    let (code, report) = on_server(&["rebuild"]);
    assert_eq!((code, &report["identical"]), (Some(0), &true.into()), "{report:#}");
    let (code, report) = on_server(&["doctor"]);
    let ok = lines(&report, "ok");
    assert_eq!(code, Some(0), "{report:#}");
    assert!(has(&ok, &["log: JetStream: nats://127.0.0.1:", "4 partition(s)"]), "{ok:#?}");
    assert!(has(&ok, &["log: partition 3: "]) && has(&ok, &["read model: partition 3: "]), "{ok:#?}");
    let on_file = Place::seeded().events(&["--tenant", "harbor-vale"]);
    let events = place.events(&["--tenant", "harbor-vale", "--log-url", server.url()]);
    let told =
        |event: &serde_json::Value| (event["type"].clone(), event["time"].clone(), event["data"].clone());
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), on_file.iter().map(told).collect::<Vec<_>>());
}

#[test]
fn a_server_that_is_too_old_or_not_there_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(pretend_to_be_old));
    let place = Place::empty();
    let url = format!("nats://plant:s3cret@{address}");
    let ended = place.run(&["doctor", "--log-url", &url]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.contains("2.9.10") && ended.stdout.contains("is too old"), "{ended}");
    assert!(ended.stdout.contains("-> install the newer server"), "{ended}");
    assert!(!ended.stdout.contains("s3cret") && !ended.stderr.contains("s3cret"), "{ended}");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (log, graph) = (format!("nats://{free}"), format!("bolt://plant:s3cret@{free}"));
    let (code, report) = place.json(&["doctor", "--json", "--log-url", &log, "--neo4j-url", &graph]);
    let failures = lines(&report, "fail");
    assert_eq!(code, Some(1));
    assert!(has(&failures, &["log: JetStream: ", "unavailable"]), "{failures:#?}");
    assert!(has(&failures, &["read model: ", "bolt://127.0.0.1:"]), "{failures:#?}");
    assert!(!report.to_string().contains("s3cret"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_in_neo4j_is_in_order() {
    // Its own: a switch concerns all that is in the database.
    let server = Neo4jServer::start().await.unwrap();
    let place = Place::seeded();
    let on_server =
        |arguments: &[&str]| place.json(&[arguments, &["--json", "--neo4j-url", server.url()]].concat());
    let (code, report) = on_server(&["doctor"]);
    let warnings = lines(&report, "warn");
    assert_eq!(code, Some(0), "{report:#}");
    assert!(has(&warnings, &["read model: its schema lacks ", "product_id"]), "{warnings:#?}");
    let (code, report) = on_server(&["rebuild"]);
    assert_eq!((code, &report["outcome"], &report["store"]), (Some(0), &"filled".into(), &"neo4j".into()));
    // Once more, beside what is live now; the digest is that of the other store.
    let rebuilt = |report: &serde_json::Value| report["partitions"][0]["compared"]["rebuilt_digest"].clone();
    let (code, report) = on_server(&["rebuild", "--switch", "always"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"switched".into()), "{report:#}");
    let (_, embedded) = place.json(&["rebuild", "--json"]);
    assert_eq!(rebuilt(&report), rebuilt(&embedded));
    let (code, report) = on_server(&["doctor"]);
    let ok = lines(&report, "ok");
    assert_eq!(code, Some(0), "{report:#}");
    assert!(has(&ok, &["read model: neo4j: bolt://", " answers"]), "{ok:#?}");
    assert!(has(&ok, &["read model: its schema is complete"]), "{ok:#?}");
    assert!(has(&ok, &["read model: partition 0: ", "the log's head"]), "{ok:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_store_is_looked_at() {
    let server = RedisServer::start().await.unwrap();
    let place = Place::empty();
    let url = format!("{}/3", server.url());
    let (code, report) = place.json(&["doctor", "--json", "--redis-url", &url]);
    let ok = lines(&report, "ok");
    assert_eq!(code, Some(0), "{report:#}");
    assert!(has(&ok, &["key store: redis: redis://127.0.0.1:", "/3 answers"]), "{ok:#?}");
    assert!(has(&ok, &["key store: it removes nothing"]) && has(&ok, &["key store: it restores"]), "{ok:#?}");
    assert!(has(&ok, &["settings: redis_url = redis://127.0.0.1:", "(flag --redis-url)"]), "{ok:#?}");
    server.kill9().await.unwrap();
    let with_password = url.replace("redis://", "redis://plant:s3cret@");
    let (code, report) = place.json(&["doctor", "--json", "--redis-url", &with_password]);
    let failures = lines(&report, "fail");
    assert_eq!(code, Some(1));
    assert!(has(&failures, &["key store: ", "redis://127.0.0.1:", "cannot be reached"]), "{failures:#?}");
    assert!(!report.to_string().contains("s3cret"), "{report:#}");
    let (_, report) = place.json(&["doctor", "--json"]);
    assert!(has(&lines(&report, "ok"), &["key store: embedded: "]), "{report:#}");
}

#[test]
fn ctrl_c_ends_it() {
    // Takes connections and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let place = Place::empty();
    let mut doctor = place.command(&["doctor", "--log-url", &url]);
    let doctor = doctor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Connected: it waits for an answer now.
    let _silent = listener.accept().unwrap();
    kill_process(Pid::from_child(&doctor), Signal::INT).unwrap();
    let ended = Ended::of(doctor.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended}");
    assert!(ended.stderr.contains("interrupted; nothing was changed"), "{ended}");
}

/// Says as much as a client needs to read the version.
fn pretend_to_be_old(stream: TcpStream) {
    let info = r#"INFO {"server_id":"OLD","server_name":"old","version":"2.9.10","go":"go1.19","host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"proto":1,"jetstream":true}"#;
    let mut writer = &stream;
    let mut lines = BufReader::new(&stream).lines();
    let mut said = writer.write_all(format!("{info}\r\n").as_bytes());
    while let (Ok(()), Some(Ok(line))) = (&said, lines.next()) {
        if line.starts_with("PING") {
            said = writer.write_all(b"PONG\r\n");
        }
    }
}
