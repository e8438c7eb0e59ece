//! The one who appends to a partition's stream.
//!
//! A server checks where a whole stream ends, not where an aggregate's messages do. So each append names the end of the
//! partition's stream, as the index knows it: where nothing has come in between, the ends of the aggregates' streams are
//! those of the index, and every commit is decided on them. Where something has, the server refuses, the index reads on,
//! and they are decided anew. Commits that wait are appended together.
//!
//! What must never happen here: a commit decided on an index that is not the stream's; «not appended» said of what may
//! stand; an aggregate's conflict told to a commit that lost nothing.

use std::collections::HashMap;
use std::sync::Arc;

use foodflow_domain::TenantId;
use uuid::Uuid;

use super::message;
use super::partition::{Known, PAGE, PartitionLog};
use super::streams::{NewEvent, ReadLimit, StreamEnd, StreamError};
use crate::event_log::{AppendError, Appended, Commit, LogError, Position, StreamId};
use crate::queue::{Bounds, Taken, Taker, size};

/// What waits, and what one append takes: below the 1 MiB that a server takes unless configured otherwise, with some 350
/// bytes for each event beside its payload.
pub(super) const BOUNDS: Bounds = Bounds {
    waiting_max: 2_048,
    waiting_bytes_max: 64 << 20,
    group_messages_max: 500,
    group_bytes_max: 700 << 10,
};
/// How often an append is tried again because another process was faster; then it counts as overload.
const TRIES_MAX: u32 = 64;

/// Writes until the log closes and nothing waits.
pub(super) async fn run(partition: Arc<PartitionLog>, mut taker: Taker) {
    let writer = Writer { partition };
    while let Some(taken) = taker.take().await {
        // A caller that no longer listens finds out by loading.
        match taken {
            Taken::Group(commits, answers) => {
                let outcomes = writer.group(&commits).await;
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    let _ = answer.send(outcome);
                }
            }
            Taken::Run(after, commits, answer) => {
                let _ = answer.send(writer.run(after, &commits).await);
            }
        }
        // Those just answered often have their next commit ready: let them queue up for one group.
        tokio::task::yield_now().await;
    }
}

struct Writer {
    partition: Arc<PartitionLog>,
}

type Outcome = Result<Appended, AppendError>;

impl Writer {
    /// Decides commits one by one, in order, and appends those that do not lose; an outcome for each.
    async fn group(&self, commits: &[Commit]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = commits.iter().map(|_| None).collect();
        let mut is_read_on = false;
        for _ in 0..TRIES_MAX {
            let decided = Decided::of(&*self.partition.known().await, commits, &outcomes);
            if decided.has_doubts && !is_read_on {
                if let Err(error) = self.read_on().await {
                    return fill(outcomes, || Err(error.clone()));
                }
                is_read_on = true;
                continue;
            }
            for (index, conflict) in decided.lost {
                outcomes[index] = Some(Err(conflict));
            }
            if decided.accepted.is_empty() {
                break;
            }
            match self.append(decided.head, commits, &decided.accepted).await {
                Ok(places) => {
                    for (index, appended) in places {
                        outcomes[index] = Some(Ok(appended));
                    }
                    break;
                }
                Err(Refused::Moved) => is_read_on = true,
                Err(Refused::TooLarge { .. }) if decided.accepted.len() > 1 => {
                    return self.one_by_one(commits, outcomes).await;
                }
                Err(Refused::TooLarge { what }) => {
                    return fill(outcomes, || Err(AppendError::Invalid { what: what.clone() }));
                }
                Err(Refused::Other(error)) => return fill(outcomes, || Err(error.clone())),
            }
        }
        let waiting = commits.len();
        fill(outcomes, || Err(AppendError::Overloaded { waiting }))
    }

    async fn read_on(&self) -> Result<(), AppendError> {
        let mut known = self.partition.known().await;
        Ok(self.partition.read_on(&mut known).await?)
    }

    /// Appends what is not decided yet, each commit for itself.
    async fn one_by_one(&self, commits: &[Commit], mut outcomes: Vec<Option<Outcome>>) -> Vec<Outcome> {
        for (commit, outcome) in commits.iter().zip(&mut outcomes) {
            if outcome.is_none() {
                let alone = Box::pin(self.group(std::slice::from_ref(commit))).await;
                *outcome = alone.into_iter().next();
            }
        }
        fill(outcomes, || Err(AppendError::Unknown { reason: "a commit was passed over".to_owned() }))
    }

    /// Appends `commits` in order behind `after`; answers the last position.
    async fn run(&self, after: Position, commits: &[Commit]) -> Result<Position, AppendError> {
        let partition = self.partition.partition;
        let moved = |expected| AppendError::Moved { partition, expected };
        let mut decided = Decided::of(&*self.partition.known().await, commits, &[]);
        if decided.head != after || !decided.lost.is_empty() {
            self.read_on().await?;
            decided = Decided::of(&*self.partition.known().await, commits, &[]);
        }
        if decided.head != after {
            return Err(moved(after));
        }
        if let Some((_, conflict)) = decided.lost.into_iter().next() {
            return Err(conflict);
        }
        let mut end = after;
        for part in parts(commits) {
            let places = self.append(end, commits, &part).await.map_err(|refused| match refused {
                Refused::Moved => moved(end),
                Refused::TooLarge { what } => AppendError::Invalid { what },
                Refused::Other(error) => error,
            })?;
            end = places.last().map_or(end, |(_, appended)| appended.last);
        }
        Ok(end)
    }

    /// Appends the commits of these indexes behind `before`, all or none, and takes them into the index; answers where
    /// each stands.
    async fn append(
        &self,
        before: Position,
        commits: &[Commit],
        accepted: &[usize],
    ) -> Result<Vec<(usize, Appended)>, Refused> {
        let mut events = Vec::new();
        for index in accepted {
            events.extend(message::events(&commits[*index]).map_err(|error| Refused::Other(error.into()))?);
        }
        let (ids, count) = (first_and_last(&events), events.len() as u64);
        let end = before.0.checked_sub(1).map_or(StreamEnd::Nothing, StreamEnd::Revision);
        match self.partition.streams().append(&self.partition.stream, end, events).await {
            Ok(last) if message::position(last).0 == before.0 + count => {}
            Ok(last) => return Err(Refused::unknown(format!("the server tells of revision {last}"))),
            Err(StreamError::WrongEnd) => {
                self.read_on().await.map_err(Refused::Other)?;
                return Err(Refused::Moved);
            }
            Err(StreamError::TooLarge { what }) => return Err(Refused::TooLarge { what }),
            Err(StreamError::Unknown { reason }) => {
                if !self.stands(before, count, ids).await {
                    return Err(Refused::unknown(reason));
                }
            }
            Err(error) => return Err(Refused::Other(LogError::from(error).into())),
        }
        let mut known = self.partition.known().await;
        take_in(&mut known, before, commits, accepted);
        self.partition.saw(known.index.head());
        Ok(places(before, commits, accepted))
    }

    /// Whether the events whose answer was lost are seen to stand behind `before`. That they are not seen proves nothing:
    /// they may be on their way.
    async fn stands(&self, before: Position, count: u64, ids: Option<(Uuid, Uuid)>) -> bool {
        let one = ReadLimit { events: 1, ..PAGE };
        let Some((first, last)) = ids else { return false };
        for (revision, id) in [(before.0, first), (before.0 + count - 1, last)] {
            let found = self.partition.streams().read_forward(&self.partition.stream, revision, one).await;
            let is_there = found.is_ok_and(|found| found.first().is_some_and(|event| event.id == id));
            if !is_there {
                return false;
            }
        }
        true
    }
}

/// Why nothing was appended, but for [`AppendError::Unknown`].
enum Refused {
    /// The stream has grown; the index has read on.
    Moved,
    TooLarge {
        what: String,
    },
    Other(AppendError),
}

impl Refused {
    fn unknown(reason: String) -> Self {
        Self::Other(AppendError::Unknown { reason })
    }
}

/// What the index says of commits.
struct Decided {
    /// Where the partition ends by the index.
    head: Position,
    /// Those that are to be appended, in order.
    accepted: Vec<usize>,
    lost: Vec<(usize, AppendError)>,
    /// Whether one of the lost expects more than the index knows: another process may have appended it.
    has_doubts: bool,
}

impl Decided {
    /// Decides those that have no outcome yet.
    fn of(known: &Known, commits: &[Commit], outcomes: &[Option<Outcome>]) -> Self {
        let before = known.index.head();
        let mut decided = Self { head: before, accepted: Vec::new(), lost: Vec::new(), has_doubts: false };
        // Ends that those accepted before give to streams.
        let mut ends: HashMap<(TenantId, &StreamId), Position> = HashMap::new();
        let mut head = before.0;
        for (index, commit) in commits.iter().enumerate() {
            if outcomes.get(index).is_some_and(Option::is_some) {
                continue;
            }
            let end = |stream: &StreamId| {
                let given = ends.get(&(commit.tenant, stream)).copied();
                given.unwrap_or_else(|| known.index.end(commit.tenant, stream))
            };
            if let Some(moved) =
                commit.messages.iter().find(|message| end(&message.stream) != message.expected)
            {
                decided.has_doubts |= moved.expected > end(&moved.stream);
                let (stream, expected) = (moved.stream.clone(), moved.expected);
                decided.lost.push((index, AppendError::Conflict { stream, expected }));
                continue;
            }
            for message in &commit.messages {
                head += 1;
                ends.insert((commit.tenant, &message.stream), Position(head));
            }
            decided.accepted.push(index);
        }
        decided
    }
}

/// Takes the commits that were appended behind `before` into the index, but for what a reader has taken in already.
fn take_in(known: &mut Known, before: Position, commits: &[Commit], accepted: &[usize]) {
    let commits = accepted.iter().map(|index| &commits[*index]);
    let messages = commits.flat_map(|commit| commit.messages.iter().map(|message| (commit.tenant, message)));
    for (position, (tenant, message)) in (before.0 + 1..).zip(messages) {
        if position == known.index.head().0 + 1 {
            known.index.push(tenant, &message.stream);
        }
    }
}

/// Where the commits stand that were appended behind `before`.
fn places(before: Position, commits: &[Commit], accepted: &[usize]) -> Vec<(usize, Appended)> {
    let mut last = before.0;
    let place = |index: &usize| {
        let first = Position(last + 1);
        last += commits[*index].messages.len() as u64;
        (*index, Appended { first, last: Position(last) })
    };
    accepted.iter().map(place).collect()
}

/// The indexes of a run's commits, in parts that one append takes.
fn parts(commits: &[Commit]) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let (mut messages, mut bytes) = (0, 0);
    for (index, commit) in commits.iter().enumerate() {
        let (more_messages, more_bytes) = size(std::slice::from_ref(commit));
        messages += more_messages;
        bytes += more_bytes;
        let fits = messages <= BOUNDS.group_messages_max && bytes <= BOUNDS.group_bytes_max;
        match parts.last_mut().filter(|_| fits) {
            Some(part) => part.push(index),
            None => {
                (messages, bytes) = (more_messages, more_bytes);
                parts.push(vec![index]);
            }
        }
    }
    parts
}

fn first_and_last(events: &[NewEvent]) -> Option<(Uuid, Uuid)> {
    Some((events.first()?.id, events.last()?.id))
}

/// The outcomes, with `rest` for those that have none.
fn fill(outcomes: Vec<Option<Outcome>>, rest: impl Fn() -> Outcome) -> Vec<Outcome> {
    outcomes.into_iter().map(|one| one.unwrap_or_else(&rest)).collect()
}
