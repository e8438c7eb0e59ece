//! The records beside the log, in key-value buckets.
//!
//! A record's revision is the sequence of its message. Reading is by Direct Get, listing by the bucket's subjects:
//! never by a consumer. Deleting purges the subject, so that nothing of the value stays behind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::ErrorCode;
use async_nats::{HeaderMap, Message, Request};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::connect::Connection;
use super::direct_get::{self, Answer, NOT_FOUND, Question};
use super::publish_ack::{PublishAck, Refusal};
use super::{bucket, scrub};
use crate::LogError;
use crate::records::{
    Expected, LISTED_BYTES_MAX, LISTED_RECORDS_MAX, Record, RecordError, RecordKey, RecordKind, Records,
    check_size, is_key_start, key_range,
};

/// Records that are asked for at once: their values come along, and the bound on bytes is checked between.
const RECORDS_PER_QUESTION: usize = 32;
/// How often a bucket is asked that exists and does not answer: it takes a moment after it was made.
const TRIES_MAX: u32 = 10;
const TRY_PAUSE: Duration = Duration::from_millis(20);
/// The header by which tools of NATS mark a key as deleted.
const KV_OPERATION: &str = "KV-Operation";

/// The records of the JetStream log.
pub(super) struct NatsRecords {
    connection: Arc<Connection>,
    /// Per kind, in the order of [`RecordKind::ALL`]: whether its bucket was made or found and checked.
    checked: [OnceCell<()>; RecordKind::ALL.len()],
}

/// What a bucket holds under a key.
struct Found {
    record: Record,
    /// A tool of NATS has deleted the key and left this in the place of its value.
    is_marker: bool,
}

impl NatsRecords {
    pub(super) const fn new(connection: Arc<Connection>) -> Self {
        Self { connection, checked: [const { OnceCell::const_new() }; RecordKind::ALL.len()] }
    }

    async fn find(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Found>, LogError> {
        let stream = bucket::stream_name(kind);
        let address = format!("$JS.API.DIRECT.GET.{stream}.{}", bucket::record_subject(kind, key.as_str()));
        for _ in 0..TRIES_MAX {
            if let Some(message) = self.ask(address.clone(), Request::new()).await? {
                return answered(kind, message);
            }
            // Nobody answers for a bucket that does not exist. One that does may be new, and is about to.
            if !bucket::exists(&self.connection, kind).await? {
                return Ok(None);
            }
            tokio::time::sleep(TRY_PAUSE).await;
        }
        Err(unavailable(kind, "JetStream is not ready"))
    }

    /// The answer to `request`, or `None` where nobody is there to give one.
    async fn ask(&self, subject: String, request: Request) -> Result<Option<Message>, LogError> {
        let mark = self.connection.ready()?;
        let request = request.timeout(Some(self.connection.answer_timeout));
        let failed = |reason: String| LogError::Unavailable { reason };
        tokio::select! {
            biased;
            answer = self.connection.client.send_request(subject, request) => match answer {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(None),
                Err(error) => Err(failed(error.to_string())),
            },
            () = self.connection.lost(mark) => Err(failed("the connection was lost before the answer".to_owned())),
        }
    }

    /// Writes where the key's last message is `expected`; `None` where it is another.
    async fn publish(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: &Bytes,
        expected: Option<u64>,
    ) -> Result<Option<u64>, LogError> {
        let mut headers = HeaderMap::new();
        if let Some(expected) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        let subject = bucket::record_subject(kind, key.as_str());
        for _ in 0..TRIES_MAX {
            let request = Request::new().headers(headers.clone()).payload(value.clone());
            if let Some(answer) = self.ask(subject.clone(), request).await? {
                return acknowledged(kind, &answer);
            }
            // The bucket was removed while this process ran, which an operator may do; or it is new.
            bucket::ensure(&self.connection, kind).await?;
            tokio::time::sleep(TRY_PAUSE).await;
        }
        Err(unavailable(kind, "JetStream is not ready"))
    }

    /// Removes the key's messages before `end`, or all of them; answers how many there were.
    async fn purge(&self, kind: RecordKind, key: &RecordKey, end: Option<u64>) -> Result<u64, LogError> {
        #[derive(Serialize)]
        struct Purge {
            filter: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            seq: Option<u64>,
        }
        #[derive(Deserialize)]
        struct Purged {
            purged: u64,
        }
        let address = format!("STREAM.PURGE.{}", bucket::stream_name(kind));
        let question = Purge { filter: bucket::record_subject(kind, key.as_str()), seq: end };
        match self.connection.ask_api_about::<_, Purged>(&address, &question).await? {
            Ok(purged) => Ok(purged.purged),
            Err(error) if error.err_code == ErrorCode::STREAM_NOT_FOUND.0 => Ok(0),
            Err(error) => Err(unavailable(kind, &error.description)),
        }
    }

    /// The first `limit` keys of a kind in a range of texts.
    async fn keys(
        &self,
        kind: RecordKind,
        prefix: &str,
        range: &(String, String),
        limit: usize,
    ) -> Result<BTreeSet<RecordKey>, LogError> {
        let mut keys = BTreeSet::new();
        let mut offset = 0;
        loop {
            let page = subjects(&self.connection, kind, bucket::filter(kind, prefix), offset).await?;
            offset += page.subjects.len();
            for subject in page.subjects.into_keys() {
                let key = bucket::key_of(kind, &subject)?;
                if key.as_str() >= range.0.as_str() && key.as_str() < range.1.as_str() {
                    keys.insert(key);
                    if keys.len() > limit {
                        keys.pop_last();
                    }
                }
            }
            if page.is_last {
                return Ok(keys);
            }
        }
    }

    /// The records of `keys` that are still there, by key.
    async fn records(
        &self,
        kind: RecordKind,
        keys: &[RecordKey],
    ) -> Result<BTreeMap<RecordKey, Record>, LogError> {
        let mut records = BTreeMap::new();
        let mut wanted: HashMap<String, &RecordKey> =
            keys.iter().map(|key| (bucket::record_subject(kind, key.as_str()), key)).collect();
        while !wanted.is_empty() {
            let multi_last = wanted.keys().map(String::as_str).collect();
            let question = Question { multi_last, ..Question::default() };
            let page =
                direct_get::ask_stream(&self.connection, &bucket::stream_name(kind), &question).await?;
            let is_last = page.exhausted || page.answers.is_empty();
            for answer in page.answers {
                wanted.remove(&answer.subject);
                let found = found(kind, answer)?;
                if !found.is_marker {
                    records.insert(found.record.key.clone(), found.record);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(records)
    }
}

/// Some subjects of a bucket, each with how many messages it has.
pub(super) struct SubjectPage {
    pub(super) subjects: HashMap<String, u64>,
    pub(super) is_last: bool,
}

/// The subjects of a kind's bucket that `filter` lets through, but for the first `offset` of them; none where there is
/// no bucket.
pub(super) async fn subjects(
    connection: &Connection,
    kind: RecordKind,
    filter: String,
    offset: usize,
) -> Result<SubjectPage, LogError> {
    #[derive(Serialize)]
    struct Subjects {
        subjects_filter: String,
        offset: usize,
    }
    #[derive(Default, Deserialize)]
    struct Info {
        #[serde(default)]
        total: usize,
        state: State,
    }
    #[derive(Default, Deserialize)]
    struct State {
        #[serde(default)]
        subjects: HashMap<String, u64>,
    }
    let address = format!("STREAM.INFO.{}", bucket::stream_name(kind));
    let question = Subjects { subjects_filter: filter, offset };
    let Info { total, state: State { subjects } } =
        match connection.ask_api_about::<_, Info>(&address, &question).await? {
            Ok(info) => info,
            Err(error) if error.err_code == ErrorCode::STREAM_NOT_FOUND.0 => Info::default(),
            Err(error) => return Err(unavailable(kind, &error.description)),
        };
    let is_last = subjects.is_empty() || offset + subjects.len() >= total;
    Ok(SubjectPage { subjects, is_last })
}

pub(super) fn unavailable(kind: RecordKind, what: &str) -> LogError {
    LogError::Unavailable { reason: format!("{}: {what}", bucket::stream_name(kind)) }
}

/// What the server says to a look at one key.
fn answered(kind: RecordKind, message: Message) -> Result<Option<Found>, LogError> {
    match message.status.map(|status| status.as_u16()) {
        None => found(kind, Answer::read(&bucket::stream_name(kind), message)?).map(Some),
        Some(NOT_FOUND) => Ok(None),
        Some(status) => {
            let what = message.description.as_deref().unwrap_or_default();
            Err(unavailable(kind, &format!("the server answers {status} {what}")))
        }
    }
}

/// What the server says to a write: its sequence, or `None` where something else was expected.
fn acknowledged(kind: RecordKind, answer: &Message) -> Result<Option<u64>, LogError> {
    let refused = |error: &dyn std::fmt::Display| unavailable(kind, &error.to_string());
    match PublishAck::read(&answer.payload).map_err(|error| refused(&error))?.accepted_single() {
        Ok(position) => Ok(Some(position.0)),
        Err(Refusal::Conflict) => Ok(None),
        Err(Refusal::Content { what }) => Err(refused(&what)),
        Err(Refusal::Other(error)) => Err(refused(&error)),
    }
}

fn found(kind: RecordKind, answer: Answer) -> Result<Found, LogError> {
    let operation = direct_get::header(answer.message.headers.as_ref(), KV_OPERATION);
    let is_marker = operation.is_some_and(|operation| operation != "PUT");
    let key = bucket::key_of(kind, &answer.subject)?;
    let record = Record { key, value: answer.message.payload, revision: answer.sequence };
    Ok(Found { record, is_marker })
}

#[async_trait]
impl Records for NatsRecords {
    async fn get(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, RecordError> {
        let found = self.find(kind, key).await?;
        Ok(found.filter(|found| !found.is_marker).map(|found| found.record))
    }

    async fn put(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: Bytes,
        expected: Expected,
    ) -> Result<u64, RecordError> {
        check_size(key, &value)?;
        self.checked[kind as usize].get_or_try_init(|| bucket::ensure(&self.connection, kind)).await?;
        let last = match expected {
            Expected::Any => None,
            Expected::New => Some(0),
            Expected::Revision(revision) => Some(revision),
        };
        let mut written = self.publish(kind, key, &value, last).await?;
        if written.is_none() && expected == Expected::New {
            let marker = self.find(kind, key).await?.filter(|found| found.is_marker);
            if let Some(marker) = marker {
                written = self.publish(kind, key, &value, Some(marker.record.revision)).await?;
            }
        }
        written.ok_or_else(|| RecordError::Conflict { key: key.clone() })
    }

    async fn delete(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError> {
        if expected == Expected::Any {
            self.purge(kind, key, None).await?;
            return Ok(());
        }
        let found = self.get(kind, key).await?.map(|record| record.revision);
        let removed = match found {
            _ if !expected.holds(found) => false,
            None => true,
            // What was written since the look has a higher sequence, and stays.
            Some(revision) => self.purge(kind, key, Some(revision + 1)).await? > 0,
        };
        if removed { Ok(()) } else { Err(RecordError::Conflict { key: key.clone() }) }
    }

    async fn list(
        &self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordError> {
        let limit = limit.min(LISTED_RECORDS_MAX);
        if limit == 0 || !is_key_start(prefix) {
            return Ok(Vec::new());
        }
        let mut range = key_range(prefix, after);
        loop {
            let keys: Vec<_> = self.keys(kind, prefix, &range, limit).await?.into_iter().collect();
            let Some(last) = keys.last() else { return Ok(Vec::new()) };
            range = key_range(prefix, Some(last));
            let (mut listed, mut bytes) = (Vec::new(), 0);
            for some in keys.chunks(RECORDS_PER_QUESTION) {
                for record in self.records(kind, some).await?.into_values() {
                    if bytes >= LISTED_BYTES_MAX {
                        return Ok(listed);
                    }
                    bytes += record.value.len();
                    listed.push(record);
                }
            }
            // Only markers: an empty answer would say that there are no more.
            if !listed.is_empty() {
                return Ok(listed);
            }
        }
    }

    async fn scrub(&self, kind: RecordKind, key: Option<&RecordKey>) -> Result<(), RecordError> {
        match key {
            Some(key) => scrub::one(&self.connection, kind, key).await?,
            None => scrub::all(&self.connection, kind).await?,
        }
        Ok(())
    }
}
