//! What a worker shows of itself, in one `watch` channel per partition.

use foodflow_log::{LogError, Position};
use jiff::Timestamp;
use tokio::sync::watch;

use super::assembler::AssembleError;
use super::audit::Tally;
use super::projection::ProjectionError;
use super::quarantine::{SiftError, TriageError};
use crate::store::{Checkpoint, StoreError};

/// A worker, as seen from outside.
#[derive(Debug, Clone)]
pub(super) struct WorkerState {
    /// What the store has applied, as far as the worker knows.
    pub(super) applied: Checkpoint,
    /// What it has taken into account since the stored checkpoint was read.
    pub(super) tally: Tally,
    /// Whether the stored checkpoint has been read since this process has the partition's lease.
    pub(super) started: bool,
    /// Whether a session runs, or begins.
    pub(super) working: bool,
    /// Why the worker does not get on, while it does not.
    pub(super) trouble: Option<Trouble>,
    /// Until when a rebuild keeps the worker from its partition, while it does.
    pub(super) held: Option<Timestamp>,
    /// Why the worker is gone, once it is.
    pub(super) stopped: Option<&'static str>,
}

/// A failure that has not been overcome.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) error: String,
    /// Whether it is the event itself, not a store or the log.
    pub(super) stuck: bool,
    /// How many positions the log withholds.
    pub(super) withheld: u64,
    /// Whether it is that somebody else claimed the partition; it ends with the lease, or with the next claim.
    pub(super) fenced: bool,
    /// It is overcome when this position has been applied; `None` when the log delivers again.
    until: Option<Position>,
}

/// Why a worker's session ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the subscription ended")]
    LogEnded,
    /// Claiming the partition failed.
    #[error(transparent)]
    Claim(StoreError),
    #[error("applying positions {first} to {last}: {error}")]
    Apply { first: Position, last: Position, error: StoreError },
    #[error("position {position} cannot be projected: {error}")]
    Projection { position: Position, error: ProjectionError },
    #[error(
        "the read model stands at position {applied}, but the log ends at {head}: it was filled from another \
         log; rebuild it with `foodflow rebuild`"
    )]
    BeyondLog { applied: Position, head: Position },
    #[error("{0}")]
    OtherLog(String),
    #[error("the log delivers position {found} where {expected} was expected; what lies between is withheld")]
    Withheld { expected: Position, found: Position },
}

impl Failure {
    /// Its name in metrics.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Log(_) | Self::LogEnded => "log",
            Self::Claim(_) | Self::Apply { .. } => "store",
            Self::Projection { .. } => "projection",
            Self::BeyondLog { .. } | Self::OtherLog(_) => "checkpoint",
            Self::Withheld { .. } => "gap",
        }
    }

    /// Whether the store says that another process has the partition.
    pub(super) const fn is_fenced(&self) -> bool {
        matches!(
            self,
            Self::Apply { error: StoreError::Fenced { .. }, .. } | Self::Claim(StoreError::Fenced { .. })
        )
    }

    fn trouble(&self) -> Trouble {
        let until = match self {
            Self::Apply { first, .. } => Some(*first),
            Self::Projection { position, .. } => Some(*position),
            Self::Withheld { expected, .. } => Some(*expected),
            _ => None,
        };
        let withheld = match self {
            Self::Withheld { expected, found } => found.0.saturating_sub(expected.0),
            _ => 0,
        };
        let (stuck, fenced) = (self.is_stuck(), self.is_fenced());
        Trouble { error: self.to_string(), stuck, fenced, withheld, until }
    }

    /// Whether trying again does not help by itself.
    pub(super) const fn is_stuck(&self) -> bool {
        matches!(
            self,
            Self::Projection { .. }
                | Self::Apply { error: StoreError::Unfit { .. }, .. }
                | Self::BeyondLog { .. }
                | Self::OtherLog(_)
                | Self::Withheld { .. }
        )
    }

    /// Why `position` can neither be applied nor wait.
    pub(super) fn triage(position: Position, error: TriageError) -> Self {
        match error {
            TriageError::Log(error) => error.into(),
            TriageError::Projection(error) => Self::Projection { position, error },
        }
    }

    /// Why a batch that was refused could not be written in parts.
    pub(super) fn sifting(error: SiftError) -> Self {
        match error {
            SiftError::Log(error) => error.into(),
            SiftError::Store { first, last, error } => Self::Apply { first, last, error },
            SiftError::Projection { position, error } => Self::Projection { position, error },
            SiftError::Assembling { position, error } => Self::assembling(position, error),
        }
    }

    /// Why `position` cannot be taken in.
    pub(super) fn assembling(position: Position, error: AssembleError) -> Self {
        match error {
            AssembleError::Withheld { expected, found } => Self::Withheld { expected, found },
            AssembleError::Commit(error) => Self::Projection { position, error },
        }
    }
}

/// The worker's end of its state. Dropping it says that the worker is gone, also when it panicked.
#[derive(Debug)]
pub(super) struct StateCell(watch::Sender<WorkerState>);

impl StateCell {
    pub(super) fn new() -> (Self, watch::Receiver<WorkerState>) {
        let applied = Checkpoint::default();
        let state = WorkerState {
            applied,
            tally: Tally::default(),
            started: false,
            working: false,
            trouble: None,
            held: None,
            stopped: None,
        };
        let (sender, receiver) = watch::channel(state);
        (Self(sender), receiver)
    }

    /// Publishes where the store stands as a session begins; answers whether trouble was overcome by it.
    pub(super) fn found(&self, checkpoint: Checkpoint) -> bool {
        self.publish(checkpoint, |state| {
            state.tally = Tally { since: state.applied.position, messages: 0 };
        })
    }

    /// Publishes that the store has applied so many more messages; answers whether trouble was overcome by it.
    pub(super) fn applied(&self, checkpoint: Checkpoint, messages: usize) -> bool {
        self.publish(checkpoint, |state| state.tally.messages += messages as u64)
    }

    fn publish(&self, checkpoint: Checkpoint, count: impl FnOnce(&mut WorkerState)) -> bool {
        let mut overcome = false;
        self.0.send_modify(|state| {
            let until = state.trouble.as_ref().and_then(|trouble| trouble.until);
            overcome = until.is_some_and(|until| until <= checkpoint.position);
            if overcome {
                state.trouble = None;
            }
            state.applied = checkpoint;
            state.started = true;
            count(state);
            state.held = None;
        });
        overcome
    }

    /// Says that the log delivers; answers whether trouble was overcome by it.
    pub(super) fn log_delivers(&self) -> bool {
        self.0.send_if_modified(|state| {
            let overcome = state.trouble.as_ref().is_some_and(|trouble| trouble.until.is_none());
            if overcome {
                state.trouble = None;
            }
            overcome
        })
    }

    /// Publishes `failure`. A failure on the way does not hide that an event is stuck.
    pub(super) fn failed(&self, failure: &Failure) {
        let mut trouble = failure.trouble();
        self.0.send_modify(|state| {
            if let Some(known) = state.trouble.take() {
                let until = known.until.max(trouble.until);
                if known.stuck && known.until.is_some() && !trouble.stuck {
                    trouble = known;
                }
                trouble.until = until;
            }
            state.trouble = Some(trouble);
        });
    }

    /// Says that a rebuild holds the partition. The hold is why the worker was fenced, so that this is no trouble; that an
    /// event is stuck stays.
    pub(super) fn held(&self, until: Timestamp) {
        self.0.send_modify(|state| {
            state.held = Some(until);
            state.trouble = state.trouble.take().filter(|trouble| trouble.stuck);
        });
    }

    /// Says that a session begins.
    pub(super) fn begins(&self) {
        self.0.send_modify(|state| state.working = true);
    }

    /// Says that the session has ended and nothing is in flight.
    pub(super) fn rests(&self) {
        self.0.send_modify(|state| state.working = false);
    }

    /// Says that the partition is another process's: what is known of it ages, and its trouble is not this worker's.
    pub(super) fn without_lease(&self) {
        self.0.send_modify(|state| {
            state.started = false;
            state.trouble = None;
            state.held = None;
        });
    }

    /// Says that the worker ended as it was asked to.
    pub(super) fn stopped(&self) {
        self.0.send_modify(|state| state.stopped = Some("stopped"));
    }
}

impl Drop for StateCell {
    fn drop(&mut self) {
        self.0.send_modify(|state| {
            state.stopped.get_or_insert(if std::thread::panicking() {
                "the worker panicked"
            } else {
                "the worker ended unasked"
            });
        });
    }
}
