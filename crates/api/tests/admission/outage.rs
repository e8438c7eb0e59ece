//! A key store that does not answer: nothing is admitted, nobody waits, and all is well when it is back.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use foodflow_api::http::{App, router};
use foodflow_testkit::servers::RedisServer;
use futures::future::try_join_all;
use tower::ServiceExt as _;

use super::{READ, Service, reader, slug};
use crate::service::{get, refusal};

async fn public(app: &App, path: &str) -> anyhow::Result<u16> {
    let response = router(app.clone()).oneshot(Request::get(path).body(Body::empty())?).await?;
    Ok(response.status().as_u16())
}

/// All of many requests at once are refused, with a time to come back, and soon.
async fn nobody_is_admitted(app: &App) -> anyhow::Result<()> {
    let claims = reader(&slug());
    let began = Instant::now();
    for answer in try_join_all((0..50).map(|_| get(app, &claims, READ))).await? {
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(refusal(answer).await?, (503, "unavailable".to_owned()));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(public(app, "/readyz").await?, 503);
    assert_eq!(public(app, "/healthz").await?, 200);
    assert_eq!(public(app, "/.well-known/jwks.json").await?, 200);
    Ok(())
}

async fn comes_back(app: &App) -> anyhow::Result<()> {
    let claims = reader(&slug());
    let began = Instant::now();
    while get(app, &claims, READ).await?.status() != 200 {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(10), "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(public(app, "/readyz").await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nobody_is_admitted_until_it_is_back() -> anyhow::Result<()> {
    let server = RedisServer::start().await?;
    let service = Service::on_server(&server).await;
    assert_eq!(get(&service.app, &reader(&slug()), READ).await?.status(), 200);
    server.kill9().await?;
    nobody_is_admitted(&service.app).await?;
    server.restart().await?;
    comes_back(&service.app).await?;
    server.suspend().await?;
    nobody_is_admitted(&service.app).await?;
    server.resume().await?;
    comes_back(&service.app).await
}

#[tokio::test]
async fn a_restart_of_the_process_takes_no_revocation_back() -> anyhow::Result<()> {
    use std::sync::Arc;

    use foodflow_projections::keys::embedded::EmbeddedKeys;
    use foodflow_projections::keys::{Revocation, Subject};
    use jiff::Timestamp;

    let service = Service::embedded().await;
    let claims = reader(&slug());
    let (tenant, issued_until, ttl) = (claims.tenant, Timestamp::now(), Duration::from_secs(60));
    service.app.keys.revoke(&Revocation { tenant, subject: Subject::Tenant, issued_until, ttl }).await?;
    let Service { app, folder } = service;
    app.keys.close().await;
    let keys = EmbeddedKeys::open(&folder.path().join("keys.sqlite")).await?;
    let app = App { keys: Arc::new(keys), ..app };
    assert_eq!(get(&app, &claims, READ).await?.status(), 401);
    Ok(())
}
