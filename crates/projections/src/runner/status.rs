//! How a projection is doing, for operators and readiness.

use foodflow_log::{Partition, Position};
use serde::Serialize;

use super::lease::Owner;
use super::observe::Observation;
use super::state::WorkerState;

/// What is said of a partition without an owner.
const NOBODY: &str = "no living process has the partition";

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionState {
    /// It keeps up with the log, to within one batch.
    Running,
    /// It gets on, but is more than one batch behind; also before its first batch.
    CatchingUp,
    /// A rebuild is about to switch and holds the partition for a moment; it goes on afterwards.
    Held,
    /// The store or the log does not answer; it tries again.
    Retrying,
    /// An event cannot be projected; it tries again, and nothing later is applied before that.
    Stuck,
    /// No living process has the partition.
    Unassigned,
    /// The worker of this process is gone.
    Stopped,
}

/// One projection's standing in one partition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProjectionStatus {
    /// Name of the projection, e.g. `food_graph`.
    pub projection: &'static str,
    /// Name of the store, e.g. `embedded`.
    pub store: &'static str,
    /// The partition.
    pub partition: Partition,
    /// The process that has the partition, where one that lives does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Last applied position.
    pub position: Position,
    /// Last position of the log, as far as known.
    pub head: Position,
    /// Messages between the two.
    pub lag_events: u64,
    /// Age in seconds of the oldest message not yet applied, by its recorded time; 0 when there is none.
    pub lag_seconds: f64,
    /// What the worker is doing.
    pub state: ProjectionState,
    /// Why it does not get on, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Entities whose events wait for an operator. A projection that cannot apply an event stops its whole
    /// partition, so there are none.
    pub quarantined_entities: Vec<String>,
}

/// Whose a partition is, as one process sees it.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// This process's; its worker knows how it is.
    Own(Owner, WorkerState),
    /// Another process's that lives.
    Others(Owner),
    /// No living process's.
    Nobodys {
        /// The worker of this process, where there is one.
        worker: Option<WorkerState>,
        /// Whether it is so for longer than a change of owners takes.
        for_long: bool,
        /// Why there are no leases.
        error: Option<String>,
    },
}

impl Standing {
    pub(super) const fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Own(owner, _) | Self::Others(owner) => Some(owner),
            Self::Nobodys { .. } => None,
        }
    }

    /// Whether queries that read the partition may be ready.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Own(_, worker) => {
                worker.started && worker.trouble.as_ref().is_none_or(|trouble| trouble.fenced)
            }
            Self::Others(_) => true,
            Self::Nobodys { for_long, error, .. } => !*for_long && error.is_none(),
        }
    }

    /// State and error, given what was seen of the log.
    pub(super) fn state(
        &self,
        seen: &Observation,
        batch_messages_max: usize,
    ) -> (ProjectionState, Option<String>) {
        let (worker, lease_error) = match self {
            Self::Own(_, worker) => (Some(worker), None),
            Self::Others(_) => (None, None),
            Self::Nobodys { worker, error, .. } => (worker.as_ref(), error.clone()),
        };
        if let Some(worker) = worker
            && let Some(reason) = worker.stopped
        {
            return (ProjectionState::Stopped, Some(after(reason, worker)));
        }
        if let Self::Nobodys { .. } = self {
            return match lease_error {
                Some(error) => (ProjectionState::Retrying, Some(error)),
                None => (ProjectionState::Unassigned, Some(NOBODY.to_owned())),
            };
        }
        let trouble = worker.and_then(|worker| worker.trouble.as_ref());
        match trouble {
            Some(trouble) if trouble.stuck => (ProjectionState::Stuck, Some(trouble.error.clone())),
            Some(trouble) => (ProjectionState::Retrying, Some(trouble.error.clone())),
            None if worker.is_some_and(|worker| worker.held.is_some()) => (ProjectionState::Held, None),
            None if seen.log_error.is_some() => (ProjectionState::Retrying, seen.log_error.clone()),
            None if worker.is_some_and(|worker| !worker.started) => (ProjectionState::CatchingUp, None),
            None if seen.lag_events() > batch_messages_max as u64 => (ProjectionState::CatchingUp, None),
            None => (ProjectionState::Running, None),
        }
    }
}

/// Why a worker ended, and what it had met before.
fn after(reason: &str, worker: &WorkerState) -> String {
    match &worker.trouble {
        Some(trouble) => format!("{reason}; before that: {}", trouble.error),
        None => reason.to_owned(),
    }
}
