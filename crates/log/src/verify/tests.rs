mod commits;
mod edits;
mod embedded_file;
mod envelopes;
mod resuming;

use std::collections::HashMap;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;
use crate::event_log::StreamId;

pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const OTHER: TenantId = TenantId(Uuid::from_u128(2));

/// Writes a correct partition, commit by commit.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) messages: Vec<StoredMessage>,
    ends: HashMap<(TenantId, StreamId), (PayloadHash, u64)>,
    commands: u128,
}

impl Writer {
    /// One commit: a message for each (lot, number of events).
    pub(crate) fn commit(&mut self, tenant: TenantId, parts: &[(u128, u64)]) -> &mut Self {
        let minutes = self.commands as i64;
        self.commit_at(tenant, parts, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes))
    }

    pub(crate) fn commit_at(
        &mut self,
        tenant: TenantId,
        parts: &[(u128, u64)],
        time: Timestamp,
    ) -> &mut Self {
        self.commands += 1;
        let command = Uuid::from_u128(self.commands);
        let size = u32::try_from(parts.len()).unwrap();
        for (index, (lot, events)) in (0_u32..).zip(parts) {
            let stream = StreamId::new("food_graph", "batch", Uuid::from_u128(*lot));
            let (prevhash, sequence) = self.ends.get(&(tenant, stream.clone())).copied().unwrap_or_default();
            let event = |number: u64| Envelope {
                specversion: "1.0".to_owned(),
                id: event_id(self.messages.len(), number),
                source: format!("foodflow/{tenant}"),
                event_type: "foodflow.food_graph.batch.adjusted.v1".to_owned(),
                subject: format!("batch/{}", stream.id),
                time,
                datacontenttype: "application/json".to_owned(),
                tenantid: tenant,
                actor: "ana".to_owned(),
                commandid: command,
                commandhash: PayloadHash::of(b"command"),
                correlationid: command,
                causationid: None,
                commitindex: index,
                commitsize: size,
                sequence: sequence + number,
                prevhash,
                data: RawValue::from_string(format!(r#"{{"quantity":"{number}.5"}}"#)).unwrap(),
            };
            let envelopes: Vec<_> = (1..=*events).map(event).collect();
            let payload = Envelope::encode_batch(&envelopes).unwrap();
            self.ends.insert((tenant, stream.clone()), (PayloadHash::of(&payload), sequence + events));
            let position = Position(self.messages.len() as u64 + 1);
            self.messages.push(StoredMessage {
                partition: Partition(0),
                position,
                tenant,
                stream,
                payload: payload.into(),
            });
        }
        self
    }

    /// Three lots of two tenants, seven messages in five commits.
    ///
    /// | position | tenant | lot | commit |
    /// |---|---|---|---|
    /// | 1, 2 | 1 | 10, 11 | of two |
    /// | 3 | 2 | 10 | |
    /// | 4 | 1 | 10 | |
    /// | 5, 6 | 1 | 11, 10 | of two |
    /// | 7 | 1 | 10 | |
    pub(crate) fn plant() -> Vec<StoredMessage> {
        let mut writer = Self::default();
        writer.commit(TENANT, &[(10, 2), (11, 1)]).commit(OTHER, &[(10, 1)]).commit(TENANT, &[(10, 1)]);
        writer.commit(TENANT, &[(11, 3), (10, 1)]).commit(TENANT, &[(10, 1)]);
        writer.messages
    }
}

/// The id of an event, always the same: tests compare one plant with another.
fn event_id(message: usize, number: u64) -> Uuid {
    let counted = (message as u64 * 1_000 + number).to_be_bytes();
    let mut random = [0; 10];
    random[2..].copy_from_slice(&counted);
    uuid::Builder::from_unix_timestamp_millis(1, &random).into_uuid()
}

fn verify_with(mut verifier: ChainVerifier, messages: &[StoredMessage]) -> Result<Verified, BrokenLink> {
    messages.iter().try_for_each(|message| verifier.check(message).map(drop))?;
    verifier.finish()
}

fn verify(messages: &[StoredMessage]) -> Result<Verified, BrokenLink> {
    verify_with(ChainVerifier::new(), messages)
}

/// The broken link of `messages`: where it shows, and which rule.
fn broken(messages: &[StoredMessage]) -> (u64, Rule, BrokenLink) {
    let link = verify(messages).unwrap_err();
    (link.position.0, link.rule, link)
}

/// Gives every message the position that it has in the list.
fn renumbered(mut messages: Vec<StoredMessage>) -> Vec<StoredMessage> {
    for (number, message) in (1..).zip(&mut messages) {
        message.position = Position(number);
    }
    messages
}

/// Edits the events of one message.
fn edit(message: &mut StoredMessage, change: impl FnMut(&mut Envelope)) {
    let mut events = Envelope::decode_batch(&message.payload).unwrap();
    events.iter_mut().for_each(change);
    message.payload = Envelope::encode_batch(&events).unwrap().into();
}
