//! Loading an aggregate: what it costs does not depend on how long its history is.
//!
//! A short stream is read as it is, in one round trip. A long one is read from its snapshot's last message on. The
//! snapshot is held against that message: it must stand where the snapshot says, in this stream, with the same hash; from
//! there on the chain of hashes holds as in every load. A snapshot that does not fit is passed over, the stream read
//! from its beginning in pages, and the snapshot replaced.
//!
//! What must never happen here: a state that the stream does not lead to, or a stream that is held in memory whole.

use std::sync::Arc;

use bytes::Bytes;
use foodflow_domain::{StreamAggregate, TenantId};
use foodflow_log::event_log::LOADED_MESSAGES_MAX;
use foodflow_log::personal::is_marked;
use foodflow_log::{Page, PayloadHash, Position, StoredMessage, StreamId};

use crate::error::CommandError;
use crate::execute::Executor;
use crate::loaded::{Kept, Loaded};
use crate::metric_definitions::{loaded as note_load, read_messages, snapshot_rejected};
use crate::snapshot::{Found, Place, Rejection};

/// Messages that are read at first, together with the look for a snapshot: a stream that is no longer needs none.
const FIRST_MESSAGES: usize = 4;

impl Executor {
    /// The cached state of a stream.
    pub(crate) fn cached<A: StreamAggregate>(
        &self,
        tenant: TenantId,
        stream: &StreamId,
    ) -> Option<Arc<Loaded<A>>> {
        let kept = self.cache.get(&Place { tenant, stream: stream.clone() })?;
        kept.into_any().downcast().ok()
    }

    /// Keeps a state for the next commands.
    pub(crate) fn keep(&self, place: Place, kept: Arc<dyn Kept>) {
        self.cache.insert(place, kept);
    }

    /// Forgets what is remembered of a stream.
    pub(crate) fn forget(&self, place: &Place) {
        self.cache.invalidate(place);
    }

    /// Asks for a snapshot, in the place of one that turned out wrong where `replaces` names it.
    pub(crate) fn ask_for_snapshot(&self, place: &Place, kept: &Arc<dyn Kept>, replaces: Option<u64>) {
        self.snapshots.ask(place.clone(), Arc::clone(kept), replaces);
    }

    /// The state of a stream as the log holds it, from what is cached on.
    pub(crate) async fn load<A: StreamAggregate>(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        cached: Option<Arc<Loaded<A>>>,
    ) -> Result<Arc<Loaded<A>>, CommandError> {
        let place = Place { tenant, stream: stream.clone() };
        let (mut loaded, replaces) = match cached {
            Some(cached) => {
                let page = self.page(&place, cached.position, LOADED_MESSAGES_MAX).await?;
                note_load("cache");
                if page.messages.is_empty() {
                    return Ok(cached);
                }
                match self.follow(&place, Arc::unwrap_or_clone(cached), page).await {
                    // A log that lost its end and went on holds something else than what is remembered.
                    Err(CommandError::Internal { .. }) => {
                        self.forget(&place);
                        self.load_unknown::<A>(&place).await?
                    }
                    followed => (followed?, None),
                }
            }
            None => self.load_unknown::<A>(&place).await?,
        };
        if loaded.version == 0 {
            return Ok(Arc::new(loaded));
        }
        let is_snapshot_due = loaded.is_snapshot_due() || replaces.is_some();
        let loaded = Arc::new(loaded);
        let kept: Arc<dyn Kept> = Arc::clone(&loaded) as _;
        if is_snapshot_due {
            self.ask_for_snapshot(&place, &kept, replaces);
        }
        self.keep(place, kept);
        Ok(loaded)
    }

    /// The state of a stream that this process does not know, and the revision of a snapshot that is to be replaced.
    async fn load_unknown<A: StreamAggregate>(
        &self,
        place: &Place,
    ) -> Result<(Loaded<A>, Option<u64>), CommandError> {
        let (found, first) =
            tokio::join!(self.snapshots.find::<A>(place), self.page(place, Position(0), FIRST_MESSAGES));
        let first = first?;
        let mut replaces = None;
        if !first.reached_end
            && let Some(Found { revision, loaded }) = found
        {
            let outcome = match loaded {
                Ok(loaded) => self.follow_snapshot(place, loaded).await?,
                Err(rejection) => Err(rejection),
            };
            match outcome {
                Ok(loaded) => {
                    note_load("snapshot");
                    return Ok((loaded, None));
                }
                Err(rejection) => {
                    let (stream, reason) = (&place.stream, rejection.reason());
                    tracing::debug!(%stream, reason, "a snapshot is passed over; reading the whole stream");
                    snapshot_rejected(reason);
                    replaces = Some(revision);
                }
            }
        }
        note_load("stream");
        Ok((self.follow(place, Loaded::default(), first).await?, replaces))
    }

    /// From a snapshot to the end of the stream, where the stream holds what the snapshot was made of.
    async fn follow_snapshot<A: StreamAggregate>(
        &self,
        place: &Place,
        snapshot: Loaded<A>,
    ) -> Result<Result<Loaded<A>, Rejection>, CommandError> {
        let before = Position(snapshot.position.0.saturating_sub(1));
        let mut page = self.page(place, before, LOADED_MESSAGES_MAX).await?;
        let is_anchor = page.messages.first().is_some_and(|last| {
            last.position == snapshot.position && PayloadHash::of(&last.payload) == snapshot.hash
        });
        if !is_anchor {
            return Ok(Err(Rejection::OtherHistory));
        }
        page.messages.remove(0);
        // Where the chain breaks behind it, the whole stream tells whether the log itself is broken.
        Ok(match self.follow(place, snapshot, page).await {
            Err(CommandError::Internal { .. }) => Err(Rejection::OtherHistory),
            followed => Ok(followed?),
        })
    }

    /// From a state to the end of its stream, page by page; the first one is read already.
    async fn follow<A: StreamAggregate>(
        &self,
        place: &Place,
        mut loaded: Loaded<A>,
        mut page: Page,
    ) -> Result<Loaded<A>, CommandError> {
        loop {
            let opened = self.opened(&page.messages).await?;
            for (message, opened) in page.messages.iter().zip(&opened) {
                loaded.apply(message, opened)?;
            }
            if page.reached_end {
                return Ok(loaded);
            }
            page = self.page(place, loaded.position, LOADED_MESSAGES_MAX).await?;
        }
    }

    /// The payloads of `messages` with personal data opened.
    async fn opened(&self, messages: &[StoredMessage]) -> Result<Vec<Bytes>, CommandError> {
        let mut payloads: Vec<Bytes> = messages.iter().map(|message| message.payload.clone()).collect();
        let marked: Vec<usize> = (0..payloads.len()).filter(|at| is_marked(&payloads[*at])).collect();
        if marked.is_empty() {
            return Ok(payloads);
        }
        let texts = marked.iter().map(|at| {
            let message = &messages[*at];
            Ok((message.tenant, std::str::from_utf8(&message.payload)?))
        });
        let texts: Result<Vec<_>, std::str::Utf8Error> = texts.collect();
        let texts = texts.map_err(|error| CommandError::Internal { reason: error.to_string() })?;
        let opened = self.keyring().open_all(&texts).await;
        for (at, opened) in marked.into_iter().zip(opened) {
            if let Some(text) = opened? {
                payloads[at] = text.into();
            }
        }
        Ok(payloads)
    }

    async fn page(&self, place: &Place, after: Position, limit: usize) -> Result<Page, CommandError> {
        let page = self.log.load_page(place.tenant, &place.stream, after, limit).await?;
        read_messages(page.messages.len());
        Ok(page)
    }
}
