//! Checks a bundle, one line at a time, in memory that grows with the number of its streams alone.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::broken_bundle::{BrokenBundle, LinesRule};
use super::lines::{
    BundleHeader, BundleLine, BundleScope, Consistency, ProvenMessage, SEAL_FORMAT, Seal, SealStatement,
};
use crate::audit::broken_record::{BrokenRecord, Named, RecordRule};
use crate::audit::keys::{KeyChain, KeyId};
use crate::audit::known::KnownRecords;
use crate::audit::record::{AuditRecord, CheckpointStatement, signed_bytes};
use crate::envelope::PayloadHash;
use crate::event_log::{Partition, Position};
use crate::hex::Hex;
use crate::merkle::message_leaf;
use crate::merkle::proof::{is_extension, is_included};
use crate::verify::ChainVerifier;

/// What a bundle was found to prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleVerified {
    /// The log.
    pub log: Uuid,
    /// The partition.
    pub partition: Partition,
    /// Which messages.
    pub scope: BundleScope,
    /// When it was exported.
    pub exported_at: Timestamp,
    /// Number of the checkpoint that covers them.
    pub checkpoint: u64,
    /// Last position that the checkpoint covers.
    pub size: Position,
    /// When the checkpoint was signed.
    pub signed_at: Timestamp,
    /// The keys, the first one first.
    pub keys: Vec<KeyId>,
    /// Number of streams whose chains were followed.
    pub streams: u64,
    /// Number of commits.
    pub commits: u64,
    /// Number of messages.
    pub messages: u64,
    /// Number of events.
    pub events: u64,
}

/// Checks the lines of a bundle.
#[derive(Debug, Clone)]
pub struct BundleVerifier {
    trusted: Vec<KeyId>,
    known: KnownRecords,
    digest: Sha256,
    line: u64,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Start,
    Records(Box<Records>),
    Messages(Box<Messages>),
    Sealed(Box<BundleVerified>),
    /// A line was refused.
    Broken,
}

/// Before the messages.
#[derive(Debug, Clone)]
struct Records {
    header: BundleHeader,
    keys: KeyChain,
    last: u64,
    checkpoints: Vec<CheckpointStatement>,
    /// Numbers of earlier checkpoints which the one that covers is proven to extend.
    extended: Vec<u64>,
}

/// From the first message on.
#[derive(Debug, Clone)]
struct Messages {
    header: BundleHeader,
    keys: KeyChain,
    checkpoint: CheckpointStatement,
    verifier: ChainVerifier,
}

impl BundleVerifier {
    /// Trusts the keys `trusted`, or any where there is none; `known` are records that were kept elsewhere.
    #[must_use]
    pub fn new(trusted: Vec<KeyId>, known: KnownRecords) -> Self {
        Self { trusted, known, digest: Sha256::new(), line: 0, stage: Stage::Start }
    }

    /// Checks the next line, given without its end.
    ///
    /// # Errors
    /// The first [`BrokenBundle`]; what would follow it cannot be judged.
    pub fn line(&mut self, line: &[u8]) -> Result<(), BrokenBundle> {
        self.line += 1;
        let number = self.line;
        let parsed = BundleLine::parse(line)
            .map_err(|found| BrokenBundle::at(number, LinesRule::LineForm, "a line of a bundle", found))?;
        self.stage = match (std::mem::replace(&mut self.stage, Stage::Broken), parsed) {
            (Stage::Start, BundleLine::Header(header)) => Stage::Records(Box::new(Records::new(header))),
            (Stage::Records(mut records), BundleLine::Key(record)) => {
                self.record(&mut records, AuditRecord::Key(record), line)?;
                Stage::Records(records)
            }
            (Stage::Records(mut records), BundleLine::Checkpoint(record)) => {
                self.record(&mut records, AuditRecord::Checkpoint(record), line)?;
                Stage::Records(records)
            }
            (Stage::Records(mut records), BundleLine::Consistency(proof)) => {
                records.extend(number, &proof)?;
                Stage::Records(records)
            }
            (Stage::Records(records), BundleLine::Message(message)) => {
                let mut messages = self.messages(*records)?;
                messages.check(number, &message)?;
                Stage::Messages(Box::new(messages))
            }
            (Stage::Messages(mut messages), BundleLine::Message(message)) => {
                messages.check(number, &message)?;
                Stage::Messages(messages)
            }
            (Stage::Messages(messages), BundleLine::Seal(seal)) => {
                Stage::Sealed(Box::new(self.seal(*messages, &seal)?))
            }
            (stage, other) => {
                return Err(BrokenBundle::at(number, LinesRule::LineOrder, stage.next(), other.name()));
            }
        };
        self.digest.update(line);
        self.digest.update(b"\n");
        Ok(())
    }

    /// Number of lines that were checked.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.line
    }

    /// Ends the bundle.
    ///
    /// # Errors
    /// [`BrokenBundle`] where it ends before its seal.
    pub fn finish(self) -> Result<BundleVerified, BrokenBundle> {
        match self.stage {
            Stage::Sealed(verified) => Ok(*verified),
            stage => {
                let (line, found) = (self.line + 1, "the end of the bundle");
                Err(BrokenBundle::at(line, LinesRule::LineOrder, stage.next(), found))
            }
        }
    }

    fn record(&self, records: &mut Records, record: AuditRecord, line: &[u8]) -> Result<(), BrokenBundle> {
        let broken = |broken| BrokenBundle::of_record(self.line, broken);
        self.known.check(&record, line).map_err(broken)?;
        records.take(record, line).map_err(broken)
    }

    /// Ends the records: header and checkpoint agree, and a key is trusted.
    fn messages(&self, records: Records) -> Result<Messages, BrokenBundle> {
        let Records { header, keys, checkpoints, extended, .. } = records;
        let broken = |expected: String, found: String| {
            Err(BrokenBundle::at(self.line, LinesRule::Header, expected, found))
        };
        keys.check_trusted(&self.trusted).map_err(|broken| BrokenBundle::of_record(self.line, broken))?;
        let wanted = format!("checkpoint {}, which covers what the header names", header.checkpoint);
        let Some(checkpoint) = checkpoints.iter().find(|one| one.number == header.checkpoint).cloned() else {
            return broken(wanted, "no record with its number".to_owned());
        };
        if (checkpoint.log, checkpoint.partition) != (header.log, header.partition) {
            let found = format!("one of log {}, partition {}", checkpoint.log, checkpoint.partition.0);
            return broken(wanted, found);
        }
        if checkpoint.size < header.scope.to {
            return broken(
                wanted,
                format!("one up to position {}, not {}", checkpoint.size, header.scope.to),
            );
        }
        let mut proven = extended;
        if let Some(other) =
            checkpoints.iter().find(|one| **one != checkpoint && !proven.contains(&one.number))
        {
            let expected = format!("a proof that checkpoint {} extends {}", checkpoint.number, other.number);
            return broken(expected, "none".to_owned());
        }
        proven.push(checkpoint.number);
        if let Some(unproven) = self.known.first_unproven(header.partition, &proven) {
            let number = unproven.number();
            let expected = format!("a proof about the known checkpoint {number}");
            let found = format!("none; export with --since {number}, or with a later checkpoint");
            let broken = unproven.broken(RecordRule::Known, expected, found);
            return Err(BrokenBundle::of_record(self.line, broken));
        }
        let coverage = match header.scope.coverage() {
            Ok(coverage) => coverage,
            Err(found) => return broken("a scope whose parts agree".to_owned(), found),
        };
        Ok(Messages { header, keys, checkpoint, verifier: ChainVerifier::covering(coverage) })
    }

    fn seal(&self, messages: Messages, seal: &Seal) -> Result<BundleVerified, BrokenBundle> {
        let Messages { header, keys, checkpoint, verifier } = messages;
        let (scope, last) = (&header.scope, verifier.position());
        if scope.tenant.is_none() && last != scope.to {
            let (expected, found) =
                (format!("messages up to position {}", scope.to), format!("only up to {last}"));
            return Err(BrokenBundle::at(self.line, LinesRule::Header, expected, found));
        }
        let verified = verifier.finish().map_err(|broken| BrokenBundle::of_message(self.line, broken))?;
        let statement = &seal.statement;
        let broken = |expected: String, found: String| {
            Err(BrokenBundle::at(self.line, LinesRule::Seal, expected, found))
        };
        if verified.messages != statement.messages {
            return broken(format!("{} messages", statement.messages), verified.messages.to_string());
        }
        let digest = Hex(self.digest.clone().finalize().into());
        if digest != statement.sha256 {
            return broken(format!("lines with SHA-256 {}", statement.sha256), digest.to_string());
        }
        seal.check(&keys)
            .map_err(|broken| BrokenBundle::at(self.line, LinesRule::Seal, broken.expected, broken.found))?;
        Ok(BundleVerified {
            log: header.log,
            partition: header.partition,
            scope: header.scope,
            exported_at: header.exported_at,
            checkpoint: checkpoint.number,
            size: checkpoint.size,
            signed_at: checkpoint.signed_at,
            keys: keys.records().map(|record| record.statement.key).collect(),
            streams: verified.streams,
            commits: verified.commits,
            messages: verified.messages,
            events: verified.events,
        })
    }
}

impl Stage {
    /// What may come next.
    fn next(&self) -> &'static str {
        match self {
            Self::Start => "the header of a bundle",
            Self::Records(_) => "a key record, a checkpoint, a proof or a message",
            Self::Messages(_) => "a message or the seal",
            Self::Sealed(_) => "nothing after the seal",
            Self::Broken => "nothing after a line that is wrong",
        }
    }
}

impl Records {
    fn new(header: BundleHeader) -> Self {
        Self { header, keys: KeyChain::default(), last: 0, checkpoints: Vec::new(), extended: Vec::new() }
    }

    fn take(&mut self, record: AuditRecord, line: &[u8]) -> Result<(), BrokenRecord> {
        if record.number() <= self.last {
            let expected = format!("a number above {}", self.last);
            return Err(record.broken(RecordRule::RecordOrder, expected, record.number()));
        }
        self.last = record.number();
        match record {
            AuditRecord::Key(record) => self.keys.enroll(&record, AuditRecord::hash(line)),
            AuditRecord::Checkpoint(record) => {
                self.keys.check(&record)?;
                self.checkpoints.push(record.statement);
                Ok(())
            }
        }
    }

    fn extend(&mut self, line: u64, proof: &Consistency) -> Result<(), BrokenBundle> {
        let find = |number| self.checkpoints.iter().find(|one| one.number == number);
        let broken = |found: &str| {
            let expected = format!("a proof that checkpoint {} extends {}", proof.to, proof.from);
            Err(BrokenBundle::at(line, LinesRule::Consistency, expected, found))
        };
        let (Some(old), Some(new)) = (find(proof.from), find(proof.to)) else {
            return broken("a checkpoint that is not here");
        };
        if proof.to != self.header.checkpoint || old.partition != new.partition {
            return broken("one about another checkpoint, or another partition");
        }
        if !is_extension((old.size.0, old.root), (new.size.0, new.root), &proof.proof) {
            return broken("hashes that do not lead from one root to the other");
        }
        self.extended.push(proof.from);
        Ok(())
    }
}

impl Messages {
    fn check(&mut self, line: u64, proven: &ProvenMessage) -> Result<(), BrokenBundle> {
        let message = proven
            .message(self.header.partition)
            .map_err(|found| BrokenBundle::at(line, LinesRule::LineForm, "the name of a stream", found))?;
        let CheckpointStatement { number, size, root, .. } = self.checkpoint;
        let payload = PayloadHash::of(&message.payload);
        let (leaf, index) = (message_leaf(&message, payload), message.position.0.saturating_sub(1));
        if message.position.0 == 0 || !is_included(leaf, index, size.0, root, &proven.proof) {
            let expected =
                format!("the message that checkpoint {number} has at position {}", message.position);
            let found = format!(
                "one (payload SHA-256 {payload}) that its proof does not lead to: it, or the proof, was changed"
            );
            let broken = BrokenBundle::at(line, LinesRule::Inclusion, expected, found);
            let (position, tenant) = (Some(message.position), Some(message.tenant));
            return Err(BrokenBundle {
                position,
                tenant,
                stream: Some(message.stream.to_string()),
                ..broken
            });
        }
        if message.position > self.header.scope.to {
            let expected = format!("positions up to {}", self.header.scope.to);
            return Err(BrokenBundle::at(line, LinesRule::Header, expected, message.position));
        }
        self.verifier.check(&message).map_err(|broken| BrokenBundle::of_message(line, broken))?;
        Ok(())
    }
}

impl Seal {
    /// Checks that the last key signed it.
    fn check(&self, keys: &KeyChain) -> Result<(), BrokenRecord> {
        let SealStatement { key, .. } = self.statement;
        let bytes = signed_bytes(SEAL_FORMAT, &self.statement)
            .map_err(|error| self.broken(RecordRule::RecordForm, "a seal that can be written", error))?;
        keys.check_signed(self, u64::MAX, key, &bytes, &self.signature)
    }
}

impl Named for Seal {
    fn broken(
        &self,
        rule: RecordRule,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> BrokenRecord {
        BrokenRecord::at(rule, 0, expected, found)
    }
}
