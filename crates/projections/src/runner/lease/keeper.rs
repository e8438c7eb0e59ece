//! The task that keeps a process's leases of one projection into one store, and tells the workers about them.
//!
//! Where a process has no workers it only looks, so that it can tell who holds what.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use foodflow_log::{Expected, Partition, RecordError, RecordKind, SharedRecords};
use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::LeaseTimes;
use super::book::{Action, Book, Holder, Outcome, WorkerSide};
use super::record::{Found, Purpose};
use super::tenure::Grant;
use crate::runner::state::WorkerState;
use crate::store::ReadModel;

/// Records that one question asks for.
const PAGE_RECORDS: usize = 500;

/// What is known of the leases, for status and readiness.
#[derive(Debug, Clone, Default)]
pub(in crate::runner) struct LeaseView {
    /// Who holds each partition that was ever taken.
    pub(in crate::runner) holders: BTreeMap<Partition, Holder>,
    /// Until when this process holds each partition of its own.
    pub(in crate::runner) own: BTreeMap<Partition, Instant>,
    /// The partitions that nobody has had for as long as it takes a lease to die.
    pub(in crate::runner) unwanted: BTreeSet<Partition>,
    /// Why the leases could not be read or written the last time.
    pub(in crate::runner) error: Option<String>,
    /// Whether they were ever read.
    pub(in crate::runner) looked: bool,
}

/// A worker, as its keeper sees it.
pub(in crate::runner) struct Kept {
    pub(in crate::runner) grant: watch::Sender<Grant>,
    pub(in crate::runner) state: watch::Receiver<WorkerState>,
}

/// Keeps the leases of one projection into one store.
pub(in crate::runner) struct Keeper {
    pub(in crate::runner) records: SharedRecords,
    pub(in crate::runner) store: Arc<dyn ReadModel>,
    pub(in crate::runner) projection: &'static str,
    pub(in crate::runner) times: LeaseTimes,
    pub(in crate::runner) book: Book,
    /// One per partition; none where this process only looks.
    pub(in crate::runner) workers: BTreeMap<Partition, Kept>,
    pub(in crate::runner) partitions: u16,
    pub(in crate::runner) view: watch::Sender<LeaseView>,
    pub(in crate::runner) stop: CancellationToken,
}

/// Why a turn failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the leases cannot be read: {0}")]
    Records(#[from] RecordError),
    #[error("the leases cannot be found: {0}")]
    Store(#[from] crate::store::StoreError),
    #[error("{0} gives no answer within {1:?}")]
    Late(&'static str, std::time::Duration),
}

impl Keeper {
    /// Looks and keeps until the runner stops and its workers have ended; then gives everything back.
    pub(in crate::runner) async fn run(mut self) {
        let mut purpose = None;
        while !self.stop.is_cancelled() {
            let outcome = self.turn(&mut purpose).await;
            self.publish(outcome.err().map(|failure| failure.to_string()));
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(self.times.look_every()) => {}
            }
        }
        for worker in self.workers.values_mut() {
            // An error means that it is gone as well.
            let _ = worker.state.wait_for(|state| state.stopped.is_some()).await;
        }
        let actions = self.book.leave();
        if let Some(purpose) = &purpose {
            self.carry_out(purpose, actions).await;
        }
        self.publish(None);
    }

    async fn turn(&mut self, purpose: &mut Option<Purpose>) -> Result<(), Failure> {
        let purpose = match purpose {
            Some(purpose) => purpose,
            None => {
                let store = Arc::clone(&self.store);
                let identity = self.in_time("the store", store.identity()).await??;
                purpose.insert(Purpose::new(self.projection, identity))
            }
        };
        let found = self.find(purpose).await?;
        let now = Instant::now();
        self.book.look(now, found);
        if self.workers.is_empty() {
            return Ok(());
        }
        let workers = &self.workers;
        let actions = self.book.plan(now, |partition| side(workers.get(&partition)));
        // What is given up is withdrawn from the workers before anybody else may take it.
        self.tell_workers();
        self.carry_out(purpose, actions).await;
        self.tell_workers();
        Ok(())
    }

    async fn find(&self, purpose: &Purpose) -> Result<Vec<Found>, Failure> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.records.list(RecordKind::Lease, purpose.prefix(), after.as_ref(), PAGE_RECORDS);
            let page = self.in_time("the event log", page).await??;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.key.clone());
            found.extend(page.iter().filter_map(|record| purpose.read(record)));
        }
    }

    async fn carry_out(&mut self, purpose: &Purpose, actions: Vec<Action>) {
        let carried = actions.into_iter().map(|action| self.carry_out_one(purpose, action));
        for (action, began, outcome) in join_all(carried).await {
            self.book.done(action, began, Instant::now(), outcome);
        }
    }

    async fn carry_out_one(&self, purpose: &Purpose, action: Action) -> (Action, Instant, Outcome) {
        let began = Instant::now();
        let outcome = match &action {
            Action::Write { place, note, expected } => {
                let key = purpose.key(*place);
                self.outcome(self.records.put(RecordKind::Lease, &key, note.encode(), *expected)).await
            }
            Action::Remove { place, revision } => {
                let (key, expected) = (purpose.key(*place), Expected::Revision(*revision));
                let delete = self.records.delete(RecordKind::Lease, &key, expected);
                self.outcome(async { delete.await.map(|()| 0) }).await
            }
        };
        (action, began, outcome)
    }

    async fn outcome(&self, write: impl Future<Output = Result<u64, RecordError>>) -> Outcome {
        match timeout(self.times.answer(), write).await {
            Ok(Ok(revision)) => Outcome::Done(revision),
            Ok(Err(RecordError::Conflict { .. })) => Outcome::Conflict,
            Ok(Err(error)) => {
                tracing::debug!(projection = self.projection, %error, "a lease was not written");
                Outcome::Unknown
            }
            Err(_) => Outcome::Unknown,
        }
    }

    async fn in_time<T>(&self, who: &'static str, answer: impl Future<Output = T>) -> Result<T, Failure> {
        let limit = self.times.answer();
        timeout(limit, answer).await.map_err(|_| Failure::Late(who, limit))
    }

    fn tell_workers(&self) {
        for (partition, worker) in &self.workers {
            let (until, returning) = (self.book.held_until(*partition), self.book.is_returning(*partition));
            worker.grant.send_if_modified(|grant| {
                let new = Grant { until, returning };
                let changed = *grant != new;
                if changed && grant.until.is_some() != until.is_some() {
                    let (projection, partition) = (self.projection, partition.0);
                    match until {
                        Some(_) => {
                            tracing::info!(projection, partition, "this process has the partition now")
                        }
                        None => {
                            tracing::info!(projection, partition, "this process has given the partition up")
                        }
                    }
                }
                *grant = new;
                changed
            });
        }
    }

    fn publish(&self, error: Option<String>) {
        let now = Instant::now();
        let partitions = || (0..self.partitions).map(Partition);
        let holders = partitions().filter_map(|one| Some((one, self.book.holder(now, one)?))).collect();
        let own = partitions().filter_map(|one| Some((one, self.book.held_until(one)?))).collect();
        let unwanted = partitions().filter(|one| self.book.is_unwanted(now, *one)).collect();
        self.view.send_modify(|view| {
            match (&view.error, &error) {
                (None, Some(error)) => tracing::warn!(projection = self.projection, %error, "no leases"),
                (Some(_), None) => tracing::info!(projection = self.projection, "the leases are there again"),
                _ => {}
            }
            let looked = view.looked || error.is_none();
            *view = LeaseView { holders, own, unwanted, error, looked };
        });
    }
}

fn side(worker: Option<&Kept>) -> WorkerSide {
    let Some(worker) = worker else { return WorkerSide::Gone };
    let state = worker.state.borrow();
    match (state.stopped.is_some(), state.working) {
        (true, _) => WorkerSide::Gone,
        (false, true) => WorkerSide::Busy,
        (false, false) => WorkerSide::Idle,
    }
}
