//! Repeats: of a command that lies behind a snapshot, and of one whose answer was lost.

use foodflow_commands::{CommandError, CommandMeta};
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_log::{EventLog as _, Partition, PayloadHash};

use super::fixture::Fixture;
use super::plant::{Plant, adjustment, meta};
use super::{READ_MESSAGES_MAX, TAIL_MESSAGES_MAX, stored};

pub(super) async fn a_command_that_only_the_snapshot_remembers_is_answered_as_before(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let writer = fixture.process();
    let plant = Plant::open(&writer).await?;
    let lot = plant.lot(&writer, 20).await?;
    let sample = adjustment(lot, AdjustmentKind::Sample);
    let named = meta(plant.tenant);
    let first = writer.execute(&named, &sample).await?;
    plant.adjust(&writer, lot, 3 * TAIL_MESSAGES_MAX).await?;
    writer.snapshots_stored().await;
    let (snapshot, _) = stored(&*fixture.log.records(), &plant, lot).await?.expect("a snapshot was due");
    assert!(snapshot["position"].as_u64().unwrap() > first.position.0, "the command lies behind it");
    let head = fixture.log.head(Partition(0)).await?;
    drop(writer);

    fixture.log.take();
    let repeated = fixture.process().execute(&named, &sample).await?;
    assert!(repeated.repeated);
    assert_eq!((repeated.position, repeated.version), (first.position, first.version));
    assert_eq!(repeated.events, first.events);
    let read = fixture.log.take();
    assert!(read.messages <= READ_MESSAGES_MAX, "{read:?}");

    let other = CommandMeta { command_hash: PayloadHash::of(b"another command"), ..named };
    let reused = fixture.process().execute(&other, &sample).await;
    assert!(matches!(reused, Err(CommandError::CommandIdReused)), "{reused:?}");
    assert_eq!(fixture.log.head(Partition(0)).await?, head, "nothing was recorded");
    Ok(())
}

pub(super) async fn a_command_that_may_stand_is_never_called_unwritten(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let process = fixture.process();
    let plant = Plant::open(&process).await?;
    let lot = plant.lot(&process, 2).await?;
    let sample = adjustment(lot, AdjustmentKind::Sample);
    let named = meta(plant.tenant);
    fixture.log.answer_late().await;
    let told = process.execute(&named, &sample).await;
    assert!(matches!(told, Err(CommandError::Unavailable { .. })), "{told:?}");
    let head = fixture.log.head(Partition(0)).await?;
    let repeated = process.execute(&named, &sample).await?;
    assert!(repeated.repeated);
    assert_eq!(repeated.position, head);
    assert_eq!(fixture.log.head(Partition(0)).await?, head, "it was recorded once");
    Ok(())
}
