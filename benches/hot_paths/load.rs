//! Loading an aggregate: a lot with a short and with a long history.
//!
//! The history is written once, through commands on the memory log, and copied byte for byte to the others. A load
//! is timed inside an operation that then stops, so that nothing but the load is in the figure.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foodflow_commands::unit::{Stop, Unit, stream_of};
use foodflow_commands::{CommandError, CommandMeta, Executor, Operation, Reply, SystemClock};
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::batch::{AdjustmentKind, Batch};
use foodflow_domain::ids::BatchId;
use foodflow_log::{
    Commit, Direction, NewMessage, Partition, PayloadHash, Position, ReadQuery, SharedLog, StreamId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::logs::{Adapter, OpenLog};
use crate::random::Random;
use crate::report::Section;
use crate::site::{Site, kilograms};

/// Events of the short history.
const SHORT_HISTORY: usize = 10;
/// Messages that are copied at a time.
const COPIED_AT_ONCE: usize = 1_000;

/// Measures every log.
///
/// # Errors
/// Where a log or its server cannot be had, or a load fails.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let mut rows = Vec::new();
    for events in [SHORT_HISTORY, effort.long_history] {
        let original = OpenLog::open(Adapter::Memory).await?;
        let (tenant, lot) = write_history(&original.log, events).await?;
        let samples = if events == SHORT_HISTORY { effort.samples } else { effort.long_samples };
        rows.extend(measure(&original.log, Adapter::Memory, tenant, lot, events, samples).await?);
        for adapter in [Adapter::Embedded, Adapter::Nats] {
            let open = OpenLog::open(adapter).await?;
            copy(&original.log, &open.log, tenant).await?;
            rows.extend(measure(&open.log, adapter, tenant, lot, events, samples).await?);
            open.log.close().await;
        }
        original.log.close().await;
    }
    Ok(Section {
        title: "Loading an aggregate".to_owned(),
        note: "The base is reading the stream's messages from the log, undecoded. `cold` is a process that has not \
               seen the lot: read, check the hash chain, decode, fold. `known, asked again` is what a command does \
               after a lost race: ask the log for what is new. `known` is the ordinary case."
            .to_owned(),
        words: 3,
        header: &["lot", "log", "load", "p50", "p99", "p50 ÷ base"],
        rows,
    })
}

/// A lot with so many events, half of them samples and half counts.
async fn write_history(log: &SharedLog, events: usize) -> anyhow::Result<(TenantId, BatchId)> {
    let mut random = Random::next_part();
    let site = Site::open(Arc::clone(log), &mut random).await?;
    let weight = kilograms(Decimal::ONE_THOUSAND);
    let lot = site.receive(&mut random, "FL-2026-0001".to_owned(), weight, Timestamp::now()).await?;
    for number in 1..events {
        let (kind, quantity) = match number % 2 {
            0 => (AdjustmentKind::Count, weight),
            _ => (AdjustmentKind::Sample, kilograms(Decimal::new(5, 3))),
        };
        site.adjust(&mut random, lot, kind, quantity).await?;
    }
    Ok((site.tenant, lot))
}

/// Appends everything again, in order: a new log gives it the same positions.
async fn copy(from: &SharedLog, to: &SharedLog, tenant: TenantId) -> anyhow::Result<()> {
    let mut ends = std::collections::HashMap::<StreamId, Position>::new();
    let mut after = Position(0);
    loop {
        let query = ReadQuery {
            tenant: Some(tenant),
            from: after,
            direction: Direction::Forward,
            limit: COPIED_AT_ONCE,
        };
        let page = from.read(Partition(0), query).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        for message in page {
            let expected = ends.get(&message.stream).copied().unwrap_or_default();
            let copied = NewMessage { stream: message.stream.clone(), expected, payload: message.payload };
            let commit = Commit { tenant, recorded_at: Timestamp::now(), messages: vec![copied] };
            let appended = to.append(commit).await?;
            ensure!(appended.last == message.position, "the copy has other positions");
            ends.insert(message.stream, appended.last);
        }
    }
}

async fn measure(
    log: &SharedLog,
    adapter: Adapter,
    tenant: TenantId,
    lot: BatchId,
    events: usize,
    samples: usize,
) -> anyhow::Result<Vec<Vec<String>>> {
    let stream = stream_of::<Batch>(lot.0);
    let warm = Executor::new(Arc::clone(log), Arc::new(SystemClock));
    time_load(&warm, tenant, lot).await?;
    let mut took = [const { Vec::<Duration>::new() }; 4];
    for _ in 0..samples {
        let began = Instant::now();
        let messages = log.load(tenant, &stream, Position(0)).await?;
        took[0].push(began.elapsed());
        ensure!(messages.len() == events, "{} messages of {events}", messages.len());
        drop(messages);
        let cold = Executor::new(Arc::clone(log), Arc::new(SystemClock));
        took[1].push(*time_load(&cold, tenant, lot).await?.first().context("no load")?);
        let [known, again] = time_load(&warm, tenant, lot).await?[..] else {
            anyhow::bail!("a known lot was not asked for twice");
        };
        took[2].push(again);
        took[3].push(known);
    }
    let figures = took.map(|took| Figures::of(&took));
    let names = ["messages only", "cold", "known, asked again", "known"];
    let base = figures[0].p50().as_secs_f64();
    let row = |(name, figures): (&str, &Figures)| {
        vec![
            format!("{} events", show_number(events as f64)),
            adapter.name().to_owned(),
            name.to_owned(),
            show_duration(figures.p50()),
            show_duration(figures.p99()),
            show_ratio(figures.p50().as_secs_f64(), base),
        ]
    };
    Ok(names.into_iter().zip(&figures).map(row).collect())
}

/// How long each try of a command takes to load the lot: one try where it is not known yet, else two.
async fn time_load(executor: &Executor, tenant: TenantId, lot: BatchId) -> anyhow::Result<Vec<Duration>> {
    let operation = LoadLot { lot, took: Mutex::default() };
    let command_id = Random::next_part().id();
    let meta = CommandMeta {
        tenant,
        actor: "operator@plant".to_owned(),
        command_id: command_id.into(),
        repeatable: false,
        command_hash: PayloadHash::default(),
        correlation_id: command_id,
        causation_id: None,
        if_match: None,
    };
    match executor.execute(&meta, &operation).await {
        Err(CommandError::VersionConflict) => {}
        other => anyhow::bail!("a load that should stop ended with {other:?}"),
    }
    Ok(operation.took.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Loads a lot, and stops before anything is decided.
struct LoadLot {
    lot: BatchId,
    took: Mutex<Vec<Duration>>,
}

impl Operation for LoadLot {
    fn reply(&self, _: &CommandMeta) -> Reply {
        Reply {
            operation: "bench/load",
            id: self.lot.0,
            primary: stream_of::<Batch>(self.lot.0),
            creates: false,
            batch_id: None,
            batch_ids: None,
        }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Batch>(self.lot.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let began = Instant::now();
        let exists = unit.load::<Batch>(self.lot.0).await?.origin.is_some();
        let took = began.elapsed();
        if exists {
            self.took.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        }
        Err(CommandError::VersionConflict.into())
    }
}
