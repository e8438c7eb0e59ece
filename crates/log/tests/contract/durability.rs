//! What outlives the process that wrote it.

use bytes::Bytes;
use foodflow_log::{AppendError, Expected, Partition, Position, RecordError, RecordKey, RecordKind};

use crate::fixture::{
    Fixture, append_new, commit, everything, message, positions, stream, take, tenant_in, texts,
};

pub(crate) async fn a_reopened_log_holds_everything(fixture: Fixture) -> anyhow::Result<()> {
    let tenant = tenant_in(&*fixture.log, Partition(0));
    append_new(&*fixture.log, tenant, 40).await?;
    append_new(&*fixture.log, tenant, 1).await?;
    let before = everything(&*fixture.log, Partition(0)).await?;
    let partitions = fixture.log.partition_count();

    let reopened = fixture.reopen().await?;
    let log = &*reopened.log;
    assert_eq!(log.partition_count(), partitions);
    assert_eq!(everything(log, Partition(0)).await?, before);
    assert_eq!(log.head(Partition(0)).await?, Position(41));
    assert_eq!(append_new(log, tenant, 2).await?.first, Position(42));
    let mut subscription = log.subscribe(Partition(0), None, Position(40)).await?;
    assert_eq!(positions(&take(&mut subscription, 3).await?), [41, 42, 43]);
    Ok(())
}

pub(crate) async fn a_crashed_log_holds_everything_that_was_acknowledged(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let mut fixture = fixture;
    let tenant = tenant_in(&*fixture.log, Partition(0));
    let (grown, mut end) = (stream(), Position(0));
    let mut written = Vec::new();
    for round in 0..3 {
        for size in [0, 2, 5] {
            let text = format!("{round} {size}");
            let mut messages = vec![message(&grown, end, &text)];
            messages.extend((0..size).map(|_| message(&stream(), Position(0), "beside")));
            end = fixture.log.append(commit(tenant, messages)).await?.first;
            written.push(text);
        }
        fixture = fixture.crash().await?;
        let loaded = fixture.log.load(tenant, &grown, Position(0)).await?;
        assert_eq!(texts(&loaded), written);
    }
    assert_eq!(fixture.log.head(Partition(0)).await?, Position(30));
    Ok(())
}

pub(crate) async fn a_reopened_log_still_refuses_what_came_before(fixture: Fixture) -> anyhow::Result<()> {
    let tenant = tenant_in(&*fixture.log, Partition(0));
    let grown = stream();
    let first = fixture.log.append(commit(tenant, vec![message(&grown, Position(0), "1")])).await?.last;
    let second = fixture.log.append(commit(tenant, vec![message(&grown, first, "2")])).await?.last;

    let reopened = fixture.reopen().await?;
    for stale in [Position(0), first] {
        let outcome = reopened.log.append(commit(tenant, vec![message(&grown, stale, "again")])).await;
        assert!(matches!(outcome, Err(AppendError::Conflict { .. })), "{outcome:?}");
    }
    reopened.log.append(commit(tenant, vec![message(&grown, second, "3")])).await?;
    assert_eq!(texts(&reopened.log.load(tenant, &grown, Position(0)).await?), ["1", "2", "3"]);
    Ok(())
}

pub(crate) async fn records_outlive_a_reopening_and_a_crash(fixture: Fixture) -> anyhow::Result<()> {
    const LEASE: RecordKind = RecordKind::Lease;
    let (kept, gone) = (RecordKey::new("kept")?, RecordKey::new("gone")?);
    let records = fixture.log.records();
    let mut revision = records.put(LEASE, &kept, Bytes::from_static(b"0"), Expected::New).await?;
    records.put(LEASE, &gone, Bytes::from_static(b"0"), Expected::New).await?;
    records.delete(LEASE, &gone, Expected::Any).await?;
    drop(records);
    let mut fixture = fixture;
    for round in 1..=3 {
        fixture = if round == 1 { fixture.reopen().await? } else { fixture.crash().await? };
        let records = fixture.log.records();
        assert_eq!(records.get(LEASE, &gone).await?, None);
        let found = records.get(LEASE, &kept).await?.expect("it was acknowledged");
        assert_eq!((found.revision, found.value), (revision, Bytes::from((round - 1).to_string())));
        let stale = records.put(LEASE, &kept, Bytes::new(), Expected::Revision(revision - 1)).await;
        assert!(matches!(stale, Err(RecordError::Conflict { .. })), "{stale:?}");
        let value = Bytes::from(round.to_string());
        let next = records.put(LEASE, &kept, value, Expected::Revision(revision)).await?;
        assert!(next > revision);
        revision = next;
    }
    Ok(())
}
