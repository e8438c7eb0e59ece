//! A whole log into another one, as `foodflow mirror` copies it, verified on the way.
//!
//! Source and copy must have the same root: a fast copy that is none has no figure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::merkle::TreeHash;
use foodflow_log::mirror::Mirror;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{ChainVerifier, Partition, Position, SharedLog};
use foodflow_testkit::servers::NatsServer;
use futures::StreamExt as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::figures::{rate, show_duration, show_number, show_ratio};
use crate::plant::Plant;
use crate::report::Section;

/// What one competitor did.
struct Copied {
    name: &'static str,
    took: Duration,
}

/// Copies the plant's log through the durable adapters.
///
/// # Errors
/// Where a log cannot be had or refuses, or a copy is none.
pub(crate) async fn bench(plant: &Plant) -> anyhow::Result<Section> {
    let folder = tempfile::Builder::new().prefix("foodflow-bench-").tempdir()?;
    let server = NatsServer::start().await?;
    let (first, second, third) =
        (embedded(&folder, "1").await?, embedded(&folder, "2").await?, embedded(&folder, "3").await?);
    let nats: SharedLog = Arc::new(NatsLog::connect(NatsConfig::new(server.url()).with_partitions(1)).await?);
    let mut all = vec![copy("memory → embedded", &plant.log, &first).await?];
    all.push(copy("embedded → embedded", &first, &second).await?);
    all.push(copy("embedded → nats", &second, &nats).await?);
    all.push(copy("nats → embedded", &nats, &third).await?);
    let (base, expected) = verify_only(&plant.log).await?;
    let (verified, found) = verify_only(&third).await?;
    ensure!(found == expected, "the last copy is another log");
    let began = Instant::now();
    let compared = Mirror::new(Arc::clone(&nats), Arc::clone(&third))?.compare().await?;
    ensure!(compared.finding().is_none(), "the logs differ: {compared:?}");
    all.insert(0, Copied { name: "memory, read and verified alone", took: base });
    all.insert(1, Copied { name: "embedded, read and verified alone", took: verified });
    all.push(Copied { name: "nats and embedded, compared", took: began.elapsed() });
    let messages = plant.messages as usize;
    let row = |one: &Copied| {
        let per_second = rate(messages, one.took);
        let ratio = show_ratio(per_second, rate(messages, base));
        vec![one.name.to_owned(), show_duration(one.took), show_number(per_second), ratio]
    };
    let rows = all.iter().map(row).collect();
    let note = format!(
        "{} messages, one partition. The base reads the memory log and verifies it, and copies nothing. \
         The roots of the logs are equal.",
        show_number(messages as f64),
    );
    let header = &["from → into", "took", "messages/s", "rate ÷ base"];
    let findings = Vec::new();
    Ok(Section { title: "Mirror: a whole log".to_owned(), note, words: 1, header, rows, findings })
}

async fn embedded(folder: &TempDir, name: &str) -> anyhow::Result<SharedLog> {
    let log = EmbeddedLog::open(&folder.path().join(name)).await?;
    Ok(Arc::new(log))
}

async fn copy(name: &'static str, from: &SharedLog, into: &SharedLog) -> anyhow::Result<Copied> {
    let began = Instant::now();
    Mirror::new(Arc::clone(from), Arc::clone(into))?.copy(CancellationToken::new()).await?;
    Ok(Copied { name, took: began.elapsed() })
}

async fn verify_only(log: &SharedLog) -> anyhow::Result<(Duration, TreeHash)> {
    let began = Instant::now();
    let head = log.head(Partition(0)).await?;
    let mut messages = log.subscribe(Partition(0), None, Position(0)).await?;
    let mut verifier = ChainVerifier::new();
    while verifier.position() < head {
        verifier.check(&messages.next().await.context("the subscription ended")??)?;
    }
    Ok((began.elapsed(), verifier.finish()?.root))
}
