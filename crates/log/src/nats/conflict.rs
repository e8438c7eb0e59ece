//! Finding what is behind a refused batch: the server says that something has moved, not what.

use std::collections::HashMap;

use super::append::PreparedMessage;
use super::connect::Connection;
use super::direct_get::{self, Question};
use super::read;
use crate::{AppendError, LogError, Partition, Position};

/// Streams whose last positions are asked for at once; their payloads come along.
const STREAMS_PER_QUESTION: usize = 16;

/// The conflict, with the first stream that has moved; with the first touched one where none can be told.
///
/// Where the batch had to follow `after`, it is the partition itself that moved, if it did.
pub(super) async fn locate(
    connection: &Connection,
    partition: Partition,
    after: Option<Position>,
    messages: &[PreparedMessage],
) -> AppendError {
    if let Some(expected) = after {
        match read::head(connection, partition).await {
            Ok(head) if head == expected => {}
            Ok(_) => return AppendError::Moved { partition, expected },
            Err(error) => return error.into(),
        }
    }
    let moved = match messages {
        [_] => Ok(None),
        several => first_moved(connection, partition, several).await,
    };
    let moved = moved.unwrap_or_else(|error| {
        tracing::debug!(%error, "which stream of a refused commit has moved could not be read");
        None
    });
    match moved.or(messages.first()) {
        Some(message) => AppendError::Conflict { stream: message.stream.clone(), expected: message.expected },
        None => AppendError::Invalid { what: "a commit without messages".to_owned() },
    }
}

async fn first_moved<'a>(
    connection: &Connection,
    partition: Partition,
    messages: &'a [PreparedMessage],
) -> Result<Option<&'a PreparedMessage>, LogError> {
    for chunk in messages.chunks(STREAMS_PER_QUESTION) {
        let subjects: Vec<&str> = chunk.iter().map(|message| message.subject.as_str()).collect();
        let question = Question { multi_last: subjects, ..Question::default() };
        let page = direct_get::ask(connection, partition, &question).await?;
        let ends: HashMap<_, _> =
            page.messages.into_iter().map(|found| (found.stream, found.position)).collect();
        let moved = |message: &&PreparedMessage| {
            ends.get(&message.stream).copied().unwrap_or_default() != message.expected
        };
        if let Some(message) = chunk.iter().find(moved) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}
