//! The second pass: the messages that are exported, block by block, each with its proof.

use std::collections::VecDeque;
use std::io::Write;

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use foodflow_log::audit::bundle::{BundleHeader, BundleWriter};
use foodflow_log::audit::{AuditRecord, Checkpoint, CheckpointStatement, Trail};
use foodflow_log::merkle::blocks::BLOCK_LEAVES;
use foodflow_log::merkle::nodes::{consistency_proof, inclusion_proof};
use foodflow_log::merkle::{Blocks, message_leaf};
use foodflow_log::{EventLog, Partition, PayloadHash, Position, StoredMessage};
use jiff::Timestamp;

use super::scan::Scan;
use crate::cli::progress::Progress;
use crate::cli::walk::Walk;

/// What a bundle is made of.
pub(super) struct Parts<'a> {
    pub(super) log: &'a dyn EventLog,
    pub(super) trail: &'a Trail,
    pub(super) checkpoint: &'a Checkpoint,
    /// An earlier checkpoint of the same partition.
    pub(super) since: Option<&'a Checkpoint>,
    pub(super) key: &'a SigningKey,
}

/// Writes a bundle of what `scan` selected; answers with the number of messages, and what it was written to.
pub(super) async fn bundle<W: Write>(
    parts: Parts<'_>,
    scan: Scan,
    output: W,
    mut progress: Progress,
) -> anyhow::Result<(u64, W)> {
    let Parts { log, trail, checkpoint, since, key } = parts;
    let CheckpointStatement { partition, size, number, log: id, .. } = checkpoint.statement;
    let scope = scan.scope(size);
    let header =
        BundleHeader { log: id, partition, scope, checkpoint: number, exported_at: Timestamp::now() };
    let mut writer = BundleWriter::begin(output, header)?;
    for record in records(trail, checkpoint, since) {
        writer.record(record)?;
    }
    let mut reader = BlockReader::new(log, partition, size);
    let mut blocks = scan.blocks;
    if let Some(since) = since {
        let old = since.statement.size.0;
        if old % BLOCK_LEAVES != 0 {
            reader.load(&mut blocks, old / BLOCK_LEAVES).await?;
        }
        let proof = consistency_proof(&blocks, old).context("no proof from that checkpoint")?;
        writer.consistency(since.statement.number, number, proof)?;
    }
    let mut written = 0;
    for (first, last) in scan.runs {
        let mut next = first;
        while next <= last {
            let block = (next - 1) / BLOCK_LEAVES;
            reader.load(&mut blocks, block).await?;
            let end = last.min((block + 1) * BLOCK_LEAVES);
            for message in reader.positions(next, end) {
                let proof = inclusion_proof(&blocks, message.position.0 - 1);
                writer.message(message, proof.context("no proof of a message")?)?;
            }
            written += end + 1 - next;
            next = end + 1;
            progress.at(written);
            tokio::task::yield_now().await;
        }
    }
    Ok(writer.seal(key)?)
}

/// Every key, and the checkpoints, in order of their numbers.
fn records(trail: &Trail, checkpoint: &Checkpoint, since: Option<&Checkpoint>) -> Vec<AuditRecord> {
    let keys = trail.keys().records().cloned().map(AuditRecord::Key);
    let checkpoints = since.into_iter().chain([checkpoint]).cloned().map(AuditRecord::Checkpoint);
    let mut records: Vec<_> = keys.chain(checkpoints).collect();
    records.sort_unstable_by_key(AuditRecord::number);
    records
}

/// Reads a partition block by block; one block that adjoins the last one goes on with the same walk.
struct BlockReader<'a> {
    log: &'a dyn EventLog,
    partition: Partition,
    size: Position,
    walk: Option<Walk<'a>>,
    /// Read, and of a later block.
    ahead: VecDeque<StoredMessage>,
    /// The block that was read last, and its messages.
    block: Option<u64>,
    messages: Vec<StoredMessage>,
}

impl<'a> BlockReader<'a> {
    fn new(log: &'a dyn EventLog, partition: Partition, size: Position) -> Self {
        let (walk, ahead, block, messages) = (None, VecDeque::new(), None, Vec::new());
        Self { log, partition, size, walk, ahead, block, messages }
    }

    /// Reads block `number`, and loads its leaves into `blocks`.
    async fn load(&mut self, blocks: &mut Blocks, number: u64) -> anyhow::Result<()> {
        if self.block == Some(number) {
            return Ok(());
        }
        let (after, end) = (number * BLOCK_LEAVES, ((number + 1) * BLOCK_LEAVES).min(self.size.0));
        if self.block.is_none_or(|block| block + 1 != number) {
            self.walk = Some(Walk::new(self.log, self.partition, None, Position(after)));
            self.ahead.clear();
        }
        self.messages.clear();
        let walk = self.walk.as_mut().context("no walk")?;
        while (self.messages.len() as u64) < end - after {
            if self.ahead.is_empty() {
                self.ahead.extend(walk.page().await?);
            }
            let message = self.ahead.pop_front().context("the log ends within what was checked")?;
            self.messages.push(message);
        }
        self.block = Some(number);
        let leaves = self.messages.iter().map(|one| message_leaf(one, PayloadHash::of(&one.payload)));
        anyhow::ensure!(
            blocks.load(number, leaves),
            "the log was changed while it was read, between positions {} and {end}",
            after + 1
        );
        Ok(())
    }

    /// The messages of the last block at positions `first` to `last`.
    fn positions(&self, first: u64, last: u64) -> impl Iterator<Item = &StoredMessage> {
        self.messages.iter().filter(move |message| (first..=last).contains(&message.position.0))
    }
}
