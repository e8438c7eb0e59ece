//! A plant that writes commits in order: several tenants, lots that come back, commits of one and of many messages.

use std::collections::HashMap;

use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::{Commit, Envelope, EventLog, NewMessage, Partition, PayloadHash, Position, StreamId};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Where a stream ends.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    position: Position,
    sequence: u64,
    hash: PayloadHash,
}

/// Numbers that are the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2) + 1)
    }

    /// Less than `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Writes to one log, as its only writer.
pub(crate) struct Plant {
    ends: HashMap<(TenantId, StreamId), End>,
    tenants: Vec<TenantId>,
    random: Random,
    commands: u64,
}

impl Plant {
    /// With three tenants in each of four partitions.
    pub(crate) fn new(seed: u64) -> Self {
        let tenant = |number: u128| TenantId(Uuid::from_u128(number << 70 | number));
        let of = |partition| {
            (1..).map(tenant).filter(move |one| Partition::of(*one, 4) == Partition(partition)).take(3)
        };
        let tenants = (0..4).flat_map(of).collect();
        Self { ends: HashMap::new(), tenants, random: Random::new(seed), commands: 0 }
    }

    pub(crate) fn tenants(&self) -> &[TenantId] {
        &self.tenants
    }

    /// Appends `count` commits as chance has them.
    pub(crate) async fn work(&mut self, log: &dyn EventLog, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let commit = self.next();
            self.append(log, commit).await?;
        }
        Ok(())
    }

    /// Appends one commit of this tenant to these lots.
    pub(crate) async fn commit(
        &mut self,
        log: &dyn EventLog,
        tenant: TenantId,
        lots: &[u64],
    ) -> anyhow::Result<()> {
        let commit = self.make(tenant, lots);
        self.append(log, commit).await
    }

    pub(crate) async fn append(&mut self, log: &dyn EventLog, commit: Commit) -> anyhow::Result<()> {
        let appended = log.append(commit.clone()).await?;
        for (message, position) in commit.messages.into_iter().zip(appended.first.0..) {
            let events = Envelope::decode_batch(&message.payload)?;
            let sequence = events.last().map_or(0, |last| last.sequence);
            let end = End { position: Position(position), sequence, hash: PayloadHash::of(&message.payload) };
            self.ends.insert((commit.tenant, message.stream), end);
        }
        Ok(())
    }

    fn next(&mut self) -> Commit {
        let tenant = self.tenants[self.random.below(12) as usize];
        let size = match self.random.below(10) {
            0..6 => 1,
            6..9 => 2 + self.random.below(4),
            _ => 6 + self.random.below(30),
        };
        let first = self.random.below(40);
        let lots: Vec<u64> = (0..size).map(|step| (first + step * 7) % 300).collect();
        let mut distinct = lots.clone();
        distinct.sort_unstable();
        distinct.dedup();
        self.make(tenant, &distinct)
    }

    /// The next commit of this tenant to these lots, not appended.
    pub(crate) fn make(&mut self, tenant: TenantId, lots: &[u64]) -> Commit {
        self.commands += 1;
        let recorded_at = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(self.commands as i64);
        let command = Uuid::from_u128(u128::from(self.commands));
        let (size, commands) = (lots.len() as u32, self.commands);
        let messages = (0_u32..).zip(lots).map(|(index, lot)| {
            let stream = StreamId::new("food_graph", "batch", Uuid::from_u128(u128::from(*lot)));
            let end = self.ends.get(&(tenant, stream.clone())).copied().unwrap_or_default();
            let events = 1 + self.commands % 3;
            let event = |number: u64| Envelope {
                specversion: "1.0".to_owned(),
                id: id(commands, index, number),
                source: format!("foodflow/{tenant}"),
                event_type: "foodflow.food_graph.batch.adjusted.v1".to_owned(),
                subject: format!("batch/{}", stream.id),
                time: recorded_at,
                datacontenttype: "application/json".to_owned(),
                tenantid: tenant,
                actor: "ana".to_owned(),
                commandid: command,
                commandhash: PayloadHash::of(command.as_bytes()),
                correlationid: command,
                causationid: None,
                commitindex: index,
                commitsize: size,
                sequence: end.sequence + number,
                prevhash: end.hash,
                data: RawValue::from_string(format!(r#"{{"note":"Käse {number}"}}"#)).expect("is JSON"),
            };
            let envelopes: Vec<_> = (1..=events).map(event).collect();
            let payload = Envelope::encode_batch(&envelopes).expect("is JSON");
            NewMessage { stream, expected: end.position, payload: Bytes::from(payload) }
        });
        let messages = messages.collect();
        Commit { tenant, recorded_at, messages }
    }
}

/// The id of an event, the same for the same seed.
fn id(command: u64, message: u32, event: u64) -> Uuid {
    let random = (u128::from(message) << 64) | u128::from(event);
    let bytes: [u8; 16] = random.to_be_bytes();
    let random: [u8; 10] = std::array::from_fn(|index| bytes[index + 6]);
    uuid::Builder::from_unix_timestamp_millis(command, &random).into_uuid()
}
