//! Who asks for too much: refused with a time to come back, and nobody else with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Response;
use foodflow_api::http::App;
use foodflow_api::http::admission::{RateLimits, SameForAll};
use foodflow_domain::TenantId;
use foodflow_projections::keys::Rate;
use futures::future::try_join_all;

use super::{READ, Service, on_both_stores, reader, slug};
use crate::service::{get, refusal};

on_both_stores! {
    a_flood_is_refused_with_a_time_to_come_back,
    a_flood_of_one_tenant_refuses_no_other,
    what_is_forbidden_counts_too,
    a_tenant_may_have_a_rate_of_its_own,
}

const HOUR: Duration = Duration::from_secs(3_600);

fn rate(tokens: u32, period: Duration, burst: u32) -> Rate {
    Rate::new(tokens, period, burst).unwrap()
}

/// The same service with other limits.
fn limited(service: &Service, limits: impl RateLimits) -> App {
    App { limits: Arc::new(limits), ..service.app.clone() }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

async fn a_flood_is_refused_with_a_time_to_come_back(service: Service) -> anyhow::Result<()> {
    let app = limited(&service, SameForAll(Some(rate(2, Duration::from_secs(4), 3))));
    let claims = reader(&slug());
    for _ in 0..3 {
        assert_eq!(get(&app, &claims, READ).await?.status(), 200);
    }
    let refused = get(&app, &claims, READ).await?;
    assert_eq!(header(&refused, "retry-after"), Some("2"));
    // Three at once, and full again after six seconds (draft-ietf-httpapi-ratelimit-headers).
    assert_eq!(header(&refused, "ratelimit-policy"), Some("\"tenant\";q=3;w=6"));
    assert_eq!(header(&refused, "ratelimit"), Some("\"tenant\";r=0;t=2"));
    assert_eq!(header(&refused, "content-type"), Some("application/problem+json"));
    assert_eq!(refusal(refused).await?, (429, "rate-limited".to_owned()));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(get(&app, &claims, READ).await?.status(), 200);
    assert_eq!(get(&app, &claims, READ).await?.status(), 429);
    Ok(())
}

async fn a_flood_of_one_tenant_refuses_no_other(service: Service) -> anyhow::Result<()> {
    let app = limited(&service, SameForAll(Some(rate(1, HOUR, 20))));
    let (noisy, quiet) = (reader(&slug()), reader(&slug()));
    let flood = try_join_all((0..100).map(|_| get(&app, &noisy, READ))).await?;
    let statuses = |wanted: u16| flood.iter().filter(|answer| answer.status() == wanted).count();
    assert_eq!((statuses(200), statuses(429)), (20, 80));
    // Another token of the tenant finds nothing left either.
    assert_eq!(get(&app, &reader(&noisy.tenant_slug), READ).await?.status(), 429);
    for _ in 0..20 {
        assert_eq!(get(&app, &quiet, READ).await?.status(), 200);
    }
    assert_eq!(get(&app, &quiet, READ).await?.status(), 429);
    Ok(())
}

async fn what_is_forbidden_counts_too(service: Service) -> anyhow::Result<()> {
    let app = limited(&service, SameForAll(Some(rate(1, HOUR, 2))));
    let claims = reader(&slug());
    for expected in [403, 403, 429] {
        assert_eq!(get(&app, &claims, "/v1/tenant").await?.status(), expected);
    }
    Ok(())
}

/// As a plan would say: one request an hour for one tenant, and no limit for any other.
struct ByPlan(TenantId);

#[async_trait]
impl RateLimits for ByPlan {
    async fn of_tenant(&self, tenant: TenantId) -> Option<Rate> {
        (tenant == self.0).then(|| rate(1, HOUR, 1))
    }
}

async fn a_tenant_may_have_a_rate_of_its_own(service: Service) -> anyhow::Result<()> {
    let (small, large) = (reader(&slug()), reader(&slug()));
    let app = limited(&service, ByPlan(small.tenant));
    assert_eq!(get(&app, &small, READ).await?.status(), 200);
    assert_eq!(get(&app, &small, READ).await?.status(), 429);
    for _ in 0..50 {
        assert_eq!(get(&app, &large, READ).await?.status(), 200);
    }
    Ok(())
}
