//! Erasing what stood under a key before its present value.
//!
//! A message that the server lets go by a limit or a purge stays in its files until they are written anew. One that is
//! deleted by its sequence is overwritten there, so that is what is done, oldest first: the present value is never touched.
//!
//! What a cluster's servers say to each other (Raft) they keep in files of their own for a while.

use async_nats::jetstream::ErrorCode;
use serde::{Deserialize, Serialize};

use super::bucket;
use super::connect::Connection;
use super::records::{self, unavailable};
use crate::LogError;
use crate::records::{RecordKey, RecordKind};

/// Values of one key that are erased at most in one go; there are fewer by the bucket's settings.
const ERASED_MAX: usize = 1_000;

#[derive(Serialize)]
struct First<'a> {
    seq: u64,
    next_by_subj: &'a str,
}

#[derive(Serialize)]
struct Last<'a> {
    last_by_subj: &'a str,
}

#[derive(Deserialize)]
struct Found {
    message: Numbered,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// Overwrites every value of `key` but the present one.
pub(super) async fn one(connection: &Connection, kind: RecordKind, key: &RecordKey) -> Result<(), LogError> {
    subject(connection, kind, &bucket::record_subject(kind, key.as_str())).await
}

async fn subject(connection: &Connection, kind: RecordKind, subject: &str) -> Result<(), LogError> {
    let Some(last) = find(connection, kind, &Last { last_by_subj: subject }).await? else { return Ok(()) };
    for _ in 0..ERASED_MAX {
        let first = find(connection, kind, &First { seq: 1, next_by_subj: subject }).await?;
        let Some(first) = first.filter(|first| *first < last) else { return Ok(()) };
        erase(connection, kind, first).await?;
    }
    Err(unavailable(kind, "a key has more earlier values than its bucket keeps"))
}

/// Overwrites every value of every key but the present ones.
pub(super) async fn all(connection: &Connection, kind: RecordKind) -> Result<(), LogError> {
    let mut offset = 0;
    loop {
        let page = records::subjects(connection, kind, bucket::filter(kind, ""), offset).await?;
        offset += page.subjects.len();
        for (name, _) in page.subjects.iter().filter(|(_, values)| **values > 1) {
            subject(connection, kind, name).await?;
        }
        if page.is_last {
            return Ok(());
        }
    }
}

/// Asks the leader for a message's sequence: a replica may lag behind.
async fn find<Q: Serialize>(
    connection: &Connection,
    kind: RecordKind,
    question: &Q,
) -> Result<Option<u64>, LogError> {
    let address = format!("STREAM.MSG.GET.{}", bucket::stream_name(kind));
    match connection.ask_api_about::<_, Found>(&address, question).await? {
        Ok(found) => Ok(Some(found.message.seq)),
        Err(error) if is_nothing(error.err_code) => Ok(None),
        Err(error) => Err(unavailable(kind, &error.description)),
    }
}

async fn erase(connection: &Connection, kind: RecordKind, seq: u64) -> Result<(), LogError> {
    #[derive(Serialize)]
    struct Erase {
        seq: u64,
        no_erase: bool,
    }
    #[derive(Deserialize)]
    struct Erased {
        success: bool,
    }
    let address = format!("STREAM.MSG.DELETE.{}", bucket::stream_name(kind));
    match connection.ask_api_about::<_, Erased>(&address, &Erase { seq, no_erase: false }).await? {
        Ok(Erased { success: true }) => Ok(()),
        Ok(_) => Err(unavailable(kind, "an earlier value of a key was not erased")),
        // Another process that scrubs was faster.
        Err(error) if is_nothing(error.err_code) => Ok(()),
        Err(error) => Err(unavailable(kind, &error.description)),
    }
}

fn is_nothing(code: u64) -> bool {
    [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND, ErrorCode::STREAM_NOT_FOUND]
        .iter()
        .any(|known| known.0 == code)
}
