//! The keys that personal data is sealed under: made, copied, put under another master key, refused where they do not fit.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use foodflow_api::master_key::MasterKeyFile;
use foodflow_commands::identity::sign_up::{FirstAdministrator, SignUp};
use foodflow_commands::{CommandMeta, Executor, SystemClock};
use foodflow_domain::TenantId;
use foodflow_domain::identity::user::Profile;
use foodflow_domain::ids::{CommandId, UserId};
use foodflow_domain::personal::{PersonId, Personal};
use foodflow_domain::tenancy::tenant::TenantProfile;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::{EventLog as _, Keyring, PayloadHash, SharedLog};
use foodflow_testkit::servers::NatsServer;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Ended, Place, serve_until, serve_until_ready};

/// A text that stands nowhere else.
const NAME: &str = "Ada-of-the-mill";
const ADA: PersonId = PersonId(Uuid::from_u128(0xADA));
const BOB: PersonId = PersonId(Uuid::from_u128(0xB0B));

fn named(person: PersonId) -> String {
    format!(r#"{{"$personal":"{person}","value":"{NAME}"}}"#)
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

/// Signs a tenant up whose administrator is Ada, past the HTTP interface.
async fn sign_up(place: &Place) -> TenantId {
    let tenant = TenantId::of_slug("mill-lane");
    let log: SharedLog = Arc::new(EmbeddedLog::open(&place.data().join("log.sqlite")).await.unwrap());
    let source = Arc::new(MasterKeyFile(place.data().join("master-key")));
    let keyring = Arc::new(Keyring::open(log.records(), source).await.unwrap());
    let email = format!("{NAME}@mill.example");
    let email_index = keyring.index(tenant, "email", &email).await.unwrap();
    let profile = Profile { email, first_name: Some(NAME.to_owned()), last_name: None };
    let administrator = FirstAdministrator {
        id: Some(UserId(ADA.0)),
        profile: Personal::new(ADA, profile),
        email_index,
        password: "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA".to_owned(),
    };
    let named = TenantProfile {
        name: "Mill Lane".to_owned(),
        logo_url: None,
        primary_color: None,
        stripe_customer_id: None,
    };
    let slug = "mill-lane".to_owned();
    let operation = SignUp { slug, tenant: Some(named), administrator, origin: None };
    let command_id = CommandId(Uuid::now_v7());
    let meta = CommandMeta {
        tenant,
        actor: "tester".to_owned(),
        command_id,
        repeatable: false,
        command_hash: PayloadHash::default(),
        correlation_id: command_id.0,
        causation_id: None,
        if_match: None,
    };
    let executor = Executor::new(Arc::clone(&log), keyring, Arc::new(SystemClock));
    executor.execute(&meta, &operation).await.unwrap();
    log.close().await;
    tenant
}

/// Which files of the data folder hold `text`.
fn files_with(place: &Place, text: &str) -> Vec<String> {
    let entries = std::fs::read_dir(place.data()).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.path().is_file()).filter(|entry| {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    });
    files.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_personal_is_known_to_its_read_model_alone_and_the_log_verifies_when_it_is_forgotten() {
    let place = Place::seeded();
    let tenant = sign_up(&place).await;
    assert_eq!(files_with(&place, NAME), Vec::<String>::new());
    let mut serving = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    serving.stdout(std::process::Stdio::piped());
    serve_until(&mut serving, || files_with(&place, NAME).iter().any(|file| file.starts_with("identity")));
    let found = files_with(&place, NAME);
    assert!(found.iter().all(|file| file.starts_with("identity")), "{found:?}");

    // A rebuild reads what the projector read.
    let (code, report) = place.json(&["rebuild", "--projection", "identity", "--json"]);
    assert_eq!((code, &report["identical"]), (Some(0), &true.into()), "{report:#}");
    let events = place.events(&["--tenant", "mill-lane"]);
    let shown = serde_json::to_string(&events).unwrap();
    assert!(
        shown.contains(&format!(r#"{{"$personal":"{ADA}","sealed":"1."#)) && !shown.contains(NAME),
        "{shown}"
    );
    succeeded(&place.run(&["audit", "checkpoint"]));

    with_keys(&place, async |keys| {
        assert!(keys.open_text(tenant, &shown).await.unwrap().unwrap().contains(NAME));
        keys.forget(tenant, ADA, Timestamp::now()).await.unwrap();
        let erased = keys.open_text(tenant, &shown).await.unwrap().unwrap();
        assert!(
            erased.contains(&format!(r#"{{"$personal":"{ADA}"}}"#)) && !erased.contains(NAME),
            "{erased}"
        );
    })
    .await;
    assert_eq!(place.events(&["--tenant", "mill-lane"]), events, "the log is as it was");
    let (code, report) = place.json(&["audit", "verify", "--json"]);
    assert_eq!((code, &report["in_order"]), (Some(0), &true.into()), "{report:#}");
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
