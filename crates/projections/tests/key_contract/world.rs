//! Tenants, sessions and tokens that no other test has.

use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_projections::keys::{Admission, Bucket, KeyStore, Rate, Session, Token};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn tenant() -> TenantId {
    TenantId(Uuid::new_v4())
}

pub(crate) fn session(tenant: TenantId) -> Session {
    Session {
        session_id: Uuid::new_v4(),
        tenant_id: tenant,
        user_id: Uuid::new_v4(),
        method: "password".to_owned(),
        started_at: Timestamp::now(),
    }
}

/// A token without a session, issued a minute ago.
pub(crate) fn token(tenant: TenantId) -> Token {
    let issued_at = Timestamp::now() - SignedDuration::from_secs(60);
    Token { tenant, actor: format!("driver-{}", Uuid::new_v4()), session: None, issued_at }
}

pub(crate) fn rate(tokens: u32, period: Duration, burst: u32) -> Rate {
    Rate::new(tokens, period, burst).unwrap()
}

/// A bucket that no other test takes from.
pub(crate) fn bucket(rate: Rate) -> Bucket {
    Bucket::of("test", &Uuid::new_v4().to_string(), rate)
}

pub(crate) async fn admit(store: &dyn KeyStore, token: &Token) -> Admission {
    store.admit(Some(token), &[]).await.unwrap()
}

pub(crate) async fn take(store: &dyn KeyStore, buckets: &[Bucket]) -> Admission {
    store.admit(None, buckets).await.unwrap()
}

pub(crate) fn left(left: &[u32]) -> Admission {
    Admission::Admitted { left: left.to_vec() }
}
