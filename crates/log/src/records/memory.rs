//! Records in memory: those of the log in memory, and of whatever must leave no trace.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{
    Expected, LISTED_BYTES_MAX, LISTED_RECORDS_MAX, Record, RecordError, RecordKey, RecordKind, Records,
    check_size, key_range,
};
use crate::event_log::LogError;

/// Records that end with the process.
#[derive(Default)]
pub struct MemoryRecords {
    content: Mutex<Content>,
    closing: CancellationToken,
}

#[derive(Default)]
struct Content {
    of_kind: HashMap<RecordKind, BTreeMap<String, Record>>,
    last_revision: u64,
}

impl MemoryRecords {
    /// Records that are refused once `closing` is cancelled.
    pub(crate) fn until(closing: CancellationToken) -> Self {
        Self { content: Mutex::default(), closing }
    }

    /// A content whose holder panicked is whole: it is changed only after every check has passed.
    fn content(&self) -> Result<MutexGuard<'_, Content>, LogError> {
        if self.closing.is_cancelled() {
            return Err(LogError::Unavailable { reason: "the log in memory is closed".to_owned() });
        }
        Ok(self.content.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Content {
    fn check(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError> {
        let found = self.of_kind.get(&kind).and_then(|records| records.get(key.as_str()));
        if expected.holds(found.map(|record| record.revision)) {
            return Ok(());
        }
        Err(RecordError::Conflict { key: key.clone() })
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn get(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>, RecordError> {
        let content = self.content()?;
        Ok(content.of_kind.get(&kind).and_then(|records| records.get(key.as_str())).cloned())
    }

    async fn put(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        value: Bytes,
        expected: Expected,
    ) -> Result<u64, RecordError> {
        check_size(key, &value)?;
        let mut content = self.content()?;
        content.check(kind, key, expected)?;
        content.last_revision += 1;
        let revision = content.last_revision;
        let record = Record { key: key.clone(), value, revision };
        content.of_kind.entry(kind).or_default().insert(key.as_str().to_owned(), record);
        Ok(revision)
    }

    async fn delete(&self, kind: RecordKind, key: &RecordKey, expected: Expected) -> Result<(), RecordError> {
        let mut content = self.content()?;
        content.check(kind, key, expected)?;
        if let Some(records) = content.of_kind.get_mut(&kind) {
            records.remove(key.as_str());
        }
        Ok(())
    }

    async fn list(
        &self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordError> {
        let content = self.content()?;
        let Some(records) = content.of_kind.get(&kind) else { return Ok(Vec::new()) };
        let (start, end) = key_range(prefix, after);
        if start >= end {
            return Ok(Vec::new());
        }
        let mut listed = Vec::new();
        let mut bytes = 0;
        let range = (Bound::Included(start.as_str()), Bound::Excluded(end.as_str()));
        for (_, record) in records.range::<str, _>(range).take(limit.min(LISTED_RECORDS_MAX)) {
            bytes += record.value.len();
            listed.push(record.clone());
            if bytes >= LISTED_BYTES_MAX {
                break;
            }
        }
        Ok(listed)
    }

    async fn scrub(&self, _: RecordKind, _: Option<&RecordKey>) -> Result<(), RecordError> {
        Ok(())
    }
}
