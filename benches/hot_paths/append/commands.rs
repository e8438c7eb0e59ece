//! Clients that give whole commands, as the HTTP interface does.

use std::sync::Arc;

use async_trait::async_trait;
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::ids::BatchId;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Kind;
use crate::race::{Client, Clients, Competitor};
use crate::random::Random;
use crate::site::{Site, kilograms};

/// Clients of one process; each counts a lot of its own, or receives lots.
pub(super) async fn competitor(
    name: &'static str,
    site: &Arc<Site>,
    kind: Kind,
    clients: usize,
) -> anyhow::Result<Competitor> {
    let mut random = Random::next_part();
    let mut all: Vec<Box<dyn Client>> = Vec::with_capacity(clients);
    for _ in 0..clients {
        let (site, number) = (Arc::clone(site), format!("FL-{}", random.id().simple()));
        all.push(match kind {
            Kind::Adjustment => {
                let weight = kilograms(Decimal::ONE_THOUSAND);
                let lot = site.receive(&mut random, number, weight, Timestamp::now()).await?;
                Box::new(Adjusting { site, lot, random: Random::next_part(), counted: 0 })
            }
            Kind::Receipt => {
                Box::new(Receiving { site, prefix: number, random: Random::next_part(), received: 0 })
            }
        });
    }
    Ok(Competitor { name, by: Clients::Here(all) })
}

struct Adjusting {
    site: Arc<Site>,
    lot: BatchId,
    random: Random,
    counted: i64,
}

#[async_trait]
impl Client for Adjusting {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.counted += 1;
        // A count replaces the one before, so that the lot's state stays as small as it is.
        let found = kilograms(Decimal::new(1_000_000 - self.counted % 1_000, 3));
        self.site.adjust(&mut self.random, self.lot, AdjustmentKind::Count, found).await.map(drop)
    }
}

struct Receiving {
    site: Arc<Site>,
    prefix: String,
    random: Random,
    received: u64,
}

#[async_trait]
impl Client for Receiving {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.received += 1;
        let number = format!("{}-{}", self.prefix, self.received);
        let weight = kilograms(Decimal::ONE_THOUSAND);
        self.site.receive(&mut self.random, number, weight, Timestamp::now()).await.map(drop)
    }
}
