//! Nothing of one tenant is seen or touched by another.

use std::sync::Arc;

use foodflow_projections::changes::{Change, EdgeType, Label};
use foodflow_projections::graph::{EdgeDirection, GraphStore, TraceDirection};
use uuid::Uuid;

use super::world::{World, bare, node, retirement, text, uses};

pub(crate) async fn no_answer_holds_what_is_of_another_tenant(store: Arc<dyn GraphStore>) {
    let mut owner = World::new(Arc::clone(&store), 1401).await;
    let mut stranger = World::new(store, 1402).await;
    let (output, input) = (owner.lot(1), owner.lot(2));
    let mut changes = bare(&[output, input]);
    changes.push(uses(1, output, input));
    changes.push(node(output, [("batch_number", text("DB-301"))]));
    owner.apply(changes).await;
    stranger.apply(vec![node(stranger.lot(1), [("batch_number", text("DB-301"))])]).await;

    assert!(stranger.nodes(&[output, input]).await.is_empty());
    assert!(stranger.edges_from(output).await.is_empty());
    assert!(stranger.edges_at(input, EdgeType::ALL, EdgeDirection::Incoming).await.is_empty());
    assert!(stranger.genealogy(input, TraceDirection::Forward).await.is_empty());
    assert!(stranger.genealogy(output, TraceDirection::Backward).await.is_empty());
    let same_number = vec![("batch_number", text("DB-301"))];
    assert_eq!(stranger.listed(Label::Batch, same_number).await, [stranger.lot(1).id]);

    // Neither does a retirement reach over.
    let types = &[EdgeType::UsesIngredient];
    stranger
        .apply(vec![Change::RetireFrom { from: output, edge_types: types, retirement: retirement(9) }])
        .await;
    assert!(owner.edges_from(output).await[0].retired.is_none());
    assert_eq!(owner.genealogy(input, TraceDirection::Forward).await, [(output, input)]);
}

/// Partners of a supply chain may record one lot under one id: each keeps a lot of its own.
pub(crate) async fn the_same_id_in_two_tenants_is_two_lots(store: Arc<dyn GraphStore>) {
    let mut first = World::new(Arc::clone(&store), 1403).await;
    let mut second = World::new(store, 1404).await;
    let (shared, input) = (first.lot(1), first.lot(2));
    let mut changes = bare(&[shared, input]);
    changes.push(node(shared, [("name", text("first"))]));
    changes.push(uses(1, shared, input));
    first.apply(changes).await;
    let before = (first.nodes(&[shared, input]).await, first.edges_from(shared).await);

    let own = second.lot(1);
    let mut changes = bare(&[shared, own]);
    changes.push(node(shared, [("name", text("second")), ("status", text("recalled"))]));
    changes.push(uses(1, shared, own));
    let document_id = Uuid::new_v4();
    let types = &[EdgeType::UsesIngredient];
    changes.push(Change::RetireDocument { document_id, edge_types: types, retirement: retirement(5) });
    changes.push(Change::RetireFrom { from: shared, edge_types: types, retirement: retirement(5) });
    second.apply(changes).await;

    assert_eq!((first.nodes(&[shared, input]).await, first.edges_from(shared).await), before);
    assert_eq!(first.genealogy(input, TraceDirection::Forward).await, [(shared, input)]);
    assert_eq!(second.genealogy(shared, TraceDirection::Backward).await, [(shared, own)]);
    assert_eq!(second.nodes(&[shared]).await[0].properties["name"], text("second"));
    second.clear().await;
    assert_eq!((first.nodes(&[shared, input]).await, first.edges_from(shared).await), before);
}
