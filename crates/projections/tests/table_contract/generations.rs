//! Generations: filled beside the live one, unseen; switched to in one step, or not at all; and back again.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::store::generations::{Compared, RebuildScope, Role};
use foodflow_projections::store::{Checkpoint, Claim, DigestScope, Sink, StoreError};
use foodflow_projections::tables::{TableChange, TableStore};
use uuid::Uuid;

use super::tables::{Meter, Part, Sample, meter, part, sample};
use super::world::{World, add, append, upsert};

pub(super) const P1: Partition = Partition(1);
const P2: Partition = Partition(2);
const TERM: Duration = Duration::from_secs(60);
const BY: &str = "1.2.3";
pub(super) const HOLDER: Uuid = Uuid::from_u128(42);

/// Writes batches of one tenant into a generation.
pub(super) struct Filler {
    pub(super) sink: Arc<dyn Sink<TableChange>>,
    partition: Partition,
    pub(super) claim: Claim,
}

impl Filler {
    pub(super) async fn new(sink: Arc<dyn Sink<TableChange>>, partition: Partition) -> Self {
        let claim = sink.claim(partition).await.unwrap();
        Self { sink, partition, claim }
    }

    /// The next batch, which ends at `position`.
    async fn try_apply(
        &mut self,
        tenant: TenantId,
        position: u64,
        changes: Vec<TableChange>,
    ) -> Result<(), StoreError> {
        let changes = changes.into_iter().map(|change| (tenant, change)).collect();
        let checkpoint = Checkpoint::new(Position(position), None);
        self.sink.apply(self.claim.next(self.partition, changes, checkpoint)).await
    }

    pub(super) async fn apply(&mut self, tenant: TenantId, position: u64, changes: Vec<TableChange>) {
        self.try_apply(tenant, position, changes).await.unwrap();
    }

    async fn digest(&self, scope: DigestScope) -> String {
        self.sink.digest(scope).await.unwrap()
    }
}

/// Holds the live partition for a switch to what `filler` filled.
pub(super) async fn hold(store: &Arc<dyn TableStore>, filler: &Filler) -> Compared {
    let live = store.hold(filler.partition, HOLDER, TERM).await.unwrap();
    Compared { partition: filler.partition, live, beside: filler.claim.clone() }
}

pub(super) async fn beside(store: &Arc<dyn TableStore>, scope: RebuildScope) -> Filler {
    Filler::new(store.beside(scope, BY).await.unwrap(), P1).await
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(error @ StoreError::Generations { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Everything that queries can learn of the tenant.
async fn seen(world: &World) -> String {
    let (samples, parts) = (world.rows::<Sample>().await, world.rows::<Part>().await);
    let meters = world.rows::<Meter>().await;
    let scope = DigestScope::Partition(world.partition);
    let whole = (world.store.digest(scope).await.unwrap(), world.store.counts(scope).await.unwrap());
    format!("{samples:?} {parts:?} {meters:?} {whole:?} {:?}", world.stored().await)
}

/// Rows in every table, one of which refers to another one, and a sum.
pub(super) fn story(tenant: TenantId, note: &str, value: &str) -> Vec<TableChange> {
    let noted = Sample { note: Some(note.to_owned()), ..sample(tenant, 1) };
    vec![append(noted), upsert(sample(tenant, 2)), append(part(tenant, 1, 1)), add(meter(tenant, 1, value))]
}

pub(crate) async fn nobody_sees_what_stands_beside(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    let (tenant, scope) = (world.tenant, DigestScope::Tenant(world.tenant));
    world.apply(story(tenant, "live", "1")).await;
    let before = seen(&world).await;
    let mut filler = beside(&store, RebuildScope::All).await;
    filler.apply(tenant, 2, story(tenant, "beside", "5")).await;
    // Many at once go as a stream where there is one.
    filler.apply(tenant, 3, (10..500).map(|number| append(sample(tenant, number))).collect()).await;
    assert_eq!(seen(&world).await, before);
    let unseen = (filler.digest(scope).await, filler.sink.counts(scope).await.unwrap());
    assert_eq!(unseen.1["samples"], 492);
    let other = filler.sink.survey(P1, scope).await.unwrap().unwrap();
    assert_eq!((other.checkpoint.position, &other.digest), (Position(3), &unseen.0));

    // The live one is written all the while, and its sums are its own.
    world.apply(vec![add(meter(tenant, 1, "2")), world.patch(1, "note", None::<String>)]).await;
    assert_eq!((filler.digest(scope).await, filler.sink.counts(scope).await.unwrap()), unseen);
    filler.apply(tenant, 4, vec![add(meter(tenant, 1, "2"))]).await;
    assert_eq!(world.rows::<Meter>().await[0].value, 3.into());
    assert_eq!(store.checkpoint(P1).await.unwrap().position, Position(2));
    assert_eq!(filler.sink.identity().await.unwrap(), store.identity().await.unwrap());

    let before = seen(&world).await;
    assert_eq!(store.discard().await.unwrap(), Some(Role::Beside));
    assert_eq!(seen(&world).await, before);
    assert!(store.generations().await.unwrap().other.is_none());
    assert_eq!(store.discard().await.unwrap(), None);
    let empty = beside(&store, RebuildScope::All).await;
    assert_eq!(empty.claim.checkpoint, Checkpoint::default());
    assert!(empty.digest(scope).await.starts_with("0-"));
}

pub(crate) async fn a_switch_changes_places_and_back_again(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    let (tenant, scope) = (world.tenant, DigestScope::Partition(P1));
    world.apply(story(tenant, "wrong", "7")).await;
    world.apply(vec![upsert(sample(tenant, 9))]).await;
    let stale = world.next(vec![upsert(sample(tenant, 8))]);
    let (wrong, identity) = (store.digest(scope).await.unwrap(), store.identity().await.unwrap());

    let mut filler = beside(&store, RebuildScope::All).await;
    filler.apply(tenant, 2, story(tenant, "right", "1")).await;
    let right = filler.digest(scope).await;
    let compared = hold(&store, &filler).await;
    store.switch(std::slice::from_ref(&compared)).await.unwrap();
    assert_eq!(store.digest(scope).await.unwrap(), right);
    assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("right"));
    assert_eq!(world.rows::<Sample>().await.len(), 2);
    assert_eq!(world.stored().await.position, Position(2));
    assert_eq!(store.identity().await.unwrap(), identity);
    // Who wrote before is fenced, whichever generation it wrote to; the hold is gone.
    assert!(matches!(store.apply(stale).await, Err(StoreError::Fenced { .. })));
    let checkpoint = Checkpoint::new(Position(3), None);
    for mut claim in [filler.claim.clone(), compared.live] {
        let late = store.apply(claim.next(P1, vec![], checkpoint.clone())).await;
        assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
    }
    world.claim = store.claim(P1).await.unwrap();
    world
        .apply(vec![upsert(sample(tenant, 3)), append(part(tenant, 3, 1)), add(meter(tenant, 1, "1"))])
        .await;
    assert_eq!(world.rows::<Meter>().await[0].value, 2.into());
    let overview = store.generations().await.unwrap();
    assert_eq!(overview.live[&P1].position, Position(3));
    let other = overview.other.unwrap();
    assert_eq!((other.role, other.scope, other.filled_by.as_str()), (Role::Previous, RebuildScope::All, BY));
    assert_eq!(other.checkpoints[&P1].position, Position(2));

    // Back: what was live is brought up to date first, so that no reader goes back in time.
    let (of, sink) = store.reopen_previous().await.unwrap();
    assert_eq!(of, RebuildScope::All);
    let mut filler = Filler::new(sink, P1).await;
    assert_eq!(filler.claim.checkpoint.position, Position(2));
    assert_eq!(filler.digest(scope).await, wrong);
    refused(store.beside(RebuildScope::All, BY).await.map(|_| ()));
    filler.apply(tenant, 3, vec![upsert(sample(tenant, 3))]).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("wrong"));
    assert_eq!(world.rows::<Sample>().await.len(), 4);
    world.claim = store.claim(P1).await.unwrap();
    world.apply(vec![upsert(sample(tenant, 4))]).await;
    assert_eq!(store.discard().await.unwrap(), Some(Role::Previous));
    refused(store.reopen_previous().await.map(|_| ()));
    assert_eq!(world.rows::<Sample>().await.len(), 5);
}

pub(crate) async fn an_interrupted_fill_goes_on(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    let (tenant, scope) = (world.tenant, DigestScope::Partition(P1));
    world.apply(vec![upsert(sample(tenant, 1))]).await;
    let mut first = beside(&store, RebuildScope::All).await;
    first.apply(tenant, 3, vec![add(meter(tenant, 1, "1"))]).await;
    let begun = first.digest(scope).await;
    let mut second = beside(&store, RebuildScope::All).await;
    assert_eq!(second.claim.checkpoint.position, Position(3));
    assert_eq!(second.digest(scope).await, begun);
    let fenced = first.try_apply(tenant, 4, vec![]).await;
    assert!(matches!(fenced, Err(StoreError::Fenced { .. })), "{fenced:?}");
    second.apply(tenant, 4, vec![add(meter(tenant, 1, "1"))]).await;
    let other = store.generations().await.unwrap().other.unwrap();
    assert_eq!((other.role, other.checkpoints[&P1].position), (Role::Beside, Position(4)));

    // A rebuild of something else does not take it, and another version of the program begins anew.
    let told = refused(store.beside(RebuildScope::Tenant(tenant), BY).await.map(|_| ()));
    assert!(told.contains("--discard"), "{told}");
    refused(store.reopen_previous().await.map(|_| ()));
    let upgraded = Filler::new(store.beside(RebuildScope::All, "1.2.4").await.unwrap(), P1).await;
    assert_eq!(upgraded.claim.checkpoint, Checkpoint::default());
    assert!(upgraded.digest(scope).await.starts_with("0-"));
    let compared = hold(&store, &second).await;
    store.switch(&[compared]).await.unwrap_err();
    assert_eq!(world.rows::<Sample>().await.len(), 1);
}

pub(crate) async fn a_stale_switch_is_refused(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    let tenant = world.tenant;
    world.apply(story(tenant, "live", "1")).await;
    let claim = store.claim(P1).await.unwrap();
    let none = Compared { partition: P1, live: claim.clone(), beside: claim.clone() };
    refused(store.switch(&[none]).await);
    let mut filler = beside(&store, RebuildScope::All).await;
    filler.apply(tenant, 1, story(tenant, "beside", "2")).await;
    let before = seen(&world).await;
    let live = store.hold(P1, HOLDER, TERM).await.unwrap();
    let good = Compared { partition: P1, live, beside: filler.claim.clone() };
    let (mut older, mut behind) = (good.clone(), good.clone());
    older.live = claim;
    behind.beside.checkpoint.position = Position(0);
    for stale in [older, behind] {
        let refused = store.switch(&[stale]).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. } | StoreError::Gap { .. })), "{refused:?}");
    }
    refused(store.switch(&[]).await);
    // The live one moves on once the hold is over, and the one beside is claimed by another rebuild.
    store.release(P1, HOLDER).await.unwrap();
    world.claim = store.claim(P1).await.unwrap();
    let stale = store.switch(std::slice::from_ref(&good)).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    let live = store.hold(P1, HOLDER, TERM).await.unwrap();
    filler.sink.claim(P1).await.unwrap();
    let stale = store.switch(&[Compared { live, ..good }]).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    assert_eq!(seen(&world).await, before);
}

pub(crate) async fn a_held_partition_is_claimed_by_nobody_else(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    let another = Uuid::new_v4();
    let held = store.hold(P1, HOLDER, TERM).await.unwrap();
    assert!(matches!(world.try_apply(vec![]).await, Err(StoreError::Fenced { .. })));
    for refused in [store.claim(P1).await, store.hold(P1, another, TERM).await] {
        assert!(matches!(refused, Err(StoreError::Held { partition: P1, .. })), "{refused:?}");
    }
    assert_eq!(store.hold(P1, HOLDER, TERM).await.unwrap(), held);
    store.release(P1, another).await.unwrap();
    store.claim(P1).await.unwrap_err();
    store.claim(P2).await.unwrap();
    store.release(P1, HOLDER).await.unwrap();
    assert!(store.claim(P1).await.unwrap().epoch > held.epoch);
    // A hold that is not renewed ends by itself, and its holder is fenced then like everybody else.
    let short = store.hold(P1, HOLDER, Duration::from_millis(50)).await.unwrap();
    let claim = loop {
        match store.claim(P1).await {
            Ok(claim) => break claim,
            Err(StoreError::Held { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(claim.epoch > short.epoch);
    assert!(store.hold(P1, HOLDER, TERM).await.unwrap().epoch > claim.epoch);
}

pub(crate) async fn a_tenant_is_switched_alone(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    let (own, stranger) = (world.tenant, TenantId(Uuid::new_v4()));
    // The same ids in both tenants.
    world.tenant = stranger;
    world.apply(story(stranger, "theirs", "9")).await;
    let theirs = world.digest().await;
    world.tenant = own;
    world.apply(story(own, "wrong", "7")).await;
    let wrong = world.digest().await;
    let stale = world.next(vec![]);

    let mut filler = beside(&store, RebuildScope::Tenant(own)).await;
    filler.apply(own, 1, story(own, "right", "1")).await;
    let compared = hold(&store, &filler).await;
    let early = store.switch(&[compared]).await;
    assert!(matches!(early, Err(StoreError::Gap { .. })), "rows of another position: {early:?}");
    filler.apply(own, 2, vec![upsert(sample(own, 3))]).await;
    let right = filler.digest(DigestScope::Tenant(own)).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(world.digest().await, right);
    assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("right"));
    assert_eq!(world.stored().await.position, Position(2));
    assert!(matches!(store.apply(stale).await, Err(StoreError::Fenced { .. })));
    world.tenant = stranger;
    assert_eq!(world.digest().await, theirs);
    world.claim = store.claim(P1).await.unwrap();
    world.apply(vec![add(meter(stranger, 1, "1"))]).await;
    let theirs = world.digest().await;
    world.tenant = own;
    world.apply(vec![upsert(sample(own, 4))]).await;

    let (scope, sink) = store.reopen_previous().await.unwrap();
    assert_eq!(scope, RebuildScope::Tenant(own));
    assert_eq!(sink.identity().await.unwrap(), store.identity().await.unwrap());
    let mut filler = Filler::new(sink, P1).await;
    assert_eq!(filler.claim.checkpoint.position, Position(2));
    assert_eq!(filler.digest(DigestScope::Tenant(own)).await, wrong);
    filler.apply(own, 4, vec![upsert(sample(own, 4))]).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("wrong"));
    assert_eq!(world.rows::<Sample>().await.len(), 3);
    world.tenant = stranger;
    assert_eq!(world.digest().await, theirs);
}

pub(crate) async fn several_partitions_are_switched_together(store: Arc<dyn TableStore>) {
    let mut worlds = [World::new(Arc::clone(&store), 1).await, World::new(Arc::clone(&store), 2).await];
    for world in &mut worlds {
        world.apply(story(world.tenant, "old", "1")).await;
    }
    let sink = store.beside(RebuildScope::All, BY).await.unwrap();
    let mut compared = Vec::new();
    for (world, partition) in worlds.iter().zip([P1, P2]) {
        let mut filler = Filler::new(Arc::clone(&sink), partition).await;
        filler.apply(world.tenant, 1, story(world.tenant, "new", "2")).await;
        compared.push(hold(&store, &filler).await);
    }
    let told = refused(store.switch(&compared[..1]).await);
    assert!(told.contains("partition 2"), "{told}");
    for world in &worlds {
        assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("old"));
    }
    store.switch(&compared).await.unwrap();
    for world in &mut worlds {
        assert_eq!(world.sample(1).await.unwrap().note.as_deref(), Some("new"));
        world.claim = store.claim(world.partition).await.unwrap();
        world.apply(vec![add(meter(world.tenant, 1, "1"))]).await;
        assert_eq!(world.rows::<Meter>().await[0].value, 3.into());
    }
}
