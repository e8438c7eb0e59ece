//! The embedded store under the contract, and what is its own.

use std::sync::Arc;

use foodflow_log::{Partition, Position};
use foodflow_projections::changes::{Change, Properties};
use foodflow_projections::graph::embedded::EmbeddedGraph;
use foodflow_projections::graph::{GraphStore, ListQuery, ReadModel as _, StoreError};
use foodflow_projections::store::generations::{Generations as _, RebuildScope, Role};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use super::world::{World, node, text};

super::graph_contract_cases!(open);

macro_rules! in_a_new_file {
    ($($case:ident,)*) => {$(
        #[tokio::test]
        async fn $case() {
            let (store, _guard) = open().await;
            super::generations::$case(store).await;
        }
    )*};
}
super::generations::generation_cases!(in_a_new_file);

/// A store in a new file; the guard removes it.
pub(crate) async fn open() -> (Arc<dyn GraphStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedGraph::open(&folder.path().join("graph.db")).await.unwrap();
    store.migrate().await.unwrap();
    (Arc::new(store), folder)
}

#[tokio::test]
async fn what_was_applied_is_there_after_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.db");
    let store = EmbeddedGraph::open(&path).await.unwrap();
    store.migrate().await.unwrap();
    let mut world = World::new(Arc::new(store.clone()), 1).await;
    let lot = world.lot(1);
    world.apply(vec![node(lot, [("batch_number", text("MP-1"))])]).await;
    store.close().await;
    assert!(matches!(
        store.nodes(world.tenant, lot.label, &[lot.id]).await,
        Err(StoreError::Unavailable { .. })
    ));

    let again = EmbeddedGraph::open(&path).await.unwrap();
    again.migrate().await.unwrap();
    again.migrate().await.unwrap();
    assert_eq!(again.nodes(world.tenant, lot.label, &[lot.id]).await.unwrap().len(), 1);
    assert_eq!(again.checkpoint(world.partition).await.unwrap().position, world.position());
}

#[tokio::test]
async fn a_failure_at_the_last_statement_takes_the_whole_batch_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.db");
    let store = EmbeddedGraph::open(&path).await.unwrap();
    store.migrate().await.unwrap();
    let mut world = World::new(Arc::new(store.clone()), 1).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let refuse =
        "CREATE TRIGGER refuse BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    sqlx::raw_sql(refuse).execute(&mut other).await.unwrap();
    let change = node(world.lot(1), [("name", text("salad"))]);
    let refused = world.try_apply(vec![change.clone()]).await.unwrap_err();
    assert!(refused.to_string().contains("disk full"), "{refused}");
    assert!(world.nodes(&[world.lot(1)]).await.is_empty());

    sqlx::raw_sql("DROP TRIGGER refuse").execute(&mut other).await.unwrap();
    world.apply(vec![change]).await;
    assert_eq!(world.nodes(&[world.lot(1)]).await.len(), 1);
}

#[tokio::test]
async fn a_generation_whose_tables_were_never_made_is_told_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.db");
    let store = EmbeddedGraph::open(&path).await.unwrap();
    store.migrate().await.unwrap();
    drop(store.beside(RebuildScope::All, "1").await.unwrap());
    store.close().await;
    // As whoever began it leaves it that dies before it makes the tables.
    for suffix in ["", "-wal", "-shm"] {
        let name = folder.path().join(format!("graph.1.db{suffix}"));
        assert!(std::fs::remove_file(&name).is_ok() || !suffix.is_empty(), "there is no {}", name.display());
    }
    let again = EmbeddedGraph::open(&path).await.unwrap();
    let other = again.generations().await.unwrap().other.unwrap();
    assert_eq!((other.role, other.checkpoints.len()), (Role::Beside, 0));
    let beside = again.beside(RebuildScope::All, "1").await.unwrap();
    assert_eq!(beside.claim(Partition(0)).await.unwrap().checkpoint.position, Position(0));
    assert_eq!(again.generations().await.unwrap().other.unwrap().checkpoints.len(), 1);
}

#[tokio::test]
async fn a_tenant_stays_in_its_partition() {
    let (store, _guard) = open().await;
    let mut world = World::new(Arc::clone(&store), 1).await;
    world.apply(vec![node(world.lot(1), [])]).await;
    let mut moved = World::new(store, 2).await;
    moved.tenant = world.tenant;
    let refused = moved.try_apply(vec![node(moved.lot(2), [])]).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_same_id_may_stand_in_two_tenants() {
    let (store, _guard) = open().await;
    let mut one = World::new(Arc::clone(&store), 1).await;
    let mut other = World::new(store, 2).await;
    let shared = one.lot(1);
    one.apply(vec![node(shared, [("name", text("one"))])]).await;
    other.apply(vec![node(shared, [("name", text("other"))])]).await;
    assert_eq!(one.property(shared, "name").await, Some(text("one")));
    assert_eq!(other.property(shared, "name").await, Some(text("other")));
}

#[tokio::test]
async fn a_file_of_an_older_layout_is_filled_anew_and_a_newer_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.db");
    let store = EmbeddedGraph::open(&path).await.unwrap();
    store.migrate().await.unwrap();
    let mut world = World::new(Arc::new(store.clone()), 1).await;
    let lot = world.lot(1);
    world.apply(vec![node(lot, [("batch_number", text("MP-1"))])]).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let older = "ALTER TABLE graph_nodes RENAME COLUMN sku_code TO code; PRAGMA user_version = 1";
    sqlx::raw_sql(older).execute(&mut other).await.unwrap();

    assert!(store.missing_schema().await.unwrap().contains(&"graph_nodes".to_owned()));
    store.migrate().await.unwrap();
    assert!(store.missing_schema().await.unwrap().is_empty());
    assert!(world.nodes(&[lot]).await.is_empty());
    assert_eq!(store.checkpoint(world.partition).await.unwrap().position.0, 0);
    world.claim().await;
    world.apply(vec![node(lot, [("sku_code", text("S"))])]).await;
    assert_eq!(world.nodes(&[lot]).await.len(), 1);

    sqlx::raw_sql("PRAGMA user_version = 1000").execute(&mut other).await.unwrap();
    let refused = store.migrate().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt { .. }), "{refused}");
    assert_eq!(world.nodes(&[lot]).await.len(), 1);
}

#[tokio::test]
async fn a_list_follows_filtered_texts_as_they_change() {
    let (store, _guard) = open().await;
    let mut world = World::new(store, 1).await;
    let lot = world.lot(1);
    let listed = |world: &World, name, of: &str| {
        let query = ListQuery { label: lot.label, filters: vec![(name, text(of))], after: None, limit: 10 };
        let (store, tenant) = (Arc::clone(&world.store), world.tenant);
        async move { store.list(tenant, &query).await.unwrap().len() }
    };
    for name in ["batch_number", "name", "product_id", "status"] {
        world.apply(vec![node(lot, [(name, text("before"))])]).await;
        world.apply(vec![node(lot, [(name, text("after")), ("unit", text("KGM"))])]).await;
        assert_eq!(
            (listed(&world, name, "before").await, listed(&world, name, "after").await),
            (0, 1),
            "{name}"
        );
        let removed = Change::MergeNode { key: lot, properties: Properties::from([(name, None)]) };
        world.apply(vec![removed]).await;
        assert_eq!(listed(&world, name, "after").await, 0, "{name} removed");
    }
}
