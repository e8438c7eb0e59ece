//! What tenants used, as the write path asks for it: from the usage metrics of the read model.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use foodflow_commands::{CommandError, Meter, Metered};
use foodflow_domain::TenantId;
use foodflow_domain::tenancy::usage::LOT_METRICS;
use foodflow_log::SharedLog;
use foodflow_projections::runner::Progress;
use foodflow_projections::tables::TableStore;
use foodflow_projections::tenancy::usage_metrics::{UsageMetricFilters, all};
use jiff::Timestamp;

/// Lots by hour, from `usage_metrics`.
pub struct UsageMeter {
    /// The log that is metered.
    pub log: SharedLog,
    /// The read model.
    pub store: Arc<dyn TableStore>,
    /// How far it is.
    pub progress: Progress,
}

#[async_trait]
impl Meter for UsageMeter {
    async fn lots(
        &self,
        tenant: TenantId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Metered, CommandError> {
        let unavailable =
            |error: &dyn std::fmt::Display| CommandError::Unavailable { reason: error.to_string() };
        // Before the rows: what is applied while they are read counts twice for a moment, and nothing is left out.
        let position = self.progress.applied(self.log.partition_of(tenant)).await;
        let position = position.map_err(|error| unavailable(&error))?;
        let mut hours: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for metric in LOT_METRICS {
            let (since, until) = (Some(since), Some(until));
            let filters = UsageMetricFilters { metric_name: Some(metric.to_owned()), since, until };
            for row in
                all(self.store.as_ref(), tenant, &filters).await.map_err(|error| unavailable(&error))?
            {
                *hours.entry(row.timestamp).or_default() += u64::try_from(row.value).unwrap_or_default();
            }
        }
        Ok(Metered { position, hours: hours.into_iter().collect() })
    }
}
