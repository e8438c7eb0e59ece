//! A partition from a position on, in pages of bounded size.

use foodflow_domain::TenantId;
use foodflow_log::event_log::READ_MESSAGES_MAX;
use foodflow_log::{Direction, EventLog, LogError, Partition, Position, ReadQuery, StoredMessage};

/// Messages of the first page, whose sizes are not known yet.
const FIRST_PAGE_MESSAGES: usize = 128;
/// How many times more messages a page may ask for than the one before it.
const GROWTH_MAX: usize = 8;
/// What a page should hold at most, in bytes, judged by the sizes of the page before.
const PAGE_BYTES: usize = 16 << 20;

/// Reads the messages of one partition, oldest first.
pub struct Walk<'a> {
    log: &'a dyn EventLog,
    partition: Partition,
    tenant: Option<TenantId>,
    after: Position,
    limit: usize,
}

impl<'a> Walk<'a> {
    /// Starts with the first message after `after`; only those of `tenant` where one is named.
    #[must_use]
    pub fn new(
        log: &'a dyn EventLog,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Self {
        Self { log, partition, tenant, after, limit: FIRST_PAGE_MESSAGES }
    }

    /// The next page; empty at the end of the log as of now.
    ///
    /// # Errors
    /// [`LogError`] where the log does not answer.
    pub async fn page(&mut self) -> Result<Vec<StoredMessage>, LogError> {
        let Self { tenant, after: from, limit, .. } = *self;
        let query = ReadQuery { tenant, from, direction: Direction::Forward, limit };
        let page = self.log.read(self.partition, query).await?;
        if let Some(last) = page.last() {
            self.after = last.position;
            let bytes: usize = page.iter().map(|message| message.payload.len()).sum();
            let each = (bytes / page.len()).max(1);
            self.limit =
                (PAGE_BYTES / each).clamp(1, READ_MESSAGES_MAX.min(limit.saturating_mul(GROWTH_MAX)));
        }
        Ok(page)
    }
}
