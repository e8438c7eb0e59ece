//! How a projection is doing, for operators and readiness.

use foodflow_log::{Partition, Position};
use serde::Serialize;

use super::observe::Observation;
use super::state::WorkerState;

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
    /// The worker is gone.
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

/// Whether a worker in this state serves queries that may be ready.
pub(super) const fn is_ready(worker: &WorkerState) -> bool {
    worker.started && worker.trouble.is_none() && worker.stopped.is_none()
}

/// State and error of `worker`, given what was seen of the log.
pub(super) fn state_of(
    worker: &WorkerState,
    seen: &Observation,
    batch_messages_max: usize,
) -> (ProjectionState, Option<String>) {
    let trouble = worker.trouble.as_ref();
    let error = trouble.map(|trouble| trouble.error.clone());
    if let Some(reason) = worker.stopped {
        let error =
            error.map_or_else(|| reason.to_owned(), |error| format!("{reason}; before that: {error}"));
        return (ProjectionState::Stopped, Some(error));
    }
    match trouble {
        Some(trouble) if trouble.stuck => (ProjectionState::Stuck, error),
        Some(_) => (ProjectionState::Retrying, error),
        None if worker.held.is_some() => (ProjectionState::Held, None),
        None if seen.log_error.is_some() => (ProjectionState::Retrying, seen.log_error.clone()),
        None if !worker.started || seen.lag_events() > batch_messages_max as u64 => {
            (ProjectionState::CatchingUp, None)
        }
        None => (ProjectionState::Running, None),
    }
}
