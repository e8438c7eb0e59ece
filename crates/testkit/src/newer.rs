//! What a newer version of the program appends to the log of a running one: events that it does not know.

use std::sync::Arc;

use anyhow::Context as _;
use foodflow_domain::TenantId;
use foodflow_log::embedded::EmbeddedLog;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{Commit, Envelope, NewMessage, PayloadHash, Position, SharedLog, StreamId};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::app::{TestApp, TestClient};

/// Another process that writes to the log of a program under test.
pub struct NewerProgram {
    log: SharedLog,
    tenant: TenantId,
}

impl NewerProgram {
    /// Writes for the tenant of `client`, which has some events, beside an embedded program.
    ///
    /// # Errors
    /// Where log or program do not answer.
    pub async fn embedded(app: &TestApp, client: &TestClient) -> anyhow::Result<Self> {
        let log = EmbeddedLog::open(&app.data().join("log.sqlite")).await?;
        Self::new(Arc::new(log), client).await
    }

    /// Writes for the tenant of `client`, which has some events, to the log at `url`.
    ///
    /// # Errors
    /// Where log or program do not answer.
    pub async fn on_nats(url: &str, client: &TestClient) -> anyhow::Result<Self> {
        let log = NatsLog::connect_existing(NatsConfig::new(url)).await?.context("there is no log")?;
        Self::new(Arc::new(log), client).await
    }

    async fn new(log: SharedLog, client: &TestClient) -> anyhow::Result<Self> {
        let events = client.get("/v1/events?limit=1").await?.ok();
        let tenant = events[0]["tenantid"].as_str().context("the tenant has no event")?;
        Ok(Self { log, tenant: TenantId(tenant.parse()?) })
    }

    /// Appends one event to the stream of `aggregate` with this id, chained to the one before; answers its position.
    ///
    /// # Errors
    /// Where the log refuses.
    pub async fn append(
        &self,
        aggregate: &'static str,
        id: Uuid,
        event_type: &str,
        data: &Value,
    ) -> anyhow::Result<u64> {
        let (stream, now) = (StreamId::new("food_graph", aggregate, id), Timestamp::now());
        let known = self.log.load(self.tenant, &stream, Position(0)).await?;
        let last = known.last().map(|message| Envelope::decode_batch(&message.payload)).transpose()?;
        let sequence = last.as_ref().and_then(|events| events.last()).map_or(0, |event| event.sequence);
        let command = Uuid::now_v7();
        let event = Envelope {
            specversion: "1.0".to_owned(),
            id: Uuid::now_v7(),
            source: format!("foodflow/{}", self.tenant),
            event_type: event_type.to_owned(),
            subject: format!("{aggregate}/{id}"),
            time: now,
            datacontenttype: "application/json".to_owned(),
            tenantid: self.tenant,
            actor: "a newer program".to_owned(),
            commandid: command,
            commandhash: PayloadHash::default(),
            correlationid: command,
            causationid: None,
            commitindex: 0,
            commitsize: 1,
            sequence: sequence + 1,
            prevhash: known
                .last()
                .map_or_else(PayloadHash::default, |message| PayloadHash::of(&message.payload)),
            data: serde_json::value::to_raw_value(data)?,
        };
        let expected = known.last().map_or(Position(0), |message| message.position);
        self.commit(stream, expected, now, Envelope::encode_batch(&[event])?).await
    }

    /// Appends what need not be an event to a new stream of `aggregate`; answers its position.
    ///
    /// # Errors
    /// Where the log refuses.
    pub async fn append_raw(&self, aggregate: &'static str, payload: &[u8]) -> anyhow::Result<u64> {
        let stream = StreamId::new("food_graph", aggregate, Uuid::now_v7());
        self.commit(stream, Position(0), Timestamp::now(), payload.to_vec()).await
    }

    async fn commit(
        &self,
        stream: StreamId,
        expected: Position,
        recorded_at: Timestamp,
        payload: Vec<u8>,
    ) -> anyhow::Result<u64> {
        let messages = vec![NewMessage { stream, expected, payload: payload.into() }];
        let commit = Commit { tenant: self.tenant, recorded_at, messages };
        Ok(self.log.append(commit).await?.last.0)
    }
}
