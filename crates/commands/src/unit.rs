//! The aggregates that one operation has loaded, and what it decided about them.

use std::any::Any;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use foodflow_domain::tenancy::{Plans, usage};
use foodflow_domain::{Context, DomainProblem, EventSet, StreamAggregate};
use foodflow_log::{PayloadHash, Position, StreamId};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::CommandError;
use crate::execute::{CommandMeta, Executor};
use crate::loaded::{Kept, Loaded};
use crate::metric_definitions;
use crate::remembered::CommandMark;
use crate::standing::TenantStanding;

/// Why an operation stops before it is decided.
#[derive(Debug)]
pub enum Stop {
    /// It is refused, or failed.
    Error(CommandError),
    /// A touched stream remembers this command: it was carried out before.
    Repeat(CommandMark),
}

impl From<CommandError> for Stop {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

/// An event that was decided and not yet recorded.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) event_type: &'static str,
    pub(crate) data: Box<RawValue>,
}

/// One touched aggregate, whatever its type.
pub(crate) struct Entry {
    pub(crate) stream: StreamId,
    pub(crate) base_position: Position,
    pub(crate) base_version: u64,
    pub(crate) base_hash: PayloadHash,
    pub(crate) pending: Vec<Pending>,
    /// Whether anything personal is among what is pending; known once it is sealed.
    pub(crate) is_personal: bool,
    working: Box<dyn Working>,
}

/// A state that is being changed, able to become a cache entry once its events are recorded.
trait Working: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn into_kept(self: Box<Self>, end: StreamEnd) -> (Arc<dyn Kept>, bool);
}

/// Where a stream ends after an append.
pub(crate) struct StreamEnd {
    pub(crate) version: u64,
    pub(crate) position: Position,
    pub(crate) hash: PayloadHash,
    pub(crate) mark: CommandMark,
    /// Whether anything personal was appended.
    pub(crate) is_personal: bool,
}

struct WorkingState<A> {
    loaded: Arc<Loaded<A>>,
    state: A,
}

impl<A: StreamAggregate> Working for WorkingState<A> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_kept(self: Box<Self>, end: StreamEnd) -> (Arc<dyn Kept>, bool) {
        let Self { loaded, state } = *self;
        let mut next = Loaded {
            state,
            version: end.version,
            position: end.position,
            hash: end.hash,
            commands: loaded.commands.clone(),
            tail_messages: loaded.tail_messages + 1,
            is_personal: loaded.is_personal || end.is_personal,
        };
        next.commands.push(end.mark);
        let is_snapshot_due = next.is_snapshot_due();
        (Arc::new(next), is_snapshot_due)
    }
}

impl Entry {
    /// The aggregate after its events were recorded, and whether it is time for a snapshot of it.
    pub(crate) fn into_kept(self, end: StreamEnd) -> (Arc<dyn Kept>, bool) {
        self.working.into_kept(end)
    }
}

/// A unit of work: what one operation reads and decides, appended as one commit.
pub struct Unit<'a> {
    executor: &'a Executor,
    /// The command that is carried out.
    pub meta: &'a CommandMeta,
    /// What a decision may know.
    pub context: Context,
    /// True where every load must ask the log.
    pub(crate) fresh: bool,
    /// True where some answer came from the cache, or a stream was taken as new without asking.
    pub(crate) trusted_cache: bool,
    pub(crate) entries: Vec<Entry>,
}

impl<'a> Unit<'a> {
    pub(crate) const fn new(
        executor: &'a Executor,
        meta: &'a CommandMeta,
        context: Context,
        fresh: bool,
    ) -> Self {
        Self { executor, meta, context, fresh, trusted_cache: false, entries: Vec::new() }
    }

    /// Lots that count against the plan, of what was decided so far.
    pub(crate) fn lots(&self) -> u64 {
        let pending = self.entries.iter().flat_map(|entry| &entry.pending);
        pending.filter(|pending| usage::is_lot(pending.event_type)).count() as u64
    }

    /// What the tenant may do.
    ///
    /// # Errors
    /// [`Stop`] where the log does not answer.
    pub async fn standing(&self) -> Result<Arc<TenantStanding>, Stop> {
        Ok(self.executor.standings().of(self.meta.tenant).await?)
    }

    /// The catalogue of plans.
    #[must_use]
    pub fn plans(&self) -> &Plans {
        self.executor.standings().plans()
    }

    async fn loaded<A: StreamAggregate>(
        &mut self,
        id: Uuid,
        assume_new: bool,
    ) -> Result<Arc<Loaded<A>>, Stop> {
        let stream = stream_of::<A>(id);
        let cached = self.executor.cached::<A>(self.meta.tenant, &stream);
        let loaded = match cached {
            Some(loaded) if !self.fresh => {
                self.trusted_cache = true;
                metric_definitions::loaded("cache");
                loaded
            }
            None if assume_new && !self.fresh => {
                self.trusted_cache = true;
                Arc::new(Loaded::default())
            }
            cached => self.executor.load(self.meta.tenant, &stream, cached).await?,
        };
        self.refuse_repeat(loaded)
    }

    fn refuse_repeat<A: StreamAggregate>(&self, loaded: Arc<Loaded<A>>) -> Result<Arc<Loaded<A>>, Stop> {
        match loaded.commands.find(self.meta.command_id.0) {
            Some(mark) => Err(Stop::Repeat(mark)),
            None => Ok(loaded),
        }
    }

    /// State of an aggregate as the log holds it now, whatever this process remembers.
    pub(crate) async fn current<A: StreamAggregate>(&self, id: Uuid) -> Result<Arc<Loaded<A>>, Stop> {
        let (tenant, stream) = (self.meta.tenant, stream_of::<A>(id));
        let cached = self.executor.cached::<A>(tenant, &stream);
        self.refuse_repeat(self.executor.load(tenant, &stream, cached).await?)
    }

    async fn entry<A: StreamAggregate>(&mut self, id: Uuid, assume_new: bool) -> Result<usize, Stop> {
        let stream = stream_of::<A>(id);
        if let Some(index) = self.entries.iter().position(|entry| entry.stream == stream) {
            return Ok(index);
        }
        let loaded = self.loaded::<A>(id, assume_new).await?;
        let state = loaded.state.clone();
        self.entries.push(Entry {
            stream,
            base_position: loaded.position,
            base_version: loaded.version,
            base_hash: loaded.hash,
            pending: Vec::new(),
            is_personal: false,
            working: Box::new(WorkingState { loaded, state }),
        });
        Ok(self.entries.len() - 1)
    }

    /// State of an aggregate that the operation only refers to; the default state where it does not exist.
    ///
    /// It is no part of the commit's version check.
    ///
    /// # Errors
    /// [`Stop`] where the log does not answer, or the command was carried out before.
    pub async fn peek<A: StreamAggregate>(&mut self, id: Uuid) -> Result<Arc<Loaded<A>>, Stop> {
        self.loaded::<A>(id, false).await
    }

    /// State of an aggregate that the operation is about to change, with what it decided so far.
    ///
    /// # Errors
    /// [`Stop`] where the log does not answer, or the command was carried out before.
    pub async fn load<A: StreamAggregate>(&mut self, id: Uuid) -> Result<&A, Stop> {
        let index = self.entry::<A>(id, false).await?;
        Ok(&working::<A>(&self.entries[index])?.state)
    }

    /// Position of the last message of an aggregate that the operation is about to change; 0 where there is none. The
    /// commit is refused where the stream does not end there any more.
    ///
    /// # Errors
    /// [`Stop`] where the log does not answer, or the command was carried out before.
    pub async fn end_of<A: StreamAggregate>(&mut self, id: Uuid) -> Result<Position, Stop> {
        let index = self.entry::<A>(id, false).await?;
        Ok(self.entries[index].base_position)
    }

    /// Decides `command` on an aggregate that should exist.
    ///
    /// # Errors
    /// [`Stop`] where it is refused; `pointer` says which part of the body asked for it.
    pub async fn decide<A>(&mut self, id: Uuid, command: A::Command, pointer: &str) -> Result<(), Stop>
    where
        A: StreamAggregate<Error: DomainProblem, Command: Send>,
    {
        self.decide_on::<A>(id, command, pointer, false).await
    }

    /// Decides `command` on an aggregate that should be new: it is taken as such without asking the log, which
    /// refuses the commit where that is wrong.
    ///
    /// # Errors
    /// [`Stop`] where it is refused; `pointer` says which part of the body asked for it.
    pub async fn create<A>(&mut self, id: Uuid, command: A::Command, pointer: &str) -> Result<(), Stop>
    where
        A: StreamAggregate<Error: DomainProblem, Command: Send>,
    {
        self.decide_on::<A>(id, command, pointer, true).await
    }

    async fn decide_on<A>(
        &mut self,
        id: Uuid,
        command: A::Command,
        pointer: &str,
        is_new: bool,
    ) -> Result<(), Stop>
    where
        A: StreamAggregate<Error: DomainProblem, Command: Send>,
    {
        let index = self.entry::<A>(id, is_new).await?;
        let context = &self.context;
        let entry = &mut self.entries[index];
        let working = entry
            .working
            .as_any_mut()
            .downcast_mut::<WorkingState<A>>()
            .ok_or_else(|| internal("an aggregate was loaded as two types"))?;
        let sink = EventSink::default();
        working
            .state
            .handle(command, context, &sink)
            .await
            .map_err(|error| CommandError::refused(&error, pointer))?;
        for event in sink.collect().await {
            let data = event.data().map_err(|error| internal(&error.to_string()))?;
            entry.pending.push(Pending { event_type: event.type_name(), data });
        }
        Ok(())
    }
}

fn internal(reason: &str) -> CommandError {
    CommandError::Internal { reason: reason.to_owned() }
}

fn working<A: StreamAggregate>(entry: &Entry) -> Result<&WorkingState<A>, Stop> {
    let found = entry.working.as_any().downcast_ref::<WorkingState<A>>();
    found.ok_or_else(|| internal("an aggregate was loaded as two types").into())
}

/// The stream of the aggregate `id` of type `A`.
#[must_use]
pub const fn stream_of<A: StreamAggregate>(id: Uuid) -> StreamId {
    StreamId::new(A::CONTEXT, A::TYPE, id)
}
