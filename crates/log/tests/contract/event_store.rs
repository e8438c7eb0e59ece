//! What only the EventStoreDB adapter can get wrong: another process on the same streams, lost answers, appends that
//! are too large, and streams that somebody has tampered with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use foodflow_log::eventstore::{
    EventStoreLog, EventStreams, NewEvent, ReadLimit, StreamEnd, StreamError, StreamEvent,
};
use foodflow_log::{
    AppendError, Commit, Direction, EventLog, LogError, Partition, Position, ReadQuery, RecordKey,
    RecordKind, StreamId,
};
use futures::future::join_all;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::fixture::{commit, everything, message, positions, stream, tenant_in, texts};
use crate::memory_streams::MemoryStreams;

const FIRST: Partition = Partition(0);
const ONE: ReadLimit = ReadLimit { events: 1, bytes: 1 << 20 };

/// What befalls an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Passes,
    /// It stands, and its answer is lost.
    AnswerLost,
    /// It does not stand, and its answer is lost.
    RequestLost,
    /// It stands after a moment, though its answer was lost at once.
    Late,
}

/// Streams on which some appends have a fate, and which take so many bytes at once.
struct Fateful {
    inner: MemoryStreams,
    fates: Vec<Fate>,
    appends: AtomicUsize,
    bytes_max: usize,
    /// What another process appends behind the first look for a partition's end.
    in_between: Mutex<Vec<NewEvent>>,
}

impl Fateful {
    /// The appends to partitions, in turn.
    fn with(fates: Vec<Fate>) -> Self {
        let (inner, appends, in_between) = (MemoryStreams::default(), AtomicUsize::new(0), Mutex::default());
        Self { inner, fates, appends, bytes_max: usize::MAX, in_between }
    }

    fn fate(&self, stream: &str) -> Fate {
        if !stream.contains(".events-") {
            return Fate::Passes;
        }
        self.fates[self.appends.fetch_add(1, Ordering::SeqCst) % self.fates.len()]
    }
}

fn lost() -> Result<u64, StreamError> {
    Err(StreamError::Unknown { reason: "cable cut".to_owned() })
}

#[async_trait]
impl EventStreams for Fateful {
    async fn read_forward(
        &self,
        stream: &str,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        self.inner.read_forward(stream, from, limit).await
    }

    async fn read_backward(
        &self,
        stream: &str,
        from: Option<u64>,
        limit: ReadLimit,
    ) -> Result<Vec<StreamEvent>, LogError> {
        let found = self.inner.read_backward(stream, from, limit).await?;
        if stream.contains(".events-") {
            let events = std::mem::take(&mut *self.in_between.lock().await);
            if !events.is_empty() {
                self.inner.append(stream, StreamEnd::Any, events).await?;
            }
        }
        Ok(found)
    }

    async fn append(&self, stream: &str, end: StreamEnd, events: Vec<NewEvent>) -> Result<u64, StreamError> {
        let bytes: usize = events.iter().map(|event| event.data.len()).sum();
        if bytes > self.bytes_max {
            return Err(StreamError::TooLarge { what: format!("{bytes} bytes") });
        }
        match self.fate(stream) {
            Fate::Passes => self.inner.append(stream, end, events).await,
            Fate::RequestLost => lost(),
            Fate::AnswerLost => self.inner.append(stream, end, events).await.and_then(|_| lost()),
            Fate::Late => {
                let (inner, stream) = (self.inner.clone(), stream.to_owned());
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    inner.append(&stream, end, events).await
                });
                lost()
            }
        }
    }

    async fn keep_last_only(&self, stream: &str) -> Result<(), StreamError> {
        self.inner.keep_last_only(stream).await
    }

    fn describe(&self) -> String {
        "streams with fates".to_owned()
    }
}

async fn open(streams: impl EventStreams) -> anyhow::Result<EventStoreLog> {
    Ok(EventStoreLog::open(Arc::new(streams), "test", Some(1)).await?)
}

/// A commit of one message to a stream of its own.
fn new(log: &dyn EventLog, text: &str) -> Commit {
    commit(tenant_in(log, FIRST), vec![message(&stream(), Position(0), text)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_one_partition_lose_nothing_and_never_conflict_falsely() -> anyhow::Result<()> {
    const EACH: u64 = 60;
    let streams = MemoryStreams::default();
    let handles = [open(streams.clone()).await?, open(streams.clone()).await?, open(streams).await?];
    let tenant = tenant_in(&handles[0], FIRST);
    let shared = stream();
    let writers = handles.iter().enumerate().map(|(number, log)| {
        let shared = shared.clone();
        async move {
            let (mut own, mut wins, mut end) = (stream(), 0, Position(0));
            for round in 0..EACH {
                // Disjoint from what the others touch: must always stand.
                let text = format!("{number} {round}");
                end = log.append(commit(tenant, vec![message(&own, end, &text)])).await?.last;
                if round % 20 == 19 {
                    (own, end) = (stream(), Position(0));
                }
                let seen =
                    log.load(tenant, &shared, Position(0)).await?.last().map_or(0, |last| last.position.0);
                match log.append(commit(tenant, vec![message(&shared, Position(seen), &text)])).await {
                    Ok(_) => wins += 1,
                    Err(AppendError::Conflict { stream, .. }) if stream == shared => {}
                    Err(other) => return Err(anyhow::Error::from(other)),
                }
            }
            Ok(wins)
        }
    });
    let mut wins = 0;
    for outcome in join_all(writers).await {
        wins += outcome?;
    }
    let all = everything(&handles[1], FIRST).await?;
    assert_eq!(positions(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(all.len() as u64, 3 * EACH + wins);
    assert_eq!(handles[2].load(tenant, &shared, Position(0)).await?.len() as u64, wins);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_where_the_commit_stands() -> anyhow::Result<()> {
    let log = open(Fateful::with(vec![Fate::AnswerLost])).await?;
    for number in 1..=3 {
        let appended = log.append(new(&log, &number.to_string())).await?;
        assert_eq!((appended.first, appended.last), (Position(number), Position(number)));
    }
    let run = vec![new(&log, "4"), new(&log, "5")];
    assert_eq!(log.append_after(FIRST, Position(3), run).await?, Position(5));
    assert_eq!(texts(&everything(&log, FIRST).await?), ["1", "2", "3", "4", "5"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_seen_to_stand_is_unknown_and_never_stands_twice() -> anyhow::Result<()> {
    let log = open(Fateful::with(vec![Fate::RequestLost, Fate::Passes, Fate::Late, Fate::Passes])).await?;
    let tenant = tenant_in(&log, FIRST);
    let mut told = Vec::new();
    for number in 0..40 {
        let one = commit(tenant, vec![message(&stream(), Position(0), &number.to_string())]);
        match log.append(one).await {
            Ok(appended) => told.push((appended.last.0, number.to_string())),
            Err(AppendError::Unknown { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let all = everything(&log, FIRST).await?;
    let found = texts(&all);
    for (position, text) in &told {
        assert_eq!(found[*position as usize - 1], *text);
    }
    assert!((10..40).contains(&told.len()), "{} were acknowledged", told.len());
    let mut distinct = found.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), found.len(), "none stands twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_too_large_fails_alone() -> anyhow::Result<()> {
    let streams = Fateful { bytes_max: 1_000, ..Fateful::with(vec![Fate::Passes]) };
    let log = open(streams).await?;
    let sizes = [10, 400, 2_000, 400, 400, 10, 5_000, 10];
    let appends = sizes.map(|size| log.append(new(&log, &"x".repeat(size))));
    for (size, outcome) in sizes.into_iter().zip(join_all(appends).await) {
        match outcome {
            Ok(_) => assert!(size <= 1_000),
            Err(AppendError::Invalid { what }) => assert!(size > 1_000 && what.contains(&size.to_string())),
            Err(other) => return Err(other.into()),
        }
    }
    assert_eq!(log.head(FIRST).await?, Position(6));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backward_read_keeps_to_its_range_while_another_process_appends() -> anyhow::Result<()> {
    let elsewhere = MemoryStreams::default();
    let log = open(elsewhere.clone()).await?;
    for text in ["1", "2", "3"] {
        log.append(new(&log, text)).await?;
    }
    let written = elsewhere.read_forward("test.events-0", 0, ReadLimit { events: 10, ..ONE }).await?;
    let again =
        |StreamEvent { id, data, metadata, .. }| NewEvent { id, kind: "x".to_owned(), data, metadata };
    let in_between = Mutex::new(written.into_iter().map(again).collect());
    let log = open(Fateful { in_between, ..Fateful::with(vec![Fate::Passes]) }).await?;
    let query = ReadQuery { tenant: None, from: Position(2), direction: Direction::Backward, limit: 10 };
    assert!(log.read(FIRST, query.clone()).await?.is_empty());
    assert_eq!(positions(&log.read(FIRST, query).await?), [1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_were_tampered_with_are_named() -> anyhow::Result<()> {
    let strange = |metadata: &'static str| NewEvent {
        id: Uuid::new_v4(),
        kind: "strange".to_owned(),
        data: "{}".into(),
        metadata: metadata.into(),
    };
    let streams = MemoryStreams::default();
    let log = open(streams.clone()).await?;
    log.append(new(&log, "1")).await?;
    streams.append("test.events-0", StreamEnd::Any, vec![strange("{}")]).await?;
    let somebody = StreamId::new("food_graph", "batch", Uuid::nil());
    let loaded = log.load(tenant_in(&log, FIRST), &somebody, Position(0)).await;
    assert!(
        matches!(&loaded, Err(LogError::Corrupt { place, .. }) if place.contains("position 2")),
        "{loaded:?}"
    );

    // The beginning of a partition was let go.
    let streams = MemoryStreams::default();
    let log = open(streams.clone()).await?;
    for text in ["1", "2", "3"] {
        log.append(new(&log, text)).await?;
    }
    streams.keep_last_only("test.events-0").await?;
    log.append(new(&log, "4")).await?;
    let other = open(streams.clone()).await?;
    let loaded = other.load(tenant_in(&other, FIRST), &somebody, Position(0)).await;
    assert!(
        matches!(&loaded, Err(LogError::Corrupt { place, .. }) if place.contains("revision 0")),
        "{loaded:?}"
    );

    let streams = MemoryStreams::default();
    streams.append("test.log", StreamEnd::Nothing, vec![strange("{}")]).await?;
    let opened = EventStoreLog::open(Arc::new(streams), "test", None).await;
    assert!(
        matches!(&opened, Err(LogError::Configuration { reason }) if reason.contains("test.log")),
        "{opened:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_keeps_its_partitions_and_its_prefix() -> anyhow::Result<()> {
    let streams: Arc<dyn EventStreams> = Arc::new(MemoryStreams::default());
    let open = |prefix, count| EventStoreLog::open(Arc::clone(&streams), prefix, count);
    assert!(EventStoreLog::open_existing(Arc::clone(&streams), "a", None).await?.is_none());
    let (one, default) = (open("a", Some(3)).await?, open("b", None).await?);
    assert_eq!((one.partition_count(), default.partition_count()), (3, 4));
    one.append(new(&one, "of a")).await?;
    assert_eq!(default.head(FIRST).await?, Position(0));
    assert_eq!(open("a", None).await?.partition_count(), 3);
    let refused = open("a", Some(4)).await.unwrap_err().to_string();
    assert!(refused.contains("3 partitions, not 4"), "{refused}");
    assert!(matches!(open("A-b", None).await, Err(LogError::Configuration { .. })));
    assert!(matches!(open("c", Some(0)).await, Err(LogError::Configuration { .. })));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_leaves_one_event_behind() -> anyhow::Result<()> {
    let streams = MemoryStreams::default();
    let log = open(streams.clone()).await?;
    let (records, key) = (log.records(), RecordKey::new("worker.1")?);
    for round in 0..5_u8 {
        let value = bytes::Bytes::copy_from_slice(&[round]);
        records.put(RecordKind::Lease, &key, value, foodflow_log::Expected::Any).await?;
    }
    let all = ReadLimit { events: 100, ..ONE };
    let left = streams.read_forward("test.lease-worker.1", 0, all).await?;
    assert_eq!(left.iter().map(|event| (event.revision, event.data[0])).collect::<Vec<_>>(), [(4, 4)]);
    assert_eq!(streams.read_forward("test.record_keys-lease", 0, all).await?.len(), 1);
    Ok(())
}
