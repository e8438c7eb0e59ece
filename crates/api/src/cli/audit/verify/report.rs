//! What was found, as JSON and as text.

use std::fmt;

use foodflow_domain::TenantId;
use foodflow_log::audit::milestones::Milestone;
use foodflow_log::audit::{BrokenRecord, Disagreement, KeyId, Milestones, Trail};
use foodflow_log::{BrokenLink, Partition, Position, Verified};
use serde::Serialize;
use uuid::Uuid;

use crate::cli::audit::finding::Finding;

pub(super) const ADVICE: &str =
    "the log is not what was written: stop writing to it, keep a copy as it is, and compare with a backup";

/// What was found in the whole log.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    log: String,
    tenant: Option<TenantId>,
    pub(super) in_order: bool,
    records: RecordsReport,
    partitions: Vec<PartitionReport>,
}

/// What was found among the audit records.
#[derive(Debug, Serialize)]
pub(super) struct RecordsReport {
    in_order: bool,
    /// The log, as the records name it.
    id: Option<Uuid>,
    /// Number of records that were followed; up to the broken one where there is one.
    records: u64,
    checkpoints: u64,
    /// The keys, the first one first; the last one is in force.
    keys: Vec<KeyId>,
    /// The keys with which they were compared; none where nobody named one.
    trusted: Vec<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<BrokenRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// What was found in one partition.
#[derive(Debug, Serialize)]
pub(super) struct PartitionReport {
    partition: Partition,
    in_order: bool,
    /// What was checked; up to the broken link where there is one.
    checked: Verified,
    /// How it agrees with what was signed; not compared for one tenant alone.
    checkpoints: Option<CheckpointsReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<BrokenLink>,
    /// The first checkpoint that does not agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    disagrees: Option<Disagreement>,
    /// Why the walk ended, where the log itself could not read what it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// The checkpoints of one partition.
#[derive(Debug, Serialize)]
pub(super) struct CheckpointsReport {
    /// Number of checkpoints that agree.
    agree: u64,
    /// Number of checkpoints up to where it was to be checked.
    of: u64,
    /// The last one that agrees.
    last: Option<Milestone>,
    /// Messages that were checked and are after it.
    uncovered: u64,
}

impl Report {
    pub(super) fn new(
        log: String,
        tenant: Option<TenantId>,
        records: RecordsReport,
        partitions: Vec<PartitionReport>,
    ) -> Self {
        let in_order = records.in_order && partitions.iter().all(|partition| partition.in_order);
        Self { log, tenant, in_order, records, partitions }
    }
}

impl RecordsReport {
    pub(super) fn new(trail: &Trail, trusted: &[KeyId], finding: Option<Finding>) -> Self {
        let in_order = finding.is_none();
        let (broken, unreadable) = match finding {
            Some(Finding::Record(broken)) => (Some(broken), None),
            other => (None, other.map(reason)),
        };
        Self {
            in_order,
            id: trail.keys().log(),
            records: trail.len(),
            checkpoints: trail.checkpoints(),
            keys: trail.keys().records().map(|record| record.statement.key).collect(),
            trusted: trusted.to_vec(),
            broken,
            unreadable,
        }
    }
}

impl CheckpointsReport {
    pub(super) fn new(milestones: &Milestones, position: Position) -> Self {
        let last = milestones.last();
        let covered = last.map_or(0, |last| last.size.0);
        let uncovered = position.0.saturating_sub(covered);
        Self { agree: milestones.agreed(), of: milestones.total(), last, uncovered }
    }
}

impl PartitionReport {
    pub(super) fn new(
        partition: Partition,
        checked: Verified,
        checkpoints: Option<CheckpointsReport>,
        finding: Option<Finding>,
    ) -> Self {
        let in_order = finding.is_none();
        let (mut broken, mut disagrees, mut unreadable) = (None, None, None);
        match finding {
            Some(Finding::Link(link)) => broken = Some(link),
            Some(Finding::Checkpoint(disagreement)) => disagrees = Some(disagreement),
            other => unreadable = other.map(reason),
        }
        Self { partition, in_order, checked, checkpoints, broken, disagrees, unreadable }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.log)?;
        if let Some(tenant) = self.tenant {
            write!(f, ", tenant {tenant}")?;
        }
        write!(f, "\n{}", self.records)?;
        self.partitions.iter().try_for_each(|partition| write!(f, "\n{partition}"))
    }
}

impl fmt::Display for RecordsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.records == 0 && self.in_order {
            return write!(f, "audit records: none; `foodflow audit checkpoint` signs the first");
        }
        writeln!(f, "audit records: {}", verdict(self.in_order))?;
        let Self { records, checkpoints, .. } = self;
        write!(f, "  checked: {records} records, {checkpoints} checkpoints, {} keys", self.keys.len())?;
        if let Some(id) = self.id {
            write!(f, ", log {id}")?;
        }
        if let Some(key) = self.keys.last() {
            write!(f, "\n  key in force {key}")?;
        }
        write_trusted(f, &self.trusted)?;
        if let Some(unreadable) = &self.unreadable {
            write!(f, "\n  unreadable: {unreadable}")?;
        }
        let Some(broken) = &self.broken else { return Ok(()) };
        write!(f, "\n  first broken record: number {}", broken.number)?;
        if let (Some(partition), Some(size)) = (broken.partition, broken.size) {
            write!(f, ", checkpoint of partition {} at position {size}", partition.0)?;
        }
        write!(f, "\n    expected {}\n    found    {}", broken.expected, broken.found)
    }
}

impl fmt::Display for PartitionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "partition {}: {}", self.partition.0, verdict(self.in_order))?;
        let Verified { position, streams, commits, messages, events, root, .. } = &self.checked;
        writeln!(f, "  checked: {messages} messages, {events} events, {commits} commits, {streams} streams")?;
        if let Some(until) = self.checked.recorded_until {
            writeln!(f, "  up to position {position}, recorded {until}")?;
        }
        if self.checked.recorded_earlier > 0 {
            let earlier = self.checked.recorded_earlier;
            writeln!(
                f,
                "  {earlier} messages were recorded slightly before an earlier position: clocks of writers differ"
            )?;
        }
        write!(f, "  root {root}")?;
        if let Some(checkpoints) = &self.checkpoints {
            write!(f, "\n  {checkpoints}")?;
        }
        if let Some(unreadable) = &self.unreadable {
            write!(f, "\n  unreadable: {unreadable}")?;
        }
        if let Some(Disagreement { number, from, to, expected, found }) = &self.disagrees {
            write!(f, "\n  first checkpoint that does not agree: record {number}")?;
            write!(
                f,
                "\n    at fault positions {from} to {to}\n    expected {expected}\n    found    {found}"
            )?;
        }
        let Some(link) = &self.broken else { return Ok(()) };
        write!(f, "\n  first broken link: at position {}", link.position)?;
        write!(f, "\n    tenant   {}\n    stream   {}", link.tenant, link.stream)?;
        if let Some(event) = link.event {
            write!(f, "\n    event    {event}")?;
        }
        write!(f, "\n    expected {}\n    found    {}", link.expected, link.found)
    }
}

impl fmt::Display for CheckpointsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agree, of, uncovered, .. } = self;
        match self.last {
            Some(Milestone { number, size, .. }) => write!(
                f,
                "checkpoints: {agree} of {of} agree, the last one (record {number}) at position {size}; \
                 {uncovered} messages after it"
            ),
            None => write!(f, "checkpoints: {agree} of {of} agree; {uncovered} messages are not covered"),
        }
    }
}

fn reason(finding: Finding) -> String {
    match finding {
        Finding::Unreadable(reason) => reason,
        other => other.to_string(),
    }
}

/// With which keys those of the records were compared.
pub(super) fn write_trusted(f: &mut fmt::Formatter<'_>, trusted: &[KeyId]) -> fmt::Result {
    if trusted.is_empty() {
        return write!(f, "\n  compared with no key: name one with --key-id or --public-key");
    }
    trusted.iter().try_for_each(|key| write!(f, "\n  compared with key {key}"))
}

pub(super) fn verdict(in_order: bool) -> &'static str {
    if in_order { "in order" } else { "BROKEN" }
}
