//! Loading an aggregate: a long history costs no more than a short one, and nothing that is stored beside the log can make
//! a process take it for something else.
//!
//! What is read is counted in messages, never in time.

mod concurrency;
pub(crate) mod counting_log;
mod fixture;
mod histories;
mod metrics;
mod misfits;
mod personal;
pub(crate) mod plant;
mod repeats;

use foodflow_commands::SNAPSHOT_TAIL_MESSAGES_MAX as TAIL_MESSAGES_MAX;
use foodflow_domain::food_graph::batch::Batch;
use foodflow_domain::ids::BatchId;
use foodflow_log::{RecordKey, RecordKind, Records};
use serde_json::Value;

use fixture::Fixture;
use plant::Plant;

/// Messages that a look for a snapshot comes with.
const FIRST_MESSAGES: usize = 4;
/// Most messages that loading a lot may read: the first ones, the snapshot's last one, and those behind it.
const READ_MESSAGES_MAX: usize = FIRST_MESSAGES + 1 + TAIL_MESSAGES_MAX;

/// Makes one test per listed function and kind of log.
macro_rules! on_every_log {
    ($($module:ident: $($test:ident)+;)+) => {
        on_every_log!(@log memory, $($($module $test)+)+);
        on_every_log!(@log embedded, $($($module $test)+)+);
        on_every_log!(@log nats, $($($module $test)+)+);
    };
    (@log $log:ident, $($module:ident $test:ident)+) => {
        mod $log {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    super::$module::$test(super::Fixture::$log().await?).await
                }
            )+
        }
    };
}

on_every_log! {
    histories:
        a_long_history_is_loaded_like_a_short_one
        a_snapshot_outlives_the_process_that_stored_it
        a_version_is_looked_up_without_reading_the_history;
    misfits:
        a_snapshot_that_does_not_fit_is_passed_over_and_replaced
        a_snapshot_of_earlier_is_followed_to_the_end
        a_log_that_breaks_behind_a_snapshot_is_told
        a_log_that_lost_its_end_is_followed_from_there
        without_records_everything_still_works;
    personal:
        personal_data_is_sealed_in_log_and_snapshot_and_known_to_every_process
        a_forgotten_person_is_erased_in_states_snapshots_and_log
        a_state_that_still_knows_a_forgotten_person_is_not_stored
        keys_that_are_lost_are_told_and_nothing_is_taken_for_erased;
    repeats:
        a_command_that_only_the_snapshot_remembers_is_answered_as_before
        a_command_that_may_stand_is_never_called_unwritten;
    concurrency:
        two_processes_never_store_an_earlier_snapshot_over_a_later_one;
}

/// The key of a lot's snapshot.
fn key(plant: &Plant, lot: BatchId) -> RecordKey {
    let stream = foodflow_commands::unit::stream_of::<Batch>(lot.0);
    RecordKey::new(format!("{}.{stream}", plant.tenant)).unwrap()
}

/// A lot's stored snapshot, with its revision.
async fn stored(records: &dyn Records, plant: &Plant, lot: BatchId) -> anyhow::Result<Option<(Value, u64)>> {
    let record = records.get(RecordKind::Snapshot, &key(plant, lot)).await?;
    record.map(|record| Ok((serde_json::from_slice(&record.value)?, record.revision))).transpose()
}
