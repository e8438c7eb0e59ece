//! Which messages are read, and which are refused.

use bytes::Bytes;
use foodflow_domain::TenantId;
use foodflow_log::{Position, StreamId};
use foodflow_projections::food_graph::project;
use foodflow_projections::recorded::{ProjectError, Recorded};
use uuid::Uuid;

use crate::story::{Story, plant};

fn stream(context: &'static str, aggregate: &'static str) -> StreamId {
    StreamId::new(context, aggregate, Uuid::nil())
}

#[test]
fn the_same_message_gives_the_same_changes() {
    let story = plant::told();
    assert_eq!(story.changes(), story.changes());
    let changes = story.changes().concat();
    let ids: std::collections::BTreeSet<Uuid> = changes
        .iter()
        .filter_map(|change| match change {
            foodflow_projections::changes::Change::MergeEdge(edge) => Some(edge.id),
            _ => None,
        })
        .collect();
    let edges = changes
        .iter()
        .filter(|change| matches!(change, foodflow_projections::changes::Change::MergeEdge(_)))
        .count();
    assert_eq!(ids.len(), edges, "every edge has an id of its own");
}

#[test]
fn guards_and_other_contexts_change_nothing() {
    let mut story = Story::new();
    story.record_raw(stream("identity", "user"), "foodflow.identity.user.registered.v1", "{}".to_owned());
    assert!(story.last_changes().is_empty());
    for (aggregate, event_type) in [
        ("reservation", "foodflow.food_graph.reservation.taken.v1"),
        ("genealogy", "foodflow.food_graph.genealogy.amended.v1"),
        ("command", "foodflow.food_graph.command.accepted.v1"),
    ] {
        story.record_raw(stream("food_graph", aggregate), event_type, "{}".to_owned());
        assert!(story.last_changes().is_empty(), "{event_type}");
    }
}

#[test]
fn an_unknown_type_of_this_context_is_an_error() {
    for event_type in [
        "foodflow.food_graph.batch.vanished.v1",
        "foodflow.food_graph.batch.received.v2",
        "foodflow.food_graph.reservation.lost.v1",
        "foodflow.food_graph.vessel.filled.v1",
        "foodflow.food_graph.batch",
    ] {
        let mut story = Story::new();
        story.record_raw(stream("food_graph", "batch"), event_type, "{}".to_owned());
        let error = project(&story.last()).unwrap_err();
        assert!(matches!(&error, ProjectError::UnknownType { position: Position(1), .. }), "{error}");
        assert!(error.to_string().contains(event_type), "{error}");
    }
}

#[test]
fn data_that_does_not_fit_is_an_error() {
    let mut story = Story::new();
    story.record_raw(
        stream("food_graph", "batch"),
        "foodflow.food_graph.batch.received.v1",
        r#"{"batch_id":7}"#.to_owned(),
    );
    assert!(matches!(project(&story.last()), Err(ProjectError::Data { position: Position(1), .. })));
}

#[test]
fn a_message_is_read_only_as_its_tenants() {
    let story = plant::told();
    let mut message = story.messages[0].clone();
    assert_eq!(Recorded::decode(&message).unwrap().events.len(), 1);
    message.tenant = TenantId(Uuid::new_v4());
    assert!(matches!(Recorded::decode(&message), Err(ProjectError::Tenant { .. })));
    message.payload = Bytes::from_static(b"[]");
    assert!(matches!(Recorded::decode(&message), Err(ProjectError::Tenant { .. })));
    message.payload = Bytes::from_static(b"{}");
    assert!(matches!(Recorded::decode(&message), Err(ProjectError::Payload { .. })));
}

#[test]
fn the_story_holds_every_type_but_those_of_guards() {
    let story = plant::told();
    let told: Vec<String> = story
        .messages
        .iter()
        .map(|message| Recorded::decode(message).unwrap().events[0].event_type.clone())
        .collect();
    let guards = ["reservation.given_up", "genealogy.amended", "command.accepted"];
    for event_type in project::event_types() {
        let guard = guards.iter().any(|guard| event_type.contains(guard));
        assert!(guard || told.iter().any(|told| told == event_type), "{event_type} is not told");
    }
}
