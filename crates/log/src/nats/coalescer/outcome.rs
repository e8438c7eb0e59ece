//! One write of several commits, and each one's own answer.
//!
//! The server accepts or refuses a write as a whole. Where it refuses for a conflict, the commits whose streams have
//! moved are told so and the others are written again without them. Only two things prove that a commit lost: a
//! stream of its that was seen to end beyond what it expected, or that the server refused it alone.

use super::queue::Waiting;
use crate::nats::append::{self, PreparedMessage};
use crate::nats::conflict::{self, Ends, Standing};
use crate::nats::connect::Connection;
use crate::nats::publish_ack::Refusal;
use crate::{AppendError, Partition, Position};

/// Writes commits that share no stream, and answers all of them.
///
/// What follows a refused write are smaller ones, in all fewer than twice as many as there are commits; one or two
/// where losers can be told from the others, which is nearly always.
pub(super) async fn settle(connection: &Connection, partition: Partition, commits: Vec<Waiting>) {
    let mut parts = vec![commits];
    while let Some(part) = parts.pop() {
        match append::write(connection, None, &messages_of(&part)).await {
            Ok(last) => appended(part, last),
            Err(Refusal::Conflict) => {
                let ends = read_ends(connection, partition, &part).await;
                parts.extend(without_losers(part, ends.as_ref()));
            }
            Err(Refusal::Content { what }) => parts.extend(without_invalid(part, what)),
            Err(Refusal::Other(error)) => failed(part, &error),
        }
    }
}

fn messages_of(part: &[Waiting]) -> Vec<&PreparedMessage> {
    part.iter().flat_map(|commit| &commit.messages).collect()
}

/// The commits stand end to end, the last message at `last`.
fn appended(part: Vec<Waiting>, last: Position) {
    let mut first = last.0 + 1 - messages_of(&part).len() as u64;
    for commit in part {
        let next = first + commit.messages.len() as u64;
        commit.appended(Position(first));
        first = next;
    }
}

/// What befell the write befell each commit in it.
fn failed(part: Vec<Waiting>, error: &AppendError) {
    for commit in part {
        commit.failed(error.clone());
    }
}

/// Where the streams of a refused write end; `None` where that cannot be read, or would say nothing new.
async fn read_ends(connection: &Connection, partition: Partition, part: &[Waiting]) -> Option<Ends> {
    let messages = messages_of(part);
    if messages.len() == 1 {
        return None;
    }
    match conflict::read_ends(connection, partition, &messages).await {
        Ok(ends) => Some(ends),
        Err(error) => {
            tracing::debug!(%error, "which stream of a refused write has moved could not be read");
            None
        }
    }
}

/// Answers those that lost, and gives back the others in the parts that are written next, the last one first.
fn without_losers(mut part: Vec<Waiting>, ends: Option<&Ends>) -> Vec<Vec<Waiting>> {
    if part.len() == 1 {
        // The server has refused it alone, whatever can be seen of its streams.
        part.drain(..).for_each(|commit| lost_alone(commit, ends));
        return Vec::new();
    }
    let Some(ends) = ends else { return halves(part) };
    let before = part.len();
    let (mut parts, mut sound) = (Vec::new(), Vec::new());
    for commit in part {
        match ends.standing(&commit.messages) {
            Standing::Lost(conflict) => commit.failed(conflict),
            // The server's word on this one decides: what was read may be older than what it expects.
            Standing::Doubtful(_) => parts.push(vec![commit]),
            Standing::Sound => sound.push(commit),
        }
    }
    if sound.len() == before {
        return halves(sound);
    }
    if !sound.is_empty() {
        parts.push(sound);
    }
    parts
}

/// Answers with a conflict on the stream that was seen to differ, or on the first one where none was.
fn lost_alone(commit: Waiting, ends: Option<&Ends>) {
    let seen = ends.map(|ends| ends.standing(&commit.messages));
    let conflict = match (seen, commit.messages.first()) {
        (Some(Standing::Lost(conflict) | Standing::Doubtful(conflict)), _) => conflict,
        (_, Some(first)) => conflict::on(first),
        (_, None) => AppendError::Invalid { what: "a commit without messages".to_owned() },
    };
    commit.failed(conflict);
}

/// Answers a commit that the server cannot take even alone; else gives back the parts that are written next.
fn without_invalid(part: Vec<Waiting>, what: String) -> Vec<Vec<Waiting>> {
    if part.len() > 1 {
        return halves(part);
    }
    failed(part, &AppendError::Invalid { what });
    Vec::new()
}

/// Both halves of two commits or more, the first one last.
fn halves(mut part: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let second = part.split_off(part.len() / 2);
    vec![second, part]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::coalescer::gather::tests::{Outcome, commit};

    /// Commits of one message on these streams, each expecting position 5.
    fn commits(subjects: &[&str]) -> (Vec<Waiting>, Vec<Outcome>) {
        let expecting = |subject: &&str| {
            let (mut waiting, outcome) = commit(&[subject], 1);
            waiting.messages[0].expected = Position(5);
            (waiting, outcome)
        };
        subjects.iter().map(expecting).unzip()
    }

    fn subjects(parts: &[Vec<Waiting>]) -> Vec<Vec<&str>> {
        parts
            .iter()
            .map(|part| part.iter().map(|commit| commit.messages[0].subject.as_str()).collect())
            .collect()
    }

    fn is_conflict(outcome: &mut Outcome) -> bool {
        matches!(outcome.try_recv(), Ok(Err(AppendError::Conflict { expected: Position(5), .. })))
    }

    #[test]
    fn each_commit_learns_its_own_positions() {
        let sizes = [1, 3, 1, 40];
        let (part, outcomes): (Vec<_>, Vec<_>) =
            sizes.iter().map(|size| commit(&vec!["s"; *size], 1)).unzip();
        appended(part, Position(145));
        let told = outcomes.into_iter().map(|mut outcome| outcome.try_recv().unwrap().unwrap());
        let told: Vec<_> = told.map(|appended| (appended.first.0, appended.last.0)).collect();
        assert_eq!(told, [(101, 101), (102, 104), (105, 105), (106, 145)]);
    }

    #[test]
    fn only_those_whose_stream_was_seen_beyond_are_told_that_they_lost() {
        let (part, mut outcomes) = commits(&["a", "b", "c", "d"]);
        let ends = Ends::of([("a", 5), ("b", 6), ("c", 5), ("d", 4)]);
        let next = without_losers(part, Some(&ends));
        // What is doubtful goes alone, after the others.
        assert_eq!(subjects(&next), [vec!["d"], vec!["a", "c"]]);
        assert!(is_conflict(&mut outcomes[1]));
        assert!([0, 2, 3].into_iter().all(|index| outcomes[index].try_recv().is_err()));
    }

    #[test]
    fn where_no_loser_can_be_seen_each_half_finds_out() {
        for ends in [None, Some(Ends::of([("a", 5), ("b", 5), ("c", 5)]))] {
            let (part, mut outcomes) = commits(&["a", "b", "c"]);
            let next = without_losers(part, ends.as_ref());
            assert_eq!(subjects(&next), [vec!["b", "c"], vec!["a"]]);
            assert!(outcomes.iter_mut().all(|outcome| outcome.try_recv().is_err()));
        }
    }

    #[test]
    fn who_is_refused_alone_has_lost() {
        for ends in [None, Some(Ends::of([("a", 5)])), Some(Ends::of([("a", 9)]))] {
            let (part, mut outcomes) = commits(&["a"]);
            assert!(without_losers(part, ends.as_ref()).is_empty());
            assert!(is_conflict(&mut outcomes[0]));
        }
    }

    #[test]
    fn what_the_server_cannot_take_is_told_to_nobody_else() {
        let (part, _outcomes) = commits(&["a", "b"]);
        assert_eq!(subjects(&without_invalid(part, "too large".to_owned())), [vec!["b"], vec!["a"]]);
        let (part, mut outcomes) = commits(&["a"]);
        assert!(without_invalid(part, "too large".to_owned()).is_empty());
        assert!(matches!(outcomes[0].try_recv(), Ok(Err(AppendError::Invalid { .. }))));
    }

    #[test]
    fn a_lost_answer_is_unknown_to_all() {
        let (part, mut outcomes) = commits(&["a", "b"]);
        failed(part, &AppendError::Unknown { reason: "the link broke".to_owned() });
        let unknown =
            |outcome: &mut Outcome| matches!(outcome.try_recv(), Ok(Err(AppendError::Unknown { .. })));
        assert!(outcomes.iter_mut().all(unknown));
    }
}
