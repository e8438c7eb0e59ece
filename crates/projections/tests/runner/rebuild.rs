//! A rebuild beside what is live: equal to it, or told; interrupted and continued; switched at once, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_log::{Position, SharedLog};
use foodflow_projections::runner::{
    Outcome, ProjectionState, RebuildError, RebuildOptions, RebuildProgress, RebuildReport, RebuildRequest,
    RebuildStage, Runner, RunnerConfig, SwitchPolicy, Verdict, rebuild, switch_back,
};
use foodflow_projections::store::generations::{Generations, RebuildScope, Role};
use foodflow_projections::store::{DigestScope, ReadModel as _};
use uuid::Uuid;

use super::store::{Fault, RecordingStore};
use super::support::{P0, SOON, TestProjection, append, config, memory_log, start, until, wait};

const SCOPE: DigestScope = DigestScope::Partition(P0);

fn options() -> RebuildOptions {
    RebuildOptions {
        batch_messages_max: 40,
        retry_delay_min: Duration::from_millis(1),
        retry_delay_max: Duration::from_millis(5),
        hold_term: Duration::from_secs(2),
        stand_still: Duration::from_millis(50),
        ..RebuildOptions::default()
    }
}

fn request(switch: SwitchPolicy) -> RebuildRequest {
    RebuildRequest { scope: RebuildScope::All, switch, filled_by: "1".to_owned() }
}

/// A log, a store and a projection.
struct Place {
    log: SharedLog,
    store: Arc<RecordingStore>,
    projection: Arc<TestProjection>,
}

impl Place {
    async fn rebuild(&self, switch: SwitchPolicy) -> Result<RebuildReport, RebuildError> {
        self.rebuild_as(request(switch), |_| {}).await
    }

    async fn rebuild_as(
        &self,
        request: RebuildRequest,
        on_progress: impl FnMut(RebuildProgress) + Send + Sync,
    ) -> Result<RebuildReport, RebuildError> {
        let (log, store, projection) = (self.log.clone(), self.store.clone(), self.projection.clone());
        rebuild(log, store, projection, request, options(), on_progress).await
    }

    async fn switch_back(&self) -> Result<RebuildReport, RebuildError> {
        let (log, store, projection) = (self.log.clone(), self.store.clone(), self.projection.clone());
        switch_back(log, store, projection, options(), |_| {}).await
    }

    async fn digest(&self) -> String {
        self.store.digest(SCOPE).await.unwrap()
    }

    /// Lets a projector apply what the log holds.
    async fn project(&self) -> Position {
        let runner = start(&self.log, &self.store, &self.projection);
        let head = self.log.head(P0).await.unwrap();
        wait(&runner, head).await;
        runner.stop().await;
        head
    }

    /// Begins a rebuild and lets go of it after some batches, as a crash would.
    async fn interrupted(&self, request: RebuildRequest) {
        let (stop, mut stopped) = tokio::sync::mpsc::unbounded_channel();
        let mut batches = 0;
        let begun = self.rebuild_as(request, |progress| {
            batches += usize::from(progress.stage == RebuildStage::Filling);
            if batches == 3 {
                stop.send(()).unwrap();
            }
        });
        tokio::select! {
            biased;
            _ = stopped.recv() => {}
            outcome = begun => panic!("it ended: {outcome:?}"),
        }
    }
}

fn tenant(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(number))
}

/// A log of some thousand messages, and a store.
async fn logged() -> (Place, Position) {
    let place = Place { log: memory_log(), store: Arc::default(), projection: Arc::default() };
    let mut last = Position(0);
    for round in 0..1_000 {
        last = append(&place.log, tenant(round % 7), 1 + (round % 5) as u32).await;
    }
    (place, last)
}

/// As [`logged`], and the store is filled from it.
async fn filled() -> (Place, Position) {
    let (place, last) = logged().await;
    place.project().await;
    (place, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_equals_what_is_live_and_leaves_it_alone() {
    let (place, last) = filled().await;
    let digest = place.digest().await;
    place.store.fail([Fault::Refuse, Fault::LoseAnswer, Fault::Refuse]);
    let mut seen = vec![];
    let report = place.rebuild_as(request(SwitchPolicy::IfDifferent), |progress| seen.push(progress)).await;
    let report = report.unwrap();
    assert!(report.is_identical());
    assert_eq!((report.outcome, report.messages, report.held), (Outcome::Kept, last.0, Duration::ZERO));
    assert_eq!(report.events, last.0, "each message has one");
    let compared = &report.comparisons[0];
    assert_eq!((compared.position, &compared.rebuilt.digest), (last, &digest));
    assert_eq!(compared.live.as_ref().unwrap(), &compared.rebuilt);
    assert!(place.store.other().is_none());
    let filling: Vec<_> = seen.iter().filter(|seen| seen.stage == RebuildStage::Filling).collect();
    assert!(filling.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert!(filling.len() >= 3_000 / 40, "in batches: {}", filling.len());
    assert_eq!(filling.last().unwrap().messages, last.0);
    place.store.assert_applied_once(P0, last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_rebuilt_becomes_live_at_once_while_writes_go_on() {
    let (place, _) = filled().await;
    place.store.forget_a_node();
    let runner = start(&place.log, &place.store, &place.projection);
    let (log, writing) = (place.log.clone(), tokio_util::sync::CancellationToken::new());
    let stop = writing.clone();
    let writer = tokio::spawn(async move {
        let mut last = Position(0);
        while !stop.is_cancelled() {
            last = append(&log, tenant(3), 2).await;
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        last
    });
    // The store cannot read as of one moment: the comparison stops the projector too, and so does the switch.
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert_eq!((report.outcome, report.comparisons[0].verdict), (Outcome::Switched, Verdict::Different));
    assert_eq!(report.comparisons[0].other_counts().len(), 1);
    assert!(report.held > Duration::ZERO && !place.store.is_held());
    writing.cancel();
    let last = writer.await.unwrap();
    // The projector goes on where the new generation stands.
    wait(&runner, last).await;
    assert_eq!(runner.status().await[0].state, ProjectionState::Running);
    runner.stop().await;
    place.store.assert_applied_once(P0, last);
    assert_eq!(place.store.other().unwrap().0, Role::Previous);
}

#[tokio::test]
async fn a_projector_that_is_held_is_no_failure() {
    let (place, last) = filled().await;
    let stall_after = Duration::from_millis(100);
    let impatient = RunnerConfig { stall_after, ..config() };
    let (log, store, projection) = (place.log.clone(), place.store.clone(), place.projection.clone());
    let runner = Runner::start(log, store, projection, impatient).unwrap();
    until(&runner, ProjectionState::Running).await;
    let holder = Uuid::new_v4();
    Generations::hold(&*place.store, P0, holder, Duration::from_secs(60)).await.unwrap();
    let next = append(&place.log, tenant(1), 2).await;
    until(&runner, ProjectionState::Held).await;
    // Longer than what stands still without a reason may.
    let held = Instant::now();
    while held.elapsed() < 3 * stall_after {
        let status = runner.status().await.remove(0);
        assert_eq!((status.position, status.lag_events, status.error), (last, 2, None));
        assert_eq!(status.state, ProjectionState::Held);
        assert!(runner.is_ready(), "queries are answered all the while");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Generations::release(&*place.store, P0, holder).await.unwrap();
    wait(&runner, next).await;
    until(&runner, ProjectionState::Running).await;
    runner.stop().await;
    place.store.assert_applied_once(P0, next);
}

#[tokio::test]
async fn a_read_model_that_is_behind_is_compared_where_it_stands() {
    let (place, stood) = filled().await;
    let mut last = stood;
    for _ in 0..100 {
        last = append(&place.log, TenantId::default(), 2).await;
    }
    let report = place.rebuild(SwitchPolicy::Never).await.unwrap();
    assert!(report.is_identical());
    assert_eq!((report.outcome, report.comparisons[0].position), (Outcome::Kept, stood));
    assert_eq!(report.positions[&P0], stood);
    let report = place.rebuild(SwitchPolicy::Always).await.unwrap();
    assert!(report.is_identical());
    assert_eq!((report.outcome, report.positions[&P0]), (Outcome::Switched, last));
    place.store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn a_read_model_that_was_wrong_is_told_and_mended() {
    let (place, last) = filled().await;
    let right = place.digest().await;
    place.store.forget_a_node();
    let wrong = place.digest().await;
    let report = place.rebuild(SwitchPolicy::Never).await.unwrap();
    assert_eq!((report.outcome, report.is_identical()), (Outcome::LeftBeside, false));
    assert_eq!((place.digest().await, place.store.other().unwrap().0), (wrong.clone(), Role::Beside));
    // What stands beside is taken as it is.
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert_eq!((report.outcome, report.messages), (Outcome::Switched, 0));
    let compared = &report.comparisons[0];
    assert_eq!(compared.live.as_ref().unwrap().digest, wrong);
    assert_eq!((&compared.rebuilt.digest, place.digest().await), (&right, right.clone()));

    // A checkpoint of another log.
    place.store.set_checkpoint(P0, Position(last.0 + 100));
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert_eq!(report.comparisons[0].verdict, Verdict::BeyondLog);
    assert_eq!((report.positions[&P0], place.digest().await), (last, right));
}

#[tokio::test]
async fn an_empty_log_empties_the_read_model() {
    let place = Place { log: memory_log(), store: Arc::default(), projection: Arc::default() };
    place.store.set_checkpoint(P0, Position(9));
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert_eq!((report.outcome, report.positions[&P0]), (Outcome::Switched, Position(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_rebuild_goes_on_where_it_was() {
    let (place, last) = filled().await;
    let digest = place.digest().await;
    place.interrupted(request(SwitchPolicy::IfDifferent)).await;
    let begun = place.store.other().unwrap().1.checkpoint(P0).await.unwrap().position;
    assert!(begun > Position(0) && begun < last, "{begun}");
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert!(report.is_identical());
    assert_eq!(report.messages, last.0 - begun.0);
    assert_eq!(place.digest().await, digest);

    // What another version of the program began is not continued.
    place.interrupted(request(SwitchPolicy::Always)).await;
    let upgraded = RebuildRequest { filled_by: "2".to_owned(), ..request(SwitchPolicy::Always) };
    let report = place.rebuild_as(upgraded, |_| {}).await.unwrap();
    assert_eq!((report.outcome, report.messages), (Outcome::Switched, last.0));
    place.store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn a_rebuild_that_got_further_than_the_live_one_is_compared_all_the_same() {
    let (place, stood) = filled().await;
    let last = append(&place.log, tenant(1), 3).await;
    // As a rebuild leaves it that died when it was about to switch.
    let sink = place.store.beside(RebuildScope::All, "1").await.unwrap();
    let mut claim = sink.claim(P0).await.unwrap();
    let checkpoint = foodflow_projections::store::Checkpoint::new(last, None);
    sink.apply(claim.next(P0, vec![], checkpoint)).await.unwrap();
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert!(report.is_identical());
    assert_eq!((report.comparisons[0].position, report.messages), (stood, stood.0));
}

#[tokio::test]
async fn who_died_with_the_partitions_held_is_waited_for() {
    let (place, last) = filled().await;
    Generations::hold(&*place.store, P0, Uuid::new_v4(), Duration::from_millis(500)).await.unwrap();
    let began = Instant::now();
    let report = place.rebuild(SwitchPolicy::Always).await.unwrap();
    assert_eq!(report.outcome, Outcome::Switched);
    assert!(began.elapsed() >= Duration::from_millis(300) && !place.store.is_held());
    place.store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn a_switch_whose_answer_is_lost_has_taken_place() {
    let (place, last) = filled().await;
    place.store.lose_switch();
    let report = place.rebuild(SwitchPolicy::Always).await.unwrap();
    assert_eq!((report.outcome, report.positions[&P0]), (Outcome::Switched, last));
    assert!(!place.store.is_held());
    assert_eq!(place.project().await, last);
}

#[tokio::test]
async fn back_is_up_to_date() {
    let (place, last) = filled().await;
    assert!(matches!(place.switch_back().await, Err(RebuildError::Store(_))), "nothing to go back to");
    place.store.forget_a_node();
    let wrong = place.digest().await;
    place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    append(&place.log, tenant(2), 4).await;
    let head = place.project().await;
    let report = place.switch_back().await.unwrap();
    assert_eq!((report.outcome, report.messages, report.positions[&P0]), (Outcome::Switched, 4, head));
    assert_ne!(place.digest().await, wrong, "it holds what came meanwhile");
    // Forth again.
    let report = place.switch_back().await.unwrap();
    assert_eq!((report.messages, report.positions[&P0]), (0, head));
    place.store.assert_applied_once(P0, head);
    assert!(head > last);
}

#[tokio::test]
async fn one_tenant_is_rebuilt_alone() {
    let (place, last) = filled().await;
    let right = place.digest().await;
    let one = |of| DigestScope::Tenant(tenant(of));
    place.store.forget_a_node();
    let wrong: Vec<String> = {
        let mut digests = vec![];
        for number in 0..7 {
            digests.push(place.store.digest(one(number)).await.unwrap());
        }
        digests
    };
    for number in 0..7 {
        let scope = RebuildScope::Tenant(tenant(number));
        let request = RebuildRequest { scope, ..request(SwitchPolicy::IfDifferent) };
        let report = place.rebuild_as(request, |_| {}).await.unwrap();
        let same = place.store.digest(one(number)).await.unwrap() == wrong[number as usize];
        assert_eq!(report.is_identical(), same, "{report:?}");
        assert_eq!(report.outcome == Outcome::Switched, !same);
        assert_eq!(report.positions[&P0], last);
        assert!(report.messages < last.0);
    }
    assert_eq!(place.digest().await, right);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_read_model_is_filled_unless_a_projector_does_so() {
    let (place, last) = logged().await;
    let report = place.rebuild(SwitchPolicy::IfDifferent).await.unwrap();
    assert_eq!((report.outcome, report.positions[&P0], report.messages), (Outcome::Filled, last, last.0));
    assert!(report.comparisons.is_empty());
    place.store.assert_applied_once(P0, last);

    let (place, last) = logged().await;
    let (log, store) = (place.log.clone(), place.store.clone());
    let (mut seen, mut runner) = (0, None);
    // As a projector would that is started meanwhile.
    let meddle = |_| {
        seen += 1;
        if seen == 1 {
            runner = Some(start(&log, &store, &Arc::default()));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let outcome = place.rebuild_as(request(SwitchPolicy::IfDifferent), meddle).await;
    let Err(error @ RebuildError::Interfered { partition: P0 }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("a projector"), "{error}");
    // What the rebuild left is continued, not passed over.
    let runner = runner.unwrap();
    runner.progress().wait_for(P0, last, SOON).await.unwrap();
    runner.stop().await;
    place.store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn another_rebuild_of_the_same_takes_over() {
    let (place, last) = filled().await;
    let store = place.store.clone();
    let mut seen = 0;
    let meddle = move |progress: RebuildProgress| {
        seen += 1;
        if seen == 2 {
            // As a claim of another process does that rebuilds the same.
            let beside = store.other().unwrap().1;
            beside.content.lock().unwrap().epochs.entry(P0).or_default().0 += 1;
        }
        assert_eq!(progress.partition, P0);
    };
    let outcome = place.rebuild_as(request(SwitchPolicy::IfDifferent), meddle).await;
    assert!(matches!(outcome, Err(RebuildError::Interfered { .. })), "{outcome:?}");
    assert!(place.rebuild(SwitchPolicy::IfDifferent).await.unwrap().is_identical());
    place.store.assert_applied_once(P0, last);
}

#[tokio::test]
async fn what_cannot_be_stored_ends_the_rebuild_and_nothing_else() {
    let (place, last) = filled().await;
    let digest = place.digest().await;
    place.store.fail([Fault::LoseAnswer].into_iter().chain(std::iter::repeat_n(Fault::Refuse, 5)));
    let outcome = place.rebuild(SwitchPolicy::Always).await;
    assert!(matches!(outcome, Err(RebuildError::Store(_))), "{outcome:?}");
    assert_eq!((place.digest().await, place.store.is_held()), (digest, false));
    // What was filled is a correct beginning.
    let report = place.rebuild(SwitchPolicy::Always).await.unwrap();
    assert!(report.is_identical() && report.messages < last.0);
}
