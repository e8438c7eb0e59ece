//! Both logs read through: the source verified and held against its checkpoints, and every message and audit record of the
//! target compared with the source's.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt as _;
use serde::Serialize;
use tokio::time::timeout;

use super::MirrorError;
use super::reader::SILENCE_MAX;
use super::records::{ComparedRecords, RecordsDifference};
use super::standing::Standing;
use crate::audit::{BrokenRecord, Disagreement, Milestones, Trail};
use crate::envelope::PayloadHash;
use crate::event_log::{LogError, MessageStream, Partition, Position, SharedLog, StoredMessage};
use crate::verify::{BrokenLink, ChainVerifier, Verified};

/// What was found in both logs.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Each partition, in their order.
    pub partitions: Vec<Compared>,
    /// The audit records.
    pub records: ComparedRecords,
}

impl Comparison {
    /// The first thing that is wrong, if anything is.
    #[must_use]
    pub fn finding(&self) -> Option<&Finding> {
        let mut of_partitions = self.partitions.iter().filter_map(|one| one.finding.as_ref());
        of_partitions.next().or(self.records.finding.as_ref())
    }
}

/// What was found in one partition.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// The partition.
    pub partition: Partition,
    /// Where the source ends.
    pub source_head: Position,
    /// Where the target ends.
    pub target_head: Position,
    /// Up to here both are the same, byte for byte.
    pub same_until: Position,
    /// What was verified of the source; up to the finding where there is one.
    pub checked: Verified,
    /// Number of checkpoints that agree with it.
    pub checkpoints: u64,
    /// What is wrong, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// What is wrong with one of the logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The source is not what was written.
    #[error("the source is not in order: {0}")]
    Broken(BrokenLink),
    /// They are not the same.
    #[error("source and target differ: {0}")]
    Differs(Difference),
    /// What the source holds cannot be read.
    #[error("the source cannot be read: {0}")]
    SourceUnreadable(String),
    /// What the target holds cannot be read.
    #[error("the target cannot be read: {0}")]
    TargetUnreadable(String),
    /// The source is not what a checkpoint of its says.
    #[error("the source is not what was signed: {0}")]
    NotSigned(Disagreement),
    /// The source's audit records are not what was signed.
    #[error("the source's audit records are not what was signed: {0}")]
    SourceRecordsBroken(BrokenRecord),
    /// The target's audit records are not what was signed.
    #[error("the target's audit records are not what was signed: {0}")]
    TargetRecordsBroken(BrokenRecord),
    /// The audit records are not the same.
    #[error("the audit records of source and target differ: {0}")]
    RecordsDiffer(RecordsDifference),
}

/// The first message that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The partition.
    pub partition: Partition,
    /// The position.
    pub position: Position,
    /// What differs: `position`, `tenant`, `stream` or `payload`.
    pub what: &'static str,
    /// What the source holds; of a payload its SHA-256.
    pub in_source: String,
    /// What the target holds; of a payload its SHA-256.
    pub in_target: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, position, what, in_source, in_target } = self;
        write!(f, "partition {}, position {position}: the source has {what} {in_source}, ", partition.0)?;
        write!(f, "the target {in_target}")
    }
}

/// How two messages that should be the same differ, if they do.
pub(super) fn difference(of_source: &StoredMessage, of_target: &StoredMessage) -> Option<Difference> {
    let differs = |what, in_source: String, in_target: String| {
        let (partition, position) = (of_source.partition, of_source.position.min(of_target.position));
        Some(Difference { partition, position, what, in_source, in_target })
    };
    let (s, t) = (of_source, of_target);
    if s.position != t.position {
        return differs("position", s.position.to_string(), t.position.to_string());
    }
    if s.tenant != t.tenant {
        return differs("tenant", s.tenant.to_string(), t.tenant.to_string());
    }
    if s.stream != t.stream {
        return differs("stream", s.stream.to_string(), t.stream.to_string());
    }
    if s.payload != t.payload {
        let hash = |message: &StoredMessage| PayloadHash::of(&message.payload).to_string();
        return differs("payload", hash(s), hash(t));
    }
    None
}

/// Compares one partition up to the heads as of now, which lie behind what `trail` says of it.
pub(super) async fn compare(
    source: SharedLog,
    target: SharedLog,
    trail: Arc<Trail>,
    standing: Arc<Standing>,
) -> Result<Compared, MirrorError> {
    let partition = standing.get().partition;
    let target_head = target.head(partition).await.map_err(MirrorError::TargetFailed)?;
    let source_head = source.head(partition).await.map_err(MirrorError::SourceFailed)?;
    standing.begins_behind(Position(0), source_head);
    let of_source =
        source.subscribe(partition, None, Position(0)).await.map_err(MirrorError::SourceFailed)?;
    let of_target =
        target.subscribe(partition, None, Position(0)).await.map_err(MirrorError::TargetFailed)?;
    let common = target_head.min(source_head);
    let verifier = ChainVerifier::new().in_log_of(source.partition_count());
    let milestones = trail.milestones(partition, Position(u64::MAX));
    let same_until = Position(0);
    let mut walk = Walk { partition, of_source, of_target, common, verifier, milestones, same_until };
    let finding = walk.to(source_head, &standing).await;
    let Walk { verifier, milestones, same_until, .. } = walk;
    let (checked, checkpoints) = (verifier.so_far(), milestones.agreed());
    let finding = match finding {
        Ok(()) => (verifier.finish().err().map(Finding::Broken))
            .or_else(|| milestones.end(checked.position).err().map(Finding::NotSigned)),
        Err(Stopped::Found(finding)) => Some(finding),
        Err(Stopped::Failed(error)) => return Err(error),
    };
    Ok(Compared { partition, source_head, target_head, same_until, checked, checkpoints, finding })
}

/// Why a walk ends early.
enum Stopped {
    Found(Finding),
    Failed(MirrorError),
}

struct Walk {
    partition: Partition,
    of_source: MessageStream,
    of_target: MessageStream,
    /// Both should be the same up to here.
    common: Position,
    verifier: ChainVerifier,
    /// What is signed of the source.
    milestones: Milestones,
    same_until: Position,
}

impl Walk {
    async fn to(&mut self, head: Position, standing: &Standing) -> Result<(), Stopped> {
        while self.verifier.position() < head {
            let position = self.verifier.position();
            let of_source = match next(&mut self.of_source).await {
                Next::Message(message) => message,
                Next::Unreadable(reason) => return Err(Stopped::Found(Finding::SourceUnreadable(reason))),
                Next::Failed(error) => return Err(Stopped::Failed(MirrorError::SourceFailed(error))),
                Next::Nothing => return Err(self.silent(position, head)),
            };
            if position < self.common {
                self.compare_with(&of_source).await?;
            }
            self.verifier.check(&of_source).map_err(|link| Stopped::Found(Finding::Broken(link)))?;
            let agreed = self.milestones.compare(self.verifier.tree());
            agreed.map_err(|disagreement| Stopped::Found(Finding::NotSigned(disagreement)))?;
            if position < self.common {
                self.same_until = of_source.position;
            }
            standing.reached(of_source.position);
        }
        Ok(())
    }

    async fn compare_with(&mut self, of_source: &StoredMessage) -> Result<(), Stopped> {
        let of_target = match next(&mut self.of_target).await {
            Next::Message(message) => message,
            Next::Unreadable(reason) => return Err(Stopped::Found(Finding::TargetUnreadable(reason))),
            Next::Failed(error) => return Err(Stopped::Failed(MirrorError::TargetFailed(error))),
            Next::Nothing => return Err(self.silent(of_source.position, self.common)),
        };
        difference(of_source, &of_target).map_or(Ok(()), |found| Err(Stopped::Found(Finding::Differs(found))))
    }

    fn silent(&self, position: Position, head: Position) -> Stopped {
        Stopped::Failed(MirrorError::Silent { partition: self.partition, position, head })
    }
}

enum Next {
    Message(StoredMessage),
    Unreadable(String),
    Failed(LogError),
    Nothing,
}

async fn next(messages: &mut MessageStream) -> Next {
    match timeout(SILENCE_MAX, messages.next()).await {
        Ok(Some(Ok(message))) => Next::Message(message),
        Ok(Some(Err(error @ LogError::Corrupt { .. }))) => Next::Unreadable(error.to_string()),
        Ok(Some(Err(error))) => Next::Failed(error),
        Ok(None) => Next::Failed(LogError::Unavailable { reason: "the subscription ended".to_owned() }),
        Err(_) => Next::Nothing,
    }
}
