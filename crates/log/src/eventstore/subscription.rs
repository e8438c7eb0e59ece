//! A subscription: pages of the partition's stream, read when the reader asks and the stream has grown.
//!
//! What other processes append is looked for now and then; what this one appends wakes it. It holds one page at most, so
//! that a slow reader slows only itself.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use futures::{StreamExt as _, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::message;
use super::partition::PartitionLog;
use super::streams::ReadLimit;
use crate::event_log::{LogError, MessageStream, Position, StoredMessage};

/// What one page holds at most.
const PAGE: ReadLimit = ReadLimit { events: 512, bytes: 4 << 20 };
/// How often events of other processes are looked for.
const POLL: Duration = Duration::from_millis(100);

struct Cursor {
    partition: Arc<PartitionLog>,
    tenant: Option<TenantId>,
    /// The last position that was read.
    after: Position,
    page: std::vec::IntoIter<StoredMessage>,
    head: watch::Receiver<u64>,
    closing: CancellationToken,
}

/// All messages after `after`, then those to come, until the log closes.
pub(super) fn start(
    partition: Arc<PartitionLog>,
    tenant: Option<TenantId>,
    after: Position,
    closing: CancellationToken,
) -> MessageStream {
    let (page, head) = (Vec::new().into_iter(), partition.watch_head());
    let cursor = Cursor { partition, tenant, after, page, head, closing };
    stream::try_unfold(cursor, next).boxed()
}

async fn next(mut cursor: Cursor) -> Result<Option<(StoredMessage, Cursor)>, LogError> {
    loop {
        if let Some(message) = cursor.page.next() {
            return Ok(Some((message, cursor)));
        }
        if cursor.closing.is_cancelled() {
            return Ok(None);
        }
        cursor.head.mark_unchanged();
        let closing = cursor.closing.clone();
        let Some(turned) = closing.run_until_cancelled(cursor.turn_page()).await else { return Ok(None) };
        if !turned? {
            let more = tokio::time::timeout(POLL, cursor.head.changed());
            // Whether it was woken or has waited: what there is decides.
            let _ = closing.run_until_cancelled(more).await;
        }
    }
}

impl Cursor {
    /// Reads the next page; false where there is nothing more.
    async fn turn_page(&mut self) -> Result<bool, LogError> {
        let partition = &self.partition;
        let events = partition.streams().read_forward(&partition.stream, self.after.0, PAGE).await?;
        let Some(last) = events.last() else { return Ok(false) };
        let last = message::position(last.revision);
        let mut page = Vec::with_capacity(events.len());
        for event in events {
            let message = message::message(partition.partition, event)?;
            if message.position.0 != self.after.0 + 1 {
                return Err(LogError::Corrupt {
                    place: format!("partition {}, position {}", message.partition.0, self.after.0 + 1),
                    reason: "the message is gone".to_owned(),
                });
            }
            self.after = message.position;
            if self.tenant.is_none_or(|tenant| tenant == message.tenant) {
                page.push(message);
            }
        }
        partition.saw(last);
        self.page = page.into_iter();
        Ok(true)
    }
}
