//! What waits in quarantine, and what is decided about it.

use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Response;
use foodflow_commands::CommandError;
use foodflow_commands::projections::{DecideQuarantine, Waits};
use foodflow_domain::TenantId;
use foodflow_log::{LogError, Position, SharedLog, StreamId};
use foodflow_projections::runner::{Progress, WaitError};
use foodflow_projections::store::StoreError;
use foodflow_projections::store::quarantine::{Entity, Quarantine, Waiting};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::access::{Access, ProjectionsDecide};
use super::command::{CommandAnswer, CommandRequest};
use super::problem::Problem;
use crate::bodies::projections::{Decided, DecisionBody, RetryBody, SkipBody};
use crate::bodies::{self, FieldError};

/// How long the read model may take to come to the last decision.
const BEHIND_MAX: Duration = Duration::from_secs(5);

/// An entity of which a message could not be projected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingEntity {
    /// `<context>.<aggregate>.<id>`.
    pub entity: String,
    /// Position of the message that could not be projected.
    #[schema(value_type = u64)]
    pub position: Position,
    /// When that was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Position of the last message that waits.
    #[schema(value_type = u64)]
    pub last_position: Position,
    /// How many wait.
    pub messages: u64,
    /// Why the first could not be projected.
    pub reason: String,
}

impl WaitingEntity {
    /// What waits of a tenant, the longest waiting first.
    #[must_use]
    pub fn of(quarantine: &Quarantine, tenant: TenantId) -> Vec<Self> {
        let one = |(entity, waiting): (&Entity, &Waiting)| Self {
            entity: entity.stream.to_string(),
            position: waiting.first,
            recorded_at: waiting.recorded_at,
            last_position: waiting.last,
            messages: waiting.messages,
            reason: waiting.reason.clone(),
        };
        let mut waiting: Vec<_> = quarantine.of_tenant(tenant).map(one).collect();
        waiting.sort_by_key(|one| one.position);
        waiting
    }
}

/// The read model that decisions are about.
pub struct ReadModelWaits {
    /// The log.
    pub log: SharedLog,
    /// How far the read model is, and what waits in it.
    pub progress: Progress,
}

#[async_trait]
impl Waits for ReadModelWaits {
    async fn positions(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        decided: Position,
    ) -> Result<Vec<Position>, CommandError> {
        let partition = self.log.partition_of(tenant);
        self.progress.wait_for(partition, decided, BEHIND_MAX).await.map_err(behind)?;
        let stored = self.progress.stored(partition).await.map_err(unavailable)?;
        let entity = Entity { tenant, stream: stream.clone() };
        let Some(waiting) = stored.quarantine.get(&entity) else { return Ok(Vec::new()) };
        let messages = self.messages(&entity, waiting).await?;
        Ok(messages)
    }
}

impl ReadModelWaits {
    async fn messages(&self, entity: &Entity, waiting: &Waiting) -> Result<Vec<Position>, LogError> {
        let mut after = Position(waiting.first.0.saturating_sub(1));
        let mut positions = Vec::new();
        while after < waiting.last {
            let missing = usize::try_from(waiting.messages).unwrap_or(usize::MAX) - positions.len();
            let page = self.log.load_page(entity.tenant, &entity.stream, after, missing.max(1)).await?;
            let found = page.messages.iter().map(|message| message.position);
            positions.extend(found.filter(|position| *position <= waiting.last));
            let Some(last) = page.messages.last() else { break };
            after = last.position;
        }
        Ok(positions)
    }
}

fn behind(error: WaitError) -> CommandError {
    CommandError::Unavailable { reason: error.to_string() }
}

fn unavailable(error: StoreError) -> CommandError {
    CommandError::Unavailable { reason: error.to_string() }
}

async fn decide<B: DecisionBody + for<'a> Deserialize<'a>>(
    app: &App,
    access: &Access<ProjectionsDecide>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let runners = app.runners.all();
    let names = runners.map(|runner| runner.projection());
    let all_wait =
        runners.map(|runner| ReadModelWaits { log: app.log.clone(), progress: runner.progress().clone() });
    let read = |json: &[u8]| -> Result<DecideQuarantine<'_>, Vec<FieldError>> {
        let body = bodies::parse::<B>(json)?;
        let Decided { projection, stream, decision } = body.check(&names)?;
        // `check` lets nothing else through.
        let index = names.iter().position(|name| *name == projection).unwrap_or_default();
        Ok(DecideQuarantine { projection, stream, decision, waits: &all_wait[index] })
    };
    request.run_read(app, access, read).await
}

/// Project the events of an entity again that wait in quarantine.
#[utoipa::path(post, path = "/v1/projections/quarantine/retry", tag = "operations", request_body = RetryBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded; done once the read model has applied the position", body = CommandAnswer),
    ))]
async fn retry_quarantined(
    State(app): State<App>,
    access: Access<ProjectionsDecide>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decide::<RetryBody>(&app, &access, request).await
}

/// Never project some events of an entity that wait in quarantine, and go on with those behind them.
#[utoipa::path(post, path = "/v1/projections/quarantine/skip", tag = "operations", request_body = SkipBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Recorded; done once the read model has applied the position", body = CommandAnswer),
    ))]
async fn skip_quarantined(
    State(app): State<App>,
    access: Access<ProjectionsDecide>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decide::<SkipBody>(&app, &access, request).await
}

/// What operators decide.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(retry_quarantined)).routes(routes!(skip_quarantined))
}
