//! What a tenant may do now: its status and its plan's limits, known to each process without asking the log for each
//! command.
//!
//! A process keeps the standing of each tenant whose commands it takes. It was read at most [`STALE`] ago where a command
//! is decided by it, and is read again in the background from [`FRESH`] on, so that a busy tenant's commands never wait for
//! that; a command of an idle tenant reads it while it decides. What this process itself changes of a tenant counts at
//! once. A refusal is never decided on what was remembered for long. `docs/adr/0019-standing.md` says what that bounds.
//!
//! What must never happen here: a tenant's commands that wait for each other, a command that is refused for what the log
//! no longer says, or one that is barred because a read model does not answer.

mod month_use;
mod reading;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_domain::tenancy::plan::{Entitlements, Plans};
use foodflow_domain::tenancy::subscription::Subscription;
use foodflow_domain::tenancy::tenant::{Tenant, TenantStatus};
use foodflow_domain::tenancy::{Month, TenancyError};
use foodflow_log::{Position, SharedLog};
use jiff::Timestamp;
use moka::sync::Cache;
use tokio::time::{Instant, timeout};

use self::month_use::MonthUse;
use self::reading::Held;
use crate::clock::Clock;
use crate::error::CommandError;

/// From which age on a standing is read again in the background.
pub const FRESH: Duration = Duration::from_millis(400);
/// From which age on a command waits until it was read again.
pub const STALE: Duration = Duration::from_secs(1);
/// From which age on a standing is read again before it refuses a command.
const CERTAIN: Duration = Duration::from_millis(100);
/// How long the read model may take to say what was used; what is known counts on where it takes longer.
const METER_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a question waits for the standing of a tenant that this process does not know yet.
const UNKNOWN_TIMEOUT: Duration = Duration::from_millis(250);
/// Tenants whose standing a process keeps.
const TENANTS_MAX: u64 = 100_000;

/// Which standing an operation needs of its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It is active, or was never registered.
    Active,
    /// It is not closed.
    Open,
    /// Any: for what keeps the service itself in order.
    Nothing,
}

/// What a tenant may do, as last read.
#[derive(Debug, Clone, Default)]
pub struct TenantStanding {
    tenant: Tenant,
    subscription: Option<Subscription>,
    plans: Arc<Plans>,
}

impl TenantStanding {
    /// Its status; `None` where it is not registered.
    #[must_use]
    pub fn status(&self) -> Option<TenantStatus> {
        self.tenant.slug.as_ref().map(|_| self.tenant.status)
    }

    /// Its plan at `now`; `None` where it is not registered.
    #[must_use]
    pub fn plan_at(&self, now: Timestamp) -> Option<&str> {
        self.tenant.plan_at(self.subscription.as_ref(), now)
    }

    /// What its plan entitles to at `now`: to everything, where it is not registered.
    #[must_use]
    pub fn entitlements_at(&self, now: Timestamp) -> Entitlements {
        self.plan_at(now).map_or(Entitlements::UNLIMITED, |plan| self.plans.entitlements(plan))
    }

    /// Why an operation is barred that needs this standing.
    fn bars(&self, needs: Needs) -> Option<CommandError> {
        let slug = || self.tenant.slug.clone().unwrap_or_default();
        let refused = |error: &TenancyError| Some(CommandError::refused(error, ""));
        match (self.status()?, needs) {
            (TenantStatus::Closed, Needs::Active | Needs::Open) => {
                refused(&TenancyError::TenantClosed { slug: slug() })
            }
            (TenantStatus::Suspended, Needs::Active) => {
                refused(&TenancyError::TenantSuspended { slug: slug() })
            }
            _ => None,
        }
    }
}

/// What a read model says of a tenant's use.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Lots of the hours (of recorded time) that begin in `since..until`, and the position up to which they are counted.
    ///
    /// # Errors
    /// `Unavailable` where the read model does not answer.
    async fn lots(
        &self,
        tenant: TenantId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Metered, CommandError>;
}

/// Lots that were metered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metered {
    /// Everything up to there is counted.
    pub position: Position,
    /// Lots of each hour in which there are any.
    pub hours: Vec<(Timestamp, u64)>,
}

/// A tenant as this process knows it.
struct Cell {
    tenant: TenantId,
    known: Mutex<Known>,
    /// Held by whoever reads.
    held: tokio::sync::Mutex<Held>,
    is_read_behind: AtomicBool,
}

#[derive(Default)]
struct Known {
    /// What was read last, and when that reading began; no time once this process has changed the tenant since.
    standing: Option<(Arc<TenantStanding>, Option<Instant>)>,
    /// How often this process has changed the tenant.
    changes: u64,
    month: MonthUse,
}

impl Known {
    /// What was read last, where that began less than `age` ago.
    fn younger_than(&self, age: Duration) -> Option<Arc<TenantStanding>> {
        let (standing, began) = self.standing.as_ref()?;
        (began.as_ref()?.elapsed() < age).then(|| Arc::clone(standing))
    }
}

impl Cell {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The standings of a process.
pub struct Standings {
    log: SharedLog,
    clock: Arc<dyn Clock>,
    plans: Arc<Plans>,
    meter: OnceLock<Arc<dyn Meter>>,
    cells: Cache<TenantId, Arc<Cell>>,
}

impl Standings {
    pub(crate) fn new(log: SharedLog, clock: Arc<dyn Clock>, plans: Plans) -> Arc<Self> {
        let (meter, cells) = (OnceLock::new(), Cache::new(TENANTS_MAX));
        Arc::new(Self { log, clock, plans: Arc::new(plans), meter, cells })
    }

    /// The catalogue of plans.
    #[must_use]
    pub fn plans(&self) -> &Plans {
        &self.plans
    }

    /// Counts with this meter from now on; a second one is passed over. Without any, lots are not limited.
    pub fn meter_by(&self, meter: Arc<dyn Meter>) {
        let _ = self.meter.set(meter);
    }

    /// The standing of a tenant, read less than [`STALE`] ago.
    ///
    /// # Errors
    /// `Unavailable` where the log does not answer.
    pub async fn of(self: &Arc<Self>, tenant: TenantId) -> Result<Arc<TenantStanding>, CommandError> {
        let cell = self.cell(tenant);
        let (fresh, usable) = {
            let known = cell.known();
            let fresh = known.younger_than(FRESH);
            let usable = if fresh.is_some() { None } else { known.younger_than(STALE) };
            (fresh, usable)
        };
        match (fresh, usable) {
            (Some(standing), _) => Ok(standing),
            (None, Some(standing)) => {
                self.read_behind(&cell);
                Ok(standing)
            }
            (None, None) => self.read(&cell, STALE).await,
        }
    }

    /// The standing of a tenant as last read, however long ago; it is read in the background where that is due. `None`
    /// where this process does not know it yet.
    pub fn known(self: &Arc<Self>, tenant: TenantId) -> Option<Arc<TenantStanding>> {
        let cell = self.cell(tenant);
        let (standing, is_fresh) = {
            let known = cell.known();
            let is_fresh = known.younger_than(FRESH).is_some();
            (known.standing.as_ref().map(|(standing, _)| Arc::clone(standing)), is_fresh)
        };
        if !is_fresh {
            self.read_behind(&cell);
        }
        standing
    }

    /// The same, but one that this process does not know yet is waited for, if not for long: for questions that must be
    /// answered also where the log is out of reach.
    pub async fn recent(self: &Arc<Self>, tenant: TenantId) -> Option<Arc<TenantStanding>> {
        match self.known(tenant) {
            Some(standing) => Some(standing),
            None => timeout(UNKNOWN_TIMEOUT, self.read(&self.cell(tenant), STALE)).await.ok()?.ok(),
        }
    }

    /// This process has changed the tenant or its subscription: what was read before counts no more.
    pub(crate) fn changed(&self, tenant: TenantId) {
        if let Some(cell) = self.cells.get(&tenant) {
            let mut known = cell.known();
            known.changes += 1;
            if let Some((_, began)) = &mut known.standing {
                *began = None;
            }
        }
    }

    /// Lets an operation pass that needs this, or says why not.
    ///
    /// # Errors
    /// `Refused` where the tenant is suspended or closed; `Unavailable` where the log does not answer.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        tenant: TenantId,
        standing: Arc<TenantStanding>,
        needs: Needs,
    ) -> Result<Arc<TenantStanding>, CommandError> {
        if standing.bars(needs).is_none() {
            return Ok(standing);
        }
        let standing = self.read(&self.cell(tenant), CERTAIN).await?;
        standing.bars(needs).map_or(Ok(standing), Err)
    }

    /// Keeps room for lots that are about to be recorded at `now`; `None` where none is needed.
    ///
    /// # Errors
    /// `Refused` where the plan has no room for them; `Unavailable` where the log does not answer.
    pub(crate) async fn keep_room(
        self: &Arc<Self>,
        tenant: TenantId,
        standing: &TenantStanding,
        lots: u64,
        now: Timestamp,
    ) -> Result<Option<Room>, CommandError> {
        if lots == 0 || self.meter.get().is_none() {
            return Ok(None);
        }
        let cell = self.cell(tenant);
        if try_keep(&cell, standing, lots, now).is_err() {
            // It may have another plan by now, and what was counted twice is counted once again.
            let standing = self.read(&cell, CERTAIN).await?;
            try_keep(&cell, &standing, lots, now).map_err(|used| self.full(&standing, used, lots, now))?;
        }
        Ok(Some(Room { cell, lots }))
    }

    fn full(&self, standing: &TenantStanding, used: u64, more: u64, now: Timestamp) -> CommandError {
        let plan = standing.plan_at(now).unwrap_or_default().to_owned();
        let limit = self.plans.entitlements(&plan).lots_per_month.unwrap_or_default();
        let (month, resets) = (Month::of(now), Month::of(now).end());
        CommandError::refused(&TenancyError::QuotaExceeded { plan, limit, used, more, month, resets }, "")
    }

    fn cell(&self, tenant: TenantId) -> Arc<Cell> {
        self.cells.get(&tenant).unwrap_or_else(|| {
            self.cells.get_with(tenant, || {
                let (known, held) = (Mutex::default(), tokio::sync::Mutex::default());
                Arc::new(Cell { tenant, known, held, is_read_behind: AtomicBool::new(false) })
            })
        })
    }

    fn read_behind(self: &Arc<Self>, cell: &Arc<Cell>) {
        if cell.is_read_behind.swap(true, Ordering::SeqCst) {
            return;
        }
        let (standings, cell) = (Arc::clone(self), Arc::clone(cell));
        tokio::spawn(async move {
            // Where it fails, a command finds that out once what is known is stale.
            if let Err(error) = standings.read(&cell, FRESH).await {
                tracing::debug!(tenant = %cell.tenant, %error, "a tenant's standing cannot be read");
            }
            cell.is_read_behind.store(false, Ordering::SeqCst);
        });
    }
}

/// Keeps room for lots; without end where the plan does not limit them, which may change.
fn try_keep(cell: &Cell, standing: &TenantStanding, lots: u64, now: Timestamp) -> Result<(), u64> {
    let limit = standing.entitlements_at(now).lots_per_month.map_or(u64::MAX, u64::from);
    cell.known().month.keep(Month::of(now), lots, limit)
}

/// Room that was kept for lots; given back unless they are recorded.
pub(crate) struct Room {
    cell: Arc<Cell>,
    lots: u64,
}

impl Room {
    /// The lots are recorded there.
    pub(crate) fn taken(mut self, position: Position) {
        let lots = std::mem::take(&mut self.lots);
        self.cell.known().month.record(position, lots);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.lots > 0 {
            self.cell.known().month.give_back(self.lots);
        }
    }
}
