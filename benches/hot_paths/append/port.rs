//! Clients that append ready bytes through the log's port.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::{Commit, NewMessage, Position, SharedLog, StreamId};
use jiff::Timestamp;

use super::Kind;
use super::samples::Samples;
use crate::race::{Client, Clients, Competitor};
use crate::random::Random;

/// Clients of one tenant that is not the commands' one: these bytes make no sense as its events.
pub(super) fn competitor(log: &SharedLog, kind: Kind, clients: usize, samples: &Samples) -> Competitor {
    let tenant = TenantId(Random::next_part().id());
    let client = |_| -> Box<dyn Client> {
        let mut random = Random::next_part();
        let (log, payloads) = (Arc::clone(log), samples.payloads(kind).to_vec());
        match kind {
            Kind::Adjustment => {
                let stream = StreamId::new("food_graph", "batch", random.id());
                Box::new(Extending { log, tenant, stream, end: Position(0), payloads })
            }
            Kind::Receipt => Box::new(Creating { log, tenant, random, payloads }),
        }
    };
    Competitor { name: "log port", by: Clients::Here((0..clients).map(client).collect()) }
}

struct Extending {
    log: SharedLog,
    tenant: TenantId,
    stream: StreamId,
    end: Position,
    payloads: Vec<Bytes>,
}

#[async_trait]
impl Client for Extending {
    async fn once(&mut self) -> anyhow::Result<()> {
        let (expected, stream) = (self.end, &self.stream);
        let message =
            |payload: &Bytes| NewMessage { stream: stream.clone(), expected, payload: payload.clone() };
        let messages = self.payloads.iter().map(message).collect();
        let commit = Commit { tenant: self.tenant, recorded_at: Timestamp::now(), messages };
        self.end = self.log.append(commit).await?.last;
        Ok(())
    }
}

struct Creating {
    log: SharedLog,
    tenant: TenantId,
    random: Random,
    payloads: Vec<Bytes>,
}

#[async_trait]
impl Client for Creating {
    async fn once(&mut self) -> anyhow::Result<()> {
        let random = &mut self.random;
        let message = |payload: &Bytes| NewMessage {
            stream: StreamId::new("food_graph", "batch", random.id()),
            expected: Position(0),
            payload: payload.clone(),
        };
        let messages = self.payloads.iter().map(message).collect();
        let commit = Commit { tenant: self.tenant, recorded_at: Timestamp::now(), messages };
        self.log.append(commit).await?;
        Ok(())
    }
}
