//! The commits of one partition that wait in this process, and the runs of commits: bounded in number and in bytes, in
//! order of arrival.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::gather::{self, Plan, UnderWay};
use super::run::WaitingRun;
use crate::nats::append::PreparedMessage;
use crate::{AppendError, Appended, LogError, Position};

/// Most commits that wait; one more is refused as overload.
const WAITING_COMMITS_MAX: usize = 2_048;
/// Most bytes of payload that wait, unless a single commit is larger.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Most runs that wait; one more is refused as overload. Each is bounded by whoever hands it over.
const WAITING_RUNS_MAX: usize = 16;

/// A commit that waits for its turn, and where its outcome goes.
pub(super) struct Waiting {
    pub(super) messages: Vec<PreparedMessage>,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Waiting {
    pub(super) const fn new(
        messages: Vec<PreparedMessage>,
        answer: oneshot::Sender<Result<Appended, AppendError>>,
    ) -> Self {
        Self { messages, answer }
    }

    /// Bytes of its payloads.
    pub(super) fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.payload.len()).sum()
    }

    /// Answers that it stands, its first message at `first`.
    pub(super) fn appended(self, first: Position) {
        let last = Position(first.0 + self.messages.len() as u64 - 1);
        self.answer(Ok(Appended { first, last }));
    }

    /// Answers that it does not stand, or that nobody knows.
    pub(super) fn failed(self, error: AppendError) {
        self.answer(Err(error));
    }

    fn answer(self, outcome: Result<Appended, AppendError>) {
        // A caller that no longer listens finds out by loading.
        let _ = self.answer.send(outcome);
    }

    /// Whether nobody waits for the answer any more.
    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

/// What waits, shared between those who append and the one worker.
#[derive(Default)]
pub(super) struct Queue {
    content: Mutex<Content>,
    changed: Notify,
}

#[derive(Default)]
struct Content {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    runs: VecDeque<WaitingRun>,
    closed: bool,
}

/// What the worker does next.
pub(super) enum Step {
    /// Publish each of these for itself, beside what is under way.
    Singles(Vec<Waiting>),
    /// Write all of these at once.
    Together(Vec<Waiting>),
    /// Write this, while nothing else is under way.
    Run(WaitingRun),
    /// Wait: for what is under way, or for more to come.
    Wait,
    /// The queue is closed and empty.
    End,
}

impl Queue {
    /// Takes a commit in.
    ///
    /// # Errors
    /// [`AppendError::Overloaded`] where too many wait; [`LogError::Unavailable`] once closed.
    pub(super) fn push(&self, commit: Waiting) -> Result<(), AppendError> {
        let mut content = self.lock();
        content.refuse_closed()?;
        let (waiting, bytes) = (content.waiting.len(), content.bytes + commit.bytes());
        if waiting >= WAITING_COMMITS_MAX || (waiting > 0 && bytes > WAITING_BYTES_MAX) {
            return Err(AppendError::Overloaded { waiting });
        }
        content.bytes = bytes;
        content.waiting.push_back(commit);
        drop(content);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes a run of commits in.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(super) fn push_run(&self, run: WaitingRun) -> Result<(), AppendError> {
        let mut content = self.lock();
        content.refuse_closed()?;
        if content.runs.len() >= WAITING_RUNS_MAX {
            return Err(AppendError::Overloaded { waiting: WAITING_RUNS_MAX });
        }
        content.runs.push_back(run);
        drop(content);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes out what goes next, beside what is `under_way`. A run goes before the commits that wait: each of them
    /// would take the place that it is for.
    pub(super) fn next(&self, under_way: &UnderWay) -> Step {
        let mut content = self.lock();
        content.waiting.retain(|commit| !commit.is_given_up());
        content.runs.retain(|run| !run.is_given_up());
        if !content.runs.is_empty() && !under_way.is_empty() {
            return Step::Wait;
        }
        if let Some(run) = content.runs.pop_front() {
            return Step::Run(run);
        }
        let step = match gather::plan(&content.waiting, under_way) {
            Plan::Singles(chosen) => Step::Singles(content.take(&chosen)),
            Plan::Together(chosen) => Step::Together(content.take(&chosen)),
            Plan::Wait if content.closed && content.waiting.is_empty() => Step::End,
            Plan::Wait => Step::Wait,
        };
        content.bytes = content.waiting.iter().map(Waiting::bytes).sum();
        step
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Waits until something has come, or the queue was closed, since this was last awaited.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes nothing in any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Takes nothing in any more, and lets go of what waits: nobody is left to write it.
    pub(super) fn abandon(&self) {
        let mut content = self.lock();
        content.closed = true;
        content.bytes = 0;
        content.waiting.clear();
        content.runs.clear();
    }

    /// A content whose holder panicked is whole: nothing between two changes of it can fail.
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn refuse_closed(&self) -> Result<(), AppendError> {
        if self.closed {
            return Err(LogError::Unavailable { reason: "the log is closed".to_owned() }.into());
        }
        Ok(())
    }

    /// Takes out the commits at these rising indexes.
    fn take(&mut self, chosen: &[usize]) -> Vec<Waiting> {
        let mut taken = Vec::with_capacity(chosen.len());
        let mut left = VecDeque::with_capacity(self.waiting.len() - chosen.len());
        let mut chosen = chosen.iter().peekable();
        for (index, commit) in self.waiting.drain(..).enumerate() {
            if chosen.next_if_eq(&&index).is_some() {
                taken.push(commit);
            } else {
                left.push_back(commit);
            }
        }
        self.waiting = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::coalescer::gather::tests::{Outcome, commit};

    fn fill(queue: &Queue, count: usize) -> Vec<Outcome> {
        let one = |index| {
            let (waiting, outcome) = commit(&[&format!("s{index}")], 1);
            queue.push(waiting).unwrap();
            outcome
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn one_more_than_may_wait_is_refused_until_some_went() {
        let queue = Queue::default();
        let _outcomes = fill(&queue, WAITING_COMMITS_MAX);
        let (one_more, _outcome) = commit(&["late"], 1);
        assert!(matches!(
            queue.push(one_more),
            Err(AppendError::Overloaded { waiting: WAITING_COMMITS_MAX })
        ));
        assert!(matches!(queue.next(&UnderWay::default()), Step::Together(_)));
        assert!(queue.push(commit(&["late"], 1).0).is_ok());
    }

    #[test]
    fn bytes_are_bounded_but_a_large_commit_is_taken_when_nothing_waits() {
        let queue = Queue::default();
        let (large, _outcome) = commit(&["large"], WAITING_BYTES_MAX + 1);
        queue.push(large).unwrap();
        assert!(matches!(queue.push(commit(&["s"], 1).0), Err(AppendError::Overloaded { waiting: 1 })));
        assert!(matches!(queue.next(&UnderWay::default()), Step::Singles(taken) if taken.len() == 1));
        assert!(queue.push(commit(&["s"], 1).0).is_ok());
    }

    #[test]
    fn who_gave_up_before_anything_was_sent_is_left_out() {
        let queue = Queue::default();
        let mut outcomes = fill(&queue, 3);
        drop(outcomes.remove(1));
        let Step::Singles(taken) = queue.next(&UnderWay::default()) else { panic!("three are few") };
        let subjects: Vec<_> = taken.iter().map(|commit| commit.messages[0].subject.as_str()).collect();
        assert_eq!(subjects, ["s0", "s2"]);
        assert_eq!(queue.len(), 0);
    }

    fn run(queue: &Queue) -> (Result<(), AppendError>, oneshot::Receiver<Result<Position, AppendError>>) {
        let (answer, outcome) = oneshot::channel();
        (queue.push_run(WaitingRun::new(Position(0), Vec::new(), answer)), outcome)
    }

    #[test]
    fn a_run_goes_alone_and_before_the_commits_that_wait() {
        let queue = Queue::default();
        let _outcomes = fill(&queue, 2);
        let (taken, _outcome) = run(&queue);
        taken.unwrap();
        let mut under_way = UnderWay::default();
        under_way.add(&commit(&["u"], 1).0);
        assert!(matches!(queue.next(&under_way), Step::Wait));
        under_way.remove("u");
        assert!(matches!(queue.next(&under_way), Step::Run(_)));
        assert!(matches!(queue.next(&under_way), Step::Singles(taken) if taken.len() == 2));
    }

    #[test]
    fn runs_are_bounded_left_out_where_given_up_and_written_before_the_end() {
        let queue = Queue::default();
        let mut runs: Vec<_> = (0..WAITING_RUNS_MAX).map(|_| run(&queue)).collect();
        assert!(runs.iter().all(|(taken, _)| taken.is_ok()));
        assert!(matches!(run(&queue).0, Err(AppendError::Overloaded { waiting: WAITING_RUNS_MAX })));
        runs.truncate(1);
        queue.close();
        assert!(matches!(run(&queue).0, Err(AppendError::Log(LogError::Unavailable { .. }))));
        assert!(matches!(queue.next(&UnderWay::default()), Step::Run(_)));
        assert!(matches!(queue.next(&UnderWay::default()), Step::End));
    }

    #[test]
    fn a_closed_queue_ends_when_it_is_empty() {
        let queue = Queue::default();
        let _outcomes = fill(&queue, 2);
        queue.close();
        let late = queue.push(commit(&["late"], 1).0);
        assert!(matches!(late, Err(AppendError::Log(LogError::Unavailable { .. }))));
        assert!(matches!(queue.next(&UnderWay::default()), Step::Singles(taken) if taken.len() == 2));
        assert!(matches!(queue.next(&UnderWay::default()), Step::End));
    }

    #[test]
    fn an_abandoned_queue_lets_everyone_know() {
        let queue = Queue::default();
        let mut outcomes = fill(&queue, 2);
        queue.abandon();
        assert!(outcomes.iter_mut().all(|outcome| outcome.try_recv().is_err()));
        assert!(queue.push(commit(&["late"], 1).0).is_err());
    }
}
