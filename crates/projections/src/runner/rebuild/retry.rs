//! Tries of one step of a rebuild: bounded, because somebody waits for it.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder, Retryable};
use foodflow_log::LogError;

use super::RebuildOptions;
use crate::graph::StoreError;

/// Repeats what was only unavailable.
pub(super) struct Retry(ExponentialBuilder);

impl Retry {
    pub(super) fn new(options: &RebuildOptions) -> Self {
        let longest = (options.retry_delay_max / 2).max(options.retry_delay_min);
        let builder = ExponentialBuilder::new()
            .with_min_delay(options.retry_delay_min)
            .with_max_delay(longest)
            .with_max_times(options.tries_max.saturating_sub(1))
            .with_jitter();
        Self(builder)
    }

    /// The delays between tries of a step that cannot be made anew.
    pub(super) fn delays(&self) -> impl Iterator<Item = Duration> + use<> {
        self.0.build()
    }

    pub(super) async fn store<T, F>(&self, step: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        step.retry(self.0)
            .when(|error| matches!(error, StoreError::Unavailable { .. }))
            .notify(|error, delay| tracing::warn!(%error, ?delay, "the rebuild tries again"))
            .await
    }

    pub(super) async fn log<T, F>(&self, step: impl FnMut() -> F) -> Result<T, LogError>
    where
        F: Future<Output = Result<T, LogError>>,
    {
        step.retry(self.0)
            .when(|error| matches!(error, LogError::Unavailable { .. }))
            .notify(|error, delay| tracing::warn!(%error, ?delay, "the rebuild tries again"))
            .await
    }
}
