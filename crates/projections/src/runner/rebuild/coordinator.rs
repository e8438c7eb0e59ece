//! The course of a rebuild: fill beside, catch up, compare, switch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use foodflow_log::{Partition, Position, SharedLog};
use tokio::time::Instant;

use super::filling::{Applied, Filling, Means};
use super::holds::Holds;
use super::report::{
    Comparison, Outcome, RebuildError, RebuildProgress, RebuildReport, RebuildRequest, RebuildStage,
    SwitchPolicy, Verdict,
};
use crate::store::generations::{Compared, Generations, RebuildScope, Role};
use crate::store::quarantine::Quarantine;
use crate::store::{Claim, Sink, StoreError, Survey};

/// How often the live position is followed before the projectors are stopped in any case: a log that grows faster than
/// the store takes it is never reached.
const ROUNDS_MAX: usize = 20;
/// How often the switch is tried where somebody else claimed a partition between.
const SWITCHES_MAX: usize = 3;
/// How often a live generation that is behind is looked at.
const LIVE_POLL: Duration = Duration::from_millis(50);

/// One rebuild.
pub(super) struct Coordinator<'a, C: Send + 'static> {
    pub(super) means: Means<C>,
    pub(super) store: Arc<dyn Generations<C>>,
    scope: RebuildScope,
    partitions: Vec<Partition>,
    fillings: Vec<Filling<C>>,
    on_progress: &'a mut (dyn FnMut(RebuildProgress) + Send + Sync),
    began: Instant,
    held: Duration,
    /// What fillings applied which were given up.
    given_up: Applied,
}

/// Why a switch did not take place.
enum NotSwitched {
    /// Somebody claimed a partition meanwhile: compare again.
    Moved,
    Failed(RebuildError),
}

impl<E: Into<RebuildError>> From<E> for NotSwitched {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a, C: Clone + Send + Sync + 'static> Coordinator<'a, C> {
    pub(super) fn new(
        means: Means<C>,
        store: Arc<dyn Generations<C>>,
        scope: RebuildScope,
        on_progress: &'a mut (dyn FnMut(RebuildProgress) + Send + Sync),
    ) -> Self {
        let partitions = partitions(&means.log, scope);
        let (fillings, held, given_up) = (Vec::new(), Duration::ZERO, Applied::default());
        Self { means, store, scope, partitions, fillings, on_progress, began: Instant::now(), held, given_up }
    }

    /// Rebuilds as `request` says.
    pub(super) async fn rebuild(mut self, request: &RebuildRequest) -> Result<RebuildReport, RebuildError> {
        if self.scope == RebuildScope::All && self.is_empty().await? {
            return self.fill_empty().await;
        }
        let sink = self.open_beside(&request.filled_by).await?;
        self.claim_all(&sink).await?;
        for _ in 0..SWITCHES_MAX {
            self.keep_behind_live(&request.filled_by).await?;
            self.come_close().await?;
            let comparisons = self.compare_all().await?;
            let identical = comparisons.iter().all(|one| one.verdict == Verdict::Identical);
            match request.switch {
                SwitchPolicy::IfDifferent | SwitchPolicy::Never if identical => {
                    self.means.retry.store(|| self.store.discard()).await?;
                    return self.report(Outcome::Kept, comparisons).await;
                }
                SwitchPolicy::Never => return self.report(Outcome::LeftBeside, comparisons).await,
                SwitchPolicy::IfDifferent | SwitchPolicy::Always => {}
            }
            match self.switch().await {
                Ok(()) => return self.report(Outcome::Switched, comparisons).await,
                Err(NotSwitched::Moved) => {}
                Err(NotSwitched::Failed(error)) => return Err(error),
            }
        }
        Err(RebuildError::NeverStill { tries: SWITCHES_MAX })
    }

    /// Brings the reopened generation that `sink` writes up to date and switches to it.
    pub(super) async fn go_back(mut self, sink: Arc<dyn Sink<C>>) -> Result<RebuildReport, RebuildError> {
        self.claim_all(&sink).await?;
        for _ in 0..SWITCHES_MAX {
            self.come_close().await?;
            match self.switch().await {
                Ok(()) => return self.report(Outcome::Switched, Vec::new()).await,
                Err(NotSwitched::Moved) => {}
                Err(NotSwitched::Failed(error)) => return Err(error),
            }
        }
        Err(RebuildError::NeverStill { tries: SWITCHES_MAX })
    }

    async fn open_beside(&self, filled_by: &str) -> Result<Arc<dyn Sink<C>>, StoreError> {
        self.means.retry.store(|| self.store.beside(self.scope, filled_by)).await
    }

    async fn claim_all(&mut self, sink: &Arc<dyn Sink<C>>) -> Result<(), StoreError> {
        self.given_up = self.applied();
        self.fillings.clear();
        for partition in &self.partitions {
            self.fillings.push(Filling::claim(&self.means, sink, self.scope, *partition).await?);
        }
        Ok(())
    }

    async fn live(&self, partition: Partition) -> Result<Position, StoreError> {
        Ok(self.means.retry.store(|| self.store.checkpoint(partition)).await?.position)
    }

    async fn head(&self, partition: Partition) -> Result<Position, RebuildError> {
        Ok(self.means.retry.log(|| self.means.log.head(partition)).await?)
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        for partition in &self.partitions {
            if self.live(*partition).await? > Position(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills a live generation that holds nothing, as its projector would: there is nothing to protect.
    async fn fill_empty(mut self) -> Result<RebuildReport, RebuildError> {
        let live: Arc<dyn Sink<C>> = self.store.clone();
        self.claim_all(&live).await?;
        for index in 0..self.fillings.len() {
            let until = self.head(self.partitions[index]).await?;
            self.fill(index, until, RebuildStage::Filling).await?;
        }
        self.report(Outcome::Filled, Vec::new()).await
    }

    async fn fill(&mut self, index: usize, until: Position, stage: RebuildStage) -> Result<(), RebuildError> {
        self.fillings[index].fill(&self.means, until, stage, self.on_progress).await
    }

    /// The two can be compared only where the live one stands, so the one beside must not be further: where a rebuild
    /// was interrupted behind that point it waits for the live one, or begins anew where that does not get on.
    async fn keep_behind_live(&mut self, filled_by: &str) -> Result<(), RebuildError> {
        for index in 0..self.fillings.len() {
            let partition = self.partitions[index];
            let (mut seen, mut since) = (Position(0), Instant::now());
            loop {
                let (head, live) = (self.head(partition).await?, self.live(partition).await?);
                let position = self.fillings[index].position();
                if position <= live.min(head) {
                    break;
                }
                if live > seen {
                    (seen, since) = (live, Instant::now());
                }
                if position > head || since.elapsed() > self.means.options.stand_still {
                    tracing::info!(partition = partition.0, %position, %live, "the rebuild begins anew");
                    self.means.retry.store(|| self.store.discard()).await?;
                    let sink = self.open_beside(filled_by).await?;
                    return Ok(self.claim_all(&sink).await?);
                }
                tokio::time::sleep(LIVE_POLL).await;
            }
        }
        Ok(())
    }

    /// Follows the live generation until little is left.
    async fn come_close(&mut self) -> Result<(), RebuildError> {
        for _ in 0..ROUNDS_MAX {
            let mut behind = 0;
            for index in 0..self.fillings.len() {
                let partition = self.partitions[index];
                let until = self.live(partition).await?.min(self.head(partition).await?);
                behind += until.0.saturating_sub(self.fillings[index].position().0);
                self.fill(index, until, RebuildStage::Filling).await?;
                // A tenant that has no message there is that far all the same.
                if self.fillings[index].position() < until
                    && let Ok(checkpoint) = self.store.checkpoint(partition).await
                    && checkpoint.position == until
                {
                    self.fillings[index].advance(&self.means, &checkpoint).await?;
                }
            }
            if behind <= self.means.options.close_messages {
                break;
            }
        }
        Ok(())
    }

    async fn compare_all(&mut self) -> Result<Vec<Comparison>, RebuildError> {
        let mut comparisons = Vec::with_capacity(self.fillings.len());
        for index in 0..self.fillings.len() {
            comparisons.push(self.compare(index).await?);
        }
        Ok(comparisons)
    }

    async fn compare(&mut self, index: usize) -> Result<Comparison, RebuildError> {
        let partition = self.partitions[index];
        self.show(index, RebuildStage::Comparing);
        let live = match self.survey_live(partition).await {
            Ok(survey) => Ok(survey),
            Err(RebuildError::Store(StoreError::Corrupt { reason, .. })) => Err(reason),
            Err(error) => return Err(error),
        };
        let checkpoint = match &live {
            Ok(survey) => survey.checkpoint.clone(),
            Err(_) => self.means.retry.store(|| self.store.checkpoint(partition)).await?,
        };
        let (position, head) = (checkpoint.position, self.head(partition).await?);
        self.fill(index, position.min(head), RebuildStage::Comparing).await?;
        if position <= head {
            self.fillings[index].advance(&self.means, &checkpoint).await?;
        }
        let rebuilt = self.fillings[index].survey(&self.means, self.scope).await?;
        let verdict = match &live {
            _ if position > head => Verdict::BeyondLog,
            Ok(live) if live.digest == rebuilt.digest && self.waits_alike(live, &rebuilt) => {
                Verdict::Identical
            }
            _ => Verdict::Different,
        };
        let waiting = (self.waiting(&checkpoint.quarantine), self.waiting(&rebuilt.checkpoint.quarantine));
        Ok(Comparison { partition, verdict, position, live, rebuilt, waiting })
    }

    /// Whether the same messages wait in both, within the scope.
    fn waits_alike(&self, live: &Survey, rebuilt: &Survey) -> bool {
        live.checkpoint.quarantine.is_like(&rebuilt.checkpoint.quarantine, self.scope.tenant())
    }

    /// How many messages wait, within the scope.
    fn waiting(&self, quarantine: &Quarantine) -> u64 {
        match self.scope.tenant() {
            None => quarantine.messages(),
            Some(tenant) => quarantine.of_tenant(tenant).map(|(_, waiting)| waiting.messages).sum(),
        }
    }

    /// What the live generation holds at one position; its projector is stopped only where the store cannot read as of
    /// one moment, and something was applied meanwhile.
    async fn survey_live(&mut self, partition: Partition) -> Result<Survey, RebuildError> {
        let scope = self.scope.digested(partition);
        let (means, store) = (&self.means, &self.store);
        if let Some(survey) = means.retry.store(|| store.survey(partition, scope)).await? {
            return Ok(survey);
        }
        let (holds, _) = Holds::take(means, store, vec![partition]).await?;
        let survey = means.retry.store(|| store.survey(partition, scope)).await;
        let since = holds.since;
        holds.release(means).await;
        self.held = self.held.max(since.elapsed());
        survey?.ok_or(RebuildError::NeverStill { tries: 1 })
    }

    /// Stops the projectors, brings the generation beside to where they stopped, and switches.
    async fn switch(&mut self) -> Result<(), NotSwitched> {
        if self.scope == RebuildScope::All {
            // The live one follows the head; what is nearer to it leaves less for the moment in which all stand still.
            for index in 0..self.fillings.len() {
                let until = self.head(self.partitions[index]).await?;
                self.fill(index, until, RebuildStage::Filling).await?;
            }
        }
        let (holds, claims) = Holds::take(&self.means, &self.store, self.partitions.clone()).await?;
        let switched = self.switch_held(claims).await;
        let since = holds.since;
        holds.release(&self.means).await;
        self.held = self.held.max(since.elapsed());
        match switched {
            // The answer may be lost, and the switch not.
            Err(NotSwitched::Failed(RebuildError::Store(StoreError::Unavailable { .. })))
                if self.is_switched().await? =>
            {
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn switch_held(&mut self, claims: Vec<Claim>) -> Result<(), NotSwitched> {
        let mut compared = Vec::with_capacity(claims.len());
        for (index, live) in claims.into_iter().enumerate() {
            let partition = self.partitions[index];
            self.show(index, RebuildStage::Switching);
            let until = live.checkpoint.position.min(self.head(partition).await?);
            self.fill(index, until, RebuildStage::Switching).await?;
            self.fillings[index].advance(&self.means, &live.checkpoint).await?;
            compared.push(Compared { partition, live, beside: self.fillings[index].claim.clone() });
        }
        match self.store.switch(&compared).await {
            Ok(()) => Ok(()),
            Err(StoreError::Fenced { partition, .. }) if self.is_still_ours(partition).await? => {
                Err(NotSwitched::Moved)
            }
            Err(StoreError::Fenced { partition, .. }) => Err(RebuildError::Interfered { partition }.into()),
            Err(StoreError::Gap { .. }) => Err(NotSwitched::Moved),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether nobody else claimed what this rebuild fills: an empty batch is admitted from its last claim alone.
    async fn is_still_ours(&mut self, partition: Partition) -> Result<bool, RebuildError> {
        let filling = self.fillings.iter().find(|filling| filling.partition == partition);
        let Some(filling) = filling else { return Ok(false) };
        match filling.touch(&self.means).await {
            Ok(()) => Ok(true),
            Err(RebuildError::Interfered { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_switched(&self) -> Result<bool, RebuildError> {
        let overview = self.means.retry.store(|| self.store.generations()).await?;
        Ok(overview.other.is_some_and(|other| other.role == Role::Previous))
    }

    fn show(&mut self, index: usize, stage: RebuildStage) {
        let filling = &self.fillings[index];
        let (partition, position, messages) =
            (filling.partition, filling.position(), filling.applied.messages);
        (self.on_progress)(RebuildProgress { stage, partition, position, head: position, messages });
    }

    async fn report(
        self,
        outcome: Outcome,
        comparisons: Vec<Comparison>,
    ) -> Result<RebuildReport, RebuildError> {
        let mut positions = BTreeMap::new();
        for partition in &self.partitions {
            positions.insert(*partition, self.live(*partition).await?);
        }
        let Applied { messages, events } = self.applied();
        let (duration, held) = (self.began.elapsed(), self.held);
        tracing::info!(?outcome, messages, events, ?duration, ?held, "the rebuild is done");
        Ok(RebuildReport { outcome, comparisons, positions, messages, events, duration, held })
    }

    /// What was applied in all.
    fn applied(&self) -> Applied {
        self.fillings.iter().fold(self.given_up, |applied, filling| applied + filling.applied)
    }
}

/// Where the tenants of `scope` lie.
fn partitions(log: &SharedLog, scope: RebuildScope) -> Vec<Partition> {
    match scope {
        RebuildScope::All => (0..log.partition_count()).map(Partition).collect(),
        RebuildScope::Tenant(tenant) => vec![log.partition_of(tenant)],
    }
}
