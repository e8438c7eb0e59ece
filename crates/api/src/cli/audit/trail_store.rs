//! Where the audit records are: among the records beside the log, each under its number.
//!
//! A record is only ever added under a number that is free, so that of two that are written at once one wins, and
//! the other is made again after it.

use bytes::Bytes;
use foodflow_log::audit::{AuditRecord, BrokenRecord, Checkpoint, KnownRecords, RecordRule, Trail};
use foodflow_log::records::LISTED_RECORDS_MAX;
use foodflow_log::{Expected, LogError, RecordError, RecordKey, RecordKind, Records};

use super::finding::{Finding, WalkError};

/// Records of one group, which is listed at once: a store may have to look through all keys for one list.
const GROUP: u64 = LISTED_RECORDS_MAX as u64;

/// The audit records of a log.
pub(super) struct TrailStore<'a>(pub(super) &'a dyn Records);

impl TrailStore<'_> {
    /// Follows `trail` on to its end; `each` sees every record, as it is written.
    ///
    /// # Errors
    /// [`WalkError::Found`] for the first record that is not the one that comes next, also where `each` finds it.
    pub(super) async fn follow(
        &self,
        trail: &mut Trail,
        mut each: impl FnMut(&AuditRecord, &[u8]) -> Result<(), WalkError>,
    ) -> Result<(), WalkError> {
        loop {
            let number = trail.next_number();
            let before = key(number - 1)?;
            let after = (!number.is_multiple_of(GROUP)).then_some(&before);
            let listed = self.0.list(RecordKind::Checkpoint, &group(number), after, LISTED_RECORDS_MAX).await;
            let listed = listed.map_err(record_error)?;
            if listed.is_empty() {
                return Ok(());
            }
            for record in listed {
                let expected = key(trail.next_number())?;
                if record.key != expected {
                    return Err(misplaced(trail, &expected, &record.key));
                }
                let followed = trail.follow(&record.value).map_err(Finding::Record)?;
                each(&followed, &record.value)?;
            }
        }
    }

    /// Checks that there is nothing after the end of `trail`, and that all that is `known` was in it.
    ///
    /// # Errors
    /// [`WalkError::Found`] where there is.
    pub(super) async fn check_end(&self, trail: &Trail, known: &KnownRecords) -> Result<(), WalkError> {
        let last = key(trail.len())?;
        let after = (!trail.is_empty()).then_some(&last);
        let beyond = self.0.list(RecordKind::Checkpoint, "", after, 1).await.map_err(record_error)?;
        if let Some(record) = beyond.first() {
            return Err(misplaced(trail, &key(trail.next_number())?, &record.key));
        }
        known.check_end(trail.len()).map_err(|broken| Finding::Record(broken).into())
    }

    /// The checkpoint with this number, where there is one.
    ///
    /// # Errors
    /// [`WalkError`] where the store does not answer.
    pub(super) async fn checkpoint(&self, number: u64) -> Result<Option<Checkpoint>, WalkError> {
        let found = self.0.get(RecordKind::Checkpoint, &key(number)?).await.map_err(record_error)?;
        match found.and_then(|found| AuditRecord::parse(&found.value).ok()) {
            Some(AuditRecord::Checkpoint(checkpoint)) => Ok(Some(checkpoint)),
            _ => Ok(None),
        }
    }

    /// Adds `record`, which follows from `trail`, and follows it; false where another was faster.
    ///
    /// # Errors
    /// [`WalkError`] where the store does not answer: the record may stand or not.
    pub(super) async fn add(&self, trail: &mut Trail, record: &AuditRecord) -> Result<bool, WalkError> {
        let line = record.line().map_err(unwritable)?;
        // Checked before it is written: what stands once stands for good.
        let mut next = trail.clone();
        next.follow(&line).map_err(Finding::Record)?;
        let key = key(record.number())?;
        let put = self.0.put(RecordKind::Checkpoint, &key, Bytes::from(line), Expected::New).await;
        match put {
            Ok(_) => {
                *trail = next;
                Ok(true)
            }
            Err(RecordError::Conflict { .. }) => Ok(false),
            Err(error) => Err(record_error(error)),
        }
    }
}

fn misplaced(trail: &Trail, expected: &RecordKey, found: &RecordKey) -> WalkError {
    Finding::Record(BrokenRecord {
        rule: RecordRule::RecordOrder,
        number: trail.next_number(),
        partition: None,
        size: None,
        expected: format!("it under the key {expected}"),
        found: format!("none; the next record stands under {found}"),
    })
    .into()
}

/// What the keys of a group begin with.
fn group(number: u64) -> String {
    format!("{:013}.", number / GROUP)
}

fn key(number: u64) -> Result<RecordKey, LogError> {
    RecordKey::new(format!("{}{:03}", group(number), number % GROUP))
        .map_err(|error| LogError::Configuration { reason: error.to_string() })
}

fn record_error(error: RecordError) -> WalkError {
    match error {
        RecordError::Log(error) => error.into(),
        other => LogError::Unavailable { reason: other.to_string() }.into(),
    }
}

fn unwritable(error: serde_json::Error) -> WalkError {
    LogError::Configuration { reason: format!("an audit record cannot be written: {error}") }.into()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use foodflow_log::audit::{CheckpointStatement, KeyId, KeyStatement};
    use foodflow_log::hex::Hex;
    use foodflow_log::memory::MemoryLog;
    use foodflow_log::merkle::CompactRange;
    use foodflow_log::merkle::hash::leaf_hash;
    use foodflow_log::{EventLog as _, Partition, Position, SharedRecords};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn signer() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn first() -> AuditRecord {
        let key = KeyId::of_signer(&signer());
        let statement = KeyStatement {
            log: Uuid::nil(),
            number: 1,
            previous: Hex::ZERO,
            key,
            public_key: Hex(signer().verifying_key().to_bytes()),
            previous_key: Hex::ZERO,
            signed_at: Timestamp::UNIX_EPOCH,
            signed_by: key,
        };
        AuditRecord::Key(statement.sign(&signer(), &signer()).unwrap())
    }

    fn next(trail: &Trail, tree: &CompactRange) -> AuditRecord {
        let statement = CheckpointStatement {
            log: Uuid::nil(),
            number: trail.next_number(),
            previous: trail.last_hash(),
            partition: Partition(0),
            size: Position(tree.size()),
            root: tree.root(),
            last: leaf_hash(b"message"),
            peaks: tree.peaks().to_vec(),
            recorded_until: Timestamp::UNIX_EPOCH,
            signed_at: Timestamp::UNIX_EPOCH,
            key: KeyId::of_signer(&signer()),
        };
        AuditRecord::Checkpoint(statement.sign(&signer()).unwrap())
    }

    /// A trail that fills one group and begins the next.
    async fn written() -> (SharedRecords, Trail) {
        let (records, mut trail, mut tree) =
            (MemoryLog::new(1).records(), Trail::default(), CompactRange::new());
        let store = TrailStore(&*records);
        assert!(store.add(&mut trail, &first()).await.unwrap());
        while trail.len() < GROUP + 2 {
            tree.append(leaf_hash(b"message"));
            let record = next(&trail, &tree);
            assert!(store.add(&mut trail, &record).await.unwrap());
        }
        (records, trail)
    }

    async fn read(records: &SharedRecords) -> Result<Trail, WalkError> {
        let (store, mut trail) = (TrailStore(&**records), Trail::default());
        store.follow(&mut trail, |_, _| Ok(())).await?;
        store.check_end(&trail, &KnownRecords::default()).await?;
        Ok(trail)
    }

    #[tokio::test]
    async fn a_long_trail_is_read_whole_and_read_on() {
        let (records, trail) = written().await;
        let found = read(&records).await.unwrap();
        assert_eq!((found.len(), found.last_hash()), (GROUP + 2, trail.last_hash()));
        let store = TrailStore(&*records);
        let (mut behind, mut seen) = (Trail::default(), 0);
        for size in [1, GROUP - 1, GROUP, GROUP + 1] {
            while behind.len() < size {
                let line = records.get(RecordKind::Checkpoint, &key(behind.next_number()).unwrap()).await;
                behind.follow(&line.unwrap().unwrap().value).unwrap();
            }
            let mut trail = behind.clone();
            let each = |_: &_, _: &[u8]| {
                seen += 1;
                Ok(())
            };
            store.follow(&mut trail, each).await.unwrap();
            assert_eq!((trail.len(), seen), (GROUP + 2, GROUP + 2 - size));
            seen = 0;
        }
        let found = store.checkpoint(GROUP).await.unwrap().unwrap();
        assert_eq!(found.statement.number, GROUP);
        assert!(store.checkpoint(1).await.unwrap().is_none(), "a key");
        assert!(store.checkpoint(GROUP + 3).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_gap_shows_wherever_it_is() {
        let (records, trail) = written().await;
        for number in [1, 500, GROUP - 1, GROUP, GROUP + 1] {
            let key = key(number).unwrap();
            let gone = records.get(RecordKind::Checkpoint, &key).await.unwrap().unwrap();
            records.delete(RecordKind::Checkpoint, &key, Expected::Any).await.unwrap();
            match read(&records).await {
                Err(WalkError::Found(Finding::Record(broken))) => {
                    assert_eq!(broken.number, number, "{broken}")
                }
                other => panic!("without record {number}: {other:?}"),
            }
            records.put(RecordKind::Checkpoint, &key, gone.value, Expected::New).await.unwrap();
        }
        assert_eq!(read(&records).await.unwrap().last_hash(), trail.last_hash());
    }

    #[tokio::test]
    async fn of_two_records_one_is_added() {
        let records = MemoryLog::new(1).records();
        let (store, mut mine, mut other) = (TrailStore(&*records), Trail::default(), Trail::default());
        assert!(store.add(&mut mine, &first()).await.unwrap());
        assert!(!store.add(&mut other, &first()).await.unwrap());
        assert_eq!((mine.len(), other.len()), (1, 0));
        store.follow(&mut other, |_, _| Ok(())).await.unwrap();
        // One that does not follow is not written at all.
        assert!(store.add(&mut other, &first()).await.is_err());
        assert!(records.get(RecordKind::Checkpoint, &key(2).unwrap()).await.unwrap().is_none());
    }
}
