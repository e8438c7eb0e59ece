//! Tokens that were revoked, and whose session has ended.

use std::time::Duration;

use foodflow_api::http::App;
use foodflow_api::tokens::Claims;
use foodflow_projections::keys::{Revocation, Session, Subject};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{READ, Service, on_both_stores, reader, slug};
use crate::service::{get, refusal};

on_both_stores! {
    a_revoked_actor_is_refused_and_no_other,
    a_revoked_tenant_is_refused_and_no_other,
    a_revoked_session_is_refused_and_no_other,
    a_session_that_has_ended_is_refused,
    a_stream_of_events_ends_with_what_its_token_stands_on,
}

async fn admitted(app: &App, claims: &Claims) -> anyhow::Result<bool> {
    Ok(match refusal(get(app, claims, READ).await?).await? {
        (200, _) => true,
        (401, code) if code == "unauthenticated" => false,
        other => anyhow::bail!("{other:?}"),
    })
}

async fn revoke(app: &App, claims: &Claims, subject: Subject) -> anyhow::Result<()> {
    let (tenant, issued_until, ttl) = (claims.tenant, Timestamp::now(), Duration::from_secs(3_600));
    Ok(app.keys.revoke(&Revocation { tenant, subject, issued_until, ttl }).await?)
}

/// Claims with a session that is there.
async fn logged_in(app: &App, slug: &str) -> anyhow::Result<Claims> {
    let session = Session {
        session_id: Uuid::new_v4(),
        tenant_id: reader(slug).tenant,
        user_id: Uuid::new_v4(),
        method: "password".to_owned(),
        started_at: Timestamp::now(),
    };
    app.keys.put_session(&session).await?;
    Ok(Claims { sid: Some(session.session_id), sub: session.user_id.to_string(), ..reader(slug) })
}

async fn a_revoked_actor_is_refused_and_no_other(service: Service) -> anyhow::Result<()> {
    let (app, slug) = (&service.app, slug());
    let (one, other) = (reader(&slug), reader(&slug));
    assert!(admitted(app, &one).await? && admitted(app, &other).await?);
    revoke(app, &one, Subject::Actor(one.sub.clone())).await?;
    assert!(!admitted(app, &one).await?);
    assert!(admitted(app, &other).await?);
    // One that is issued afterwards is another token, be it in the same second.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(admitted(app, &Claims { sub: one.sub, ..reader(&slug) }).await?);
    Ok(())
}

async fn a_revoked_tenant_is_refused_and_no_other(service: Service) -> anyhow::Result<()> {
    let app = &service.app;
    let (one, other) = (reader(&slug()), reader(&slug()));
    let session = logged_in(app, &one.tenant_slug).await?;
    revoke(app, &one, Subject::Tenant).await?;
    assert!(!admitted(app, &one).await? && !admitted(app, &session).await?);
    assert!(admitted(app, &other).await?);
    Ok(())
}

async fn a_revoked_session_is_refused_and_no_other(service: Service) -> anyhow::Result<()> {
    let (app, slug) = (&service.app, slug());
    let (one, other) = (logged_in(app, &slug).await?, logged_in(app, &slug).await?);
    assert!(admitted(app, &one).await? && admitted(app, &other).await?);
    revoke(app, &one, Subject::Session(one.sid.unwrap_or_default())).await?;
    assert!(!admitted(app, &one).await?);
    assert!(admitted(app, &other).await? && admitted(app, &reader(&slug)).await?);
    Ok(())
}

async fn a_session_that_has_ended_is_refused(service: Service) -> anyhow::Result<()> {
    let app = &service.app;
    let claims = logged_in(app, &slug()).await?;
    assert!(admitted(app, &claims).await?);
    // Another tenant's session of this id is none.
    assert!(!admitted(app, &Claims { sid: claims.sid, ..reader(&slug()) }).await?);
    app.keys.drop_session(claims.tenant, claims.sid.unwrap_or_default()).await?;
    assert!(!admitted(app, &claims).await?);
    assert!(!admitted(app, &Claims { sid: Some(Uuid::new_v4()), ..claims }).await?);
    Ok(())
}

async fn a_stream_of_events_ends_with_what_its_token_stands_on(service: Service) -> anyhow::Result<()> {
    let app = &service.app;
    let claims = logged_in(app, &slug()).await?;
    let later =
        Claims { exp: claims.exp, iat: claims.iat + SignedDuration::from_millis(1), ..claims.clone() };
    let response = get(app, &later, "/v1/events/stream").await?;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body().into_data_stream();
    app.keys.drop_session(claims.tenant, claims.sid.unwrap_or_default()).await?;
    let ended = async { while body.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await?;
    Ok(())
}
