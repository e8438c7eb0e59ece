//! What waits in quarantine: it stands in the checkpoint, and goes with it.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::Position;
use foodflow_projections::store::Checkpoint;
use foodflow_projections::store::generations::RebuildScope;
use foodflow_projections::store::quarantine::Quarantine;
use foodflow_projections::tables::TableStore;
use uuid::Uuid;

use super::generations::{Filler, HOLDER, P1, beside, hold, story};
use super::world::World;
use crate::graph_contract::world::waiting;

pub(crate) async fn what_waits_changes_places_with_its_generation(store: Arc<dyn TableStore>) {
    let stranger = TenantId(Uuid::new_v4());
    for is_all in [true, false] {
        let mut world = World::new(Arc::clone(&store), 1).await;
        let own = world.tenant;
        let scope = if is_all { RebuildScope::All } else { RebuildScope::Tenant(own) };
        let live = waiting(&[(own, 1, 1), (own, 2, 1), (stranger, 1, 1)]);
        let mut batch = world.next(story(own, "live", "1"));
        batch.checkpoint.quarantine = live.clone();
        let written = batch.checkpoint.clone();
        store.apply(batch).await.unwrap();
        assert_eq!(world.stored().await, written);
        assert_eq!(store.generations().await.unwrap().live[&P1], written);
        assert_eq!(store.claim(P1).await.unwrap().checkpoint, written);

        let mut filler = beside(&store, scope).await;
        let mut checkpoint = Checkpoint::new(Position(1), None);
        checkpoint.quarantine = waiting(&[(own, 2, 1), (own, 3, 1)]);
        let changes = story(own, "beside", "2").into_iter().map(|change| (own, change)).collect();
        filler.sink.apply(filler.claim.next(P1, changes, checkpoint.clone())).await.unwrap();
        assert_eq!(filler.sink.checkpoint(P1).await.unwrap(), checkpoint);
        let compared = hold(&store, &filler).await;
        assert_eq!(compared.live.checkpoint.quarantine, live);
        store.switch(&[compared]).await.unwrap();
        let theirs: &[_] = if is_all { &[] } else { &[(stranger, 1, 1)] };
        let expected = waiting(&[&[(own, 2, 1), (own, 3, 1)], theirs].concat());
        assert_eq!(world.stored().await.quarantine, expected, "{scope:?}");
        assert_eq!(store.claim(P1).await.unwrap().checkpoint.quarantine, expected);

        let (_, sink) = store.reopen_previous().await.unwrap();
        let filler = Filler::new(sink, P1).await;
        assert!(filler.claim.checkpoint.quarantine.is_like(&live, Some(own)));
        store.switch(&[hold(&store, &filler).await]).await.unwrap();
        assert_eq!(world.stored().await.quarantine, live, "{scope:?}");

        store.release(P1, HOLDER).await.unwrap();
        store.clear(P1).await.unwrap();
        assert_eq!(world.stored().await.quarantine, Quarantine::default());
        store.discard().await.unwrap();
    }
}
