//! Where the audit records are: among the records beside the log, each under its number.
//!
//! A record is only ever added under a number that is free, so that of two that are written at once one wins, and
//! the other is made again after it.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::broken_record::{BrokenRecord, RecordRule};
use super::known::KnownRecords;
use super::record::{AuditRecord, Checkpoint};
use super::trail::Trail;
use crate::event_log::LogError;
use crate::records::{Expected, LISTED_RECORDS_MAX, Record, RecordError, RecordKey, RecordKind, Records};

/// Records of one group, which is listed at once: a store may have to look through all keys for one list.
const GROUP: u64 = LISTED_RECORDS_MAX as u64;

/// The audit records of a log.
pub struct TrailStore<'a>(pub &'a dyn Records);

/// Why a trail is not read on, or not added to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrailError {
    /// It is not what was signed.
    #[error(transparent)]
    Broken(BrokenRecord),
    /// The store does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl TrailStore<'_> {
    /// Follows `trail` on to its end; `each` sees every record, as it is written.
    ///
    /// # Errors
    /// [`TrailError::Broken`] for the first record that is not the one that comes next; what `each` says.
    pub async fn follow<E: From<TrailError>>(
        &self,
        trail: &mut Trail,
        mut each: impl FnMut(&AuditRecord, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let listed = self.next(trail).await?;
            if listed.is_empty() {
                return Ok(());
            }
            for record in listed {
                let followed = take(trail, &record)?;
                each(&followed, &record.value)?;
            }
        }
    }

    /// Some records behind the end of `trail`, to be taken one by one with [`take`]; none where there are no more.
    pub(crate) async fn next(&self, trail: &Trail) -> Result<Vec<Record>, TrailError> {
        let number = trail.next_number();
        let before = key(number - 1)?;
        let after = (!number.is_multiple_of(GROUP)).then_some(&before);
        let listed = self.0.list(RecordKind::Checkpoint, &group(number), after, LISTED_RECORDS_MAX).await;
        listed.map_err(record_error)
    }

    /// Checks that there is nothing after the end of `trail`, and that all that is `known` was in it.
    ///
    /// # Errors
    /// [`TrailError::Broken`] where there is.
    pub async fn check_end(&self, trail: &Trail, known: &KnownRecords) -> Result<(), TrailError> {
        let last = key(trail.len())?;
        let after = (!trail.is_empty()).then_some(&last);
        let beyond = self.0.list(RecordKind::Checkpoint, "", after, 1).await.map_err(record_error)?;
        if let Some(record) = beyond.first() {
            return Err(misplaced(trail, &key(trail.next_number())?, &record.key));
        }
        known.check_end(trail.len()).map_err(TrailError::Broken)
    }

    /// The checkpoint with this number, where there is one.
    ///
    /// # Errors
    /// [`TrailError::Log`] where the store does not answer.
    pub async fn checkpoint(&self, number: u64) -> Result<Option<Checkpoint>, TrailError> {
        let found = self.0.get(RecordKind::Checkpoint, &key(number)?).await.map_err(record_error)?;
        match found.and_then(|found| AuditRecord::parse(&found.value).ok()) {
            Some(AuditRecord::Checkpoint(checkpoint)) => Ok(Some(checkpoint)),
            _ => Ok(None),
        }
    }

    /// Adds `record`, which follows from `trail`, and follows it; false where another was faster.
    ///
    /// # Errors
    /// [`TrailError::Log`] where the store does not answer: the record may stand or not.
    pub async fn add(&self, trail: &mut Trail, record: &AuditRecord) -> Result<bool, TrailError> {
        let line = record.line().map_err(unwritable)?;
        // Checked before it is written: what stands once stands for good.
        let mut next = trail.clone();
        next.follow(&line).map_err(TrailError::Broken)?;
        let is_added = self.put(record.number(), Bytes::from(line)).await?;
        if is_added {
            *trail = next;
        }
        Ok(is_added)
    }

    /// Writes a record under its number, as it is; false where another stands there.
    pub(crate) async fn put(&self, number: u64, line: Bytes) -> Result<bool, TrailError> {
        let key = key(number)?;
        match self.0.put(RecordKind::Checkpoint, &key, line, Expected::New).await {
            Ok(_) => Ok(true),
            Err(RecordError::Conflict { .. }) => Ok(false),
            Err(error) => Err(record_error(error)),
        }
    }
}

/// Follows `trail` by a record of [`TrailStore::next`].
pub(crate) fn take(trail: &mut Trail, record: &Record) -> Result<AuditRecord, TrailError> {
    let expected = key(trail.next_number())?;
    if record.key != expected {
        return Err(misplaced(trail, &expected, &record.key));
    }
    trail.follow(&record.value).map_err(TrailError::Broken)
}

fn misplaced(trail: &Trail, expected: &RecordKey, found: &RecordKey) -> TrailError {
    TrailError::Broken(BrokenRecord {
        rule: RecordRule::RecordOrder,
        number: trail.next_number(),
        partition: None,
        size: None,
        expected: format!("it under the key {expected}"),
        found: format!("none; the next record stands under {found}"),
    })
}

/// What the keys of a group begin with.
fn group(number: u64) -> String {
    format!("{:013}.", number / GROUP)
}

fn key(number: u64) -> Result<RecordKey, LogError> {
    RecordKey::new(format!("{}{:03}", group(number), number % GROUP))
        .map_err(|error| LogError::Configuration { reason: error.to_string() })
}

fn record_error(error: RecordError) -> TrailError {
    match error {
        RecordError::Log(error) => error.into(),
        other => LogError::Unavailable { reason: other.to_string() }.into(),
    }
}

fn unwritable(error: serde_json::Error) -> TrailError {
    LogError::Configuration { reason: format!("an audit record cannot be written: {error}") }.into()
}
