//! What an accepted commit promises.

use bytes::Bytes;
use foodflow_log::event_log::{COMMIT_MESSAGES_MAX, PAYLOAD_BYTES_MAX};
use foodflow_log::{NewMessage, Position, StoredMessage};

use crate::fixture::{Fixture, append_new, commit, everything, message, positions, stream, tenant, texts};

pub(crate) async fn messages_of_a_commit_take_adjoining_positions(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    for (size, first, last) in [(1, 1, 1), (3, 2, 4), (2, 5, 6), (1, 7, 7)] {
        let streams: Vec<_> = std::iter::repeat_with(stream).take(size).collect();
        let messages = streams.iter().map(|stream| message(stream, Position(0), "x")).collect();
        let appended = log.append(commit(tenant, messages)).await?;
        assert_eq!((appended.first, appended.last), (Position(first), Position(last)));
        for (index, stream) in streams.iter().enumerate() {
            let loaded = log.load(tenant, stream, Position(0)).await?;
            assert_eq!(positions(&loaded), [first + index as u64]);
        }
    }
    Ok(())
}

pub(crate) async fn payloads_come_back_byte_for_byte(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let payloads: [&[u8]; 5] = [
        b"",
        b"[{\"specversion\":\"1.0\"}]",
        "Grün-Käse €, 豆腐".as_bytes(),
        b"\r\nNATS/1.0 404\r\n\r\n",
        &every_byte,
    ];
    let messages: Vec<_> = payloads
        .iter()
        .map(|bytes| NewMessage {
            stream: stream(),
            expected: Position(0),
            payload: Bytes::copy_from_slice(bytes),
        })
        .collect();
    log.append(commit(tenant, messages.clone())).await?;
    let partition = log.partition_of(tenant);
    let expected: Vec<_> = messages
        .into_iter()
        .zip(1..)
        .map(|(message, position)| StoredMessage {
            partition,
            position: Position(position),
            tenant,
            stream: message.stream,
            payload: message.payload,
        })
        .collect();
    assert_eq!(everything(log, partition).await?, expected);
    for message in expected {
        assert_eq!(log.load(tenant, &message.stream, Position(0)).await?, [message]);
    }
    Ok(())
}

pub(crate) async fn a_stream_grows_only_from_its_end(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let (one, other) = (stream(), stream());
    let mut end = Position(0);
    for index in 0..5 {
        end = log.append(commit(tenant, vec![message(&one, end, &format!("one {index}"))])).await?.last;
        append_new(log, tenant, 1).await?;
    }
    let both = vec![message(&other, Position(0), "other 0"), message(&one, end, "one 5")];
    let appended = log.append(commit(tenant, both)).await?;
    let loaded = log.load(tenant, &one, Position(0)).await?;
    assert_eq!(texts(&loaded), ["one 0", "one 1", "one 2", "one 3", "one 4", "one 5"]);
    assert_eq!(positions(&loaded), [1, 3, 5, 7, 9, appended.last.0]);
    Ok(())
}

pub(crate) async fn a_commit_may_hold_a_thousand_messages(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    append_new(log, tenant, 1).await?;
    let appended = append_new(log, tenant, COMMIT_MESSAGES_MAX).await?;
    assert_eq!((appended.first, appended.last), (Position(2), Position(1_001)));
    let all = everything(log, log.partition_of(tenant)).await?;
    assert_eq!(positions(&all), (1..=1_001).collect::<Vec<_>>());
    let expected: Vec<_> = (0..COMMIT_MESSAGES_MAX).map(|index| format!("new {index}")).collect();
    assert_eq!(texts(&all[1..]), expected);
    Ok(())
}

pub(crate) async fn a_commit_touches_no_other_stream(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    let kept = stream();
    let end = log.append(commit(tenant, vec![message(&kept, Position(0), "kept")])).await?.last;
    append_new(log, tenant, 3).await?;
    append_new(log, tenant, 1).await?;
    assert_eq!(texts(&log.load(tenant, &kept, Position(0)).await?), ["kept"]);
    log.append(commit(tenant, vec![message(&kept, end, "next")])).await?;
    Ok(())
}

pub(crate) async fn a_payload_of_the_largest_size_is_kept(fixture: Fixture) -> anyhow::Result<()> {
    let (log, tenant) = (&*fixture.log, tenant());
    for count in [1, 3] {
        let messages: Vec<_> = std::iter::repeat_with(|| NewMessage {
            stream: stream(),
            expected: Position(0),
            payload: Bytes::from(vec![b'#'; PAYLOAD_BYTES_MAX]),
        })
        .take(count)
        .collect();
        log.append(commit(tenant, messages.clone())).await?;
        for message in messages {
            let loaded = log.load(tenant, &message.stream, Position(0)).await?;
            assert!(loaded.len() == 1 && loaded[0].payload == message.payload);
        }
    }
    Ok(())
}
