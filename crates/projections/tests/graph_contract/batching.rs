//! Law: whatever batches the same changes come in, the store holds what applying them one by one would leave.

use std::sync::Arc;

use foodflow_log::Position;
use foodflow_projections::changes::{Change, Edge, EdgeType, Label, NodeKey, Properties, Value};
use foodflow_projections::graph::DigestScope;
use foodflow_projections::graph::fold::fold;
use foodflow_testkit::simulation::ModelGraph;
use proptest::prelude::*;
use uuid::Uuid;

use super::embedded::open;
use super::world::{World, added, edge, retirement};

const TYPES: &[EdgeType] = &[EdgeType::UsesIngredient, EdgeType::ShippedTo];

/// What one message may do, small enough that messages meet each other's nodes, documents and edges.
#[derive(Debug, Clone)]
enum Step {
    Set { node: u8, property: usize, value: Option<i64> },
    Edge { edge_type: usize, from: u8, to: u8, line: u32, document: u8 },
    RetireDocument { document: u8, types: usize },
    RetireFrom { from: u8, types: usize },
    Again { back: usize },
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        4 => (0..4_u8, 0..3_usize, proptest::option::of(0..5_i64))
            .prop_map(|(node, property, value)| Step::Set { node, property, value }),
        4 => (0..2_usize, 0..4_u8, 0..4_u8, 0..2_u32, 0..3_u8)
            .prop_map(|(edge_type, from, to, line, document)| Step::Edge { edge_type, from, to, line, document }),
        2 => (0..3_u8, 0..=2_usize).prop_map(|(document, types)| Step::RetireDocument { document, types }),
        2 => (0..4_u8, 0..=2_usize).prop_map(|(from, types)| Step::RetireFrom { from, types }),
        1 => (1..4_usize).prop_map(|back| Step::Again { back }),
    ];
    proptest::collection::vec(proptest::collection::vec(step, 1..6), 1..16)
}

fn node(number: u8) -> NodeKey {
    NodeKey { label: Label::Batch, id: Uuid::from_u128(u128::from(number) + 1) }
}

fn document(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 100)
}

/// The changes of each message; message `i` stands at position `i + 1`.
fn changes(steps: &[Vec<Step>]) -> Vec<Vec<Change>> {
    let mut messages: Vec<Vec<Change>> = Vec::new();
    // The ends of edges exist: events make nodes before anything refers to them.
    messages.push(
        (0..4).map(|number| Change::MergeNode { key: node(number), properties: Properties::new() }).collect(),
    );
    for (position, steps) in (2..).zip(steps) {
        let mut message = Vec::new();
        for step in steps {
            match step {
                Step::Again { back } => {
                    let again = messages.len().checked_sub(*back).map(|index| messages[index].clone());
                    message.extend(
                        again.into_iter().flatten().filter(|change| matches!(change, Change::MergeEdge(_))),
                    );
                }
                step => message.push(change(position, step)),
            }
        }
        messages.push(message);
    }
    messages
}

fn change(position: u64, step: &Step) -> Change {
    match step {
        Step::Set { node: number, property, value } => {
            let name = ["status", "name", "version"][*property];
            let properties = Properties::from([(name, value.map(Value::Integer))]);
            Change::MergeNode { key: node(*number), properties }
        }
        Step::Edge { edge_type, from, to, line, document: number } => {
            let edge = edge(position, TYPES[*edge_type], node(*from), node(*to));
            let id = Uuid::new_v5(&edge.id, &line.to_be_bytes());
            added(Edge { id, line: *line, document_id: Some(document(*number)), ..edge })
        }
        Step::RetireDocument { document: number, types } => Change::RetireDocument {
            document_id: document(*number),
            edge_types: &TYPES[..*types],
            retirement: retirement(position),
        },
        Step::RetireFrom { from, types } => Change::RetireFrom {
            from: node(*from),
            edge_types: &TYPES[..*types],
            retirement: retirement(position),
        },
        Step::Again { .. } => unreachable!("a message is repeated as a whole"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_batching_leaves_the_same_graph(steps in steps(), cuts in proptest::collection::vec(any::<bool>(), 17)) {
        let messages = changes(&steps);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (digest, expected) = runtime.block_on(async {
            let (store, _guard) = open().await;
            let world = World::new(Arc::clone(&store), 1).await;
            let (mut waiting, mut applied) = (Vec::new(), 0);
            for (index, message) in messages.iter().enumerate() {
                waiting.extend(message.iter().cloned());
                if cuts[index] || index + 1 == messages.len() {
                    let position = index as u64 + 1;
                    let batch = world.batch_after(applied, position, std::mem::take(&mut waiting));
                    store.apply(batch).await.unwrap();
                    applied = position;
                }
            }
            let expected = ModelGraph::of(world.tenant, messages.iter().flatten()).digest(None);
            (store.digest(DigestScope::Tenant(world.tenant)).await.unwrap(), expected)
        });
        prop_assert_eq!(digest, expected);
    }

    #[test]
    fn folding_keeps_every_edge_and_retirement_in_order(steps in steps()) {
        let tenant = foodflow_domain::TenantId(Uuid::from_u128(1));
        let changes = changes(&steps).concat();
        let folded = fold(changes.iter().cloned().map(|change| (tenant, change)));
        let mut seen = std::collections::HashSet::new();
        let edges: Vec<Uuid> = changes.iter().filter_map(|change| match change {
            Change::MergeEdge(edge) if seen.insert(edge.id) => Some(edge.id),
            _ => None,
        }).collect();
        prop_assert_eq!(folded.edges.iter().map(|(_, edge)| edge.id).collect::<Vec<_>>(), edges);
        let positions: Vec<Position> =
            folded.retirements.iter().map(|(_, retirement)| retirement.retirement.position).collect();
        prop_assert!(positions.is_sorted());
        let retirements = changes
            .iter()
            .filter(|change| matches!(change, Change::RetireDocument { .. } | Change::RetireFrom { .. }))
            .count();
        prop_assert_eq!(positions.len(), retirements);
    }
}
