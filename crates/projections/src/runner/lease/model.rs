//! A model of several processes that share partitions: each is stopped between any two of its steps, frozen, killed
//! and started again, its writes lost or unanswered.
//!
//! What must hold at every moment: no two processes believe in the lease of one partition. And once the trouble is
//! over: every partition has one living owner, and none has two partitions more than another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use foodflow_log::{Expected, Partition};
use proptest::prelude::*;
use tokio::time::Instant;
use uuid::Uuid;

use super::book::{Action, Book, Outcome, WorkerSide};
use super::record::{Found, Note, Place};
use super::{LeaseTimes, Owner};

const TTL: Duration = Duration::from_millis(3_000);
const TIMES: LeaseTimes = LeaseTimes { ttl: TTL };

/// The records beside the log.
#[derive(Debug, Clone, Default)]
struct Records {
    of_place: BTreeMap<Place, (Note, u64)>,
    last_revision: u64,
}

impl Records {
    fn found(&self) -> Vec<Found> {
        let found = |(place, (note, revision)): (&Place, &(Note, u64))| Found {
            place: *place,
            note: note.clone(),
            revision: *revision,
        };
        self.of_place.iter().map(found).collect()
    }

    fn carry_out(&mut self, action: &Action) -> Outcome {
        match action {
            Action::Write { place, note, expected } => {
                let found = self.of_place.get(place).map(|(_, revision)| *revision);
                if !expected.holds(found) {
                    return Outcome::Conflict;
                }
                self.last_revision += 1;
                self.of_place.insert(*place, (note.clone(), self.last_revision));
                Outcome::Done(self.last_revision)
            }
            Action::Remove { place, revision } => {
                let found = self.of_place.get(place).map(|(_, revision)| *revision);
                if !Expected::Revision(*revision).holds(found) {
                    return Outcome::Conflict;
                }
                self.of_place.remove(place);
                Outcome::Done(0)
            }
        }
    }
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It stands, and nobody says so.
    AnswerLost,
    /// It never arrives.
    Lost,
}

/// Where a process is in its turn.
#[derive(Debug, Clone)]
enum Phase {
    Resting,
    Planned(Vec<Action>),
    /// Writes that were begun, those that have arrived first.
    Writing {
        began: Instant,
        arrived: Vec<(Action, Outcome)>,
        on_the_way: Vec<Action>,
    },
}

#[derive(Debug, Clone)]
struct Process {
    book: Book,
    phase: Phase,
    lives: bool,
    frozen_until: Instant,
    /// Partitions on which its worker has a session.
    busy: BTreeSet<Partition>,
    /// Partitions whose worker has died.
    gone: BTreeSet<Partition>,
}

#[derive(Debug, Clone)]
struct World {
    now: Instant,
    partitions: u16,
    records: Records,
    processes: Vec<Process>,
}

impl World {
    fn new(processes: usize, partitions: u16) -> Self {
        let now = Instant::now();
        let process = |nth: usize| Process::new(owner(nth), partitions, now);
        let processes = (0..processes).map(process).collect();
        Self { now, partitions, records: Records::default(), processes }
    }

    /// The next step of a process; none where it is dead or frozen.
    fn step(&mut self, nth: usize, fate: Fate) {
        let now = self.now;
        let process = &mut self.processes[nth];
        if !process.lives || process.frozen_until > now {
            return;
        }
        process.work(now, self.partitions);
        let phase = std::mem::replace(&mut process.phase, Phase::Resting);
        process.phase = match phase {
            Phase::Resting => {
                process.book.look(now, self.records.found());
                let (busy, gone) = (process.busy.clone(), process.gone.clone());
                let side = |partition: Partition| match (gone.contains(&partition), busy.contains(&partition))
                {
                    (true, _) => WorkerSide::Gone,
                    (_, true) => WorkerSide::Busy,
                    _ => WorkerSide::Idle,
                };
                Phase::Planned(process.book.plan(now, side))
            }
            Phase::Planned(actions) => {
                Phase::Writing { began: now, arrived: Vec::new(), on_the_way: actions }
            }
            Phase::Writing { began, mut arrived, mut on_the_way } if !on_the_way.is_empty() => {
                let action = on_the_way.remove(0);
                let outcome = match fate {
                    Fate::Answered => self.records.carry_out(&action),
                    Fate::AnswerLost => {
                        self.records.carry_out(&action);
                        Outcome::Unknown
                    }
                    Fate::Lost => Outcome::Unknown,
                };
                arrived.push((action, outcome));
                Phase::Writing { began, arrived, on_the_way }
            }
            Phase::Writing { began, arrived, .. } => {
                for (action, outcome) in arrived {
                    process.book.done(action, began, now, outcome);
                }
                Phase::Resting
            }
        };
        process.work(now, self.partitions);
        self.check();
    }

    fn advance(&mut self, by: Duration) {
        self.now += by;
        self.check();
    }

    /// Whoever was dead or frozen lives; a process that begins anew is another one, unless it kept its id.
    fn start_again(&mut self, nth: usize, keeps_id: bool) {
        let id = if keeps_id { nth } else { nth + 100 * (1 + self.records.last_revision as usize) };
        self.processes[nth] = Process::new(owner(id), self.partitions, self.now);
    }

    fn check(&self) {
        for partition in (0..self.partitions).map(Partition) {
            let believes = |process: &&Process| process.book.held_until(partition) > Some(self.now);
            let believers = self.processes.iter().filter(believes).count();
            assert!(believers <= 1, "{believers} believe in partition {}: {self:#?}", partition.0);
        }
    }

    /// The trouble is over: a turn of every process that lives, over and over, as long as it takes several times a
    /// lease to die.
    fn settle(&mut self) {
        for process in &mut self.processes {
            process.frozen_until = self.now;
        }
        for _ in 0..60 {
            for nth in 0..self.processes.len() {
                self.step(nth, Fate::Answered);
                while !matches!(self.processes[nth].phase, Phase::Resting) && self.processes[nth].lives {
                    self.step(nth, Fate::Answered);
                }
            }
            self.advance(TIMES.look_every());
        }
    }

    /// How many partitions each living process holds; none is held by nobody.
    fn shares(&self) -> Vec<usize> {
        let living: Vec<_> = self.processes.iter().filter(|process| process.lives).collect();
        let partitions = || (0..self.partitions).map(Partition);
        let holds = |process: &Process, one| process.book.held_until(one) > Some(self.now);
        let mut all = partitions();
        assert!(all.all(|one| living.iter().any(|process| holds(process, one))), "{self:#?}");
        living.iter().map(|process| partitions().filter(|one| holds(process, *one)).count()).collect()
    }
}

impl Process {
    fn new(owner: Owner, partitions: u16, now: Instant) -> Self {
        Self {
            book: Book::new(owner, partitions, TIMES),
            phase: Phase::Resting,
            lives: true,
            frozen_until: now,
            busy: BTreeSet::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Its workers begin and end their sessions.
    fn work(&mut self, now: Instant, partitions: u16) {
        let book = &self.book;
        let may_work = |one: &Partition| book.held_until(*one) > Some(now) && !book.is_returning(*one);
        self.busy = (0..partitions).map(Partition).filter(may_work).collect();
    }
}

fn owner(nth: usize) -> Owner {
    Owner { id: Uuid::from_u128(1 + nth as u128), process: nth.to_string() }
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Step(usize, Fate),
    Pass(u32),
    Freeze(usize, u32),
    Kill(usize),
    StartAgain(usize, bool),
    LoseWorker(usize, u16),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let fate = prop_oneof![8 => Just(Fate::Answered), 1 => Just(Fate::AnswerLost), 1 => Just(Fate::Lost)];
    let one = prop_oneof![
        30 => (0..4_usize, fate).prop_map(|(nth, fate)| Happening::Step(nth, fate)),
        12 => (1..900_u32).prop_map(Happening::Pass),
        1 => (0..4_usize, 500..9_000_u32).prop_map(|(nth, ms)| Happening::Freeze(nth, ms)),
        1 => (0..4_usize).prop_map(Happening::Kill),
        1 => (0..4_usize, any::<bool>()).prop_map(|(nth, keeps)| Happening::StartAgain(nth, keeps)),
    ];
    proptest::collection::vec(one, 50..400)
}

impl World {
    fn happen(&mut self, happening: Happening) {
        let count = self.processes.len();
        match happening {
            Happening::Step(nth, fate) => self.step(nth % count, fate),
            Happening::Pass(ms) => self.advance(Duration::from_millis(ms.into())),
            Happening::Freeze(nth, ms) => {
                self.processes[nth % count].frozen_until = self.now + Duration::from_millis(ms.into());
            }
            Happening::Kill(nth) => self.processes[nth % count].lives = false,
            // A process with the id of another one begins only once that one is dead.
            Happening::StartAgain(nth, keeps_id) => {
                if !self.processes[nth % count].lives {
                    self.start_again(nth % count, keeps_id);
                }
            }
            Happening::LoseWorker(nth, partition) => {
                self.processes[nth % count].gone.insert(Partition(partition));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_lease_has_one_believer_and_every_partition_an_owner(
        processes in 1..5_usize, partitions in 1..7_u16, happenings in happenings(),
    ) {
        let mut world = World::new(processes, partitions);
        for happening in happenings {
            world.happen(happening);
        }
        if world.processes.iter().all(|process| !process.lives) {
            world.start_again(0, false);
        }
        world.settle();
        let shares = world.shares();
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", shares);
        let living = world.processes.iter().filter(|process| process.lives).count();
        prop_assert_eq!(world.records.of_place.len(), living + usize::from(partitions), "nothing is left behind");
    }
}

/// Every order of steps of two processes, one of which holds a lease that the other one waits for.
#[test]
fn no_order_of_steps_makes_two_believers() {
    fn explore(world: &World, depth: u32, handovers: &mut u32) {
        if depth == 0 {
            let partition = Partition(0);
            *handovers += u32::from(world.processes[1].book.held_until(partition) > Some(world.now));
            return;
        }
        for nth in 0..2 {
            let mut next = world.clone();
            next.step(nth, Fate::Answered);
            explore(&next, depth - 1, handovers);
        }
        let mut next = world.clone();
        next.advance(TTL * 5 / 12);
        explore(&next, depth - 1, handovers);
    }
    let mut world = World::new(2, 1);
    for nth in [0, 0, 0, 0, 0, 1, 1, 1, 1] {
        world.step(nth, Fate::Answered);
    }
    assert!(world.processes[0].book.held_until(Partition(0)).is_some());
    let mut handovers = 0;
    explore(&world, 11, &mut handovers);
    assert!(handovers > 100, "the exploration reaches takeovers: {handovers}");
}

#[test]
fn a_dead_owner_is_followed_within_a_lease_and_a_few_looks() {
    let mut world = World::new(2, 4);
    world.settle();
    assert_eq!(world.shares(), [2, 2]);
    world.processes[0].lives = false;
    let died = world.now;
    while (0..4).any(|one| world.processes[1].book.held_until(Partition(one)) <= Some(world.now)) {
        world.step(1, Fate::Answered);
        while !matches!(world.processes[1].phase, Phase::Resting) {
            world.step(1, Fate::Answered);
        }
        world.advance(TIMES.look_every());
        assert!(world.now - died < TTL * 3 / 2, "{:?}", world.now - died);
    }
}

#[test]
fn a_process_that_keeps_its_id_takes_up_what_it_had_at_once() {
    let mut world = World::new(2, 4);
    world.settle();
    world.processes[0].lives = false;
    world.start_again(0, true);
    for _ in 0..8 {
        world.step(0, Fate::Answered);
    }
    let own = (0..4).filter(|one| world.processes[0].book.held_until(Partition(*one)).is_some()).count();
    assert_eq!(own, 2);
}

#[test]
fn a_partition_whose_worker_died_moves_and_the_others_stay() {
    let mut world = World::new(2, 4);
    world.settle();
    let lost = (0..4).find(|one| world.processes[0].book.held_until(Partition(*one)).is_some()).unwrap();
    world.happen(Happening::LoseWorker(0, lost));
    world.settle();
    let mut shares = world.shares();
    shares.sort_unstable();
    assert_eq!(shares, [1, 3]);
    assert_eq!(world.processes[0].book.held_until(Partition(lost)), None);
    // The process that lost a worker still takes over what nobody else can.
    world.processes[1].lives = false;
    world.settle();
    let own = (0..4).filter(|one| world.processes[0].book.held_until(Partition(*one)).is_some());
    assert_eq!(own.count(), 3);
}
