//! Histories of every length.

use foodflow_commands::{CommandError, IfMatch};
use foodflow_domain::ids::BatchId;
use foodflow_log::EventLog as _;
use foodflow_log::event_log::LOADED_MESSAGES_MAX;
use uuid::Uuid;

use super::fixture::Fixture;
use super::plant::{Plant, assert_same};
use super::{READ_MESSAGES_MAX, TAIL_MESSAGES_MAX, stored};

const HISTORIES: [usize; 3] = [10, 1_000, 20_000];

pub(super) async fn a_long_history_is_loaded_like_a_short_one(fixture: Fixture) -> anyhow::Result<()> {
    let original = Fixture::memory().await?;
    let writer = original.process();
    let plant = Plant::open(&writer).await?;
    let mut lots = Vec::new();
    for events in HISTORIES {
        lots.push((events, plant.lot(&writer, events).await?));
    }
    fixture.copy(&original.log).await?;
    let mut read = Vec::new();
    for (events, lot) in lots {
        let expected = plant.look(&writer, lot).await?;
        assert_eq!(expected.version, events as u64);

        fixture.log.take();
        let first = fixture.process();
        assert_same(&plant.look(&first, lot).await?, &expected, "from the whole stream");
        let whole = fixture.log.take();
        assert_eq!(whole.messages, events, "there is no snapshot yet");
        assert!(whole.page_messages <= LOADED_MESSAGES_MAX, "{whole:?}");
        first.snapshots_stored().await;

        let known = stored(&*fixture.log.records(), &plant, lot).await?;
        assert_eq!(known.is_some(), events > TAIL_MESSAGES_MAX, "{events} events");
        assert_same(
            &plant.look(&fixture.process(), lot).await?,
            &expected,
            "from a snapshot, where it has one",
        );
        let again = fixture.log.take();
        assert!(again.messages <= READ_MESSAGES_MAX, "{events} events: {again:?}");
        read.push(again);
    }
    assert_eq!(read[1], read[2], "20,000 events are loaded with what 1,000 take");
    Ok(())
}

pub(super) async fn a_snapshot_outlives_the_process_that_stored_it(fixture: Fixture) -> anyhow::Result<()> {
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, 100).await?;
    writer.snapshots_stored().await;
    let expected = plant.look(&writer, lot).await?;
    drop(writer);
    let fixture = fixture.restart().await?;
    assert_same(&plant.look(&fixture.process(), lot).await?, &expected, "after a restart");
    let read = fixture.log.take();
    assert!(read.messages <= READ_MESSAGES_MAX, "what the writer stored as it went along is used: {read:?}");

    let next = fixture.process();
    plant.adjust(&next, lot, 2 * TAIL_MESSAGES_MAX + 1).await?;
    next.snapshots_stored().await;
    fixture.log.take();
    let expected = plant.look(&next, lot).await?;
    assert_same(&plant.look(&fixture.process(), lot).await?, &expected, "and it grows with the stream");
    assert!(fixture.log.take().messages <= READ_MESSAGES_MAX);
    drop(next);

    // A crash may take back the last snapshot, or all of them, but nothing of the lot.
    let fixture = fixture.crash().await?;
    let loader = fixture.process();
    assert_same(&plant.look(&loader, lot).await?, &expected, "after a crash");
    loader.snapshots_stored().await;
    fixture.log.take();
    assert_same(&plant.look(&fixture.process(), lot).await?, &expected, "long after a crash");
    assert!(fixture.log.take().messages <= READ_MESSAGES_MAX);
    Ok(())
}

pub(super) async fn a_version_is_looked_up_without_reading_the_history(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, 200).await?;
    writer.snapshots_stored().await;
    fixture.log.take();

    let sampled = plant.sample_at(&fixture.process(), lot, IfMatch::Versions(vec![7, 200])).await?;
    assert_eq!(sampled.version, 201);
    let read = fixture.log.take();
    assert!(read.messages <= READ_MESSAGES_MAX + 1, "{read:?}");

    // The writer has seen version 200; what counts is what the log holds.
    let refused = plant.sample_at(&writer, lot, IfMatch::Versions(vec![200])).await;
    let Err(CommandError::PreconditionFailed { expected, actual }) = refused else { panic!("{refused:?}") };
    assert_eq!((expected.as_str(), actual), ("200", 201));
    let read = fixture.log.take();
    assert!(read.messages <= 1, "{read:?}");

    assert_eq!(plant.sample_at(&writer, lot, IfMatch::Any).await?.version, 202);
    let missing = plant.sample_at(&writer, BatchId(Uuid::new_v4()), IfMatch::Any).await;
    assert!(matches!(missing, Err(CommandError::PreconditionFailed { actual: 0, .. })), "{missing:?}");
    Ok(())
}
