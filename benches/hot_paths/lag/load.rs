//! Commands at fixed intervals, whether or not the ones before were answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::ids::BatchId;
use foodflow_log::Position;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::random::Random;
use crate::site::{Site, kilograms};

/// Lots that are counted in turn.
const LOTS_COUNTED: usize = 500;
/// Lots that are received at a time.
const RECEIVED_AT_ONCE: usize = 50;
/// Commands that are not answered, at most; further ones wait.
const IN_FLIGHT_MAX: usize = 4_096;

/// A command that was carried out.
pub(super) struct Acknowledged {
    /// When it was to be given.
    pub(super) due: Instant,
    /// When it was acknowledged.
    pub(super) at: Instant,
    /// Where it stands.
    pub(super) position: Position,
}

/// The lots that are counted later on.
///
/// # Errors
/// Where one is refused.
pub(super) async fn receive(site: &Site) -> anyhow::Result<Vec<BatchId>> {
    let receiving = futures::stream::iter((0..LOTS_COUNTED).map(|number| async move {
        let weight = kilograms(Decimal::ONE_THOUSAND);
        site.receive(&mut Random::next_part(), format!("FL-{number}"), weight, Timestamp::now()).await
    }));
    receiving.buffered(RECEIVED_AT_ONCE).try_collect().await
}

/// Gives commands at `per_second` for so long; answers when it began, and with every command.
///
/// # Errors
/// Where a command is refused.
pub(super) async fn load(
    site: &Arc<Site>,
    lots: &[BatchId],
    per_second: u32,
    lasts: Duration,
) -> anyhow::Result<(Instant, Vec<Acknowledged>)> {
    let places = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let count = (f64::from(per_second) * lasts.as_secs_f64()) as u32;
    let (mut tasks, mut all) = (JoinSet::new(), Vec::with_capacity(count as usize));
    let began = Instant::now();
    for number in 0..count {
        let due = began + Duration::from_secs(1) * number / per_second;
        tokio::time::sleep_until(due.into()).await;
        let place = Arc::clone(&places).acquire_owned().await?;
        let (site, lot) = (Arc::clone(site), lots[number as usize % lots.len()]);
        tasks.spawn(async move {
            let _place = place;
            let found = kilograms(Decimal::new(1_000_000 - i64::from(number % 1_000), 3));
            let mut random = Random::next_part();
            let position = site.adjust(&mut random, lot, AdjustmentKind::Count, found).await?;
            anyhow::Ok(Acknowledged { due, at: Instant::now(), position })
        });
        while let Some(done) = tasks.try_join_next() {
            all.push(done??);
        }
    }
    while let Some(done) = tasks.join_next().await {
        all.push(done??);
    }
    Ok((began, all))
}
