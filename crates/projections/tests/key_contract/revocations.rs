//! Revoked tokens.

use std::sync::Arc;
use std::time::Duration;

use foodflow_projections::keys::{Admission, KeyStore, Refused, Revocation, Subject, Token};
use jiff::{SignedDuration, Timestamp};

use super::world::{HOUR, admit, bucket, left, rate, session, take, tenant, token};

async fn revoke(store: &dyn KeyStore, token: &Token, subject: Subject, issued_until: Timestamp) {
    store.revoke(&Revocation { tenant: token.tenant, subject, issued_until, ttl: HOUR }).await.unwrap();
}

/// The same token, issued so much later.
fn later(token: &Token, by: SignedDuration) -> Token {
    Token { issued_at: token.issued_at + by, ..token.clone() }
}

pub(crate) async fn a_revoked_actor_is_refused_up_to_the_instant(store: Arc<dyn KeyStore>) {
    let token = token(tenant());
    let other = Token { actor: "another driver".to_owned(), ..token.clone() };
    let elsewhere = Token { tenant: tenant(), ..token.clone() };
    assert_eq!(admit(&*store, &token).await, left(&[]));
    revoke(&*store, &token, Subject::Actor(token.actor.clone()), token.issued_at).await;
    assert_eq!(admit(&*store, &token).await, Admission::Refused(Refused::Actor));
    let microsecond = SignedDuration::from_micros(1);
    assert_eq!(admit(&*store, &later(&token, -microsecond)).await, Admission::Refused(Refused::Actor));
    assert_eq!(admit(&*store, &later(&token, microsecond)).await, left(&[]));
    for token in [other, elsewhere] {
        assert_eq!(admit(&*store, &token).await, left(&[]));
    }
}

pub(crate) async fn a_revoked_session_is_refused_alone(store: Arc<dyn KeyStore>) {
    let sessions = [session(tenant()), session(tenant())];
    let mut tokens = Vec::new();
    for session in &sessions {
        store.put_session(session).await.unwrap();
        tokens.push(Token { session: Some(session.session_id), ..token(session.tenant_id) });
    }
    revoke(&*store, &tokens[0], Subject::Session(sessions[0].session_id), Timestamp::now()).await;
    assert_eq!(admit(&*store, &tokens[0]).await, Admission::Refused(Refused::Session));
    // Whoever puts it again does not bring its tokens back.
    store.put_session(&sessions[0]).await.unwrap();
    assert_eq!(admit(&*store, &tokens[0]).await, Admission::Refused(Refused::Session));
    assert_eq!(admit(&*store, &tokens[1]).await, left(&[]));
}

pub(crate) async fn a_revoked_tenant_is_refused_and_no_other(store: Arc<dyn KeyStore>) {
    let (one, other) = (token(tenant()), token(tenant()));
    revoke(&*store, &one, Subject::Tenant, Timestamp::now()).await;
    assert_eq!(admit(&*store, &one).await, Admission::Refused(Refused::Tenant));
    let colleague = Token { actor: "another driver".to_owned(), ..one.clone() };
    assert_eq!(admit(&*store, &colleague).await, Admission::Refused(Refused::Tenant));
    assert_eq!(admit(&*store, &other).await, left(&[]));
    assert_eq!(admit(&*store, &later(&one, SignedDuration::from_hours(1))).await, left(&[]));
}

pub(crate) async fn an_earlier_revocation_takes_nothing_back(store: Arc<dyn KeyStore>) {
    let token = token(tenant());
    let hour = SignedDuration::from_hours(1);
    revoke(&*store, &token, Subject::Tenant, token.issued_at).await;
    let subject = Subject::Tenant;
    let brief = Revocation {
        tenant: token.tenant,
        subject,
        issued_until: token.issued_at - hour,
        ttl: Duration::from_millis(20),
    };
    store.revoke(&brief).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(admit(&*store, &token).await, Admission::Refused(Refused::Tenant));
    revoke(&*store, &token, Subject::Tenant, token.issued_at + hour).await;
    assert_eq!(admit(&*store, &later(&token, hour)).await, Admission::Refused(Refused::Tenant));
}

pub(crate) async fn a_revocation_ends(store: Arc<dyn KeyStore>) {
    let token = token(tenant());
    let (tenant, subject, issued_until) = (token.tenant, Subject::Tenant, Timestamp::now());
    let ttl = Duration::from_millis(400);
    store.revoke(&Revocation { tenant, subject, issued_until, ttl }).await.unwrap();
    assert_eq!(admit(&*store, &token).await, Admission::Refused(Refused::Tenant));
    tokio::time::sleep(ttl + Duration::from_millis(50)).await;
    assert_eq!(admit(&*store, &token).await, left(&[]));
}

pub(crate) async fn what_is_refused_takes_no_token(store: Arc<dyn KeyStore>) {
    let token = token(tenant());
    let scarce = bucket(rate(1, HOUR, 1));
    revoke(&*store, &token, Subject::Tenant, Timestamp::now()).await;
    let refused = store.admit(Some(&token), std::slice::from_ref(&scarce)).await.unwrap();
    assert_eq!(refused, Admission::Refused(Refused::Tenant));
    assert_eq!(take(&*store, &[scarce]).await, left(&[0]));
}
