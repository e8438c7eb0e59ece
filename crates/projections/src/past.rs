//! A read model as it stood: one tenant's log, replayed into memory up to a position.
//!
//! Where a store keeps its own past (the edges of the genealogy), queries take it from there. What a store knows of
//! today alone, such as a lot's status, is answered from here. A replay is pure, so that two processes answer alike;
//! it is kept for the next questions, and forgotten when others need the room. What must never happen here: an answer
//! that reflects anything recorded after the position, or memory without a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::{Direction, LogError, Position, ReadQuery, SharedLog};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::changes::Change;
use crate::graph::GraphStore;
use crate::graph::embedded::EmbeddedGraph;
use crate::runner::assembler::Assembler;
use crate::runner::quarantine::{Triage, TriageError};
use crate::runner::{Projection, ProjectionError};
use crate::store::quarantine::Quarantine;
use crate::store::{Sink, StoreError};
use crate::tables::embedded::EmbeddedTables;
use crate::tables::{TableChange, TableProjection, TableStore, projection};

/// Longest history of a tenant that is replayed for one question, in messages.
pub const REPLAY_MESSAGES_MAX: u64 = 200_000;
/// Messages of all replays that are kept together.
const KEPT_MESSAGES_MAX: u64 = 400_000;
/// Replays of one read model at a time: each holds as much as is kept of it. Further ones wait for their turn.
pub const REPLAYS_AT_ONCE: usize = 2;
/// Tenants whose history is known to be too long.
const TENANTS_KEPT_MAX: u64 = 10_000;
/// How long a replay is kept that nobody asks for.
const KEPT_IDLE: Duration = Duration::from_secs(600);
/// How long a replay is kept however often it is asked for: another process may have forgotten a person.
const KEPT_MAX: Duration = Duration::from_secs(1_800);
/// How often a replay is made anew during which somebody was forgotten.
const REPLAY_TRIES_MAX: u32 = 5;
/// Messages that are read and applied at a time.
const PAGE_MESSAGES: usize = 1_000;
/// Bytes of payload after which a batch takes no further message.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a past cannot be shown.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The tenant's history up to there is longer than what is replayed for a question.
    #[error(
        "the history up to position {until} has more than {max} messages, the most that are replayed for a question; \
         trace, impact and mass balance need no replay: ask those with `known_at`"
    )]
    TooLong {
        /// Up to where it was asked.
        until: Position,
        /// The bound.
        max: u64,
    },
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The memory store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event cannot be projected.
    #[error("position {position} cannot be projected: {error}")]
    Projection {
        /// Where it stands.
        position: Position,
        /// What is wrong.
        error: ProjectionError,
    },
}

/// A read model as it stood, as the store `S` that answers for today.
#[async_trait]
pub trait Past<S: ?Sized>: Send + Sync {
    /// The read model of `tenant` as of `until`, a position at which a commit ends.
    ///
    /// # Errors
    /// [`ReplayError`].
    async fn as_of(&self, tenant: TenantId, until: Position) -> Result<Arc<S>, ReplayError>;

    /// Lets go of what is kept of `tenant`: somebody of it was forgotten, and the next replay does not show them.
    fn forget(&self, tenant: TenantId);
}

/// The graph as it stood.
pub type PastGraphs = Replays<Change, EmbeddedGraph>;
/// The tables of a projection as they stood.
pub type PastTables = Replays<TableChange, EmbeddedTables>;

/// A replayed store, with what it weighs.
struct Replayed<M> {
    store: Arc<M>,
    messages: u32,
}

impl<M> Clone for Replayed<M> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), messages: self.messages }
    }
}

/// Makes an empty store in memory.
type OpenEmpty<M> = Arc<dyn Fn() -> BoxFuture<'static, Result<M, StoreError>> + Send + Sync>;

/// Stores in memory of changes `C`, for any tenant and position.
pub struct Replays<C, M> {
    log: SharedLog,
    projection: Arc<dyn Projection<C>>,
    open: OpenEmpty<M>,
    kept: Cache<(TenantId, Position), Replayed<M>>,
    /// From where on a tenant's history is known to be too long: it only grows, so that is not found out twice.
    too_long: Cache<TenantId, Position>,
    turns: Semaphore,
    messages_max: u64,
    /// How many times somebody was forgotten: a replay that was made meanwhile may show them.
    forgettings: AtomicU64,
}

impl PastGraphs {
    /// Replays of `log` through `projection`.
    #[must_use]
    pub fn new(log: SharedLog, projection: Arc<dyn Projection<Change>>) -> Self {
        Self::of(log, projection, Arc::new(|| EmbeddedGraph::in_memory().boxed()))
    }
}

impl PastTables {
    /// Replays of `log` into the tables of a projection.
    #[must_use]
    pub fn new(log: SharedLog, tables: &'static TableProjection) -> Self {
        Self::of(log, projection(tables), Arc::new(move || EmbeddedTables::in_memory(tables).boxed()))
    }
}

#[async_trait]
impl Past<dyn GraphStore> for PastGraphs {
    async fn as_of(&self, tenant: TenantId, until: Position) -> Result<Arc<dyn GraphStore>, ReplayError> {
        Ok(self.at(tenant, until).await?)
    }

    fn forget(&self, tenant: TenantId) {
        self.let_go(tenant);
    }
}

#[async_trait]
impl Past<dyn TableStore> for PastTables {
    async fn as_of(&self, tenant: TenantId, until: Position) -> Result<Arc<dyn TableStore>, ReplayError> {
        Ok(self.at(tenant, until).await?)
    }

    fn forget(&self, tenant: TenantId) {
        self.let_go(tenant);
    }
}

impl<C: Send + 'static, M: Sink<C>> Replays<C, M> {
    fn of(log: SharedLog, projection: Arc<dyn Projection<C>>, open: OpenEmpty<M>) -> Self {
        let kept = Cache::builder()
            .weigher(|_, replayed: &Replayed<M>| replayed.messages.max(1))
            .max_capacity(KEPT_MESSAGES_MAX)
            .time_to_idle(KEPT_IDLE)
            .time_to_live(KEPT_MAX)
            .support_invalidation_closures()
            .build();
        let (too_long, turns) = (Cache::new(TENANTS_KEPT_MAX), Semaphore::new(REPLAYS_AT_ONCE));
        let (messages_max, forgettings) = (REPLAY_MESSAGES_MAX, AtomicU64::new(0));
        Self { log, projection, open, kept, too_long, turns, messages_max, forgettings }
    }

    /// The same, with another bound than [`REPLAY_MESSAGES_MAX`].
    #[must_use]
    pub fn bounded(self, messages_max: u64) -> Self {
        Self { messages_max, ..self }
    }

    /// The store of `tenant` as of `until`, a position at which a commit ends. Questions for the same one share a
    /// replay.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub async fn at(&self, tenant: TenantId, until: Position) -> Result<Arc<M>, ReplayError> {
        if self.too_long.get(&tenant).await.is_some_and(|from| until >= from) {
            return Err(ReplayError::TooLong { until, max: self.messages_max });
        }
        let replay = self.lasting_replay(tenant, until);
        let kept = self.kept.try_get_with((tenant, until), replay).await;
        kept.map(|replayed| replayed.store).map_err(|error| (*error).clone())
    }

    /// A replay during which nobody was forgotten.
    async fn lasting_replay(&self, tenant: TenantId, until: Position) -> Result<Replayed<M>, ReplayError> {
        for _ in 0..REPLAY_TRIES_MAX {
            let before = self.forgettings.load(Ordering::Acquire);
            let replayed = self.replay(tenant, until).await?;
            if self.forgettings.load(Ordering::Acquire) == before {
                return Ok(replayed);
            }
        }
        let reason = "people are being forgotten, one after the other; ask again".to_owned();
        Err(ReplayError::Log(LogError::Unavailable { reason }))
    }

    fn let_go(&self, tenant: TenantId) {
        self.forgettings.fetch_add(1, Ordering::AcqRel);
        // It refuses only where the cache was not made for it.
        let _ = self.kept.invalidate_entries_if(move |(of, _), _| *of == tenant);
    }

    async fn replay(&self, tenant: TenantId, until: Position) -> Result<Replayed<M>, ReplayError> {
        // Nobody closes it, so that there is always a turn.
        let _turn = self.turns.acquire().await;
        let partition = self.log.partition_of(tenant);
        let store = (self.open)().await?;
        store.migrate().await?;
        let mut claim = store.claim(partition).await?;
        let (log, projection) = (Arc::clone(&self.log), Arc::clone(&self.projection));
        let mut triage = Triage::new(projection, log, Quarantine::default(), self.log.head(partition).await?);
        let mut assembler = Assembler::of_tenant(partition, PAGE_MESSAGES, BATCH_BYTES_MAX);
        let (mut after, mut messages) = (Position(0), 0);
        'reading: loop {
            let (from, limit) = (after, PAGE_MESSAGES);
            let query = ReadQuery { tenant: Some(tenant), from, direction: Direction::Forward, limit };
            let page = self.log.read(partition, query).await?;
            let is_last = page.len() < PAGE_MESSAGES;
            for message in page {
                if message.position > until {
                    break 'reading;
                }
                while !assembler.has_room() {
                    let Some(assembled) = assembler.take() else { break };
                    store.apply(assembled.into_batch(&mut claim)).await?;
                }
                let position = message.position;
                let wrong = |error| ReplayError::Projection { position, error };
                let triaged = triage.take(&message).await.map_err(|error| match error {
                    TriageError::Log(error) => error.into(),
                    TriageError::Projection(error) => wrong(error),
                })?;
                assembler.push(&message, triaged).map_err(|error| wrong(error.into()))?;
                (after, messages) = (position, messages + 1);
                if u64::from(messages) > self.messages_max {
                    self.too_long.insert(tenant, position).await;
                    return Err(ReplayError::TooLong { until, max: self.messages_max });
                }
            }
            if is_last {
                break;
            }
        }
        while let Some(assembled) = assembler.take() {
            store.apply(assembled.into_batch(&mut claim)).await?;
        }
        Ok(Replayed { store: Arc::new(store), messages })
    }
}
