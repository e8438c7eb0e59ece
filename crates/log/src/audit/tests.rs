//! A trail as it should be, and what an intruder might do to it.

use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;
use crate::envelope::PayloadHash;
use crate::event_log::{Partition, Position, StoredMessage};
use crate::hex::Hex;
use crate::merkle::{CompactRange, message_leaf};
use crate::verify::tests::Writer;

pub(super) const LOG: Uuid = Uuid::from_u128(77);

pub(super) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(super) fn leaf(message: &StoredMessage) -> Hex<32> {
    message_leaf(message, PayloadHash::of(&message.payload))
}

pub(super) fn tree(messages: &[StoredMessage]) -> CompactRange {
    let mut tree = CompactRange::new();
    messages.iter().for_each(|message| tree.append(leaf(message)));
    tree
}

/// Writes a correct trail, record by record.
#[derive(Default)]
pub(super) struct Auditor {
    pub(super) trail: Trail,
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) records: Vec<AuditRecord>,
}

impl Auditor {
    pub(super) fn key_statement(&self, introduced: &SigningKey, signer: &SigningKey) -> KeyStatement {
        KeyStatement {
            log: LOG,
            number: self.trail.next_number(),
            previous: self.trail.last_hash(),
            key: KeyId::of_signer(introduced),
            public_key: Hex(introduced.verifying_key().to_bytes()),
            previous_key: self.trail.keys().last_hash(),
            signed_at: self.now(),
            signed_by: KeyId::of_signer(signer),
        }
    }

    pub(super) fn checkpoint_statement(
        &self,
        messages: &[StoredMessage],
        signer: &SigningKey,
    ) -> CheckpointStatement {
        let tree = tree(messages);
        CheckpointStatement {
            log: LOG,
            number: self.trail.next_number(),
            previous: self.trail.last_hash(),
            partition: Partition(0),
            size: Position(tree.size()),
            root: tree.root(),
            last: leaf(messages.last().unwrap()),
            peaks: tree.peaks().to_vec(),
            recorded_until: Timestamp::UNIX_EPOCH,
            signed_at: self.now(),
            key: KeyId::of_signer(signer),
        }
    }

    /// An hour after the record before it.
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(self.trail.len() as i64)
    }

    pub(super) fn add(&mut self, record: AuditRecord) -> &mut Self {
        let line = record.line().unwrap();
        assert_eq!(self.trail.follow(&line).unwrap(), record);
        self.lines.push(line);
        self.records.push(record);
        self
    }

    pub(super) fn introduce(&mut self, introduced: &SigningKey, signer: &SigningKey) -> &mut Self {
        let statement = self.key_statement(introduced, signer);
        self.add(AuditRecord::Key(statement.sign(signer, introduced).unwrap()))
    }

    pub(super) fn cover(&mut self, messages: &[StoredMessage], signer: &SigningKey) -> &mut Self {
        let statement = self.checkpoint_statement(messages, signer);
        self.add(AuditRecord::Checkpoint(statement.sign(signer).unwrap()))
    }

    /// Key 1, a checkpoint up to 3, one up to 4; key 2, one up to 7.
    pub(super) fn of_plant() -> Self {
        let plant = Writer::plant();
        let mut auditor = Self::default();
        auditor.introduce(&key(1), &key(1)).cover(&plant[..3], &key(1)).cover(&plant[..4], &key(1));
        auditor.introduce(&key(2), &key(1)).cover(&plant, &key(2));
        auditor
    }
}

fn follow(lines: &[Vec<u8>]) -> Result<Trail, BrokenRecord> {
    let mut trail = Trail::default();
    lines.iter().try_for_each(|line| trail.follow(line).map(|_| ()))?;
    Ok(trail)
}

/// What is wrong with the trail of the plant, where a record signed as given comes at its end.
fn refused(record: AuditRecord) -> (u64, RecordRule, String) {
    let mut auditor = Auditor::of_plant();
    let broken = auditor.trail.follow(&record.line().unwrap()).unwrap_err();
    // It is as if it had never come.
    auditor.introduce(&key(3), &key(2));
    (broken.number, broken.rule, broken.to_string())
}

#[test]
fn a_trail_as_written_is_followed() {
    let trail = follow(&Auditor::of_plant().lines).unwrap();
    assert_eq!((trail.len(), trail.checkpoints(), trail.keys().log()), (5, 3, Some(LOG)));
    assert_eq!((trail.covered(Partition(0)), trail.covered(Partition(1))), (Position(7), Position(0)));
    assert_eq!(trail.keys().current().unwrap().statement.key, KeyId::of_signer(&key(2)));
    assert!(follow(&[]).unwrap().is_empty());
}

#[test]
fn a_flipped_bit_shows_in_any_record() {
    let auditor = Auditor::of_plant();
    for (index, line) in auditor.lines.iter().enumerate() {
        let before = follow(&auditor.lines[..index]).unwrap();
        for byte in 0..line.len() {
            let mut changed = line.clone();
            changed[byte] ^= 1 << (byte % 7);
            let broken = before.clone().follow(&changed).unwrap_err();
            assert_eq!(
                broken.number,
                if broken.rule == RecordRule::RecordForm { index as u64 + 1 } else { broken.number }
            );
        }
    }
}

#[test]
fn a_record_that_is_left_out_or_moved_shows() {
    let auditor = Auditor::of_plant();
    for index in 0..auditor.lines.len() - 1 {
        let mut lines = auditor.lines.clone();
        lines.remove(index);
        let broken = follow(&lines).unwrap_err();
        assert_eq!((broken.rule, broken.number), (RecordRule::RecordOrder, index as u64 + 2), "{broken}");
        let mut lines = auditor.lines.clone();
        lines.swap(index, index + 1);
        assert_eq!(follow(&lines).unwrap_err().rule, RecordRule::RecordOrder);
        let mut lines = auditor.lines.clone();
        lines.insert(index, lines[index].clone());
        assert_eq!(follow(&lines).unwrap_err().rule, RecordRule::RecordOrder);
    }
}

#[test]
fn a_checkpoint_of_another_key_is_forged() {
    let auditor = Auditor::of_plant();
    let mut writer = Writer::default();
    writer.messages = Writer::plant();
    writer.commit(crate::verify::tests::TENANT, &[(12, 1)]);
    let statement = |signer: u8| auditor.checkpoint_statement(&writer.messages, &key(signer));
    let good = statement(2).sign(&key(2)).unwrap();
    let (of_stranger, of_retired) = (statement(9).sign(&key(9)), statement(1).sign(&key(1)));
    let mut altered = good.clone();
    altered.statement.last.0[0] ^= 1;
    let in_anothers_name = statement(2).sign(&key(9));
    let cases = [
        (of_stranger.unwrap(), RecordRule::RecordKey, "which no record introduces"),
        (of_retired.unwrap(), RecordRule::RecordKey, "in force from record 1 until record 4"),
        (in_anothers_name.unwrap(), RecordRule::RecordSignature, "which is not"),
        (altered, RecordRule::RecordSignature, "which is not"),
    ];
    for (checkpoint, rule, why) in cases {
        let (number, found, text) = refused(AuditRecord::Checkpoint(checkpoint));
        assert_eq!((number, found), (6, rule), "{text}");
        assert!(text.contains(why) && text.contains("checkpoint of partition 0 at position 8"), "{text}");
    }
    assert!(Auditor::of_plant().trail.follow(&AuditRecord::Checkpoint(good).line().unwrap()).is_ok());
}

#[test]
fn a_checkpoint_says_nothing_that_does_not_agree() {
    type Change = fn(&mut CheckpointStatement);
    let auditor = Auditor::of_plant();
    let mut more = Writer::default();
    more.messages = Writer::plant();
    more.commit(crate::verify::tests::TENANT, &[(12, 1)]);
    let cases: [(Change, RecordRule); 9] = [
        (|one| one.root = Hex([5; 32]), RecordRule::Checkpoint),
        (|one| one.size = Position(9), RecordRule::Checkpoint),
        (|one| one.peaks = Vec::new(), RecordRule::Checkpoint),
        (|one| one.recorded_until = Timestamp::MIN, RecordRule::Checkpoint),
        (|one| one.signed_at = Timestamp::UNIX_EPOCH, RecordRule::RecordTime),
        (|one| one.number = 7, RecordRule::RecordOrder),
        (|one| one.previous = Hex([5; 32]), RecordRule::RecordChain),
        (|one| one.log = Uuid::nil(), RecordRule::RecordOrder),
        (|one| one.key = KeyId(Hex([5; 32])), RecordRule::RecordKey),
    ];
    for (number, (change, rule)) in cases.into_iter().enumerate() {
        let mut statement = auditor.checkpoint_statement(&more.messages, &key(2));
        change(&mut statement);
        let (_, found, text) = refused(AuditRecord::Checkpoint(statement.sign(&key(2)).unwrap()));
        assert_eq!(found, rule, "change {number}: {text}");
    }
    // Nothing new, and less than before.
    for size in [7, 4] {
        let statement = auditor.checkpoint_statement(&Writer::plant()[..size], &key(2));
        let (_, found, text) = refused(AuditRecord::Checkpoint(statement.sign(&key(2)).unwrap()));
        assert_eq!(found, RecordRule::Checkpoint, "{text}");
    }
}

#[test]
fn a_key_comes_in_by_the_one_before_it() {
    let auditor = Auditor::of_plant();
    let stranger = auditor.key_statement(&key(9), &key(9)).sign(&key(9), &key(9)).unwrap();
    let by_retired = auditor.key_statement(&key(9), &key(1)).sign(&key(1), &key(9)).unwrap();
    let in_anothers_name = auditor.key_statement(&key(9), &key(2)).sign(&key(9), &key(9)).unwrap();
    let not_accepted = auditor.key_statement(&key(9), &key(2)).sign(&key(2), &key(2)).unwrap();
    let again = auditor.key_statement(&key(1), &key(2)).sign(&key(2), &key(1)).unwrap();
    let mut of_other_key = auditor.key_statement(&key(9), &key(2));
    of_other_key.public_key = Hex(key(8).verifying_key().to_bytes());
    let mut of_other_chain = auditor.key_statement(&key(9), &key(2));
    of_other_chain.previous_key = Hex([5; 32]);
    let cases = [
        (stranger, RecordRule::RecordKey),
        (by_retired, RecordRule::RecordKey),
        (in_anothers_name, RecordRule::RecordSignature),
        (not_accepted, RecordRule::RecordSignature),
        (again, RecordRule::RecordKey),
        (of_other_key.sign(&key(2), &key(9)).unwrap(), RecordRule::RecordKey),
        (of_other_chain.sign(&key(2), &key(9)).unwrap(), RecordRule::RecordChain),
    ];
    for (number, (record, rule)) in cases.into_iter().enumerate() {
        let (_, found, text) = refused(AuditRecord::Key(record));
        assert_eq!(found, rule, "case {number}: {text}");
    }
    // A checkpoint before any key.
    let statement = Auditor::default().checkpoint_statement(&Writer::plant(), &key(1));
    let line = AuditRecord::Checkpoint(statement.sign(&key(1)).unwrap()).line().unwrap();
    assert_eq!(Trail::default().follow(&line).unwrap_err().rule, RecordRule::RecordKey);
}

#[test]
fn trust_in_one_key_is_trust_in_the_chain() {
    let trail = Auditor::of_plant().trail;
    let ids = [1, 2, 9].map(|number| KeyId::of_signer(&key(number)));
    for trusted in [&ids[..0], &ids[..1], &ids[1..2], &ids[1..]] {
        trail.keys().check_trusted(trusted).unwrap();
    }
    let broken = trail.keys().check_trusted(&ids[2..]).unwrap_err();
    assert_eq!(broken.rule, RecordRule::Trust);
    assert!(broken.found.contains(&ids[1].to_string()), "{broken}");
    assert!(KeyChain::default().check_trusted(&ids[2..]).is_err());
}

#[test]
fn a_public_key_goes_out_and_in_as_pem() {
    let pem = keys::public_key_pem(Hex(key(1).verifying_key().to_bytes())).unwrap();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    assert_eq!(KeyId::of_pem(&pem), Ok(KeyId::of_signer(&key(1))));
    assert!(KeyId::of_pem("no key").is_err());
}

/// Walks `messages` and compares them with the checkpoints of the plant.
fn compare(messages: &[StoredMessage]) -> Result<Milestones, Disagreement> {
    let auditor = Auditor::of_plant();
    let mut milestones = auditor.trail.milestones(Partition(0), Position(7));
    let mut tree = CompactRange::new();
    for message in messages {
        tree.append(leaf(message));
        milestones.compare(&tree).map_err(|mut disagreement| {
            let record = &auditor.records[disagreement.number as usize - 1];
            let AuditRecord::Checkpoint(checkpoint) = record else { unreachable!("it is one") };
            disagreement.narrow(checkpoint, &tree);
            disagreement
        })?;
    }
    milestones.end(Position(tree.size()))?;
    Ok(milestones)
}

#[test]
fn a_partition_agrees_with_its_checkpoints_or_the_place_is_told() {
    let plant = Writer::plant();
    let agreed = compare(&plant).unwrap();
    assert_eq!((agreed.agreed(), agreed.last().unwrap().number), (3, 5));
    // A changed message; the checkpoint that tells it, and where: the last one is of 4 + 2 + 1 leaves.
    let cases =
        [(1, 2, 1, 2), (2, 2, 1, 2), (3, 2, 3, 3), (4, 3, 4, 4), (5, 5, 5, 6), (6, 5, 5, 6), (7, 5, 7, 7)];
    for (changed, number, from, to) in cases {
        let mut messages = plant.clone();
        messages[changed - 1].payload = b"[]".as_slice().into();
        let found = compare(&messages).unwrap_err();
        assert_eq!((found.number, found.from, found.to), (number, Position(from), Position(to)), "{found}");
    }
    let mut swapped = plant.clone();
    swapped.swap(4, 5);
    assert_eq!(compare(&swapped).unwrap_err().number, 5);
    let cut = compare(&plant[..6]).unwrap_err();
    assert_eq!((cut.number, cut.from, cut.to), (5, Position(7), Position(7)), "{cut}");
    assert!(cut.found.contains("the end of the partition at position 6"), "{cut}");
}

#[test]
fn a_part_of_a_partition_meets_the_checkpoints_up_to_there() {
    let trail = Auditor::of_plant().trail;
    let mut milestones = trail.milestones(Partition(0), Position(5));
    let plant = Writer::plant();
    for size in 1..=5 {
        milestones.compare(&tree(&plant[..size])).unwrap();
    }
    milestones.end(Position(5)).unwrap();
    assert_eq!(milestones.agreed(), 2);
}

#[test]
fn what_is_known_must_still_be_there() {
    let auditor = Auditor::of_plant();
    let mut known = KnownRecords::default();
    assert!(known.take(&auditor.lines[2]).unwrap() && known.take(&auditor.lines[4]).unwrap());
    assert!(!known.take(br#"{"format":"foodflow-audit-bundle/1"}"#).unwrap());
    assert!(known.take(b"{}").is_err() && known.take(b"").is_err());
    let check = |records: &[AuditRecord]| {
        records.iter().try_for_each(|record| known.check(record, &record.line().unwrap()))?;
        known.check_end(records.len() as u64)
    };
    check(&auditor.records).unwrap();
    let cut = check(&auditor.records[..4]).unwrap_err();
    assert_eq!((cut.rule, cut.number, cut.size), (RecordRule::Known, 5, Some(Position(7))), "{cut}");

    // The same history under keys of somebody else, complete and without a fault in itself.
    let plant = Writer::plant();
    let mut forged = Auditor::default();
    forged.introduce(&key(9), &key(9)).cover(&plant[..3], &key(9)).cover(&plant[..4], &key(9));
    forged.introduce(&key(8), &key(9)).cover(&plant, &key(8));
    let broken = check(&forged.records).unwrap_err();
    assert_eq!((broken.rule, broken.number), (RecordRule::Known, 3), "{broken}");
    assert!(known.take(&forged.lines[2]).unwrap_err().contains("another record with the number 3"));
}
