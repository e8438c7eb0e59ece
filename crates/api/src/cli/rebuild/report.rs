//! What a rebuild did, for people and for scripts.

use std::fmt;

use foodflow_log::{Partition, Position};
use foodflow_projections::runner::RebuildReport;
use serde::Serialize;

/// What a rebuild did in all partitions.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    projection: &'static str,
    store: &'static str,
    /// Whether every partition had been what the log says.
    identical: bool,
    partitions: Vec<PartitionReport>,
}

/// What it did in one.
#[derive(Debug, Serialize)]
pub(super) struct PartitionReport {
    partition: Partition,
    /// Whether its digest had been what the log says.
    identical: bool,
    /// Whether it had stood at a position that the log does not have.
    beyond_log: bool,
    position_before: Position,
    digest_before: String,
    digest_at_same_position: String,
    position_after: Position,
    digest_after: String,
    messages: u64,
    events: u64,
    duration_seconds: f64,
    events_per_second: f64,
}

impl Report {
    pub(super) fn new(projection: &'static str, store: &'static str) -> Self {
        Self { projection, store, identical: true, partitions: Vec::new() }
    }

    pub(super) fn add(&mut self, partition: PartitionReport) {
        self.identical &= partition.identical;
        self.partitions.push(partition);
    }

    /// Why the read model had been something else than the log says, where it had.
    pub(super) fn explanation(&self) -> Option<String> {
        let reasons: Vec<String> = self.partitions.iter().filter_map(PartitionReport::reason).collect();
        (!reasons.is_empty()).then(|| {
            format!(
                "the read model had not been what the log says; it is now.\n{}\nWhere nobody changed the \
                 projection or the store on purpose, this is a defect: keep both digests and report it.",
                reasons.join("\n")
            )
        })
    }
}

impl PartitionReport {
    pub(super) fn new(report: &RebuildReport, events: u64) -> Self {
        let seconds = report.duration.as_secs_f64();
        Self {
            partition: report.partition,
            identical: report.is_identical(),
            beyond_log: report.position_before > report.position_after,
            position_before: report.position_before,
            digest_before: report.digest_before.clone(),
            digest_at_same_position: report.digest_at_same_position.clone(),
            position_after: report.position_after,
            digest_after: report.digest_after.clone(),
            messages: report.messages,
            events,
            duration_seconds: seconds,
            events_per_second: if seconds > 0.0 { events as f64 / seconds } else { 0.0 },
        }
    }

    fn reason(&self) -> Option<String> {
        let Self { partition, position_before: before, position_after: after, .. } = self;
        let number = partition.0;
        if self.beyond_log {
            return Some(format!(
                "partition {number}: it stood at position {before}, but the log ends at {after}: it was filled from \
                 another log, or the log was cut off"
            ));
        }
        (!self.identical).then(|| {
            format!(
                "partition {number}: at position {before} its digest was {}, but what the log says up to there has {}",
                self.digest_before, self.digest_at_same_position
            )
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.partitions.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let verdict = match (one.beyond_log, one.identical) {
                (true, _) => "WAS BEYOND THE LOG",
                (false, true) => "identical",
                (false, false) => "NOT IDENTICAL",
            };
            let (projection, store, partition) = (self.projection, self.store, one.partition.0);
            writeln!(f, "{projection} ({store}), partition {partition}: {verdict}")?;
            writeln!(f, "  before    position {:>10}  digest {}", one.position_before.0, one.digest_before)?;
            if one.position_before != one.position_after {
                let position = one.position_before.min(one.position_after).0;
                writeln!(f, "  the same  position {position:>10}  digest {}", one.digest_at_same_position)?;
            }
            writeln!(f, "  after     position {:>10}  digest {}", one.position_after.0, one.digest_after)?;
            let (messages, events) = (one.messages, one.events);
            let (seconds, rate) = (one.duration_seconds, one.events_per_second);
            write!(f, "  {messages} messages, {events} events in {seconds:.3} s: {rate:.0} events/s")?;
        }
        Ok(())
    }
}
