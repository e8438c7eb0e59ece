//! The write path's metrics: every name, unit and description, and the only place that records them.
//!
//! Labels have few values; never a tenant or an id, whose number has no bound.

use metrics::{Unit, counter, describe_counter};

/// Counter: aggregates loaded, by `source` (`cache`, `snapshot`, `stream`).
pub const LOADS: &str = "foodflow_commands_loads_total";
/// Counter: messages read to load aggregates.
pub const LOADED_MESSAGES: &str = "foodflow_commands_loaded_messages_total";
/// Counter: snapshots that were not used, by `reason`.
pub const SNAPSHOT_REJECTIONS: &str = "foodflow_commands_snapshot_rejections_total";
/// Counter: snapshots that were asked for, by `outcome`.
pub const SNAPSHOT_WRITES: &str = "foodflow_commands_snapshot_writes_total";

/// Tells the installed recorder what the metrics mean; safe to repeat.
pub fn describe() {
    describe_counter!(
        LOADS,
        Unit::Count,
        "Aggregates loaded by source: cache (this process's memory), snapshot (and what came after it), stream (all of it)"
    );
    describe_counter!(LOADED_MESSAGES, Unit::Count, "Messages read from the log to load aggregates");
    describe_counter!(
        SNAPSHOT_REJECTIONS,
        Unit::Count,
        "Snapshots that were not used, by reason (undecodable, damaged, other-stream, other-shape, other-history, sealed, unavailable)"
    );
    describe_counter!(
        SNAPSHOT_WRITES,
        Unit::Count,
        "Snapshots asked for, by outcome (stored, superseded, too-large, forgotten, failed, dropped because too many waited)"
    );
}

pub(crate) fn loaded(source: &'static str) {
    counter!(LOADS, "source" => source).increment(1);
}

pub(crate) fn read_messages(messages: usize) {
    counter!(LOADED_MESSAGES).increment(messages as u64);
}

pub(crate) fn snapshot_rejected(reason: &'static str) {
    counter!(SNAPSHOT_REJECTIONS, "reason" => reason).increment(1);
}

pub(crate) fn snapshot_written(outcome: &'static str) {
    counter!(SNAPSHOT_WRITES, "outcome" => outcome).increment(1);
}
