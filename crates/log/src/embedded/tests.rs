mod following;
mod opening;
mod reading;
mod records;
mod sharing;
mod writing;

use bytes::Bytes;
use jiff::Timestamp;
use sqlx::ConnectOptions;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::event_log::NewMessage;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const OTHER: TenantId = TenantId(Uuid::from_u128(2));
const ALL: Partition = Partition(0);

/// A folder for one test, with the log's path in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }

    async fn open(&self) -> EmbeddedLog {
        EmbeddedLog::open(&self.path()).await.unwrap()
    }

    /// A connection past the log, as another program has one.
    async fn connect(&self) -> SqliteConnection {
        file::options(&self.path()).connect().await.unwrap()
    }
}

fn stream(number: u128) -> StreamId {
    StreamId::new("test", "thing", Uuid::from_u128(number))
}

fn commit(tenant: TenantId, messages: &[(u128, u64)]) -> Commit {
    let message = |(number, expected): &(u128, u64)| NewMessage {
        stream: stream(*number),
        expected: Position(*expected),
        payload: Bytes::from(format!("[{number}]")),
    };
    Commit { tenant, recorded_at: Timestamp::UNIX_EPOCH, messages: messages.iter().map(message).collect() }
}

fn positions(messages: &[StoredMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.position.0).collect()
}
