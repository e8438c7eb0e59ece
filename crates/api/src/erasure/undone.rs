//! Erasures that the log says are decided and does not say are done.

use std::collections::BTreeMap;

use bytes::Bytes;
use foodflow_commands::unit::stream_of;
use foodflow_domain::TenantId;
use foodflow_domain::identity::user::User;
use foodflow_domain::ids::UserId;
use foodflow_log::{
    Direction, Envelope, EventLog, Expected, LogError, Partition, Position, ReadQuery, RecordError,
    RecordKey, RecordKind, StoredMessage,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Erasures that are kept in mind at a time; whoever follows the log waits with further ones.
pub const UNDONE_MAX: usize = 10_000;
/// Messages that are read at a time.
const PAGE_MESSAGES: usize = 1_000;
/// The type of the event that decides, and of the one that says that it is done.
const DECIDED: &str = "foodflow.identity.user.forgotten.v1";
const DONE: &str = "foodflow.identity.user.erased.v1";

/// A user, and of which tenant.
pub type Whom = (TenantId, UserId);

/// That a user is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user_id: UserId,
    /// On what ground.
    pub reason: String,
    /// Where that stands in the log.
    pub decided_at: Position,
}

/// What a message says of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It was decided, and when.
    Decided(Decision, Timestamp),
    /// It is done.
    Done(Whom),
}

impl Heard {
    /// What `message` says; nothing, as nearly all of them. What cannot be read is passed over: it waits in quarantine.
    #[must_use]
    pub fn of(message: &StoredMessage) -> Option<Self> {
        #[derive(Deserialize)]
        struct Facts {
            reason: String,
        }
        let ours = stream_of::<User>(Uuid::nil());
        if message.stream.context != ours.context || message.stream.aggregate != ours.aggregate {
            return None;
        }
        let (tenant, user_id) = (message.tenant, UserId(message.stream.id));
        let events = Envelope::decode_batch(&message.payload).ok()?;
        events.iter().rev().find_map(|event| match event.event_type.as_str() {
            DONE => Some(Self::Done((tenant, user_id))),
            DECIDED => {
                let Facts { reason } = serde_json::from_str(event.data.get()).ok()?;
                let decided_at = message.position;
                Some(Self::Decided(Decision { tenant, user_id, reason, decided_at }, event.time))
            }
            _ => None,
        })
    }

    /// Whom it is about.
    #[must_use]
    pub const fn whom(&self) -> Whom {
        match self {
            Self::Decided(decision, _) => (decision.tenant, decision.user_id),
            Self::Done(whom) => *whom,
        }
    }
}

/// Up to where everything that was decided is done, so that nobody need look there again. The log has the last word: a
/// position that it does not reach counts for nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Settled {
    position: u64,
}

fn place(partition: Partition) -> Result<RecordKey, LogError> {
    RecordKey::new(format!("erasures.{}", partition.0))
        .map_err(|error| LogError::Configuration { reason: error.to_string() })
}

fn log_error(error: RecordError) -> LogError {
    match error {
        RecordError::Log(error) => error,
        error => LogError::Unavailable { reason: error.to_string() },
    }
}

/// Up to where everything is settled.
///
/// # Errors
/// Where the log does not answer.
pub async fn settled(log: &dyn EventLog, partition: Partition) -> Result<Position, LogError> {
    let record = log.records().get(RecordKind::Follower, &place(partition)?).await.map_err(log_error)?;
    let found = record.and_then(|record| serde_json::from_slice::<Settled>(&record.value).ok());
    let position = Position(found.unwrap_or_default().position);
    Ok(if position > log.head(partition).await? { Position(0) } else { position })
}

/// Writes down up to where everything is settled. Whoever is last has the say: an earlier position costs a look.
///
/// # Errors
/// Where the log does not answer.
pub async fn settle(log: &dyn EventLog, partition: Partition, position: Position) -> Result<(), LogError> {
    let value = serde_json::to_vec(&Settled { position: position.0 });
    let value = value.map_err(|error| LogError::Configuration { reason: error.to_string() })?;
    let records = log.records();
    let put = records.put(RecordKind::Follower, &place(partition)?, Bytes::from(value), Expected::Any).await;
    put.map(drop).map_err(log_error)
}

/// What is decided in a partition and not done, and since when, in order of decision.
///
/// # Errors
/// Where the log does not answer.
pub async fn undone(
    log: &dyn EventLog,
    partition: Partition,
) -> Result<Vec<(Decision, Timestamp)>, LogError> {
    let (mut from, mut undone) = (settled(log, partition).await?, BTreeMap::new());
    loop {
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: PAGE_MESSAGES };
        let messages = log.read(partition, query).await?;
        let Some(last) = messages.last() else { break };
        from = last.position;
        for heard in messages.iter().filter_map(Heard::of) {
            match heard {
                Heard::Decided(decision, at) if undone.len() < UNDONE_MAX => {
                    undone.insert((decision.tenant, decision.user_id), (decision, at));
                }
                Heard::Decided(..) => {}
                Heard::Done(whom) => drop(undone.remove(&whom)),
            }
        }
    }
    let mut undone: Vec<_> = undone.into_values().collect();
    undone.sort_by_key(|(decision, _)| decision.decided_at);
    Ok(undone)
}
