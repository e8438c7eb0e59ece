//! Which of the waiting commits are written next, and how: a pure rule over what waits and what is under way.
//!
//! Two commits that touch one stream are never under way at once, and the one that came first goes first. Nothing
//! else binds their order: commits without a common stream may pass each other.

use std::collections::{HashSet, VecDeque};

use super::queue::Waiting;
use crate::event_log::COMMIT_MESSAGES_MAX;

/// Up to so many commits of one message, waiting and under way together, are published each for itself. A durable
/// publish takes 0.21 ms of the server's time at best where several are on their way, and an atomic batch at least 4
/// to 5 ms: some twenty publishes take as long as a batch of them, and fewer on a disk that syncs slowly.
pub(super) const SINGLES_MAX: usize = 16;
/// Most messages that are written at once: the limit of an atomic batch.
pub(super) const MESSAGES_MAX: usize = COMMIT_MESSAGES_MAX;
/// Most bytes of payload that are written at once, unless the first commit is larger: a few dozen milliseconds of a
/// disk, and far below the 128 MB that the server holds back for a stream.
pub(super) const BYTES_MAX: usize = 8 << 20;

/// The commits that are published each for itself and not answered yet.
#[derive(Default)]
pub(super) struct UnderWay {
    subjects: HashSet<String>,
}

impl UnderWay {
    pub(super) fn add(&mut self, commit: &Waiting) {
        self.subjects.extend(commit.messages.iter().map(|message| message.subject.clone()));
    }

    /// Forgets the commit whose only message has this subject.
    pub(super) fn remove(&mut self, subject: &str) {
        self.subjects.remove(subject);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// How many there are: each has one message.
    fn len(&self) -> usize {
        self.subjects.len()
    }
}

/// What goes next, as rising indexes of what waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Each of these for itself, now.
    Singles(Vec<usize>),
    /// All of these at once.
    Together(Vec<usize>),
    /// Nothing now.
    Wait,
}

/// Few commits of one message go each for itself. Anything else waits until those are answered, and then goes
/// together.
pub(super) fn plan(waiting: &VecDeque<Waiting>, under_way: &UnderWay) -> Plan {
    let few = waiting.len() + under_way.len() <= SINGLES_MAX;
    if few && waiting.iter().all(|commit| commit.messages.len() == 1) {
        let chosen = choose(waiting, under_way);
        return if chosen.is_empty() { Plan::Wait } else { Plan::Singles(chosen) };
    }
    if under_way.is_empty() { Plan::Together(choose(waiting, under_way)) } else { Plan::Wait }
}

/// The first commits that share no stream, up to the bounds of one write.
fn choose(waiting: &VecDeque<Waiting>, under_way: &UnderWay) -> Vec<usize> {
    let mut taken: HashSet<&str> = under_way.subjects.iter().map(String::as_str).collect();
    let (mut messages, mut bytes) = (0, 0);
    let mut chosen = Vec::new();
    for (index, commit) in waiting.iter().enumerate() {
        let free = commit.messages.iter().all(|message| !taken.contains(message.subject.as_str()));
        // A stream that somebody waits for is not free for those behind him.
        taken.extend(commit.messages.iter().map(|message| message.subject.as_str()));
        if !free {
            continue;
        }
        messages += commit.messages.len();
        bytes += commit.bytes();
        if !chosen.is_empty() && (messages > MESSAGES_MAX || bytes > BYTES_MAX) {
            break;
        }
        chosen.push(index);
    }
    chosen
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::nats::append::PreparedMessage;
    use crate::{AppendError, Appended, Position, StreamId};

    pub(in crate::nats::coalescer) type Outcome = oneshot::Receiver<Result<Appended, AppendError>>;

    /// A commit of one message of `bytes` for each subject.
    pub(in crate::nats::coalescer) fn commit<S: AsRef<str>>(
        subjects: &[S],
        bytes: usize,
    ) -> (Waiting, Outcome) {
        let message = |subject: &S| PreparedMessage {
            subject: subject.as_ref().to_owned(),
            stream: StreamId::new("food_graph", "batch", Uuid::nil()),
            expected: Position(0),
            payload: Bytes::from(vec![0; bytes]),
        };
        let (answer, outcome) = oneshot::channel();
        (Waiting::new(subjects.iter().map(message).collect(), answer), outcome)
    }

    fn waiting(commits: &[&[&str]]) -> VecDeque<Waiting> {
        commits.iter().map(|subjects| commit(subjects, 1).0).collect()
    }

    /// So many commits of so many messages each, all on streams of their own.
    fn disjoint(commits: usize, messages: usize, bytes: usize) -> VecDeque<Waiting> {
        let subjects = |index| (0..messages).map(|part| format!("{index}/{part}")).collect::<Vec<_>>();
        (0..commits).map(|index| commit(&subjects(index), bytes).0).collect()
    }

    fn under_way(subjects: &[&str]) -> UnderWay {
        let mut under_way = UnderWay::default();
        for subject in subjects {
            under_way.add(&commit(&[subject], 1).0);
        }
        under_way
    }

    fn first(count: usize) -> Vec<usize> {
        (0..count).collect()
    }

    #[test]
    fn few_commits_of_one_message_go_each_for_itself() {
        let none = UnderWay::default();
        assert_eq!(plan(&disjoint(0, 1, 1), &none), Plan::Wait);
        assert_eq!(plan(&disjoint(1, 1, 1), &none), Plan::Singles(vec![0]));
        assert_eq!(plan(&disjoint(SINGLES_MAX, 1, 1), &none), Plan::Singles(first(SINGLES_MAX)));
        assert_eq!(plan(&disjoint(2, 1, 1), &under_way(&["a", "b"])), Plan::Singles(first(2)));
    }

    #[test]
    fn many_go_together_once_nothing_is_under_way() {
        let many = disjoint(SINGLES_MAX + 1, 1, 1);
        assert_eq!(plan(&many, &UnderWay::default()), Plan::Together(first(SINGLES_MAX + 1)));
        assert_eq!(plan(&many, &under_way(&["a"])), Plan::Wait);
        let with_those_under_way = disjoint(SINGLES_MAX - 1, 1, 1);
        assert_eq!(plan(&with_those_under_way, &under_way(&["a", "b"])), Plan::Wait);
    }

    #[test]
    fn a_commit_of_several_messages_takes_all_that_waits_along() {
        let waits = waiting(&[&["a"], &["b", "c"], &["d"]]);
        assert_eq!(plan(&waits, &UnderWay::default()), Plan::Together(first(3)));
        assert_eq!(plan(&waits, &under_way(&["x"])), Plan::Wait);
    }

    #[test]
    fn commits_on_one_stream_never_go_at_once_and_keep_their_order() {
        let waits = waiting(&[&["a"], &["a"], &["b"]]);
        assert_eq!(plan(&waits, &UnderWay::default()), Plan::Singles(vec![0, 2]));
        assert_eq!(plan(&waits, &under_way(&["a"])), Plan::Singles(vec![2]));
        assert_eq!(plan(&waiting(&[&["a"]]), &under_way(&["a"])), Plan::Wait);
        // The third shares a stream with the second only, which has to wait for the first.
        let chain = waiting(&[&["a", "b"], &["b", "c"], &["c", "d"], &["e"]]);
        assert_eq!(plan(&chain, &UnderWay::default()), Plan::Together(vec![0, 3]));
    }

    #[test]
    fn a_write_is_bounded_in_messages() {
        let none = UnderWay::default();
        let exact = MESSAGES_MAX / 3;
        assert_eq!(plan(&disjoint(exact + 5, 3, 1), &none), Plan::Together(first(exact)));
        assert_eq!(plan(&disjoint(2, MESSAGES_MAX, 1), &none), Plan::Together(vec![0]));
        let mut large_second = disjoint(2, MESSAGES_MAX, 1);
        large_second.push_front(commit(&["first"], 1).0);
        large_second.push_back(commit(&["small"], 1).0);
        assert_eq!(plan(&large_second, &none), Plan::Together(vec![0]), "the small one does not overtake");
    }

    #[test]
    fn a_write_is_bounded_in_bytes_unless_one_commit_is_larger() {
        let none = UnderWay::default();
        let quarter = BYTES_MAX / 4;
        assert_eq!(plan(&disjoint(6, 2, quarter / 2), &none), Plan::Together(first(4)));
        assert_eq!(plan(&disjoint(2, 2, BYTES_MAX), &none), Plan::Together(vec![0]));
    }
}
