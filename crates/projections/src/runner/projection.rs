//! What a projection is to the runner: a pure function from a stored message to changes.

use std::sync::Arc;

use foodflow_log::StoredMessage;
use jiff::Timestamp;

use crate::changes::Change as GraphChange;
use crate::recorded::{ProjectError, Recorded};

/// A projection. Pure: no clock, no store, no randomness, or a rebuild would not equal what is live.
///
/// Changes of different streams must commute: those of a stream in quarantine are applied later than others that the log
/// has behind them. What each stream changes of its own (its node or row, its edges) does.
pub trait Projection<C>: Send + Sync + 'static {
    /// Its name in status, logs and metrics, e.g. `food_graph`.
    fn name(&self) -> &'static str;

    /// What `message` changes; no changes where its events are none of this projection's.
    ///
    /// # Errors
    /// Where the message cannot be read or holds what the projection does not know; its entity then waits in
    /// quarantine, while others go on.
    fn project(&self, message: &StoredMessage) -> Result<Projected<C>, ProjectionError>;
}

/// One message, projected.
#[derive(Debug, Clone, PartialEq)]
pub struct Projected<C> {
    /// Its changes, in the order of its events; they apply to the message's tenant.
    pub changes: Vec<C>,
    /// Recorded time of the message.
    pub recorded_at: Timestamp,
    /// Index of the message within its commit, from 0.
    pub commit_index: u32,
    /// Number of messages in the commit, at least 1.
    pub commit_size: u32,
    /// Number of events in the message, whether they change anything or not.
    pub events: u32,
}

/// Why a message could not be projected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ProjectionError {
    /// What is wrong, without the event's data.
    pub reason: String,
}

impl ProjectionError {
    /// The error with `reason`.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl From<ProjectError> for ProjectionError {
    /// Without the sources: they quote the event's data.
    fn from(error: ProjectError) -> Self {
        Self::new(error.to_string())
    }
}

/// A context's projection of read messages, under its name.
#[derive(Debug, Clone, Copy)]
pub struct RecordedProjection<C> {
    name: &'static str,
    project: fn(&Recorded) -> Result<Vec<C>, ProjectError>,
}

impl<C> RecordedProjection<C> {
    /// The projection `project`, named `name`.
    #[must_use]
    pub const fn new(name: &'static str, project: fn(&Recorded) -> Result<Vec<C>, ProjectError>) -> Self {
        Self { name, project }
    }
}

/// Recorded time of a message, its index in its commit, and the size of that.
///
/// # Errors
/// Where its events disagree about it.
pub fn place_in_commit(recorded: &Recorded) -> Result<(Timestamp, u32, u32), ProjectionError> {
    let Some(first) = recorded.events.first() else {
        return Err(ProjectionError::new("it holds no event"));
    };
    let place = (first.commitindex, first.commitsize);
    if recorded.events.iter().any(|event| (event.commitindex, event.commitsize) != place) {
        return Err(ProjectionError::new("its events disagree about their place in the commit"));
    }
    Ok((first.time, place.0, place.1))
}

/// The projection of the food graph.
#[must_use]
pub fn food_graph() -> Arc<dyn Projection<GraphChange>> {
    Arc::new(RecordedProjection::new("food_graph", crate::food_graph::project))
}

impl<C: 'static> Projection<C> for RecordedProjection<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn project(&self, message: &StoredMessage) -> Result<Projected<C>, ProjectionError> {
        let recorded = Recorded::decode(message)?;
        let (recorded_at, commit_index, commit_size) = place_in_commit(&recorded)?;
        let (changes, events) = ((self.project)(&recorded)?, recorded.events.len() as u32);
        Ok(Projected { changes, recorded_at, commit_index, commit_size, events })
    }
}
