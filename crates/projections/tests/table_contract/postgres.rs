//! The PostgreSQL store under the contract, and what is its own, on a real server.

use std::sync::Arc;
use std::time::Duration;

use foodflow_projections::store::{ReadModel as _, StoreError};
use foodflow_projections::tables::postgres::{PostgresConfig, PostgresTables};
use foodflow_projections::tables::{TableProjection, TableSource, TableStore};
use foodflow_testkit::servers::PostgresServer;
use sqlx::PgPool;

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
    let store = PostgresTables::new(database().await, &CONTRACT);
    store.migrate().await.unwrap();
    (Arc::new(store), ())
}

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
async fn an_older_layout_is_filled_anew_and_a_newer_one_is_refused() {
    static NEWER: TableProjection = TableProjection {
        name: "contract",
        layout: 4,
        postgres: "CREATE TABLE IF NOT EXISTS samples (tenant_id UUID, id UUID, PRIMARY KEY (tenant_id, id));",
        sources: &[TableSource::of_messages::<Sample>(|_, _| {})],
        ignored: &[],
    };
    let pool = database().await;
    let store = PostgresTables::new(pool.clone(), &CONTRACT);
    store.migrate().await.unwrap();
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
    let pool = database().await;
    let store = PostgresTables::new(pool.clone(), &CONTRACT);
    store.migrate().await.unwrap();
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
