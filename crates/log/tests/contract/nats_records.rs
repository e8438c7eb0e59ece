//! What only the buckets of JetStream can get wrong: when they are made, and what other tools do to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{EventLog as _, Expected, LogError, RecordError, RecordKind};
use foodflow_testkit::servers::NatsServer;
use futures::StreamExt as _;

use crate::records::{all, key};

type JetStream = async_nats::jetstream::Context;

async fn start() -> anyhow::Result<(NatsServer, NatsLog, JetStream)> {
    let server = NatsServer::start().await?;
    let log = NatsLog::connect(NatsConfig::new(server.url()).with_partitions(1)).await?;
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await?);
    Ok((server, log, jetstream))
}

async fn buckets(jetstream: &JetStream) -> anyhow::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut found = jetstream.stream_names();
    while let Some(name) = found.next().await {
        names.extend(Some(name?).filter(|name| name.starts_with("KV_")));
    }
    names.sort();
    Ok(names)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_write_makes_a_bucket_and_only_its_own() -> anyhow::Result<()> {
    let (server, log, jetstream) = start().await?;
    let reading = NatsLog::connect_existing(NatsConfig::new(server.url())).await?.expect("it exists");
    for records in [log.records(), reading.records()] {
        for kind in RecordKind::ALL {
            assert_eq!(records.get(kind, &key("a")).await?, None);
            assert_eq!(records.list(kind, "", None, 10).await?, []);
            records.delete(kind, &key("a"), Expected::Any).await?;
        }
    }
    assert!(buckets(&jetstream).await?.is_empty());
    log.records().put(RecordKind::Checkpoint, &key("a"), Bytes::new(), Expected::New).await?;
    assert_eq!(buckets(&jetstream).await?, ["KV_FF_CHECKPOINTS"]);
    for kind in RecordKind::ALL {
        log.records().put(kind, &key("b"), Bytes::new(), Expected::New).await?;
    }
    let expected =
        ["KV_FF_CHECKPOINTS", "KV_FF_FOLLOWERS", "KV_FF_LEASES", "KV_FF_PERSON_KEYS", "KV_FF_SNAPSHOTS"];
    assert_eq!(buckets(&jetstream).await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_make_a_bucket_at_once_agree() -> anyhow::Result<()> {
    let (server, log, _) = start().await?;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(NatsLog::connect(NatsConfig::new(server.url())).await?.records());
    }
    let name = key("a");
    let puts =
        others.iter().map(|records| records.put(RecordKind::Lease, &name, Bytes::new(), Expected::New));
    let taken = futures::future::join_all(puts).await;
    let conflicts = taken.iter().filter(|one| matches!(one, Err(RecordError::Conflict { .. }))).count();
    assert_eq!((taken.iter().filter(|one| one.is_ok()).count(), conflicts), (1, 3), "{taken:?}");
    assert!(log.records().get(RecordKind::Lease, &name).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_may_look_while_a_bucket_is_made() -> anyhow::Result<()> {
    let (server, log, jetstream) = start().await?;
    let (records, name) = (log.records(), key("a"));
    let reader = NatsLog::connect(NatsConfig::new(server.url())).await?.records();
    let stop = Arc::new(AtomicBool::new(false));
    // Only the making is looked into: a server that deletes a stream leaves what was just asked of it unanswered.
    let deleting = Arc::new(tokio::sync::RwLock::new(()));
    let reading = tokio::spawn({
        let (stop, deleting, name) = (Arc::clone(&stop), Arc::clone(&deleting), name.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                let _not_deleting = deleting.read().await;
                reader.get(RecordKind::Lease, &name).await?;
            }
            anyhow::Ok(())
        }
    });
    for _ in 0..20 {
        records.put(RecordKind::Lease, &name, Bytes::new(), Expected::New).await?;
        let _nobody_reads = deleting.write().await;
        jetstream.delete_stream("KV_FF_LEASES").await?;
    }
    stop.store(true, Ordering::Relaxed);
    reading.await?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_tool_marks_as_deleted_is_gone_and_can_be_written_again() -> anyhow::Result<()> {
    let (_server, log, jetstream) = start().await?;
    let records = log.records();
    for name in ["a", "b", "c"] {
        records.put(RecordKind::Lease, &key(name), Bytes::from_static(b"x"), Expected::New).await?;
    }
    for (name, operation) in [("a", "DEL"), ("b", "PURGE")] {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("KV-Operation", operation);
        let subject = format!("$KV.FF_LEASES.{name}");
        jetstream.publish_with_headers(subject, headers, Bytes::new()).await?.await?;
        assert_eq!(records.get(RecordKind::Lease, &key(name)).await?, None);
    }
    for size in [1, 10] {
        let listed = all(&*records, RecordKind::Lease, "", size).await?;
        assert_eq!(listed.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(), ["c"]);
    }
    let again = records.put(RecordKind::Lease, &key("a"), Bytes::from_static(b"y"), Expected::New).await?;
    let found = records.get(RecordKind::Lease, &key("a")).await?.expect("it was written again");
    assert_eq!((found.revision, &found.value[..]), (again, &b"y"[..]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_was_removed_is_made_anew() -> anyhow::Result<()> {
    let (_server, log, jetstream) = start().await?;
    let records = log.records();
    records.put(RecordKind::Snapshot, &key("a"), Bytes::new(), Expected::New).await?;
    jetstream.delete_stream("KV_FF_SNAPSHOTS").await?;
    assert_eq!(records.get(RecordKind::Snapshot, &key("a")).await?, None);
    records.put(RecordKind::Snapshot, &key("a"), Bytes::from_static(b"1"), Expected::New).await?;
    assert!(records.get(RecordKind::Snapshot, &key("a")).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_forgets_is_refused() -> anyhow::Result<()> {
    let (_server, log, jetstream) = start().await?;
    let foreign = async_nats::jetstream::stream::Config {
        name: "KV_FF_CHECKPOINTS".to_owned(),
        subjects: vec!["$KV.FF_CHECKPOINTS.>".to_owned()],
        max_age: Duration::from_secs(3_600),
        max_messages_per_subject: 1,
        allow_direct: true,
        ..Default::default()
    };
    jetstream.create_stream(foreign).await?;
    let refused = log.records().put(RecordKind::Checkpoint, &key("a"), Bytes::new(), Expected::New).await;
    let text = refused.as_ref().map_err(ToString::to_string);
    assert!(
        matches!(&refused, Err(RecordError::Log(LogError::Configuration { .. })))
            && matches!(&text, Err(text) if text.contains("FF_CHECKPOINTS")),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listing_leaves_no_consumer_and_reaches_beyond_one_page_of_subjects() -> anyhow::Result<()> {
    // The server names at most 100,000 subjects at once.
    const RECORDS: usize = 100_300;
    let (_server, log, jetstream) = start().await?;
    let records = log.records();
    // In memory, as nothing here is about the disk.
    let bucket = async_nats::jetstream::stream::Config {
        name: "KV_FF_SNAPSHOTS".to_owned(),
        subjects: vec!["$KV.FF_SNAPSHOTS.>".to_owned()],
        storage: async_nats::jetstream::stream::StorageType::Memory,
        max_messages_per_subject: 1,
        allow_direct: true,
        ..Default::default()
    };
    let mut stream = jetstream.create_stream(bucket).await?;
    let client = jetstream.client();
    for number in 0..RECORDS - 1 {
        client.publish(format!("$KV.FF_SNAPSHOTS.n.{number:07}"), Bytes::new()).await?;
    }
    // Over the same connection and in order: with the answer to the last one all of them are there.
    let last = key(&format!("n.{:07}", RECORDS - 1));
    let subject = format!("$KV.FF_SNAPSHOTS.{last}");
    while jetstream.publish(subject.clone(), Bytes::new()).await?.await.is_err() {}
    let first = records.list(RecordKind::Snapshot, "n.", None, 3).await?;
    assert_eq!(
        first.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(),
        ["n.0000000", "n.0000001", "n.0000002"]
    );
    let end = records.list(RecordKind::Snapshot, "n.", Some(&key("n.0100000")), 1_000).await?;
    assert_eq!((end.len(), &end[298].key), (299, &last));
    assert_eq!(stream.info().await?.state.consumer_count, 0);
    Ok(())
}
