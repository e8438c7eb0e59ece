//! Records that an auditor has kept elsewhere: a trail, or a bundle, must still agree with them.
//!
//! They are what tells a trail that was replaced as a whole, or cut off at its end with the log.

use std::collections::BTreeMap;

use super::broken_record::{BrokenRecord, Named as _, RecordRule};
use super::record::{AuditRecord, RecordHash};
use crate::event_log::Partition;

/// Records of one log, by their number.
#[derive(Debug, Clone, Default)]
pub struct KnownRecords {
    records: BTreeMap<u64, (AuditRecord, RecordHash)>,
}

impl KnownRecords {
    /// Takes a line of a file of records, or of a bundle; lines of a bundle that are no records are passed over.
    /// True where it is a record.
    ///
    /// # Errors
    /// What the line is, where it cannot be kept beside those before it.
    pub fn take(&mut self, line: &[u8]) -> Result<bool, String> {
        let is_other = !line.starts_with(br#"{"format":"foodflow-audit-key/"#)
            && !line.starts_with(br#"{"format":"foodflow-audit-checkpoint/"#);
        if is_other && line.starts_with(br#"{"format":"foodflow-audit-"#) {
            return Ok(false);
        }
        let record = AuditRecord::parse(line)?;
        let (number, hash) = (record.number(), AuditRecord::hash(line));
        if let Some((first, _)) =
            self.records.values().next().filter(|(first, _)| first.log() != record.log())
        {
            return Err(format!("a record of log {}, after one of log {}", record.log(), first.log()));
        }
        match self.records.insert(number, (record, hash)) {
            Some((_, other)) if other != hash => Err(format!("another record with the number {number}")),
            _ => Ok(true),
        }
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Checks that `record`, which is written as `line`, is the one that is known under its number, if any.
    ///
    /// # Errors
    /// [`BrokenRecord`] where it is another.
    pub fn check(&self, record: &AuditRecord, line: &[u8]) -> Result<(), BrokenRecord> {
        let found = AuditRecord::hash(line);
        match self.records.get(&record.number()) {
            Some((_, known)) if *known != found => {
                let expected = format!("the known record, with SHA-256 {known}");
                Err(record.broken(RecordRule::Known, expected, format!("one with SHA-256 {found}")))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a trail of `records` records holds all of them.
    ///
    /// # Errors
    /// [`BrokenRecord`] names the first that is missing.
    pub fn check_end(&self, records: u64) -> Result<(), BrokenRecord> {
        let Some((_, (record, hash))) = self.records.range(records.saturating_add(1)..).next() else {
            return Ok(());
        };
        let found = format!("the end of the trail, after record {records}");
        Err(record.broken(RecordRule::Known, format!("the known record, with SHA-256 {hash}"), found))
    }

    /// The first checkpoint of `partition` that is not among the records with these numbers.
    #[must_use]
    pub fn first_unproven(&self, partition: Partition, proven: &[u64]) -> Option<&AuditRecord> {
        self.records.values().map(|(record, _)| record).find(|record| {
            matches!(record, AuditRecord::Checkpoint(one) if one.statement.partition == partition)
                && !proven.contains(&record.number())
        })
    }
}
