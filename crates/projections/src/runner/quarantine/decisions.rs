//! What operators decided about waiting messages, as the log tells it.

use std::collections::{BTreeMap, BTreeSet};

use foodflow_domain::projections::{QuarantineEvent, STREAM, quarantine_id};
use foodflow_domain::{EventSet as _, TenantId};
use foodflow_log::{LogError, Position, SharedLog, StoredMessage, StreamId};

use crate::recorded::Recorded;
use crate::runner::projection::ProjectionError;
use crate::store::quarantine::Entity;

/// What is to be done about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The aggregate's stream.
    pub(super) stream: StreamId,
    /// Positions that are never to be projected; none for a mere retry.
    pub(super) skipped: Vec<Position>,
}

/// The stream of a tenant's decisions about a projection.
#[must_use]
pub fn decision_stream(projection: &str) -> StreamId {
    let [context, aggregate] = STREAM;
    StreamId::new(context, aggregate, quarantine_id(projection))
}

/// The decisions that `message` of the decision stream states.
///
/// # Errors
/// Where it cannot be read, or holds a decision that this program does not know.
pub(super) fn read(message: &StoredMessage) -> Result<Vec<Decision>, ProjectionError> {
    let recorded = Recorded::decode(message)?;
    let mut decisions = Vec::new();
    for event in &recorded.events {
        let unreadable = |what: &str| {
            ProjectionError::new(format!("the decision at position {} {what}", message.position))
        };
        let decoded = QuarantineEvent::decode(&event.event_type, event.data.get());
        let decided = decoded.map_err(|_| unreadable("does not fit its type"))?;
        let decided = decided.ok_or_else(|| unreadable("is of a type that needs a newer program"))?;
        let (stream, skipped) = match decided {
            QuarantineEvent::Retried(data) => (data.stream, Vec::new()),
            QuarantineEvent::Skipped(data) => (data.stream, data.positions),
        };
        let stream = StreamId::parse(&stream).ok_or_else(|| unreadable("names no stream"))?;
        decisions.push(Decision { stream, skipped: skipped.into_iter().map(Position).collect() });
    }
    Ok(decisions)
}

/// The skips that stand in the log, also those further on than what is being read.
///
/// A message that is skipped waits until its skip is met, also where this program could project it: else a read model
/// that is made anew would hold what the live one does not.
pub(super) struct Skips {
    log: SharedLog,
    stream: StreamId,
    /// The log's end when the reading began: a message behind it has no skip yet.
    through: Position,
    /// Tenants whose decisions were read.
    read: BTreeSet<TenantId>,
    /// Where each skipped message was decided about.
    decided_at: BTreeMap<(Entity, Position), Position>,
}

impl Skips {
    /// The skips that the decision stream `stream` of each tenant holds.
    pub(super) const fn new(log: SharedLog, stream: StreamId, through: Position) -> Self {
        Self { log, stream, through, read: BTreeSet::new(), decided_at: BTreeMap::new() }
    }

    /// Where it was decided that `message` is skipped, if it was. Asks the log once a tenant.
    ///
    /// # Errors
    /// Where the log does not answer.
    pub(super) async fn of(&mut self, message: &StoredMessage) -> Result<Option<Position>, LogError> {
        if message.position <= self.through && !self.read.contains(&message.tenant) {
            let decisions = self.log.load(message.tenant, &self.stream, Position(0)).await?;
            for decision in &decisions {
                // A decision that cannot be read stops the partition when it is met.
                let skips = read(decision).unwrap_or_default();
                skips.iter().for_each(|skip| self.learn(message.tenant, decision.position, skip));
            }
            self.read.insert(message.tenant);
        }
        if self.decided_at.is_empty() {
            return Ok(None);
        }
        Ok(self.decided_at.get(&(Entity::of(message), message.position)).copied())
    }

    /// Takes in what was decided at `at`; the first decision about a message counts.
    pub(super) fn learn(&mut self, tenant: TenantId, at: Position, decision: &Decision) {
        for position in &decision.skipped {
            let entity = Entity { tenant, stream: decision.stream.clone() };
            self.decided_at.entry((entity, *position)).or_insert(at);
        }
    }
}
