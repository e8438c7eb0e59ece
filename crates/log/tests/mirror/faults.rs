//! Logs that fail: what was lost is asked for again, and nothing stands twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::mirror::{Mirror, MirrorError};
use foodflow_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Page, Partition, Position, ReadQuery,
    SharedLog, SharedRecords, StoredMessage, StreamId,
};
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::support::{PARTITIONS, assert_same, copy, memory, plant_log};
use crate::writer::Plant;

/// A log in memory that fails now and then, each way in turn. Runs go the port's own way, one commit after another.
struct Faulty {
    inner: MemoryLog,
    subscriptions: AtomicU32,
    appends: AtomicU32,
    /// So many of the next questions where it ends are not answered.
    heads_cut: AtomicU32,
}

impl Faulty {
    fn new() -> Self {
        let (subscriptions, appends, heads_cut) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Self { inner: MemoryLog::new(PARTITIONS), subscriptions, appends, heads_cut }
    }
}

fn cut() -> LogError {
    LogError::Unavailable { reason: "cable cut".to_owned() }
}

#[async_trait]
impl EventLog for Faulty {
    fn partition_count(&self) -> u16 {
        self.inner.partition_count()
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        match self.appends.fetch_add(1, Ordering::SeqCst) % 97 {
            13 => Err(AppendError::Log(cut())),
            37 => Err(AppendError::Overloaded { waiting: 7 }),
            // The answer is lost, be it of something that stands or of something that does not.
            59 => Err(AppendError::Unknown { reason: "cable cut before".to_owned() }),
            83 => {
                self.inner.append(commit).await?;
                Err(AppendError::Unknown { reason: "cable cut behind".to_owned() })
            }
            _ => self.inner.append(commit).await,
        }
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        self.inner.load_page(tenant, stream, after, limit).await
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        let one_less = |left: u32| left.checked_sub(1);
        if self.heads_cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(cut());
        }
        self.inner.head(partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        self.inner.read(partition, query).await
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let nth = self.subscriptions.fetch_add(1, Ordering::SeqCst);
        if nth % 5 == 1 {
            return Err(cut());
        }
        let messages = self.inner.subscribe(partition, tenant, after).await?;
        let broken = futures::stream::iter([Err(cut())]);
        Ok(messages.take(150).chain(broken).boxed())
    }

    fn records(&self) -> SharedRecords {
        self.inner.records()
    }

    fn describe(&self) -> String {
        "a log that fails".to_owned()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_pass_leave_neither_gap_nor_repetition() -> anyhow::Result<()> {
    let (log, _) = plant_log(21, 700).await?;
    let target: SharedLog = Arc::new(Faulty::new());
    copy(&log, &target).await?;
    assert_same(&log, &target).await?;

    let faulty: SharedLog = Arc::new(Faulty::new());
    copy(&log, &faulty).await?;
    let target = memory();
    copy(&faulty, &target).await?;
    assert_same(&log, &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_one_commit_after_another_keeps_its_place() -> anyhow::Result<()> {
    let (log, mut plant) = plant_log(22, 5).await?;
    let tenant = plant.tenants()[0];
    let partition = log.partition_of(tenant);
    let target = Faulty::new();
    let run = vec![plant.make(tenant, &[500]), plant.make(tenant, &[501, 502])];
    let refused = target.append_after(partition, Position(1), run.clone()).await;
    assert!(matches!(refused, Err(AppendError::Moved { expected: Position(1), .. })), "{refused:?}");
    assert_eq!(target.append_after(partition, Position(0), run.clone()).await?, Position(3));
    let again = target.append_after(partition, Position(3), run).await;
    assert!(matches!(again, Err(AppendError::Conflict { .. })), "{again:?}");
    assert_eq!(target.head(partition).await?, Position(3));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_target_that_stays_away_is_given_up() -> anyhow::Result<()> {
    let (log, _) = plant_log(23, 20).await?;
    let target = memory();
    target.close().await;
    let error = copy(&log, &target).await.unwrap_err();
    assert!(matches!(error, MirrorError::TargetFailed(_)), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_at_the_start_is_waited_for() -> anyhow::Result<()> {
    let faulty = Arc::new(Faulty::new());
    Plant::new(24).work(&faulty.inner, 50).await?;
    let source: SharedLog = Arc::clone(&faulty) as _;
    let target = memory();
    let mirror = || Mirror::new(Arc::clone(&source), Arc::clone(&target));
    let tries = |mirror: &Mirror| mirror.standings()[0].retries;

    // Told to stop while it waits, it ends in order.
    faulty.heads_cut.store(u32::MAX, Ordering::SeqCst);
    let (stopped, stop) = (mirror()?, CancellationToken::new());
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(stopped.copy(stop.clone()), stopping);
    outcome?;
    assert!((1..9).contains(&tries(&stopped)), "{:?}", stopped.standings());

    let given_up = mirror()?;
    let error = given_up.copy(CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, MirrorError::SourceFailed(_)), "{error}");
    assert_eq!(tries(&given_up), 9);

    faulty.heads_cut.store(3, Ordering::SeqCst);
    let waiting = mirror()?;
    waiting.copy(CancellationToken::new()).await?;
    assert!(tries(&waiting) >= 3);
    assert_same(&source, &target).await
}
