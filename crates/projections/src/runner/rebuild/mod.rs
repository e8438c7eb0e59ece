//! A read model anew from the log, beside the one that is live, while everything goes on.
//!
//! What is filled stands apart, with checkpoints of its own, so that a rebuild goes on where another one was interrupted,
//! and no query sees anything of it. It is compared with the live one by digest, at the same position; where the two
//! differ, or somebody asks for it, they change places in one step, and can change back. Only for this last moment, and
//! for a comparison that a store cannot make as of one moment, the projectors stand still; commands never do.
//!
//! A rebuild writes to the read model alone: nothing here, nor in a projection, can issue a command or send anything,
//! so that what an event once caused is not caused again.
//!
//! - [`report`]: what is asked and answered;
//! - [`coordinator`]: the course;
//! - [`source`], [`filling`]: reading, projecting and applying;
//! - [`holds`]: stopping the projectors for a moment;
//! - [`retry`]: tries of one step.

mod coordinator;
mod filling;
mod holds;
mod report;
pub(in crate::runner) mod retry;
mod source;

use std::sync::Arc;

use foodflow_log::SharedLog;

use self::coordinator::Coordinator;
use self::filling::Means;
pub use self::report::{
    Comparison, Outcome, RebuildError, RebuildOptions, RebuildProgress, RebuildReport, RebuildRequest,
    RebuildStage, SwitchPolicy, Verdict,
};
use self::retry::Retry;
use super::projection::Projection;
use crate::store::generations::Generations;

/// Fills a generation beside the live one from the log, compares the two, and switches where `request` says so.
///
/// `on_progress` is called after each batch and before each step. A read model that holds nothing is filled in place.
///
/// # Errors
/// [`RebuildError`]; then the live generation is as it was, and the next rebuild goes on.
pub async fn rebuild<C: Clone + Send + Sync + 'static>(
    log: SharedLog,
    store: Arc<dyn Generations<C>>,
    projection: Arc<dyn Projection<C>>,
    request: RebuildRequest,
    options: RebuildOptions,
    mut on_progress: impl FnMut(RebuildProgress) + Send + Sync,
) -> Result<RebuildReport, RebuildError> {
    tracing::info!(projection = projection.name(), store = store.name(), ?request, "rebuilding");
    let means = Means { log, projection, retry: Retry::new(&options), options };
    let coordinator = Coordinator::new(means, store, request.scope, &mut on_progress);
    Box::pin(coordinator.rebuild(&request)).await
}

/// Brings the previous generation up to date and lets it change places with the live one.
///
/// # Errors
/// As [`rebuild`]; also where there is no previous generation.
pub async fn switch_back<C: Clone + Send + Sync + 'static>(
    log: SharedLog,
    store: Arc<dyn Generations<C>>,
    projection: Arc<dyn Projection<C>>,
    options: RebuildOptions,
    mut on_progress: impl FnMut(RebuildProgress) + Send + Sync,
) -> Result<RebuildReport, RebuildError> {
    let retry = Retry::new(&options);
    let (scope, sink) = retry.store(|| store.reopen_previous()).await?;
    tracing::info!(projection = projection.name(), store = store.name(), ?scope, "switching back");
    let means = Means { log, projection, retry, options };
    let coordinator = Coordinator::new(means, store, scope, &mut on_progress);
    Box::pin(coordinator.go_back(sink)).await
}
