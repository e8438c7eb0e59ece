//! Short-lived things that are no events: sessions, logins that are under way at an identity provider, which tokens are void
//! before they expire, and how much somebody may ask for.
//!
//! None of it is rebuilt from the log, and nothing is known to it alone that must outlive it: a session that is lost is
//! begun anew from a refresh token, a login that is lost is begun anew, a bucket that is lost is full. A revocation is kept as long as tokens that it voids
//! could be valid. Nothing here names a person: users are ids, and whatever else a key is made of is hashed.
//!
//! - [`KeyStore`]: the port; [`embedded`]: in this process; [`redis`]: shared by processes, over restarts;
//! - [`session`]: who has logged in; [`pending_login`]: who is about to; [`revocation`]: which tokens are refused;
//!   [`bucket`]: token buckets.
//!
//! What must never happen here: a question that waits without a limit, or one that is answered with "yes" where the
//! store did not answer.

pub mod bucket;
pub mod embedded;
pub mod pending_login;
pub mod redis;
pub mod revocation;
pub mod session;

use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use uuid::Uuid;

pub use self::bucket::{Bucket, Rate};
pub use self::pending_login::{LoginPurpose, PENDING_LOGIN_TTL_MAX, PendingLogin};
pub use self::revocation::{Revocation, Subject, Token};
pub use self::session::{SESSION_TTL, Session};

/// Buckets that one admission takes from, at most.
pub const BUCKETS_MAX: usize = 8;

/// Why a key store did not do what was asked of it.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// It does not answer, or not in time. Whether something was done is open.
    #[error("the {store} key store does not answer: {reason}")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// What is known of it; no credentials.
        reason: String,
    },
    /// It holds as much as it may; nothing was done.
    #[error("the {store} key store holds as many {what} as it may ({max})")]
    Full {
        /// Which store.
        store: &'static str,
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// It holds something that this program did not write.
    #[error("the {store} key store holds {what} that cannot be read: {reason}")]
    Corrupt {
        /// Which store.
        store: &'static str,
        /// What.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The tokens of its tenant were revoked.
    Tenant,
    /// Those of its actor were.
    Actor,
    /// Those of its session were.
    Session,
    /// Its session has ended, or the store has lost it.
    NoSession,
}

/// The answer to [`KeyStore::admit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Go on: from each bucket one token was taken.
    Admitted {
        /// Whole tokens that are left in each bucket, in the order of the question.
        left: Vec<u32>,
    },
    /// The token is void; nothing was taken.
    Refused(Refused),
    /// A bucket is empty; nothing was taken from any.
    Limited {
        /// The bucket that takes longest to have a token, by its place in the question.
        bucket: usize,
        /// How long until then.
        wait: Duration,
    },
}

/// Sessions, pending logins, revocations and token buckets. Every call answers within a bound that the store documents.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// The store behind it: `embedded`, `redis`.
    fn name(&self) -> &'static str;

    /// Whether it answers.
    ///
    /// # Errors
    /// [`KeyStoreError::Unavailable`] where it does not.
    async fn ping(&self) -> Result<(), KeyStoreError>;

    /// Keeps a session for [`SESSION_TTL`] from now on, in the place of the one with its id.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn put_session(&self, session: &Session) -> Result<(), KeyStoreError>;

    /// The tenant's session with this id; `None` where it has ended, or is another tenant's.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn session(&self, tenant: TenantId, id: Uuid) -> Result<Option<Session>, KeyStoreError>;

    /// Ends the tenant's session with this id; whether there was one. Its tokens are refused from then on.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn drop_session(&self, tenant: TenantId, id: Uuid) -> Result<bool, KeyStoreError>;

    /// Keeps a login that is under way for `ttl`, [`PENDING_LOGIN_TTL_MAX`] at most, under a `state` that is random.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    async fn put_pending_login(
        &self,
        state: &str,
        login: &PendingLogin,
        ttl: Duration,
    ) -> Result<(), KeyStoreError>;

    /// The login that is under way under this `state`, which is gone from then on: of many who ask, one has it.
    ///
    /// # Errors
    /// [`KeyStoreError`]; it may be gone then.
    async fn take_pending_login(&self, state: &str) -> Result<Option<PendingLogin>, KeyStoreError>;

    /// Refuses tokens from now on. Of two revocations of one subject the later instant and the longer time count.
    ///
    /// # Errors
    /// [`KeyStoreError`]; the tokens may go on to be valid then, so whoever asked must ask again.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), KeyStoreError>;

    /// Whether a request may go on: its token, where it has one, is not void, and from each of `buckets` a token could be
    /// taken. All or nothing, atomically, and in one round trip. The buckets are distinct, [`BUCKETS_MAX`] at most.
    ///
    /// # Errors
    /// [`KeyStoreError`]; then the request must not go on.
    async fn admit(&self, token: Option<&Token>, buckets: &[Bucket]) -> Result<Admission, KeyStoreError>;

    /// Finishes what runs; later calls may answer `Unavailable`.
    async fn close(&self);
}

/// What stands for a text that may be anybody's name, and may be long: 128 bits of its SHA-256, in hexadecimal.
fn hashed(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    Uuid::from_slice(&hash[..16]).unwrap_or_default().simple().to_string()
}
