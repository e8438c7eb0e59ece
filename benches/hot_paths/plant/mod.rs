//! A plant's history, as commands: raw lots are received, mixed over five steps, and shipped.
//!
//! A lot is made of two or three lots of the step before, made at about the same time; a quarter of the first step's
//! mixes also take from one of a few bulk lots (a silo), whose forward traces are therefore wide. The plant works in
//! campaigns, one after another, so that a large plant's traces are as long as a small one's, and a read model that
//! is filled in part holds whole campaigns.

mod builder;

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_domain::ids::BatchId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Partition, Position, SharedLog};

use self::builder::Builder;

/// Steps of mixing after receiving.
pub(crate) const STEPS: usize = 5;
/// Lots of a campaign, at most.
const CAMPAIGN_LOTS: usize = 10_000;

/// Lots that questions are asked about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Starts {
    /// How many lots there are in all.
    pub(crate) lots: usize,
    /// The long-lasting raw lots that something was made of.
    pub(crate) bulk: Vec<BatchId>,
    /// The other raw lots that something was made of.
    pub(crate) raw: Vec<BatchId>,
    /// What was packed and shipped.
    pub(crate) packed: Vec<BatchId>,
}

/// The history in a log, and the lots of each campaign.
pub(crate) struct Plant {
    pub(crate) log: SharedLog,
    pub(crate) tenant: TenantId,
    /// How many lots it has.
    pub(crate) lots: usize,
    /// How many messages it has, each of one event.
    pub(crate) messages: u64,
    /// How long the commands took, one after another.
    pub(crate) written_in: Duration,
    /// Each with the position of its last message.
    campaigns: Vec<(Position, Starts)>,
}

impl Plant {
    /// Carries out the history of about `lots` lots on a memory log.
    ///
    /// # Errors
    /// Where a command is refused.
    pub(crate) async fn build(lots: usize) -> anyhow::Result<Self> {
        let began = Instant::now();
        let log: SharedLog = Arc::new(MemoryLog::new(1));
        let mut builder = Builder::new(Arc::clone(&log), lots).await?;
        let mut campaigns = Vec::with_capacity(lots.div_ceil(CAMPAIGN_LOTS));
        for first in (0..lots).step_by(CAMPAIGN_LOTS) {
            let starts = builder.campaign(CAMPAIGN_LOTS.min(lots - first)).await?;
            campaigns.push((log.head(Partition(0)).await?, starts));
        }
        Ok(Self {
            tenant: builder.tenant(),
            lots: campaigns.iter().map(|(_, starts)| starts.lots).sum(),
            messages: log.head(Partition(0)).await?.0,
            written_in: began.elapsed(),
            log,
            campaigns,
        })
    }

    /// The lots of the campaigns that are over at `position`.
    pub(crate) fn until(&self, position: Position) -> Starts {
        let mut all = Starts::default();
        for (_, starts) in self.campaigns.iter().filter(|(end, _)| *end <= position) {
            all.lots += starts.lots;
            all.bulk.extend(&starts.bulk);
            all.raw.extend(&starts.raw);
            all.packed.extend(&starts.packed);
        }
        all
    }
}
