//! Why a copy ends, by name.

use tokio::task::JoinError;

use super::compare::Difference;
use super::records::RecordsDifference;
use crate::audit::{BrokenRecord, TrailError};
use crate::event_log::{AppendError, LogError, Partition, Position, StreamId};
use crate::verify::BrokenLink;

/// Why a copy does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// A tenant would live in another partition.
    #[error(
        "the source has {of_source} partition(s) and the target {of_target}: a copy has as many as its source, as a \
         tenant's messages stand in the same partition of both"
    )]
    PartitionCounts {
        /// Partitions of the source.
        of_source: u16,
        /// Partitions of the target.
        of_target: u16,
    },
    /// The source is not in order; what stands before is copied, nothing from there on.
    #[error("the source is not in order: {0}")]
    SourceBroken(BrokenLink),
    /// The target is not in order.
    #[error("the target is not in order: {0}")]
    TargetBroken(BrokenLink),
    /// The target is not the beginning of the source.
    #[error("source and target differ: {0}")]
    Differs(Difference),
    /// The target holds more than the source.
    #[error(
        "partition {}: the target ends at position {target_head}, beyond the source's end at {source_head}",
        partition.0
    )]
    TargetBeyond {
        /// The partition.
        partition: Partition,
        /// Where the source ends.
        source_head: Position,
        /// Where the target ends.
        target_head: Position,
    },
    /// A stream ends elsewhere in the target, though both hold the same last message.
    #[error(
        "partition {}: in the target, {stream} does not end at position {expected}, which the source's next message \
         of it follows",
        partition.0
    )]
    StreamDiffers {
        /// The partition.
        partition: Partition,
        /// The stream.
        stream: StreamId,
        /// Where the source says that it ended.
        expected: Position,
    },
    /// Messages came to stand elsewhere than in the source, which no adapter may do.
    #[error(
        "partition {}: messages up to position {expected} of the source stand up to {found} in the target",
        partition.0
    )]
    Astray {
        /// The partition.
        partition: Partition,
        /// Position of the last message in the source.
        expected: Position,
        /// Position of the last message in the target.
        found: Position,
    },
    /// The source names an end and gives nothing up to it.
    #[error(
        "partition {}: the source says that it ends at position {head}, but gives nothing behind {position}",
        partition.0
    )]
    Silent {
        /// The partition.
        partition: Partition,
        /// The last message that came.
        position: Position,
        /// Where the source says that it ends.
        head: Position,
    },
    /// The source's audit records are not what was signed; those before the broken one are copied.
    #[error("the source's audit records are not what was signed: {0}")]
    SourceRecordsBroken(BrokenRecord),
    /// The target's audit records are not what was signed.
    #[error("the target's audit records are not what was signed: {0}")]
    TargetRecordsBroken(BrokenRecord),
    /// The target's audit records are not the beginning of the source's.
    #[error("the audit records of source and target differ: {0}")]
    RecordsDiffer(RecordsDifference),
    /// The target has more audit records than the source.
    #[error("the target has {of_target} audit records, and the source {of_source}")]
    RecordsBeyond {
        /// Records of the source.
        of_source: u64,
        /// Records of the target.
        of_target: u64,
    },
    /// Another wrote an audit record to the target meanwhile.
    #[error("audit record {number} was written to the target by another in the meantime")]
    RecordsMoved {
        /// Number of the record.
        number: u64,
    },
    /// The source does not answer.
    #[error("the source: {0}")]
    SourceFailed(LogError),
    /// The target does not answer a question.
    #[error("the target: {0}")]
    TargetFailed(LogError),
    /// The target did not take what was appended.
    #[error("the target did not take what was appended: {0}")]
    AppendFailed(AppendError),
    /// A defect of this program.
    #[error("a part of the copy ended unasked: {0}")]
    Defect(String),
}

impl MirrorError {
    /// Whether another try may succeed. Each one begins by asking the target where it stands.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::SourceFailed(error)
            | Self::TargetFailed(error)
            | Self::AppendFailed(AppendError::Log(error)) => matches!(error, LogError::Unavailable { .. }),
            // Another writer was faster, or the answer was lost: what the target now holds decides.
            Self::AppendFailed(
                AppendError::Moved { .. } | AppendError::Unknown { .. } | AppendError::Overloaded { .. },
            )
            | Self::RecordsMoved { .. } => true,
            _ => false,
        }
    }

    /// What a refused append says about the copy.
    pub(super) fn of_append(partition: Partition, error: AppendError) -> Self {
        match error {
            AppendError::Conflict { stream, expected } => Self::StreamDiffers { partition, stream, expected },
            other => Self::AppendFailed(other),
        }
    }

    pub(super) fn of_source_records(error: TrailError) -> Self {
        match error {
            TrailError::Broken(broken) => Self::SourceRecordsBroken(broken),
            TrailError::Log(error) => Self::SourceFailed(error),
        }
    }

    pub(super) fn of_target_records(error: TrailError) -> Self {
        match error {
            TrailError::Broken(broken) => Self::TargetRecordsBroken(broken),
            TrailError::Log(error) => Self::TargetFailed(error),
        }
    }

    pub(super) fn panicked(error: &JoinError) -> Self {
        Self::Defect(error.to_string())
    }
}
