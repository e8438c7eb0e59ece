//! What a database refuses of the data itself: U+0000 in a text, which SQLite takes and PostgreSQL does not.

use std::sync::Arc;

use foodflow_log::{Position, StoredMessage};
use foodflow_projections::recorded::Recorded;
use foodflow_projections::runner::{
    Projected, Projection, ProjectionError, RebuildOptions, RebuildRequest, Runner, RunnerConfig,
    SwitchPolicy, place_in_commit, rebuild,
};
use foodflow_projections::store::generations::{Generations, RebuildScope};
use foodflow_projections::store::quarantine::Quarantine;
use foodflow_projections::store::{DigestScope, ReadModel as _};
use foodflow_projections::tables::embedded::EmbeddedTables;
use foodflow_projections::tables::postgres::PostgresTables;
use foodflow_projections::tables::{TableChange, TableRow as _, Value};

use super::support::{P0, config, wait};
use super::world::{NOTES, World, id};
use crate::table_contract::postgres::database;
use crate::table_contract::tables::{CONTRACT, Sample, sample};

/// Enough for rows to be copied.
const STREAMS: u64 = 300;

/// A row for each stream, with the text that a message says, and the number of its last message. It does not look whether
/// the text fits.
struct Texts;

impl Projection<TableChange> for Texts {
    fn name(&self) -> &'static str {
        NOTES
    }

    fn project(&self, message: &StoredMessage) -> Result<Projected<TableChange>, ProjectionError> {
        let recorded = Recorded::decode(message)?;
        let (recorded_at, commit_index, commit_size) = place_in_commit(&recorded)?;
        let mut changes = Vec::new();
        if message.stream.aggregate == "batch" {
            let note: Option<String> = serde_json::from_str(recorded.events[0].data.get()).unwrap();
            let number = message.position.0 as i32;
            let row = Sample { id: message.stream.id, note, number, ..sample(message.tenant, 0) };
            let (has_text, table) = (row.note.is_some(), Sample::TABLE);
            let columns = vec![("number", Value::Integer(number.into()))];
            let row = row.into_row();
            changes.push(match has_text {
                true => TableChange::Upsert(row),
                false => TableChange::Patch { table, key: row.key(), columns },
            });
        }
        Ok(Projected { changes, recorded_at, commit_index, commit_size, events: 1 })
    }
}

/// Every stream says something, the 7th what is refused; then that one has another message.
async fn told() -> World {
    let mut world = World::new();
    for number in 1..=STREAMS {
        world.say(number, if number == 7 { "secret\0" } else { "öffentlich" }).await;
    }
    world.commit(&[7]).await;
    world
}

async fn samples(store: &impl Generations<TableChange>) -> u64 {
    let counts = store.counts(DigestScope::Partition(P0)).await.unwrap();
    counts.get("samples").copied().unwrap_or(0)
}

fn large() -> RunnerConfig {
    RunnerConfig { batch_messages_max: 1_000, ..config() }
}

/// Whether a rebuild that switches found the same, in large batches and in small ones.
async fn rebuilt_alike(world: &World, store: &Arc<PostgresTables>, waiting: &Quarantine) {
    for batch_messages_max in [1_000, 9] {
        for scope in [RebuildScope::All, RebuildScope::Tenant(world.tenant)] {
            let request = RebuildRequest { scope, switch: SwitchPolicy::Always, filled_by: "1".to_owned() };
            let options = RebuildOptions { batch_messages_max, ..RebuildOptions::default() };
            let (log, projection) = (world.log.clone(), Arc::new(Texts));
            let report = rebuild(log, store.clone(), projection, request, options, |_| {}).await.unwrap();
            assert!(report.is_identical(), "{report:?}");
            assert_eq!(store.checkpoint(P0).await.unwrap().quarantine, *waiting);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_postgres_refuses_waits_and_a_rebuild_agrees() {
    let mut world = told().await;
    let store = Arc::new(PostgresTables::new(database().await, &CONTRACT));
    store.migrate().await.unwrap();
    let runner = Runner::start(world.log.clone(), store.clone(), Arc::new(Texts), large()).unwrap();
    wait(&runner, Position(STREAMS + 1)).await;
    let waiting = store.checkpoint(P0).await.unwrap().quarantine;
    let (entity, seventh) = waiting.iter().next().unwrap();
    assert_eq!((waiting.entities(), entity.stream.id), (1, id(7)));
    assert_eq!((seventh.first.0, seventh.last.0, seventh.messages), (7, STREAMS + 1, 2));
    let reason = "the postgres read model cannot hold what is projected: table samples: SQLSTATE 22021 \
         (character_not_in_repertoire)";
    assert_eq!(seventh.reason, reason);
    assert_eq!(samples(&*store).await, STREAMS - 1);
    rebuilt_alike(&world, &store, &waiting).await;
    wait(&runner, world.retry(7).await).await;
    assert_eq!(store.checkpoint(P0).await.unwrap().quarantine, waiting, "it is refused again");
    wait(&runner, world.skip(7, &[7]).await).await;
    assert_eq!(samples(&*store).await, STREAMS - 1);
    rebuilt_alike(&world, &store, &Quarantine::default()).await;
}

#[tokio::test]
async fn sqlite_takes_it() {
    let world = told().await;
    let store = Arc::new(EmbeddedTables::in_memory(&CONTRACT).await.unwrap());
    store.migrate().await.unwrap();
    let runner = Runner::start(world.log.clone(), store.clone(), Arc::new(Texts), large()).unwrap();
    wait(&runner, Position(STREAMS + 1)).await;
    assert!(store.checkpoint(P0).await.unwrap().quarantine.is_empty());
    assert_eq!(samples(&*store).await, STREAMS);
}
