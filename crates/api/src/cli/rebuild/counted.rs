//! A projection that counts the events of the messages it was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foodflow_log::StoredMessage;
use foodflow_projections::runner::{Projected, Projection, ProjectionError};
use serde::de::IgnoredAny;

/// Counts what another projection projects.
pub(super) struct Counted<C> {
    projection: Arc<dyn Projection<C>>,
    events: AtomicU64,
}

impl<C> Counted<C> {
    pub(super) fn new(projection: Arc<dyn Projection<C>>) -> Self {
        Self { projection, events: AtomicU64::new(0) }
    }

    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }
}

impl<C: 'static> Projection<C> for Counted<C> {
    fn name(&self) -> &'static str {
        self.projection.name()
    }

    fn project(&self, message: &StoredMessage) -> Result<Projected<C>, ProjectionError> {
        let projected = self.projection.project(message)?;
        // Cannot fail: the projection has read it.
        let events =
            serde_json::from_slice::<Vec<IgnoredAny>>(&message.payload).map_or(0, |events| events.len());
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        Ok(projected)
    }
}
