//! A feature flag: whether a feature is switched on for a tenant.

use serde::{Deserialize, Serialize};

use super::TenancyError;
use crate::ids::FeatureFlagId;
use crate::{Context, aggregate, event_set};

/// A feature was switched on or off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureFlagSet {
    /// Id of the flag; derives from tenant and feature.
    pub feature_flag_id: FeatureFlagId,
    /// The feature.
    pub feature_name: String,
    /// Whether it is on now.
    pub enabled: bool,
}

event_set! {
    /// Events of a feature flag.
    pub enum FeatureFlagEvent {
        /// The feature was switched on or off.
        Set(FeatureFlagSet) = "foodflow.tenancy.feature_flag.set.v1",
    }
}

/// What may be asked of a feature flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureFlagCommand {
    /// Switch the feature on or off.
    Set(FeatureFlagSet),
}

/// State of a feature flag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureFlag {
    /// Whether the feature is on; `None` before it was ever set.
    pub enabled: Option<bool>,
}

impl FeatureFlag {
    fn decide(
        &self,
        command: FeatureFlagCommand,
        _: &Context,
    ) -> Result<Vec<FeatureFlagEvent>, TenancyError> {
        let FeatureFlagCommand::Set(data) = command;
        Ok(vec![FeatureFlagEvent::Set(data)])
    }

    fn evolve(&mut self, event: FeatureFlagEvent) {
        let FeatureFlagEvent::Set(data) = event;
        self.enabled = Some(data.enabled);
    }
}

aggregate!(FeatureFlag, "tenancy", "feature_flag", FeatureFlagCommand, FeatureFlagEvent, TenancyError);
