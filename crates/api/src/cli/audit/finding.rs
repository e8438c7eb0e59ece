//! What may be wrong with a log: the first thing that a walk finds.

use std::fmt;

use foodflow_log::audit::{BrokenRecord, Disagreement, TrailError};
use foodflow_log::{BrokenLink, LogError};
use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Finding {
    /// An audit record is not what was signed.
    Record(#[source] BrokenRecord),
    /// A message is not what its stream, its commit or its partition says.
    Link(#[source] BrokenLink),
    /// A partition is not what a checkpoint says.
    Checkpoint(#[source] Disagreement),
    /// The log itself cannot read what it holds.
    Unreadable(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(_) => f.write_str("the audit records are not what was signed"),
            Self::Link(_) => f.write_str("the log is not what was written"),
            Self::Checkpoint(_) => f.write_str("the log is not what was signed"),
            Self::Unreadable(reason) => write!(f, "the log cannot be read: {reason}"),
        }
    }
}

/// Why a walk ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    /// Something is wrong.
    #[error(transparent)]
    Found(#[from] Finding),
    /// The log does not answer.
    #[error(transparent)]
    Log(LogError),
    /// What was read cannot be written.
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

impl From<LogError> for WalkError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Corrupt { .. } => Self::Found(Finding::Unreadable(error.to_string())),
            other => Self::Log(other),
        }
    }
}

impl From<TrailError> for WalkError {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Broken(broken) => Self::Found(Finding::Record(broken)),
            TrailError::Log(error) => error.into(),
        }
    }
}

impl From<BrokenLink> for WalkError {
    fn from(broken: BrokenLink) -> Self {
        Self::Found(Finding::Link(broken))
    }
}

impl From<Disagreement> for WalkError {
    fn from(disagreement: Disagreement) -> Self {
        Self::Found(Finding::Checkpoint(disagreement))
    }
}
