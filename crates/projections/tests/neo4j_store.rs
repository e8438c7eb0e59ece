//! The Neo4j store under the contract of graph stores, and what is its own, on a real server.
//!
//! - [`writing`]: transactions: failures, racing and cancelled writers, other tenants' ids;
//! - [`generations`]: switching, on a server of its own;
//! - [`tracing`]: genealogies that are deep, wide or full of shared ancestors;
//! - [`schema`]: what people find who look into the database: names, types, constraints, indexes.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod generations;
mod schema;
mod tracing;
mod writing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::graph::{GraphStore, ReadModel as _, StoreError};
use foodflow_testkit::servers::Neo4jServer;
use tokio::sync::OnceCell;

crate::graph_contract::graph_contract_cases!(super::neo4j_store::open);

static MIGRATED: OnceCell<()> = OnceCell::const_new();

/// The shared server as a user reaches it.
async fn config() -> Neo4jConfig {
    let uri = Neo4jServer::shared().await.unwrap().url().to_owned();
    Neo4jConfig { uri, user: "neo4j".to_owned(), password: "not-asked-for".to_owned(), database: None }
}

/// The store; connections belong to the test's own runtime, the schema is made once.
async fn connect() -> Neo4jGraph {
    let store = Neo4jGraph::connect(config().await).await.unwrap();
    MIGRATED.get_or_init(|| async { store.migrate().await.unwrap() }).await;
    store
}

/// The store as the contract takes it; nothing to guard.
pub(crate) async fn open() -> (Arc<dyn GraphStore>, ()) {
    (Arc::new(connect().await), ())
}

/// The driver itself, to look at what is stored and to do what the store never does.
async fn driver() -> neo4rs::Graph {
    let Neo4jConfig { uri, user, password, .. } = config().await;
    neo4rs::Graph::new(uri, user, password).unwrap()
}

#[tokio::test]
async fn a_named_database_is_used_and_described() {
    let config = Neo4jConfig { database: Some("neo4j".to_owned()), ..config().await };
    let store = Neo4jGraph::connect(config.clone()).await.unwrap();
    assert_eq!(store.name(), "neo4j");
    assert_eq!(store.describe(), format!("{}/neo4j", config.uri));
    let config = Neo4jConfig { database: Some("nowhere".to_owned()), ..config };
    let refused = Neo4jGraph::connect(config).await.unwrap_err().to_string();
    assert!(refused.contains("nowhere"), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_credentials() {
    let config = Neo4jConfig {
        uri: "bolt://plant:s3cret@127.0.0.1:1".to_owned(),
        user: "plant".to_owned(),
        password: "s3cret".to_owned(),
        database: None,
    };
    let started = Instant::now();
    let refused = Neo4jGraph::connect(config).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(11));
    assert!(matches!(refused, StoreError::Unavailable { store: "neo4j", .. }), "{refused:?}");
    let message = refused.to_string();
    assert!(message.contains("bolt://127.0.0.1:1"), "{message}");
    assert!(!message.contains("s3cret") && !message.contains("plant"), "{message}");
}
