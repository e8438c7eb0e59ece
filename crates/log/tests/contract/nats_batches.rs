//! What the JetStream adapter makes of waiting commits, as the server stores it.
//!
//! A batch's id stays in the headers of its messages: it shows which commits were written together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use foodflow_domain::TenantId;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{AppendError, EventLog as _, Partition, Position};
use foodflow_testkit::servers::NatsServer;
use futures::future::join_all;

use crate::fixture::{append_new, commit, everything, message, stream, tenant_in, texts};

const STREAM: &str = "FF_EVENTS_0";
const BATCH_ID: &str = "Nats-Batch-Id";
const DEADLINE: Duration = Duration::from_secs(30);

async fn start(answer_timeout: Duration) -> anyhow::Result<(NatsServer, Arc<NatsLog>, TenantId)> {
    let server = NatsServer::start().await?;
    let config = NatsConfig { answer_timeout, ..NatsConfig::new(server.url()).with_partitions(1) };
    let log = Arc::new(NatsLog::connect(config).await?);
    let tenant = tenant_in(&*log, Partition(0));
    Ok((server, log, tenant))
}

/// The batch of each position from 1 on, where it was not published alone.
pub(crate) async fn batches(server: &NatsServer) -> anyhow::Result<Vec<Option<String>>> {
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await?);
    let mut events = context.get_stream(STREAM).await?;
    let last = events.info().await?.state.last_sequence;
    let mut batches = Vec::new();
    for position in 1..=last {
        let stored = events.get_raw_message(position).await?;
        batches.push(stored.headers.get(BATCH_ID).map(|id| id.as_str().to_owned()));
    }
    Ok(batches)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_commit_of_one_message_needs_no_batch() -> anyhow::Result<()> {
    let (server, log, tenant) = start(DEADLINE).await?;
    for _ in 0..3 {
        append_new(&*log, tenant, 1).await?;
    }
    append_new(&*log, tenant, 2).await?;
    let batches = batches(&server).await?;
    assert!(batches[..3].iter().all(Option::is_none), "{batches:?}");
    assert!(batches[3].is_some() && batches[3] == batches[4], "{batches:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_waiting_commits_share_a_few_batches() -> anyhow::Result<()> {
    const COMMITS: usize = 600;
    let (server, log, tenant) = start(DEADLINE).await?;
    let appends = (0..COMMITS).map(|index| append_new(&*log, tenant, 1 + index % 4));
    let mut messages = 0;
    for outcome in join_all(appends).await {
        let appended = outcome?;
        messages += appended.last.0 - appended.first.0 + 1;
    }
    let batches = batches(&server).await?;
    assert_eq!(batches.len() as u64, messages);
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for id in batches.iter().flatten() {
        *sizes.entry(id).or_default() += 1;
    }
    assert!(sizes.values().all(|size| *size <= 1_000), "{sizes:?}");
    // Two for the 1,500 messages, and a few for what the worker found before all were in the queue.
    assert!(sizes.len() <= 20, "{} commits took {} batches", COMMITS, sizes.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loser_in_a_large_batch_does_not_scatter_its_neighbours() -> anyhow::Result<()> {
    const COMMITS: usize = 200;
    let (server, log, tenant) = start(DEADLINE).await?;
    let taken = stream();
    log.append(commit(tenant, vec![message(&taken, Position(0), "first")])).await?;
    let appends = (0..COMMITS).map(|index| {
        let (log, taken) = (&log, &taken);
        async move {
            let own = message(&stream(), Position(0), "own");
            let loses = index == COMMITS / 2;
            let second = if loses { taken.clone() } else { stream() };
            let both = vec![own, message(&second, Position(0), "second")];
            (loses, log.append(commit(tenant, both)).await)
        }
    });
    for (loses, outcome) in join_all(appends).await {
        match outcome {
            Err(AppendError::Conflict { stream, .. }) => assert!(loses && stream == taken),
            outcome => assert!(!loses && outcome.is_ok(), "{outcome:?}"),
        }
    }
    let ids: HashSet<String> = batches(&server).await?.into_iter().flatten().collect();
    assert!(ids.len() <= 20, "{COMMITS} commits took {} batches", ids.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_a_batch_without_an_answer_are_unknown_and_may_stand() -> anyhow::Result<()> {
    const COMMITS: usize = 100;
    let (server, log, tenant) = start(Duration::from_secs(2)).await?;
    append_new(&*log, tenant, 1).await?;
    server.suspend()?;
    let appends = (0..COMMITS).map(|index| {
        let new = || message(&stream(), Position(0), &index.to_string());
        log.append(commit(tenant, vec![new(), new()]))
    });
    let outcomes = join_all(appends).await;
    server.resume()?;
    for outcome in outcomes {
        assert!(matches!(outcome, Err(AppendError::Unknown { .. })), "{outcome:?}");
    }
    // They had reached the server's ear, and it takes them when it goes on.
    let (again, began) = (NatsLog::connect(NatsConfig::new(server.url())).await?, Instant::now());
    while again.head(Partition(0)).await?.0 < 1 + 2 * COMMITS as u64 {
        ensure!(began.elapsed() < DEADLINE, "only {} messages stand", again.head(Partition(0)).await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let texts = texts(&everything(&again, Partition(0)).await?);
    assert!(texts[1..].chunks(2).all(|both| both[0] == both[1]), "{texts:?}");
    let distinct: HashSet<&String> = texts[1..].iter().collect();
    assert_eq!((texts.len(), distinct.len()), (1 + 2 * COMMITS, COMMITS));
    Ok(())
}
