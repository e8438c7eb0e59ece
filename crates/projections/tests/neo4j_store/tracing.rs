//! Genealogies on the real server: what is reached is expanded once, however many paths lead there.

use std::time::{Duration, Instant};

use foodflow_projections::changes::{Change, EdgeType, NodeKey};
use foodflow_projections::graph::TraceDirection;

use super::open;
use crate::graph_contract::world::{World, bare, retirement, uses};

/// The fastest of some traces: other work on the machine must not fail a test.
async fn fastest(world: &World, start: NodeKey, direction: TraceDirection, edges: usize) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let started = Instant::now();
        assert_eq!(world.genealogy(start, direction).await.len(), edges);
        fastest = fastest.min(started.elapsed());
    }
    fastest
}

#[tokio::test]
async fn shared_ancestors_are_expanded_once() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2201).await;
    let level = |world: &World, level: u64| [0, 1, 2].map(|number| world.lot(3 * level + number));
    let mut changes = Vec::new();
    for number in 0..60 {
        changes.extend(bare(&level(&world, number)));
        for output in level(&world, number) {
            let inputs = number.checked_sub(1).map(|before| level(&world, before));
            changes.extend(inputs.into_iter().flatten().map(|input| uses(number, output, input)));
        }
    }
    world.apply(changes).await;
    // 3^59 paths: enumerating them would never end.
    let (first, last) = (level(&world, 0)[0], level(&world, 59)[0]);
    let took = fastest(&world, first, TraceDirection::Forward, 59 * 9).await;
    assert!(took < Duration::from_millis(300), "{took:?}");
    let took = fastest(&world, last, TraceDirection::Backward, 58 * 9 + 3).await;
    assert!(took < Duration::from_millis(300), "{took:?}");
}

#[tokio::test]
async fn a_thousand_levels_are_walked_both_ways() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2202).await;
    let lots: Vec<_> = (0..=1_000).map(|number| world.lot(number)).collect();
    let mut changes = bare(&lots);
    changes.extend((1_u64..).zip(lots.windows(2)).map(|(position, pair)| uses(position, pair[1], pair[0])));
    // Retired ones are part of what a trace answers.
    let types = &[EdgeType::UsesIngredient];
    let retire = retirement(2_000);
    changes.push(Change::RetireFrom { from: lots[500], edge_types: types, retirement: retire.clone() });
    world.apply(changes).await;
    for (start, direction) in [(lots[0], TraceDirection::Forward), (lots[1_000], TraceDirection::Backward)] {
        let took = fastest(&world, start, direction, 1_000).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
        let edges = world.store.genealogy(world.tenant, start.id, direction).await.unwrap();
        assert!(edges.is_sorted_by_key(|edge| edge.position));
        let retired: Vec<_> = edges.iter().filter(|edge| edge.retired.is_some()).collect();
        assert_eq!(retired.len(), 1);
        assert_eq!((retired[0].from, retired[0].retired.as_ref()), (lots[500], Some(&retire)));
    }
    assert_eq!(world.genealogy(lots[990], TraceDirection::Forward).await.len(), 11);
}

#[tokio::test]
async fn a_lot_that_went_into_a_thousand_and_a_ring_that_cannot_be() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2203).await;
    let root = world.lot(0);
    let lots: Vec<_> = (1..=1_000).map(|number| world.lot(number)).collect();
    let mut changes = bare(&[root]);
    changes.extend(bare(&lots));
    changes.extend(lots.iter().map(|lot| uses(1, *lot, root)));
    // A lot among its own ancestors is refused by the domain; were it there, a trace would still end.
    changes.push(uses(2, root, lots[0]));
    world.apply(changes).await;
    for direction in [TraceDirection::Forward, TraceDirection::Backward] {
        let reached = match direction {
            TraceDirection::Forward => 1_001,
            TraceDirection::Backward => 2,
        };
        fastest(&world, root, direction, reached).await;
    }
}
