//! Lists, nodes by id and edges by type, label and direction.

use std::sync::Arc;

use foodflow_projections::changes::{Change, Edge, EdgeType, Label, Value};
use foodflow_projections::graph::{EdgeDirection, GraphStore, ListQuery, PAGE_NODES_MAX, TraceDirection};
use uuid::Uuid;

use super::world::{World, added, bare, edge, node, text};

pub(crate) async fn a_list_is_paged_in_order_of_id(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1301).await;
    let mut ids: Vec<Uuid> = (0..25).map(|number| world.lot(number).id).collect();
    world.apply((0..25).map(|number| node(world.lot(number), [("status", text("held"))])).collect()).await;
    world.apply(bare(&[world.key(Label::Product, 1)])).await;
    ids.sort();
    for filters in [vec![], vec![("status", text("held"))]] {
        let mut query = ListQuery { label: Label::Batch, filters, after: None, limit: 10 };
        let mut listed = Vec::new();
        loop {
            let page = world.store.list(world.tenant, &query).await.unwrap();
            listed.extend(page.iter().map(|node| node.key.id));
            if page.len() < 10 {
                break;
            }
            query.after = listed.last().copied();
        }
        assert_eq!(listed, ids);
    }
    let query = ListQuery { label: Label::Batch, filters: vec![], after: None, limit: PAGE_NODES_MAX };
    assert_eq!(world.store.list(world.tenant, &query).await.unwrap().len(), 25);
}

pub(crate) async fn a_list_is_filtered(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1302).await;
    let names =
        ["batch_number", "status", "name", "product_id", "ingredient_id", "supplier_id", "location_id"];
    let mut changes = Vec::new();
    for (number, name) in (0_u64..).zip(names) {
        changes.push(node(world.lot(number), [(name, text("it")), ("unit", text("KGM"))]));
        changes.push(node(world.lot(number + 100), [(name, text("other"))]));
    }
    changes.push(node(world.key(Label::Sku, 1), [("sku_code", text("it"))]));
    changes.push(node(
        world.lot(50),
        [
            ("name", text("\"it\" ✓")),
            ("status", text("held")),
            ("version", Value::Integer(3)),
            ("food_traceability_list", Value::Bool(true)),
        ],
    ));
    world.apply(changes).await;
    for (number, name) in (0_u64..).zip(names) {
        let expected = [world.lot(number).id];
        assert_eq!(world.listed(Label::Batch, vec![(name, text("it"))]).await, expected, "{name}");
        let both = vec![("unit", text("KGM")), (name, text("it"))];
        assert_eq!(world.listed(Label::Batch, both).await, expected, "{name} and unit");
        let neither = vec![("unit", text("GRM")), (name, text("it"))];
        assert!(world.listed(Label::Batch, neither).await.is_empty(), "{name} and another unit");
        assert!(
            world.listed(Label::Product, vec![(name, text("it"))]).await.is_empty(),
            "{name} of a product"
        );
    }
    assert_eq!(world.listed(Label::Sku, vec![("sku_code", text("it"))]).await, [world.key(Label::Sku, 1).id]);
    let filters: [(&'static str, Value); 4] = [
        ("name", text("\"it\" ✓")),
        ("version", Value::Integer(3)),
        ("food_traceability_list", Value::Bool(true)),
        ("status", text("held")),
    ];
    for filter in filters.clone() {
        assert_eq!(world.listed(Label::Batch, vec![filter]).await, [world.lot(50).id]);
    }
    assert_eq!(world.listed(Label::Batch, filters.to_vec()).await, [world.lot(50).id]);
    // Filters follow the properties as they change.
    world.apply(vec![node(world.lot(50), [("status", text("available"))])]).await;
    assert!(world.listed(Label::Batch, vec![("status", text("held"))]).await.is_empty());
    assert_eq!(world.listed(Label::Batch, vec![("status", text("available"))]).await, [world.lot(50).id]);
}

pub(crate) async fn edges_are_told_by_type_label_and_direction(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1303).await;
    let (lot, other, place) = (world.lot(1), world.lot(2), world.key(Label::Location, 1));
    let line = |line, position| Edge { line, ..edge(position, EdgeType::ShippedTo, lot, place) };
    let mut second_line = line(1, 2);
    second_line.id = Uuid::new_v4();
    let mut changes = bare(&[lot, other, place]);
    let added: [Change; 6] = [
        added(edge(4, EdgeType::UsesIngredient, lot, other)),
        added(line(0, 3)),
        added(second_line),
        added(line(0, 2)),
        added(edge(1, EdgeType::ProducedAt, lot, place)),
        added(edge(5, EdgeType::ShippedTo, other, place)),
    ];
    changes.extend(added);
    world.apply(changes).await;
    let positions =
        |edges: Vec<Edge>| edges.iter().map(|edge| (edge.position.0, edge.line)).collect::<Vec<_>>();
    let outgoing = |types| world.edges_at(lot, types, EdgeDirection::Outgoing);
    let incoming = |key, types| world.edges_at(key, types, EdgeDirection::Incoming);
    assert_eq!(positions(outgoing(&[EdgeType::ShippedTo]).await), [(2, 0), (2, 1), (3, 0)]);
    assert_eq!(
        positions(outgoing(&[EdgeType::ShippedTo, EdgeType::ProducedAt, EdgeType::ShippedTo]).await),
        [(1, 0), (2, 0), (2, 1), (3, 0)]
    );
    assert_eq!(positions(outgoing(EdgeType::ALL).await), [(1, 0), (2, 0), (2, 1), (3, 0), (4, 0)]);
    assert_eq!(positions(incoming(place, &[EdgeType::ShippedTo]).await), [(2, 0), (2, 1), (3, 0), (5, 0)]);
    assert_eq!(positions(incoming(other, EdgeType::ALL).await), [(4, 0)]);
    assert!(incoming(lot, EdgeType::ALL).await.is_empty());
    assert!(outgoing(&[]).await.is_empty());
    // The ids are those of lots, not of locations.
    let ids = [lot.id, place.id, lot.id];
    let of = |label, direction| world.store.edges(world.tenant, label, &ids, EdgeType::ALL, direction);
    assert_eq!(of(Label::Batch, EdgeDirection::Outgoing).await.unwrap().len(), 5);
    assert!(of(Label::Location, EdgeDirection::Outgoing).await.unwrap().is_empty());
    assert_eq!(of(Label::Location, EdgeDirection::Incoming).await.unwrap().len(), 5);
}

pub(crate) async fn what_does_not_exist_is_not_answered(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1304).await;
    assert!(world.nodes(&[world.lot(1)]).await.is_empty());
    assert!(world.listed(Label::Batch, vec![]).await.is_empty());
    world.apply(bare(&[world.lot(1)])).await;
    assert_eq!(world.nodes(&[world.lot(1), world.lot(2)]).await.len(), 1);
    assert_eq!(world.nodes(&[]).await.len(), 0);
    assert!(world.edges_from(world.lot(2)).await.is_empty());
    assert!(world.genealogy(world.lot(2), TraceDirection::Forward).await.is_empty());
    // The same id under another label is another node.
    let product = world.store.nodes(world.tenant, Label::Product, &[world.lot(1).id]).await.unwrap();
    assert!(product.is_empty());
}
