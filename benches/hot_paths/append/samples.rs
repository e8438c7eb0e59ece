//! The bytes that a real command appends, for competitors that append without a command.

use std::sync::Arc;

use bytes::Bytes;
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Direction, Partition, Position, ReadQuery, SharedLog};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Kind;
use crate::random::Random;
use crate::site::{Site, kilograms};

/// Payloads of an adjustment and of a receipt.
pub(super) struct Samples {
    adjustment: Vec<Bytes>,
    receipt: Vec<Bytes>,
}

impl Samples {
    /// Carries out one command of each kind, and reads what it appended.
    ///
    /// # Errors
    /// Where a command is refused.
    pub(super) async fn take() -> anyhow::Result<Self> {
        let log: SharedLog = Arc::new(MemoryLog::new(1));
        let mut random = Random::next_part();
        let site = Site::open(Arc::clone(&log), &mut random).await?;
        let before = log.head(Partition(0)).await?;
        let weight = kilograms(Decimal::ONE_THOUSAND);
        let lot = site.receive(&mut random, "FL-2026-0001".to_owned(), weight, Timestamp::now()).await?;
        let between = log.head(Partition(0)).await?;
        site.adjust(&mut random, lot, AdjustmentKind::Count, weight).await?;
        Ok(Self {
            receipt: payloads_after(&log, before, between).await?,
            adjustment: payloads_after(&log, between, log.head(Partition(0)).await?).await?,
        })
    }

    pub(super) fn payloads(&self, kind: Kind) -> &[Bytes] {
        match kind {
            Kind::Adjustment => &self.adjustment,
            Kind::Receipt => &self.receipt,
        }
    }
}

async fn payloads_after(log: &SharedLog, from: Position, to: Position) -> anyhow::Result<Vec<Bytes>> {
    let limit = (to.0 - from.0) as usize;
    let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit };
    let messages = log.read(Partition(0), query).await?;
    Ok(messages.into_iter().map(|message| message.payload).collect())
}
