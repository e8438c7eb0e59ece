//! The records beside the log.

use std::sync::Arc;

use bytes::Bytes;
use foodflow_log::records::{LISTED_BYTES_MAX, LISTED_RECORDS_MAX, RECORD_BYTES_MAX, RECORD_KEY_CHARS_MAX};
use foodflow_log::{Expected, LogError, Record, RecordError, RecordKey, RecordKind, Records, SharedRecords};
use futures::future::join_all;

use crate::fixture::Fixture;

const NOTE: RecordKind = RecordKind::Checkpoint;

pub(crate) fn key(text: &str) -> RecordKey {
    RecordKey::new(text).expect("a key")
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn put(records: &SharedRecords, name: &str, text: &str) -> anyhow::Result<u64> {
    Ok(records.put(NOTE, &key(name), value(text), Expected::Any).await?)
}

async fn read(records: &SharedRecords, name: &str) -> anyhow::Result<Option<String>> {
    let found = records.get(NOTE, &key(name)).await?;
    Ok(found.map(|record| String::from_utf8_lossy(&record.value).into_owned()))
}

fn is_conflict<T>(outcome: &Result<T, RecordError>, name: &str) -> bool {
    matches!(outcome, Err(RecordError::Conflict { key }) if key.as_str() == name)
}

pub(crate) async fn a_record_is_the_latest_value_under_its_key(fixture: Fixture) -> anyhow::Result<()> {
    let records = fixture.log.records();
    let mut last = 0;
    for text in ["first", "second", "third"] {
        let revision = put(&records, "a", text).await?;
        put(&records, "b", "other").await?;
        assert!(revision > last);
        last = revision;
        let found = records.get(NOTE, &key("a")).await?;
        assert_eq!(found, Some(Record { key: key("a"), value: value(text), revision }));
    }
    for kind in RecordKind::ALL {
        let found = records.get(kind, &key("a")).await?;
        assert_eq!(found.is_some(), kind == NOTE, "{kind:?}");
    }
    Ok(())
}

pub(crate) async fn a_write_goes_through_only_where_it_was_expected(fixture: Fixture) -> anyhow::Result<()> {
    let records = fixture.log.records();
    let write = |expected| {
        let records = &records;
        async move { records.put(NOTE, &key("a"), value("never"), expected).await }
    };
    let missing = write(Expected::Revision(1)).await;
    assert!(is_conflict(&missing, "a"), "{missing:?}");
    let first = records.put(NOTE, &key("a"), value("1"), Expected::New).await?;
    let other = put(&records, "b", "beside").await?;
    let second = records.put(NOTE, &key("a"), value("2"), Expected::Revision(first)).await?;
    for expected in
        [Expected::New, Expected::Revision(first), Expected::Revision(other), Expected::Revision(second + 1)]
    {
        let stale = write(expected).await;
        assert!(is_conflict(&stale, "a"), "{expected:?}: {stale:?}");
    }
    assert_eq!(read(&records, "a").await?.as_deref(), Some("2"));
    Ok(())
}

pub(crate) async fn of_writers_who_race_one_wins(fixture: Fixture) -> anyhow::Result<()> {
    const WRITERS: usize = 6;
    const EACH: usize = 8;
    let second = fixture.second().await?;
    let handles: Vec<SharedRecords> =
        (0..WRITERS).map(|n| if n % 2 == 0 { fixture.log.records() } else { second.records() }).collect();
    let takes = handles.iter().map(|records| records.put(NOTE, &RACED, value("0"), Expected::New));
    let taken: Vec<_> = join_all(takes).await;
    assert_eq!(taken.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{taken:?}");
    assert!(taken.iter().all(|outcome| outcome.is_ok() || is_conflict(outcome, "raced")), "{taken:?}");

    let writers = handles.into_iter().map(|records| {
        tokio::spawn(async move {
            for _ in 0..EACH {
                increment(&records, WRITERS * EACH).await?;
            }
            anyhow::Ok(())
        })
    });
    for outcome in join_all(writers).await {
        outcome??;
    }
    let last = fixture.log.records().get(NOTE, &RACED).await?.expect("it was taken");
    assert_eq!(last.value, value(&(WRITERS * EACH).to_string()));
    Ok(())
}

static RACED: std::sync::LazyLock<RecordKey> = std::sync::LazyLock::new(|| key("raced"));

/// Adds one to the raced record; each conflict means that another addition stands.
async fn increment(records: &SharedRecords, additions: usize) -> anyhow::Result<()> {
    for _ in 0..=additions {
        let found = records.get(NOTE, &RACED).await?.expect("it was taken");
        let count: usize = std::str::from_utf8(&found.value)?.parse()?;
        let next = value(&(count + 1).to_string());
        match records.put(NOTE, &RACED, next, Expected::Revision(found.revision)).await {
            Ok(_) => return Ok(()),
            Err(RecordError::Conflict { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    anyhow::bail!("more conflicts than additions")
}

pub(crate) async fn two_handles_see_each_others_writes(fixture: Fixture) -> anyhow::Result<()> {
    let (one, second) = (fixture.log.records(), fixture.second().await?);
    let other = second.records();
    assert_eq!(read(&other, "a").await?, None);
    let revision = put(&one, "a", "of one").await?;
    assert_eq!(read(&other, "a").await?.as_deref(), Some("of one"));
    let next = other.put(NOTE, &key("a"), value("of the other"), Expected::Revision(revision)).await?;
    let found = one.get(NOTE, &key("a")).await?.map(|record| (record.value, record.revision));
    assert_eq!(found, Some((value("of the other"), next)));
    one.delete(NOTE, &key("a"), Expected::Any).await?;
    assert_eq!(read(&other, "a").await?, None);
    Ok(())
}

pub(crate) async fn a_deleted_record_is_gone_and_its_revision_with_it(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let records = fixture.log.records();
    let first = put(&records, "a", "1").await?;
    let second = put(&records, "a", "2").await?;
    let kept = put(&records, "b", "kept").await?;
    for expected in [Expected::New, Expected::Revision(first), Expected::Revision(kept)] {
        let refused = records.delete(NOTE, &key("a"), expected).await;
        assert!(is_conflict(&refused, "a"), "{expected:?}: {refused:?}");
    }
    assert_eq!(read(&records, "a").await?.as_deref(), Some("2"));
    records.delete(NOTE, &key("a"), Expected::Revision(second)).await?;
    assert_eq!(read(&records, "a").await?, None);
    assert_eq!(read(&records, "b").await?.as_deref(), Some("kept"));

    records.delete(NOTE, &key("a"), Expected::Any).await?;
    records.delete(NOTE, &key("a"), Expected::New).await?;
    let gone = records.delete(NOTE, &key("a"), Expected::Revision(second)).await;
    assert!(is_conflict(&gone, "a"), "{gone:?}");
    let stale = records.put(NOTE, &key("a"), value("3"), Expected::Revision(second)).await;
    assert!(is_conflict(&stale, "a"), "{stale:?}");
    let anew = records.put(NOTE, &key("a"), value("4"), Expected::New).await?;
    assert!(anew > second, "a revision is never used again");
    records.delete(NOTE, &key("b"), Expected::Any).await?;
    assert_eq!(read(&records, "a").await?.as_deref(), Some("4"));
    Ok(())
}

pub(crate) async fn records_are_listed_in_order_of_their_keys(fixture: Fixture) -> anyhow::Result<()> {
    let records = fixture.log.records();
    let mut written: Vec<String> = (0..40).map(|number| format!("t1.x.{:02}", number * 7 % 40)).collect();
    written.extend(
        ["t1.x", "t1.xy", "t1.y.1", "t10.x.1", "t2", "T1.x.1", "a/b", "a-b", "a=b"].map(str::to_owned),
    );
    for name in &written {
        put(&records, name, name).await?;
    }
    records.put(RecordKind::Lease, &key("t1.x.07-other"), value("of another kind"), Expected::Any).await?;
    put(&records, "t1.x.deleted", "gone").await?;
    records.delete(NOTE, &key("t1.x.deleted"), Expected::Any).await?;
    written.sort();
    for prefix in
        ["", "t1.", "t1.x", "t1.x.", "t1.x.0", "t1", "a", "t1.x.07", "nothing", "*", "t1.>", "t1..", "."]
    {
        let expected: Vec<_> = written.iter().filter(|name| name.starts_with(prefix)).collect();
        for size in [1, 7, 500] {
            let listed = all(&*records, NOTE, prefix, size).await?;
            assert!(listed.iter().all(|record| record.value == record.key.as_str()), "{listed:?}");
            let names: Vec<_> = listed.iter().map(|record| record.key.as_str()).collect();
            assert_eq!(names, expected, "`{prefix}` by {size}");
        }
    }
    assert_eq!(records.list(NOTE, "", None, 0).await?, []);
    let between = records.list(NOTE, "t1.x.", Some(&key("t1.x.071")), 1).await?;
    assert_eq!(between[0].key.as_str(), "t1.x.08");
    let whole = records.list(NOTE, "", None, usize::MAX).await?;
    assert!(whole.len() == written.len() && whole.len() < LISTED_RECORDS_MAX);
    for record in whole {
        assert_eq!(records.get(NOTE, &record.key).await?.as_ref(), Some(&record));
    }
    Ok(())
}

/// Every record under a prefix, by pages.
pub(crate) async fn all(
    records: &dyn Records,
    kind: RecordKind,
    prefix: &str,
    size: usize,
) -> anyhow::Result<Vec<Record>> {
    let mut all: Vec<Record> = Vec::new();
    loop {
        let after = all.last().map(|last| last.key.clone());
        let page = records.list(kind, prefix, after.as_ref(), size).await?;
        assert!(page.len() <= size);
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

pub(crate) async fn a_list_is_bounded_in_bytes_and_loses_nothing(fixture: Fixture) -> anyhow::Result<()> {
    const LARGE: usize = 22;
    let records = fixture.log.records();
    for number in 0..LARGE {
        let large = Bytes::from(vec![number as u8; RECORD_BYTES_MAX]);
        records.put(NOTE, &key(&format!("large.{number:02}")), large, Expected::New).await?;
    }
    let page = records.list(NOTE, "", None, 100).await?;
    let bytes: usize = page.iter().map(|record| record.value.len()).sum();
    assert!(page.len() < LARGE && bytes < LISTED_BYTES_MAX + RECORD_BYTES_MAX, "{} records", page.len());
    let listed = all(&*records, NOTE, "large.", 100).await?;
    let firsts: Vec<_> = listed.iter().map(|record| record.value[0]).collect();
    assert_eq!(firsts, (0..LARGE as u8).collect::<Vec<_>>());
    Ok(())
}

pub(crate) async fn keys_and_values_of_every_sort_come_back(fixture: Fixture) -> anyhow::Result<()> {
    let records = fixture.log.records();
    let longest = "k".repeat(RECORD_KEY_CHARS_MAX);
    let names = ["-", "=", "/", "_", "a", "A", "0", "a.b.c.d", "/a//b/", "a=b==", "-.-", "_kw", &longest];
    let every_byte: Bytes = (0..=u8::MAX).collect();
    let values = [Bytes::new(), every_byte, Bytes::from(vec![b'#'; RECORD_BYTES_MAX])];
    for (number, name) in names.into_iter().enumerate() {
        records.put(NOTE, &key(name), values[number % values.len()].clone(), Expected::New).await?;
    }
    for (number, name) in names.into_iter().enumerate() {
        let found = records.get(NOTE, &key(name)).await?.expect("it was written");
        assert!(found.key == key(name) && found.value == values[number % values.len()], "{name}");
    }
    let bytes = RECORD_BYTES_MAX + 1;
    let refused = records.put(NOTE, &key("a"), Bytes::from(vec![0; bytes]), Expected::Any).await;
    assert!(
        matches!(refused, Err(RecordError::TooLarge { bytes: found, .. }) if found == bytes),
        "{refused:?}"
    );
    Ok(())
}

pub(crate) async fn where_nothing_was_written_nothing_is_found(fixture: Fixture) -> anyhow::Result<()> {
    let records = fixture.log.records();
    for kind in RecordKind::ALL {
        assert_eq!(records.get(kind, &key("a")).await?, None);
        assert_eq!(records.list(kind, "", None, 10).await?, []);
        records.delete(kind, &key("a"), Expected::Any).await?;
        records.delete(kind, &key("a"), Expected::New).await?;
        let missing = records.delete(kind, &key("a"), Expected::Revision(1)).await;
        assert!(is_conflict(&missing, "a"), "{missing:?}");
    }
    Ok(())
}

pub(crate) async fn records_close_with_the_log(fixture: Fixture) -> anyhow::Result<()> {
    let records = fixture.log.records();
    put(&records, "a", "1").await?;
    let early = Arc::clone(&records);
    fixture.log.close().await;
    for records in [early, fixture.log.records()] {
        let outcomes = [
            records.get(NOTE, &key("a")).await.map(drop),
            records.put(NOTE, &key("a"), value("2"), Expected::Any).await.map(drop),
            records.delete(NOTE, &key("a"), Expected::Any).await,
            records.list(NOTE, "", None, 1).await.map(drop),
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Err(RecordError::Log(LogError::Unavailable { .. }))), "{outcome:?}");
        }
    }
    Ok(())
}
