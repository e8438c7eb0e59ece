//! Generations: filled beside the live one, unseen; switched to in one step, or not at all; and back again.
//!
//! A switch concerns a whole store, so that these cases need one for themselves. They begin with [`fresh`].

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use foodflow_projections::changes::{Change, Edge, EdgeType, Label, NodeKey, Properties};
use foodflow_projections::graph::{
    Checkpoint, Claim, DigestScope, EdgeDirection, GraphStore, Sink, StoreError, TraceDirection,
};
use foodflow_projections::store::generations::{Compared, RebuildScope, Role};
use foodflow_projections::store::quarantine::Quarantine;
use uuid::Uuid;

use super::world::{World, added, bare, edge, node, recorded, retirement, text, uses, waiting};

/// One test per case, for a store that can be had anew for each. `$open` as for the other contract.
macro_rules! generation_cases {
    ($call:ident) => {
        $call! {
            nobody_sees_what_stands_beside,
            a_switch_changes_places_and_back_again,
            an_interrupted_fill_goes_on,
            a_stale_switch_is_refused,
            a_held_partition_is_claimed_by_nobody_else,
            a_tenant_is_switched_alone,
            all_that_differs_is_exchanged,
            several_partitions_are_switched_together,
            what_waits_changes_places_with_its_generation,
        }
    };
}
pub(crate) use generation_cases;

const P1: Partition = Partition(1);
const P2: Partition = Partition(2);
const TERM: Duration = Duration::from_secs(60);
const BY: &str = "1.2.3";
const HOLDER: Uuid = Uuid::from_u128(42);

/// Leaves neither a generation beside nor anything of the partitions that are used here.
pub(crate) async fn fresh(store: &Arc<dyn GraphStore>) {
    store.discard().await.unwrap();
    for partition in [P1, P2] {
        store.release(partition, HOLDER).await.unwrap();
        store.clear(partition).await.unwrap();
    }
}

/// Writes batches of one tenant into a generation.
struct Filler {
    sink: Arc<dyn Sink<Change>>,
    partition: Partition,
    claim: Claim,
}

impl Filler {
    async fn new(sink: Arc<dyn Sink<Change>>, partition: Partition) -> Self {
        let claim = sink.claim(partition).await.unwrap();
        Self { sink, partition, claim }
    }

    /// The next batch, which ends at `position`.
    async fn try_apply(
        &mut self,
        tenant: TenantId,
        position: u64,
        changes: Vec<Change>,
    ) -> Result<(), StoreError> {
        let changes = changes.into_iter().map(|change| (tenant, change)).collect();
        let checkpoint = Checkpoint::new(Position(position), Some(recorded(position)));
        self.sink.apply(self.claim.next(self.partition, changes, checkpoint)).await
    }

    async fn apply(&mut self, tenant: TenantId, position: u64, changes: Vec<Change>) {
        self.try_apply(tenant, position, changes).await.unwrap();
    }

    async fn digest(&self, scope: DigestScope) -> String {
        self.sink.digest(scope).await.unwrap()
    }
}

/// Holds the live partition for a switch to what `filler` filled.
async fn hold(store: &Arc<dyn GraphStore>, filler: &Filler) -> Compared {
    let live = store.hold(filler.partition, HOLDER, TERM).await.unwrap();
    Compared { partition: filler.partition, live, beside: filler.claim.clone() }
}

async fn beside(store: &Arc<dyn GraphStore>, scope: RebuildScope) -> Filler {
    Filler::new(store.beside(scope, BY).await.unwrap(), P1).await
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(error @ StoreError::Generations { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Everything that queries can learn of some lots.
async fn seen(world: &World, lots: &[NodeKey]) -> String {
    let mut edges = Vec::new();
    for lot in lots {
        edges.extend(world.edges_from(*lot).await);
        edges.extend(world.edges_at(*lot, EdgeType::ALL, EdgeDirection::Incoming).await);
        for direction in [TraceDirection::Forward, TraceDirection::Backward] {
            edges.extend(world.store.genealogy(world.tenant, lot.id, direction).await.unwrap());
        }
    }
    let (nodes, listed) = (world.nodes(lots).await, world.listed(Label::Batch, vec![]).await);
    let named = world.listed(Label::Batch, vec![("batch_number", text("MP-1"))]).await;
    let scope = DigestScope::Partition(world.partition);
    let counts = world.store.counts(scope).await.unwrap();
    let digests = (world.digest().await, world.store.digest(scope).await.unwrap());
    let checkpoint = world.store.checkpoint(world.partition).await.unwrap();
    format!("{nodes:?} {listed:?} {named:?} {edges:?} {counts:?} {digests:?} {checkpoint:?}")
}

pub(crate) async fn nobody_sees_what_stands_beside(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    let lots = [1, 2, 3].map(|number| world.lot(number));
    let document_id = Uuid::new_v4();
    let declared = |position, from, to| {
        added(Edge { document_id: Some(document_id), ..edge(position, EdgeType::UsesIngredient, from, to) })
    };
    world.apply([bare(&lots), vec![declared(1, lots[0], lots[1])]].concat()).await;
    let before = seen(&world, &lots).await;

    let types = &[EdgeType::UsesIngredient];
    let all_gone = || {
        vec![
            Change::RetireDocument { document_id, edge_types: types, retirement: retirement(9) },
            Change::RetireFrom { from: lots[0], edge_types: types, retirement: retirement(9) },
        ]
    };
    let mut filler = beside(&store, RebuildScope::All).await;
    let renamed = node(lots[0], [("batch_number", text("MP-1")), ("status", text("held"))]);
    let more = vec![declared(2, lots[0], lots[2]), declared(2, lots[2], lots[1]), uses(2, lots[1], lots[0])];
    filler.apply(world.tenant, 2, [bare(&lots), vec![renamed], more].concat()).await;
    assert_eq!(seen(&world, &lots).await, before);
    filler.apply(world.tenant, 9, all_gone()).await;
    assert_eq!(seen(&world, &lots).await, before);

    // The live one is written all the while, and what is retired there is not retired beside.
    let scope = DigestScope::Tenant(world.tenant);
    filler.apply(world.tenant, 10, vec![declared(10, lots[0], lots[1])]).await;
    let unseen = (filler.digest(scope).await, filler.sink.counts(scope).await.unwrap());
    assert_eq!(unseen.1["Batch"], 3);
    world.apply(all_gone()).await;
    assert!(world.edges_from(lots[0]).await.iter().all(|edge| edge.retired.is_some()));
    assert_eq!((filler.digest(scope).await, filler.sink.counts(scope).await.unwrap()), unseen);
    assert_eq!(filler.sink.checkpoint(P1).await.unwrap().position, Position(10));
    assert_eq!(store.checkpoint(P1).await.unwrap().position, world.position());

    // Neither is it seen by what goes on while it is given up, nor anything left of it.
    let before = seen(&world, &lots).await;
    assert_eq!(store.discard().await.unwrap(), Some(Role::Beside));
    assert_eq!(seen(&world, &lots).await, before);
    assert!(store.generations().await.unwrap().other.is_none());
    let empty = beside(&store, RebuildScope::All).await;
    assert_eq!(empty.claim.checkpoint, Checkpoint::default());
    assert!(empty.digest(scope).await.starts_with("0-"));
}

pub(crate) async fn a_switch_changes_places_and_back_again(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    let (output, input) = (world.lot(1), world.lot(2));
    world.apply(vec![node(output, [("batch_number", text("WRONG"))])]).await;
    world.apply(vec![node(world.lot(9), [])]).await;
    let stale = world.batch(3, vec![node(world.lot(8), [])]);
    let scope = DigestScope::Partition(P1);
    let wrong = store.digest(scope).await.unwrap();

    let mut filler = beside(&store, RebuildScope::All).await;
    let right = vec![node(output, [("batch_number", text("MP-1"))]), node(input, []), uses(1, output, input)];
    filler.apply(world.tenant, 2, right).await;
    let right = filler.digest(scope).await;
    let compared = hold(&store, &filler).await;
    store.switch(std::slice::from_ref(&compared)).await.unwrap();

    assert_eq!(store.digest(scope).await.unwrap(), right);
    assert_eq!(world.property(output, "batch_number").await, Some(text("MP-1")));
    assert_eq!(world.genealogy(output, TraceDirection::Backward).await, [(output, input)]);
    assert_eq!(world.listed(Label::Batch, vec![]).await.len(), 2);
    assert_eq!(store.checkpoint(P1).await.unwrap().position, Position(2));
    // Who wrote before is fenced, whichever generation it wrote to; the hold is gone.
    assert!(matches!(store.apply(stale).await, Err(StoreError::Fenced { .. })));
    let late = filler.claim.clone();
    let changes = vec![(world.tenant, node(world.lot(7), []))];
    let checkpoint = Checkpoint::new(Position(3), None);
    for mut claim in [late, compared.live] {
        let refused = store.apply(claim.next(P1, changes.clone(), checkpoint.clone())).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    }
    world.claim().await;
    world.apply(vec![node(world.lot(3), [])]).await;
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
    filler.apply(world.tenant, 3, vec![node(world.lot(3), [])]).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(world.property(output, "batch_number").await, Some(text("WRONG")));
    assert_eq!(world.listed(Label::Batch, vec![]).await.len(), 3);
    world.claim().await;
    assert_eq!(world.position(), Position(3));
    world.apply(vec![node(input, [])]).await;
    assert_eq!(store.discard().await.unwrap(), Some(Role::Previous));
    refused(store.reopen_previous().await.map(|_| ()));
    assert_eq!(world.listed(Label::Batch, vec![]).await.len(), 4);
}

pub(crate) async fn an_interrupted_fill_goes_on(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    world.apply(vec![node(world.lot(1), [])]).await;
    let mut first = beside(&store, RebuildScope::All).await;
    first.apply(world.tenant, 3, vec![node(world.lot(1), [("status", text("held"))])]).await;
    let scope = DigestScope::Partition(P1);
    let begun = first.digest(scope).await;

    let mut second = beside(&store, RebuildScope::All).await;
    assert_eq!(second.claim.checkpoint.position, Position(3));
    assert_eq!(second.digest(scope).await, begun);
    let fenced = first.try_apply(world.tenant, 4, bare(&[world.lot(2)])).await;
    assert!(matches!(fenced, Err(StoreError::Fenced { .. })), "{fenced:?}");
    second.apply(world.tenant, 4, bare(&[world.lot(2)])).await;
    let other = store.generations().await.unwrap().other.unwrap();
    assert_eq!((other.role, other.checkpoints[&P1].position), (Role::Beside, Position(4)));

    // A rebuild of something else does not take it, and another version of the program begins anew.
    let told = refused(store.beside(RebuildScope::Tenant(world.tenant), BY).await.map(|_| ()));
    assert!(told.contains("--discard"), "{told}");
    refused(store.reopen_previous().await.map(|_| ()));
    let upgraded = store.beside(RebuildScope::All, "1.2.4").await.unwrap();
    let mut upgraded = Filler::new(upgraded, P1).await;
    assert_eq!(upgraded.claim.checkpoint, Checkpoint::default());
    assert!(upgraded.digest(scope).await.starts_with("0-"));
    upgraded.apply(world.tenant, 1, bare(&[world.lot(5)])).await;
    let compared = hold(&store, &second).await;
    store.switch(&[compared]).await.unwrap_err();
    store.release(P1, Uuid::new_v4()).await.unwrap();
    assert!(matches!(store.claim(P1).await, Err(StoreError::Held { .. })), "held by somebody else");
    assert_eq!(world.listed(Label::Batch, vec![]).await, [world.lot(1).id]);
}

pub(crate) async fn a_stale_switch_is_refused(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    let lots = [world.lot(1), world.lot(2)];
    world.apply(bare(&lots[..1])).await;
    let claim = store.claim(P1).await.unwrap();
    let none = Compared { partition: P1, live: claim.clone(), beside: claim.clone() };
    refused(store.switch(&[none]).await);

    let mut filler = beside(&store, RebuildScope::All).await;
    filler.apply(world.tenant, 1, bare(&lots)).await;
    let before = seen(&world, &lots).await;
    let live = store.hold(P1, HOLDER, TERM).await.unwrap();
    let good = Compared { partition: P1, live, beside: filler.claim.clone() };
    let mut older = good.clone();
    older.live = claim;
    let mut behind = good.clone();
    behind.beside.checkpoint.position = Position(0);
    for stale in [older, behind] {
        let refused = store.switch(&[stale]).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. } | StoreError::Gap { .. })), "{refused:?}");
    }
    refused(store.switch(&[]).await);
    // The live one moves on once the hold is over, and the one beside is claimed by another rebuild.
    store.release(P1, HOLDER).await.unwrap();
    world.claim().await;
    let stale = store.switch(std::slice::from_ref(&good)).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    let live = store.hold(P1, HOLDER, TERM).await.unwrap();
    filler.sink.claim(P1).await.unwrap();
    let stale = store.switch(&[Compared { live, ..good }]).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    assert_eq!(seen(&world, &lots).await, before);
    assert_eq!(store.generations().await.unwrap().other.unwrap().role, Role::Beside);
}

pub(crate) async fn a_held_partition_is_claimed_by_nobody_else(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    let (holder, another) = (HOLDER, Uuid::new_v4());
    let held = store.hold(P1, holder, TERM).await.unwrap();
    assert!(matches!(world.try_apply(vec![]).await, Err(StoreError::Fenced { .. })));
    for refused in [store.claim(P1).await, store.hold(P1, another, TERM).await] {
        assert!(matches!(refused, Err(StoreError::Held { partition: P1, .. })), "{refused:?}");
    }
    assert_eq!(store.hold(P1, holder, TERM).await.unwrap(), held);
    store.release(P1, another).await.unwrap();
    store.claim(P1).await.unwrap_err();
    store.claim(P2).await.unwrap();
    store.release(P1, holder).await.unwrap();
    assert!(store.claim(P1).await.unwrap().epoch > held.epoch);

    // A hold that is not renewed ends by itself, and its holder is fenced then like everybody else.
    let short = store.hold(P1, holder, Duration::from_millis(50)).await.unwrap();
    let claim = loop {
        match store.claim(P1).await {
            Ok(claim) => break claim,
            Err(StoreError::Held { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(claim.epoch > short.epoch);
    assert!(store.hold(P1, holder, TERM).await.unwrap().epoch > claim.epoch);
}

pub(crate) async fn a_tenant_is_switched_alone(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    let stranger = TenantId(Uuid::new_v4());
    let (lots, own) = ([world.lot(1), world.lot(2)], world.tenant);
    let story = |name| {
        let mut changes = bare(&lots);
        changes.extend([node(lots[0], [("batch_number", text(name))]), uses(1, lots[0], lots[1])]);
        changes
    };
    // The same ids in both tenants: partners of a supply chain may record one lot under one id.
    world.tenant = stranger;
    world.apply([story("THEIRS"), vec![uses(1, lots[1], lots[0])]].concat()).await;
    let theirs = seen_of(&world, &lots).await;
    world.tenant = own;
    world.apply(story("WRONG")).await;
    let wrong = world.digest().await;
    let stale = world.batch(3, vec![]);

    let mut filler = beside(&store, RebuildScope::Tenant(own)).await;
    filler.apply(own, 1, [story("MP-1"), vec![uses(1, lots[1], lots[0])]].concat()).await;
    let compared = hold(&store, &filler).await;
    let early = store.switch(&[compared]).await;
    assert!(matches!(early, Err(StoreError::Gap { .. })), "rows of another position: {early:?}");
    store.discard().await.unwrap();
    store.release(P1, HOLDER).await.unwrap();
    let mut filler = beside(&store, RebuildScope::Tenant(own)).await;
    filler.apply(own, 1, [story("MP-1"), vec![uses(1, lots[1], lots[0])]].concat()).await;
    filler.apply(own, 2, vec![]).await;
    let right = filler.digest(DigestScope::Tenant(own)).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();

    assert_eq!(world.digest().await, right);
    assert_eq!(world.property(lots[0], "batch_number").await, Some(text("MP-1")));
    assert_eq!(world.edges_from(lots[1]).await.len(), 1);
    assert_eq!(store.checkpoint(P1).await.unwrap().position, Position(2));
    assert!(matches!(store.apply(stale).await, Err(StoreError::Fenced { .. })));
    world.tenant = stranger;
    assert_eq!(seen_of(&world, &lots).await, theirs);
    world.claim().await;
    world.apply(vec![node(lots[1], [("status", text("held"))])]).await;
    let theirs = seen_of(&world, &lots).await;
    world.tenant = own;
    world.apply(bare(&[world.lot(3)])).await;

    let (scope, sink) = store.reopen_previous().await.unwrap();
    assert_eq!(scope, RebuildScope::Tenant(own));
    assert_eq!(sink.identity().await.unwrap(), store.identity().await.unwrap());
    let mut filler = Filler::new(sink, P1).await;
    assert_eq!(filler.claim.checkpoint.position, Position(2));
    assert_eq!(filler.digest(DigestScope::Tenant(own)).await, wrong);
    filler.apply(own, 4, bare(&[world.lot(3)])).await;
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(world.property(lots[0], "batch_number").await, Some(text("WRONG")));
    assert_eq!(world.listed(Label::Batch, vec![]).await.len(), 3);
    world.tenant = stranger;
    assert_eq!(seen_of(&world, &lots).await, theirs);
}

pub(crate) async fn what_waits_changes_places_with_its_generation(store: Arc<dyn GraphStore>) {
    let stranger = TenantId(Uuid::new_v4());
    for is_all in [true, false] {
        fresh(&store).await;
        let world = World::new(Arc::clone(&store), 1).await;
        let (own, lots) = (world.tenant, [world.lot(1), world.lot(2)]);
        let scope = if is_all { RebuildScope::All } else { RebuildScope::Tenant(own) };
        let live = waiting(&[(own, 1, 1), (own, 2, 1), (stranger, 1, 1)]);
        let mut batch = world.batch(1, bare(&lots));
        batch.checkpoint.quarantine = live.clone();
        store.apply(batch).await.unwrap();
        let mut filler = beside(&store, scope).await;
        let mut checkpoint = Checkpoint::new(Position(1), Some(recorded(1)));
        checkpoint.quarantine = waiting(&[(own, 2, 1), (own, 3, 1)]);
        let changes = bare(&lots).into_iter().map(|change| (own, change)).collect();
        filler.sink.apply(filler.claim.next(P1, changes, checkpoint)).await.unwrap();
        let compared = hold(&store, &filler).await;
        assert_eq!(compared.live.checkpoint.quarantine, live);
        store.switch(&[compared]).await.unwrap();
        let theirs: &[_] = if is_all { &[] } else { &[(stranger, 1, 1)] };
        let expected = waiting(&[&[(own, 2, 1), (own, 3, 1)], theirs].concat());
        assert_eq!(store.checkpoint(P1).await.unwrap().quarantine, expected, "{scope:?}");
        assert_eq!(store.claim(P1).await.unwrap().checkpoint.quarantine, expected);

        let (_, sink) = store.reopen_previous().await.unwrap();
        let filler = Filler::new(sink, P1).await;
        assert!(filler.claim.checkpoint.quarantine.is_like(&live, Some(own)));
        store.switch(&[hold(&store, &filler).await]).await.unwrap();
        assert_eq!(store.checkpoint(P1).await.unwrap().quarantine, live, "{scope:?}");
        store.release(P1, HOLDER).await.unwrap();
        store.clear(P1).await.unwrap();
        assert_eq!(store.checkpoint(P1).await.unwrap().quarantine, Quarantine::default());
    }
}

/// Everything that queries can learn of one tenant's lots.
async fn seen_of(world: &World, lots: &[NodeKey]) -> String {
    let mut edges = Vec::new();
    for lot in lots {
        edges.extend(world.edges_from(*lot).await);
        edges.extend(world.store.genealogy(world.tenant, lot.id, TraceDirection::Forward).await.unwrap());
    }
    let listed = world.listed(Label::Batch, vec![]).await;
    format!("{:?} {listed:?} {edges:?} {}", world.nodes(lots).await, world.digest().await)
}

pub(crate) async fn all_that_differs_is_exchanged(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let world = World::new(Arc::clone(&store), 1).await;
    let tenants = [world.tenant, TenantId(Uuid::new_v4())];
    // More than a page of the comparison, and differences all over it.
    let lots: Vec<NodeKey> = (0..4_500).map(|number| world.lot(number)).collect();
    let places = [1, 2].map(|number| world.key(Label::Location, number));
    let story = |live: bool| {
        let mut changes = bare(&places[..1 + usize::from(live)]);
        for (number, lot) in lots.iter().enumerate() {
            let differs = number % 7 == 3;
            if !(differs && number % 2 == usize::from(live)) {
                let name = if differs && number % 3 == 0 && live { "A" } else { "B" };
                changes.push(node(*lot, [("batch_number", text(name)), ("line", text("1"))]));
            }
            if differs && live {
                changes.push(Change::MergeNode { key: *lot, properties: Properties::from([("line", None)]) });
            }
            // Also at an end that is expected and not there.
            let shared = edge(1, EdgeType::UsesIngredient, *lot, lots[(number + 1) % lots.len()]);
            let alone = edge(if live { 2 } else { 3 }, EdgeType::ShippedTo, *lot, places[0]);
            changes.push(added(shared));
            if differs {
                changes.push(added(alone));
            }
        }
        let from = lots[usize::from(live) * 40];
        let types = &[EdgeType::UsesIngredient];
        changes.push(Change::RetireFrom { from, edge_types: types, retirement: retirement(4) });
        changes
    };
    let scope = DigestScope::Partition(P1);
    let mut live = Filler::new(store.clone(), P1).await;
    let mut filler = beside(&store, RebuildScope::All).await;
    for (position, tenant) in (1..).zip(tenants) {
        live.apply(tenant, position, story(position == 1)).await;
        filler.apply(tenant, position, story(position == 2)).await;
    }
    let digests = [live.digest(scope).await, filler.digest(scope).await];
    assert_ne!(digests[0], digests[1]);
    let counts = [live.sink.counts(scope).await.unwrap(), filler.sink.counts(scope).await.unwrap()];
    let compared = hold(&store, &filler).await;
    store.switch(&[compared]).await.unwrap();
    assert_eq!(store.digest(scope).await.unwrap(), digests[1]);
    assert_eq!(store.counts(scope).await.unwrap(), counts[1]);
    let (_, previous) = store.reopen_previous().await.unwrap();
    assert_eq!(previous.digest(scope).await.unwrap(), digests[0]);
    assert_eq!(previous.counts(scope).await.unwrap(), counts[0]);
}

pub(crate) async fn several_partitions_are_switched_together(store: Arc<dyn GraphStore>) {
    fresh(&store).await;
    let mut worlds = [World::new(Arc::clone(&store), 1).await, World::new(Arc::clone(&store), 2).await];
    for world in &mut worlds {
        world.apply(vec![node(world.lot(1), [("batch_number", text("OLD"))])]).await;
    }
    let sink = store.beside(RebuildScope::All, BY).await.unwrap();
    let mut compared = Vec::new();
    for (world, partition) in worlds.iter().zip([P1, P2]) {
        let mut filler = Filler::new(Arc::clone(&sink), partition).await;
        filler.apply(world.tenant, 1, vec![node(world.lot(1), [("batch_number", text("NEW"))])]).await;
        compared.push(hold(&store, &filler).await);
    }
    let told = refused(store.switch(&compared[..1]).await);
    assert!(told.contains("partition 2"), "{told}");
    for world in &worlds {
        assert_eq!(world.property(world.lot(1), "batch_number").await, Some(text("OLD")));
    }
    store.switch(&compared).await.unwrap();
    for world in &mut worlds {
        assert_eq!(world.property(world.lot(1), "batch_number").await, Some(text("NEW")));
        world.claim().await;
        world.apply(bare(&[world.lot(2)])).await;
    }
}
