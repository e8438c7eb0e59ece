//! Finding the streams behind a refused write: the server says that one has moved, not which.

use std::collections::HashMap;

use super::append::PreparedMessage;
use super::connect::Connection;
use super::direct_get::{self, Question};
use super::subject;
use crate::{AppendError, LogError, Partition, Position};

/// Streams whose last positions are asked for at once; their last payloads come along.
const STREAMS_PER_QUESTION: usize = 64;

/// Where streams end, by subject; a stream that is not in here has no messages.
#[derive(Debug, Default)]
pub(super) struct Ends(HashMap<String, Position>);

/// What the ends of its streams say about a refused commit. A stream's end never falls, so that an end beyond what
/// the commit expects is certain, while one before it may have been read from a replica that lags.
#[derive(Debug)]
pub(super) enum Standing {
    /// A stream ends beyond what the commit expects.
    Lost(AppendError),
    /// A stream was seen to end before what the commit expects.
    Doubtful(AppendError),
    /// Every stream ends where the commit expects.
    Sound,
}

impl Ends {
    /// Compares what a commit expects.
    pub(super) fn standing(&self, messages: &[PreparedMessage]) -> Standing {
        let end = |message: &PreparedMessage| self.0.get(&message.subject).copied().unwrap_or_default();
        if let Some(lost) = messages.iter().find(|message| end(message) > message.expected) {
            return Standing::Lost(on(lost));
        }
        match messages.iter().find(|message| end(message) != message.expected) {
            Some(differing) => Standing::Doubtful(on(differing)),
            None => Standing::Sound,
        }
    }

    #[cfg(test)]
    pub(super) fn of<const N: usize>(ends: [(&str, u64); N]) -> Self {
        Self(ends.map(|(subject, end)| (subject.to_owned(), Position(end))).into())
    }
}

/// The conflict of a message whose stream does not end where it expects.
pub(super) fn on(message: &PreparedMessage) -> AppendError {
    AppendError::Conflict { stream: message.stream.clone(), expected: message.expected }
}

/// Reads where the streams of these messages end now.
pub(super) async fn read_ends(
    connection: &Connection,
    partition: Partition,
    messages: &[&PreparedMessage],
) -> Result<Ends, LogError> {
    let mut ends = HashMap::with_capacity(messages.len());
    for chunk in messages.chunks(STREAMS_PER_QUESTION) {
        let subjects: Vec<&str> = chunk.iter().map(|message| message.subject.as_str()).collect();
        let mut next = 1;
        loop {
            let question = Question { seq: Some(next), multi_last: subjects.clone(), ..Question::default() };
            let page = direct_get::ask(connection, partition, &question).await?;
            let Some(last) = page.messages.last() else { break };
            next = last.position.0 + 1;
            for found in page.messages {
                if let Some(subject) = subject::stream_subject(partition, found.tenant, &found.stream) {
                    ends.insert(subject, found.position);
                }
            }
            if page.reached_end {
                break;
            }
        }
    }
    Ok(Ends(ends))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::StreamId;

    fn message(number: u128, expected: u64) -> PreparedMessage {
        PreparedMessage {
            subject: format!("s{number}"),
            stream: StreamId::new("food_graph", "batch", Uuid::from_u128(number)),
            expected: Position(expected),
            payload: Bytes::new(),
        }
    }

    #[test]
    fn an_end_beyond_is_certain_and_an_end_before_is_not() {
        let ends = Ends::of([("s1", 7), ("s2", 9)]);
        assert!(matches!(ends.standing(&[message(1, 7), message(2, 9), message(3, 0)]), Standing::Sound));
        let named = |standing: Standing| match standing {
            Standing::Lost(AppendError::Conflict { stream, expected }) => {
                ("lost", stream.id.as_u128(), expected.0)
            }
            Standing::Doubtful(AppendError::Conflict { stream, expected }) => {
                ("doubtful", stream.id.as_u128(), expected.0)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(named(ends.standing(&[message(3, 4), message(1, 0)])), ("lost", 1, 0));
        assert_eq!(named(ends.standing(&[message(1, 7), message(3, 4)])), ("doubtful", 3, 4));
        assert_eq!(named(ends.standing(&[message(2, 8)])), ("lost", 2, 8));
        assert_eq!(named(ends.standing(&[message(2, 10)])), ("doubtful", 2, 10));
    }
}
