//! Retirements reach what was stated before them, and nothing else.

use std::sync::Arc;

use foodflow_log::Position;
use foodflow_projections::changes::{Change, Edge, EdgeType, Label};
use foodflow_projections::graph::GraphStore;
use uuid::Uuid;

use super::world::{World, added, bare, edge, retirement};

fn declared(document_id: Uuid, edge: Edge) -> Edge {
    Edge { document_id: Some(document_id), ..edge }
}

/// Position and retirement's position of every edge.
fn lives(edges: &[Edge]) -> Vec<(u64, Option<u64>)> {
    edges.iter().map(|edge| (edge.position.0, edge.retired.as_ref().map(|by| by.position.0))).collect()
}

pub(crate) async fn a_document_retires_what_it_declared_before(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1201).await;
    let (output, input, place) = (world.lot(1), world.lot(2), world.key(Label::Location, 1));
    let (document, other_document) = (Uuid::new_v4(), Uuid::new_v4());
    let mut changes = bare(&[output, input, place]);
    changes.extend([
        added(declared(document, edge(1, EdgeType::UsesIngredient, output, input))),
        added(declared(other_document, edge(2, EdgeType::UsesIngredient, output, input))),
        added(edge(3, EdgeType::UsesIngredient, output, input)),
        added(declared(document, edge(4, EdgeType::ShippedTo, output, place))),
        added(declared(document, edge(5, EdgeType::UsesIngredient, output, input))),
        added(declared(document, edge(6, EdgeType::UsesIngredient, output, input))),
    ]);
    world.apply(changes).await;
    let types = &[EdgeType::UsesIngredient, EdgeType::OfSku];
    let retire =
        Change::RetireDocument { document_id: document, edge_types: types, retirement: retirement(5) };
    world.apply(vec![retire]).await;
    let edges = world.edges_from(output).await;
    assert_eq!(lives(&edges), [(1, Some(5)), (2, None), (3, None), (4, None), (5, None), (6, None)]);
    assert_eq!(edges[0].retired, Some(retirement(5)));
}

pub(crate) async fn a_node_retires_what_starts_there(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1202).await;
    let (product, other) = (world.key(Label::Product, 1), world.key(Label::Product, 2));
    let ingredients = [world.key(Label::Ingredient, 1), world.key(Label::Ingredient, 2)];
    let place = world.key(Label::Location, 1);
    let mut changes = bare(&[product, other, place]);
    changes.extend(bare(&ingredients));
    changes.extend([
        added(edge(1, EdgeType::Contains, product, ingredients[0])),
        added(edge(2, EdgeType::Contains, product, ingredients[1])),
        added(edge(3, EdgeType::ProducedAt, product, place)),
        added(edge(4, EdgeType::Contains, other, ingredients[0])),
        added(edge(5, EdgeType::Contains, product, ingredients[0])),
    ]);
    world.apply(changes).await;
    let types = &[EdgeType::Contains];
    world
        .apply(vec![Change::RetireFrom { from: product, edge_types: types, retirement: retirement(5) }])
        .await;
    let edges = world.edges_from(product).await;
    assert_eq!(lives(&edges), [(1, Some(5)), (2, Some(5)), (3, None), (5, None)]);
    assert_eq!(lives(&world.edges_from(other).await), [(4, None)]);
}

pub(crate) async fn a_batch_may_state_retire_and_restate(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1203).await;
    let (output, input) = (world.lot(1), world.lot(2));
    let document = Uuid::new_v4();
    let types = &[EdgeType::UsesIngredient];
    let stated =
        |position| added(declared(document, edge(position, EdgeType::UsesIngredient, output, input)));
    let retired = |position| {
        let retirement = retirement(position);
        Change::RetireDocument { document_id: document, edge_types: types, retirement }
    };
    let mut changes = bare(&[output, input]);
    changes.extend([stated(1), retired(2), stated(2), retired(3), stated(3), stated(4)]);
    world.apply(changes).await;
    let edges = world.edges_from(output).await;
    assert_eq!(lives(&edges), [(1, Some(2)), (2, Some(3)), (3, None), (4, None)]);
}

pub(crate) async fn the_first_retirement_counts(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1204).await;
    let (output, input) = (world.lot(1), world.lot(2));
    let types = &[EdgeType::UsesIngredient];
    let mut changes = bare(&[output, input]);
    changes.push(added(edge(1, EdgeType::UsesIngredient, output, input)));
    world.apply(changes).await;
    for position in [2, 3] {
        let retirement = retirement(position);
        world.apply(vec![Change::RetireFrom { from: output, edge_types: types, retirement }]).await;
    }
    let edges = world.edges_from(output).await;
    assert_eq!(edges[0].retired.as_ref().map(|by| by.position), Some(Position(2)));
}
