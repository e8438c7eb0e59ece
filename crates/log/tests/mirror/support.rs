//! Logs to copy between, and what they hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_log::eventstore::EventStoreLog;
use foodflow_log::memory::MemoryLog;
use foodflow_log::merkle::TreeHash;
use foodflow_log::mirror::{Compared, Mirror, MirrorError};
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::partitioned::PartitionedEmbedded;
use foodflow_log::{
    ChainVerifier, Commit, Direction, EventLog, NewMessage, Partition, Position, ReadQuery, SharedLog,
    StoredMessage,
};
use foodflow_testkit::servers::NatsServer;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::memory_streams::MemoryStreams;
use crate::writer::Plant;

/// Longest that a test waits for something to become so.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PARTITIONS: u16 = 4;

pub(crate) fn memory() -> SharedLog {
    Arc::new(MemoryLog::new(PARTITIONS))
}

pub(crate) async fn folder(place: &TempDir) -> anyhow::Result<SharedLog> {
    let folder = place.path().join("copy");
    Ok(Arc::new(PartitionedEmbedded::open_or_create(&folder, PARTITIONS, Some("a test")).await?))
}

pub(crate) async fn on_server(server: &NatsServer) -> anyhow::Result<SharedLog> {
    let config = NatsConfig::new(server.url()).with_partitions(PARTITIONS);
    Ok(Arc::new(NatsLog::connect(config).await?))
}

/// The EventStoreDB adapter, over streams in memory.
pub(crate) async fn on_event_streams() -> anyhow::Result<SharedLog> {
    let streams = Arc::new(MemoryStreams::default());
    Ok(Arc::new(EventStoreLog::open(streams, "test", Some(PARTITIONS)).await?))
}

/// A log in memory that a plant has worked on.
pub(crate) async fn plant_log(seed: u64, commits: usize) -> anyhow::Result<(SharedLog, Plant)> {
    let log = memory();
    let mut plant = Plant::new(seed);
    plant.work(&*log, commits).await?;
    Ok((log, plant))
}

/// Copies up to the source's heads as of now.
pub(crate) async fn copy(from: &SharedLog, to: &SharedLog) -> Result<(), MirrorError> {
    Mirror::new(Arc::clone(from), Arc::clone(to))?.copy(CancellationToken::new()).await
}

pub(crate) async fn compare(from: &SharedLog, to: &SharedLog) -> Result<Vec<Compared>, MirrorError> {
    Ok(Mirror::new(Arc::clone(from), Arc::clone(to))?.compare().await?.partitions)
}

/// Everything in every partition, in order.
pub(crate) async fn everything(log: &SharedLog) -> anyhow::Result<Vec<Vec<StoredMessage>>> {
    let mut partitions = Vec::new();
    for partition in (0..log.partition_count()).map(Partition) {
        partitions.push(everything_in(&**log, partition).await?);
    }
    Ok(partitions)
}

/// Everything in a partition, in order.
pub(crate) async fn everything_in(
    log: &dyn EventLog,
    partition: Partition,
) -> anyhow::Result<Vec<StoredMessage>> {
    let mut all: Vec<StoredMessage> = Vec::new();
    loop {
        let from = all.last().map_or(Position(0), |message| message.position);
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 10_000 };
        let page = log.read(partition, query).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Appends to `to` what `from` holds, message by message, the last one of the partition with other data.
pub(crate) async fn copy_but_for_the_last(
    from: &SharedLog,
    to: &SharedLog,
    partition: Partition,
) -> anyhow::Result<()> {
    let mut ends = std::collections::HashMap::new();
    let all = everything_in(&**from, partition).await?;
    let count = all.len();
    for (index, message) in all.into_iter().enumerate() {
        let stream = (message.tenant, message.stream.clone());
        let expected = ends.insert(stream, message.position).unwrap_or(Position(0));
        let mut payload = message.payload;
        if index + 1 == count {
            let text = String::from_utf8(payload.to_vec())?;
            payload = text.replacen("\"data\":{", "\"data\":{\"more\":1,", 1).into();
            assert_ne!(payload, text);
        }
        let messages = vec![NewMessage { stream: message.stream, expected, payload }];
        let commit = Commit { tenant: message.tenant, recorded_at: jiff::Timestamp::UNIX_EPOCH, messages };
        to.append(commit).await?;
    }
    Ok(())
}

/// The root of every partition, each verified.
pub(crate) async fn roots(log: &SharedLog) -> anyhow::Result<Vec<(Position, TreeHash)>> {
    let mut all = Vec::new();
    for messages in everything(log).await? {
        let mut verifier = ChainVerifier::new().in_log_of(log.partition_count());
        for message in &messages {
            verifier.check(message)?;
        }
        let verified = verifier.finish()?;
        all.push((verified.position, verified.root));
    }
    Ok(all)
}

/// Asserts that both hold the same, and that it is in order.
pub(crate) async fn assert_same(one: &SharedLog, other: &SharedLog) -> anyhow::Result<()> {
    assert_eq!(everything(one).await?, everything(other).await?);
    assert_eq!(roots(one).await?, roots(other).await?);
    Ok(())
}

/// Asserts that `part` is the beginning of `whole`, and ends with whole commits.
pub(crate) async fn assert_beginning(part: &SharedLog, whole: &SharedLog) -> anyhow::Result<()> {
    for (part, whole) in everything(part).await?.iter().zip(everything(whole).await?) {
        assert_eq!(*part, whole[..part.len()]);
    }
    roots(part).await?;
    Ok(())
}

/// Waits until `is_so`.
pub(crate) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Where every partition ends.
pub(crate) async fn heads(log: &dyn EventLog) -> Vec<u64> {
    let mut heads = Vec::new();
    for partition in (0..log.partition_count()).map(Partition) {
        heads.push(log.head(partition).await.expect("the log answers").0);
    }
    heads
}
