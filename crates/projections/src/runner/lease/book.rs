//! What one process knows of the leases, and what it does next. Pure: time and records are handed in.
//!
//! Looking ([`Book::look`]), planning ([`Book::plan`]) and learning how a write went ([`Book::done`]) are apart, so
//! that a model can stop a process between any two of them.

use std::collections::{BTreeMap, BTreeSet};

use foodflow_log::{Expected, Partition};
use tokio::time::Instant;
use uuid::Uuid;

use super::record::{Found, Note, Place};
use super::{LeaseTimes, Owner};

/// What one process knows of the leases of one projection into one store.
#[derive(Debug, Clone)]
pub(in crate::runner) struct Book {
    me: Owner,
    partitions: u16,
    times: LeaseTimes,
    seen: BTreeMap<Place, Sighting>,
    /// Since when a partition has no lease that lives.
    free_since: BTreeMap<Partition, Instant>,
    /// Until when this process believes in a lease of its own.
    holds: BTreeMap<Partition, Instant>,
    /// Leases that are handed back once their worker has ended its session.
    returning: BTreeSet<Partition>,
    /// When the record was last written by this process.
    renewed_at: BTreeMap<Place, Instant>,
}

/// A record, and since when it has not changed.
#[derive(Debug, Clone)]
struct Sighting {
    note: Note,
    revision: u64,
    since: Instant,
}

/// How the worker of a partition is, as far as leases are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runner) enum WorkerSide {
    /// It may begin to work.
    Idle,
    /// It has a session, or begins one.
    Busy,
    /// It is gone, and this process cannot work on the partition any more.
    Gone,
}

/// Something to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runner) enum Action {
    /// Writes the record of this process: it takes, renews or announces.
    Write { place: Place, note: Note, expected: Expected },
    /// Removes a record: its own, or that of a process that is dead.
    Remove { place: Place, revision: u64 },
}

/// How a write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runner) enum Outcome {
    /// It stands, under this revision; 0 for a removal.
    Done(u64),
    /// Another process was faster.
    Conflict,
    /// There is no answer; it may stand.
    Unknown,
}

/// Who holds a partition, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runner) struct Holder {
    pub(in crate::runner) owner: Owner,
    /// Whether the lease is alive, as far as this process has been able to see.
    pub(in crate::runner) lives: bool,
}

impl Book {
    pub(in crate::runner) fn new(me: Owner, partitions: u16, times: LeaseTimes) -> Self {
        Self {
            me,
            partitions,
            times,
            seen: BTreeMap::new(),
            free_since: BTreeMap::new(),
            holds: BTreeMap::new(),
            returning: BTreeSet::new(),
            renewed_at: BTreeMap::new(),
        }
    }

    /// Takes in what stands beside the log; `now` is after it was read.
    pub(in crate::runner) fn look(&mut self, now: Instant, found: Vec<Found>) {
        let places: BTreeSet<Place> = found.iter().map(|found| found.place).collect();
        self.seen.retain(|place, _| places.contains(place));
        for Found { place, note, revision } in found {
            // An answer that is older than what is known already is passed over.
            if self.seen.get(&place).is_none_or(|known| known.revision < revision) {
                self.seen.insert(place, Sighting { note, revision, since: now });
            }
        }
        let seen = &self.seen;
        let mine = |partition: &Partition| {
            seen.get(&Place::Partition(*partition)).is_some_and(|seen| seen.note.owner.id == self.me.id)
        };
        self.holds.retain(|partition, _| mine(partition));
        self.returning.retain(|partition| mine(partition));
        for partition in (0..self.partitions).map(Partition) {
            if self.lives(now, Place::Partition(partition)) {
                self.free_since.remove(&partition);
            } else {
                self.free_since.entry(partition).or_insert(now);
            }
        }
    }

    /// What this process does now. What it gives up is withdrawn at once, before the record is removed.
    ///
    /// A process that has lost a worker takes no part in sharing: it keeps what it has, and takes only what nobody
    /// else wants.
    pub(in crate::runner) fn plan(
        &mut self,
        now: Instant,
        worker: impl Fn(Partition) -> WorkerSide,
    ) -> Vec<Action> {
        let takes_part =
            (0..self.partitions).all(|partition| worker(Partition(partition)) != WorkerSide::Gone);
        let mut actions = self.announce(now, takes_part);
        actions.extend(self.keep_or_give_up(now, &worker));
        self.hand_one_back(now);
        actions.extend(self.take(now, takes_part, &worker));
        actions.extend(self.forget_the_dead(now));
        actions
    }

    /// Learns how `action` went, which was begun at `began`.
    pub(in crate::runner) fn done(&mut self, action: Action, began: Instant, now: Instant, outcome: Outcome) {
        match (action, outcome) {
            (Action::Write { place, note, .. }, Outcome::Done(revision)) => {
                self.seen.insert(place, Sighting { note, revision, since: now });
                self.renewed_at.insert(place, began);
                if let Place::Partition(partition) = place {
                    self.holds.insert(partition, began + self.times.hold());
                    self.free_since.remove(&partition);
                }
            }
            (Action::Write { place, .. }, Outcome::Conflict) => {
                // What stands there now is found by the next look.
                self.seen.remove(&place);
                if let Place::Partition(partition) = place {
                    self.holds.remove(&partition);
                    self.returning.remove(&partition);
                }
            }
            (Action::Remove { place, .. }, Outcome::Done(_) | Outcome::Conflict) => {
                self.seen.remove(&place);
                if let Place::Partition(partition) = place {
                    self.free_since.insert(partition, now);
                }
            }
            (_, Outcome::Unknown) => {}
        }
    }

    /// Until when the worker of `partition` may work; `None` where it may not.
    pub(in crate::runner) fn held_until(&self, partition: Partition) -> Option<Instant> {
        self.holds.get(&partition).copied()
    }

    /// Whether the lease of `partition` is handed back as soon as its worker is idle.
    pub(in crate::runner) fn is_returning(&self, partition: Partition) -> bool {
        self.returning.contains(&partition)
    }

    /// Who holds `partition`, as last seen.
    pub(in crate::runner) fn holder(&self, now: Instant, partition: Partition) -> Option<Holder> {
        let place = Place::Partition(partition);
        let seen = self.seen.get(&place)?;
        Some(Holder { owner: seen.note.owner.clone(), lives: self.lives(now, place) })
    }

    /// Whether nobody has had `partition`, or wanted it, for as long as it takes a lease to die.
    pub(in crate::runner) fn is_unwanted(&self, now: Instant, partition: Partition) -> bool {
        let since = self.free_since.get(&partition);
        since.is_some_and(|since| now.saturating_duration_since(*since) >= self.times.ttl)
    }

    /// Gives everything up: what is to be removed, once no worker works.
    pub(in crate::runner) fn leave(&mut self) -> Vec<Action> {
        self.holds.clear();
        self.returning.clear();
        let mine = self.seen.iter().filter(|(_, seen)| seen.note.owner.id == self.me.id);
        mine.map(|(place, seen)| Action::Remove { place: *place, revision: seen.revision }).collect()
    }

    fn lives(&self, now: Instant, place: Place) -> bool {
        self.seen.get(&place).is_some_and(|seen| now.saturating_duration_since(seen.since) < self.times.ttl)
    }

    fn write(&self, place: Place) -> Action {
        let (expected, renewed) = match self.seen.get(&place) {
            Some(seen) if seen.note.owner.id == self.me.id => {
                (Expected::Revision(seen.revision), seen.note.renewed + 1)
            }
            Some(seen) => (Expected::Revision(seen.revision), 0),
            None => (Expected::New, 0),
        };
        Action::Write { place, note: Note { owner: self.me.clone(), renewed }, expected }
    }

    fn is_due(&self, now: Instant, place: Place) -> bool {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        self.renewed_at.get(&place).is_none_or(|at| age(at) >= self.times.renew_after())
    }

    fn announce(&self, now: Instant, takes_part: bool) -> Vec<Action> {
        let place = Place::Member(self.me.id);
        match self.seen.get(&place) {
            Some(seen) if !takes_part => vec![Action::Remove { place, revision: seen.revision }],
            None if takes_part => vec![self.write(place)],
            Some(_) if self.is_due(now, place) => vec![self.write(place)],
            _ => Vec::new(),
        }
    }

    /// Renews what is due, takes up again what is its own, and removes what no worker works on any more.
    fn keep_or_give_up(&mut self, now: Instant, worker: &impl Fn(Partition) -> WorkerSide) -> Vec<Action> {
        let mut actions = Vec::new();
        for (partition, revision) in self.own() {
            let place = Place::Partition(partition);
            let side = worker(partition);
            let is_returned = side == WorkerSide::Idle && self.returning.contains(&partition);
            if side == WorkerSide::Gone || is_returned {
                self.holds.remove(&partition);
                self.returning.remove(&partition);
                actions.push(Action::Remove { place, revision });
            } else if !self.holds.contains_key(&partition) || self.is_due(now, place) {
                actions.push(self.write(place));
            }
        }
        actions
    }

    /// Marks one lease to be handed back, where another process has at least two fewer: one process at a time does
    /// so, the one with the most, and only while nothing is free.
    fn hand_one_back(&mut self, now: Instant) {
        let own = self.own();
        let others = self.others(now);
        let any_free = (0..self.partitions).any(|p| !self.lives(now, Place::Partition(Partition(p))));
        let least = others.values().copied().min();
        let has_too_many = least.is_some_and(|least| own.len() >= least + 2);
        let is_first = others.iter().all(|(id, count)| (*count, *id) < (own.len(), self.me.id));
        if has_too_many
            && is_first
            && !any_free
            && self.returning.is_empty()
            && let Some((last, _)) = own.last()
        {
            self.returning.insert(*last);
        }
    }

    /// Takes what is free: up to what every other process has, and beyond that what nobody has wanted for a while.
    fn take(&self, now: Instant, takes_part: bool, worker: &impl Fn(Partition) -> WorkerSide) -> Vec<Action> {
        let mut count = self.own().len();
        let least = self.others(now).values().copied().min().unwrap_or(usize::MAX);
        let mut actions = Vec::new();
        for partition in (0..self.partitions).map(Partition) {
            let place = Place::Partition(partition);
            let own = self.seen.get(&place).is_some_and(|seen| seen.note.owner.id == self.me.id);
            if own || self.lives(now, place) || worker(partition) == WorkerSide::Gone {
                continue;
            }
            if (takes_part && count <= least) || self.is_unwanted(now, partition) {
                actions.push(self.write(place));
                count += 1;
            }
        }
        actions
    }

    fn forget_the_dead(&self, now: Instant) -> Vec<Action> {
        let is_dead = |place: &Place| {
            matches!(place, Place::Member(id) if *id != self.me.id) && !self.lives(now, *place)
        };
        let dead = self.seen.iter().filter(|(place, _)| is_dead(place));
        dead.map(|(place, seen)| Action::Remove { place: *place, revision: seen.revision }).collect()
    }

    /// The partitions whose leases are this process's, with their revisions.
    fn own(&self) -> Vec<(Partition, u64)> {
        let own = self.seen.iter().filter(|(_, seen)| seen.note.owner.id == self.me.id);
        own.filter_map(|(place, seen)| match place {
            Place::Partition(partition) if partition.0 < self.partitions => Some((*partition, seen.revision)),
            _ => None,
        })
        .collect()
    }

    /// How many living leases each of the other living processes has, of those that take part.
    fn others(&self, now: Instant) -> BTreeMap<Uuid, usize> {
        let living = || self.seen.iter().filter(|(place, _)| self.lives(now, **place));
        let mut counts: BTreeMap<Uuid, usize> = living()
            .filter_map(|(place, _)| match place {
                Place::Member(id) if *id != self.me.id => Some((*id, 0)),
                _ => None,
            })
            .collect();
        for (place, seen) in living() {
            if let (Place::Partition(_), Some(count)) = (place, counts.get_mut(&seen.note.owner.id)) {
                *count += 1;
            }
        }
        counts
    }
}
