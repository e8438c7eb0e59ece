//! Several runners share the partitions of one log and one store: each in a runtime of its own, which is killed or
//! frozen as a process would be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{Partition, Position, SharedLog};
use foodflow_projections::runner::{
    Owner, ProjectionState, ProjectionStatus, Runner, RunnerConfig, RunnerHandle,
};
use foodflow_testkit::servers::NatsServer;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::store::{RecordingStore, Way};
use super::support::{SOON, TestProjection, append, config};

const PARTITIONS: u16 = 4;
/// How long anything may take on a machine that is busy with something else.
const LATE: Duration = Duration::from_secs(30);
/// Leases that die sooner than by default.
const SHORT: Duration = Duration::from_millis(1_200);

/// Where the log is that all processes share.
#[derive(Clone)]
enum Place {
    Memory(SharedLog),
    Nats(String),
}

impl Place {
    fn memory() -> Self {
        Self::Memory(Arc::new(MemoryLog::new(PARTITIONS)))
    }

    /// The log as one process has it: on JetStream with a connection of its own.
    async fn open(self) -> SharedLog {
        match self {
            Self::Memory(log) => log,
            Self::Nats(url) => {
                let config = NatsConfig { partitions: Some(PARTITIONS), ..NatsConfig::new(url) };
                Arc::new(NatsLog::connect(config).await.unwrap())
            }
        }
    }
}

/// A process that projects.
struct Process {
    runtime: Option<Runtime>,
    owner: Owner,
    runner: RunnerHandle,
    /// Its way to the store.
    way: Arc<Way>,
}

impl Process {
    async fn start(name: &str, place: &Place, store: &Arc<RecordingStore>, lease_ttl: Duration) -> Self {
        let owner = Owner::new(name);
        Self::start_as(owner, place, store, lease_ttl).await
    }

    async fn start_as(owner: Owner, place: &Place, store: &Arc<RecordingStore>, lease_ttl: Duration) -> Self {
        // A single thread, so that one blocking task freezes all of it.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let way = Arc::new(Way::to(store.clone()));
        let config = RunnerConfig { owner: Some(owner.clone()), lease_ttl, ..config() };
        let (place, sink) = (place.clone(), way.clone());
        let starting = async move {
            Runner::start(place.open().await, sink, Arc::new(TestProjection::default()), config).unwrap()
        };
        let runner = runtime.spawn(starting).await.unwrap();
        Self { runtime: Some(runtime), owner, runner, way }
    }

    /// As `kill -9`: nothing is given back.
    fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// As `SIGSTOP`; dropping what is answered lets it go on.
    fn freeze(&self) -> std::sync::mpsc::Sender<()> {
        let (go_on, frozen) = std::sync::mpsc::channel::<()>();
        self.runtime.as_ref().unwrap().spawn(async move { frozen.recv().is_ok() });
        go_on
    }

    /// Its partitions, by its own word.
    async fn own(&self) -> Vec<Partition> {
        let status = self.runner.status().await;
        let own = status.iter().filter(|one| one.owner.as_ref() == Some(&self.owner));
        own.map(|one| one.partition).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits until the processes have so many partitions, in any order, all of them together.
async fn until_shared(processes: &[&Process], shares: &[usize]) {
    let began = Instant::now();
    let mut found = Vec::new();
    while began.elapsed() < LATE {
        found.clear();
        for process in processes {
            found.push(process.own().await);
        }
        let mut counts: Vec<_> = found.iter().map(Vec::len).collect();
        counts.sort_unstable();
        if counts == shares {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never {shares:?}: {found:?}");
}

/// Waits until every partition is in `state`, by the word of one process.
async fn until_all(runner: &RunnerHandle, state: ProjectionState) -> Vec<ProjectionStatus> {
    let began = Instant::now();
    loop {
        let status = runner.status().await;
        if status.iter().all(|one| one.state == state) {
            return status;
        }
        assert!(began.elapsed() < LATE, "never {state:?}: {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One tenant in each partition.
fn tenants(log: &SharedLog) -> BTreeMap<Partition, TenantId> {
    let mut tenants = BTreeMap::new();
    while tenants.len() < usize::from(PARTITIONS) {
        let tenant = TenantId(Uuid::now_v7());
        tenants.insert(log.partition_of(tenant), tenant);
    }
    tenants
}

/// Appends to every partition; answers the heads.
async fn append_to_all(
    log: &SharedLog,
    tenants: &BTreeMap<Partition, TenantId>,
) -> BTreeMap<Partition, Position> {
    let mut heads = BTreeMap::new();
    for (partition, tenant) in tenants {
        for size in 1..5 {
            heads.insert(*partition, append(log, *tenant, size).await);
        }
    }
    heads
}

async fn wait_for(process: &Process, heads: &BTreeMap<Partition, Position>) {
    for (partition, head) in heads {
        process.runner.progress().wait_for(*partition, *head, LATE).await.unwrap();
    }
}

#[allow(clippy::print_stdout, reason = "the measured time is for people")]
async fn share_and_follow(place: Place) {
    let (log, store) = (place.clone().open().await, Arc::new(RecordingStore::default()));
    let tenants = tenants(&log);
    let mut first = Process::start("first", &place, &store, Duration::from_secs(3)).await;
    until_shared(&[&first], &[4]).await;
    append_to_all(&log, &tenants).await;
    let mut second = Process::start("second", &place, &store, Duration::from_secs(3)).await;
    until_shared(&[&first, &second], &[2, 2]).await;
    let heads = append_to_all(&log, &tenants).await;
    wait_for(&first, &heads).await;
    wait_for(&second, &heads).await;
    for process in [&first, &second] {
        until_all(&process.runner, ProjectionState::Running).await;
        assert!(process.runner.is_ready());
    }

    // A death: what the dead one had moves.
    let orphans = first.own().await;
    first.kill();
    let died = Instant::now();
    let heads = append_to_all(&log, &tenants).await;
    for partition in &orphans {
        second.runner.progress().wait_for(*partition, heads[partition], LATE).await.unwrap();
    }
    println!("the partitions of a dead process moved within {:?}", died.elapsed());
    wait_for(&second, &heads).await;
    until_shared(&[&second], &[4]).await;

    // A stop: what it had moves as well, and nobody has it twice.
    let third = Process::start("third", &place, &store, Duration::from_secs(3)).await;
    until_shared(&[&second, &third], &[2, 2]).await;
    second.runner.stop().await;
    until_shared(&[&third], &[4]).await;
    let status = second.runner.status().await;
    assert!(
        status.iter().all(|one| one.state == ProjectionState::Stopped || one.owner.is_some()),
        "{status:?}"
    );
    assert!(!second.runner.is_ready());
    let heads = append_to_all(&log, &tenants).await;
    wait_for(&third, &heads).await;
    for (partition, head) in heads {
        store.assert_applied_once(partition, head);
    }
    second.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_shared_and_follow_the_living() {
    share_and_follow(Place::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_shared_and_follow_the_living_on_jetstream() {
    let server = NatsServer::start().await.unwrap();
    share_and_follow(Place::Nats(server.url().to_owned())).await;
}

/// A process freezes while it has a batch for the store in its hands, and goes on when another one has its partitions.
async fn freeze_and_wake(place: Place) {
    let (log, store) = (place.clone().open().await, Arc::new(RecordingStore::default()));
    let tenants = tenants(&log);
    let frozen = Process::start("frozen", &place, &store, SHORT).await;
    until_shared(&[&frozen], &[4]).await;
    let heads = append_to_all(&log, &tenants).await;
    wait_for(&frozen, &heads).await;
    frozen.way.block();
    append_to_all(&log, &tenants).await;
    frozen.way.until_waiting(usize::from(PARTITIONS)).await;
    let go_on = frozen.freeze();
    let other = Process::start("other", &place, &store, SHORT).await;
    until_shared(&[&other], &[4]).await;
    let heads = append_to_all(&log, &tenants).await;
    wait_for(&other, &heads).await;
    let written = store.ends();

    frozen.way.unblock();
    drop(go_on);
    let began = Instant::now();
    while store.fenced() < usize::from(PARTITIONS) {
        assert!(began.elapsed() < LATE, "only {} batches were refused", store.fenced());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(store.ends(), written, "the one that woke wrote nothing");
    until_shared(&[&frozen, &other], &[2, 2]).await;
    let heads = append_to_all(&log, &tenants).await;
    wait_for(&frozen, &heads).await;
    for (partition, head) in heads {
        store.assert_applied_once(partition, head);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_writes_nothing() {
    freeze_and_wake(Place::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_writes_nothing_on_jetstream() {
    let server = NatsServer::start().await.unwrap();
    freeze_and_wake(Place::Nats(server.url().to_owned())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_started_again_under_its_name_goes_on_at_once() {
    let (place, store) = (Place::memory(), Arc::new(RecordingStore::default()));
    let log = place.clone().open().await;
    let tenants = tenants(&log);
    // Nobody else could take these leases within the test.
    let ttl = LATE * 10;
    let mut first = Process::start("restarted", &place, &store, ttl).await;
    wait_for(&first, &append_to_all(&log, &tenants).await).await;
    first.kill();
    let again = Process::start_as(first.owner.clone(), &place, &store, ttl).await;
    let heads = append_to_all(&log, &tenants).await;
    wait_for(&again, &heads).await;
    for (partition, head) in heads {
        store.assert_applied_once(partition, head);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_watches_sees_owners_come_and_go() {
    let (place, store) = (Place::memory(), Arc::new(RecordingStore::default()));
    let log = place.clone().open().await;
    let config = RunnerConfig { lease_ttl: SHORT, ..config() };
    let watching = Runner::watch(log.clone(), store.clone(), "notes", config).unwrap();
    let status = until_all(&watching, ProjectionState::Unassigned).await;
    assert_eq!(status[0].error.as_deref(), Some("no living process has the partition"));
    let began = Instant::now();
    while watching.is_ready() {
        assert!(began.elapsed() < LATE, "ready without an owner");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut process = Process::start("plant-7/4711", &place, &store, SHORT).await;
    let heads = append_to_all(&log, &tenants(&log)).await;
    for (partition, head) in &heads {
        watching.progress().wait_for(*partition, *head, SOON).await.unwrap();
    }
    let status = until_all(&watching, ProjectionState::Running).await;
    for (one, (partition, head)) in status.iter().zip(&heads) {
        assert_eq!((one.partition, one.position, one.head), (*partition, *head, *head));
        assert_eq!(one.owner.as_ref(), Some(&process.owner));
    }
    assert!(watching.is_ready());
    process.kill();
    assert!(until_all(&watching, ProjectionState::Unassigned).await.iter().all(|one| one.owner.is_none()));
}
