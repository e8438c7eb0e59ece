//! A server that goes away while the log is in use: what was acknowledged stands, what was refused does not,
//! and the process goes on by itself when the server is back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use foodflow_domain::TenantId;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{AppendError, EventLog, LogError, Partition, Position};
use foodflow_testkit::servers::NatsServer;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{append_new, commit, everything, message, positions, stream, take, tenant_in, texts};
use crate::nats_batches::batches;

const BACK_WITHIN: Duration = Duration::from_secs(30);

async fn start() -> anyhow::Result<(NatsServer, Arc<NatsLog>, TenantId)> {
    let server = NatsServer::start().await?;
    let log = Arc::new(NatsLog::connect(NatsConfig::new(server.url()).with_partitions(1)).await?);
    let tenant = tenant_in(&*log, Partition(0));
    Ok((server, log, tenant))
}

/// Appends until the server takes it; each try is a commit of its own.
async fn append_when_back(log: &NatsLog, tenant: TenantId, count: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        match append_new(log, tenant, count).await {
            Ok(_) => return Ok(()),
            Err(error) if start.elapsed() > BACK_WITHIN => {
                return Err(error).context("the server did not come back");
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_fail_while_the_server_is_down_and_succeed_afterwards() -> anyhow::Result<()> {
    let (server, log, tenant) = start().await?;
    append_new(&*log, tenant, 2).await?;
    server.kill9().await?;
    for count in [1, 3, 1] {
        let messages =
            std::iter::repeat_with(|| message(&stream(), Position(0), "lost")).take(count).collect();
        let outcome = log.append(commit(tenant, messages)).await;
        assert!(
            matches!(
                outcome,
                Err(AppendError::Unknown { .. } | AppendError::Log(LogError::Unavailable { .. }))
            ),
            "{outcome:?}"
        );
    }
    let read =
        tokio::time::timeout(Duration::from_secs(10), log.load(tenant, &stream(), Position(0))).await?;
    assert!(matches!(read, Err(LogError::Unavailable { .. })), "{read:?}");
    server.restart().await?;
    append_when_back(&log, tenant, 3).await?;
    append_when_back(&log, tenant, 1).await?;
    let all = everything(&*log, Partition(0)).await?;
    assert_eq!(positions(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_go_on_over_restarts_without_gap_or_repetition() -> anyhow::Result<()> {
    let (server, log, tenant) = start().await?;
    let mut of_all = log.subscribe(Partition(0), None, Position(0)).await?;
    let mut of_tenant = log.subscribe(Partition(0), Some(tenant), Position(0)).await?;
    let other = tenant_in(&*log, Partition(0));
    let mut seen = 0;
    for restart in [false, true, true] {
        if restart {
            server.kill9().await?;
            server.restart().await?;
        }
        for _ in 0..10 {
            append_when_back(&log, tenant, 3).await?;
            append_when_back(&log, other, 1).await?;
        }
        let all = everything(&*log, Partition(0)).await?;
        assert_eq!(take(&mut of_all, all.len() - seen).await?, all[seen..]);
        let mine: Vec<_> = all[seen..].iter().filter(|message| message.tenant == tenant).cloned().collect();
        assert_eq!(take(&mut of_tenant, mine.len()).await?, mine);
        seen = all.len();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_survives_the_loss_of_its_consumer() -> anyhow::Result<()> {
    let (server, log, tenant) = start().await?;
    let mut subscription = log.subscribe(Partition(0), None, Position(0)).await?;
    append_new(&*log, tenant, 3).await?;
    take(&mut subscription, 3).await?;
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await?);
    let events = context.get_stream("FF_EVENTS_0").await?;
    let mut names = Box::pin(events.consumer_names());
    while let Some(name) = futures::StreamExt::next(&mut names).await {
        events.delete_consumer(&name?).await?;
    }
    append_new(&*log, tenant, 2).await?;
    assert_eq!(positions(&take(&mut subscription, 2).await?), [4, 5]);
    Ok(())
}

/// What a writer was told about one of its commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Stands(Position),
    DoesNotStand,
    Nothing,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_are_told_the_truth_while_the_server_is_killed() -> anyhow::Result<()> {
    tell_the_truth_under_kills(&[1, 1, 3, 3, 40, 200]).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_share_batches_are_told_the_truth_while_the_server_is_killed() -> anyhow::Result<()> {
    let sizes: Vec<_> = [1, 1, 1, 2, 3, 1, 1, 5].into_iter().cycle().take(96).collect();
    let server = tell_the_truth_under_kills(&sizes).await?;
    let batches: Vec<_> = batches(&server).await?.into_iter().flatten().collect();
    let distinct: HashSet<&String> = batches.iter().collect();
    assert!(batches.len() > 8 * distinct.len(), "{} messages in {} batches", batches.len(), distinct.len());
    Ok(())
}

/// Kills the server under writers of these commit sizes, and compares what they were told with what stands.
async fn tell_the_truth_under_kills(sizes: &[usize]) -> anyhow::Result<NatsServer> {
    let (server, log, tenant) = start().await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for size in sizes.iter().copied() {
        let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
        writers.spawn(async move {
            let mut told = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                told.push(append_marked(&log, tenant, size).await);
            }
            told
        });
    }
    for pause in [150, 230, 70, 310, 110] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.kill9().await?;
        server.restart().await?;
        append_when_back(&log, tenant, 1).await?;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    check_truth(&everything(&*log, Partition(0)).await?, &told)?;
    Ok(server)
}

/// Appends one commit whose messages all carry its id and size.
async fn append_marked(log: &NatsLog, tenant: TenantId, size: usize) -> (Uuid, usize, Told) {
    let id = Uuid::new_v4();
    let messages = std::iter::repeat_with(|| message(&stream(), Position(0), &id.to_string())).take(size);
    let told = match log.append(commit(tenant, messages.collect())).await {
        Ok(appended) => Told::Stands(appended.first),
        Err(AppendError::Unknown { .. }) => Told::Nothing,
        Err(_) => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Told::DoesNotStand
        }
    };
    (id, size, told)
}

fn check_truth(all: &[foodflow_log::StoredMessage], told: &[(Uuid, usize, Told)]) -> anyhow::Result<()> {
    let mut found: HashMap<String, Vec<u64>> = HashMap::new();
    for (text, position) in texts(all).into_iter().zip(positions(all)) {
        found.entry(text).or_default().push(position);
    }
    for (id, size, told) in told {
        let stands = found.get(&id.to_string());
        if let Some(positions) = stands {
            let adjoining: Vec<_> = (positions[0]..positions[0] + *size as u64).collect();
            assert_eq!(positions, &adjoining, "commit {id} is whole, told {told:?}");
        }
        match told {
            Told::Stands(first) => {
                assert_eq!(stands.map(|positions| positions[0]), Some(first.0), "commit {id}")
            }
            Told::DoesNotStand => assert_eq!(stands, None, "commit {id}"),
            Told::Nothing => {}
        }
    }
    let counted = |wanted: fn(&Told) -> bool| told.iter().filter(|(_, _, told)| wanted(told)).count();
    let stand = counted(|told| matches!(told, Told::Stands(_)));
    let refused = counted(|told| *told == Told::DoesNotStand);
    assert!(stand > 10 && refused > 0, "{stand} commits stand, {refused} were refused");
    Ok(())
}
