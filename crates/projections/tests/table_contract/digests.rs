//! Digests, and clearing a partition.

use std::sync::Arc;

use foodflow_log::Position;
use foodflow_projections::store::{Checkpoint, DigestScope};
use foodflow_projections::tables::value::Json;
use foodflow_projections::tables::{TableChange, TableStore};
use rust_decimal::Decimal;

use super::model::Model;
use super::tables::{Sample, meter, part, sample};
use super::world::{World, add, delete, upsert};

fn changes(world: &World) -> Vec<TableChange> {
    let tenant = world.tenant;
    vec![
        upsert(Sample { document: Some(Json::parse(r#"{"b":1.0,"a":[]}"#).unwrap()), ..sample(tenant, 1) }),
        upsert(sample(tenant, 2)),
        upsert(part(tenant, 1, 1)),
        add(meter(tenant, 1, "1.10")),
        add(meter(tenant, 1, "2.20")),
        world.patch(2, "note", Some("two".to_owned())),
        delete(part(tenant, 2, 9)),
    ]
}

pub(crate) async fn the_digest_is_that_of_every_other_store(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let changes = changes(&world);
    let mut model = Model::default();
    assert_eq!(world.digest().await, model.digest());
    for change in &changes {
        model.apply(change);
        world.apply(vec![change.clone()]).await;
        assert_eq!(world.digest().await, model.digest());
    }
}

pub(crate) async fn the_digest_sees_every_difference(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    world.apply(vec![upsert(sample(tenant, 1))]).await;
    let first = world.digest().await;
    let mut seen = vec![first.clone()];
    for change in [
        world.patch(1, "size", 1_i64),
        world.patch(1, "is_open", true),
        world.patch(1, "amount", Decimal::ONE),
        world.patch(1, "order", "box".to_owned()),
        upsert(part(tenant, 1, 1)),
    ] {
        world.apply(vec![change]).await;
        seen.push(world.digest().await);
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len());
    // The same amount with other zeros is the same.
    world.apply(vec![world.patch(1, "amount", Decimal::new(1_000, 3))]).await;
    assert_eq!(Some(&world.digest().await), seen.last());
    world.apply(vec![delete(part(tenant, 1, 1)), upsert(sample(tenant, 1))]).await;
    assert_eq!(world.digest().await, first);
}

pub(crate) async fn clear_takes_one_partition_and_replay_restores_it(store: Arc<dyn TableStore>) {
    let mut one = World::new(Arc::clone(&store), 1).await;
    let mut other = World::new(store, 2).await;
    for world in [&mut one, &mut other] {
        let changes = changes(world);
        world.apply(changes).await;
    }
    let digest =
        async |world: &World| world.store.digest(DigestScope::Partition(world.partition)).await.unwrap();
    let (before, others) = (digest(&one).await, digest(&other).await);
    assert_eq!(before, one.digest().await, "the partition holds one tenant");
    let epoch = one.claim.epoch;
    // First beside another partition's rows, then as the only one.
    for round in 0..2 {
        one.store.clear(one.partition).await.unwrap();
        assert_eq!(one.stored().await, Checkpoint::new(Position(0), None));
        assert!(digest(&one).await.starts_with("0-") && one.rows::<Sample>().await.is_empty());
        one.claim.checkpoint = Checkpoint::default();
        let changes = changes(&one);
        one.apply(changes).await;
        assert_eq!(digest(&one).await, before, "the epoch stays, and what is replayed is the same");
        assert_eq!(one.claim.epoch, epoch);
        if round == 0 {
            assert_eq!(digest(&other).await, others);
            other.store.clear(other.partition).await.unwrap();
        }
    }
}
