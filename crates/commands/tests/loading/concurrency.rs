//! Two processes that store snapshots of the same lot, and more commands than a process takes.

use std::sync::Arc;

use foodflow_commands::{COMMANDS_MAX, CommandError, Executor};
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::ids::BatchId;
use foodflow_log::EventLog as _;
use tokio::task::JoinSet;

use super::fixture::{Fixture, process};
use super::plant::{Plant, adjustment, assert_same, meta};
use super::{READ_MESSAGES_MAX, TAIL_MESSAGES_MAX, stored};

const EACH: usize = 6 * TAIL_MESSAGES_MAX;

/// Samples the lot, however often the other process is faster.
async fn sample(process: &Executor, plant: &Plant, lot: BatchId) -> anyhow::Result<()> {
    // A lost race means that the other process has recorded something, which it does only so often.
    for _ in 0..=EACH {
        match process.execute(&meta(plant.tenant), &adjustment(lot, AdjustmentKind::Sample)).await {
            Err(CommandError::VersionConflict) => {}
            outcome => return outcome.map(drop).map_err(Into::into),
        }
    }
    anyhow::bail!("more races lost than there were")
}

pub(super) async fn two_processes_never_store_an_earlier_snapshot_over_a_later_one(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let second = fixture.second().await?;
    let one = Arc::new(fixture.process());
    let other = Arc::new(process(&second));
    let plant = Plant::open(&one).await?;
    let lot = plant.lot(&one, 2).await?;
    let mut writers = JoinSet::new();
    for process in [&one, &other] {
        let process: Arc<Executor> = Arc::clone(process);
        writers.spawn(async move {
            for _ in 0..EACH {
                sample(&process, &plant, lot).await?;
            }
            process.snapshots_stored().await;
            anyhow::Ok(())
        });
    }
    let records = fixture.log.records();
    let (mut last, mut seen) = (0, 0);
    while !writers.is_empty() {
        if let Some(outcome) = writers.try_join_next() {
            outcome??;
        }
        let Some((snapshot, _)) = stored(&*records, &plant, lot).await? else { continue };
        let position = snapshot["position"].as_u64().unwrap();
        assert!(position >= last, "{position} was stored over {last}");
        seen += usize::from(position > last);
        last = position;
        tokio::task::yield_now().await;
    }
    assert!(seen > 1, "several snapshots were stored under way");

    let expected = plant.look(&one, lot).await?;
    assert_eq!(expected.version, 2 + 2 * EACH as u64);
    fixture.log.take();
    assert_same(&plant.look(&fixture.process(), lot).await?, &expected, "from the last snapshot");
    let read = fixture.log.take();
    assert!(read.messages <= READ_MESSAGES_MAX + TAIL_MESSAGES_MAX, "{read:?}");
    Ok(())
}

#[tokio::test]
async fn more_commands_than_a_process_takes_are_refused_and_no_other_is_lost() -> anyhow::Result<()> {
    let fixture = Fixture::memory().await?;
    let process = Arc::new(fixture.process());
    let plant = Plant::open(&process).await?;
    let lot = plant.lot(&process, 2).await?;
    let still = fixture.log.stand_still().await;
    let mut commands = JoinSet::new();
    for _ in 0..=COMMANDS_MAX {
        let (process, tenant) = (Arc::clone(&process), plant.tenant);
        commands.spawn(async move {
            process.execute(&meta(tenant), &adjustment(lot, AdjustmentKind::Sample)).await
        });
    }
    // The others wait for the log, or for each other.
    let first = commands.join_next().await.unwrap()?;
    assert!(matches!(first, Err(CommandError::Overloaded { .. })), "{first:?}");
    drop(still);
    while let Some(done) = commands.join_next().await {
        done??;
    }
    assert_eq!(plant.look(&process, lot).await?.version, 2 + COMMANDS_MAX as u64);
    Ok(())
}
