//! Long trails, gaps, and two who write at once.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::audit::{CheckpointStatement, KeyId, KeyStatement};
use crate::hex::Hex;
use crate::memory::MemoryLog;
use crate::merkle::CompactRange;
use crate::merkle::hash::leaf_hash;
use crate::{EventLog as _, Partition, Position, SharedRecords};

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
    let (records, mut trail, mut tree) = (MemoryLog::new(1).records(), Trail::default(), CompactRange::new());
    let store = TrailStore(&*records);
    assert!(store.add(&mut trail, &first()).await.unwrap());
    while trail.len() < GROUP + 2 {
        tree.append(leaf_hash(b"message"));
        let record = next(&trail, &tree);
        assert!(store.add(&mut trail, &record).await.unwrap());
    }
    (records, trail)
}

async fn read(records: &SharedRecords) -> Result<Trail, TrailError> {
    let (store, mut trail) = (TrailStore(&**records), Trail::default());
    store.follow(&mut trail, |_, _| Ok::<_, TrailError>(())).await?;
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
            Ok::<_, TrailError>(())
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
            Err(TrailError::Broken(broken)) => {
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
    store.follow(&mut other, |_, _| Ok::<_, TrailError>(())).await.unwrap();
    // One that does not follow is not written at all.
    assert!(store.add(&mut other, &first()).await.is_err());
    assert!(records.get(RecordKind::Checkpoint, &key(2).unwrap()).await.unwrap().is_none());
}
