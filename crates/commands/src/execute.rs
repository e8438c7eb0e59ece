//! Runs an operation as one commit: lock, load, decide, append, answer.
//!
//! A repeat of a command meets one of its own streams, which remembers it, and is answered with the first
//! result. A lost race is decided again on what the log then holds. A lost answer is resolved the same way: the
//! reload finds the command, or it does not.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use foodflow_domain::food_graph::guards::{CommandAccepted, CommandRecord, CommandRecordCommand};
use foodflow_domain::ids::{self, CommandId};
use foodflow_domain::personal::PersonId;
use foodflow_domain::tenancy::Plans;
use foodflow_domain::tenancy::tenant::Tenant;
use foodflow_domain::{Context, StreamAggregate, TenantId};
use foodflow_log::personal::{Forgotten, Keyring};
use foodflow_log::{
    AppendError, Appended, Commit, Direction, Envelope, NewMessage, PayloadHash, Position, ReadQuery,
    SharedLog, StreamId,
};
use jiff::Timestamp;
use moka::Expiry;
use moka::sync::Cache;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::CommandError;
use crate::loaded::{Kept, Loaded};
use crate::remembered::CommandMark;
use crate::snapshot::{Place, Snapshots};
use crate::standing::{Needs, Room, Standings};
use crate::unit::{Entry, Stop, StreamEnd, Unit, stream_of};

/// How often a lost race is tried again.
const RETRIES_MAX: usize = 8;
/// Aggregates that the process keeps in memory.
const CACHED_AGGREGATES_MAX: u64 = 100_000;
/// How long the process keeps a state with personal data: another process may have forgotten the person.
const PERSONAL_KEPT_MAX: Duration = Duration::from_secs(300);
/// Shards of the per-aggregate lock.
const LOCK_SHARDS: usize = 1_024;
/// Commands that a process takes in at once; further ones are refused as overload, so that none waits without end for
/// others of the same aggregate.
pub const COMMANDS_MAX: usize = 8_192;
/// When a client should try again after a refusal for load, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// `If-Match`: the version that the client expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Any of these versions.
    Versions(Vec<u64>),
    /// It exists, at whatever version.
    Any,
}

/// Who commands what, under which id.
#[derive(Debug, Clone)]
pub struct CommandMeta {
    /// The tenant of every id in the command.
    pub tenant: TenantId,
    /// Who acts.
    pub actor: String,
    /// The command's id.
    pub command_id: CommandId,
    /// True where the client named the command id, so that it may repeat it.
    pub repeatable: bool,
    /// Hash of the command as it was given.
    pub command_hash: PayloadHash,
    /// What it belongs to.
    pub correlation_id: Uuid,
    /// The event that caused it.
    pub causation_id: Option<Uuid>,
    /// The version that the client expects of the primary aggregate.
    pub if_match: Option<IfMatch>,
}

/// What an operation answers besides its events; known before it runs, so that a repeat answers the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Name of the operation, as in the path, e.g. `receipts`.
    pub operation: &'static str,
    /// Id of the document or resource.
    pub id: Uuid,
    /// Its stream, whose version is the `ETag`.
    pub primary: StreamId,
    /// True where the operation creates the resource.
    pub creates: bool,
    /// The lot that it made or touched, where one is named in the answer.
    pub batch_id: Option<Uuid>,
    /// The lots that a transformation made.
    pub batch_ids: Option<Vec<Uuid>>,
}

/// An event of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedEvent {
    /// Its id.
    pub id: Uuid,
    /// Its CloudEvents type.
    #[serde(rename = "type")]
    pub event_type: String,
}

/// The answer to a command that stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What the operation answers.
    pub reply: Reply,
    /// Position of the commit: what a query hands to `After`.
    pub position: Position,
    /// Every event of the commit.
    pub events: Vec<AcceptedEvent>,
    /// Version of the primary aggregate after the commit.
    pub version: u64,
    /// True where the command was carried out before.
    pub repeated: bool,
}

/// Something that a client may ask for: one commit over one or several aggregates.
pub trait Operation: Send + Sync {
    /// The aggregate of [`Reply::primary`], whose version an `If-Match` names.
    type Primary: StreamAggregate;

    /// What it answers, derived from the command alone.
    fn reply(&self, meta: &CommandMeta) -> Reply;

    /// The streams that it is known to touch, to be locked in this process while it runs.
    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId>;

    /// Which standing it needs of its tenant.
    fn needs(&self) -> Needs {
        Needs::Active
    }

    /// Decides on the aggregates of `unit`.
    fn run(&self, unit: &mut Unit<'_>) -> impl Future<Output = Result<(), Stop>> + Send;
}

/// The id that the client chose, or one derived from the command.
pub(crate) fn chosen_or_derived(meta: &CommandMeta, chosen: Option<Uuid>, role: &str) -> Uuid {
    chosen.unwrap_or_else(|| ids::derive(meta.tenant, meta.command_id, role))
}

/// The answer of an operation on the resource `id` of type `A`.
pub(crate) fn reply_of<A: StreamAggregate>(operation: &'static str, id: Uuid, creates: bool) -> Reply {
    Reply { operation, id, primary: stream_of::<A>(id), creates, batch_id: None, batch_ids: None }
}

/// The write path of one process.
pub struct Executor {
    pub(crate) log: SharedLog,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    pub(crate) cache: Cache<Place, Arc<dyn Kept>>,
    pub(crate) snapshots: Snapshots,
    standings: Arc<Standings>,
    locks: Vec<Mutex<()>>,
    places: Semaphore,
    /// Latest recorded time seen per partition, in microseconds since 1970; the lowest value before a look.
    recorded_us: Vec<AtomicI64>,
}

impl Executor {
    /// A write path onto `log`, with personal data under `keyring`, recorded time from `clock` and the built-in plans.
    #[must_use]
    pub fn new(log: SharedLog, keyring: Arc<Keyring>, clock: Arc<dyn Clock>) -> Self {
        Self::with_plans(log, keyring, clock, Plans::default())
    }

    /// A write path with this catalogue of plans.
    #[must_use]
    pub fn with_plans(log: SharedLog, keyring: Arc<Keyring>, clock: Arc<dyn Clock>, plans: Plans) -> Self {
        let recorded_us = (0..log.partition_count()).map(|_| AtomicI64::new(i64::MIN)).collect();
        let locks = (0..LOCK_SHARDS).map(|_| Mutex::new(())).collect();
        let snapshots = Snapshots::of(log.records(), Arc::clone(&keyring));
        let cache = Cache::builder()
            .max_capacity(CACHED_AGGREGATES_MAX)
            .expire_after(PersonalExpiry)
            .support_invalidation_closures()
            .build();
        let places = Semaphore::new(COMMANDS_MAX);
        let standings = Standings::new(Arc::clone(&log), Arc::clone(&clock), plans);
        Self { log, keyring, clock, cache, snapshots, standings, locks, places, recorded_us }
    }

    /// The log that it appends to.
    #[must_use]
    pub fn log(&self) -> &SharedLog {
        &self.log
    }

    /// The keys of persons.
    #[must_use]
    pub const fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Forgets a person: what was written about them is read as erased from now on. This process also lets go of every
    /// state of the tenant that holds something personal; others do when they hear of it, and within five minutes.
    ///
    /// # Errors
    /// `Unavailable` where it is open whether anything is left; it is safe to repeat.
    pub async fn forget_person(&self, tenant: TenantId, person: PersonId) -> Result<Forgotten, CommandError> {
        let forgotten = self.keyring.forget(tenant, person, self.clock.now()).await?;
        self.let_go_of_person(tenant, person)?;
        Ok(forgotten)
    }

    /// Opens nothing of a person any more, whose erasure was decided elsewhere, and lets go of what was opened.
    ///
    /// # Errors
    /// Never in a program that was tested: the cache was made for it.
    pub fn let_go_of_person(&self, tenant: TenantId, person: PersonId) -> Result<(), CommandError> {
        self.keyring.let_go_of(tenant, person);
        let is_affected =
            move |place: &Place, kept: &Arc<dyn Kept>| place.tenant == tenant && kept.is_personal();
        self.cache.invalidate_entries_if(is_affected).map_err(|error| internal(&error))?;
        Ok(())
    }

    /// An aggregate as the log holds it now; the default state where there is none.
    ///
    /// # Errors
    /// `Unavailable` where the log does not answer.
    pub async fn state_of<A: StreamAggregate>(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Arc<Loaded<A>>, CommandError> {
        let stream = stream_of::<A>(id);
        let cached = self.cached::<A>(tenant, &stream);
        self.load(tenant, &stream, cached).await
    }

    /// The time that its clock shows.
    #[must_use]
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What its tenants may do.
    #[must_use]
    pub const fn standings(&self) -> &Arc<Standings> {
        &self.standings
    }

    /// Waits until every snapshot that was asked for so far is stored or given up.
    pub async fn snapshots_stored(&self) {
        self.snapshots.stored().await;
    }

    /// Carries out `operation` as one commit, or answers with what it did before.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was written, but for `Unavailable`, which leaves it open and is safe to repeat.
    pub async fn execute<O: Operation>(
        &self,
        meta: &CommandMeta,
        operation: &O,
    ) -> Result<Accepted, CommandError> {
        let busy = |_| CommandError::Overloaded { retry_after_s: RETRY_AFTER_S };
        let _place = self.places.try_acquire().map_err(busy)?;
        let reply = operation.reply(meta);
        let _guards = self.lock(meta, operation).await;
        let mut backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(2))
            .with_max_delay(Duration::from_millis(250))
            .with_max_times(RETRIES_MAX)
            .with_jitter()
            .build();
        let (mut fresh, mut is_answer_lost) = (false, false);
        loop {
            match self.attempt(meta, operation, &reply, fresh).await {
                Ok(Attempt::Done(accepted)) => return Ok(accepted),
                Ok(Attempt::Doubtful) => {}
                Ok(Attempt::Lost(error)) => {
                    is_answer_lost |= matches!(error, CommandError::Unavailable { .. });
                    match backoff.next() {
                        Some(delay) => tokio::time::sleep(delay).await,
                        None => return Err(left_open(error, is_answer_lost)),
                    }
                }
                Err(error) => return Err(left_open(error, is_answer_lost)),
            }
            fresh = true;
        }
    }

    /// Locks in the order of shards, so that two operations never wait for each other.
    async fn lock<O: Operation>(&self, meta: &CommandMeta, operation: &O) -> Vec<MutexGuard<'_, ()>> {
        let mut shards: Vec<usize> = operation
            .locks(meta)
            .iter()
            .map(|stream| (stream.id.as_u128() % LOCK_SHARDS as u128) as usize)
            .collect();
        shards.sort_unstable();
        shards.dedup();
        let mut guards = Vec::with_capacity(shards.len());
        for shard in shards {
            guards.push(self.locks[shard].lock().await);
        }
        guards
    }

    async fn attempt<O: Operation>(
        &self,
        meta: &CommandMeta,
        operation: &O,
        reply: &Reply,
        fresh: bool,
    ) -> Result<Attempt, CommandError> {
        let now = self.now(meta.tenant).await?;
        let context = Context { now, actor: meta.actor.clone(), tenant: meta.tenant };
        let mut unit = Unit::new(self, meta, context, fresh);
        let decided = async {
            precondition::<O::Primary>(&unit, reply).await?;
            operation.run(&mut unit).await?;
            if meta.repeatable {
                let accept =
                    CommandRecordCommand::Accept(CommandAccepted { operation: reply.operation.to_owned() });
                unit.create::<CommandRecord>(meta.command_id.0, accept, "").await?;
            }
            Ok(())
        };
        // Read while it decides, where it has to be read at all.
        let (decided, standing) = tokio::join!(decided, self.standings.of(meta.tenant));
        let decided = match decided {
            Ok(()) => Ok(()),
            Err(Stop::Repeat(mark)) => return self.repeat(meta, reply, mark).await.map(Attempt::Done),
            Err(Stop::Error(error)) => Err(error),
        };
        let standing = match self.standings.admit(meta.tenant, standing?, operation.needs()).await {
            Ok(standing) => standing,
            Err(error) => return self.refuse(unit, reply, error).await,
        };
        match decided {
            Ok(()) => match self.standings.keep_room(meta.tenant, &standing, unit.lots(), now).await {
                Ok(room) => self.append(unit, reply, room).await,
                Err(error) => self.refuse(unit, reply, error).await,
            },
            // What was decided on a remembered state is decided again on what the log holds.
            Err(_) if unit.trusted_cache => Ok(Attempt::Doubtful),
            Err(error) => self.refuse(unit, reply, error).await,
        }
    }

    /// Refuses, unless the command was carried out before: then what it met since does not matter.
    async fn refuse(
        &self,
        mut unit: Unit<'_>,
        reply: &Reply,
        error: CommandError,
    ) -> Result<Attempt, CommandError> {
        let meta = unit.meta;
        if meta.repeatable {
            match unit.peek::<CommandRecord>(meta.command_id.0).await {
                Err(Stop::Repeat(mark)) => return self.repeat(meta, reply, mark).await.map(Attempt::Done),
                Err(Stop::Error(failure)) => return Err(failure),
                Ok(_) => {}
            }
        }
        Err(error)
    }

    async fn append(
        &self,
        unit: Unit<'_>,
        reply: &Reply,
        room: Option<Room>,
    ) -> Result<Attempt, CommandError> {
        let (meta, is_fresh) = (unit.meta, unit.fresh);
        let now = unit.context.now;
        let (is_doubtful, standing) = (unit.trusted_cache, standing_of(&unit, reply));
        let mut entries: Vec<_> =
            unit.entries.into_iter().filter(|entry| !entry.pending.is_empty()).collect();
        if entries.is_empty() {
            // What is asked for is so already; on a remembered state that is asked once more.
            return match standing {
                _ if is_doubtful => Ok(Attempt::Doubtful),
                Some((position, version)) => Ok(Attempt::Done(Accepted {
                    reply: reply.clone(),
                    position,
                    events: Vec::new(),
                    version,
                    repeated: false,
                })),
                None => {
                    let reason = format!("{} decided nothing", reply.operation);
                    Err(CommandError::Internal { reason })
                }
            };
        }
        if let (Some(IfMatch::Versions(versions)), Some(primary)) =
            (&meta.if_match, entries.iter().find(|entry| entry.stream == reply.primary))
            && !versions.contains(&primary.base_version)
        {
            return Ok(Attempt::Lost(CommandError::VersionConflict));
        }
        let size = u32::try_from(entries.len()).map_err(|_| too_large())?;
        for entry in &mut entries {
            self.seal(meta.tenant, entry).await?;
        }
        let mut events = Vec::new();
        let mut messages = Vec::with_capacity(entries.len());
        let mut hashes = Vec::with_capacity(entries.len());
        let mut version = 0;
        for (index, entry) in (0_u32..).zip(&entries) {
            let batch = envelopes(meta, now, entry, index, size)?;
            events.extend(batch.iter().map(|e| AcceptedEvent { id: e.id, event_type: e.event_type.clone() }));
            if entry.stream == reply.primary {
                version = batch.last().map_or(0, |last| last.sequence);
            }
            let payload = Bytes::from(Envelope::encode_batch(&batch).map_err(|error| internal(&error))?);
            hashes.push(PayloadHash::of(&payload));
            messages.push(NewMessage {
                stream: entry.stream.clone(),
                expected: entry.base_position,
                payload,
            });
        }
        let commit = Commit { tenant: meta.tenant, recorded_at: now, messages };
        match self.log.append(commit).await {
            Ok(appended) => {
                self.seen(meta.tenant, now);
                let position = appended.last;
                if let Some(room) = room {
                    room.taken(position);
                }
                if entries.iter().any(|entry| entry.stream.context == Tenant::CONTEXT) {
                    self.standings.changed(meta.tenant);
                }
                self.remember(meta, entries, &hashes, appended, size);
                Ok(Attempt::Done(Accepted {
                    reply: reply.clone(),
                    position,
                    events,
                    version,
                    repeated: false,
                }))
            }
            Err(AppendError::Conflict { .. }) => {
                // Remembered may be what the log has lost since: nothing that it holds would tell so.
                for entry in entries.iter().filter(|_| is_fresh) {
                    self.forget(&Place { tenant: meta.tenant, stream: entry.stream.clone() });
                }
                Ok(Attempt::Lost(CommandError::VersionConflict))
            }
            Err(AppendError::Unknown { reason }) => Ok(Attempt::Lost(CommandError::Unavailable { reason })),
            Err(AppendError::Overloaded { .. }) => {
                Err(CommandError::Overloaded { retry_after_s: RETRY_AFTER_S })
            }
            Err(AppendError::Invalid { what }) => {
                Err(CommandError::Invalid { pointer: String::new(), detail: what })
            }
            Err(AppendError::Log(error)) => Err(error.into()),
            Err(error) => Err(internal(&error)),
        }
    }

    /// Seals what belongs to persons, before anything is hashed or written.
    async fn seal(&self, tenant: TenantId, entry: &mut Entry) -> Result<(), CommandError> {
        for pending in &mut entry.pending {
            if let Some(sealed) = self.keyring.seal(tenant, pending.data.get()).await? {
                pending.data = RawValue::from_string(sealed).map_err(|error| internal(&error))?;
                entry.is_personal = true;
            }
        }
        Ok(())
    }

    /// Keeps the new states for the next commands.
    fn remember(
        &self,
        meta: &CommandMeta,
        entries: Vec<Entry>,
        hashes: &[PayloadHash],
        appended: Appended,
        size: u32,
    ) {
        let mark = CommandMark {
            command_id: meta.command_id.0,
            command_hash: meta.command_hash,
            first: appended.first,
            size,
        };
        for ((index, entry), hash) in (0_u64..).zip(entries).zip(hashes) {
            let position = Position(appended.first.0 + index);
            let version = entry.base_version + entry.pending.len() as u64;
            let place = Place { tenant: meta.tenant, stream: entry.stream.clone() };
            let is_personal = entry.is_personal;
            let (kept, is_snapshot_due) =
                entry.into_kept(StreamEnd { version, position, hash: *hash, mark, is_personal });
            if is_snapshot_due {
                self.ask_for_snapshot(&place, &kept, None);
            }
            self.keep(place, kept);
        }
    }

    /// The first result of a command that was carried out before.
    async fn repeat(
        &self,
        meta: &CommandMeta,
        reply: &Reply,
        mark: CommandMark,
    ) -> Result<Accepted, CommandError> {
        if mark.command_hash != meta.command_hash {
            return Err(CommandError::CommandIdReused);
        }
        // Of all tenants, since the messages of a commit adjoin: a filter would make the log look through its subjects.
        let query = ReadQuery {
            tenant: None,
            from: Position(mark.first.0.saturating_sub(1)),
            direction: Direction::Forward,
            limit: mark.size as usize,
        };
        let messages = self.log.read(self.log.partition_of(meta.tenant), query).await?;
        if messages.iter().any(|message| message.tenant != meta.tenant) {
            return Err(internal(&format!("the commit at position {} is of another tenant", mark.first)));
        }
        let mut accepted = Accepted {
            reply: reply.clone(),
            position: mark.first,
            events: Vec::new(),
            version: 0,
            repeated: true,
        };
        for message in messages {
            for envelope in decode(&message.payload)? {
                if message.stream == reply.primary {
                    accepted.version = envelope.sequence;
                }
                accepted.events.push(AcceptedEvent { id: envelope.id, event_type: envelope.event_type });
            }
            accepted.position = message.position;
        }
        Ok(accepted)
    }

    /// The recorded time of the next commit: the clock, never before what the partition is known to hold.
    async fn now(&self, tenant: TenantId) -> Result<Timestamp, CommandError> {
        let partition = self.log.partition_of(tenant);
        let seen = &self.recorded_us[usize::from(partition.0)];
        if seen.load(Ordering::SeqCst) == i64::MIN {
            let query = ReadQuery {
                tenant: None,
                from: Position(u64::MAX),
                direction: Direction::Backward,
                limit: 1,
            };
            let last = self.log.read(partition, query).await?;
            let recorded = match last.first() {
                Some(message) => {
                    decode(&message.payload)?.first().map_or(0, |first| first.time.as_microsecond())
                }
                None => 0,
            };
            seen.fetch_max(recorded, Ordering::SeqCst);
        }
        let floor_us = seen.load(Ordering::SeqCst);
        let now_us = self.clock.now().as_microsecond().max(floor_us);
        Timestamp::from_microsecond(now_us).map_err(|error| internal(&error))
    }

    fn seen(&self, tenant: TenantId, recorded: Timestamp) {
        let partition = self.log.partition_of(tenant);
        self.recorded_us[usize::from(partition.0)].fetch_max(recorded.as_microsecond(), Ordering::SeqCst);
    }
}

/// Refuses where the primary aggregate is not at a version that the client expects.
async fn precondition<A: StreamAggregate>(unit: &Unit<'_>, reply: &Reply) -> Result<(), Stop> {
    debug_assert_eq!(reply.primary, stream_of::<A>(reply.primary.id));
    let Some(if_match) = &unit.meta.if_match else { return Ok(()) };
    let actual = unit.current::<A>(reply.primary.id).await?.version;
    let (holds, expected) = match if_match {
        IfMatch::Any => (actual > 0, "*".to_owned()),
        IfMatch::Versions(versions) => {
            let list: Vec<String> = versions.iter().map(u64::to_string).collect();
            (actual > 0 && versions.contains(&actual), list.join(", "))
        }
    };
    if holds { Ok(()) } else { Err(CommandError::PreconditionFailed { expected, actual }.into()) }
}

/// States with personal data are kept for [`PERSONAL_KEPT_MAX`], the others as long as there is room.
struct PersonalExpiry;

impl PersonalExpiry {
    fn of(kept: &Arc<dyn Kept>) -> Option<Duration> {
        kept.is_personal().then_some(PERSONAL_KEPT_MAX)
    }
}

impl Expiry<Place, Arc<dyn Kept>> for PersonalExpiry {
    fn expire_after_create(&self, _: &Place, kept: &Arc<dyn Kept>, _: Instant) -> Option<Duration> {
        Self::of(kept)
    }

    /// What follows from a state holds what the state held: its time is not begun anew.
    fn expire_after_update(
        &self,
        _: &Place,
        kept: &Arc<dyn Kept>,
        _: Instant,
        left: Option<Duration>,
    ) -> Option<Duration> {
        left.or_else(|| Self::of(kept))
    }
}

enum Attempt {
    Done(Accepted),
    /// Refused on a remembered state: decide again on what the log holds.
    Doubtful,
    /// Lost a race, or its answer: decide again after a pause, a bounded number of times.
    Lost(CommandError),
}

/// What is told after several attempts. Where the answer to one was lost, what it wrote may show only later, so that
/// nothing may be called unwritten because a later attempt found no room or lost a race, maybe to that very write.
fn left_open(error: CommandError, is_answer_lost: bool) -> CommandError {
    match error {
        CommandError::Overloaded { .. } | CommandError::VersionConflict if is_answer_lost => {
            CommandError::Unavailable { reason: "the answer of the log was lost".to_owned() }
        }
        error => error,
    }
}

/// Where the primary aggregate ends, where the operation looked at it: position and version.
fn standing_of(unit: &Unit<'_>, reply: &Reply) -> Option<(Position, u64)> {
    let primary = unit.entries.iter().find(|entry| entry.stream == reply.primary)?;
    (primary.base_version > 0).then_some((primary.base_position, primary.base_version))
}

fn envelopes(
    meta: &CommandMeta,
    now: Timestamp,
    entry: &Entry,
    commitindex: u32,
    commitsize: u32,
) -> Result<Vec<Envelope>, CommandError> {
    let subject = format!("{}/{}", entry.stream.aggregate, entry.stream.id);
    let one = |(sequence, pending): (u64, &crate::unit::Pending)| {
        Ok(Envelope {
            specversion: "1.0".to_owned(),
            id: event_id(now),
            source: format!("foodflow/{}", meta.tenant),
            event_type: pending.event_type.to_owned(),
            subject: subject.clone(),
            time: now,
            datacontenttype: "application/json".to_owned(),
            tenantid: meta.tenant,
            actor: meta.actor.clone(),
            commandid: meta.command_id.0,
            commandhash: meta.command_hash,
            correlationid: meta.correlation_id,
            causationid: meta.causation_id,
            commitindex,
            commitsize,
            sequence,
            prevhash: entry.base_hash,
            data: pending.data.clone(),
        })
    };
    (entry.base_version + 1..).zip(&entry.pending).map(one).collect()
}

/// A UUID version 7 of the recorded time.
fn event_id(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
}

fn decode(payload: &[u8]) -> Result<Vec<Envelope>, CommandError> {
    Envelope::decode_batch(payload).map_err(|error| internal(&error))
}

fn internal(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::Internal { reason: error.to_string() }
}

fn too_large() -> CommandError {
    CommandError::Invalid {
        pointer: String::new(),
        detail: "the command touches too many resources".to_owned(),
    }
}
