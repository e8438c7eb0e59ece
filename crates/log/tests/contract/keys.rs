//! The keys of persons in the records beside a log, and what is sealed under them.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_domain::identity::origin::visitors;
use foodflow_domain::personal::PersonId;
use foodflow_log::personal::upkeep::{self, CopiedRecord, ReadIn};
use foodflow_log::personal::{MasterKeys, MasterSource, PersonalError};
use foodflow_log::{
    Direction, EventLog as _, Expected, Keyring, OpenedLog, Position, ReadQuery, RecordKey, RecordKind,
    SharedLog,
};
use futures::future::join_all;
use jiff::Timestamp;
use uuid::Uuid;

use crate::fixture::{Fixture, commit, message, stream, take, tenant, texts};

const AT: Timestamp = Timestamp::constant(1_773_075_600, 0);
const NAME: &str = "Ada-of-the-mill";

/// Master keys that an operator may change while processes run.
struct Shared(Mutex<MasterKeys>);

impl MasterSource for Shared {
    fn read(&self) -> Result<MasterKeys, String> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn describe(&self) -> String {
        "the test".to_owned()
    }
}

fn source() -> Arc<Shared> {
    Arc::new(Shared(Mutex::new(MasterKeys::generate().unwrap())))
}

/// The keys as a process of its own uses them.
async fn process(log: &SharedLog, source: &Arc<Shared>) -> Result<Keyring, PersonalError> {
    Keyring::open(log.records(), Arc::clone(source) as _).await
}

fn person() -> PersonId {
    PersonId(Uuid::new_v4())
}

fn named(person: PersonId) -> String {
    format!(r#"{{"user_id":"u","name":{{"$personal":"{person}","value":"{NAME}"}},"role":"ope\"rator"}}"#)
}

fn erased(person: PersonId) -> String {
    named(person).replace(&format!(r#","value":"{NAME}""#), "")
}

async fn sealed(keyring: &Keyring, tenant: TenantId, json: &str) -> anyhow::Result<String> {
    let sealed = keyring.seal(tenant, json).await?.expect("something to seal");
    assert!(!sealed.contains(NAME), "{sealed}");
    Ok(sealed)
}

async fn opened(keyring: &Keyring, tenant: TenantId, json: &str) -> Result<String, PersonalError> {
    keyring.open_text(tenant, json).await.map(|opened| opened.expect("something to open"))
}

/// Whether any file in `folder` holds `text`.
fn is_in_files(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_in_files(&path, text);
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

pub(crate) async fn what_is_sealed_is_opened_by_every_process(fixture: Fixture) -> anyhow::Result<()> {
    let (source, second) = (source(), fixture.second().await?);
    let (one, other) = (process(&fixture.log, &source).await?, process(&second, &source).await?);
    let (tenant, ada, bob) = (tenant(), person(), person());
    for untouched in [r#"{"name":"Ada"}"#, r#"{"note":"\"$personal\":"}"#, r#"["$personal"]"#] {
        assert_eq!(one.seal(tenant, untouched).await?, None);
        assert_eq!(one.open_text(tenant, untouched).await?, None);
    }
    let both = format!("[{},{}]", named(ada), named(bob));
    let text = sealed(&one, tenant, &both).await?;
    assert_ne!(text, sealed(&one, tenant, &both).await?, "never twice the same");
    assert!(text.contains(&format!(r#""$personal":"{ada}","sealed":"1."#)), "{text}");
    for keyring in [&one, &other] {
        assert_eq!(opened(keyring, tenant, &text).await?, both);
    }
    assert!(matches!(one.seal(tenant, &text).await, Err(PersonalError::Invalid { .. })), "sealed already");
    let unsealed = one.open_text(tenant, &both).await;
    assert!(matches!(unsealed, Err(PersonalError::Invalid { .. })), "{unsealed:?}");
    let standing = upkeep::standing(&*fixture.log.records()).await?;
    assert_eq!((standing.persons, standing.forgotten, standing.tenants), (2, 0, 0));
    Ok(())
}

pub(crate) async fn what_is_moved_or_changed_is_not_opened(fixture: Fixture) -> anyhow::Result<()> {
    let keyring = process(&fixture.log, &source()).await?;
    let (here, there, ada, bob) = (tenant(), tenant(), person(), person());
    let text = sealed(&keyring, here, &named(ada)).await?;
    for (tenant, person) in [(here, bob), (there, ada)] {
        sealed(&keyring, tenant, &named(person)).await?;
    }
    keyring.rotate(here, ada).await?;
    let refused = |tenant: TenantId, json: String| {
        let keyring = &keyring;
        async move {
            let outcome = keyring.open_text(tenant, &json).await;
            assert!(matches!(outcome, Err(PersonalError::Invalid { .. })), "{json}: {outcome:?}");
        }
    };
    refused(there, text.clone()).await;
    refused(here, text.replace(&ada.to_string(), &bob.to_string())).await;
    refused(here, text.replace(r#""sealed":"1."#, r#""sealed":"2."#)).await;
    let start = text.find("\"1.").expect("a sealed value") + 3;
    let end = start + text[start..].find('"').expect("its end");
    for cut in [start, start + 10, end - 1] {
        refused(here, format!("{}{}", &text[..cut], &text[end..])).await;
    }
    for at in (start..end).step_by(7) {
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        refused(here, format!("{}{other}{}", &text[..at], &text[at + 1..])).await;
    }
    let unknown = text.replace(r#""sealed":"1."#, r#""sealed":"3."#);
    let outcome = keyring.open_text(here, &unknown).await;
    assert!(matches!(outcome, Err(PersonalError::Missing { person }) if person == ada), "{outcome:?}");
    assert_eq!(opened(&keyring, here, &text).await?, named(ada));
    Ok(())
}

pub(crate) async fn processes_that_seal_first_at_once_make_one_key(fixture: Fixture) -> anyhow::Result<()> {
    let (source, tenant, ada) = (source(), tenant(), person());
    let mut processes = Vec::new();
    for _ in 0..6 {
        let log = fixture.second().await?;
        processes.push((process(&log, &source).await?, log));
    }
    let indices = join_all(processes.iter().map(|(keyring, _)| keyring.index(tenant, "email", "a@b"))).await;
    let first = indices[0].clone()?;
    assert!(indices.into_iter().all(|index| index.is_ok_and(|index| index == first)));
    let json = named(ada);
    let texts = join_all(processes.iter().map(|(keyring, _)| sealed(keyring, tenant, &json))).await;
    for text in texts {
        let text = text?;
        for (keyring, _) in &processes {
            assert_eq!(opened(keyring, tenant, &text).await?, json);
        }
    }
    Ok(())
}

pub(crate) async fn a_forgotten_person_is_erased_for_good(fixture: Fixture) -> anyhow::Result<()> {
    let source = source();
    let keyring = process(&fixture.log, &source).await?;
    let (here, there, ada, bob) = (tenant(), tenant(), person(), person());
    let text = sealed(&keyring, here, &format!("[{},{}]", named(ada), named(bob))).await?;
    let elsewhere = sealed(&keyring, there, &named(ada)).await?;
    let forgotten = keyring.forget(here, ada, AT).await?;
    assert_eq!((forgotten.erased_at, forgotten.repeated), (AT, false));
    let expected = format!("[{},{}]", erased(ada), named(bob));
    let second = fixture.second().await?;
    for keyring in [&keyring, &process(&second, &source).await?] {
        assert_eq!(opened(keyring, here, &text).await?, expected);
        let refused = keyring.seal(here, &named(ada)).await;
        assert!(matches!(refused, Err(PersonalError::Forgotten { person }) if person == ada), "{refused:?}");
        assert!(matches!(keyring.rotate(here, ada).await, Err(PersonalError::Forgotten { .. })));
        assert_eq!(
            keyring.seal(here, &erased(ada)).await?.as_deref(),
            Some(&*erased(ada)),
            "nothing to seal"
        );
        let again = keyring.forget(here, ada, AT + Duration::from_secs(9)).await?;
        assert_eq!((again.erased_at, again.repeated), (AT, true));
        assert_eq!(opened(keyring, there, &elsewhere).await?, named(ada), "another tenant's");
    }
    let unknown = person();
    assert!(!keyring.forget(here, unknown, AT).await?.repeated);
    assert!(
        keyring.seal(here, &named(unknown)).await.is_err(),
        "nothing is known of them, and nothing will be"
    );
    Ok(())
}

pub(crate) async fn another_process_forgets_within_the_time_that_it_keeps_keys(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (source, second) = (source(), fixture.second().await?);
    let one = process(&fixture.log, &source).await?;
    let other = process(&second, &source).await?.keeping(Duration::from_millis(200));
    let (tenant, ada) = (tenant(), person());
    let text = sealed(&one, tenant, &named(ada)).await?;
    assert_eq!(opened(&other, tenant, &text).await?, named(ada));
    one.forget(tenant, ada, AT).await?;
    let began = Instant::now();
    while opened(&other, tenant, &text).await? != erased(ada) {
        assert!(began.elapsed() < Duration::from_secs(20), "it still knows the key");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(matches!(other.seal(tenant, &named(ada)).await, Err(PersonalError::Forgotten { .. })));
    Ok(())
}

pub(crate) async fn nothing_of_a_forgotten_key_is_left_on_disk(fixture: Fixture) -> anyhow::Result<()> {
    let keyring = process(&fixture.log, &source()).await?;
    let (tenant, people) = (tenant(), (0..40).map(|_| person()).collect::<Vec<_>>());
    let records = fixture.log.records();
    for person in &people {
        sealed(&keyring, tenant, &named(*person)).await?;
    }
    let mut keys = Vec::new();
    for person in &people[10..20] {
        let key = RecordKey::new(format!("{tenant}.{person}"))?;
        let before = records.get(RecordKind::PersonKey, &key).await?.expect("it has a key").value;
        keyring.rotate(tenant, *person).await?;
        let after = records.get(RecordKind::PersonKey, &key).await?.expect("it has two").value;
        for value in [before, after] {
            let value: serde_json::Value = serde_json::from_slice(&value)?;
            let of_record = value["keys"].as_array().expect("keys").iter();
            keys.extend(of_record.map(|key| key["sealed"].as_str().expect("a key").to_owned()));
        }
    }
    assert_eq!(keys.len(), 30);
    let Some(folder) = fixture.folder() else { return Ok(()) };
    let last = keys.last().expect("keys");
    assert!(is_in_files(&folder, last), "else the search below proves nothing");
    for person in &people[10..20] {
        keyring.forget(tenant, *person, AT).await?;
    }
    for key in &keys {
        assert!(!is_in_files(&folder, key), "{key}");
    }
    Ok(())
}

pub(crate) async fn a_missing_key_is_not_taken_for_a_forgotten_person(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (source, tenant, ada) = (source(), tenant(), person());
    let keyring = process(&fixture.log, &source).await?;
    let text = sealed(&keyring, tenant, &named(ada)).await?;
    let key = RecordKey::new(format!("{tenant}.{ada}"))?;
    fixture.log.records().delete(RecordKind::PersonKey, &key, Expected::Any).await?;
    let outcome = process(&fixture.log, &source).await?.open_text(tenant, &text).await;
    let error = outcome.expect_err("there is no key");
    assert!(matches!(error, PersonalError::Missing { person } if person == ada), "{error:?}");
    assert!(error.is_passing() && error.to_string().contains("restore"), "{error}");
    Ok(())
}

pub(crate) async fn a_rotated_key_seals_and_the_earlier_ones_open(fixture: Fixture) -> anyhow::Result<()> {
    let (source, second) = (source(), fixture.second().await?);
    let (one, other) = (process(&fixture.log, &source).await?, process(&second, &source).await?);
    let (tenant, ada, bob) = (tenant(), person(), person());
    one.index(tenant, "email", "a").await?;
    let mut texts = vec![sealed(&one, tenant, &named(ada)).await?];
    assert_eq!(opened(&other, tenant, &texts[0]).await?, named(ada));
    for number in 2..=4 {
        assert_eq!(one.rotate(tenant, ada).await?, number);
        let text = sealed(&one, tenant, &named(ada)).await?;
        assert!(text.contains(&format!(r#""sealed":"{number}."#)), "{text}");
        texts.push(text);
    }
    for text in &texts {
        // What the other one keeps does not have the number yet.
        assert_eq!(opened(&other, tenant, text).await?, named(ada));
    }
    assert!(matches!(one.rotate(tenant, bob).await, Err(PersonalError::Missing { .. })));
    sealed(&one, tenant, &named(bob)).await?;
    one.forget(tenant, bob, AT).await?;
    assert_eq!(one.rotate_persons(tenant, None).await?, 1);
    assert_eq!(one.rotate_persons(tenant, Some(ada)).await?, 1);
    assert!(sealed(&one, tenant, &named(ada)).await?.contains(r#""sealed":"6."#));
    Ok(())
}

pub(crate) async fn another_master_key_is_refused(fixture: Fixture) -> anyhow::Result<()> {
    let (ours, theirs, tenant) = (source(), source(), tenant());
    let (one, other) = (process(&fixture.log, &ours).await?, process(&fixture.log, &theirs).await?);
    let ada = named(person());
    let outcomes = join_all([&one, &other].map(|keyring| keyring.seal(tenant, &ada))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let (winner, loser) = if outcomes[0].is_ok() { (&ours, &theirs) } else { (&theirs, &ours) };
    let proven = upkeep::proven_master(&*fixture.log.records()).await?;
    assert_eq!(proven, Some(winner.0.lock().unwrap().first()));
    process(&fixture.log, winner).await?;
    let refused = process(&fixture.log, loser).await.err().expect("it is another master key");
    assert!(matches!(refused, PersonalError::OtherMaster { .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("the test") && text.contains(&proven.unwrap().to_string()), "{text}");
    Ok(())
}

pub(crate) async fn every_key_is_sealed_under_the_next_master_key(fixture: Fixture) -> anyhow::Result<()> {
    let (source, tenant, ada, bob) = (source(), tenant(), person(), person());
    let keyring = process(&fixture.log, &source).await?;
    let running = process(&fixture.log, &source).await?;
    let index = keyring.index(tenant, "email", "a@b").await?;
    let text = sealed(&keyring, tenant, &named(ada)).await?;
    keyring.rotate(tenant, ada).await?;
    sealed(&keyring, tenant, &named(bob)).await?;
    keyring.forget(tenant, bob, AT).await?;

    let old = source.0.lock().unwrap().clone();
    let next = MasterKeys::generate()?;
    *source.0.lock().unwrap() = next.clone().followed_by(&old);
    // The proof, the index key and Ada's record.
    assert_eq!(keyring.rewrap_all().await?, 3);
    assert_eq!(keyring.rewrap_all().await?, 0);
    let standing = upkeep::standing(&*fixture.log.records()).await?;
    assert_eq!(standing.masters.into_iter().collect::<Vec<_>>(), [(next.first().to_string(), 4)]);
    assert_eq!((standing.persons, standing.forgotten, standing.tenants), (1, 1, 1));
    // A process that runs reads the file again where it meets a key of another master.
    assert_eq!(opened(&running, tenant, &text).await?, named(ada));
    *source.0.lock().unwrap() = next;
    let alone = process(&fixture.log, &source).await?;
    assert_eq!(opened(&alone, tenant, &text).await?, named(ada));
    assert_eq!(alone.index(tenant, "email", "a@b").await?, index);
    let without = Keyring::open(fixture.log.records(), Arc::new(old.clone())).await;
    assert!(matches!(without.err(), Some(PersonalError::OtherMaster { .. })));
    let Some(folder) = fixture.folder() else { return Ok(()) };
    assert!(!is_in_files(&folder, &old.first().to_string()), "nothing stays sealed under the old one");
    Ok(())
}

pub(crate) async fn an_index_is_found_again_and_not_guessed(fixture: Fixture) -> anyhow::Result<()> {
    let (source, here, there) = (source(), tenant(), tenant());
    let keyring = process(&fixture.log, &source).await?;
    let index = keyring.index(here, "email", "ada@mill.example").await?;
    assert_eq!((index.get_version_num(), index.get_variant()), (8, uuid::Variant::RFC4122));
    let second = fixture.second().await?;
    let again = process(&second, &source).await?;
    assert_eq!(again.index(here, "email", "ada@mill.example").await?, index);
    for other in [
        again.index(there, "email", "ada@mill.example").await?,
        again.index(here, "emaila", "da@mill.example").await?,
        again.index(here, "email", "ada@mill.examplf").await?,
    ] {
        assert_ne!(other, index);
    }
    let print = keyring.fingerprint(here, b"body").await?;
    assert_eq!(again.fingerprint(here, b"body").await?, print);
    assert_ne!(again.fingerprint(here, b"bodz").await?, print);
    assert_ne!(again.fingerprint(there, b"body").await?, print);
    assert_ne!(print, foodflow_log::PayloadHash::of(b"body"));
    Ok(())
}

pub(crate) async fn an_index_key_that_was_lost_is_not_made_anew(fixture: Fixture) -> anyhow::Result<()> {
    let (source, here, there) = (source(), tenant(), tenant());
    let keyring = process(&fixture.log, &source).await?;
    // Whoever is refused is sealed for before a tenant has people.
    let visitor = named(visitors(here));
    sealed(&keyring, here, &visitor).await?;
    let index = keyring.index(here, "email", "ada@mill.example").await?;
    sealed(&keyring, here, &named(person())).await?;
    let (records, place) = (fixture.log.records(), RecordKey::new(format!("{here}.index"))?);
    let kept = records.get(RecordKind::PersonKey, &place).await?.expect("it was made");
    records.delete(RecordKind::PersonKey, &place, Expected::Any).await?;
    let second = fixture.second().await?;
    let again = process(&second, &source).await?;
    let outcome = again.index(here, "email", "ada@mill.example").await;
    assert!(matches!(outcome, Err(PersonalError::MissingIndex { tenant }) if tenant == here), "{outcome:?}");
    again.index(there, "email", "ada@mill.example").await?;
    assert_eq!(records.get(RecordKind::PersonKey, &place).await?, None, "nothing was made in its place");
    records.put(RecordKind::PersonKey, &place, kept.value, Expected::New).await?;
    assert_eq!(again.index(here, "email", "ada@mill.example").await?, index);
    Ok(())
}

pub(crate) async fn a_copy_of_keys_is_read_in_and_a_tombstone_stays(fixture: Fixture) -> anyhow::Result<()> {
    let (source, tenant, ada, bob, eve) = (source(), tenant(), person(), person(), person());
    let keyring = process(&fixture.log, &source).await?;
    let index = keyring.index(tenant, "email", "a@b").await?;
    let text = sealed(&keyring, tenant, &format!("[{},{},{}]", named(ada), named(bob), named(eve))).await?;
    let records = fixture.log.records();
    let copy = async || -> anyhow::Result<Vec<CopiedRecord>> {
        let page = upkeep::page(&*records, None).await?;
        let lines = page.iter().map(|record| Ok(serde_json::to_string(&upkeep::copied(record)?)?));
        let lines: anyhow::Result<Vec<String>> = lines.collect();
        Ok(lines?.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?)
    };
    let before = copy().await?;
    assert_eq!(before.len(), 5, "three persons, the index key and the proof");
    keyring.forget(tenant, bob, AT).await?;
    keyring.rotate(tenant, ada).await?;
    let later = sealed(&keyring, tenant, &named(ada)).await?;

    // Onto what is there: a forgotten person stays forgotten, a later key stays.
    let mut outcome = ReadIn::default();
    for record in &before {
        keyring.read_in(record, &mut outcome).await?;
    }
    assert_eq!((outcome.written, outcome.kept), (0, 5));
    // Where everything is lost: the copy from before brings Bob back, the tombstone of a later one forgets him again.
    let after = copy().await?;
    for record in &after {
        let key = RecordKey::new(record.key.clone())?;
        records.delete(RecordKind::PersonKey, &key, Expected::Any).await?;
    }
    let anew = process(&fixture.log, &source).await?;
    let mut outcome = ReadIn::default();
    for record in before.iter().chain(&after) {
        anew.read_in(record, &mut outcome).await?;
    }
    assert_eq!((outcome.written, outcome.kept), (7, 3), "Bob's tombstone and Ada's second key on top");
    let expected = format!("[{},{},{}]", named(ada), erased(bob), named(eve));
    assert_eq!(opened(&anew, tenant, &text).await?, expected);
    assert_eq!(opened(&anew, tenant, &later).await?, named(ada));
    assert_eq!(anew.index(tenant, "email", "a@b").await?, index);

    let foreign = Keyring::passing(Arc::new(foodflow_log::records::MemoryRecords::default()))?;
    let refused = foreign.read_in(&before[0], &mut ReadIn::default()).await;
    assert!(matches!(refused, Err(PersonalError::OtherMaster { .. })), "{refused:?}");
    let clash = process(&Fixture::memory().await?.log, &source).await?;
    sealed(&clash, tenant, &named(eve)).await?;
    let of_eve = before.iter().find(|record| record.key.ends_with(&eve.to_string())).expect("Eve's");
    let refused = clash.read_in(of_eve, &mut ReadIn::default()).await;
    assert!(matches!(refused, Err(PersonalError::Invalid { .. })), "{refused:?}");
    Ok(())
}

pub(crate) async fn a_reader_of_an_opened_log_sees_personal_data(fixture: Fixture) -> anyhow::Result<()> {
    let keyring = Arc::new(process(&fixture.log, &source()).await?);
    let log: SharedLog = Arc::new(OpenedLog::new(Arc::clone(&fixture.log), Arc::clone(&keyring)));
    let (tenant, ada, bob, grown) = (tenant(), person(), person(), stream());
    let plain = r#"{"lot":"L-1"}"#.to_owned();
    let of_ada = sealed(&keyring, tenant, &named(ada)).await?;
    let of_bob = sealed(&keyring, tenant, &named(bob)).await?;
    let changed = of_bob.replace(&bob.to_string(), &ada.to_string());
    let mut end = Position(0);
    for text in [&plain, &of_ada, &of_bob, &changed, &plain] {
        end = log.append(commit(tenant, vec![message(&grown, end, text)])).await?.last;
    }
    keyring.forget(tenant, bob, AT).await?;
    // As long as they are stored, so that what is metered does not depend on who is forgotten.
    let as_stored = |text: String, stored: &str| format!("{text:<0$}", stored.len());
    let (shown, erased) = (as_stored(named(ada), &of_ada), as_stored(erased(bob), &of_bob));
    let expected = [plain.clone(), shown.clone(), erased, changed.clone(), plain.clone()];
    let partition = log.partition_of(tenant);
    let from_start =
        ReadQuery { tenant: Some(tenant), from: Position(0), direction: Direction::Forward, limit: 100 };
    assert_eq!(texts(&log.read(partition, from_start.clone()).await?), expected);
    assert_eq!(texts(&log.load(tenant, &grown, Position(0)).await?), expected);
    let mut subscription = log.subscribe(partition, Some(tenant), Position(0)).await?;
    assert_eq!(texts(&take(&mut subscription, 5).await?), expected);
    let later = log.append(commit(tenant, vec![message(&grown, end, &of_ada)])).await?;
    let next = take(&mut subscription, 1).await?;
    assert_eq!((next[0].position, texts(&next)), (later.last, vec![shown]));
    assert_eq!(log.head(partition).await?, later.last);
    // What stands in the log is what was appended.
    let raw = fixture.log.read(partition, from_start.clone()).await?;
    assert_eq!(texts(&raw), [plain.clone(), of_ada.clone(), of_bob, changed, plain, of_ada.clone()]);

    let key = RecordKey::new(format!("{tenant}.{ada}"))?;
    log.records().delete(RecordKind::PersonKey, &key, Expected::Any).await?;
    let anew = Arc::new(Keyring::passing(fixture.log.records())?);
    let unknowing = OpenedLog::new(Arc::clone(&fixture.log), anew);
    assert!(unknowing.read(partition, from_start).await.is_err(), "a missing key is no reason to pass over");
    let mut subscription = unknowing.subscribe(partition, Some(tenant), Position(0)).await?;
    assert!(take(&mut subscription, 6).await.is_err());
    Ok(())
}
