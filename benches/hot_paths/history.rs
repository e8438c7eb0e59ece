//! The history of one lot: written once through commands, and copied byte for byte to other logs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::ids::BatchId;
use foodflow_log::{Commit, Direction, NewMessage, Partition, Position, ReadQuery, StoredMessage, StreamId};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::logs::{Adapter, OpenLog};
use crate::random::Random;
use crate::site::{Site, kilograms};

/// Messages that are on their way to a log at once.
const ON_THEIR_WAY: usize = 500;
/// How long the answer to one of them may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lot's history, with what it refers to.
pub(crate) struct History {
    pub(crate) tenant: TenantId,
    pub(crate) lot: BatchId,
    messages: Vec<StoredMessage>,
}

impl History {
    /// A lot with so many events, half of them samples and half counts.
    ///
    /// # Errors
    /// Where a command is refused.
    pub(crate) async fn write(events: usize) -> anyhow::Result<Self> {
        let original = OpenLog::open(Adapter::Memory).await?;
        let mut random = Random::next_part();
        let site = Site::open(Arc::clone(&original.log), &mut random).await?;
        let weight = kilograms(Decimal::ONE_THOUSAND);
        let lot = site.receive(&mut random, "FL-2026-0001".to_owned(), weight, Timestamp::now()).await?;
        for number in 1..events {
            let (kind, quantity) = match number % 2 {
                0 => (AdjustmentKind::Count, weight),
                _ => (AdjustmentKind::Sample, kilograms(Decimal::new(5, 3))),
            };
            site.adjust(&mut random, lot, kind, quantity).await?;
        }
        let mut messages: Vec<StoredMessage> = Vec::new();
        loop {
            let from = messages.last().map_or(Position(0), |last| last.position);
            let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: usize::MAX };
            let page = original.log.read(Partition(0), query).await?;
            if page.is_empty() {
                return Ok(Self { tenant: site.tenant, lot, messages });
            }
            messages.extend(page);
        }
    }

    /// Appends what `to` does not hold yet, but for the last `but` messages: at the same positions.
    ///
    /// # Errors
    /// Where the log refuses, or holds something else.
    pub(crate) async fn copy(&self, to: &OpenLog, but: usize) -> anyhow::Result<()> {
        let partition = to.log.partition_of(self.tenant);
        let held = usize::try_from(to.log.head(partition).await?.0)?;
        let some = held..self.messages.len().saturating_sub(but).max(held);
        match &to.server {
            // One after another in order, without waiting for each answer: a history is long.
            Some(server) => {
                publish(&patient(server.url()).await?, partition, &self.messages[some]).await?;
            }
            None => {
                let commits = commits(&self.messages).skip(some.start).take(some.len());
                let appends = futures::stream::iter(commits.map(|commit| to.log.append(commit)));
                appends.buffered(ON_THEIR_WAY).try_for_each(|_| std::future::ready(Ok(()))).await?;
            }
        }
        let head = to.log.head(partition).await?.0;
        ensure!(head == (self.messages.len() - but) as u64, "the copy has other positions");
        Ok(())
    }
}

/// One commit for each message.
fn commits(messages: &[StoredMessage]) -> impl Iterator<Item = Commit> {
    let mut ends = HashMap::<&StreamId, Position>::new();
    messages.iter().map(move |message| {
        let expected = ends.insert(&message.stream, message.position).unwrap_or_default();
        let stream = message.stream.clone();
        let copied = NewMessage { stream, expected, payload: message.payload.clone() };
        Commit { tenant: message.tenant, recorded_at: Timestamp::now(), messages: vec![copied] }
    })
}

/// A connection for publishing a lot at once, which is not measured and may take its time.
///
/// # Errors
/// Where the server does not answer.
pub(crate) async fn patient(url: &str) -> anyhow::Result<jetstream::Context> {
    Ok(jetstream::ContextBuilder::new().timeout(PATIENCE).build(async_nats::connect(url).await?))
}

/// Publishes a tenant's messages as its log does, one after another in order, without waiting for each answer.
///
/// # Errors
/// Where the server refuses one.
pub(crate) async fn publish(
    jetstream: &jetstream::Context,
    partition: Partition,
    messages: &[StoredMessage],
) -> anyhow::Result<()> {
    for some in messages.chunks(ON_THEIR_WAY) {
        let mut answers = Vec::with_capacity(some.len());
        for message in some {
            let subject = format!("ff.ev.{}.{}.{}", partition.0, message.tenant, message.stream);
            answers.push(jetstream.publish(subject, message.payload.clone()).await?);
        }
        for answer in answers {
            answer.await.context("a message of the history was not taken")?;
        }
    }
    Ok(())
}
