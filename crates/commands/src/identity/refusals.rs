//! Refusals, written down in the background: nobody waits for it, and nobody can fill the log by being refused.
//!
//! What is alike within a moment is one event with a count. Beyond a bound of different ones they are counted and not
//! written; the meter `foodflow_refusals_dropped_total` and a warning say so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_domain::identity::access::{AccessCommand, AccessJournal, AccessRefused};
use foodflow_domain::ids::{self, CommandId};
use foodflow_log::{PayloadHash, StreamId};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::CommandError;
use crate::execute::{CommandMeta, Executor, Operation, Reply, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// Refusals that wait to be taken in; more are counted alone.
const WAITING_MAX: usize = 1_024;
/// Different refusals of one moment that are written; more are counted alone.
const DIFFERENT_MAX: usize = 256;
/// Refusals in one message.
const EVENTS_MAX: usize = 100;
/// How long alike ones are gathered.
const MOMENT: Duration = Duration::from_secs(1);
/// How often one process writes again what it could not write.
const TRIES_MAX: usize = 3;

/// Where refusals are told. Cheap to clone.
#[derive(Clone)]
pub struct Refusals {
    queue: mpsc::Sender<(TenantId, AccessRefused)>,
}

impl Refusals {
    /// Writes refusals down until `stop`, and what waits then.
    #[must_use]
    pub fn start(executor: Arc<Executor>, stop: CancellationToken) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write_all(executor, waiting, stop));
        Self { queue }
    }

    /// Tells one; never waits.
    pub fn tell(&self, tenant: TenantId, refused: AccessRefused) {
        if self.queue.try_send((tenant, refused)).is_err() {
            dropped(1);
        }
    }
}

fn dropped(count: u64) {
    metrics::counter!("foodflow_refusals_dropped_total").increment(count);
    tracing::warn!(count, "refusals were not written down: there are too many at once");
}

type Gathered = HashMap<(TenantId, String), AccessRefused>;

async fn write_all(
    executor: Arc<Executor>,
    mut waiting: mpsc::Receiver<(TenantId, AccessRefused)>,
    stop: CancellationToken,
) {
    let journal = Uuid::now_v7();
    loop {
        let first = tokio::select! {
            first = waiting.recv() => first,
            () = stop.cancelled() => waiting.try_recv().ok(),
        };
        let Some((tenant, refused)) = first else { return };
        let mut gathered = Gathered::new();
        gather(&mut gathered, tenant, refused);
        let pause = tokio::time::sleep(MOMENT);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                biased;
                () = &mut pause => break,
                () = stop.cancelled() => break,
                next = waiting.recv() => match next {
                    Some((tenant, refused)) => gather(&mut gathered, tenant, refused),
                    None => break,
                },
            }
        }
        while let Ok((tenant, refused)) = waiting.try_recv() {
            gather(&mut gathered, tenant, refused);
        }
        write(&executor, journal, gathered).await;
    }
}

fn gather(gathered: &mut Gathered, tenant: TenantId, refused: AccessRefused) {
    let address =
        refused.origin.as_ref().and_then(|origin| origin.value()).map(|origin| origin.address.as_str());
    let key = format!(
        "{:?} {} {} {:?} {address:?}",
        refused.actor, refused.operation, refused.code, refused.permission
    );
    if let Some(alike) = gathered.get_mut(&(tenant, key.clone())) {
        alike.count = alike.count.saturating_add(refused.count);
    } else if gathered.len() < DIFFERENT_MAX {
        gathered.insert((tenant, key), refused);
    } else {
        dropped(u64::from(refused.count));
    }
}

async fn write(executor: &Executor, journal: Uuid, gathered: Gathered) {
    let mut by_tenant: HashMap<TenantId, Vec<AccessRefused>> = HashMap::new();
    for ((tenant, _), refused) in gathered {
        by_tenant.entry(tenant).or_default().push(refused);
    }
    let day = Timestamp::now().strftime("%Y-%m-%d").to_string();
    for (tenant, refused) in by_tenant {
        for refused in refused.chunks(EVENTS_MAX) {
            let outcome = note(executor, tenant, journal, &day, refused).await;
            if let Err(error) = outcome {
                tracing::warn!(%tenant, %error, "refusals were not written down");
                dropped(refused.iter().map(|refused| u64::from(refused.count)).sum());
            }
        }
    }
}

/// Writes some of one tenant down. The address of somebody who was forgotten is not: it could not be sealed, and would keep the
/// others from being written.
async fn note(
    executor: &Executor,
    tenant: TenantId,
    journal: Uuid,
    day: &str,
    refused: &[AccessRefused],
) -> Result<(), CommandError> {
    match try_note(executor, tenant, journal, day, refused.to_vec()).await {
        Err(CommandError::PersonForgotten) => {}
        outcome => return outcome,
    }
    for one in refused {
        let outcome = try_note(executor, tenant, journal, day, vec![one.clone()]).await;
        if matches!(outcome, Err(CommandError::PersonForgotten)) {
            let one = AccessRefused { origin: None, ..one.clone() };
            try_note(executor, tenant, journal, day, vec![one]).await?;
        } else {
            outcome?;
        }
    }
    Ok(())
}

/// Writes some down, several times where that does not succeed.
async fn try_note(
    executor: &Executor,
    tenant: TenantId,
    journal: Uuid,
    day: &str,
    refused: Vec<AccessRefused>,
) -> Result<(), CommandError> {
    let note = NoteRefusals { journal: ids::named(tenant, "journal", &format!("{journal}/{day}")), refused };
    let command_id = Uuid::now_v7();
    let meta = CommandMeta {
        tenant,
        actor: "foodflow".to_owned(),
        command_id: CommandId(command_id),
        repeatable: false,
        command_hash: PayloadHash::of(command_id.as_bytes()),
        correlation_id: command_id,
        causation_id: None,
        if_match: None,
    };
    let mut outcome = executor.execute(&meta, &note).await;
    for _ in 1..TRIES_MAX {
        if matches!(outcome, Ok(_) | Err(CommandError::PersonForgotten)) {
            break;
        }
        tokio::time::sleep(MOMENT).await;
        outcome = executor.execute(&meta, &note).await;
    }
    outcome.map(drop)
}

/// Writes refusals down.
#[derive(Debug, Clone, PartialEq)]
struct NoteRefusals {
    journal: Uuid,
    refused: Vec<AccessRefused>,
}

impl Operation for NoteRefusals {
    type Primary = AccessJournal;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<AccessJournal>("refusals", self.journal, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<AccessJournal>(self.journal)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        unit.decide::<AccessJournal>(self.journal, AccessCommand::Note(self.refused.clone()), "").await
    }
}
