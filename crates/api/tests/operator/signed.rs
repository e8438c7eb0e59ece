//! `foodflow audit checkpoint`, and what `audit verify` makes of the records.

use std::path::Path;
use std::process::Stdio;

use foodflow_log::audit::{AuditRecord, Checkpoint, KeyId};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::audit::{DROP_TRIGGERS, change_at, long_streams};
use super::{Ended, Place, serve_until, serve_until_ready, set_mode};

const RECORDS: &str = "log-records.sqlite";

impl Place {
    /// As the demo leaves it, and signed.
    pub(super) fn signed() -> Self {
        let place = Self::seeded();
        place.checkpoint();
        place
    }

    /// Signs what is new, and answers with the report.
    pub(super) fn checkpoint(&self) -> Value {
        let (code, report) = self.json(&["audit", "checkpoint", "--json"]);
        assert_eq!(code, Some(0), "{report:#}");
        report
    }

    /// Adds the master data of a tenant.
    pub(super) fn append(&self, tenant: &str) {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/master-data.ndjson");
        std::fs::copy(examples, self.path().join("more.ndjson")).unwrap();
        let ended = self.run(&["import", "--tenant", tenant, "more.ndjson"]);
        assert_eq!(ended.code, Some(0), "{ended}");
    }

    /// With a copy of the data folder of another.
    pub(super) fn copy_of(other: &Self) -> Self {
        let place = Self::empty();
        std::fs::create_dir(place.data()).unwrap();
        for entry in std::fs::read_dir(other.data()).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), place.data().join(entry.file_name())).unwrap();
        }
        place
    }

    /// The audit records, as they are written.
    pub(super) fn records(&self) -> Vec<String> {
        let ended = self.run(&["audit", "records"]);
        assert_eq!(ended.code, Some(0), "{ended}");
        ended.stdout.lines().map(str::to_owned).collect()
    }

    /// Puts `line` in the place of the record `number`, or adds it.
    async fn put_record(&self, number: u64, line: &[u8]) {
        let options = SqliteConnectOptions::new().filename(self.data().join(RECORDS));
        let mut file = options.connect().await.unwrap();
        sqlx::query("INSERT OR REPLACE INTO record (kind, key, value) VALUES ('checkpoint', ?1, ?2)")
            .bind(format!("0000000000000.{number:03}"))
            .bind(line)
            .execute(&mut file)
            .await
            .unwrap();
        file.close().await.unwrap();
    }

    fn verify(&self, more: &[&str]) -> (Option<i32>, Value) {
        self.json(&[&["audit", "verify", "--json"], more].concat())
    }

    /// The text of a failed verification.
    fn told(&self, more: &[&str]) -> String {
        let ended = self.run(&[&["audit", "verify"], more].concat());
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(ended.stderr.contains("the log is not what was written"), "{ended}");
        ended.stdout
    }
}

fn checkpoint_of(line: &str) -> Checkpoint {
    match AuditRecord::parse(line.as_bytes()).unwrap() {
        AuditRecord::Checkpoint(checkpoint) => checkpoint,
        AuditRecord::Key(_) => panic!("no checkpoint: {line}"),
    }
}

fn stranger() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[9; 32])
}

#[test]
fn what_is_signed_is_covered_and_what_comes_after_is_signed_next() {
    let place = Place::seeded();
    let (_, before) = place.verify(&[]);
    assert_eq!(before["records"]["records"], 0);
    let head = before["partitions"][0]["checked"]["position"].clone();
    assert_eq!(before["partitions"][0]["checkpoints"]["uncovered"], head);

    let first = place.checkpoint();
    assert_eq!((&first["signed"][0]["size"], &first["signed"][0]["number"]), (&head, &2.into()));
    assert_eq!(first["signed"][0]["root"], before["partitions"][0]["checked"]["root"]);
    let again = place.checkpoint();
    assert_eq!((&again["signed"], &again["unchanged"][0]["size"]), (&Value::Array(Vec::new()), &head));

    place.append("tarn-hollow");
    let (_, report) = place.verify(&[]);
    let more = report["partitions"][0]["checked"]["position"].as_u64().unwrap() - head.as_u64().unwrap();
    assert!(more > 0 && report["partitions"][0]["checkpoints"]["uncovered"] == more, "{report:#}");
    let second = place.checkpoint();
    let (code, report) = place.verify(&[]);
    let checkpoints = &report["partitions"][0]["checkpoints"];
    assert_eq!((code, &checkpoints["agree"], &checkpoints["uncovered"]), (Some(0), &2.into(), &0.into()));
    // Signed from where the first one ended, and found from the first position: the same tree.
    assert_eq!(report["partitions"][0]["checked"]["root"], second["signed"][0]["root"]);
    assert_eq!(report["records"]["keys"], Value::Array(vec![first["key"].clone()]));
    assert_eq!(report["records"]["trusted"], report["records"]["keys"]);
    let told = place.run(&["audit", "verify"]);
    assert!(told.stdout.contains("2 of 2 agree, the last one (record 3)"), "{told}");

    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(place.data().join("audit-key.pem")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let (_, key) = place.json(&["audit", "key", "--json"]);
    assert_eq!(key["key"], first["key"]);
}

#[test]
fn several_that_sign_at_once_sign_the_same() {
    let place = Place::seeded();
    place.checkpoint();
    for tenant in ["tarn-hollow", "co-packer"] {
        place.append(tenant);
        let start = |_| place.command(&["audit", "checkpoint"]).stdout(Stdio::null()).spawn().unwrap();
        let running: Vec<_> = (0..4).map(start).collect();
        running.into_iter().for_each(|mut one| assert!(one.wait().unwrap().success()));
    }
    let (code, report) = place.verify(&[]);
    assert_eq!((code, &report["partitions"][0]["checkpoints"]["uncovered"]), (Some(0), &0.into()));
    assert_eq!(report["records"]["records"], 4, "a key, and a checkpoint for each time: {report:#}");
}

#[test]
fn an_empty_log_is_not_signed_and_no_log_is_a_failure() {
    let place = Place::empty();
    assert_eq!(place.run(&["audit", "checkpoint"]).code, Some(1));
    assert_eq!(place.run(&["audit", "key"]).code, Some(1));
    assert!(!place.data().exists());
    assert_eq!(place.run(&["migrate"]).code, Some(0));
    let told = place.run(&["audit", "checkpoint"]);
    assert!(told.code == Some(0) && told.stdout.contains("partition 0: empty"), "{told}");
    assert!(!place.data().join("audit-key.pem").exists());
    assert!(place.run(&["audit", "rotate-key"]).stderr.contains("no key is in force yet"));
    assert!(place.run(&["audit", "records"]).stderr.contains("there are no audit records"));
}

#[tokio::test]
async fn what_breaks_no_link_disagrees_with_its_checkpoint() {
    let place = Place::signed();
    let head = place.checkpoint()["unchanged"][0]["size"].as_u64().unwrap();
    place.append("tarn-hollow");
    place.checkpoint();
    let changed = *long_streams(&place.events(&[]))[0].last().unwrap();
    assert!(changed < head);
    place.edit("log.sqlite", &change_at(changed)).await;
    let (code, report) = place.verify(&[]);
    let partition = &report["partitions"][0];
    let disagrees = &partition["disagrees"];
    assert_eq!((code, &disagrees["number"]), (Some(1), &2.into()), "{report:#}");
    let (from, to) = (disagrees["from"].as_u64().unwrap(), disagrees["to"].as_u64().unwrap());
    // More closely than the whole that was signed.
    assert!((from..=to).contains(&changed) && to < head, "{changed} in {from} to {to}");
    let told = place.told(&[]);
    assert!(told.contains("first checkpoint that does not agree: record 2"), "{told}");
    assert!(told.contains(&format!("at fault positions {from} to {to}")), "{told}");
}

#[tokio::test]
async fn what_was_cut_off_or_taken_out_after_it_was_signed_is_named() {
    let place = Place::signed();
    let events = place.events(&[]);
    let head = events.last().unwrap()["position"].as_u64().unwrap();
    // The first message of the last commit.
    let begins = |event: &&Value| event["commitindex"] == 0;
    let cut = events.iter().rev().find(begins).unwrap()["position"].as_u64().unwrap();
    place.edit("log.sqlite", &format!("{DROP_TRIGGERS} DELETE FROM message WHERE position >= {cut}")).await;
    let disagrees = &place.verify(&[]).1["partitions"][0]["disagrees"];
    assert_eq!((&disagrees["from"], &disagrees["to"]), (&cut.into(), &head.into()), "{disagrees:#}");
    assert!(place.told(&[]).contains(&format!("the end of the partition at position {}", cut - 1)));
    // Not signed again, not even when the log has grown past what was signed.
    let refused = place.run(&["audit", "checkpoint"]);
    assert!(refused.code == Some(1) && refused.stdout.contains("NOT SIGNED"), "{refused}");
    place.append("tarn-hollow");
    let (code, report) = place.json(&["audit", "checkpoint", "--json"]);
    assert_eq!(
        (code, &report["refused"]["found"]["checkpoint"]["number"]),
        (Some(1), &2.into()),
        "{report:#}"
    );
    assert_eq!(place.records().len(), 2);

    let place = Place::signed();
    place.edit("log.sqlite", &format!("{DROP_TRIGGERS} DELETE FROM message WHERE position = 7")).await;
    let broken = &place.verify(&[]).1["partitions"][0]["broken"];
    assert_eq!((&broken["position"], &broken["rule"]), (&8.into(), &"place".into()));

    let place = Place::signed();
    let swap = "UPDATE message SET position = -position WHERE position IN (40, 41);
                UPDATE message SET position = 81 + position WHERE position < 0;";
    let unchecked = format!("PRAGMA ignore_check_constraints = 1; {DROP_TRIGGERS} {swap}");
    place.edit("log.sqlite", &unchecked).await;
    let (code, report) = place.verify(&[]);
    let partition = &report["partitions"][0];
    assert_eq!((code, &partition["in_order"]), (Some(1), &false.into()), "{report:#}");
    let at = partition["broken"]["position"].as_u64().or(partition["disagrees"]["from"].as_u64()).unwrap();
    assert!(at <= 41, "{partition:#}");
}

/// Signs the log as it was when it ended with the commit at `after`, and gives it back what came after that.
fn signed_up_to(after: u64, events: &[Value]) -> Place {
    let place = Place::seeded();
    let is_end = |event: &&Value| event["position"].as_u64() > Some(after) && event["commitindex"] == 0;
    let cut = events.iter().find(is_end).unwrap()["position"].as_u64().unwrap();
    let whole = std::fs::read(place.data().join("log.sqlite")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let statement = format!("{DROP_TRIGGERS} DELETE FROM message WHERE position >= {cut}");
    runtime.block_on(place.edit("log.sqlite", &statement));
    assert_eq!(place.checkpoint()["signed"][0]["size"], cut - 1);
    std::fs::write(place.data().join("log.sqlite"), whole).unwrap();
    place
}

#[test]
fn nothing_is_signed_that_does_not_go_on_from_what_was_signed() {
    let events = Place::seeded().events(&[]);
    // Two messages of one stream with much between them: one is signed, the other comes after that.
    let streams = long_streams(&events);
    let pairs = streams.iter().flat_map(|stream| stream.windows(2));
    let pair = pairs.max_by_key(|pair| pair[1] - pair[0]).unwrap();
    let (changed, next) = (pair[0], pair[1]);
    let middle = changed.midpoint(next);
    let place = signed_up_to(middle, &events);
    let covered = place.checkpoint();
    assert_eq!(covered["signed"][0]["number"], 3);
    assert_eq!(place.verify(&[]).0, Some(0));

    let place = signed_up_to(middle, &events);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(place.edit("log.sqlite", &change_at(changed)));
    let (code, report) = place.json(&["audit", "checkpoint", "--json"]);
    let link = &report["refused"]["found"]["link"];
    assert_eq!(
        (code, &link["position"], &link["rule"]),
        (Some(1), &next.into(), &"chain".into()),
        "{report:#}"
    );
    assert_eq!(place.records().len(), 2);
}

#[tokio::test]
async fn a_forged_checkpoint_is_named() {
    let signed = Place::signed();
    let lines = signed.records();
    let good = checkpoint_of(&lines[1]);
    let mut altered = good.clone();
    altered.statement.recorded_until = good.statement.signed_at;
    let mut in_anothers_name = good.statement.clone();
    in_anothers_name.root.0[0] ^= 1;
    let mut of_stranger = good.statement.clone();
    of_stranger.key = KeyId::of_signer(&stranger());
    let cases = [
        (altered, "record-signature"),
        (in_anothers_name.sign(&stranger()).unwrap(), "record-signature"),
        (of_stranger.sign(&stranger()).unwrap(), "record-key"),
    ];
    for (forged, rule) in cases {
        let place = Place::copy_of(&signed);
        place.put_record(2, &AuditRecord::Checkpoint(forged).line().unwrap()).await;
        let (code, report) = place.verify(&[]);
        let broken = &report["records"]["broken"];
        assert_eq!(
            (code, &broken["rule"], &broken["number"]),
            (Some(1), &rule.into(), &2.into()),
            "{report:#}"
        );
        assert_eq!(report["records"]["in_order"], false);
        let told = place.told(&[]);
        assert!(
            told.contains("first broken record: number 2, checkpoint of partition 0 at position"),
            "{told}"
        );
        // Nothing is signed on top of it.
        assert_eq!(place.run(&["audit", "checkpoint"]).code, Some(1));
    }
}

#[tokio::test]
async fn records_that_are_missing_moved_or_replaced_show() {
    let signed = Place::signed();
    signed.append("tarn-hollow");
    signed.checkpoint();
    let lines = signed.records();
    std::fs::write(signed.path().join("kept.ndjson"), format!("{}\n", lines.join("\n"))).unwrap();
    let kept = signed.path().join("kept.ndjson");
    let against = ["--against", kept.to_str().unwrap()];
    assert_eq!(signed.verify(&against).0, Some(0));

    let place = Place::copy_of(&signed);
    place.edit(RECORDS, "DELETE FROM record WHERE key LIKE '%.002'").await;
    let broken = &place.verify(&[]).1["records"]["broken"];
    assert_eq!((&broken["rule"], &broken["number"]), (&"record-order".into(), &2.into()), "{broken:#}");

    let place = Place::copy_of(&signed);
    place.put_record(2, lines[2].as_bytes()).await;
    place.put_record(3, lines[1].as_bytes()).await;
    assert_eq!(place.verify(&[]).1["records"]["broken"]["rule"], "record-order");

    // Cut off at the end, the records are in order; what was kept elsewhere tells it.
    let place = Place::copy_of(&signed);
    place.edit(RECORDS, "DELETE FROM record WHERE key LIKE '%.003'").await;
    assert_eq!(place.verify(&[]).0, Some(0));
    let (code, report) = place.verify(&against);
    let broken = &report["records"]["broken"];
    assert_eq!(
        (code, &broken["rule"], &broken["number"]),
        (Some(1), &"known".into(), &3.into()),
        "{report:#}"
    );

    // All of them gone, the installation's own key tells it; somebody else's in their place, that key too.
    let place = Place::copy_of(&signed);
    place.edit(RECORDS, "DELETE FROM record").await;
    assert_eq!(place.verify(&[]).1["records"]["broken"]["rule"], "trust");
    std::fs::rename(place.data().join("audit-key.pem"), place.path().join("audit-key.pem")).unwrap();
    place.checkpoint();
    assert_eq!(place.verify(&[]).0, Some(0));
    std::fs::rename(place.path().join("audit-key.pem"), place.data().join("audit-key.pem")).unwrap();
    let (code, report) = place.verify(&[]);
    assert_eq!((code, &report["records"]["broken"]["rule"]), (Some(1), &"trust".into()), "{report:#}");
    let (_, report) = place.verify(&against);
    assert_eq!(report["records"]["broken"]["rule"], "known");
}

#[tokio::test]
async fn keys_rotate() {
    let place = Place::signed();
    let old = std::fs::read(place.data().join("audit-key.pem")).unwrap();
    let (code, rotated) = place.json(&["audit", "rotate-key", "--json"]);
    assert_eq!((code, &rotated["record"]), (Some(0), &3.into()), "{rotated:#}");
    let (retired, key) = (rotated["retired"].as_str().unwrap(), rotated["key"].as_str().unwrap());
    place.append("tarn-hollow");
    assert_eq!(place.checkpoint()["key"], key);
    // Whichever key of the chain is trusted, all of it holds.
    let public = place.run(&["audit", "key"]);
    std::fs::write(place.path().join("key.pub.pem"), &public.stdout).unwrap();
    for trusted in [["--key-id", retired], ["--key-id", key], ["--public-key", "key.pub.pem"]] {
        let (code, report) = place.verify(&trusted);
        assert_eq!(
            (code, &report["partitions"][0]["checkpoints"]["agree"]),
            (Some(0), &2.into()),
            "{report:#}"
        );
    }
    let unknown = KeyId::of_signer(&stranger()).to_string();
    let (code, report) = place.verify(&["--key-id", &unknown]);
    assert_eq!((code, &report["records"]["broken"]["rule"]), (Some(1), &"trust".into()));

    // The retired key signs no more: not here, and not by hand.
    let kept = place.path().join(rotated["kept"].as_str().unwrap());
    assert_eq!(std::fs::read(&kept).unwrap(), old);
    let other = Place::copy_of(&place);
    other.append("co-packer");
    std::fs::write(other.data().join("audit-key.pem"), &old).unwrap();
    let refused = other.run(&["audit", "checkpoint"]);
    assert!(
        refused.code == Some(1) && refused.stderr.contains(&format!("the audit key in force is {key}")),
        "{refused}"
    );
    let pem = String::from_utf8(old).unwrap();
    let signer: ed25519_dalek::SigningKey =
        ed25519_dalek::pkcs8::DecodePrivateKey::from_pkcs8_pem(&pem).unwrap();
    let last = place.records().pop().unwrap();
    let mut statement = checkpoint_of(&last).statement;
    statement.key = KeyId::of_signer(&signer);
    place.put_record(4, &AuditRecord::Checkpoint(statement.sign(&signer).unwrap()).line().unwrap()).await;
    let (code, report) = place.verify(&["--key-id", retired]);
    let broken = &report["records"]["broken"];
    assert_eq!(
        (code, &broken["rule"], &broken["number"]),
        (Some(1), &"record-key".into(), &4.into()),
        "{report:#}"
    );
    assert!(place.told(&[]).contains("in force from record 1 until record 3"));
}

#[test]
fn a_rotation_that_was_cut_short_is_finished() {
    let place = Place::signed();
    let key = |name: &str| place.data().join(name);
    let old = std::fs::read(key("audit-key.pem")).unwrap();
    let rotated = place.json(&["audit", "rotate-key", "--json"]).1;
    // As if it had ended before the files took their names.
    std::fs::rename(key("audit-key.pem"), key("audit-key-next.pem")).unwrap();
    std::fs::rename(place.path().join(rotated["kept"].as_str().unwrap()), key("audit-key.pem")).unwrap();
    place.append("tarn-hollow");
    assert_eq!(place.checkpoint()["key"], rotated["key"]);
    assert!(!key("audit-key-next.pem").exists());
    assert_eq!(std::fs::read(place.path().join(rotated["kept"].as_str().unwrap())).unwrap(), old);
    // Or between one and the other.
    std::fs::rename(key("audit-key.pem"), key("audit-key-next.pem")).unwrap();
    place.append("co-packer");
    assert_eq!(place.checkpoint()["key"], rotated["key"]);
    assert_eq!(place.verify(&[]).0, Some(0));
}

#[test]
fn a_key_that_is_not_this_logs_signs_nothing() {
    let place = Place::signed();
    place.append("tarn-hollow");
    let other = place.path().join("other.pem");
    std::fs::copy(place.data().join("access-key.pem"), &other).unwrap();
    set_mode(&other, 0o600);
    let mut command = place.command(&["audit", "checkpoint"]);
    let ended = Ended::of(command.env("FOODFLOW_AUDIT_KEY_FILE", &other).output().unwrap());
    assert!(ended.code == Some(1) && ended.stderr.contains("FOODFLOW_AUDIT_KEY_FILE"), "{ended}");
    std::fs::remove_file(place.data().join("audit-key.pem")).unwrap();
    let ended = place.run(&["audit", "checkpoint"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("there is no data/audit-key.pem"), "{ended}");
    assert!(!place.data().join("audit-key.pem").exists());
    assert_eq!(place.records().len(), 2);
}

#[test]
fn a_serving_process_signs_now_and_then() {
    let place = Place::empty();
    let mut demo = place.demo(&[]);
    demo.env("FOODFLOW_AUDIT_INTERVAL", "1s");
    serve_until(&mut demo, || place.data().join("audit-key.pem").exists() && !place.records().is_empty());
    assert_eq!(place.verify(&[]).1["partitions"][0]["checkpoints"]["uncovered"], 0);
    let place = Place::empty();
    let mut demo = place.demo(&[]);
    serve_until_ready(&mut demo);
    assert!(!place.data().join("audit-key.pem").exists());
}
