//! The key store that processes share, in Redis.
//!
//! | key | value | ends |
//! |---|---|---|
//! | `session:{session_id}` | JSON: [`Session`] | 7 days after it was put |
//! | `login:{hash of the state}` | JSON: [`PendingLogin`] | 10 minutes after it was put, or when it was taken |
//! | `revoked:{tenant_id}:…` | up to when void tokens were issued, in microseconds | with the last token that it voids |
//! | `bucket:{kind}:{key}` | level, period and instant of a token bucket | when the bucket is full |
//!
//! Every call is one command or one script, and is over within [`ANSWER_MAX`]: with an answer of Redis, or with
//! [`KeyStoreError::Unavailable`], whereupon a request is refused. A connection that is lost is made anew with the next
//! call, and until it stands each call fails by itself. Time is that of the server, so the clocks of several processes
//! need not agree.
//!
//! - [`connect`]: settings, and what a server says of itself.

mod connect;

use std::future::Future;
use std::time::Duration;

use ::redis::aio::ConnectionManager;
use ::redis::{RedisError, RedisResult, Script, cmd};
use async_trait::async_trait;
use foodflow_domain::TenantId;
use tokio::time::timeout;
use uuid::Uuid;

pub use self::connect::{RedisConfig, RedisReport};
use super::revocation::REVOCATION_TTL_MAX;
use super::{
    Admission, BUCKETS_MAX, Bucket, KeyStore, KeyStoreError, PENDING_LOGIN_TTL_MAX, PendingLogin, Refused,
    Revocation, SESSION_TTL, Session, Subject, Token, hashed,
};

/// The store's name.
const STORE: &str = "redis";
/// How long Redis may take for an answer, a lost connection that is made anew included.
pub const ANSWER_MAX: Duration = Duration::from_millis(250);

/// The key store in Redis.
#[derive(Clone)]
pub struct RedisKeys {
    connection: ConnectionManager,
    admit: Script,
    revoke: Script,
    drop_session: Script,
    take_login: Script,
}

impl RedisKeys {
    fn new(connection: ConnectionManager) -> Self {
        Self {
            connection,
            admit: Script::new(include_str!("admit.lua")),
            revoke: Script::new(include_str!("revoke.lua")),
            drop_session: Script::new(include_str!("drop_session.lua")),
            take_login: Script::new(include_str!("take_login.lua")),
        }
    }

    /// Asks, and gives up in time.
    async fn ask<T>(&self, question: impl Future<Output = RedisResult<T>>) -> Result<T, KeyStoreError> {
        match timeout(ANSWER_MAX, question).await {
            Ok(answer) => answer.map_err(unavailable),
            Err(_) => Err(no_answer(ANSWER_MAX)),
        }
    }
}

#[async_trait]
impl KeyStore for RedisKeys {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn ping(&self) -> Result<(), KeyStoreError> {
        let mut connection = self.connection.clone();
        self.ask(cmd("PING").exec_async(&mut connection)).await
    }

    async fn put_session(&self, session: &Session) -> Result<(), KeyStoreError> {
        let value = serde_json::to_string(session).map_err(|error| corrupt("a session", &error))?;
        let mut connection = self.connection.clone();
        let key = session_key(session.session_id);
        let mut put = cmd("SET");
        put.arg(key).arg(value).arg("EX").arg(SESSION_TTL.as_secs());
        self.ask(put.exec_async(&mut connection)).await
    }

    async fn session(&self, tenant: TenantId, id: Uuid) -> Result<Option<Session>, KeyStoreError> {
        let mut connection = self.connection.clone();
        let mut get = cmd("GET");
        get.arg(session_key(id));
        let found: Option<String> = self.ask(get.query_async(&mut connection)).await?;
        let session: Option<Session> = found
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| corrupt("a session", &error))?;
        Ok(session.filter(|session| session.tenant_id == tenant))
    }

    async fn drop_session(&self, tenant: TenantId, id: Uuid) -> Result<bool, KeyStoreError> {
        let mut connection = self.connection.clone();
        let mut ending = self.drop_session.key(session_key(id));
        let ended: i64 = self.ask(ending.arg(tenant.to_string()).invoke_async(&mut connection)).await?;
        Ok(ended > 0)
    }

    async fn put_pending_login(
        &self,
        state: &str,
        login: &PendingLogin,
        ttl: Duration,
    ) -> Result<(), KeyStoreError> {
        let value = serde_json::to_string(login).map_err(|error| corrupt("a pending login", &error))?;
        let ttl = ttl.clamp(Duration::from_millis(1), PENDING_LOGIN_TTL_MAX);
        let mut connection = self.connection.clone();
        let mut put = cmd("SET");
        put.arg(login_key(state))
            .arg(value)
            .arg("PX")
            .arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        self.ask(put.exec_async(&mut connection)).await
    }

    async fn take_pending_login(&self, state: &str) -> Result<Option<PendingLogin>, KeyStoreError> {
        let mut connection = self.connection.clone();
        let taking = self.take_login.key(login_key(state));
        let found: Option<String> = self.ask(taking.invoke_async(&mut connection)).await?;
        // What cannot be read may be quoted by its error, and is secret.
        found
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|_| corrupt("a pending login", &"it is none"))
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), KeyStoreError> {
        let ttl = revocation.ttl.clamp(Duration::from_millis(1), REVOCATION_TTL_MAX);
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let mut connection = self.connection.clone();
        let mut revoking = self.revoke.key(revoked_key(revocation.tenant, &revocation.subject));
        revoking.arg(revocation.issued_until.as_microsecond()).arg(ttl_ms);
        self.ask(revoking.invoke_async(&mut connection)).await
    }

    async fn admit(&self, token: Option<&Token>, buckets: &[Bucket]) -> Result<Admission, KeyStoreError> {
        debug_assert!(buckets.len() <= BUCKETS_MAX, "a bounded number of buckets");
        let mut admitting = self.admit.prepare_invoke();
        match token {
            None => {
                admitting.arg(0).arg(0).arg("");
            }
            Some(token) => {
                let tenant = token.tenant;
                admitting.key(revoked_key(tenant, &Subject::Tenant));
                admitting.key(revoked_key(tenant, &Subject::Actor(token.actor.clone())));
                if let Some(id) = token.session {
                    admitting.key(revoked_key(tenant, &Subject::Session(id))).key(session_key(id));
                }
                let keys = if token.session.is_some() { 4 } else { 2 };
                admitting.arg(keys).arg(token.issued_at.as_microsecond()).arg(tenant.to_string());
            }
        }
        for bucket in buckets {
            let rate = bucket.rate();
            admitting.key(format!("bucket:{}:{}", bucket.kind(), bucket.key()));
            admitting.arg(rate.tokens()).arg(rate.period_us()).arg(rate.burst());
        }
        let mut connection = self.connection.clone();
        let answer: Vec<u64> = self.ask(admitting.invoke_async(&mut connection)).await?;
        admission(&answer)
    }

    async fn close(&self) {}
}

/// What the script's answer says.
fn admission(answer: &[u64]) -> Result<Admission, KeyStoreError> {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(match answer {
        [0, left @ ..] => Admission::Admitted { left: left.iter().map(|left| small(*left)).collect() },
        [1, 1] => Admission::Refused(Refused::Tenant),
        [1, 2] => Admission::Refused(Refused::Actor),
        [1, 3] => Admission::Refused(Refused::Session),
        [1, 4] => Admission::Refused(Refused::NoSession),
        [2, bucket, wait_us] => Admission::Limited {
            bucket: usize::try_from(*bucket).unwrap_or(usize::MAX),
            wait: Duration::from_micros(*wait_us),
        },
        other => return Err(corrupt("an answer of its own script", &format!("{other:?}"))),
    })
}

fn session_key(id: Uuid) -> String {
    format!("session:{id}")
}

fn login_key(state: &str) -> String {
    format!("login:{}", hashed(state))
}

fn revoked_key(tenant: TenantId, subject: &Subject) -> String {
    format!("revoked:{tenant}:{}", subject.key())
}

/// What Redis did not do. Its words name commands and keys at most.
#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unavailable(error: RedisError) -> KeyStoreError {
    KeyStoreError::Unavailable { store: STORE, reason: error.to_string() }
}

fn no_answer(limit: Duration) -> KeyStoreError {
    let reason = format!("no answer within {} ms", limit.as_millis());
    KeyStoreError::Unavailable { store: STORE, reason }
}

fn corrupt(what: &'static str, reason: &dyn std::fmt::Display) -> KeyStoreError {
    KeyStoreError::Corrupt { store: STORE, what, reason: reason.to_string() }
}
