//! Feature flags.

use foodflow_domain::ids::{self, FeatureFlagId};
use foodflow_domain::tenancy::feature_flag::{FeatureFlag, FeatureFlagCommand, FeatureFlagSet};
use foodflow_domain::tenancy::tenant::{Tenant, TenantCommand};
use foodflow_log::StreamId;

use super::own;
use crate::execute::{CommandMeta, Operation, Reply, reply_of};
use crate::unit::{Stop, Unit, stream_of};

/// `PUT /v1/feature-flags/{feature_name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFeatureFlag {
    /// The feature.
    pub feature_name: String,
    /// Whether it is on.
    pub enabled: bool,
}

impl SetFeatureFlag {
    fn id(&self, meta: &CommandMeta) -> FeatureFlagId {
        ids::named(meta.tenant, "feature flag", &self.feature_name).into()
    }
}

impl Operation for SetFeatureFlag {
    type Primary = FeatureFlag;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("feature-flags", self.id(meta).0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![own(meta), stream_of::<FeatureFlag>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let feature_flag_id = self.id(unit.meta);
        let Self { feature_name, enabled } = self.clone();
        // In the tenant's stream, too: of this and its closing, one comes first in the log.
        let set = TenantCommand::SetFeature { feature_name: feature_name.clone(), enabled };
        unit.decide::<Tenant>(unit.meta.tenant.0, set, "").await?;
        let command = FeatureFlagCommand::Set(FeatureFlagSet { feature_flag_id, feature_name, enabled });
        unit.decide::<FeatureFlag>(feature_flag_id.0, command, "").await
    }
}
