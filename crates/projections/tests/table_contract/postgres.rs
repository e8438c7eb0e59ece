//! The PostgreSQL store under the contract, and what is its own, on a real server.

use std::sync::Arc;
use std::time::Duration;

use foodflow_projections::store::generations::{Generations as _, RebuildScope};
use foodflow_projections::store::{ReadModel as _, StoreError};
use foodflow_projections::tables::postgres::{PostgresConfig, PostgresTables};
use foodflow_projections::tables::{TableProjection, TableSource, TableStore};
use foodflow_testkit::servers::PostgresServer;
use sqlx::{AssertSqlSafe, PgPool};

use super::tables::{CONTRACT, Part, Sample, part, sample};
use super::world::{World, append, upsert};

super::table_contract_cases!(open);

/// A database of its own on the shared server.
pub(crate) async fn database() -> PgPool {
    let url = PostgresServer::shared().await.unwrap().new_database().await.unwrap();
    PostgresConfig { url }.connect().await.unwrap()
}

/// A store in a database of its own; nothing to guard.
pub(crate) async fn open() -> (Arc<dyn TableStore>, ()) {
    (Arc::new(migrated().await.1), ())
}

/// The tables, made, and their database.
pub(super) async fn migrated() -> (PgPool, PostgresTables) {
    let pool = database().await;
    let store = PostgresTables::new(pool.clone(), &CONTRACT);
    store.migrate().await.unwrap();
    (pool, store)
}

/// A later layout of the contract's tables.
static NEWER: TableProjection = TableProjection {
    name: "contract",
    layout: 4,
    postgres: "CREATE TABLE IF NOT EXISTS samples (tenant_id UUID, id UUID, PRIMARY KEY (tenant_id, id));",
    sources: &[TableSource::of_messages::<Sample>(|_, _| {})],
    passed_over: &[],
};

#[tokio::test]
async fn two_processes_migrate_at_once_and_again() {
    let pool = database().await;
    let store = PostgresTables::new(pool.clone(), &CONTRACT);
    assert!(store.missing_schema().await.unwrap().contains(&"samples_made_at".to_owned()));
    let others: Vec<_> = (0..4).map(|_| PostgresTables::new(pool.clone(), &CONTRACT)).collect();
    let outcomes = futures::future::join_all(others.iter().map(|other| other.migrate())).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    store.migrate().await.unwrap();
    assert!(store.missing_schema().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_complete_is_not_defined_again() {
    let (pool, store) = migrated().await;
    // As a batch that is being applied does.
    let mut batch = pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE samples, meters IN ROW EXCLUSIVE MODE").execute(&mut *batch).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), store.migrate()).await.unwrap().unwrap();
    batch.rollback().await.unwrap();
    sqlx::raw_sql("DROP INDEX samples_made_at; DELETE FROM projection_store").execute(&pool).await.unwrap();
    assert_eq!(store.missing_schema().await.unwrap(), ["samples_made_at"]);
    store.migrate().await.unwrap();
    assert!(store.missing_schema().await.unwrap().is_empty());
    assert!(!store.identity().await.unwrap().is_nil());
}

#[tokio::test]
async fn what_generations_there_are_is_told_while_a_batch_is_applied() {
    let (pool, store) = migrated().await;
    let world = World::new(Arc::new(store.clone()), 1).await;
    store.beside(RebuildScope::All, "1").await.unwrap().claim(world.partition).await.unwrap();
    let mut batch = pool.begin().await.unwrap();
    for table in ["projection_checkpoints", "foodflow_contract_other.projection_checkpoints"] {
        let lock = format!("SELECT 1 FROM {table} FOR UPDATE");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *batch).await.unwrap();
    }
    let told = tokio::time::timeout(Duration::from_secs(30), store.generations()).await.unwrap().unwrap();
    assert_eq!(told.live[&world.partition], world.claim.checkpoint);
    assert!(told.other.unwrap().checkpoints.contains_key(&world.partition));
}

#[tokio::test]
async fn a_schema_that_is_somebody_elses_is_left_alone() {
    let (pool, store) = migrated().await;
    let theirs =
        "CREATE SCHEMA foodflow_contract_other; CREATE TABLE foodflow_contract_other.theirs (id INT);";
    sqlx::raw_sql(theirs).execute(&pool).await.unwrap();
    let is_there = async || {
        let found = "SELECT to_regclass('foodflow_contract_other.theirs') IS NOT NULL";
        sqlx::query_scalar::<_, bool>(found).fetch_one(&pool).await.unwrap()
    };
    let refused = store.beside(RebuildScope::All, "1").await.map(|_| ()).unwrap_err();
    assert!(matches!(&refused, StoreError::Generations { .. }), "{refused}");
    assert!(refused.to_string().contains("foodflow_contract_other"), "{refused}");
    assert!(is_there().await);
    assert_eq!(store.discard().await.unwrap(), None);
    assert!(is_there().await);
    let newer = PostgresTables::new(pool.clone(), &NEWER);
    sqlx::raw_sql("DROP TABLE sample_parts").execute(&pool).await.unwrap();
    newer.migrate().await.unwrap();
    assert!(is_there().await);
    // One's own goes with its layout, and makes room for the next.
    sqlx::raw_sql("DROP SCHEMA foodflow_contract_other CASCADE").execute(&pool).await.unwrap();
    newer.beside(RebuildScope::All, "1").await.unwrap();
    newer.beside(RebuildScope::All, "2").await.unwrap();
    sqlx::raw_sql("UPDATE projection_layouts SET layout = 3").execute(&pool).await.unwrap();
    newer.migrate().await.unwrap();
    assert!(newer.generations().await.unwrap().other.is_none());
    newer.beside(RebuildScope::All, "3").await.unwrap();
}

#[tokio::test]
async fn an_older_layout_is_filled_anew_and_a_newer_one_is_refused() {
    let (pool, store) = migrated().await;
    let mut world = World::new(Arc::new(store.clone()), 1).await;
    world.apply(vec![upsert(sample(world.tenant, 1))]).await;
    // What refers to the table is not this projection's to drop.
    sqlx::raw_sql("DROP TABLE sample_parts").execute(&pool).await.unwrap();
    let newer = PostgresTables::new(pool.clone(), &NEWER);
    assert!(!newer.missing_schema().await.unwrap().is_empty());
    newer.migrate().await.unwrap();
    assert!(newer.missing_schema().await.unwrap().is_empty());
    assert_eq!(newer.checkpoint(world.partition).await.unwrap().position.0, 0);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM samples").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 0);
    let refused = store.migrate().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt { .. }), "{refused}");
}

#[tokio::test]
async fn a_batch_that_is_given_up_is_taken_back() {
    let (pool, store) = migrated().await;
    let mut world = World::new(Arc::new(store), 1).await;
    let tenant = world.tenant;
    // Somebody holds the checkpoint, so that the batch has to wait.
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM projection_checkpoints FOR UPDATE").execute(&mut *holder).await.unwrap();
    let batch = world.next((0..500).map(|number| upsert(sample(tenant, number))).collect());
    let applying = world.store.apply(batch.clone());
    assert!(tokio::time::timeout(Duration::from_millis(300), applying).await.is_err());
    holder.rollback().await.unwrap();
    assert!(world.rows::<Sample>().await.is_empty());
    world.store.apply(batch).await.unwrap();
    assert_eq!(world.rows::<Sample>().await.len(), 500);
}

#[tokio::test]
async fn a_stream_of_rows_that_is_refused_leaves_the_connection_usable() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let rows = |first: u16| (first..first + 300).map(move |number| append(sample(tenant, number)));
    world.apply(rows(0).collect()).await;
    let digest = world.digest().await;
    for _ in 0..12 {
        world.try_apply(rows(100).collect()).await.unwrap_err();
    }
    assert_eq!(world.digest().await, digest);
    world.apply(rows(1_000).collect()).await;
    assert!(world.digest().await.starts_with("600-"));
}

/// What is refused for the data, in arrays and in a stream, and why; the data itself is never told.
#[tokio::test]
async fn a_refusal_of_data_is_told_apart_without_the_data() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    world.apply(vec![upsert(sample(tenant, 1))]).await;
    let digest = world.digest().await;
    let text = |note: &str| Sample { note: Some(note.to_owned()), ..sample(tenant, 2) };
    let early = Sample { day: Some(jiff::civil::date(-9_000, 1, 1)), ..sample(tenant, 2) };
    let long = Sample { kind: "secret-secret".to_owned(), ..sample(tenant, 2) };
    let orphan = Part { title: "secret".to_owned(), ..part(tenant, 9, 1) };
    let streamed =
        (2..400).map(|number| append(Sample { note: Some("secret\0".to_owned()), ..sample(tenant, number) }));
    let cases = [
        (vec![upsert(text("secret\0"))], "table samples: SQLSTATE 22021 (character_not_in_repertoire)"),
        (streamed.collect(), "table samples: SQLSTATE 22021 (character_not_in_repertoire)"),
        (vec![upsert(early)], "table samples: SQLSTATE 22009 (invalid_time_zone_displacement_value)"),
        (vec![upsert(long)], "table samples: SQLSTATE 22001 (string_data_right_truncation)"),
        (
            vec![upsert(Sample { number: 1, ..text("secret") })],
            "table samples: SQLSTATE 23505 (unique_violation), constraint samples_tenant_id_number_key",
        ),
        (
            vec![upsert(orphan)],
            "table sample_parts: SQLSTATE 23503 (foreign_key_violation), constraint \
             sample_parts_tenant_id_sample_id_fkey",
        ),
    ];
    for (changes, expected) in cases {
        let refused = world.try_rehearse(changes.clone()).await.unwrap_err();
        assert_eq!(refused.to_string(), world.try_apply(changes).await.unwrap_err().to_string());
        let StoreError::Unfit { reason, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(reason, expected);
        assert_eq!(world.digest().await, digest);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_credentials() {
    let url = "postgres://plant:s3cret@127.0.0.1:1/foodflow".to_owned();
    let error = PostgresConfig { url }.connect().await.unwrap_err().to_string();
    assert!(error.contains("postgres://127.0.0.1:1/foodflow"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}
