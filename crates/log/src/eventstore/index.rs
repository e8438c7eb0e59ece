//! Which positions of a partition belong to which stream and tenant: pure, and made again from the partition's events.
//!
//! Memory: 16 bytes for each message, and some 200 for each stream.

use std::borrow::Cow;
use std::collections::HashMap;

use foodflow_domain::TenantId;
use uuid::Uuid;

use crate::event_log::{Direction, Position, StreamId};

/// The positions of a partition, up to its head as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Index {
    head: u64,
    /// Context and aggregate, by number.
    kinds: HashMap<(Cow<'static, str>, Cow<'static, str>), u32>,
    streams: HashMap<Key, Vec<u64>>,
    tenants: HashMap<TenantId, Vec<u64>>,
}

/// A stream; its kind by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    kind: u32,
    id: Uuid,
}

impl Index {
    /// The last position that is known.
    pub(super) const fn head(&self) -> Position {
        Position(self.head)
    }

    /// Takes in the message at the next position.
    pub(super) fn push(&mut self, tenant: TenantId, stream: &StreamId) {
        self.head += 1;
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        let kind = *self.kinds.entry((stream.context.clone(), stream.aggregate.clone())).or_insert(next);
        self.streams.entry(Key { tenant, kind, id: stream.id }).or_default().push(self.head);
        self.tenants.entry(tenant).or_default().push(self.head);
    }

    fn positions(&self, tenant: TenantId, stream: &StreamId) -> &[u64] {
        let kind = self.kinds.get(&(stream.context.clone(), stream.aggregate.clone()));
        let found = kind.and_then(|kind| self.streams.get(&Key { tenant, kind: *kind, id: stream.id }));
        found.map_or(&[], Vec::as_slice)
    }

    /// Where a stream ends; 0 where it has no messages.
    pub(super) fn end(&self, tenant: TenantId, stream: &StreamId) -> Position {
        Position(self.positions(tenant, stream).last().copied().unwrap_or(0))
    }

    /// At most `limit` positions of a stream after `after`, and whether these are all.
    pub(super) fn of_stream(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> (Vec<u64>, bool) {
        let positions = self.positions(tenant, stream);
        let rest = &positions[positions.partition_point(|position| *position <= after.0)..];
        let taken = rest.len().min(limit);
        (rest[..taken].to_vec(), taken == rest.len())
    }

    /// At most `limit` positions of a tenant from `from`, which is left out, on or back; in the order of the direction.
    pub(super) fn of_tenant(
        &self,
        tenant: TenantId,
        from: Position,
        direction: Direction,
        limit: usize,
    ) -> Vec<u64> {
        let positions = self.tenants.get(&tenant).map_or(&[][..], Vec::as_slice);
        match direction {
            Direction::Forward => {
                let start = positions.partition_point(|position| *position <= from.0);
                positions[start..].iter().take(limit).copied().collect()
            }
            Direction::Backward => {
                let end = positions.partition_point(|position| *position < from.0);
                positions[..end].iter().rev().take(limit).copied().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TenantId = TenantId(Uuid::from_u128(1));
    const OTHER: TenantId = TenantId(Uuid::from_u128(2));

    fn stream(aggregate: &'static str, number: u128) -> StreamId {
        StreamId::new("food_graph", aggregate, Uuid::from_u128(number))
    }

    fn index() -> Index {
        let mut index = Index::default();
        for (tenant, aggregate, number) in
            [(ONE, "batch", 1), (OTHER, "batch", 1), (ONE, "batch", 1), (ONE, "sku", 1), (ONE, "batch", 1)]
        {
            index.push(tenant, &stream(aggregate, number));
        }
        index
    }

    #[test]
    fn a_stream_is_one_of_a_tenant_a_kind_and_an_id() {
        let index = index();
        assert_eq!(index.head(), Position(5));
        assert_eq!(index.end(ONE, &stream("batch", 1)), Position(5));
        assert_eq!(index.end(OTHER, &stream("batch", 1)), Position(2));
        assert_eq!(index.end(ONE, &stream("sku", 1)), Position(4));
        assert_eq!(index.end(ONE, &stream("batch", 2)), Position(0));
        assert_eq!(index.end(ONE, &stream("receipt", 1)), Position(0));
        let of = |after, limit| index.of_stream(ONE, &stream("batch", 1), Position(after), limit);
        assert_eq!(of(0, 9), (vec![1, 3, 5], true));
        assert_eq!(of(1, 1), (vec![3], false));
        assert_eq!(of(5, 1), (vec![], true));
    }

    #[test]
    fn a_tenant_is_walked_both_ways() {
        let index = index();
        let of = |from, direction, limit| index.of_tenant(ONE, Position(from), direction, limit);
        assert_eq!(of(0, Direction::Forward, 2), [1, 3]);
        assert_eq!(of(3, Direction::Forward, 9), [4, 5]);
        assert_eq!(of(u64::MAX, Direction::Backward, 2), [5, 4]);
        assert_eq!(of(4, Direction::Backward, 9), [3, 1]);
    }
}
