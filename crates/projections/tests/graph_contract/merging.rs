//! Nodes and edges are merged; a batch counts once, as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use foodflow_log::{Partition, Position};
use foodflow_projections::changes::{Change, Edge, EdgeType, Label, Properties, Value};
use foodflow_projections::graph::{Checkpoint, EdgeDirection, GraphStore, StoreError};
use uuid::Uuid;

use super::world::{World, added, bare, edge, kilograms, node, recorded, retirement, text, uses, waiting};

pub(crate) async fn properties_are_merged_and_removed(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1101).await;
    let lot = world.lot(1);
    let first =
        node(lot, [("batch_number", text("MP-1")), ("status", text("available")), ("line", text("1"))]);
    world.apply(vec![first]).await;
    world.apply(vec![node(lot, [("status", text("held")), ("held_reason", text("peanut"))])]).await;
    let removed = Properties::from([("held_reason", None), ("line", None), ("never_there", None)]);
    world.apply(vec![Change::MergeNode { key: lot, properties: removed }]).await;
    let nodes = world.nodes(&[lot]).await;
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].key, lot);
    let expected = [("batch_number".to_owned(), text("MP-1")), ("status".to_owned(), text("held"))];
    assert_eq!(nodes[0].properties, BTreeMap::from(expected));

    // Within one batch later changes win, and what was removed may be set again.
    let set_again = vec![
        node(lot, [("status", text("available"))]),
        Change::MergeNode { key: lot, properties: Properties::from([("status", None)]) },
        node(lot, [("line", text("2"))]),
        Change::MergeNode { key: world.lot(2), properties: Properties::from([("status", None)]) },
    ];
    world.apply(set_again).await;
    assert_eq!(world.property(lot, "status").await, None);
    assert_eq!(world.property(lot, "line").await, Some(text("2")));
    assert!(world.nodes(&[world.lot(2)]).await[0].properties.is_empty());
}

pub(crate) async fn every_type_of_property_comes_back(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1102).await;
    let values = [
        ("text", text("Mustard \"powder\" \\ MP-0417 ✓ [\"date\"]")),
        ("text_empty", text("")),
        ("texts", Value::Texts(vec!["mustard".to_owned(), "peanut".to_owned()])),
        ("texts_empty", Value::Texts(vec![])),
        ("integer", Value::Integer(-7)),
        ("integer_max", Value::Integer(i64::MAX)),
        ("float", Value::Float(0.1 + 0.2)),
        ("float_whole", Value::Float(300.0)),
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("date", Value::Date("2026-02-28".parse().unwrap())),
        ("instant", Value::Instant("2026-03-09T16:20:00.000000001Z".parse().unwrap())),
        ("instant_whole", Value::Instant("1969-07-20T20:17:40Z".parse().unwrap())),
        ("point", Value::Point(51.507_351, -0.127_758)),
    ];
    let key = world.key(Label::Location, 1);
    world.apply(vec![node(key, values.clone())]).await;
    let nodes = world.nodes(&[key]).await;
    let expected: BTreeMap<String, Value> =
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(nodes[0].properties, expected);
}

pub(crate) async fn every_part_of_an_edge_comes_back(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1103).await;
    let (lot, place) = (world.lot(1), world.key(Label::Location, 1));
    let full = Edge {
        quantity: Some(kilograms("123456789012.123456789")),
        percent: Some("33.333".parse().unwrap()),
        kind: Some("sample".to_owned()),
        line: 17,
        document_id: Some(Uuid::new_v4()),
        occurred_at: "1999-12-31T23:59:59.999999999Z".parse().unwrap(),
        ..edge(1, EdgeType::AdjustedAt, lot, place)
    };
    let plain = Edge { quantity: None, ..edge(1, EdgeType::ShippedTo, lot, place) };
    let mut changes = bare(&[lot, place]);
    changes.extend([added(full.clone()), added(plain.clone())]);
    world.apply(changes).await;
    assert_eq!(
        world.edges_at(lot, &[EdgeType::AdjustedAt], EdgeDirection::Outgoing).await,
        std::slice::from_ref(&full)
    );
    assert_eq!(world.edges_at(place, &[EdgeType::ShippedTo], EdgeDirection::Incoming).await, [plain]);

    let from =
        Change::RetireFrom { from: lot, edge_types: &[EdgeType::AdjustedAt], retirement: retirement(2) };
    world.apply(vec![from]).await;
    let retired = Edge { retired: Some(retirement(2)), ..full };
    assert_eq!(world.edges_at(lot, &[EdgeType::AdjustedAt], EdgeDirection::Outgoing).await, [retired]);
}

pub(crate) async fn an_edge_is_written_once(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1104).await;
    let (output, input) = (world.lot(1), world.lot(2));
    let mut changes = bare(&[output, input]);
    changes.extend([uses(1, output, input), uses(1, output, input)]);
    world.apply(changes).await;
    assert_eq!(world.edges_from(output).await.len(), 1);
    world.apply(vec![uses(1, output, input)]).await;
    assert_eq!(world.edges_from(output).await.len(), 1);
    // Delivered again after it was retired, it stays retired.
    let types = &[EdgeType::UsesIngredient];
    world
        .apply(vec![Change::RetireFrom { from: output, edge_types: types, retirement: retirement(3) }])
        .await;
    world.apply(vec![uses(1, output, input)]).await;
    let edges = world.edges_from(output).await;
    assert_eq!(edges.len(), 1);
    assert_eq!(edges[0].retired, Some(retirement(3)));
}

pub(crate) async fn a_batch_is_applied_once(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1105).await;
    let lot = world.lot(1);
    let before = world.store.checkpoint(world.partition).await.unwrap();
    assert_eq!(before, Checkpoint::default());
    world.apply(vec![node(lot, [("version", Value::Integer(1))])]).await;
    world.apply(vec![node(lot, [("version", Value::Integer(2))])]).await;
    let after = Checkpoint::new(Position(2), Some(recorded(2)));
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap(), after);
    // The same position and an earlier one were applied before.
    for position in [2, 1] {
        let again = world.batch(position, vec![node(lot, [("version", Value::Integer(9))])]);
        world.store.apply(again).await.unwrap();
    }
    assert_eq!(world.property(lot, "version").await, Some(Value::Integer(2)));
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap(), after);
}

pub(crate) async fn what_waits_is_kept_with_the_checkpoint(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1112).await;
    let quarantine = waiting(&[(world.tenant, 1, 1), (world.tenant, 2, 1)]);
    let mut batch = world.batch(1, vec![]);
    batch.checkpoint.quarantine = quarantine.clone();
    world.store.apply(batch).await.unwrap();
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().quarantine, quarantine);
    world.claim().await;
    let claim = world.store.claim(world.partition).await.unwrap();
    assert_eq!(claim.checkpoint.quarantine, quarantine);
    world.claim().await;
    world.apply(vec![]).await;
    assert!(world.store.checkpoint(world.partition).await.unwrap().quarantine.is_empty());
}

pub(crate) async fn a_batch_is_applied_once_by_two_writers(store: Arc<dyn GraphStore>) {
    let world = World::new(store, 1106).await;
    for position in 1..=20 {
        let [one, other] = ["one", "other"].map(|writer| {
            let mut changes = bare(&[world.lot(position), world.lot(0)]);
            changes.push(node(world.lot(position), [("name", text(writer))]));
            changes.push(uses(position, world.lot(position), world.lot(0)));
            world.batch(position, changes)
        });
        let (one, other) = tokio::join!(world.store.apply(one), world.store.apply(other));
        // A store may refuse the one that came second; it must not apply it.
        assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
        assert_eq!(world.edges_from(world.lot(position)).await.len(), 1);
    }
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position, Position(20));
}

pub(crate) async fn who_was_fenced_writes_nothing(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1110).await;
    world.apply(bare(&[world.lot(1)])).await;
    let [stale, again] = [2, 1].map(|position| world.batch(position, bare(&[world.lot(2)])));
    world.claim().await;
    for batch in [stale, again] {
        let refused = world.store.apply(batch).await.unwrap_err();
        assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    }
    assert!(world.nodes(&[world.lot(2)]).await.is_empty());
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position, Position(1));
    world.apply(bare(&[world.lot(3)])).await;
    assert_eq!(world.nodes(&[world.lot(3)]).await.len(), 1);

    // The claim outlives what a rebuild clears: a revived worker stays fenced.
    let stale = world.batch_after(0, 9, bare(&[world.lot(4)]));
    world.claim().await;
    world.clear().await;
    let refused = world.store.apply(stale).await.unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    let claims = [(); 2].map(|()| world.store.claim(world.partition));
    let [first, second] = futures::future::join_all(claims).await.try_into().unwrap();
    assert_ne!(first.unwrap().epoch, second.unwrap().epoch);
}

pub(crate) async fn nothing_is_written_over_a_gap(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1111).await;
    world.apply(bare(&[world.lot(1)])).await;
    for after in [0, 2, 7] {
        let batch = world.batch_after(after, 8, bare(&[world.lot(2)]));
        let refused = world.store.apply(batch).await.unwrap_err();
        assert!(matches!(refused, StoreError::Gap { found: Position(1), .. }), "{refused}");
    }
    assert!(world.nodes(&[world.lot(2)]).await.is_empty());
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position, Position(1));
}

pub(crate) async fn checkpoints_are_kept_per_partition(store: Arc<dyn GraphStore>) {
    let mut one = World::new(Arc::clone(&store), 1107).await;
    let mut other = World::new(Arc::clone(&store), 1108).await;
    one.apply(vec![]).await;
    one.apply(vec![]).await;
    other.apply(vec![]).await;
    assert_eq!(store.checkpoint(one.partition).await.unwrap().position, Position(2));
    assert_eq!(store.checkpoint(other.partition).await.unwrap().position, Position(1));
    assert_eq!(store.checkpoint(Partition(1109)).await.unwrap().position, Position(0));
}

pub(crate) async fn a_batch_that_fails_leaves_nothing(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1110).await;
    let (output, input) = (world.lot(1), world.lot(2));
    // No store can hold this position: both count in signed 64-bit integers.
    let mut unholdable = edge(1, EdgeType::UsesIngredient, output, input);
    unholdable.position = Position(u64::MAX);
    unholdable.id = Uuid::new_v4();
    let mut changes = bare(&[output, input]);
    changes.extend([uses(1, output, input), added(unholdable)]);
    world.try_apply(changes).await.unwrap_err();
    assert!(world.nodes(&[output, input]).await.is_empty());
    assert!(world.edges_from(output).await.is_empty());
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position, Position(0));

    // The store goes on.
    let mut changes = bare(&[output, input]);
    changes.push(uses(1, output, input));
    world.apply(changes).await;
    assert_eq!(world.edges_from(output).await.len(), 1);
}

pub(crate) async fn a_rehearsal_leaves_nothing(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1130).await;
    let (output, input) = (world.lot(1), world.lot(2));
    let changes = [bare(&[output, input]), vec![uses(1, output, input)]].concat();
    world.store.rehearse(world.batch(1, changes.clone())).await.unwrap();
    assert!(world.nodes(&[output, input]).await.is_empty());
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position, Position(0));
    world.apply(changes.clone()).await;
    let (digest, stale) = (world.digest().await, world.batch(2, changes));
    world.claim().await;
    let refused = world.store.rehearse(stale).await.unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    assert_eq!(world.digest().await, digest);
}

pub(crate) async fn many_nodes_and_edges_in_one_batch(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1111).await;
    let lots: Vec<_> = (0..1_500).map(|number| world.lot(number)).collect();
    let mut changes: Vec<Change> =
        lots.iter().map(|lot| node(*lot, [("batch_number", text(&lot.id.to_string()))])).collect();
    changes.extend(lots.windows(2).map(|pair| uses(1, pair[1], pair[0])));
    world.apply(changes).await;
    assert_eq!(world.nodes(&lots).await.len(), lots.len());
    let ids: Vec<Uuid> = lots.iter().map(|lot| lot.id).collect();
    let types = &[EdgeType::UsesIngredient];
    for direction in [EdgeDirection::Outgoing, EdgeDirection::Incoming] {
        let edges = world.store.edges(world.tenant, Label::Batch, &ids, types, direction).await.unwrap();
        assert_eq!(edges.len(), lots.len() - 1);
    }
}
