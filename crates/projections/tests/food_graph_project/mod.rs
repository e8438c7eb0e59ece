//! The food graph's projection, from events made by hand.

mod documents;
mod lots;
mod master_data;
mod messages;

use std::collections::BTreeMap;

use foodflow_projections::changes::{Change, Edge, EdgeType, Label, NodeKey, Value};
use uuid::Uuid;

use crate::story::Story;

/// The properties that the changes set or remove on one node.
fn merged(changes: &[Change], label: Label, id: Uuid) -> BTreeMap<&'static str, Option<Value>> {
    let wanted = NodeKey { label, id };
    let mut merged = BTreeMap::new();
    for change in changes {
        if let Change::MergeNode { key, properties } = change
            && *key == wanted
        {
            merged.extend(properties.clone());
        }
    }
    merged
}

/// The edges that the changes add, of one type.
fn edges(changes: &[Change], edge_type: EdgeType) -> Vec<Edge> {
    let of_type = |change: &Change| match change {
        Change::MergeEdge(edge) if edge.edge_type == edge_type => Some((**edge).clone()),
        _ => None,
    };
    changes.iter().filter_map(of_type).collect()
}

/// A text.
fn text(text: impl std::fmt::Display) -> Option<Value> {
    Some(Value::Text(text.to_string()))
}

/// A node of the story.
fn key(story: &Story, label: Label, name: &str) -> NodeKey {
    NodeKey { label, id: story.id(name) }
}
