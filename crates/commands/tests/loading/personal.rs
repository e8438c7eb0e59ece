//! An aggregate with personal data: what stands in the log and in a snapshot is sealed, and is gone once the person is
//! forgotten.

use std::path::Path;
use std::sync::Arc;

use foodflow_commands::unit::Stop;
use foodflow_commands::unit::stream_of;
use foodflow_commands::{Accepted, CommandError, CommandMeta, Executor, Operation, Reply, SystemClock, Unit};
use foodflow_domain::ids::CommandId;
use foodflow_domain::personal::{PersonId, Personal};
use foodflow_domain::{Context, DomainProblem, TenantId, aggregate, event_set};
use foodflow_log::personal::MasterKeys;
use foodflow_log::{
    ChainVerifier, Direction, EventLog as _, Keyring, Partition, PayloadHash, Position, ReadQuery,
    RecordKind, SharedLog, StreamId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TAIL_MESSAGES_MAX;
use super::fixture::Fixture;

/// A text that stands nowhere else.
const NAME: &str = "Adalovelace-of-Marylebone";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signed {
    name: Personal<String>,
    visit: u32,
}

event_set! {
    /// Events of a guest book.
    pub(super) enum GuestEvent {
        /// Somebody signed.
        Signed(Signed) = "foodflow.test.guest.signed.v1",
    }
}

/// Who came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Guest {
    last: Option<Personal<String>>,
    visits: u32,
}

/// No guest is refused.
#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(super) struct Never;

impl DomainProblem for Never {
    fn code(&self) -> &'static str {
        "never"
    }
}

impl Guest {
    fn decide(&self, name: Personal<String>, _: &Context) -> Result<Vec<GuestEvent>, Never> {
        Ok(vec![GuestEvent::Signed(Signed { name, visit: self.visits + 1 })])
    }

    fn evolve(&mut self, event: GuestEvent) {
        let GuestEvent::Signed(Signed { name, visit }) = event;
        (self.last, self.visits) = (Some(name), visit);
    }
}

aggregate!(Guest, "test", "guest", Personal<String>, GuestEvent, Never);

struct Sign {
    book: Uuid,
    name: Personal<String>,
}

impl Operation for Sign {
    type Primary = Guest;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let primary = stream_of::<Guest>(self.book);
        Reply { operation: "sign", id: self.book, primary, creates: false, batch_id: None, batch_ids: None }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Guest>(self.book)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        unit.decide::<Guest>(self.book, self.name.clone(), "").await
    }
}

/// Looks at a guest book and decides nothing.
struct Look {
    book: Uuid,
    seen: std::sync::Mutex<Option<Guest>>,
}

impl Operation for Look {
    type Primary = Guest;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        Sign { book: self.book, name: Personal::erased(PersonId(Uuid::nil())) }.reply(meta)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        Vec::new()
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        *self.seen.lock().unwrap() = Some(unit.load::<Guest>(self.book).await?.clone());
        Err(CommandError::Internal { reason: "only looked".to_owned() }.into())
    }
}

struct Place {
    tenant: TenantId,
    book: Uuid,
    masters: MasterKeys,
}

impl Place {
    fn new() -> Self {
        let (tenant, book) = (TenantId(Uuid::new_v4()), Uuid::new_v4());
        Self { tenant, book, masters: MasterKeys::generate().unwrap() }
    }

    /// A process that knows nothing yet.
    async fn process(&self, fixture: &Fixture) -> anyhow::Result<Executor> {
        let log = Arc::clone(&fixture.log) as SharedLog;
        let keyring = Keyring::open(log.records(), Arc::new(self.masters.clone())).await?;
        Ok(Executor::new(log, Arc::new(keyring), Arc::new(SystemClock)))
    }

    fn meta(&self) -> CommandMeta {
        let command_id = CommandId(Uuid::now_v7());
        CommandMeta {
            tenant: self.tenant,
            actor: "tester".to_owned(),
            command_id,
            repeatable: true,
            command_hash: PayloadHash::of(command_id.0.as_bytes()),
            correlation_id: command_id.0,
            causation_id: None,
            if_match: None,
        }
    }

    async fn sign(&self, process: &Executor, name: Personal<String>) -> Result<Accepted, CommandError> {
        process.execute(&self.meta(), &Sign { book: self.book, name }).await
    }

    async fn look(&self, process: &Executor) -> Guest {
        let look = Look { book: self.book, seen: std::sync::Mutex::default() };
        process.execute(&self.meta(), &look).await.unwrap_err();
        look.seen.into_inner().unwrap().expect("it was looked at")
    }
}

fn is_in_files(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_in_files(&path, text);
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// Everything in the log, as it stands there; verified.
async fn raw(fixture: &Fixture) -> anyhow::Result<String> {
    let query = ReadQuery { tenant: None, from: Position(0), direction: Direction::Forward, limit: 10_000 };
    let mut verifier = ChainVerifier::new();
    let mut text = String::new();
    for message in fixture.log.read(Partition(0), query).await? {
        verifier.check(&message)?;
        text.push_str(std::str::from_utf8(&message.payload)?);
    }
    Ok(text)
}

pub(super) async fn personal_data_is_sealed_in_log_and_snapshot_and_known_to_every_process(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (place, person) = (Place::new(), PersonId(Uuid::new_v4()));
    let name = Personal::new(person, NAME.to_owned());
    let writer = place.process(&fixture).await?;
    for _ in 0..TAIL_MESSAGES_MAX + 5 {
        place.sign(&writer, name.clone()).await?;
    }
    writer.snapshots_stored().await;
    let expected = Guest { last: Some(name), visits: TAIL_MESSAGES_MAX as u32 + 5 };
    assert_eq!(place.look(&writer).await, expected);

    let log = raw(&fixture).await?;
    assert!(log.contains(&format!(r#"{{"$personal":"{person}","sealed":"1."#)) && !log.contains(NAME));
    let snapshots = fixture.log.records().list(RecordKind::Snapshot, "", None, 100).await?;
    let of_book = snapshots.iter().find(|record| record.key.as_str().contains("test.guest"));
    let snapshot = std::str::from_utf8(&of_book.expect("one was due").value)?.to_owned();
    assert!(snapshot.contains(r#""sealed":"1."#) && !snapshot.contains(NAME), "{snapshot}");
    if let Some(folder) = fixture.folder() {
        assert!(is_in_files(&folder, &person.to_string()), "else the search proves nothing");
        assert!(!is_in_files(&folder, NAME));
    }

    fixture.log.take();
    let reader = place.process(&fixture).await?;
    assert_eq!(place.look(&reader).await, expected);
    let read = fixture.log.take().messages;
    assert!(read <= TAIL_MESSAGES_MAX, "from the snapshot on: {read} messages");
    Ok(())
}

pub(super) async fn a_forgotten_person_is_erased_in_states_snapshots_and_log(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (place, ada) = (Place::new(), PersonId(Uuid::new_v4()));
    let writer = place.process(&fixture).await?;
    for _ in 0..TAIL_MESSAGES_MAX + 5 {
        place.sign(&writer, Personal::new(ada, NAME.to_owned())).await?;
    }
    writer.snapshots_stored().await;
    let before = raw(&fixture).await?;
    writer.forget_person(place.tenant, ada).await?;

    let expected = Guest { last: Some(Personal::erased(ada)), visits: TAIL_MESSAGES_MAX as u32 + 5 };
    assert_eq!(place.look(&writer).await, expected, "what the process kept is gone");
    let reader = place.process(&fixture).await?;
    assert_eq!(place.look(&reader).await, expected, "from the snapshot");
    let key = fixture.log.records().list(RecordKind::Snapshot, "", None, 100).await?;
    for record in key {
        fixture.log.records().delete(RecordKind::Snapshot, &record.key, foodflow_log::Expected::Any).await?;
    }
    let reader = place.process(&fixture).await?;
    assert_eq!(place.look(&reader).await, expected, "from the whole stream");
    assert_eq!(raw(&fixture).await?, before, "the log is as it was, and its chain holds");

    // Nothing more is written about her, and about others it is.
    let refused = place.sign(&writer, Personal::new(ada, NAME.to_owned())).await.unwrap_err();
    assert_eq!(refused.code(), "person-forgotten");
    assert_eq!(raw(&fixture).await?, before);
    let bob = Personal::new(PersonId(Uuid::new_v4()), "Bob".to_owned());
    place.sign(&writer, bob.clone()).await?;
    for process in [&writer, &place.process(&fixture).await?] {
        assert_eq!(place.look(process).await.last, Some(bob.clone()));
    }
    raw(&fixture).await?;
    Ok(())
}

pub(super) async fn a_state_that_still_knows_a_forgotten_person_is_not_stored(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (place, ada) = (Place::new(), PersonId(Uuid::new_v4()));
    let (writer, other) = (place.process(&fixture).await?, place.process(&fixture).await?);
    for _ in 0..TAIL_MESSAGES_MAX {
        place.sign(&writer, Personal::new(ada, NAME.to_owned())).await?;
    }
    other.forget_person(place.tenant, ada).await?;
    // The writer has not heard of it, and may not for a while: what it writes stays sealed, and opens as erased.
    let last = place.sign(&writer, Personal::new(ada, NAME.to_owned())).await;
    writer.snapshots_stored().await;
    let expected = Some(Personal::erased(ada));
    assert_eq!(place.look(&place.process(&fixture).await?).await.last, expected, "{last:?}");
    if let Some(folder) = fixture.folder() {
        assert!(!is_in_files(&folder, NAME));
    }
    Ok(())
}

pub(super) async fn keys_that_are_lost_are_told_and_nothing_is_taken_for_erased(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let (place, ada) = (Place::new(), PersonId(Uuid::new_v4()));
    let writer = place.process(&fixture).await?;
    place.sign(&writer, Personal::new(ada, NAME.to_owned())).await?;
    let records = fixture.log.records();
    for record in records.list(RecordKind::PersonKey, &format!("{}.", place.tenant), None, 100).await? {
        records.delete(RecordKind::PersonKey, &record.key, foodflow_log::Expected::Any).await?;
    }
    let reader = place.process(&fixture).await?;
    let bob = Personal::new(PersonId(Uuid::new_v4()), "Bob".to_owned());
    let refused = place.sign(&reader, bob).await.unwrap_err();
    assert!(refused.code() == "unavailable" && refused.to_string().contains("keys import"), "{refused}");
    Ok(())
}
