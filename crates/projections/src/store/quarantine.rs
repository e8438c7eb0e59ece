//! What waits in quarantine: entities of which a message could not be applied, each with what queues behind it.
//!
//! It is part of the checkpoint, so that every store keeps it in the transaction that says how far a partition was applied,
//! and two generations change places with it. What is kept are positions; the messages are in the log. It is bounded, and
//! mostly empty.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::{Position, StoredMessage, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most entities of a partition that wait.
pub const ENTITIES_MAX: usize = 100;
/// Most messages of an entity that wait.
pub const ENTITY_MESSAGES_MAX: u64 = 1_000;
/// Most characters of what is kept about a failure.
const REASON_CHARS_MAX: usize = 300;

/// What stands still on its own: an aggregate's stream within a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The tenant.
    pub tenant: TenantId,
    /// The aggregate's stream.
    pub stream: StreamId,
}

impl Entity {
    /// Whose message it is.
    #[must_use]
    pub fn of(message: &StoredMessage) -> Self {
        Self { tenant: message.tenant, stream: message.stream.clone() }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of tenant {}", self.stream, self.tenant)
    }
}

/// The messages of an entity that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Position of the one that could not be applied.
    pub first: Position,
    /// Position of the last one behind it.
    pub last: Position,
    /// How many they are; the stream has no others between the two.
    pub messages: u64,
    /// Recorded time of the first.
    pub recorded_at: Timestamp,
    /// Why it could not be applied, without the event's data.
    pub reason: String,
}

impl Waiting {
    /// One message, which could not be applied for `reason`.
    #[must_use]
    pub fn new(at: Position, recorded_at: Timestamp, reason: &str) -> Self {
        let reason = reason.chars().take(REASON_CHARS_MAX).collect();
        Self { first: at, last: at, messages: 1, recorded_at, reason }
    }
}

/// The entities of a partition that wait. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Quarantine(Arc<BTreeMap<Entity, Waiting>>);

impl Quarantine {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many entities wait.
    #[must_use]
    pub fn entities(&self) -> usize {
        self.0.len()
    }

    /// How many messages wait.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.0.values().map(|waiting| waiting.messages).sum()
    }

    /// What waits of `entity`.
    #[must_use]
    pub fn get(&self, entity: &Entity) -> Option<&Waiting> {
        self.0.get(entity)
    }

    /// Everything that waits, in order of tenant and stream.
    pub fn iter(&self) -> impl Iterator<Item = (&Entity, &Waiting)> {
        self.0.iter()
    }

    /// What waits of one tenant.
    pub fn of_tenant(&self, tenant: TenantId) -> impl Iterator<Item = (&Entity, &Waiting)> {
        self.0.iter().filter(move |(entity, _)| entity.tenant == tenant)
    }

    /// Lets `waiting` wait of `entity`, in place of what waited of it before.
    pub fn put(&mut self, entity: Entity, waiting: Waiting) {
        Arc::make_mut(&mut self.0).insert(entity, waiting);
    }

    /// Nothing waits of `entity` any more.
    pub fn remove(&mut self, entity: &Entity) {
        Arc::make_mut(&mut self.0).remove(entity);
    }

    /// The same, but of `tenant` what waits in `other`.
    #[must_use]
    pub fn with_tenant_of(&self, tenant: TenantId, other: &Self) -> Self {
        let others = self.0.iter().filter(|(entity, _)| entity.tenant != tenant);
        let pairs = others.chain(other.of_tenant(tenant));
        Self(Arc::new(pairs.map(|(entity, waiting)| (entity.clone(), waiting.clone())).collect()))
    }

    /// Whether the same messages wait in both, be it for different reasons, within one tenant or all.
    #[must_use]
    pub fn is_like(&self, other: &Self, tenant: Option<TenantId>) -> bool {
        let covered = |(entity, _): &(&Entity, &Waiting)| tenant.is_none_or(|tenant| entity.tenant == tenant);
        let (own, others) = (self.0.iter().filter(covered), other.0.iter().filter(covered));
        own.map(place).eq(others.map(place))
    }

    /// How a store keeps it: a JSON array; nothing where nothing waits.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let rows: Vec<Row<'_>> = self.0.iter().map(Row::new).collect();
        if rows.is_empty() { None } else { serde_json::to_string(&rows).ok() }
    }

    /// Reads what [`to_text`](Self::to_text) wrote; `None` where it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rows: Vec<Row<'_>> = serde_json::from_str(text).ok()?;
        let pairs: Option<BTreeMap<_, _>> = rows.into_iter().map(Row::read).collect();
        pairs.map(|pairs| Self(Arc::new(pairs)))
    }
}

/// Which messages wait of an entity.
fn place<'a>((entity, waiting): (&'a Entity, &Waiting)) -> (&'a Entity, Position, Position, u64) {
    (entity, waiting.first, waiting.last, waiting.messages)
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places =
            self.0.iter().map(|(entity, waiting)| (entity.to_string(), (waiting.first, waiting.messages)));
        f.debug_map().entries(places).finish()
    }
}

/// One entity, as written.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    tenant: TenantId,
    stream: String,
    first: Position,
    last: Position,
    messages: u64,
    recorded_at: Timestamp,
    reason: std::borrow::Cow<'a, str>,
}

impl<'a> Row<'a> {
    fn new((entity, waiting): (&Entity, &'a Waiting)) -> Self {
        let Waiting { first, last, messages, recorded_at, reason } = waiting;
        Self {
            tenant: entity.tenant,
            stream: entity.stream.to_string(),
            first: *first,
            last: *last,
            messages: *messages,
            recorded_at: *recorded_at,
            reason: reason.as_str().into(),
        }
    }

    fn read(self) -> Option<(Entity, Waiting)> {
        let Self { tenant, stream, first, last, messages, recorded_at, reason } = self;
        let entity = Entity { tenant, stream: StreamId::parse(&stream)? };
        Some((entity, Waiting { first, last, messages, recorded_at, reason: reason.into_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn entity(tenant: u128, id: u128) -> Entity {
        let stream = StreamId::new("food_graph", "batch", Uuid::from_u128(id));
        Entity { tenant: TenantId(Uuid::from_u128(tenant)), stream }
    }

    fn waiting(at: u64, reason: &str) -> Waiting {
        Waiting::new(Position(at), Timestamp::UNIX_EPOCH, reason)
    }

    fn quarantine(of: &[(u128, u128, u64)]) -> Quarantine {
        let mut quarantine = Quarantine::default();
        for (tenant, id, at) in of {
            quarantine.put(entity(*tenant, *id), waiting(*at, "an \"unknown\" type"));
        }
        quarantine
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Quarantine::default().to_text(), None);
        let written = quarantine(&[(1, 1, 5), (1, 2, 6), (2, 1, 7)]);
        let text = written.to_text().unwrap();
        assert_eq!(Quarantine::parse(&text).unwrap(), written);
        for wrong in ["", "{}", &text.replace("food_graph.", "")] {
            assert!(Quarantine::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn its_text_is_bounded() {
        let reason = "ü".repeat(10_000);
        let mut full = Quarantine::default();
        for number in 0..ENTITIES_MAX {
            full.put(entity(1, number as u128), waiting(u64::MAX, &reason));
        }
        assert!(full.to_text().unwrap().len() < 100_000);
    }

    #[test]
    fn one_tenant_is_exchanged_and_compared_alone() {
        let (live, beside) = (quarantine(&[(1, 1, 5), (2, 1, 6)]), quarantine(&[(1, 2, 7)]));
        let tenant = TenantId(Uuid::from_u128(1));
        let exchanged = live.with_tenant_of(tenant, &beside);
        assert_eq!(exchanged, quarantine(&[(1, 2, 7), (2, 1, 6)]));
        assert!(exchanged.is_like(&beside, Some(tenant)) && !exchanged.is_like(&beside, None));
        let mut other_reason = beside.clone();
        other_reason.put(entity(1, 2), waiting(7, "another reason"));
        assert!(other_reason.is_like(&beside, None) && other_reason != beside);
        other_reason.put(entity(1, 2), waiting(8, "another reason"));
        assert!(!other_reason.is_like(&beside, None));
    }
}
