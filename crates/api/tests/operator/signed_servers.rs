//! Checkpoints and bundles of a JetStream log.

use bytes::Bytes;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{EventLog as _, Expected, RecordKey, RecordKind};
use foodflow_testkit::servers::NatsServer;
use serde_json::Value;

use super::{Place, serve_until_ready};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_a_server_is_signed_proven_and_checked() {
    let server = NatsServer::start().await.unwrap();
    let place = Place::empty();
    std::fs::create_dir(place.data()).unwrap();
    serve_until_ready(&mut place.demo(&["--log-url", server.url()]));
    let url = ["--log-url", server.url()];
    let on_server = |arguments: &[&str]| place.json(&[arguments, &["--json"], &url].concat());

    let (code, first) = on_server(&["audit", "checkpoint"]);
    assert_eq!(code, Some(0), "{first:#}");
    let empty = first["unchanged"].as_array().unwrap().len();
    let signed = first["signed"].as_array().unwrap().len();
    assert!(signed >= 1 && signed + empty == 4, "{first:#}");
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/master-data.ndjson");
    std::fs::copy(examples, place.path().join("more.ndjson")).unwrap();
    let import = ["import", "--tenant", "harbor-vale", "more.ndjson"];
    assert_eq!(place.run(&[&import[..], &url].concat()).code, Some(0));
    let (code, second) = on_server(&["audit", "checkpoint"]);
    assert_eq!((code, second["signed"].as_array().unwrap().len()), (Some(0), 1), "{second:#}");
    let partition = &second["signed"][0]["partition"];

    let (code, report) = on_server(&["audit", "verify"]);
    assert_eq!((code, &report["in_order"]), (Some(0), &true.into()), "{report:#}");
    let of_plant = &report["partitions"][usize::try_from(partition.as_u64().unwrap()).unwrap()];
    assert_eq!(
        (&of_plant["checkpoints"]["agree"], &of_plant["checkpoints"]["uncovered"]),
        (&2.into(), &0.into())
    );
    assert_eq!(of_plant["checked"]["root"], second["signed"][0]["root"]);

    let (code, exported) =
        on_server(&["audit", "export", "--tenant", "harbor-vale", "--out", "plant.ndjson"]);
    assert_eq!(code, Some(0), "{exported:#}");
    let auditor = Place::empty();
    std::fs::copy(place.path().join("plant.ndjson"), auditor.path().join("plant.ndjson")).unwrap();
    let key = first["key"].as_str().unwrap();
    let (code, report) =
        auditor.json(&["audit", "verify", "--bundle", "plant.ndjson", "--key-id", key, "--json"]);
    assert_eq!((code, &report["proven"]["messages"]), (Some(0), &exported["messages"]), "{report:#}");
    let all = place.run(&[&["audit", "export"][..], &url].concat());
    assert!(all.code == Some(1) && all.stderr.contains("name a --tenant or a --partition"), "{all}");

    forge(server.url()).await;
    let (code, report) = on_server(&["audit", "verify"]);
    let broken = &report["records"]["broken"];
    assert_eq!((code, &broken["rule"], &broken["number"]), (Some(1), &"record-signature".into(), &2.into()));
}

/// Changes what the first checkpoint says.
async fn forge(url: &str) {
    let log = NatsLog::connect(NatsConfig::new(url)).await.unwrap();
    let (records, key) = (log.records(), RecordKey::new("0000000000000.002").unwrap());
    let found = records.get(RecordKind::Checkpoint, &key).await.unwrap().unwrap();
    let record: Value = serde_json::from_slice(&found.value).unwrap();
    let signed_at = record["signed_at"].as_str().unwrap();
    let text = std::str::from_utf8(&found.value).unwrap();
    let forged = text.replace(record["recorded_until"].as_str().unwrap(), signed_at);
    assert_ne!(forged, text);
    records.put(RecordKind::Checkpoint, &key, Bytes::from(forged), Expected::Any).await.unwrap();
    log.close().await;
}
