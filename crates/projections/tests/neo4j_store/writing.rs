//! Transactions against the real server: what fails or is given up leaves nothing, not even a lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_projections::changes::{Change, EdgeType, Label, Value};
use foodflow_projections::graph::{
    DigestScope, EdgeDirection, GraphStore as _, ReadModel as _, StoreError, TraceDirection,
};
use neo4rs::query;

use super::{connect, driver, open};
use crate::graph_contract::world::{World, added, bare, edge, node, text, uses};

/// Longer than what an index takes: the server refuses it in the middle of the transaction.
fn refused_by_the_server(world: &World) -> Change {
    node(world.lot(99), [("batch_number", Value::Texts(vec!["9".repeat(100_000)]))])
}

/// The generation beside has no indexes of lists; it must refuse what the live one refuses.
#[tokio::test]
async fn a_text_is_as_long_as_an_index_takes_and_no_longer() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2103).await;
    let names = [(Label::Batch, "batch_number"), (Label::Supplier, "name"), (Label::Sku, "sku_code")];
    for (label, name) in names {
        let named = |bytes: usize| node(world.key(label, 1), [(name, text(&"é".repeat(bytes / 2)))]);
        let (longest, longer) = (named(7_500), named(7_502));
        let batch = world.batch(world.position().0 + 1, vec![longer.clone()]);
        let refused = world.store.rehearse(batch).await;
        assert!(matches!(refused, Err(StoreError::Unfit { .. })), "{refused:?}");
        let refused = world.try_apply(vec![longer]).await.unwrap_err().to_string();
        assert!(
            refused.contains(name) && refused.contains("7502 bytes") && !refused.contains('é'),
            "{refused}"
        );
        world.apply(vec![longest]).await;
    }
}

#[tokio::test]
async fn what_the_server_refuses_leaves_nothing_and_holds_no_lock() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2101).await;
    for _ in 0..20 {
        let changes = [bare(&[world.lot(1)]), vec![refused_by_the_server(&world)]].concat();
        let refused = world.try_apply(changes).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Unfit { .. }), "{refused}");
        assert!(!refused.to_string().contains("999"), "{refused}");
    }
    assert!(world.nodes(&[world.lot(1), world.lot(99)]).await.is_empty());
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position.0, 0);
    let started = Instant::now();
    world.apply(bare(&[world.lot(1)])).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(world.nodes(&[world.lot(1)]).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_gives_up_leaves_a_whole_batch_or_none() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2102).await;
    for round in 1..=20_u64 {
        let lots: Vec<_> = (0..50).map(|number| world.lot(round * 100 + number)).collect();
        let mut changes = bare(&lots);
        changes.extend(lots.windows(2).map(|pair| uses(round, pair[1], pair[0])));
        let given_up = world.store.apply(world.batch(round, changes.clone()));
        let _ = tokio::time::timeout(Duration::from_millis(round), given_up).await;
        // Applied by now, or waited for, or not begun: sent again, it counts once.
        world.apply(changes).await;
        assert_eq!(world.nodes(&lots).await.len(), 50);
        for lot in &lots[..49] {
            assert_eq!(
                world.edges_at(*lot, &[EdgeType::UsesIngredient], EdgeDirection::Incoming).await.len(),
                1
            );
        }
    }
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position, world.position());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_written_at_the_same_time() {
    let (store, ()) = open().await;
    let mut writers = Vec::new();
    for number in 0..4 {
        let mut world = World::new(Arc::clone(&store), 2110 + number).await;
        writers.push(tokio::spawn(async move {
            let place = world.key(Label::Location, 1);
            world.apply(bare(&[place])).await;
            for round in 1..=10_u64 {
                let lots: Vec<_> = (0..20).map(|lot| world.lot(round * 100 + lot)).collect();
                let mut changes = bare(&lots);
                changes.extend(lots.iter().map(|lot| added(edge(round, EdgeType::ProducedAt, *lot, place))));
                world.apply(changes).await;
            }
            let made = &[EdgeType::ProducedAt];
            world.edges_at(place, made, EdgeDirection::Incoming).await.len()
        }));
    }
    for writer in writers {
        assert_eq!(writer.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn an_end_that_is_expected_is_the_tenants_own() {
    let (store, ()) = open().await;
    let mut owner = World::new(Arc::clone(&store), 2120).await;
    let mut partner = World::new(store, 2121).await;
    let (shared, own) = (owner.lot(1), partner.lot(1));
    owner.apply(vec![node(shared, [("batch_number", text("MP-0417"))])]).await;
    let before = owner.digest().await;
    // Only an edge names the lot so far; the other tenant's lot of that id is not it.
    let mut changes = vec![node(own, [("status", text("held"))])];
    changes.extend([uses(1, own, shared), uses(1, shared, own)]);
    partner.apply(changes).await;
    assert_eq!(partner.nodes(&[shared, own]).await.len(), 1);
    assert_eq!(partner.edges_at(own, EdgeType::ALL, EdgeDirection::Incoming).await.len(), 1);
    assert_eq!(partner.edges_from(own).await.len(), 1);
    assert_eq!(owner.digest().await, before);
    assert!(owner.edges_at(shared, EdgeType::ALL, EdgeDirection::Incoming).await.is_empty());
    partner.apply(vec![node(shared, [("batch_number", text("A-7"))])]).await;
    assert_eq!(partner.property(shared, "batch_number").await, Some(text("A-7")));
    assert_eq!(owner.digest().await, before);
}

#[tokio::test]
async fn clearing_takes_many_edges_of_one_node_in_parts() {
    let store = Arc::new(connect().await);
    let mut world = World::new(store.clone(), 2130).await;
    let hub = world.lot(0);
    let others: Vec<_> = (1..=12_000).map(|number| world.lot(number)).collect();
    let mut changes = bare(&[hub]);
    changes.extend(bare(&others));
    changes.extend(others.iter().map(|other| uses(1, hub, *other)));
    world.apply(changes).await;
    assert_eq!(world.edges_from(hub).await.len(), 12_000);
    store.clear(world.partition).await.unwrap();
    assert!(store.digest(DigestScope::Partition(world.partition)).await.unwrap().starts_with("0-"));
}

/// New edges are made without a look at what is there, so nothing may be written where something may be left.
#[tokio::test]
async fn a_partition_whose_clearing_was_cut_short_takes_nothing_until_it_is_cleared() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2131).await;
    let (output, input) = (world.lot(1), world.lot(2));
    let changes = || [bare(&[output, input]), vec![uses(1, output, input)]].concat();
    world.apply(changes()).await;
    let digest = world.digest().await;
    // What clearing does first, and what is left when it is killed then.
    let mark = "MATCH (c:FoodflowCheckpoint {id: $id}) SET c.position = 0, c.clearing = true";
    let id = format!("food_graph/{}", world.partition.0);
    driver().await.run(query(mark).param("id", id)).await.unwrap();
    let again = world.batch(1, changes());
    let refused = world.store.apply(again).await.unwrap_err().to_string();
    assert!(refused.contains("partition 2131") && refused.contains("clear it again"), "{refused}");
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position.0, 0);
    assert_eq!(world.edges_from(output).await.len(), 1);
    world.clear().await;
    assert!(world.edges_from(output).await.is_empty());
    world.apply(changes()).await;
    assert_eq!(world.edges_from(output).await.len(), 1);
    assert_eq!(world.digest().await, digest);
}

#[tokio::test]
async fn a_label_or_a_property_that_someone_added_does_no_harm() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2140).await;
    let (output, input) = (world.lot(1), world.lot(2));
    world.apply([bare(&[output, input]), vec![uses(1, output, input)]].concat()).await;
    let digest = world.digest().await;
    let mark = query("MATCH (n:Batch {id: $id}) SET n:Favourite").param("id", output.id.to_string());
    driver().await.run(mark).await.unwrap();
    assert_eq!(world.edges_from(output).await[0].from, output);
    assert_eq!(world.digest().await, digest);
    // A value of a type that is never written is told, not guessed.
    let odd =
        query("MATCH (n:Batch {id: $id}) SET n.odd = duration('P1D')").param("id", output.id.to_string());
    driver().await.run(odd).await.unwrap();
    let told = world.store.nodes(world.tenant, Label::Batch, &[output.id]).await.unwrap_err().to_string();
    assert!(told.contains("`odd`") && told.contains("rebuild"), "{told}");
}

#[tokio::test]
async fn an_edge_may_come_before_the_nodes_that_it_joins() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2150).await;
    let (output, input) = (world.lot(1), world.lot(2));
    world.apply(vec![uses(1, output, input)]).await;
    assert_eq!(world.genealogy(input, TraceDirection::Forward).await, [(output, input)]);
    // The ends are not answered as nodes, and do not count, until they are merged themselves.
    assert!(world.nodes(&[output, input]).await.is_empty());
    assert!(world.listed(Label::Batch, vec![]).await.is_empty());
    assert!(world.digest().await.starts_with("1-"));
    world.apply(vec![node(output, [("batch_number", text("DB-301"))]), node(input, [])]).await;
    assert_eq!(world.nodes(&[output, input]).await.len(), 2);
    assert_eq!(world.listed(Label::Batch, vec![("batch_number", text("DB-301"))]).await, [output.id]);
    let late = world.digest().await;
    world.clear().await;
    let changes =
        vec![node(output, [("batch_number", text("DB-301"))]), node(input, []), uses(1, output, input)];
    world.apply(changes).await;
    assert_eq!(world.digest().await, late);
}

#[tokio::test]
async fn edges_with_and_without_their_ends_are_each_written_once() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2151).await;
    let (output, input, unnamed) = (world.lot(1), world.lot(2), world.lot(3));
    let named = [bare(&[output, input]), vec![uses(1, output, input), uses(1, output, unnamed)]].concat();
    world.apply(named).await;
    assert_eq!(world.edges_from(output).await.len(), 2);
    // Two lots and two edges: an end that is only named does not count.
    assert!(world.digest().await.starts_with("4-"));
}

/// Neo4j shows a transaction to others while it is being committed: a checkpoint must not be taken for more than what
/// can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_checkpoint_stands_for_is_visible_to_whoever_reads_it() {
    const ROUNDS: u64 = 30;
    const LOTS: u64 = 2_000;
    let (store, ()) = open().await;
    let mut world = World::new(store, 2160).await;
    let reading = {
        let (store, partition, tenant) = (connect().await, world.partition, world.tenant);
        let lots: Vec<_> = (1..=ROUNDS).map(|round| world.lot(round * 10_000 + LOTS - 1)).collect();
        tokio::spawn(async move {
            let mut seen = 0;
            let mut positions = 0;
            while seen < ROUNDS {
                let position = store.checkpoint(partition).await.unwrap().position.0;
                if position > seen {
                    seen = position;
                    positions += 1;
                    let lot = lots[usize::try_from(seen).unwrap() - 1];
                    let found = store.nodes(tenant, Label::Batch, &[lot.id]).await.unwrap();
                    assert_eq!(found.len(), 1, "position {seen} is not visible");
                }
            }
            positions
        })
    };
    for round in 1..=ROUNDS {
        let lots: Vec<_> = (0..LOTS).map(|number| world.lot(round * 10_000 + number)).collect();
        world.apply(bare(&lots)).await;
    }
    let positions = reading.await.unwrap();
    assert!(positions > 5, "the reader kept up: {positions}");
}
