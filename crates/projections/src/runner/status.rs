//! How a projection is doing, for operators and readiness.

use std::time::Duration;

use foodflow_log::{Partition, Position};
use serde::Serialize;
use utoipa::ToSchema;

use super::lease::Owner;
use super::observe::Observation;
use super::state::WorkerState;
use crate::store::quarantine::Quarantine;

/// What is said of a partition without an owner.
const NOBODY: &str = "no living process has the partition";

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
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
    /// It gets on, but not all that lies behind it is in the read model.
    Degraded,
    /// It does not get on by itself: an event cannot be read, the log withholds one, or nothing moves.
    Stuck,
    /// No living process has the partition.
    Unassigned,
    /// The worker of this process is gone.
    Stopped,
}

/// One projection's standing in one partition.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProjectionStatus {
    /// Name of the projection, e.g. `food_graph`.
    pub projection: &'static str,
    /// Name of the store, e.g. `embedded`.
    pub store: &'static str,
    /// The partition.
    #[schema(value_type = u16)]
    pub partition: Partition,
    /// The process that has the partition, where one that lives does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub owner: Option<Owner>,
    /// Last applied position.
    #[schema(value_type = u64)]
    pub position: Position,
    /// Last position of the log, as far as known.
    #[schema(value_type = u64)]
    pub head: Position,
    /// Messages between the two.
    pub lag_events: u64,
    /// Age in seconds of the oldest message not yet applied, by its recorded time; 0 when there is none.
    pub lag_seconds: f64,
    /// What the worker is doing.
    pub state: ProjectionState,
    /// Why it does not get on, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// What waits for an operator, of every tenant of the partition.
    #[serde(skip)]
    pub quarantine: Quarantine,
}

/// What is seen of a partition without asking its worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Outside {
    /// For how long nothing was applied although the log goes on, where that is too long.
    pub(super) stalled: Option<Duration>,
    /// Why the store did not tell its position.
    pub(super) store_error: Option<String>,
    /// What the auditor found.
    pub(super) audit_error: Option<String>,
    /// What waits.
    pub(super) quarantine: Quarantine,
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
    pub(super) const fn is_own(&self) -> bool {
        matches!(self, Self::Own(..))
    }

    /// Whether a rebuild keeps the worker from the partition.
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Own(_, worker) if worker.held.is_some())
    }

    /// How many positions the log withholds from the worker.
    pub(super) fn withheld(&self) -> u64 {
        match self {
            Self::Own(_, worker) => worker.trouble.as_ref().map_or(0, |trouble| trouble.withheld),
            _ => 0,
        }
    }

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
        outside: Outside,
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
        if let Some(trouble) = worker.and_then(|worker| worker.trouble.as_ref()) {
            let state = if trouble.stuck { ProjectionState::Stuck } else { ProjectionState::Retrying };
            return (state, Some(trouble.error.clone()));
        }
        if worker.is_some_and(|worker| worker.held.is_some()) {
            return (ProjectionState::Held, None);
        }
        if let Some(still_for) = outside.stalled {
            let (seconds, position) = (still_for.as_secs(), seen.position);
            let error = format!(
                "nothing was applied for {seconds} s, although the log goes on after position {position}"
            );
            return (ProjectionState::Stuck, Some(error));
        }
        if let Some(error) = seen.log_error.clone().or(outside.store_error) {
            return (ProjectionState::Retrying, Some(error));
        }
        if let Some(error) = outside.audit_error.or_else(|| in_quarantine(&outside.quarantine)) {
            return (ProjectionState::Degraded, Some(error));
        }
        let is_starting = worker.is_some_and(|worker| !worker.started);
        if is_starting || seen.lag_events() > batch_messages_max as u64 {
            return (ProjectionState::CatchingUp, None);
        }
        (ProjectionState::Running, None)
    }
}

fn in_quarantine(quarantine: &Quarantine) -> Option<String> {
    let (entities, messages) = (quarantine.entities(), quarantine.messages());
    (entities > 0).then(|| format!("{entities} entities with {messages} messages wait in quarantine"))
}

/// Why a worker ended, and what it had met before.
fn after(reason: &str, worker: &WorkerState) -> String {
    match &worker.trouble {
        Some(trouble) => format!("{reason}; before that: {}", trouble.error),
        None => reason.to_owned(),
    }
}
