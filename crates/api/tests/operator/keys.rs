//! The keys that personal data is sealed under: made, copied, put under another master key, refused where they do not fit.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use foodflow_api::master_key::MasterKeyFile;
use foodflow_domain::TenantId;
use foodflow_domain::personal::PersonId;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::{EventLog as _, Keyring};
use foodflow_testkit::servers::NatsServer;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Ended, Place, serve_until_ready};

const ADA: PersonId = PersonId(Uuid::from_u128(0xADA));
const BOB: PersonId = PersonId(Uuid::from_u128(0xB0B));

fn named(person: PersonId) -> String {
    format!(r#"{{"$personal":"{person}","value":"Ada-of-the-mill"}}"#)
}

fn tenant() -> TenantId {
    TenantId::of_slug("harbor-vale")
}

/// Does something with the keys of a place, as a process of its own.
async fn with_keys<T>(place: &Place, act: impl AsyncFnOnce(&Keyring) -> T) -> T {
    let log = EmbeddedLog::open(&place.data().join("log.sqlite")).await.unwrap();
    let source = Arc::new(MasterKeyFile(place.data().join("master-key")));
    let outcome = act(&Keyring::open(log.records(), source).await.unwrap()).await;
    log.close().await;
    outcome
}

async fn opened(place: &Place, sealed: &str) -> Result<String, String> {
    with_keys(place, async |keys| {
        keys.open_text(tenant(), sealed).await.map(Option::unwrap).map_err(|error| error.to_string())
    })
    .await
}

fn succeeded(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_copied_lost_restored_and_put_under_another_master_key() {
    let place = Place::seeded();
    let (ada, bob) = with_keys(&place, async |keys| {
        keys.index(tenant(), "email", "ada").await.unwrap();
        let seal = async |person| keys.seal(tenant(), &named(person)).await.unwrap().unwrap();
        (seal(ADA).await, seal(BOB).await)
    })
    .await;
    let (code, status) = place.json(&["keys", "status", "--json"]);
    assert_eq!((code, &status["persons"], &status["tenants"]), (Some(0), &2.into(), &1.into()), "{status:#}");
    let first = status["file"][0].as_str().unwrap().to_owned();
    assert_eq!(status["masters"][&first], 4, "two persons, the index and the proof: {status:#}");
    succeeded(&place.run(&["keys", "export", "--out", "keys.ndjson"]));
    let copy = std::fs::read_to_string(place.path().join("keys.ndjson")).unwrap();
    assert!(copy.lines().count() == 4 && !copy.contains("Ada"), "{copy}");
    let again = place.run(&["keys", "export", "--out", "keys.ndjson"]);
    assert!(
        again.code == Some(1) && again.stderr.contains("keys.ndjson"),
        "an existing file is kept: {again}"
    );

    // Bob is forgotten after the copy was made, then a copy with his tombstone is made, then everything is lost.
    with_keys(&place, async |keys| keys.forget(tenant(), BOB, Timestamp::now()).await.unwrap()).await;
    let later = place.run(&["keys", "export"]);
    succeeded(&later);
    std::fs::write(place.path().join("later.ndjson"), &later.stdout).unwrap();
    place.edit("log-records.sqlite", "DELETE FROM record WHERE kind = 'person_key'").await;
    assert!(opened(&place, &ada).await.unwrap_err().contains("restore"));
    for (file, said) in
        [("later.ndjson", "4 records read in; 0 stood"), ("keys.ndjson", "0 records read in; 4 stood")]
    {
        let ended = place.run(&["keys", "import", file]);
        assert!(ended.code == Some(0) && ended.stdout.contains(said), "{ended}");
    }
    assert_eq!(opened(&place, &ada).await.unwrap(), named(ADA));
    assert_eq!(opened(&place, &bob).await.unwrap(), format!(r#"{{"$personal":"{BOB}"}}"#));

    let ended = place.run(&["keys", "rotate-master"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("3 records are sealed"), "{ended}");
    let prepared = place.run(&["keys", "rotate-master", "--prepare"]);
    succeeded(&prepared);
    let next = prepared.stdout.split_whitespace().nth(2).unwrap().to_owned();
    succeeded(&place.run(&["keys", "rotate-master"]));
    let (_, status) = place.json(&["keys", "status", "--json"]);
    assert_eq!(
        (&status["file"][0], &status["masters"][&next]),
        (&next.as_str().into(), &3.into()),
        "{status:#}"
    );
    assert_eq!(status["file"].as_array().unwrap().len(), 3, "{status:#}");
    succeeded(&place.run(&["keys", "rotate-master", "--retire"]));
    let (_, status) = place.json(&["keys", "status", "--json"]);
    assert_eq!(status["file"], serde_json::json!([next]), "{status:#}");
    let mode = std::fs::metadata(place.data().join("master-key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(opened(&place, &ada).await.unwrap(), named(ADA));
    let old = place.run(&["keys", "import", "keys.ndjson"]);
    assert!(old.code == Some(1) && old.stderr.contains(&first), "a copy under a retired master key: {old}");

    let ended = place.run(&["keys", "rotate-person", "--tenant", "harbor-vale"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("1 persons"), "{ended}");
    let sealed =
        with_keys(&place, async |keys| keys.seal(tenant(), &named(ADA)).await.unwrap().unwrap()).await;
    assert!(sealed.contains(r#""sealed":"2."#), "{sealed}");
    assert_eq!(opened(&place, &ada).await.unwrap(), named(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_that_is_lost_or_another_is_told_and_none_is_made_in_its_place() {
    let place = Place::seeded();
    with_keys(&place, async |keys| keys.seal(tenant(), &named(ADA)).await.unwrap()).await;
    let path = place.data().join("master-key");
    let kept = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lost = place.run(&["migrate"]);
    assert!(lost.code == Some(1) && lost.stderr.contains("FOODFLOW_MASTER_KEY_FILE"), "{lost}");
    assert!(!path.exists());
    succeeded(&place.run(&["keys", "init"]));
    let other = place.run(&["migrate"]);
    assert!(other.code == Some(1) && other.stderr.contains("FOODFLOW_MASTER_KEY_FILE"), "{other}");
    let doctor = place.run(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("which is not in"), "{doctor}");
    std::fs::write(&path, kept).unwrap();
    succeeded(&place.run(&["migrate"]));
    let doctor = place.run(&["doctor"]);
    assert!(doctor.stdout.contains("which is in"), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_server_the_master_key_is_made_on_purpose() {
    let (server, place) = (NatsServer::start().await.unwrap(), Place::empty());
    std::fs::create_dir(place.data()).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--log-url", server.url()];
    let refused = place.run(&serve);
    assert!(refused.code == Some(1) && refused.stderr.contains("foodflow keys init"), "{refused}");
    assert!(!place.data().join("master-key").exists());
    let made = place.run(&["keys", "init"]);
    assert!(made.code == Some(0) && made.stderr.contains("keep a copy"), "{made}");
    let again = place.run(&["keys", "init"]);
    assert!(again.code == Some(0) && again.stderr.contains("already"), "{again}");
    let mut command = place.command(&serve);
    serve_until_ready(command.stdout(std::process::Stdio::piped()));
}
