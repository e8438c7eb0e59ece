use std::sync::Arc;

use bytes::Bytes;
use foodflow_domain::food_graph::guards::Genealogy;
use foodflow_domain::food_graph::supplier::Supplier;
use foodflow_log::records::{MemoryRecords, RECORD_BYTES_MAX};
use foodflow_log::{Expected, Keyring, PayloadHash, Record, RecordKind, Records};
use uuid::Uuid;

use super::storing::{Pending, store};
use super::*;
use crate::loaded::Loaded;
use crate::remembered::{CommandMark, REMEMBERED_COMMANDS};

fn place() -> Place {
    Place {
        tenant: TenantId(Uuid::from_u128(1)),
        stream: StreamId::new("food_graph", "genealogy", Uuid::from_u128(2)),
    }
}

fn loaded(position: u64) -> Loaded<Genealogy> {
    let mark = |number: u64| CommandMark {
        command_id: Uuid::from_u128(u128::from(number)),
        command_hash: PayloadHash::of(&number.to_be_bytes()),
        first: Position(number),
        size: 3,
    };
    let mut loaded = Loaded {
        state: Genealogy { amendments: position },
        version: position,
        position: Position(position),
        hash: PayloadHash::of(b"last"),
        ..Loaded::default()
    };
    (0..REMEMBERED_COMMANDS as u64 + 5).for_each(|number| loaded.commands.push(mark(number)));
    loaded
}

/// Keys that nothing here needs.
fn keyring() -> Keyring {
    Keyring::passing(Arc::new(MemoryRecords::default())).unwrap()
}

async fn stored(records: &MemoryRecords) -> Option<Record> {
    records.get(RecordKind::Snapshot, &place().key().unwrap()).await.unwrap()
}

async fn position(records: &MemoryRecords) -> u64 {
    let record = stored(records).await.unwrap();
    format::standing(&record.value, &place()).unwrap().position.0
}

async fn try_to_store(records: &MemoryRecords, at: u64, replaces: Option<u64>) -> &'static str {
    let (place, kept) = (place(), Arc::new(loaded(at)));
    let key = place.key().unwrap();
    store(records, &keyring(), Pending { place, key, kept, replaces }).await.unwrap()
}

#[tokio::test]
async fn a_snapshot_reads_back_as_what_was_loaded() {
    let records = MemoryRecords::default();
    assert_eq!(try_to_store(&records, 7, None).await, "stored");
    let record = stored(&records).await.unwrap();
    let found = format::decode::<Genealogy>(&record, &place(), &keyring()).await;
    let (read, expected) = (found.loaded.unwrap(), loaded(7));
    assert_eq!((read.state, read.version, read.position), (expected.state, 7, Position(7)));
    assert_eq!(
        (read.hash, read.commands, found.revision),
        (expected.hash, expected.commands, record.revision)
    );
    assert!(record.value.len() < RECORD_BYTES_MAX / 20, "{} bytes of commands", record.value.len());
    let other = format::decode::<Supplier>(&record, &place(), &keyring()).await;
    assert_eq!(other.loaded.unwrap_err(), Rejection::Undecodable, "the same place, another type");
}

#[tokio::test]
async fn a_later_snapshot_is_never_replaced_by_an_earlier_one() {
    let records = MemoryRecords::default();
    for (at, outcome, stands) in
        [(5, "stored", 5), (9, "stored", 9), (7, "superseded", 9), (9, "superseded", 9), (10, "stored", 10)]
    {
        assert_eq!(try_to_store(&records, at, None).await, outcome, "{at}");
        assert_eq!(position(&records).await, stands);
    }
}

#[tokio::test]
async fn a_snapshot_that_was_found_to_be_wrong_is_replaced_whatever_it_says() {
    let records = MemoryRecords::default();
    try_to_store(&records, 100, None).await;
    let wrong = stored(&records).await.unwrap().revision;
    assert_eq!(try_to_store(&records, 7, Some(wrong)).await, "stored");
    assert_eq!(position(&records).await, 7);
    try_to_store(&records, 9, None).await;
    assert_eq!(try_to_store(&records, 8, Some(wrong)).await, "superseded", "another took its place already");
    assert_eq!(position(&records).await, 9);
}

#[tokio::test]
async fn what_this_program_cannot_use_is_replaced() {
    let records = MemoryRecords::default();
    let key = place().key().unwrap();
    try_to_store(&records, 100, None).await;
    let text = String::from_utf8(stored(&records).await.unwrap().value.to_vec()).unwrap();
    let of_another = text.replace(&place().stream.id.to_string(), &Uuid::from_u128(9).to_string());
    for value in [text.replace("\"shape\":1,", "\"shape\":2,"), of_another, "no snapshot".to_owned()] {
        assert_ne!(value, text);
        records.put(RecordKind::Snapshot, &key, Bytes::from(value), Expected::Any).await.unwrap();
        assert_eq!(try_to_store(&records, 7, None).await, "stored");
        assert_eq!(position(&records).await, 7);
    }
}

#[tokio::test]
async fn a_state_that_is_too_large_for_a_record_is_not_stored() {
    let records = MemoryRecords::default();
    let customers = vec![Uuid::from_u128(1).into(); RECORD_BYTES_MAX / 36];
    let large =
        Loaded { state: Supplier { customers, ..Supplier::default() }, version: 1, ..Loaded::default() };
    let place = place();
    let key = place.key().unwrap();
    let pending = Pending { place, key, kept: Arc::new(large), replaces: None };
    assert_eq!(store(&records, &keyring(), pending).await.unwrap(), "too-large");
    assert!(stored(&records).await.is_none());
}

#[test]
fn only_names_that_a_key_can_hold_have_snapshots() {
    assert_eq!(
        place().key().unwrap().as_str(),
        "00000000-0000-0000-0000-000000000001.food_graph.genealogy.00000000-0000-0000-0000-000000000002"
    );
    let odd = Place { stream: StreamId { context: "a*".into(), ..place().stream }, ..place() };
    assert_eq!(odd.key(), None);
}
