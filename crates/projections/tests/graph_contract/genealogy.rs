//! Traces: reachability, each lot visited once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_projections::changes::{Change, EdgeType, Label};
use foodflow_projections::graph::{GraphStore, TraceDirection};

use super::world::{World, added, bare, edge, retirement, uses};

pub(crate) async fn a_trace_goes_both_ways_and_takes_the_other_inputs_along(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1501).await;
    let [mustard, base, dressing, dill, salad, other_salad, far] =
        [1, 2, 3, 4, 5, 6, 7].map(|number| world.lot(number));
    let place = world.key(Label::Location, 1);
    let mut changes = bare(&[mustard, base, dressing, dill, salad, other_salad, far, place]);
    changes.extend([
        uses(1, dressing, mustard),
        uses(2, dressing, base),
        uses(3, salad, dressing),
        uses(4, salad, dill),
        uses(5, other_salad, dill),
        uses(6, far, other_salad),
        added(edge(7, EdgeType::ShippedTo, salad, place)),
    ]);
    world.apply(changes).await;
    let forward = [(dressing, mustard), (dressing, base), (salad, dressing), (salad, dill)];
    assert_eq!(world.genealogy(mustard, TraceDirection::Forward).await, forward);
    // From the middle: its own inputs are there too, since shares need them.
    assert_eq!(world.genealogy(dressing, TraceDirection::Forward).await, forward);
    assert_eq!(world.genealogy(salad, TraceDirection::Backward).await, forward);
    assert_eq!(world.genealogy(dressing, TraceDirection::Backward).await, forward[..2]);
    assert_eq!(
        world.genealogy(far, TraceDirection::Backward).await,
        [(other_salad, dill), (far, other_salad)]
    );
    assert!(world.genealogy(mustard, TraceDirection::Backward).await.is_empty());
    assert_eq!(world.genealogy(far, TraceDirection::Forward).await, [(far, other_salad)]);
}

pub(crate) async fn a_trace_takes_retired_edges_along(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1502).await;
    let [raw, mixed, packed] = [1, 2, 3].map(|number| world.lot(number));
    let mut changes = bare(&[raw, mixed, packed]);
    changes.extend([uses(1, mixed, raw), uses(2, packed, mixed)]);
    let types = &[EdgeType::UsesIngredient];
    changes.push(Change::RetireFrom { from: mixed, edge_types: types, retirement: retirement(3) });
    world.apply(changes).await;
    let edges = world.store.genealogy(world.tenant, raw.id, TraceDirection::Forward).await.unwrap();
    assert_eq!(
        edges.iter().map(|edge| (edge.from, edge.to)).collect::<Vec<_>>(),
        [(mixed, raw), (packed, mixed)]
    );
    assert_eq!(edges[0].retired, Some(retirement(3)));
    assert_eq!(edges[1].retired, None);
}

pub(crate) async fn thirty_levels_of_shared_ancestors_take_less_than_a_second(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1503).await;
    let level = |level: u64| [world.lot(2 * level), world.lot(2 * level + 1)];
    let mut changes = Vec::new();
    for number in 0..=30 {
        changes.extend(bare(&level(number)));
    }
    for number in 1..=30 {
        for output in level(number) {
            changes.extend(level(number - 1).map(|input| uses(number, output, input)));
        }
    }
    let (top, bottom) = (level(0)[0], level(30)[0]);
    world.apply(changes).await;
    // 2^30 paths; four edges to a level, and forward the start's own level has no inputs.
    for (start, direction, edges) in
        [(top, TraceDirection::Forward, 120), (bottom, TraceDirection::Backward, 118)]
    {
        let started = Instant::now();
        let found = world.genealogy(start, direction).await;
        let took = started.elapsed();
        assert_eq!(found.len(), edges);
        assert!(took < Duration::from_secs(1), "{direction:?} took {took:?}");
    }
}
