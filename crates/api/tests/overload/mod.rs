//! A log whose queue is full, as a client meets it: refused with a time to come back, and nothing recorded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use foodflow_api::cli::token::all_permissions;
use foodflow_api::http::{App, router};
use foodflow_api::tokens::claims;
use foodflow_domain::TenantId;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{AppendError, Appended, Commit, NewMessage, Position, SharedLog, StreamId};
use foodflow_projections::keys::embedded::EmbeddedKeys;
use foodflow_testkit::servers::NatsServer;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use uuid::Uuid;

const SLUG: &str = "busy-plant";
/// Longer than the test: what the server was handed before it hung is answered when it goes on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// Refusals in a row, some time apart, after which nothing makes room in the queue any more.
const REFUSALS: usize = 5;

/// The service on a log server of its own.
struct Service {
    server: NatsServer,
    log: SharedLog,
    app: App,
    token: String,
    _folder: TempDir,
}

impl Service {
    async fn start() -> anyhow::Result<Self> {
        let (server, folder) = (NatsServer::start().await?, TempDir::new()?);
        let config = NatsConfig { answer_timeout: ANSWER_TIMEOUT, ..NatsConfig::new(server.url()) };
        let log: SharedLog = Arc::new(NatsLog::connect(config.with_partitions(1)).await?);
        let keys = EmbeddedKeys::open(&folder.path().join("keys.sqlite")).await?;
        let app = crate::service::app(&log, Arc::new(keys), folder.path()).await?;
        let stated = claims(SLUG, "tester", &all_permissions(), Timestamp::now(), 3_600);
        let token = app.tokens.issue(&stated)?;
        Ok(Self { server, log, app, token, _folder: folder })
    }

    async fn post_location(&self, key: &str) -> anyhow::Result<Response<Body>> {
        let request = Request::post("/v1/locations")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(r#"{"name": "Mill Lane", "type": "plant"}"#))?;
        Ok(router(self.app.clone()).oneshot(request).await?)
    }

    /// Appends until the queue stays full; the appends that it took in are still to be answered.
    async fn fill_the_queue(&self) -> anyhow::Result<JoinSet<Result<Appended, AppendError>>> {
        let mut taken_in = JoinSet::new();
        let mut refusals = 0;
        while refusals < REFUSALS {
            let log = Arc::clone(&self.log);
            taken_in.spawn(async move { log.append(beside(TenantId::of_slug(SLUG))).await });
            tokio::task::yield_now().await;
            while let Some(outcome) = taken_in.try_join_next() {
                match outcome? {
                    Err(AppendError::Overloaded { .. }) => refusals += 1,
                    other => anyhow::bail!("a server that hangs answered {other:?}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(taken_in)
    }
}

/// A commit that has nothing to do with the command.
fn beside(tenant: TenantId) -> Commit {
    let stream = StreamId::new("food_graph", "batch", Uuid::new_v4());
    let message = NewMessage { stream, expected: Position(0), payload: Bytes::from_static(b"[]") };
    Commit { tenant, recorded_at: Timestamp::now(), messages: vec![message] }
}

#[tokio::test]
async fn a_full_queue_is_503_with_a_time_to_come_back() -> anyhow::Result<()> {
    let service = Service::start().await?;
    assert_eq!(service.post_location("first").await?.status(), StatusCode::CREATED);
    service.server.suspend()?;
    let taken_in = service.fill_the_queue().await?;

    let refused = service.post_location("second").await?;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(&to_bytes(refused.into_body(), 10_000).await?)?;
    assert_eq!(problem["code"], "overloaded");

    service.server.resume()?;
    let count = taken_in.len() as u64;
    for outcome in taken_in.join_all().await {
        outcome?;
    }
    let before = service.log.head(service.log.partition_of(TenantId::of_slug(SLUG))).await?;
    // Two messages of the first command: its location and its key. Of the refused one there is nothing.
    assert_eq!(before, Position(2 + count));
    assert_eq!(service.post_location("second").await?.status(), StatusCode::CREATED);
    Ok(())
}
