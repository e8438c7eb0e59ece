//! The key store of one process: sessions and buckets in memory, revocations in an SQLite file as well.
//!
//! It is exact and answers at once. Sessions, pending logins and buckets end with the process: who had one refreshes, or
//! begins anew. A revocation does
//! not, for then a token that was stolen would be valid again; one that another process writes into the file counts here
//! within a second. Several processes that serve requests need [`super::redis`] instead.
//!
//! - [`buckets`]: token buckets, bounded; [`expiring`]: what ends by itself, bounded; [`file`]: revocations in a file.

mod buckets;
mod expiring;
mod file;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use jiff::Timestamp;
use uuid::Uuid;

use self::buckets::Buckets;
use self::expiring::Expiring;
use self::file::RevocationFile;
use super::revocation::REVOCATION_TTL_MAX;
use super::{
    Admission, Bucket, KeyStore, KeyStoreError, PENDING_LOGIN_TTL_MAX, PendingLogin, Refused, Revocation,
    SESSION_TTL, Session, Subject, Token, hashed,
};

/// The store's name.
const STORE: &str = "embedded";
/// Sessions that are kept, at most.
const SESSIONS_MAX: usize = 200_000;
/// Logins under way that are kept, at most.
const PENDING_LOGINS_MAX: usize = 100_000;
/// Revocations that are kept, at most.
const REVOCATIONS_MAX: usize = 200_000;
/// How often the file is looked at for what other processes have written.
const LOOK_EVERY_MS: u64 = 1_000;

/// A subject of a tenant.
type SubjectKey = (TenantId, String);

/// The key store of one process.
#[derive(Debug)]
pub struct EmbeddedKeys {
    sessions: RwLock<Expiring<Uuid, Session>>,
    pending_logins: RwLock<Expiring<String, PendingLogin>>,
    /// Up to when tokens were issued that are void, in microseconds.
    revoked: RwLock<Expiring<SubjectKey, i64>>,
    buckets: Buckets,
    file: RevocationFile,
    began: Instant,
    /// When the file was last looked at, in milliseconds since `began`.
    looked_ms: AtomicU64,
}

impl EmbeddedKeys {
    /// Opens the store, with the revocations of the file at `path`, which is made where it does not exist.
    ///
    /// # Errors
    /// [`KeyStoreError`] where the file cannot be opened or read.
    pub async fn open(path: &Path) -> Result<Self, KeyStoreError> {
        let store = Self {
            sessions: RwLock::new(Expiring::new("sessions", SESSIONS_MAX)),
            pending_logins: RwLock::new(Expiring::new("pending logins", PENDING_LOGINS_MAX)),
            revoked: RwLock::new(Expiring::new("revocations", REVOCATIONS_MAX)),
            buckets: Buckets::default(),
            file: RevocationFile::open(path).await?,
            began: Instant::now(),
            looked_ms: AtomicU64::new(0),
        };
        store.take_in().await?;
        Ok(store)
    }

    /// Takes in what the file holds where it may have changed.
    async fn take_in(&self) -> Result<(), KeyStoreError> {
        if self.file.has_changed().await? {
            let now = Timestamp::now();
            for row in self.file.read(now).await? {
                let left = Duration::try_from(row.expires_at.duration_since(now)).unwrap_or_default();
                self.remember((row.tenant, row.subject), row.issued_until_us, left)?;
            }
        }
        Ok(())
    }

    /// The same once a second, for whoever comes first.
    async fn look(&self) -> Result<(), KeyStoreError> {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked_ms = self.looked_ms.load(Ordering::Relaxed);
        let is_due = now_ms.saturating_sub(looked_ms) >= LOOK_EVERY_MS;
        let order = Ordering::Relaxed;
        if is_due && self.looked_ms.compare_exchange(looked_ms, now_ms, order, order).is_ok() {
            self.take_in().await?;
        }
        Ok(())
    }

    /// Notes a revocation: of two of one subject the later instant and the longer time count.
    fn remember(
        &self,
        key: SubjectKey,
        until_us: i64,
        ttl: Duration,
    ) -> Result<(i64, Duration), KeyStoreError> {
        let mut revoked = write(&self.revoked);
        let until_us = revoked.get(&key).map_or(until_us, |before| until_us.max(*before));
        let ttl = revoked.left(&key).map_or(ttl, |before| ttl.max(before));
        revoked.put(key, until_us, ttl)?;
        Ok((until_us, ttl))
    }

    /// Why the token is void, where it is.
    fn refusal(&self, token: &Token) -> Option<Refused> {
        let subjects = [
            (Some(Subject::Tenant), Refused::Tenant),
            (Some(Subject::Actor(token.actor.clone())), Refused::Actor),
            (token.session.map(Subject::Session), Refused::Session),
        ];
        let revoked = read(&self.revoked);
        if !revoked.is_empty() {
            let issued_us = token.issued_at.as_microsecond();
            let is_void = |subject: &Subject| {
                revoked.get(&(token.tenant, subject.key())).is_some_and(|until_us| issued_us <= *until_us)
            };
            let found = subjects.iter().find(|(subject, _)| subject.as_ref().is_some_and(is_void));
            if let Some((_, refused)) = found {
                return Some(*refused);
            }
        }
        drop(revoked);
        let id = token.session?;
        let is_there = read(&self.sessions).get(&id).is_some_and(|session| session.tenant_id == token.tenant);
        (!is_there).then_some(Refused::NoSession)
    }
}

#[async_trait]
impl KeyStore for EmbeddedKeys {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn ping(&self) -> Result<(), KeyStoreError> {
        Ok(())
    }

    async fn put_session(&self, session: &Session) -> Result<(), KeyStoreError> {
        write(&self.sessions).put(session.session_id, session.clone(), SESSION_TTL)
    }

    async fn session(&self, tenant: TenantId, id: Uuid) -> Result<Option<Session>, KeyStoreError> {
        let sessions = read(&self.sessions);
        Ok(sessions.get(&id).filter(|session| session.tenant_id == tenant).cloned())
    }

    async fn drop_session(&self, tenant: TenantId, id: Uuid) -> Result<bool, KeyStoreError> {
        let mut sessions = write(&self.sessions);
        let is_there = sessions.get(&id).is_some_and(|session| session.tenant_id == tenant);
        if is_there {
            sessions.remove(&id);
        }
        Ok(is_there)
    }

    async fn put_pending_login(
        &self,
        state: &str,
        login: &PendingLogin,
        ttl: Duration,
    ) -> Result<(), KeyStoreError> {
        write(&self.pending_logins).put(hashed(state), login.clone(), ttl.min(PENDING_LOGIN_TTL_MAX))
    }

    async fn take_pending_login(&self, state: &str) -> Result<Option<PendingLogin>, KeyStoreError> {
        Ok(write(&self.pending_logins).take(&hashed(state)))
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), KeyStoreError> {
        let ttl = revocation.ttl.min(REVOCATION_TTL_MAX);
        let (tenant, subject) = (revocation.tenant, revocation.subject.key());
        let until_us = revocation.issued_until.as_microsecond();
        // In force at once, whatever becomes of the file.
        let (until_us, ttl) = self.remember((tenant, subject.clone()), until_us, ttl)?;
        self.file.write(tenant, &subject, until_us, ttl).await
    }

    async fn admit(&self, token: Option<&Token>, buckets: &[Bucket]) -> Result<Admission, KeyStoreError> {
        if let Some(token) = token {
            self.look().await?;
            if let Some(refused) = self.refusal(token) {
                return Ok(Admission::Refused(refused));
            }
        }
        Ok(self.buckets.take(buckets))
    }

    async fn close(&self) {
        self.file.close().await;
    }
}

/// Nothing that is half done is left behind where somebody panicked with the lock, so poisoning is passed over.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
