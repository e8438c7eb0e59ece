//! Bodies of what is decided about events in quarantine.

use foodflow_commands::projections::Decision;
use foodflow_log::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::checks::LIST_LENGTH_MAX;
use super::{Checks, FieldError};
use crate::http::schema;

/// What is decided about which entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The projection's name.
    pub projection: String,
    /// The entity.
    pub stream: StreamId,
    /// What becomes of it.
    pub decision: Decision,
}

/// A body that decides about an entity in quarantine.
pub trait DecisionBody {
    /// What it decides, where `projections` are those of this program.
    ///
    /// # Errors
    /// Every part that is wrong.
    fn check(self, projections: &[&str]) -> Result<Decided, Vec<FieldError>>;
}

/// `POST /v1/projections/quarantine/retry`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    /// The projection, as `GET /v1/projections` names it.
    #[schema(value_type = schema::Name)]
    projection: String,
    /// The entity, as `GET /v1/projections` names it: `<context>.<aggregate>.<id>`.
    #[schema(pattern = r"^[a-z_]+\.[a-z_]+\.[0-9a-f-]{36}$")]
    entity: String,
}

/// `POST /v1/projections/quarantine/skip`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipBody {
    /// The projection, as `GET /v1/projections` names it.
    #[schema(value_type = schema::Name)]
    projection: String,
    /// The entity, as `GET /v1/projections` names it: `<context>.<aggregate>.<id>`.
    #[schema(pattern = r"^[a-z_]+\.[a-z_]+\.[0-9a-f-]{36}$")]
    entity: String,
    /// Positions of the messages that are never to be projected, rising: at least one.
    #[schema(min_items = 1, max_items = 300)]
    positions: Vec<u64>,
    /// Why, for whoever reads the log later.
    #[schema(value_type = schema::Sentence)]
    reason: String,
}

impl DecisionBody for RetryBody {
    fn check(self, projections: &[&str]) -> Result<Decided, Vec<FieldError>> {
        let checks = Checks::default();
        decided(checks, projections, self.projection, &self.entity, Decision::Retry)
    }
}

impl DecisionBody for SkipBody {
    fn check(self, projections: &[&str]) -> Result<Decided, Vec<FieldError>> {
        let Self { projection, entity, positions, reason } = self;
        let mut checks = Checks::default();
        checks.sentence("/reason", &reason);
        checks.length("/positions", positions.len(), 1);
        if let Some(index) = positions.windows(2).position(|pair| pair[0] >= pair[1])
            && positions.len() <= LIST_LENGTH_MAX
        {
            checks.add(&format!("/positions/{}", index + 1), "must be greater than the one before");
        }
        decided(checks, projections, projection, &entity, Decision::Skip { positions, reason })
    }
}

fn decided(
    mut checks: Checks,
    projections: &[&str],
    projection: String,
    entity: &str,
    decision: Decision,
) -> Result<Decided, Vec<FieldError>> {
    if !projections.contains(&projection.as_str()) {
        checks.add("/projection", format!("must be one of: {}", projections.join(", ")));
    }
    let stream = StreamId::parse(entity).filter(StreamId::is_well_named).unwrap_or_else(|| {
        checks.add("/entity", "must be `<context>.<aggregate>.<id>`, as `GET /v1/projections` gives it");
        StreamId::new("", "", Uuid::nil())
    });
    checks.finish(Decided { projection, stream, decision })
}
