//! A subscription: pages of messages, read when the reader asks and the log has moved on.
//!
//! It holds one page at most, so a slow reader slows only itself.

use foodflow_domain::TenantId;
use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::reader::Reader;
use crate::event_log::{LogError, MessageStream, Position, StoredMessage};

struct Cursor {
    reader: Reader,
    tenant: Option<TenantId>,
    /// Everything up to here was given out or is not the tenant's.
    after: u64,
    page: std::vec::IntoIter<StoredMessage>,
    /// Position that `after` reaches when the page is used up.
    page_end: u64,
    head: watch::Receiver<u64>,
    closing: CancellationToken,
}

/// All messages after `after`, then those to come, until the log closes.
pub(super) fn start(
    reader: Reader,
    tenant: Option<TenantId>,
    after: Position,
    head: watch::Receiver<u64>,
    closing: CancellationToken,
) -> MessageStream {
    let page = Vec::new().into_iter();
    let cursor = Cursor { reader, tenant, after: after.0, page, page_end: after.0, head, closing };
    stream::try_unfold(cursor, next).boxed()
}

async fn next(mut cursor: Cursor) -> Result<Option<(StoredMessage, Cursor)>, LogError> {
    loop {
        if let Some(message) = cursor.page.next() {
            return Ok(Some((message, cursor)));
        }
        cursor.after = cursor.page_end;
        if cursor.closing.is_cancelled() {
            return Ok(None);
        }
        let head = *cursor.head.borrow_and_update();
        if head > cursor.after {
            match turn_page(&mut cursor, head).await {
                Err(_) if cursor.closing.is_cancelled() => return Ok(None),
                turned => turned?,
            }
            continue;
        }
        match cursor.closing.run_until_cancelled(cursor.head.changed()).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return Ok(None),
        }
    }
}

/// Reads the next page; `head` was the log's head before.
async fn turn_page(cursor: &mut Cursor, head: u64) -> Result<(), LogError> {
    let page = cursor.reader.page(cursor.tenant, Position(cursor.after)).await?;
    let last = page.messages.last().map_or(cursor.after, |message| message.position.0);
    cursor.page_end = if page.reached_end { last.max(head) } else { last };
    cursor.page = page.messages.into_iter();
    Ok(())
}
