//! Follows the log in every process that serves: lets go of who is forgotten, whoever forgot them, and finishes what was
//! decided and is not done.
//!
//! Nobody holds a lease: each step of an erasure is safe to repeat, and of several records one is written. The processes
//! begin at different times after the decision, so that mostly one of them has something to do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foodflow_commands::identity::authenticate::actor_of_user;
use foodflow_domain::ids::PersonId;
use foodflow_log::{LogError, Partition, Position, SharedLog};
use foodflow_projections::keys::{KeyStore, KeyStoreError};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use metrics::{Unit, describe_gauge, gauge};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Eraser;
use super::undone::{Decision, Heard, UNDONE_MAX, Whom, settle, settled};
use crate::tokens::voiding::of_actor;

/// After so long what was decided and is not done is worth an operator's look.
pub const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// How long who was asked to erase somebody is left alone with it.
const LEFT_ALONE: Duration = Duration::from_secs(8);
/// How far apart processes begin, at most.
const APART: Duration = Duration::from_secs(4);
/// How often is looked whether something is to be done.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long one erasure may take.
const ERASED_WITHIN: Duration = Duration::from_secs(300);
/// Pauses between tries of one erasure.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// How often is written down up to where everything is done.
const SETTLED_EVERY: Duration = Duration::from_secs(60);
/// Who finishes what others left.
const ACTOR: &str = "foodflow";

/// Gauge: erasures that were decided and are not done.
pub const UNDONE: &str = "foodflow_erasures_undone";
/// Gauge: those of them that were decided more than [`OVERDUE_AFTER`] ago.
pub const OVERDUE: &str = "foodflow_erasures_overdue";

/// An erasure that is to be done.
struct Waiting {
    decision: Decision,
    since: Timestamp,
    try_at: Instant,
    pause: Duration,
}

/// What a process knows of erasures that are not done. Cheap to clone.
#[derive(Clone)]
pub struct Erasures(Arc<Inner>);

struct Inner {
    log: SharedLog,
    eraser: Eraser,
    keys: Arc<dyn KeyStore>,
    apart: Duration,
    waiting: Mutex<BTreeMap<Whom, Waiting>>,
}

impl Erasures {
    /// What is known before the log is followed: nothing.
    #[must_use]
    pub fn new(eraser: Eraser, keys: Arc<dyn KeyStore>) -> Self {
        let log = Arc::clone(eraser.executor.log());
        let share = Uuid::new_v4().as_bytes()[0];
        let apart = APART.mul_f64(f64::from(share) / f64::from(u8::MAX));
        Self(Arc::new(Inner { log, eraser, keys, apart, waiting: Mutex::default() }))
    }

    /// What carries them out.
    #[must_use]
    pub fn eraser(&self) -> &Eraser {
        &self.0.eraser
    }

    /// Follows every partition, and does what is to be done, until `stop` is cancelled.
    #[must_use]
    pub fn start(&self, stop: &CancellationToken) -> JoinHandle<()> {
        describe_gauge!(UNDONE, Unit::Count, "Erasures of people that were decided and are not done");
        describe_gauge!(OVERDUE, Unit::Count, "Of them, those that were decided more than a minute ago");
        let (this, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            let partitions = (0..this.0.log.partition_count()).map(Partition);
            let following = partitions.map(|partition| this.follow(partition));
            let work = async { tokio::join!(futures::future::join_all(following), this.finish_all()) };
            // Dropped where it waits: every step may be repeated.
            stop.run_until_cancelled(Box::pin(work)).await;
        })
    }

    /// How many are overdue.
    #[must_use]
    pub fn overdue(&self) -> usize {
        let now = Timestamp::now();
        self.waiting().values().filter(|waiting| is_overdue(waiting.since, now)).count()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Whom, Waiting>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(&self, partition: Partition) {
        let mut after = None;
        loop {
            if let Err(error) = self.follow_from(partition, &mut after).await {
                tracing::warn!(partition = partition.0, %error, "erasures are not followed; trying again");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Takes in one message after the other, from `after` on, which moves with them.
    async fn follow_from(&self, partition: Partition, after: &mut Option<Position>) -> Result<(), LogError> {
        let log = &self.0.log;
        let head = log.head(partition).await?;
        let mut written = settled(log.as_ref(), partition).await?;
        let mut read = after.unwrap_or(written);
        let mut messages = log.subscribe(partition, None, read).await?;
        let mut tick = tokio::time::interval(SETTLED_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message.transpose()? else { return Ok(()) };
                    if let Some(heard) = Heard::of(&message) {
                        // What came before has been opened by nobody here, or is let go when it is done.
                        if message.position > head {
                            self.let_go(heard.whom()).await;
                        }
                        self.take(heard).await;
                    }
                    read = message.position;
                    *after = Some(read);
                }
                _ = tick.tick() => {
                    let position = self.settled_at(partition, read);
                    if position > written {
                        settle(log.as_ref(), partition, position).await?;
                        written = position;
                    }
                }
            }
        }
    }

    /// Nothing that was opened before is remembered here, and no token of theirs is taken.
    async fn let_go(&self, (tenant, user_id): Whom) {
        let Eraser { executor, identity, .. } = &self.0.eraser;
        if let Err(error) = executor.let_go_of_person(tenant, PersonId(user_id.0)) {
            tracing::error!(%tenant, %user_id, %error, "what is remembered of a forgotten person is not let go of");
        }
        identity.forget(tenant);
        if let Err(error) = self.void_tokens((tenant, user_id)).await {
            tracing::warn!(%tenant, %user_id, %error, "tokens of a forgotten person are not void yet");
        }
    }

    async fn void_tokens(&self, (tenant, user_id): Whom) -> Result<(), KeyStoreError> {
        self.0.keys.revoke(&of_actor(tenant, actor_of_user(user_id))).await
    }

    async fn take(&self, heard: Heard) {
        let whom = heard.whom();
        match heard {
            Heard::Done(_) => drop(self.waiting().remove(&whom)),
            Heard::Decided(decision, since) => {
                while self.waiting().len() >= UNDONE_MAX {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                let age = Timestamp::now().duration_since(since).try_into().unwrap_or_default();
                let try_at = Instant::now() + LEFT_ALONE.saturating_sub(age) + self.0.apart;
                let waiting = Waiting { decision, since, try_at, pause: RETRY_AFTER };
                self.waiting().insert(whom, waiting);
            }
        }
    }

    /// Up to where everything is done, having read up to `read`.
    fn settled_at(&self, partition: Partition, read: Position) -> Position {
        let log = &self.0.log;
        let undone = self
            .waiting()
            .values()
            .filter(|waiting| log.partition_of(waiting.decision.tenant) == partition)
            .map(|waiting| waiting.decision.decided_at)
            .min();
        undone.map_or(read, |position| Position(position.0.saturating_sub(1)).min(read))
    }

    async fn finish_all(&self) {
        loop {
            let now = Instant::now();
            let due: Vec<Decision> = {
                let waiting = self.waiting();
                gauge!(UNDONE).set(waiting.len() as f64);
                waiting.values().filter(|one| one.try_at <= now).map(|one| one.decision.clone()).collect()
            };
            gauge!(OVERDUE).set(self.overdue() as f64);
            for decision in due {
                self.finish(&decision).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn finish(&self, decision: &Decision) {
        let (tenant, user_id) = (decision.tenant, decision.user_id);
        let whom = (tenant, user_id);
        let erasing = async {
            self.void_tokens(whom).await.map_err(|error| error.to_string())?;
            self.0.eraser.finish(decision, ACTOR).await.map_err(|error| error.to_string())
        };
        let outcome = tokio::time::timeout(ERASED_WITHIN, Box::pin(erasing)).await;
        let error = match outcome {
            Ok(Ok(_)) => {
                tracing::info!(%tenant, %user_id, "finished an erasure that was decided and not done");
                self.waiting().remove(&whom);
                return;
            }
            Ok(Err(error)) => error,
            Err(_) => format!("it takes longer than {} s", ERASED_WITHIN.as_secs()),
        };
        if let Some(waiting) = self.waiting().get_mut(&whom) {
            tracing::error!(%tenant, %user_id, %error, "an erasure that was decided is not done; trying again");
            waiting.try_at = Instant::now() + waiting.pause;
            waiting.pause = (waiting.pause * 2).min(RETRY_AFTER_MAX);
        }
    }
}

/// Whether what was decided then should be done by `now`.
#[must_use]
pub fn is_overdue(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) > OVERDUE_AFTER
}
