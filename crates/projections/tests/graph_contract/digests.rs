//! The digest: of what is held, not of how it came there; and a rebuild that restores it.

use std::sync::Arc;

use foodflow_projections::changes::{Change, Edge, EdgeType, Label, Value};
use foodflow_projections::graph::{DigestScope, GraphStore};
use foodflow_testkit::simulation::ModelGraph;

use super::world::{World, added, bare, edge, kilograms, node, retirement, text, uses};
use crate::story::plant;

impl World {
    /// The digest of this world's tenant.
    pub(crate) async fn digest(&self) -> String {
        self.store.digest(DigestScope::Tenant(self.tenant)).await.unwrap()
    }

    /// The digest of this world's partition.
    async fn partition_digest(&self) -> String {
        self.store.digest(DigestScope::Partition(self.partition)).await.unwrap()
    }
}

pub(crate) async fn the_digest_is_that_of_every_other_store(store: Arc<dyn GraphStore>) {
    let story = plant::told();
    let mut world = World::new(store, 1601).await;
    world.tenant = story.tenant;
    for changes in story.changes() {
        world.apply(changes).await;
    }
    let expected = ModelGraph::of(story.tenant, story.changes().iter().flatten()).digest(None);
    assert_eq!(world.digest().await, expected);

    let (embedded, _guard) = super::embedded::open().await;
    let mut other = World::new(embedded, 1).await;
    other.tenant = story.tenant;
    other.apply(story.changes().concat()).await;
    assert_eq!(other.digest().await, expected);
}

pub(crate) async fn the_digest_does_not_depend_on_order_or_batches(store: Arc<dyn GraphStore>) {
    let story = plant::told();
    let expected = ModelGraph::of(story.tenant, story.changes().iter().flatten()).digest(None);
    let mut world = World::new(store, 1602).await;
    world.tenant = story.tenant;
    for size in [story.messages.len(), 7, 1] {
        world.clear().await;
        for changes in story.changes().chunks(size) {
            world.apply(changes.concat()).await;
        }
        assert_eq!(world.digest().await, expected, "batches of {size} messages");
    }
    // Nodes and edges that do not touch each other may come in any order.
    world.clear().await;
    let lots = [1, 2, 3].map(|number| world.lot(number));
    let edges = [uses(1, lots[0], lots[1]), uses(2, lots[1], lots[2])];
    world.apply([bare(&lots), edges.to_vec()].concat()).await;
    let forward = world.digest().await;
    world.clear().await;
    let mut backward = [bare(&lots), edges.to_vec()].concat();
    backward.reverse();
    world.apply(backward).await;
    assert_eq!(world.digest().await, forward);
}

pub(crate) async fn the_digest_sees_every_difference(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1603).await;
    let (output, input) = (world.lot(1), world.lot(2));
    let mut seen = vec![world.digest().await];
    let base = edge(1, EdgeType::UsesIngredient, output, input);
    let other_line = Edge { line: 1, id: uuid::Uuid::new_v4(), ..base.clone() };
    let other_amount = Edge { quantity: Some(kilograms("1.1")), id: uuid::Uuid::new_v4(), ..base.clone() };
    let types = &[EdgeType::UsesIngredient];
    let steps: [Vec<Change>; 8] = [
        bare(&[output]),
        bare(&[input]),
        vec![node(output, [("quantity", Value::Float(1.0))])],
        vec![node(output, [("quantity", text("1"))])],
        vec![added(base)],
        vec![added(other_line)],
        vec![added(other_amount)],
        vec![Change::RetireFrom { from: output, edge_types: types, retirement: retirement(9) }],
    ];
    for step in steps {
        world.apply(step).await;
        let digest = world.digest().await;
        assert!(!seen.contains(&digest));
        assert_eq!(world.partition_digest().await, digest);
        seen.push(digest);
    }
}

pub(crate) async fn a_survey_tells_what_is_held_at_a_position(store: Arc<dyn GraphStore>) {
    let mut world = World::new(store, 1606).await;
    let (output, input, place) = (world.lot(1), world.lot(2), world.key(Label::Location, 1));
    world.apply([bare(&[output, input, place]), vec![uses(1, output, input)]].concat()).await;
    let types = &[EdgeType::UsesIngredient];
    let retired = Change::RetireFrom { from: output, edge_types: types, retirement: retirement(2) };
    world.apply(vec![retired, uses(3, output, input)]).await;
    let expected = [("Batch", 2), ("Location", 1), ("USES_INGREDIENT", 1), ("USES_INGREDIENT retired", 1)];
    for scope in [DigestScope::Tenant(world.tenant), DigestScope::Partition(world.partition)] {
        let survey = world.store.survey(world.partition, scope).await.unwrap().expect("nobody else writes");
        assert_eq!(survey.checkpoint.position, world.position());
        assert_eq!(survey.digest, world.digest().await);
        let counts: Vec<_> = survey.counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        assert_eq!(counts, expected);
    }
}

pub(crate) async fn clear_takes_one_partition_and_replay_restores_it(store: Arc<dyn GraphStore>) {
    let story = plant::told();
    let mut world = World::new(Arc::clone(&store), 1604).await;
    let mut bystander = World::new(store, 1605).await;
    world.tenant = story.tenant;
    let bystanders = bystander.lot(1);
    bystander.apply(vec![node(bystanders, [("name", text("stays"))])]).await;
    world.apply(story.changes().concat()).await;
    let (live, beside) = (world.partition_digest().await, bystander.partition_digest().await);
    assert_ne!(live, beside);

    world.clear().await;
    assert!(world.partition_digest().await.starts_with("0-"));
    assert!(world.digest().await.starts_with("0-"));
    assert_eq!(world.store.checkpoint(world.partition).await.unwrap().position.0, 0);
    assert_eq!(bystander.partition_digest().await, beside);
    assert_eq!(bystander.store.checkpoint(bystander.partition).await.unwrap().position, bystander.position());

    // From position 1 again, which is only possible because the checkpoint is gone.
    for (position, changes) in (1..).zip(story.changes()) {
        world.store.apply(world.batch(position, changes)).await.unwrap();
    }
    assert_eq!(world.partition_digest().await, live);

    bystander.clear().await;
    assert!(bystander.partition_digest().await.starts_with("0-"));
    assert_eq!(world.partition_digest().await, live);
}
