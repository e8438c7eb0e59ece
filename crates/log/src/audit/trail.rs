//! The records of a log in their order, each checked against those before it.
//!
//! Memory: the key records, one checkpoint for each partition, and 80 bytes for each checkpoint that was followed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::broken_record::{BrokenRecord, Named as _, RecordRule};
use super::keys::{KeyChain, same};
use super::milestones::{Milestone, Milestones};
use super::record::{AuditRecord, Checkpoint, RecordHash};
use crate::event_log::{Partition, Position};

/// The records of a log, as far as they were followed.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    records: u64,
    last: RecordHash,
    signed_at: Option<Timestamp>,
    keys: KeyChain,
    partitions: BTreeMap<Partition, Covered>,
}

/// The checkpoints of one partition.
#[derive(Debug, Clone)]
struct Covered {
    last: Checkpoint,
    milestones: Vec<Milestone>,
}

impl Trail {
    /// Follows the trail by the record that is written as `line`.
    ///
    /// # Errors
    /// [`BrokenRecord`] where it is not the record that comes next; nothing changes then.
    pub fn follow(&mut self, line: &[u8]) -> Result<AuditRecord, BrokenRecord> {
        let number = self.next_number();
        let record = AuditRecord::parse(line).map_err(|found| {
            BrokenRecord::at(RecordRule::RecordForm, number, "a key record or a checkpoint", found)
        })?;
        same(&record, RecordRule::RecordOrder, "number", &number, &record.number())?;
        same(&record, RecordRule::RecordChain, "previous", &self.last, &record.previous())?;
        if let Some(earliest) = self.signed_at.filter(|earliest| record.signed_at() < *earliest) {
            let expected = format!("signed_at {earliest} or later");
            return Err(record.broken(RecordRule::RecordTime, expected, record.signed_at()));
        }
        let hash = AuditRecord::hash(line);
        match &record {
            AuditRecord::Key(key) => self.keys.enroll(key, hash)?,
            AuditRecord::Checkpoint(checkpoint) => self.cover(checkpoint)?,
        }
        (self.records, self.last, self.signed_at) = (number, hash, Some(record.signed_at()));
        Ok(record)
    }

    fn cover(&mut self, checkpoint: &Checkpoint) -> Result<(), BrokenRecord> {
        self.keys.check(checkpoint)?;
        let statement = &checkpoint.statement;
        let before = self.partitions.get(&statement.partition).map(|covered| &covered.last.statement);
        if let Some(before) = before.filter(|before| statement.size <= before.size) {
            let expected = format!("a size above {}, that of record {}", before.size, before.number);
            return Err(checkpoint.broken(RecordRule::Checkpoint, expected, statement.size));
        }
        if let Some(before) = before.filter(|before| statement.recorded_until < before.recorded_until) {
            let expected = format!("recorded_until {} or later", before.recorded_until);
            return Err(checkpoint.broken(RecordRule::Checkpoint, expected, statement.recorded_until));
        }
        let milestone = Milestone { number: statement.number, size: statement.size, root: statement.root };
        let covered = self
            .partitions
            .entry(statement.partition)
            .or_insert_with(|| Covered { last: checkpoint.clone(), milestones: Vec::new() });
        covered.milestones.push(milestone);
        covered.last = checkpoint.clone();
        Ok(())
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.records
    }

    /// True where there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Number of the record that comes next.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.records + 1
    }

    /// Hash of the last record; all zero where there is none.
    #[must_use]
    pub fn last_hash(&self) -> RecordHash {
        self.last
    }

    /// The earliest time at which the next record may be signed, given what the clock shows.
    #[must_use]
    pub fn signing_time(&self, now: Timestamp) -> Timestamp {
        self.signed_at.map_or(now, |earliest| earliest.max(now))
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &KeyChain {
        &self.keys
    }

    /// The last checkpoint of a partition.
    #[must_use]
    pub fn last_checkpoint(&self, partition: Partition) -> Option<&Checkpoint> {
        self.partitions.get(&partition).map(|covered| &covered.last)
    }

    /// The position up to which a partition is covered; 0 where there is no checkpoint.
    #[must_use]
    pub fn covered(&self, partition: Partition) -> Position {
        self.last_checkpoint(partition).map_or(Position(0), |checkpoint| checkpoint.statement.size)
    }

    /// Number of checkpoints, of all partitions.
    #[must_use]
    pub fn checkpoints(&self) -> u64 {
        self.records - self.keys.records().len() as u64
    }

    /// What a walk over a partition up to `end` must meet.
    #[must_use]
    pub fn milestones(&self, partition: Partition, end: Position) -> Milestones {
        let all = self.partitions.get(&partition).map_or(&[][..], |covered| &covered.milestones);
        Milestones::new(all.iter().take_while(|milestone| milestone.size <= end).copied())
    }
}
