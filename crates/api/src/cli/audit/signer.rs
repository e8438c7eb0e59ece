//! Signs what a log holds now, going on from the last checkpoint of each partition.
//!
//! What must never happen here: a checkpoint of a log whose chain is broken, or that does not go on from what was
//! signed before; a checkpoint by a key that is not in force.

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use foodflow_log::audit::{
    AuditRecord, Checkpoint, CheckpointStatement, Disagreement, KeyId, KeyStatement, Trail, TrailStore,
};
use foodflow_log::hex::Hex;
use foodflow_log::merkle::message_leaf;
use foodflow_log::{
    ChainVerifier, Direction, Partition, PayloadHash, Position, ReadQuery, SharedLog, SharedRecords,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::checked_walk::CheckedWalk;
use super::finding::WalkError;
use super::key_file;
use crate::cli::progress::Progress;
use crate::config::Config;

/// How often a record is made again where others add records at the same time.
const TRIES_MAX: u32 = 20;

/// A log, its audit records, and the key that signs the next one.
pub(super) struct Signer<'a> {
    config: &'a Config,
    log: &'a SharedLog,
    records: SharedRecords,
    is_quiet: bool,
    pub(super) trail: Trail,
}

/// What a partition holds.
struct Held {
    verifier: ChainVerifier,
    recorded_until: Timestamp,
}

impl<'a> Signer<'a> {
    /// Reads the audit records.
    ///
    /// # Errors
    /// Where the log does not answer, or a record is not what was signed.
    pub(super) async fn open(config: &'a Config, log: &'a SharedLog) -> anyhow::Result<Self> {
        let (records, trail) = (log.records(), Trail::default());
        let mut signer = Self { config, log, records, is_quiet: false, trail };
        signer.read_on().await?;
        Ok(signer)
    }

    /// Shows no progress: nobody looks at it.
    pub(super) fn quietly(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// Reads the records that others have added.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) async fn read_on(&mut self) -> Result<(), WalkError> {
        TrailStore(&*self.records).follow(&mut self.trail, |_, _| Ok(())).await
    }

    /// The key in force. It is made and introduced where there is none.
    ///
    /// # Errors
    /// Where it is in no file, or the log does not answer.
    pub(super) async fn key(&mut self) -> anyhow::Result<SigningKey> {
        for _ in 0..TRIES_MAX {
            let key = key_file::of_trail(&self.config.audit_key(), &self.trail)?;
            if self.trail.keys().current().is_some() || self.introduce(&key, &key).await? {
                return Ok(key);
            }
        }
        anyhow::bail!("others keep adding audit records; run it again")
    }

    /// Puts the next key in the place of the one in force; answers with both.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(super) async fn rotate(&mut self) -> anyhow::Result<(SigningKey, SigningKey)> {
        let path = self.config.audit_key();
        for _ in 0..TRIES_MAX {
            let retired = self.key().await?;
            let next = key_file::make_next(&path)?;
            if self.introduce(&next, &retired).await? {
                return Ok((retired, next));
            }
        }
        anyhow::bail!("others keep adding audit records; run it again")
    }

    /// Adds a key record; false where another record came first, which is read then.
    async fn introduce(&mut self, introduced: &SigningKey, signer: &SigningKey) -> anyhow::Result<bool> {
        let statement = KeyStatement {
            log: self.trail.keys().log().unwrap_or_else(Uuid::new_v4),
            number: self.trail.next_number(),
            previous: self.trail.last_hash(),
            key: KeyId::of_signer(introduced),
            public_key: Hex(introduced.verifying_key().to_bytes()),
            previous_key: self.trail.keys().last_hash(),
            signed_at: self.trail.signing_time(Timestamp::now()),
            signed_by: KeyId::of_signer(signer),
        };
        self.add(&AuditRecord::Key(statement.sign(signer, introduced)?)).await
    }

    async fn add(&mut self, record: &AuditRecord) -> anyhow::Result<bool> {
        let added = TrailStore(&*self.records).add(&mut self.trail, record).await;
        let is_added = added.map_err(WalkError::from)?;
        if !is_added {
            self.read_on().await?;
        }
        Ok(is_added)
    }

    /// Signs what `partition` holds now; `None` where the last checkpoint covers all of it.
    ///
    /// # Errors
    /// Where something is wrong, as a [`super::finding::Finding`]; where the key in force is in no file; where the log does not
    /// answer.
    pub(super) async fn sign(&mut self, partition: Partition) -> anyhow::Result<Option<Checkpoint>> {
        let (covered, head) = (self.trail.covered(partition), self.log.head(partition).await?);
        self.trail.milestones(partition, Position(u64::MAX)).end(head).map_err(WalkError::from)?;
        if head == covered {
            return Ok(None);
        }
        let held = self.walk(partition, head).await?;
        for _ in 0..TRIES_MAX {
            let key = self.key().await?;
            if self.trail.covered(partition) >= held.verifier.position() {
                return Ok(None);
            }
            let checkpoint = self.statement(partition, &held, &key).sign(&key)?;
            if self.add(&AuditRecord::Checkpoint(checkpoint.clone())).await? {
                return Ok(Some(checkpoint));
            }
        }
        anyhow::bail!("others keep adding audit records; run it again")
    }

    fn statement(&self, partition: Partition, held: &Held, key: &SigningKey) -> CheckpointStatement {
        let Held { verifier, recorded_until } = held;
        CheckpointStatement {
            log: self.trail.keys().log().unwrap_or_default(),
            number: self.trail.next_number(),
            previous: self.trail.last_hash(),
            partition,
            size: verifier.position(),
            root: verifier.tree().root(),
            last: verifier.leaf(),
            peaks: verifier.tree().peaks().to_vec(),
            recorded_until: *recorded_until,
            signed_at: self.trail.signing_time(Timestamp::now()),
            key: KeyId::of_signer(key),
        }
    }

    /// Checks what came after the last checkpoint.
    async fn walk(&self, partition: Partition, head: Position) -> anyhow::Result<Held> {
        let mut verifier = match self.trail.last_checkpoint(partition) {
            Some(last) => self.resume(last).await?,
            None => ChainVerifier::new(),
        };
        verifier = verifier.in_log_of(self.log.partition_count());
        let new = head.0 - verifier.position().0;
        let mut progress = if self.is_quiet {
            Progress::hidden()
        } else {
            Progress::start(&format!("checking partition {}", partition.0), "positions", Some(new))
        };
        let walk = CheckedWalk { log: &**self.log, partition, tenant: None, end: head };
        walk.run(&mut verifier, &mut progress, |_, _| Ok(())).await?;
        let recorded_until = verifier.so_far().recorded_until.context("a partition without messages")?;
        Ok(Held { verifier, recorded_until })
    }

    /// Goes on from `last`, whose last message must still be there. What lies before that is not read again: the
    /// new root stands for it as it was signed, so that `audit verify` finds it where it was changed since.
    async fn resume(&self, last: &Checkpoint) -> anyhow::Result<ChainVerifier> {
        let CheckpointStatement { partition, size, number, .. } = last.statement;
        let tree = last.statement.tree().context("a checkpoint whose parts do not agree")?;
        let from = Position(size.0 - 1);
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 1 };
        let found = self.log.read(partition, query).await.map_err(WalkError::from)?;
        let leaf = found.first().map(|message| message_leaf(message, PayloadHash::of(&message.payload)));
        if leaf != Some(last.statement.last) {
            let expected = format!("a message with the leaf {}", last.statement.last);
            let found = leaf.map_or_else(|| "none".to_owned(), |leaf| format!("one with the leaf {leaf}"));
            let disagreement = Disagreement { number, from: size, to: size, expected, found };
            return Err(WalkError::from(disagreement).into());
        }
        Ok(ChainVerifier::after(tree, last.statement.recorded_until))
    }
}
