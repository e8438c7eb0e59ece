//! The embedded store under the contract, and what is its own.

use std::path::Path;
use std::sync::Arc;

use foodflow_projections::store::{ReadModel as _, StoreError};
use foodflow_projections::tables::embedded::EmbeddedTables;
use foodflow_projections::tables::{TableProjection, TableStore};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use super::tables::{CONTRACT, Sample, sample};
use super::world::{World, upsert};

super::table_contract_cases!(open);

/// A store in a new file; the guard removes it.
pub(crate) async fn open() -> (Arc<dyn TableStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder.path().join("tables.sqlite"), &CONTRACT).await;
    store.migrate().await.unwrap();
    (Arc::new(store), folder)
}

async fn opened(path: &Path, projection: &'static TableProjection) -> EmbeddedTables {
    EmbeddedTables::open(path, projection).await.unwrap()
}

#[tokio::test]
async fn what_was_applied_is_there_after_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables.sqlite");
    let store = opened(&path, &CONTRACT).await;
    assert!(store.missing_schema().await.unwrap().contains(&"samples_made_at".to_owned()));
    store.migrate().await.unwrap();
    assert!(store.missing_schema().await.unwrap().is_empty());
    let mut world = World::new(Arc::new(store.clone()), 1).await;
    world.apply(vec![upsert(sample(world.tenant, 1))]).await;
    store.close().await;
    assert!(matches!(store.checkpoint(world.partition).await, Err(StoreError::Unavailable { .. })));

    let again = opened(&path, &CONTRACT).await;
    again.migrate().await.unwrap();
    again.migrate().await.unwrap();
    world.store = Arc::new(again);
    assert_eq!(world.rows::<Sample>().await.len(), 1);
    assert_eq!(world.stored().await, world.claim.checkpoint);
}

#[tokio::test]
async fn a_file_of_an_older_layout_is_filled_anew_and_a_newer_one_is_refused() {
    static NEWER: TableProjection = TableProjection { layout: 4, ..CONTRACT_COPY };
    const CONTRACT_COPY: TableProjection = TableProjection {
        name: "contract",
        layout: 3,
        postgres: super::tables::POSTGRES,
        sources: &[foodflow_projections::tables::TableSource::of_messages::<Sample>(|_, _| {})],
        passed_over: &[],
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables.sqlite");
    let store = opened(&path, &CONTRACT).await;
    store.migrate().await.unwrap();
    let mut world = World::new(Arc::new(store.clone()), 1).await;
    world.apply(vec![upsert(sample(world.tenant, 1))]).await;
    store.close().await;

    let newer = opened(&path, &NEWER).await;
    assert!(!newer.missing_schema().await.unwrap().is_empty());
    newer.migrate().await.unwrap();
    world.store = Arc::new(newer.clone());
    assert!(world.rows::<Sample>().await.is_empty());
    assert_eq!(world.stored().await.position.0, 0);
    newer.close().await;
    let refused = opened(&path, &CONTRACT).await.migrate().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt { .. }), "{refused}");
}

#[tokio::test]
async fn people_find_the_documented_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables.sqlite");
    let store = opened(&path, &CONTRACT).await;
    store.migrate().await.unwrap();
    let mut world = World::new(Arc::new(store), 1).await;
    world.apply(vec![upsert(Sample { is_open: true, ..sample(world.tenant, 1) })]).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let (made, amount, is_open): (String, String, i64) = sqlx::query_as(
        "SELECT datetime(made_at / 1000000, 'unixepoch'), amount, is_open FROM samples \
         WHERE \"order\" = 'jar' AND lower(hex(id)) = '01900000000070008000000000000001'",
    )
    .fetch_one(&mut other)
    .await
    .unwrap();
    assert_eq!((made.as_str(), amount.as_str(), is_open), ("2026-03-05 10:12:00", "0", 1));
}
