//! Batches: once, in order, by one writer at a time, whole or not at all.

use std::sync::Arc;

use foodflow_log::Position;
use foodflow_projections::store::{Epoch, StoreError};
use foodflow_projections::tables::TableStore;

use super::tables::{Part, Sample, meter, part, sample};
use super::world::{World, add, append, upsert};

pub(crate) async fn a_batch_is_applied_once(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let batch = world.next(vec![add(meter(world.tenant, 1, "5"))]);
    world.store.apply(batch.clone()).await.unwrap();
    let checkpoint = world.stored().await;
    assert_eq!(checkpoint, batch.checkpoint);
    let digest = world.digest().await;
    world.store.apply(batch).await.unwrap();
    assert_eq!(world.digest().await, digest, "its answer may have been lost");
    world.apply(vec![]).await;
    assert_eq!(world.stored().await.position, Position(2));
}

pub(crate) async fn a_batch_is_applied_once_by_two_writers(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    for round in 1..=20 {
        let batch = world.next(vec![add(meter(world.tenant, 1, "1"))]);
        let (one, other) = tokio::join!(world.store.apply(batch.clone()), world.store.apply(batch));
        one.unwrap();
        other.unwrap();
        let meters = world.rows::<super::tables::Meter>().await;
        assert_eq!(meters[0].value, round.into());
    }
}

pub(crate) async fn a_batch_that_fails_leaves_nothing(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    world.apply(vec![append(sample(tenant, 1)), append(part(tenant, 1, 1))]).await;
    let (before, digest) = (world.stored().await, world.digest().await);
    // The first table takes its row, then the second refuses a key that is there.
    let changes = vec![upsert(sample(tenant, 2)), append(part(tenant, 1, 1))];
    world.try_apply(changes).await.unwrap_err();
    // Another sample has its number.
    let same_number = Sample { number: 1, ..sample(tenant, 3) };
    world.try_apply(vec![append(meter(tenant, 1, "1")), upsert(same_number)]).await.unwrap_err();
    assert_eq!((world.stored().await, world.digest().await), (before, digest));
    assert_eq!(world.rows::<Part>().await.len(), 1);
    world.apply(vec![upsert(sample(tenant, 2))]).await;
    assert_eq!(world.rows::<Sample>().await.len(), 2);
}

pub(crate) async fn a_rehearsal_refuses_what_applying_would_and_leaves_nothing(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    world.apply(vec![append(sample(tenant, 1)), append(part(tenant, 1, 1))]).await;
    let (before, digest) = (world.stored().await, world.digest().await);
    world.try_rehearse(vec![upsert(sample(tenant, 2)), append(part(tenant, 2, 1))]).await.unwrap();
    let same_number = Sample { number: 1, ..sample(tenant, 3) };
    for refused in [append(part(tenant, 1, 1)), upsert(same_number)] {
        let outcome = world.try_rehearse(vec![upsert(sample(tenant, 2)), refused]).await;
        assert!(matches!(outcome, Err(StoreError::Unfit { .. })), "{outcome:?}");
    }
    assert_eq!((world.stored().await, world.digest().await), (before, digest));
    let mut newer = World::new(Arc::clone(&world.store), 1).await;
    newer.tenant = tenant;
    let fenced = world.try_rehearse(vec![upsert(sample(tenant, 2))]).await;
    assert!(matches!(fenced, Err(StoreError::Fenced { .. })), "{fenced:?}");
    newer.apply(vec![upsert(sample(tenant, 2))]).await;
}

pub(crate) async fn a_tenant_stays_in_its_partition(store: Arc<dyn TableStore>) {
    let mut world = World::new(Arc::clone(&store), 1).await;
    world.apply(vec![upsert(sample(world.tenant, 1))]).await;
    let mut moved = World::new(store, 2).await;
    moved.tenant = world.tenant;
    let refused = moved.try_apply(vec![upsert(sample(world.tenant, 2))]).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

pub(crate) async fn checkpoints_are_kept_per_partition(store: Arc<dyn TableStore>) {
    let mut one = World::new(Arc::clone(&store), 1).await;
    let other = World::new(store, 2).await;
    one.apply(vec![]).await;
    one.apply(vec![upsert(sample(one.tenant, 1))]).await;
    assert_eq!(one.stored().await, one.claim.checkpoint);
    assert_eq!(other.stored().await.position, Position(0));
    assert_eq!(other.stored().await.recorded_at, None);
    let never = one.store.checkpoint(foodflow_log::Partition(7)).await.unwrap();
    assert_eq!(never.position, Position(0));
}

pub(crate) async fn nothing_is_written_over_a_gap(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let skipped = world.next(vec![upsert(sample(world.tenant, 1))]);
    let later = world.next(vec![upsert(sample(world.tenant, 2))]);
    let refused = world.store.apply(later.clone()).await;
    assert!(matches!(refused, Err(StoreError::Gap { found: Position(0), .. })), "{refused:?}");
    assert!(world.rows::<Sample>().await.is_empty());
    world.store.apply(skipped).await.unwrap();
    world.store.apply(later).await.unwrap();
    assert_eq!(world.rows::<Sample>().await.len(), 2);
}

pub(crate) async fn who_was_fenced_writes_nothing(store: Arc<dyn TableStore>) {
    let mut old = World::new(Arc::clone(&store), 1).await;
    old.apply(vec![upsert(sample(old.tenant, 1))]).await;
    let mut new = World::new(store, 1).await;
    new.tenant = old.tenant;
    assert_eq!(new.claim.checkpoint, old.claim.checkpoint, "it goes on where the other stood");
    assert_eq!(new.claim.epoch, Epoch(old.claim.epoch.0 + 1));
    let refused = old.try_apply(vec![upsert(sample(old.tenant, 2))]).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(new.rows::<Sample>().await.len(), 1);
    new.apply(vec![upsert(sample(new.tenant, 3))]).await;
    assert_eq!(new.rows::<Sample>().await.len(), 2);
}

pub(crate) async fn the_identity_stays(store: Arc<dyn TableStore>) {
    let world = World::new(Arc::clone(&store), 1).await;
    let identity = store.identity().await.unwrap();
    store.migrate().await.unwrap();
    store.clear(world.partition).await.unwrap();
    assert_eq!(store.identity().await.unwrap(), identity);
    assert!(!identity.is_nil());
}
