//! Where each stream stands: its last hash, number and position, in as little memory as that takes.

use std::borrow::Cow;
use std::collections::HashMap;

use foodflow_domain::TenantId;
use uuid::Uuid;

use super::broken_link::{At, BrokenLink, Rule};
use crate::envelope::{Envelope, PayloadHash};
use crate::event_log::{Position, StoredMessage};

/// Every stream that was seen; where their number is bounded, those that were seen last.
#[derive(Debug)]
pub(super) struct Streams {
    tenants: HashMap<TenantId, u32>,
    /// Context and aggregate.
    kinds: HashMap<(Cow<'static, str>, Cow<'static, str>), u32>,
    ends: HashMap<Key, End>,
    /// Streams that were not met since `ends` was begun; the next generation takes their place.
    older: HashMap<Key, End>,
    /// Streams of one generation.
    generation_max: usize,
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

impl Default for Streams {
    fn default() -> Self {
        Self {
            tenants: HashMap::new(),
            kinds: HashMap::new(),
            ends: HashMap::new(),
            older: HashMap::new(),
            generation_max: usize::MAX,
        }
    }
}

impl Streams {
    pub(super) fn count(&self) -> u64 {
        (self.ends.len() + self.older.len()) as u64
    }

    /// Keeps at least the last `streams` that were met, and at most twice as many.
    pub(super) fn keep_last(&mut self, streams: usize) {
        self.generation_max = streams.max(1);
    }

    /// Whether the end of the stream of `message` is known.
    pub(super) fn knows(&self, message: &StoredMessage) -> bool {
        let stream = &message.stream;
        let kind = self.kinds.get(&(stream.context.clone(), stream.aggregate.clone()));
        let (Some(tenant), Some(kind)) = (self.tenants.get(&message.tenant), kind) else { return false };
        let key = Key { tenant: *tenant, kind: *kind, id: stream.id };
        self.ends.contains_key(&key) || self.older.contains_key(&key)
    }

    /// Learns where the stream of `last`, its last message, ends.
    pub(super) fn learn(&mut self, last: &StoredMessage, sequence: u64) {
        let key = self.key(last);
        let hash = PayloadHash::of(&last.payload);
        *self.end(key) = End { hash, sequence, position: last.position };
    }

    /// Follows the stream of `message` by it, and answers where the stream ended before; `commit` is the position of
    /// the commit's first message.
    pub(super) fn follow(
        &mut self,
        at: &At<'_>,
        message: &StoredMessage,
        events: &[Envelope],
        commit: Position,
    ) -> Result<Position, BrokenLink> {
        let key = self.key(message);
        let end = self.end(key);
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
        end.hash = PayloadHash::of(&message.payload);
        end.position = message.position;
        Ok(before)
    }

    fn end(&mut self, key: Key) -> &mut End {
        let known = if self.older.is_empty() { None } else { self.older.remove(&key) };
        if self.ends.len() >= self.generation_max && !self.ends.contains_key(&key) {
            self.older = std::mem::take(&mut self.ends);
        }
        self.ends.entry(key).or_insert_with(|| known.unwrap_or_default())
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
