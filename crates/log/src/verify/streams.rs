//! Where each stream stands: its last hash, number and position, in as little memory as that takes.

use std::borrow::Cow;
use std::collections::HashMap;

use foodflow_domain::TenantId;
use uuid::Uuid;

use super::broken_link::{At, BrokenLink, Rule};
use crate::envelope::{Envelope, PayloadHash};
use crate::event_log::{Position, StoredMessage, StreamId};

/// Every stream that was seen; where their number is bounded, those that were seen last.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    tenants: HashMap<TenantId, u32>,
    /// Context and aggregate.
    kinds: HashMap<(Cow<'static, str>, Cow<'static, str>), u32>,
    ends: HashMap<Key, End>,
    /// Streams that were not met since `ends` was begun; the next generation takes their place.
    older: HashMap<Key, End>,
    /// Streams of one generation.
    generation_max: usize,
    /// Whether a stream may have begun before its first message here.
    begins_within: bool,
}

/// A stream; tenant and kind by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    tenant: u32,
    kind: u32,
    id: Uuid,
}

/// The last message of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    hash: PayloadHash,
    sequence: u64,
    position: Position,
}

impl Streams {
    pub(super) fn new(begins_within: bool) -> Self {
        Self {
            tenants: HashMap::new(),
            kinds: HashMap::new(),
            ends: HashMap::new(),
            older: HashMap::new(),
            generation_max: usize::MAX,
            begins_within,
        }
    }

    pub(super) fn count(&self) -> u64 {
        (self.ends.len() + self.older.len()) as u64
    }

    /// Keeps at least the last `streams` that were met, and at most twice as many.
    pub(super) fn keep_last(&mut self, streams: usize) {
        self.generation_max = streams.max(1);
    }

    pub(super) fn knows(&self, tenant: TenantId, stream: &StreamId) -> bool {
        let kind = (stream.context.clone(), stream.aggregate.clone());
        let (Some(tenant), Some(kind)) = (self.tenants.get(&tenant), self.kinds.get(&kind)) else {
            return false;
        };
        let key = Key { tenant: *tenant, kind: *kind, id: stream.id };
        self.ends.contains_key(&key) || self.older.contains_key(&key)
    }

    /// Takes `message`, whose last event has this number, for the last of its stream before the walk.
    pub(super) fn know(&mut self, message: &StoredMessage, sequence: u64) {
        let hash = PayloadHash::of(&message.payload);
        let key = self.key(message);
        *self.end(key, End::default()) = End { hash, sequence, position: message.position };
    }

    /// Follows the stream of `message` by it, and answers where the stream ended before; `payload` is the hash of its
    /// payload, and `commit` the position of the commit's first message.
    pub(super) fn follow(
        &mut self,
        at: &At<'_>,
        message: &StoredMessage,
        payload: PayloadHash,
        events: &[Envelope],
        commit: Position,
    ) -> Result<Position, BrokenLink> {
        let key = self.key(message);
        let before = events.first().filter(|_| self.begins_within).map_or_else(End::default, End::before);
        let end = self.end(key, before);
        let before = end.position;
        if end.position >= commit {
            let found = format!("a second one, after that at position {}", end.position);
            return Err(at.broken(Rule::Commit, "one message of each stream in a commit", found));
        }
        for event in events {
            let at = at.event(event);
            if event.prevhash != end.hash {
                return Err(at.broken(Rule::Chain, end.describe(), format!("prevhash {}", event.prevhash)));
            }
        }
        for event in events {
            let next = end.sequence.saturating_add(1);
            at.event(event).same(Rule::Sequence, "sequence", &next, &event.sequence)?;
            end.sequence = next;
        }
        end.hash = payload;
        end.position = message.position;
        Ok(before)
    }

    /// Where a stream ends; `unmet` for one that was not met.
    fn end(&mut self, key: Key, unmet: End) -> &mut End {
        let known = if self.older.is_empty() { None } else { self.older.remove(&key) };
        if self.ends.len() >= self.generation_max && !self.ends.contains_key(&key) {
            self.older = std::mem::take(&mut self.ends);
        }
        self.ends.entry(key).or_insert_with(|| known.unwrap_or(unmet))
    }

    fn key(&mut self, message: &StoredMessage) -> Key {
        let stream = &message.stream;
        let kind = (stream.context.clone(), stream.aggregate.clone());
        Key {
            tenant: number(&mut self.tenants, message.tenant),
            kind: number(&mut self.kinds, kind),
            id: stream.id,
        }
    }
}

/// The number of `name`, a new one where it is new.
fn number<N: std::hash::Hash + Eq>(names: &mut HashMap<N, u32>, name: N) -> u32 {
    // There are never as many tenants or kinds of aggregates as a u32 can count.
    let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
    *names.entry(name).or_insert(next)
}

impl End {
    /// What `event` says of its stream's message before it; nothing where it is the first.
    fn before(event: &Envelope) -> Self {
        match event.sequence.checked_sub(1) {
            None | Some(0) => Self::default(),
            Some(sequence) => Self { hash: event.prevhash, sequence, position: Position(0) },
        }
    }

    fn describe(&self) -> String {
        match self.position {
            Position(0) => format!("prevhash {}: it is the first message of its stream", self.hash),
            position => {
                format!(
                    "prevhash {}: the hash of the stream's message before it, at position {position}",
                    self.hash
                )
            }
        }
    }
}
