//! What a rebuild was asked, how far it is, and what it did.

use std::collections::BTreeMap;
use std::time::Duration;

use foodflow_log::{LogError, Partition, Position};
use serde::Serialize;

use crate::runner::projection::ProjectionError;
use crate::store::generations::RebuildScope;
use crate::store::{StoreError, Survey};

/// When a rebuild switches to what it filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SwitchPolicy {
    /// Where the live generation is not what the log says.
    #[default]
    IfDifferent,
    /// In any case.
    Always,
    /// Not at all: it compares and tells.
    Never,
}

/// What is rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildRequest {
    /// How much of the projection.
    pub scope: RebuildScope,
    /// When it becomes live.
    pub switch: SwitchPolicy,
    /// Version of the program: what another version began is not continued.
    pub filled_by: String,
}

/// Bounds and times of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildOptions {
    /// Most messages in a batch, unless a single commit is larger.
    pub batch_messages_max: usize,
    /// Bytes of payload after which a batch takes no further message.
    pub batch_bytes_max: usize,
    /// Tries of each step before the rebuild fails, at least 1.
    pub tries_max: usize,
    /// First delay between tries; each further one doubles, with jitter.
    pub retry_delay_min: Duration,
    /// Longest delay between tries.
    pub retry_delay_max: Duration,
    /// How long the store may take to apply one batch.
    pub apply_timeout: Duration,
    /// How many messages the generation beside may be behind before the projectors are stopped for the rest.
    pub close_messages: u64,
    /// How long projectors stay stopped where the rebuild dies while it holds them.
    pub hold_term: Duration,
    /// How long a live generation that is behind the one beside is waited for while it does not get on.
    pub stand_still: Duration,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            batch_messages_max: 5_000,
            batch_bytes_max: 16 * 1024 * 1024,
            tries_max: 6,
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(5),
            apply_timeout: Duration::from_secs(300),
            close_messages: 500,
            hold_term: Duration::from_secs(30),
            stand_still: Duration::from_secs(10),
        }
    }
}

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RebuildStage {
    /// Filling the generation beside, while everything goes on.
    Filling,
    /// Comparing the two.
    Comparing,
    /// The projectors are stopped, and the generations change places.
    Switching,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildProgress {
    /// What it is doing.
    pub stage: RebuildStage,
    /// The partition.
    pub partition: Partition,
    /// Last applied position.
    pub position: Position,
    /// Where this step ends.
    pub head: Position,
    /// Messages applied so far.
    pub messages: u64,
}

/// How the live generation of a partition stood to what the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was the same.
    Identical,
    /// It was not, which is a defect, then or now, or a deliberate change of the projection.
    Different,
    /// It stood at a position that the log does not have: it was filled from another log, or the log was cut off.
    BeyondLog,
}

/// A partition of both generations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The partition.
    pub partition: Partition,
    /// How they stood to each other.
    pub verdict: Verdict,
    /// Where the live one stood.
    pub position: Position,
    /// What it held there, or why that could not be read.
    pub live: Result<Survey, String>,
    /// What the log says: of the same position, or of the log's end where that comes first.
    pub rebuilt: Survey,
    /// How many messages waited in quarantine, of all that is rebuilt: live, then rebuilt.
    pub waiting: (u64, u64),
}

impl Comparison {
    /// Kinds of rows of which the two hold another number: live, then rebuilt.
    #[must_use]
    pub fn other_counts(&self) -> BTreeMap<String, (u64, u64)> {
        let Ok(live) = &self.live else { return BTreeMap::new() };
        let count = |of: &Survey, kind: &String| of.counts.get(kind).copied().unwrap_or(0);
        let kinds = live.counts.keys().chain(self.rebuilt.counts.keys());
        kinds
            .map(|kind| (kind.clone(), (count(live, kind), count(&self.rebuilt, kind))))
            .filter(|(_, (live, rebuilt))| live != rebuilt)
            .collect()
    }
}

/// How a rebuild ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was nothing to protect: an empty read model was filled.
    Filled,
    /// The live generation stays.
    Kept,
    /// What was filled is live; what was live is kept as the previous generation.
    Switched,
    /// The two differ, and what was filled stands beside until somebody decides.
    LeftBeside,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildReport {
    /// How it ended.
    pub outcome: Outcome,
    /// What was compared; nothing where an empty read model was filled, or the previous generation taken back.
    pub comparisons: Vec<Comparison>,
    /// Where each partition of the live generation stands now.
    pub positions: BTreeMap<Partition, Position>,
    /// Messages applied.
    pub messages: u64,
    /// Events of these messages.
    pub events: u64,
    /// How long it took.
    pub duration: Duration,
    /// How long the projectors were held at most, at one time, from the first hold to the last release. Each goes on with
    /// the next renewal of its lease, up to 1.5 s later.
    pub held: Duration,
}

impl RebuildReport {
    /// Whether the read model had been what the log says, as far as it was compared.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.comparisons.iter().all(|one| one.verdict == Verdict::Identical)
    }
}

/// Why a rebuild failed. The live generation is as it was; what was filled stands beside it, and another rebuild goes on
/// from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event cannot be projected.
    #[error("position {position} cannot be projected: {error}")]
    Projection {
        /// Where it stands.
        position: Position,
        /// What is wrong.
        error: ProjectionError,
    },
    /// The log leaves positions out.
    #[error("the log delivers position {found} where {expected} was expected; what lies between is withheld")]
    Withheld {
        /// What has to come.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// The log ends within a commit.
    #[error("partition {} ends within a commit, at position {position}", partition.0)]
    IncompleteCommit {
        /// The partition.
        partition: Partition,
        /// Its last position.
        position: Position,
    },
    /// Somebody else fills what this rebuild filled.
    #[error(
        "another process took over partition {} of what this rebuild filled: another `foodflow rebuild`, or, where the \
         read model was empty, a projector; let it finish, and rebuild again where that is still wanted",
        partition.0
    )]
    Interfered {
        /// The partition.
        partition: Partition,
    },
    /// The generations moved whenever they were about to be switched.
    #[error(
        "the live generation was taken over by somebody else {tries} times before it could be switched; rebuild again"
    )]
    NeverStill {
        /// How often it was tried.
        tries: usize,
    },
}
