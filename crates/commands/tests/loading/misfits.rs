//! Snapshots that are not what the stream leads to.

use bytes::Bytes;
use foodflow_commands::CommandError;
use foodflow_commands::unit::stream_of;
use foodflow_domain::food_graph::batch::Batch;
use foodflow_log::{
    Commit, Envelope, EventLog as _, Expected, NewMessage, PayloadHash, Position, RecordKind,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::plant::{Plant, assert_same};
use super::{READ_MESSAGES_MAX, TAIL_MESSAGES_MAX, key, stored};

const EVENTS: usize = 60;

/// Ways to spoil a snapshot, given another lot's.
fn spoilt(good: &Value, other: &Value) -> Vec<(&'static str, Vec<u8>)> {
    let with = |name: &str, value: Value| {
        let mut spoilt = good.clone();
        spoilt[name] = value;
        spoilt.to_string().into_bytes()
    };
    let position = good["position"].as_u64().unwrap();
    let mut of_other = other.clone();
    of_other["stream"] = good["stream"].clone();
    let mut state = good["state"].clone();
    state["retired"] = json!(true);
    let text = good.to_string().into_bytes();
    let mut commands = good["commands"].clone();
    commands.as_array_mut().unwrap().pop();
    vec![
        ("another hash", with("hash", json!(PayloadHash::of(b"something else")))),
        ("another shape", with("shape", json!(good["shape"].as_u64().unwrap() + 1))),
        ("another state", with("state", state)),
        ("fewer commands", with("commands", commands)),
        ("another position of the stream", with("position", json!(position - 1))),
        ("a position beyond the end", with("position", json!(position + 1_000))),
        ("position 0", with("position", json!(0))),
        ("another tenant", with("tenant", json!(uuid::Uuid::new_v4()))),
        ("another lot's", other.to_string().into_bytes()),
        ("another lot's under this lot's name", of_other.to_string().into_bytes()),
        ("cut short", text[..text.len() - 10].to_vec()),
        ("nothing", Vec::new()),
        ("no snapshot at all", b"{\"position\":1}".to_vec()),
        ("no text", vec![0xff; 100]),
    ]
}

pub(super) async fn a_snapshot_that_does_not_fit_is_passed_over_and_replaced(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let (lot, other) = (plant.lot(&writer, EVENTS).await?, plant.lot(&writer, EVENTS).await?);
    let expected = plant.look(&writer, lot).await?;
    drop(writer);
    // What the log alone leads to, whatever was stored on the way.
    let records = fixture.log.records();
    for lot in [lot, other] {
        records.delete(RecordKind::Snapshot, &key(&plant, lot), Expected::Any).await?;
        let loader = fixture.process();
        plant.look(&loader, lot).await?;
        loader.snapshots_stored().await;
    }
    let (good, _) = stored(&*records, &plant, lot).await?.expect("a snapshot was due");
    let (of_other, _) = stored(&*records, &plant, other).await?.expect("a snapshot was due");
    assert_eq!(good["position"], json!(expected.position));

    for (case, value) in spoilt(&good, &of_other) {
        let (key, value) = (key(&plant, lot), Bytes::from(value));
        let spoilt = records.put(RecordKind::Snapshot, &key, value, Expected::Any).await?;
        fixture.log.take();
        let loader = fixture.process();
        assert_same(&plant.look(&loader, lot).await?, &expected, case);
        let read = fixture.log.take();
        assert!(read.messages >= EVENTS, "{case}: the stream was read instead: {read:?}");
        loader.snapshots_stored().await;
        let (replaced, revision) = stored(&*records, &plant, lot).await?.expect("it was replaced");
        assert!(replaced == good && revision > spoilt, "{case}: {replaced}");
        assert_same(&plant.look(&fixture.process(), lot).await?, &expected, case);
        assert!(fixture.log.take().messages <= READ_MESSAGES_MAX, "{case}");
    }
    Ok(())
}

pub(super) async fn a_snapshot_of_earlier_is_followed_to_the_end(fixture: Fixture) -> anyhow::Result<()> {
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, EVENTS).await?;
    writer.snapshots_stored().await;
    let records = fixture.log.records();
    let early = records.get(RecordKind::Snapshot, &key(&plant, lot)).await?.expect("a snapshot was due");
    plant.adjust(&writer, lot, 2 * EVENTS).await?;
    writer.snapshots_stored().await;
    records.put(RecordKind::Snapshot, &key(&plant, lot), early.value.clone(), Expected::Any).await?;
    let expected = plant.look(&writer, lot).await?;
    drop(writer);

    fixture.log.take();
    let loader = fixture.process();
    assert_same(&plant.look(&loader, lot).await?, &expected, "an early snapshot");
    let read = fixture.log.take();
    assert!((2 * EVENTS..3 * EVENTS).contains(&read.messages), "what came after it, not all: {read:?}");
    loader.snapshots_stored().await;
    let (late, _) = stored(&*records, &plant, lot).await?.expect("it is there");
    assert_eq!(late["position"], json!(expected.position), "and a later one took its place");
    Ok(())
}

pub(super) async fn a_log_that_breaks_behind_a_snapshot_is_told(fixture: Fixture) -> anyhow::Result<()> {
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, 2 * TAIL_MESSAGES_MAX).await?;
    writer.snapshots_stored().await;
    assert!(stored(&*fixture.log.records(), &plant, lot).await?.is_some());
    let end = plant.look(&writer, lot).await?.position;

    // A message as this program writes it, but for the hash of the one before it.
    let stream = stream_of::<Batch>(lot.0);
    let last = fixture.log.load_page(plant.tenant, &stream, Position(end.0 - 1), 1).await?;
    let mut envelopes = Envelope::decode_batch(&last.messages[0].payload)?;
    envelopes[0].prevhash = PayloadHash::of(b"another message");
    let payload = Bytes::from(Envelope::encode_batch(&envelopes)?);
    let broken = NewMessage { stream, expected: end, payload };
    let commit = Commit { tenant: plant.tenant, recorded_at: Timestamp::UNIX_EPOCH, messages: vec![broken] };
    fixture.log.append(commit).await?;

    let told = plant.look(&fixture.process(), lot).await;
    let Err(CommandError::Internal { reason }) = told else { panic!("{told:?}") };
    assert!(reason.contains("the hash chain is broken"), "{reason}");
    Ok(())
}

/// A server that does not write to disk at once may lose what it acknowledged; nobody who remembers it may be stuck.
pub(super) async fn a_log_that_lost_its_end_is_followed_from_there(fixture: Fixture) -> anyhow::Result<()> {
    for others in [0, 2] {
        let process = fixture.process();
        let plant = Plant::open(&process).await?;
        let lot = plant.lot(&process, 3).await?;
        let shorter = Fixture::memory().await?;
        shorter.copy(&fixture.log).await?;
        plant.adjust(&process, lot, 1).await?;
        fixture.log.becomes(&shorter.log);
        // What another process recorded in the place of what was lost.
        plant.adjust(&fixture.process(), lot, others).await?;
        plant.adjust(&process, lot, 1).await?;
        let (remembered, read) =
            (plant.look(&process, lot).await?, plant.look(&fixture.process(), lot).await?);
        assert_same(&remembered, &read, "after the loss");
    }
    Ok(())
}

pub(super) async fn without_records_everything_still_works(fixture: Fixture) -> anyhow::Result<()> {
    fixture.log.fail_records(true);
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, EVENTS).await?;
    writer.snapshots_stored().await;
    let expected = plant.look(&writer, lot).await?;
    let loader = fixture.process();
    assert_same(&plant.look(&loader, lot).await?, &expected, "without records");
    plant.adjust(&loader, lot, 1).await?;
    loader.snapshots_stored().await;
    fixture.log.fail_records(false);
    assert_eq!(stored(&*fixture.log.records(), &plant, lot).await?, None);
    Ok(())
}
