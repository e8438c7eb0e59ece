//! A log file that somebody edited with another tool.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::*;
use crate::embedded::EmbeddedLog;
use crate::event_log::{Commit, Direction, EventLog as _, NewMessage, ReadQuery};

async fn read_all(path: &std::path::Path) -> Vec<StoredMessage> {
    let log = EmbeddedLog::open(path).await.unwrap();
    let query = ReadQuery { tenant: None, from: Position(0), direction: Direction::Forward, limit: 100 };
    let messages = log.read(Partition(0), query).await.unwrap();
    log.close().await;
    messages
}

/// Writes the messages of `plant` through the log, commit by commit.
async fn write(path: &std::path::Path, plant: &[StoredMessage]) {
    let log = EmbeddedLog::open(path).await.unwrap();
    let mut ends: HashMap<(TenantId, StreamId), Position> = HashMap::new();
    let mut rest = plant;
    while let Some(first) = rest.first() {
        let envelope = Envelope::decode_batch(&first.payload).unwrap().remove(0);
        let (commit, later) = rest.split_at(envelope.commitsize as usize);
        let message = |message: &StoredMessage| NewMessage {
            stream: message.stream.clone(),
            expected: ends.get(&(message.tenant, message.stream.clone())).copied().unwrap_or_default(),
            payload: message.payload.clone(),
        };
        let messages = commit.iter().map(message).collect();
        log.append(Commit { tenant: first.tenant, recorded_at: envelope.time, messages }).await.unwrap();
        ends.extend(commit.iter().map(|one| ((one.tenant, one.stream.clone()), one.position)));
        rest = later;
    }
    log.close().await;
}

async fn tamper(path: &std::path::Path, statement: &'static str) {
    let mut file = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let drop_triggers = "DROP TRIGGER message_is_never_changed; DROP TRIGGER message_is_never_removed;";
    assert!(sqlx::raw_sql(statement).execute(&mut file).await.is_err(), "the file itself refuses it");
    sqlx::raw_sql(drop_triggers).execute(&mut file).await.unwrap();
    assert!(sqlx::raw_sql(statement).execute(&mut file).await.unwrap().rows_affected() > 0);
    file.close().await.unwrap();
}

#[tokio::test]
async fn what_was_edited_in_the_file_shows() {
    let cases = [
        (
            "UPDATE message SET payload = CAST(replace(CAST(payload AS TEXT), '1.5', '9.5') AS BLOB) WHERE position = 1",
            4,
            Rule::Chain,
        ),
        (
            "UPDATE message SET payload = CAST(replace(CAST(payload AS TEXT), '\"ana\"', '\"eve\"') AS BLOB) WHERE position = 4",
            6,
            Rule::Chain,
        ),
        (
            "UPDATE message SET tenant = unhex('00000000000000000000000000000003') WHERE position = 7",
            7,
            Rule::Envelope,
        ),
        ("DELETE FROM message WHERE position = 4", 5, Rule::Place),
        ("DELETE FROM message WHERE position >= 6", 5, Rule::Commit),
    ];
    for (statement, at, rule) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.sqlite");
        write(&path, &Writer::plant()).await;
        assert_eq!(verify(&read_all(&path).await).unwrap().messages, 7);
        tamper(&path, statement).await;
        let (position, found, link) = broken(&read_all(&path).await);
        assert_eq!((position, found), (at, rule), "{statement}: {link}");
    }
}
