//! How much a tenant may ask for: what its plan says, else what the settings say.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_commands::standing::Standings;
use foodflow_domain::TenantId;
use foodflow_domain::tenancy::Entitlements;
use foodflow_projections::keys::Rate;
use jiff::Timestamp;

use super::admission::{RateLimits, SameForAll};

/// The rates of plans; of those without one, and of tenants without a plan, that of the settings.
pub struct ByPlan {
    /// The standings of tenants, as this process knows them.
    pub standings: Arc<Standings>,
    /// For all others.
    pub others: SameForAll,
}

#[async_trait]
impl RateLimits for ByPlan {
    async fn of_tenant(&self, tenant: TenantId) -> Option<Rate> {
        // The first request of a tenant that this process has not met is counted as one without a plan.
        let standing = self.standings.known(tenant);
        let of_plan = standing.and_then(|standing| rate(&standing.entitlements_at(Timestamp::now())));
        of_plan.or(self.others.0)
    }
}

fn rate(entitlements: &Entitlements) -> Option<Rate> {
    let per_second = NonZeroU32::new(entitlements.requests_per_second?)?.get();
    let burst = entitlements.request_burst.unwrap_or(per_second).max(1);
    Rate::new(per_second, Duration::from_secs(1), burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_plan() {
        let plan = Entitlements { requests_per_second: Some(20), ..Entitlements::UNLIMITED };
        let shown = |plan: &Entitlements| rate(plan).map(|rate| (rate.tokens(), rate.burst()));
        assert_eq!(shown(&plan), Some((20, 20)));
        assert_eq!(shown(&Entitlements { request_burst: Some(200), ..plan }), Some((20, 200)));
        assert_eq!(shown(&Entitlements::UNLIMITED), None);
    }
}
