//! Reading a tenant's standing: the tenant and its subscription from the log, what it used from the read model.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::ids::SubscriptionId;
use foodflow_domain::tenancy::Month;
use foodflow_domain::tenancy::subscription::Subscription;
use foodflow_domain::tenancy::tenant::Tenant;
use foodflow_domain::{StreamAggregate, TenantId};
use foodflow_log::event_log::LOADED_MESSAGES_MAX;
use foodflow_log::{EventLog, SharedLog};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Cell, METER_TIMEOUT, Metered, Standings, TenantStanding};
use crate::error::CommandError;
use crate::loaded::Loaded;
use crate::unit::stream_of;

/// The states that the next reading goes on from.
#[derive(Default)]
pub(super) struct Held {
    tenant: Loaded<Tenant>,
    subscription: Option<(SubscriptionId, Loaded<Subscription>)>,
}

impl Held {
    /// Follows the streams to their ends.
    async fn follow(&mut self, log: &SharedLog, tenant: TenantId) -> Result<(), CommandError> {
        let Self { tenant: own, subscription } = self;
        match subscription {
            // Both at once, as the subscription is most often the one that it was.
            Some((id, of_id)) => {
                let id = id.0;
                tokio::try_join!(follow(&**log, tenant, tenant.0, own), follow(&**log, tenant, id, of_id))?;
            }
            None => follow(&**log, tenant, tenant.0, own).await?,
        }
        let present = own.state.subscription_id;
        if subscription.as_ref().map(|(id, _)| *id) != present {
            *subscription = None;
            if let Some(id) = present {
                let mut of_id = Loaded::default();
                follow(&**log, tenant, id.0, &mut of_id).await?;
                *subscription = Some((id, of_id));
            }
        }
        Ok(())
    }
}

/// Follows a stream from where `loaded` is to its end. Nothing in it belongs to a person, so that nothing is sealed.
async fn follow<A: StreamAggregate>(
    log: &dyn EventLog,
    tenant: TenantId,
    id: Uuid,
    loaded: &mut Loaded<A>,
) -> Result<(), CommandError> {
    let stream = stream_of::<A>(id);
    let mut is_remembered = loaded.version > 0;
    loop {
        let page = log.load_page(tenant, &stream, loaded.position, LOADED_MESSAGES_MAX).await?;
        match page.messages.iter().try_for_each(|message| loaded.apply(message, &message.payload)) {
            Ok(()) if page.reached_end => return Ok(()),
            Ok(()) => {}
            // A log that lost its end and went on holds something else than what is remembered.
            Err(_) if is_remembered => (*loaded, is_remembered) = (Loaded::default(), false),
            Err(error) => {
                *loaded = Loaded::default();
                return Err(error);
            }
        }
    }
}

impl Standings {
    /// The standing of a tenant, read anew unless that was begun less than `age` ago. Who asks meanwhile shares it.
    pub(super) async fn read(&self, cell: &Cell, age: Duration) -> Result<Arc<TenantStanding>, CommandError> {
        let mut held = cell.held.lock().await;
        let changes = {
            let known = cell.known();
            if let Some(standing) = known.younger_than(age) {
                return Ok(standing);
            }
            known.changes
        };
        let began = Instant::now();
        held.follow(&self.log, cell.tenant).await?;
        let subscription = held.subscription.as_ref().map(|(_, loaded)| loaded.state.clone());
        let (tenant, plans) = (held.tenant.state.clone(), Arc::clone(&self.plans));
        let standing = Arc::new(TenantStanding { tenant, subscription, plans });
        let now = self.clock.now();
        let is_limited = standing.entitlements_at(now).lots_per_month.is_some();
        let month = Month::of(now);
        let metered = if is_limited { self.metered(cell, month).await } else { None };
        let mut known = cell.known();
        if let Some(metered) = metered {
            known.month.take_in(month, metered);
        }
        let is_still_so = known.changes == changes;
        known.standing = Some((Arc::clone(&standing), is_still_so.then_some(began)));
        Ok(standing)
    }

    /// What the read model says of the month; nothing where it does not answer, so that what is known counts on.
    async fn metered(&self, cell: &Cell, month: Month) -> Option<Metered> {
        let meter = self.meter.get()?;
        let since = cell.known().month.unsettled_since(month);
        let lots = meter.lots(cell.tenant, since, month.end());
        match timeout(METER_TIMEOUT, lots).await {
            Ok(Ok(metered)) => Some(metered),
            Ok(Err(error)) => {
                tracing::warn!(tenant = %cell.tenant, %error, "use cannot be read; the last known counts on");
                None
            }
            Err(_) => {
                tracing::warn!(tenant = %cell.tenant, "use was not read in time; the last known counts on");
                None
            }
        }
    }
}
