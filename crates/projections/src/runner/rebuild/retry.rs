//! Tries of one step of a rebuild: bounded, because somebody waits for it.

use std::future::Future;

use backon::{BackoffBuilder as _, ExponentialBuilder, Retryable};
use foodflow_log::{LogError, StoredMessage};

use super::RebuildOptions;
use crate::runner::quarantine::{Triage, TriageError, Triaged};
use crate::store::StoreError;

/// Repeats what was only unavailable.
pub(crate) struct Retry(ExponentialBuilder);

impl Retry {
    /// A single try each: for who begins anew as a whole.
    pub(in crate::runner) fn never() -> Self {
        Self(ExponentialBuilder::new().with_max_times(0))
    }

    pub(super) fn new(options: &RebuildOptions) -> Self {
        let longest = (options.retry_delay_max / 2).max(options.retry_delay_min);
        let builder = ExponentialBuilder::new()
            .with_min_delay(options.retry_delay_min)
            .with_max_delay(longest)
            .with_max_times(options.tries_max.saturating_sub(1))
            .with_jitter();
        Self(builder)
    }

    /// Deals with the next message.
    pub(in crate::runner) async fn triage<C: Send + 'static>(
        &self,
        triage: &mut Triage<C>,
        message: &StoredMessage,
    ) -> Result<Triaged<C>, TriageError> {
        let mut delays = self.0.build();
        loop {
            match triage.take(message).await {
                Err(TriageError::Log(error)) => {
                    let delay = delays.next().filter(|_| matches!(error, LogError::Unavailable { .. }));
                    let Some(delay) = delay else { return Err(error.into()) };
                    tracing::warn!(%error, ?delay, "the rebuild tries again");
                    tokio::time::sleep(delay).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub(in crate::runner) async fn store<T, F>(&self, step: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        step.retry(self.0)
            .when(|error| matches!(error, StoreError::Unavailable { .. }))
            .notify(|error, delay| tracing::warn!(%error, ?delay, "the rebuild tries again"))
            .await
    }

    pub(in crate::runner) async fn log<T, F>(&self, step: impl FnMut() -> F) -> Result<T, LogError>
    where
        F: Future<Output = Result<T, LogError>>,
    {
        step.retry(self.0)
            .when(|error| matches!(error, LogError::Unavailable { .. }))
            .notify(|error, delay| tracing::warn!(%error, ?delay, "the rebuild tries again"))
            .await
    }
}
