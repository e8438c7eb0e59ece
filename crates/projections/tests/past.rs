//! The graph as it stood: replayed, shared, bounded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Commit, EventLog as _, NewMessage, Position, SharedLog, StoredMessage};
use foodflow_projections::changes::Change;
use foodflow_projections::past::{PastGraphs, REPLAYS_AT_ONCE, ReplayError};
use foodflow_projections::runner::{Projected, Projection, ProjectionError, food_graph};
use foodflow_projections::store::{DigestScope, ReadModel as _};
use foodflow_testkit::simulation::ModelGraph;
use uuid::Uuid;

use crate::story::{Story, plant, recorded};

/// A log that holds the story, message for message.
async fn log_of(story: &Story) -> SharedLog {
    let log = MemoryLog::new(1);
    let mut ends = BTreeMap::new();
    for message in &story.messages {
        let expected = ends.insert(message.stream.clone(), message.position).unwrap_or_default();
        let new = NewMessage { stream: message.stream.clone(), expected, payload: message.payload.clone() };
        let recorded_at = recorded(message.position.0);
        let commit = Commit { tenant: story.tenant, recorded_at, messages: vec![new] };
        assert_eq!(log.append(commit).await.unwrap().last, message.position);
    }
    Arc::new(log)
}

#[tokio::test]
async fn a_replay_is_the_graph_of_every_position() {
    let story = plant::told();
    let past = PastGraphs::new(log_of(&story).await, food_graph());
    let changes = story.changes();
    for until in 0..=changes.len() {
        let graph = past.at(story.tenant, Position(until as u64)).await.unwrap();
        let digest = graph.digest(DigestScope::Tenant(story.tenant)).await.unwrap();
        assert_eq!(
            digest,
            ModelGraph::of(story.tenant, changes[..until].iter().flatten()).digest(None),
            "{until}"
        );
    }
    // Another tenant has no past here.
    let stranger = TenantId(Uuid::new_v4());
    let empty = past.at(stranger, Position(5)).await.unwrap();
    assert!(empty.digest(DigestScope::Tenant(stranger)).await.unwrap().starts_with("0-"));
}

#[tokio::test]
async fn the_same_question_shares_a_replay() {
    let story = plant::told();
    let past = PastGraphs::new(log_of(&story).await, food_graph());
    let (one, other) = tokio::join!(past.at(story.tenant, Position(9)), past.at(story.tenant, Position(9)));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    assert!(!Arc::ptr_eq(&one, &past.at(story.tenant, Position(8)).await.unwrap()));
}

#[tokio::test]
async fn a_history_beyond_the_bound_is_refused() {
    let story = plant::told();
    let past = PastGraphs::new(log_of(&story).await, food_graph()).bounded(5);
    past.at(story.tenant, Position(5)).await.unwrap();
    let refused = past.at(story.tenant, Position(6)).await.map(drop).unwrap_err();
    assert!(matches!(refused, ReplayError::TooLong { until: Position(6), max: 5 }), "{refused}");
    // What is refused once stays refused, and what fits stays answered.
    for until in [6, 7, 20] {
        let refused = past.at(story.tenant, Position(until)).await.map(drop).unwrap_err();
        assert!(matches!(refused, ReplayError::TooLong { max: 5, .. }), "{refused}");
    }
    past.at(story.tenant, Position(5)).await.unwrap();
    past.at(story.tenant, Position(4)).await.unwrap();
}

/// The projection of the food graph, which stands still at the first message while its gate is written to.
#[derive(Default)]
struct Gated {
    gate: RwLock<()>,
    begun: AtomicUsize,
}

impl Projection<Change> for Gated {
    fn name(&self) -> &'static str {
        "food_graph"
    }

    fn project(&self, message: &StoredMessage) -> Result<Projected<Change>, ProjectionError> {
        if message.position == Position(1) {
            self.begun.fetch_add(1, Ordering::SeqCst);
            drop(self.gate.read().unwrap());
        }
        food_graph().project(message)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn replays_take_turns() {
    let story = plant::told();
    let gated = Arc::new(Gated::default());
    let past = Arc::new(PastGraphs::new(log_of(&story).await, gated.clone()));
    let asked = 2 * REPLAYS_AT_ONCE;
    let closed = gated.gate.write().unwrap();
    let mut questions = tokio::task::JoinSet::new();
    for until in 1..=asked as u64 {
        let (past, tenant) = (past.clone(), story.tenant);
        questions.spawn(async move { past.at(tenant, Position(until)).await.map(drop) });
    }
    let began = Instant::now();
    while gated.begun.load(Ordering::SeqCst) < REPLAYS_AT_ONCE {
        assert!(began.elapsed() < Duration::from_secs(20), "no replay begins");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Long enough for all to begin, were they let.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(gated.begun.load(Ordering::SeqCst), REPLAYS_AT_ONCE);
    drop(closed);
    for answered in questions.join_all().await {
        answered.unwrap();
    }
    assert_eq!(gated.begun.load(Ordering::SeqCst), asked);
}
