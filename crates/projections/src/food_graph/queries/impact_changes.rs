//! Why the scope of a recall is another one than it was: the lots that entered or left it between two points of
//! knowledge, each with the event that caused it.

use foodflow_domain::TenantId;
use foodflow_log::Position;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::load::{Graph, decide};
use super::replay::{Cause, Move, replay};
use super::scope::{ORIGIN_EDGES, SALE_EDGES, Scope};
use super::view::Known;
use crate::graph::{GraphStore, StoreError};
use crate::schema;

/// What changed between two points of knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImpactChanges {
    /// The lot that the scope is of.
    pub batch_id: Uuid,
    /// The position that the answer reflects; 0 until the caller fills it in.
    #[schema(value_type = u64)]
    pub position: Position,
    /// The earlier point, as asked for.
    #[schema(value_type = schema::KnownPoint)]
    pub from: Known,
    /// The later point, as asked for.
    #[schema(value_type = schema::KnownPoint)]
    pub to: Known,
    /// The lots that are in scope at one of the points and not at the other; in order of position, number, id.
    pub changes: Vec<ImpactChange>,
}

/// Which way a lot went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Into the scope.
    Entered,
    /// Out of it.
    Left,
}

/// A lot that entered or left the scope, and the event by which it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImpactChange {
    /// The lot.
    pub batch_id: Uuid,
    /// Its number today.
    pub batch_number: String,
    /// Which way it went.
    pub change: ChangeKind,
    /// The event.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Event time (UTC); of a correction, the event time of what it corrects.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Recorded time of the event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Its position.
    #[schema(value_type = u64)]
    pub position: Position,
    /// How long after it happened it was recorded, in whole seconds.
    pub lateness_seconds: i64,
}

/// What entered or left the scope of the lot between the two points, `from` the earlier one; `None` where the lot
/// does not exist or was not known at `to`.
///
/// # Errors
/// [`StoreError`] where the store does not answer, or the scope is beyond its bounds.
pub async fn impact_changes(
    store: &dyn GraphStore,
    tenant: TenantId,
    batch_id: Uuid,
    from: Known,
    to: Known,
) -> Result<Option<ImpactChanges>, StoreError> {
    let edge_types = [SALE_EDGES, ORIGIN_EDGES].concat();
    let Some(scope) = Scope::load(Graph { store, tenant }, batch_id, &edge_types).await? else {
        return Ok(None);
    };
    if !scope.is_known(to) {
        return Ok(None);
    }
    let changes = decide(move || {
        let mut changes: Vec<ImpactChange> =
            replay(&scope, from, to).into_iter().map(|moved| change(&scope, moved)).collect();
        changes.sort_by(|left, right| {
            (left.position, &left.batch_number, left.batch_id).cmp(&(
                right.position,
                &right.batch_number,
                right.batch_id,
            ))
        });
        changes
    });
    let changes = changes.await;
    Ok(Some(ImpactChanges { batch_id, position: Position(0), from, to, changes }))
}

fn change(scope: &Scope, moved: Move<'_>) -> ImpactChange {
    let Cause { edge, by_retirement } = moved.cause;
    let (event_id, event_type, recorded_at, position) = match edge.retired.as_ref().filter(|_| by_retirement)
    {
        Some(retired) => (retired.event_id, &retired.event_type, retired.recorded_at, retired.position),
        None => (edge.event_id, &edge.event_type, edge.recorded_at, edge.position),
    };
    ImpactChange {
        batch_id: moved.lot,
        batch_number: scope.batch_number(moved.lot),
        change: if moved.entered { ChangeKind::Entered } else { ChangeKind::Left },
        event_id,
        event_type: event_type.clone(),
        occurred_at: edge.occurred_at,
        recorded_at,
        position,
        lateness_seconds: recorded_at.duration_since(edge.occurred_at).as_secs(),
    }
}
