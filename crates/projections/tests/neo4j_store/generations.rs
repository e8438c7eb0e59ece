//! The generations of a graph in Neo4j: a switch concerns the whole database, so that these share a server of their own,
//! one after the other.

use std::sync::Arc;
use std::time::Duration;

use foodflow_projections::changes::{EdgeType, Label};
use foodflow_projections::graph::neo4j::{Neo4jConfig, Neo4jGraph};
use foodflow_projections::graph::{Checkpoint, Claim, DigestScope, GraphStore, ReadModel as _, StoreError};
use foodflow_projections::store::generations::{Compared, RebuildScope};
use foodflow_testkit::servers::Neo4jServer;
use neo4rs::{Graph, query};
use uuid::Uuid;

use crate::graph_contract::generations;
use crate::graph_contract::world::{World, bare, uses};

async fn connect(server: &Neo4jServer) -> Neo4jGraph {
    let (user, password) = ("neo4j".to_owned(), "not-asked-for".to_owned());
    let config = Neo4jConfig { uri: server.url().to_owned(), user, password, database: None };
    Neo4jGraph::connect(config).await.unwrap()
}

#[tokio::test]
async fn generations_keep_their_contract() {
    let server = Neo4jServer::start().await.unwrap();
    let store = connect(&server).await;
    store.migrate().await.unwrap();
    let store: Arc<dyn GraphStore> = Arc::new(store);
    macro_rules! one_after_the_other {
        ($($case:ident,)*) => {$(generations::$case(Arc::clone(&store)).await;)*};
    }
    generations::generation_cases!(one_after_the_other);
    documented_names_reach_the_live_generation_alone(&server, &store).await;
    what_others_added_goes_with_a_switch(&server, &store).await;
}

async fn driver(server: &Neo4jServer) -> Graph {
    Graph::new(server.url(), "neo4j", "not-asked-for").unwrap()
}

async fn number(server: &Neo4jServer, statement: &str) -> i64 {
    let mut rows = driver(server).await.execute(query(statement)).await.unwrap();
    rows.next().await.unwrap().unwrap().get("number").unwrap()
}

/// A lot that was made of another, live and beside; answers the claim of the one beside.
async fn both_filled(store: &Arc<dyn GraphStore>, world: &mut World) -> Claim {
    let (output, input) = (world.lot(1), world.lot(2));
    let story = || [bare(&[output, input]), vec![uses(1, output, input)]].concat();
    world.apply(story()).await;
    let sink = store.beside(RebuildScope::All, "1").await.unwrap();
    let mut claim = sink.claim(world.partition).await.unwrap();
    let changes = story().into_iter().map(|change| (world.tenant, change)).collect();
    let checkpoint = Checkpoint { position: world.position(), recorded_at: None };
    sink.apply(claim.next(world.partition, changes, checkpoint)).await.unwrap();
    claim
}

async fn documented_names_reach_the_live_generation_alone(server: &Neo4jServer, store: &Arc<dyn GraphStore>) {
    generations::fresh(store).await;
    let mut world = World::new(Arc::clone(store), 1).await;
    both_filled(store, &mut world).await;
    let labels: Vec<&str> = Label::ALL.iter().map(|label| label.as_str()).collect();
    let types: Vec<&str> = EdgeType::ALL.iter().map(|edge_type| edge_type.as_str()).collect();
    let (nodes, edges) = (
        format!("MATCH (n:{}) RETURN count(n) AS number", labels.join("|")),
        format!("MATCH ()-[e:{}]->() RETURN count(e) AS number", types.join("|")),
    );
    assert_eq!((number(server, &nodes).await, number(server, &edges).await), (2, 1));
    assert_eq!(number(server, "MATCH (n:BesideBatch) RETURN count(n) AS number").await, 2);
    store.discard().await.unwrap();
    assert_eq!((number(server, &nodes).await, number(server, &edges).await), (2, 1));
    let all = "MATCH (n) WHERE NOT n:FoodflowCheckpoint AND NOT n:FoodflowStore RETURN count(n) AS number";
    assert_eq!(number(server, all).await, 2);
}

async fn what_others_added_goes_with_a_switch(server: &Neo4jServer, store: &Arc<dyn GraphStore>) {
    generations::fresh(store).await;
    let mut world = World::new(Arc::clone(store), 1).await;
    let beside = both_filled(store, &mut world).await;
    let right = world.digest().await;
    // Of a kind that no digest can read, and one that no digest covers.
    let additions = "MATCH (a:Batch {id: $id})-[e]->() SET a.odd = duration('P1D'), e.quantity = 7.5 \
         CREATE (a)-[:NOTED_ON]->(:Note {text: 'ask the supplier'})";
    let id = world.lot(1).id.to_string();
    driver(server).await.run(query(additions).param("id", id)).await.unwrap();
    let scope = DigestScope::Tenant(world.tenant);
    assert!(matches!(store.digest(scope).await, Err(StoreError::Corrupt { .. })));
    let live = store.hold(world.partition, Uuid::nil(), Duration::from_secs(60)).await.unwrap();
    store.switch(&[Compared { partition: world.partition, live, beside }]).await.unwrap();
    assert_eq!(store.digest(scope).await.unwrap(), right);
    let changed = "MATCH ()-[e:USES_INGREDIENT]->() WHERE e.quantity <> 1.0 RETURN count(e) AS number";
    assert_eq!(number(server, changed).await, 0);
    assert_eq!(number(server, "MATCH ()-[e:NOTED_ON]->() RETURN count(e) AS number").await, 0);
    store.discard().await.unwrap();
}
