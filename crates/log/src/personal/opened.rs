//! A log whose reader sees personal data opened.

use async_trait::async_trait;
use foodflow_domain::TenantId;
use futures::StreamExt as _;
use std::sync::Arc;

use super::{Keyring, PersonalError, is_marked};
use crate::event_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, Page, Partition, Position, ReadQuery,
    SharedLog, StoredMessage, StreamId,
};
use crate::records::SharedRecords;

/// Messages of a subscription that are opened together, as far as they are there already.
const TOGETHER_MAX: usize = 256;

/// A log that hands out messages with personal data opened, or erased where its person is forgotten. Positions, and
/// everything else, are those of the log itself.
///
/// Their payloads are not what was appended, so that hashes do not fit: for whoever projects events, never for whoever
/// copies, exports or verifies. What was appended through it must be sealed already.
///
/// Personal data that is not what was sealed stays sealed, so that whoever reads it refuses that event alone.
pub struct OpenedLog {
    log: SharedLog,
    keyring: Arc<Keyring>,
}

impl OpenedLog {
    /// `log` as seen through `keyring`.
    #[must_use]
    pub const fn new(log: SharedLog, keyring: Arc<Keyring>) -> Self {
        Self { log, keyring }
    }
}

impl Keyring {
    /// Opens personal data in `messages`.
    ///
    /// # Errors
    /// Where keys cannot be had. What is not what was sealed stays as it is.
    pub async fn open_messages(&self, messages: &mut [StoredMessage]) -> Result<(), PersonalError> {
        let marked: Vec<usize> = (0..messages.len()).filter(|at| is_marked(&messages[*at].payload)).collect();
        if marked.is_empty() {
            return Ok(());
        }
        let texts: Vec<_> = marked
            .iter()
            .map(|at| (messages[*at].tenant, std::str::from_utf8(&messages[*at].payload).unwrap_or_default()))
            .collect();
        let opened = self.open_all(&texts).await;
        for (at, opened) in marked.into_iter().zip(opened) {
            let message = &mut messages[at];
            match opened {
                Ok(Some(mut text)) => {
                    // As long as it is stored, be it opened or erased: what is metered in bytes is what the log holds.
                    let blanks = message.payload.len().saturating_sub(text.len());
                    text.extend(std::iter::repeat_n(' ', blanks));
                    message.payload = text.into();
                }
                Ok(None) => {}
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => {
                    let (partition, position) = (message.partition.0, message.position);
                    tracing::error!(partition, %position, %error, "personal data stays sealed");
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl EventLog for OpenedLog {
    fn partition_count(&self) -> u16 {
        self.log.partition_count()
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.log.append(commit).await
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        self.log.append_after(partition, after, commits).await
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let mut page = self.log.load_page(tenant, stream, after, limit).await?;
        self.keyring.open_messages(&mut page.messages).await?;
        Ok(page)
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.log.head(partition).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        let mut messages = self.log.read(partition, query).await?;
        self.keyring.open_messages(&mut messages).await?;
        Ok(messages)
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let keyring = Arc::clone(&self.keyring);
        let messages = self.log.subscribe(partition, tenant, after).await?;
        let opened = messages.ready_chunks(TOGETHER_MAX).then(move |chunk| {
            let keyring = Arc::clone(&keyring);
            async move { futures::stream::iter(open_chunk(&keyring, chunk).await) }
        });
        Ok(opened.flatten().boxed())
    }

    fn records(&self) -> SharedRecords {
        self.log.records()
    }

    fn describe(&self) -> String {
        self.log.describe()
    }

    async fn close(&self) {
        self.log.close().await;
    }
}

/// What a subscription brought at once, opened; where keys cannot be had, that error and nothing after it.
async fn open_chunk(
    keyring: &Keyring,
    chunk: Vec<Result<StoredMessage, LogError>>,
) -> Vec<Result<StoredMessage, LogError>> {
    let mut messages = Vec::with_capacity(chunk.len());
    let mut ended = None;
    for message in chunk {
        match message {
            Ok(message) => messages.push(message),
            Err(error) => {
                ended = Some(error);
                break;
            }
        }
    }
    if let Err(error) = keyring.open_messages(&mut messages).await {
        return vec![Err(error.into())];
    }
    messages.into_iter().map(Ok).chain(ended.map(Err)).collect()
}
