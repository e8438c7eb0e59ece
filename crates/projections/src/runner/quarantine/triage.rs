//! What becomes of each message: it is applied, or waits in quarantine.

use std::collections::BTreeMap;
use std::sync::Arc;

use foodflow_log::{LogError, Position, SharedLog, StoredMessage, StreamId};
use jiff::Timestamp;
use serde::Deserialize;

use super::decisions::{self, Decision, Skips, decision_stream};
use crate::runner::projection::{Projected, Projection, ProjectionError};
use crate::store::StoreError;
use crate::store::quarantine::{ENTITIES_MAX, ENTITY_MESSAGES_MAX, Entity, Quarantine, Waiting};

/// Why a message waits that this program could project.
const SKIPPED_LATER: &str = "it is skipped further on, by an operator's decision";

/// A message that was dealt with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Triaged<C> {
    /// What it changes, with what it releases; nothing where it waits.
    pub(crate) projected: Projected<C>,
    /// What waits then.
    pub(crate) quarantine: Quarantine,
    /// Bytes of the messages that were projected: its own, and those that it releases.
    pub(crate) bytes: usize,
    /// The messages that it releases, each with how many of the changes are its own; these come last.
    pub(crate) released: Vec<(Position, usize)>,
}

/// Changes of one message: what was projected of `of` when `now` was dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// The message that was dealt with.
    pub(crate) now: Position,
    /// The same, or one that it releases.
    pub(crate) of: Position,
    /// How many changes.
    pub(crate) changes: usize,
}

/// What a store refused while a batch was written, by the message that was dealt with and the one whose changes they were:
/// a message that was refused once is tried again when it is released.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(BTreeMap<(Position, Position), String>);

impl Refusals {
    /// Notes that these changes were refused.
    pub(crate) fn add(&mut self, share: &Share, refused: &StoreError) {
        self.0.insert((share.now, share.of), refused.to_string());
    }

    /// Why changes of `of` were refused when `now` was dealt with.
    fn get(&self, now: Position, of: Position) -> Option<ProjectionError> {
        self.0.get(&(now, of)).map(|reason| ProjectionError::new(reason.as_str()))
    }
}

impl<C> Triaged<C> {
    /// Whose the changes are, in their order; `now` is the message's position.
    pub(crate) fn shares(&self, now: Position) -> impl Iterator<Item = Share> + use<C> {
        let released: usize = self.released.iter().map(|(_, changes)| changes).sum();
        let own = Share { now, of: now, changes: self.projected.changes.len().saturating_sub(released) };
        let released = self.released.clone().into_iter().map(move |(of, changes)| Share { now, of, changes });
        std::iter::once(own).chain(released)
    }
}

/// Why a message cannot even wait.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TriageError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

/// Deals with the messages of a partition, or of one of its tenants, in order.
pub(crate) struct Triage<C> {
    projection: Arc<dyn Projection<C>>,
    log: SharedLog,
    /// The stream of each tenant's decisions about the projection.
    decisions: StreamId,
    quarantine: Quarantine,
    skips: Skips,
    refusals: Refusals,
}

/// The part of an envelope that tells a message's place, so that an event that no projection can read still has one.
#[derive(Deserialize)]
struct Place {
    time: Timestamp,
    commitindex: u32,
    commitsize: u32,
}

impl<C: Send + 'static> Triage<C> {
    /// A triage that goes on from where `quarantine` waits; `through` is where the log ends now.
    pub(crate) fn new(
        projection: Arc<dyn Projection<C>>,
        log: SharedLog,
        quarantine: Quarantine,
        through: Position,
    ) -> Self {
        let decisions = decision_stream(projection.name());
        let skips = Skips::new(log.clone(), decisions.clone(), through);
        Self { projection, log, decisions, quarantine, skips, refusals: Refusals::default() }
    }

    /// The same, where these are known to be refused: they wait as if they could not be projected.
    pub(crate) fn without(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    /// Deals with the next message. May be repeated where the log did not answer.
    ///
    /// # Errors
    /// [`TriageError`] where the log does not answer, the message has no place in a commit, or too much waits.
    pub(crate) async fn take(&mut self, message: &StoredMessage) -> Result<Triaged<C>, TriageError> {
        if message.stream == self.decisions {
            return self.decided(message).await;
        }
        let projected = if self.is_waited_for(message) {
            self.queue(message)?
        } else {
            match self.project(message, message.position).await? {
                Ok(projected) => projected,
                Err(error) => self.hold(message, error)?,
            }
        };
        let (quarantine, bytes) = (self.quarantine.clone(), message.payload.len());
        Ok(Triaged { projected, quarantine, bytes, released: Vec::new() })
    }

    fn is_waited_for(&self, message: &StoredMessage) -> bool {
        !self.quarantine.is_empty() && self.quarantine.get(&Entity::of(message)).is_some()
    }

    /// The message's changes, or why it waits, given the decisions up to `now`.
    async fn project(
        &mut self,
        message: &StoredMessage,
        now: Position,
    ) -> Result<Result<Projected<C>, ProjectionError>, LogError> {
        match self.skips.of(message).await? {
            Some(decided_at) if decided_at > now => Ok(Err(ProjectionError::new(SKIPPED_LATER))),
            Some(_) => Ok(nothing(message)),
            None => Ok(self.changes(message, now)),
        }
    }

    /// The message's changes, where they can be projected and the store is not known to refuse them.
    fn changes(&self, message: &StoredMessage, now: Position) -> Result<Projected<C>, ProjectionError> {
        match self.refusals.get(now, message.position) {
            Some(refused) => Err(refused),
            None => self.projection.project(message),
        }
    }

    /// Lets the message wait behind those of its entity that do.
    fn queue(&mut self, message: &StoredMessage) -> Result<Projected<C>, TriageError> {
        let projected = nothing(message)?;
        let entity = Entity::of(message);
        let Some(mut waiting) = self.quarantine.get(&entity).cloned() else { return Ok(projected) };
        if waiting.messages >= ENTITY_MESSAGES_MAX {
            let reason =
                format!("{ENTITY_MESSAGES_MAX} messages of {entity} wait already: {}", waiting.reason);
            return Err(ProjectionError::new(reason).into());
        }
        waiting.last = message.position;
        waiting.messages += 1;
        self.quarantine.put(entity, waiting);
        Ok(projected)
    }

    /// Lets the message wait, because of `error`.
    fn hold(&mut self, message: &StoredMessage, error: ProjectionError) -> Result<Projected<C>, TriageError> {
        // Where the message has no place in a commit, the partition stops, and the first reason is what counts.
        let Ok(projected) = nothing(message) else { return Err(error.into()) };
        if self.quarantine.entities() >= ENTITIES_MAX {
            let reason = format!("{error}; and {ENTITIES_MAX} entities wait in quarantine already");
            return Err(ProjectionError::new(reason).into());
        }
        let (projection, partition) = (self.projection.name(), message.partition.0);
        let (position, entity) = (message.position, Entity::of(message));
        tracing::error!(projection, partition, %position, %entity, %error, "a message waits in quarantine");
        self.quarantine.put(entity, Waiting::new(position, projected.recorded_at, &error.reason));
        Ok(projected)
    }

    /// Carries out the decisions that `message` states. A decision that this program cannot read stops the partition: what
    /// it decides about cannot be told.
    async fn decided(&mut self, message: &StoredMessage) -> Result<Triaged<C>, TriageError> {
        let mut projected = self.changes(message, message.position)?;
        let (mut bytes, mut released) = (message.payload.len(), Vec::new());
        // In a copy, so that nothing is half done where the log does not answer.
        let mut quarantine = self.quarantine.clone();
        for decision in decisions::read(message)? {
            self.skips.learn(message.tenant, message.position, &decision);
            let entity = Entity { tenant: message.tenant, stream: decision.stream.clone() };
            let Some(waiting) = quarantine.get(&entity).cloned() else {
                self.told_too_late(message, &decision);
                continue;
            };
            let changes = (&mut projected.changes, &mut released);
            let (still, read) = self.release(&entity, waiting, message.position, changes).await?;
            bytes += read;
            match still {
                Some(still) => quarantine.put(entity, still),
                None => quarantine.remove(&entity),
            }
        }
        self.quarantine = quarantine.clone();
        Ok(Triaged { projected, quarantine, bytes, released })
    }

    /// Projects the messages of an entity that wait, in order, without what is skipped, up to the first that still cannot
    /// be applied; answers what waits on, and how many bytes were read.
    async fn release(
        &mut self,
        entity: &Entity,
        waiting: Waiting,
        now: Position,
        (changes, shares): (&mut Vec<C>, &mut Vec<(Position, usize)>),
    ) -> Result<(Option<Waiting>, usize), TriageError> {
        let (mut released, mut bytes) = (0, 0);
        let mut after = Position(waiting.first.0.saturating_sub(1));
        while released < waiting.messages {
            for message in self.waiting(entity, &waiting, after, waiting.messages - released).await? {
                bytes += message.payload.len();
                match self.project(&message, now).await? {
                    Ok(projected) => {
                        shares.push((message.position, projected.changes.len()));
                        changes.extend(projected.changes);
                    }
                    Err(error) => {
                        let recorded_at = nothing::<C>(&message)?.recorded_at;
                        let first = Waiting::new(message.position, recorded_at, &error.reason);
                        let (last, messages) = (waiting.last, waiting.messages - released);
                        return Ok((Some(Waiting { last, messages, ..first }), bytes));
                    }
                }
                (after, released) = (message.position, released + 1);
            }
        }
        let projection = self.projection.name();
        tracing::info!(projection, %entity, released, position = %now, "an entity leaves quarantine");
        Ok((None, bytes))
    }

    /// The next messages of an entity that wait after `after`: at least one, at most `limit`.
    async fn waiting(
        &self,
        entity: &Entity,
        waiting: &Waiting,
        after: Position,
        limit: u64,
    ) -> Result<Vec<StoredMessage>, LogError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let messages = self.log.load_page(entity.tenant, &entity.stream, after, limit).await?.messages;
        let is_within = |last: &StoredMessage| match messages.len() == limit {
            true => last.position == waiting.last,
            false => last.position < waiting.last,
        };
        if messages.last().is_some_and(is_within) {
            return Ok(messages);
        }
        let Waiting { first, last, messages, .. } = waiting;
        let reason =
            format!("the log does not hold the {messages} messages of {entity} from {first} to {last}");
        Err(LogError::Unavailable { reason })
    }

    /// A skip is recorded only of what waits; what was applied since, by a newer program, cannot be taken back.
    fn told_too_late(&self, message: &StoredMessage, decision: &Decision) {
        if !decision.skipped.is_empty() {
            let (projection, position) = (self.projection.name(), message.position);
            let stream = &decision.stream;
            tracing::warn!(projection, %position, %stream, "a skip of what does not wait; rebuild the read model");
        }
    }
}

/// A message that changes nothing for now, at its place in its commit.
fn nothing<C>(message: &StoredMessage) -> Result<Projected<C>, ProjectionError> {
    let position = message.position;
    let unreadable =
        || ProjectionError::new(format!("the message at position {position} is no batch of events"));
    let places: Vec<Place> = serde_json::from_slice(&message.payload).map_err(|_| unreadable())?;
    let events = places.len() as u32;
    let Some(Place { time, commitindex, commitsize }) = places.into_iter().next() else {
        return Err(unreadable());
    };
    let (commit_index, commit_size) = (commitindex, commitsize);
    Ok(Projected { changes: Vec::new(), recorded_at: time, commit_index, commit_size, events })
}
