//! Writing: one message as a plain publish, several as one atomic batch (NATS ADR-50).
//!
//! Every message carries the position at which its stream must end. What must never happen here: to call
//! something «not appended» that may stand. Once a commit's last message was handed to the connection, only an
//! answer of the server may say so; a timeout or a lost link is [`AppendError::Unknown`].

use async_nats::client::RequestErrorKind;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use async_nats::{HeaderMap, Request};
use bytes::Bytes;
use uuid::Uuid;

use super::connect::{Connection, LinkMark};
use super::publish_ack::{PublishAck, Refusal};
use super::subject;
use crate::{AppendError, Commit, LogError, Partition, Position, StreamId};

/// One message of a commit with its subject.
#[derive(Debug, Clone)]
pub(super) struct PreparedMessage {
    pub(super) subject: String,
    pub(super) stream: StreamId,
    pub(super) expected: Position,
    pub(super) payload: Bytes,
}

/// Names the subjects of a commit that is within the port's bounds.
pub(super) fn prepare(partition: Partition, commit: Commit) -> Result<Vec<PreparedMessage>, AppendError> {
    let tenant = commit.tenant;
    let prepare_one = |message: crate::NewMessage| {
        let subject = subject::stream_subject(partition, tenant, &message.stream)
            .ok_or_else(|| subject::invalid_name(&message.stream))?;
        let crate::NewMessage { stream, expected, payload } = message;
        Ok(PreparedMessage { subject, stream, expected, payload })
    };
    commit.messages.into_iter().map(prepare_one).collect()
}

/// Writes `messages` to the partition, all or nothing, and answers the position of the last one; directly behind
/// `after`, where it is given.
///
/// They are those of one commit, or of several end to end that share no stream.
pub(super) async fn write(
    connection: &Connection,
    after: Option<Position>,
    messages: &[&PreparedMessage],
) -> Result<Position, Refusal> {
    let mark = connection.ready().map_err(AppendError::from)?;
    match messages {
        [single] => write_single(connection, mark, after, single).await,
        several => write_batch(connection, mark, after, several).await,
    }
}

async fn write_single(
    connection: &Connection,
    mark: LinkMark,
    after: Option<Position>,
    message: &PreparedMessage,
) -> Result<Position, Refusal> {
    request(connection, mark, message, expected_headers(message, after)).await?.accepted_single()
}

async fn write_batch(
    connection: &Connection,
    mark: LinkMark,
    after: Option<Position>,
    messages: &[&PreparedMessage],
) -> Result<Position, Refusal> {
    let batch_id = Uuid::new_v4().simple().to_string();
    let (last, earlier) =
        messages.split_last().ok_or(AppendError::Invalid { what: "empty batch".to_owned() })?;
    for (index, message) in earlier.iter().enumerate() {
        // Without the last message the server keeps none of them.
        if connection.is_lost(mark) {
            let reason = "the connection was lost before the commit was sent".to_owned();
            return Err(AppendError::from(LogError::Unavailable { reason }).into());
        }
        // The first one stands for the whole batch.
        let headers = batch_headers(message, after.filter(|_| index == 0), &batch_id, index + 1);
        connection
            .client
            .publish_with_headers(message.subject.clone(), headers, message.payload.clone())
            .await
            .map_err(|error| AppendError::from(LogError::Unavailable { reason: error.to_string() }))?;
    }
    let mut headers = batch_headers(last, None, &batch_id, messages.len());
    headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    request(connection, mark, last, headers).await?.accepted_batch(&batch_id, messages.len())
}

/// Sends the message that makes a commit stand, and awaits the server's word on it.
async fn request(
    connection: &Connection,
    mark: LinkMark,
    message: &PreparedMessage,
    headers: HeaderMap,
) -> Result<PublishAck, Refusal> {
    let request = Request::new()
        .headers(headers)
        .payload(message.payload.clone())
        .timeout(Some(connection.answer_timeout));
    let answer = tokio::select! {
        biased;
        answer = connection.client.send_request(message.subject.clone(), request) => answer,
        () = connection.lost(mark) => return Err(unknown("the connection was lost before the answer").into()),
    };
    match answer {
        Ok(answer) => Ok(PublishAck::read(&answer.payload)?),
        Err(error) => Err(match error.kind() {
            RequestErrorKind::NoResponders => {
                let reason = format!("no stream takes {}: JetStream is not ready", message.subject);
                AppendError::from(LogError::Unavailable { reason }).into()
            }
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                Refusal::Content { what: error.to_string() }
            }
            RequestErrorKind::TimedOut | RequestErrorKind::Other => unknown(&error.to_string()).into(),
        }),
    }
}

fn expected_headers(message: &PreparedMessage, after: Option<Position>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, message.expected.0.to_string());
    if let Some(after) = after {
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, after.0.to_string());
    }
    headers
}

fn batch_headers(
    message: &PreparedMessage,
    after: Option<Position>,
    batch_id: &str,
    sequence: usize,
) -> HeaderMap {
    let mut headers = expected_headers(message, after);
    headers.insert(NATS_BATCH_ID, batch_id);
    headers.insert(NATS_BATCH_SEQUENCE, sequence.to_string());
    headers
}

fn unknown(reason: &str) -> AppendError {
    AppendError::Unknown { reason: reason.to_owned() }
}
