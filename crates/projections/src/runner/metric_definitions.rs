//! The runner's metrics: every name, unit and description, and the only place that records them.
//!
//! Labels are `projection`, `store` and `partition`; never a tenant or an id, whose number has no bound.

use std::time::Duration;

use foodflow_log::Partition;
use metrics::{
    Counter, Gauge, Histogram, Label, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::store::quarantine::Quarantine;

/// Gauge: messages in the log that the read model has not applied.
pub const LAG_EVENTS: &str = "foodflow_projections_lag_events";
/// Gauge, seconds: age of the oldest message that the read model has not applied.
pub const LAG_SECONDS: &str = "foodflow_projections_lag_seconds";
/// Gauge: positions behind the checkpoint, or withheld by the log, that nobody accounts for.
pub const GAP_POSITIONS: &str = "foodflow_projections_gap_positions";
/// Gauge: entities that wait in quarantine for an operator.
pub const QUARANTINED_ENTITIES: &str = "foodflow_projections_quarantined_entities";
/// Gauge: messages of these entities that wait.
pub const QUARANTINED_MESSAGES: &str = "foodflow_projections_quarantined_messages";
/// Gauge: 1 where the projection does not get on by itself, else 0.
pub const STUCK: &str = "foodflow_projections_stuck";
/// Gauge: 1 where this process has the partition's lease, else 0.
pub const LEASE_HELD: &str = "foodflow_projections_lease_held";
/// Counter: messages applied.
pub const APPLIED_MESSAGES: &str = "foodflow_projections_applied_messages_total";
/// Histogram, seconds: how long a batch and its checkpoint took to apply.
pub const BATCH_SECONDS: &str = "foodflow_projections_batch_seconds";
/// Counter: failures by `kind`.
pub const FAILURES: &str = "foodflow_projections_failures_total";

/// Tells the installed recorder what the metrics mean; safe to repeat.
pub fn describe() {
    describe_gauge!(LAG_EVENTS, Unit::Count, "Messages in the log that the read model has not applied");
    describe_gauge!(
        LAG_SECONDS,
        Unit::Seconds,
        "Age of the oldest message that the read model has not applied"
    );
    describe_gauge!(
        GAP_POSITIONS,
        Unit::Count,
        "Positions behind the checkpoint, or withheld by the log, that nobody accounts for"
    );
    describe_gauge!(QUARANTINED_ENTITIES, Unit::Count, "Entities that wait in quarantine for an operator");
    describe_gauge!(QUARANTINED_MESSAGES, Unit::Count, "Messages that wait in quarantine");
    describe_gauge!(STUCK, Unit::Count, "Whether the projection does not get on by itself");
    describe_gauge!(LEASE_HELD, Unit::Count, "Whether this process has the partition's lease");
    describe_counter!(APPLIED_MESSAGES, Unit::Count, "Messages applied to the read model");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "Time to apply a batch and its checkpoint");
    describe_counter!(
        FAILURES,
        Unit::Count,
        "Failures of a projection by kind (log, store, refusal, projection, checkpoint, gap); each is followed by another try"
    );
}

/// The metrics of one partition of one projection.
pub(super) struct Meters {
    labels: Vec<Label>,
    applied_messages: Counter,
    batch_seconds: Histogram,
    lag_events: Gauge,
    lag_seconds: Gauge,
    lease_held: Gauge,
    gap_positions: Gauge,
    quarantined_entities: Gauge,
    quarantined_messages: Gauge,
    stuck: Gauge,
}

impl Meters {
    pub(super) fn new(projection: &'static str, store: &'static str, partition: Partition) -> Self {
        let labels = vec![
            Label::from_static_parts("projection", projection),
            Label::from_static_parts("store", store),
            Label::new("partition", partition.0.to_string()),
        ];
        Self {
            applied_messages: counter!(APPLIED_MESSAGES, labels.clone()),
            batch_seconds: histogram!(BATCH_SECONDS, labels.clone()),
            lag_events: gauge!(LAG_EVENTS, labels.clone()),
            lag_seconds: gauge!(LAG_SECONDS, labels.clone()),
            lease_held: gauge!(LEASE_HELD, labels.clone()),
            gap_positions: gauge!(GAP_POSITIONS, labels.clone()),
            quarantined_entities: gauge!(QUARANTINED_ENTITIES, labels.clone()),
            quarantined_messages: gauge!(QUARANTINED_MESSAGES, labels.clone()),
            stuck: gauge!(STUCK, labels.clone()),
            labels,
        }
    }

    pub(super) fn applied(&self, messages: usize, took: Duration) {
        self.applied_messages.increment(messages as u64);
        self.batch_seconds.record(took.as_secs_f64());
    }

    pub(super) fn lag(&self, events: u64, seconds: f64) {
        self.lag_events.set(events as f64);
        self.lag_seconds.set(seconds);
    }

    pub(super) fn quarantine(&self, quarantine: &Quarantine) {
        self.quarantined_entities.set(quarantine.entities() as f64);
        self.quarantined_messages.set(quarantine.messages() as f64);
    }

    pub(super) fn health(&self, gap_positions: u64, stuck: bool) {
        self.gap_positions.set(gap_positions as f64);
        self.stuck.set(f64::from(u8::from(stuck)));
    }

    pub(super) fn lease(&self, held: bool) {
        self.lease_held.set(f64::from(u8::from(held)));
    }

    pub(super) fn failed(&self, kind: &'static str) {
        let mut labels = self.labels.clone();
        labels.push(Label::from_static_parts("kind", kind));
        counter!(FAILURES, labels).increment(1);
    }
}
