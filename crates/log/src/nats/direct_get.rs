//! Direct Get with several answers: one question, one inbox, no consumer and no stream info.
//!
//! Every answer names the position of the answer before it. A message that got lost on the way is therefore
//! noticed, and an incomplete page is never handed on.

use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use futures::StreamExt;
use serde::Serialize;

use super::connect::Connection;
use super::subject;
use crate::event_log::LOADED_BYTES_MAX;
use crate::{LogError, Page, Partition, Position, StoredMessage};

/// Most bytes of one page. The server stops after the message that reaches it.
const PAGE_BYTES: usize = LOADED_BYTES_MAX;

pub(super) const NOT_FOUND: u16 = 404;
const END_OF_BATCH: u16 = 204;

/// What is asked: messages from `seq` on, or the last one of each of several subjects.
#[derive(Debug, Default, Serialize)]
pub(super) struct Question<'a> {
    /// Most messages of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) batch: Option<usize>,
    /// Lowest position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    /// Only messages of this subject, which may hold wildcards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_by_subj: Option<&'a str>,
    /// The last message of each of these subjects, instead of all the above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) multi_last: Vec<&'a str>,
}

#[derive(Serialize)]
struct BoundedQuestion<'a> {
    #[serde(flatten)]
    question: &'a Question<'a>,
    max_bytes: usize,
}

/// One complete answer.
pub(super) struct Found {
    /// By rising sequence.
    pub(super) answers: Vec<Answer>,
    /// Whether nothing that was asked for comes after them.
    pub(super) exhausted: bool,
}

/// A message of any stream.
pub(super) struct Answer {
    pub(super) sequence: u64,
    pub(super) subject: String,
    pub(super) message: Message,
}

impl Answer {
    /// Reads the answer of a Direct Get to `stream`.
    pub(super) fn read(stream: &str, message: Message) -> Result<Self, LogError> {
        let corrupt =
            |reason: &str| LogError::Corrupt { place: stream.to_owned(), reason: reason.to_owned() };
        let sequence =
            number(&message, "Nats-Sequence").ok_or_else(|| corrupt("an answer without its position"))?;
        let subject = header(message.headers.as_ref(), "Nats-Subject")
            .ok_or_else(|| corrupt("an answer without its subject"))?
            .to_owned();
        Ok(Self { sequence, subject, message })
    }
}

/// Asks a partition once and gathers the whole answer.
pub(super) async fn ask(
    connection: &Connection,
    partition: Partition,
    question: &Question<'_>,
) -> Result<Page, LogError> {
    let found = ask_stream(connection, &subject::stream_name(partition), question).await?;
    let stored = |Answer { sequence, subject, message }| {
        let (tenant, stream) = subject::parse(partition, sequence, &subject)?;
        Ok(StoredMessage {
            partition,
            position: Position(sequence),
            tenant,
            stream,
            payload: message.payload,
        })
    };
    let messages: Result<_, LogError> = found.answers.into_iter().map(stored).collect();
    Ok(Page { messages: messages?, reached_end: found.exhausted })
}

/// Asks a stream once and gathers the whole answer.
pub(super) async fn ask_stream(
    connection: &Connection,
    stream: &str,
    question: &Question<'_>,
) -> Result<Found, LogError> {
    let mark = connection.ready()?;
    let unavailable = |what: &str| LogError::Unavailable { reason: format!("reading {stream}: {what}") };
    let body = serde_json::to_vec(&BoundedQuestion { question, max_bytes: PAGE_BYTES })
        .map_err(|error| unavailable(&error.to_string()))?;
    let inbox = connection.client.new_inbox();
    let subscriber =
        connection.client.subscribe(inbox.clone()).await.map_err(|error| unavailable(&error.to_string()))?;
    let address = format!("$JS.API.DIRECT.GET.{stream}");
    connection
        .client
        .publish_with_reply(address, inbox, body.into())
        .await
        .map_err(|error| unavailable(&error.to_string()))?;
    tokio::select! {
        biased;
        found = gather(connection, stream, subscriber) => found,
        () = connection.lost(mark) => Err(unavailable("the connection was lost")),
    }
}

async fn gather(
    connection: &Connection,
    stream: &str,
    mut subscriber: Subscriber,
) -> Result<Found, LogError> {
    let unavailable = |what: String| LogError::Unavailable { reason: format!("reading {stream}: {what}") };
    let mut answers: Vec<Answer> = Vec::new();
    loop {
        let answer = tokio::time::timeout(connection.answer_timeout, subscriber.next())
            .await
            .map_err(|_| unavailable("no answer in time".to_owned()))?
            .ok_or_else(|| unavailable("the connection was closed".to_owned()))?;
        let before = answers.last().map_or(0, |answer| answer.sequence);
        match answer.status.map(|status| status.as_u16()) {
            None => {
                check_unbroken(stream, &answer, before)?;
                answers.push(Answer::read(stream, answer)?);
            }
            Some(END_OF_BATCH) => {
                check_unbroken(stream, &answer, before)?;
                let exhausted = number(&answer, "Nats-Num-Pending") == Some(0);
                return Ok(Found { answers, exhausted });
            }
            Some(NOT_FOUND) if answers.is_empty() => return Ok(Found { answers, exhausted: true }),
            Some(status) if status == StatusCode::NO_RESPONDERS.as_u16() => {
                return Err(unavailable("JetStream is not ready".to_owned()));
            }
            Some(status) => {
                let what = answer.description.as_deref().unwrap_or_default();
                return Err(unavailable(format!("the server answers {status} {what}")));
            }
        }
    }
}

fn check_unbroken(stream: &str, answer: &Message, before: u64) -> Result<(), LogError> {
    match number(answer, "Nats-Last-Sequence") {
        Some(named) if named == before => Ok(()),
        named => Err(LogError::Unavailable {
            reason: format!("reading {stream}: {named:?} should follow {before}; a message got lost"),
        }),
    }
}

fn number(answer: &Message, name: &str) -> Option<u64> {
    header(answer.headers.as_ref(), name)?.parse().ok()
}

/// The last value: the server puts its own behind what a writer may have stored under the same name.
pub(super) fn header<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    headers?.get_last(name).map(|value| value.as_str())
}
