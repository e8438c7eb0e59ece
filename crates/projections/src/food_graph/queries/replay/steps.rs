//! What was recorded between two points, one step per event.

use std::collections::BTreeMap;

use foodflow_log::Position;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::view::Known;
use crate::changes::Edge;

/// What one event did to the edges: an event that corrects retires and adds at once.
pub(super) struct Step {
    /// Recorded time; the same for every event of one commit.
    pub(super) recorded_at: Timestamp,
    /// Edges that it added, by number.
    pub(super) added: Vec<usize>,
    /// Edges that it retired, by number.
    pub(super) retired: Vec<usize>,
}

/// The events recorded after `from` and by `to`, in recorded order.
pub(super) fn steps(edges: &[&Edge], from: Known, to: Known) -> Vec<Step> {
    let mut steps: BTreeMap<(Position, Uuid), Step> = BTreeMap::new();
    let between =
        |position, recorded_at| to.includes(position, recorded_at) && !from.includes(position, recorded_at);
    for (number, edge) in edges.iter().enumerate() {
        if between(edge.position, edge.recorded_at) {
            step(&mut steps, edge.position, edge.event_id, edge.recorded_at).added.push(number);
        }
        if let Some(retired) = edge.retired.as_ref().filter(|at| between(at.position, at.recorded_at)) {
            step(&mut steps, retired.position, retired.event_id, retired.recorded_at).retired.push(number);
        }
    }
    steps.into_values().collect()
}

fn step(
    steps: &mut BTreeMap<(Position, Uuid), Step>,
    position: Position,
    event_id: Uuid,
    recorded_at: Timestamp,
) -> &mut Step {
    let nothing = || Step { recorded_at, added: Vec::new(), retired: Vec::new() };
    steps.entry((position, event_id)).or_insert_with(nothing)
}
