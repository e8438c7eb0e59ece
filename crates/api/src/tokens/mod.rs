//! Access tokens: JWT as RFC 9068 has them, signed with Ed25519.
//!
//! A token is for this service alone, names the key that signed it, and has an id of its own. Keys are rotated without a
//! token becoming void; who wants to check tokens elsewhere finds the public keys at `/.well-known/jwks.json`.
//!
//! - [`ring`]: the keys of one moment; [`rotation`]: one key in the place of another;
//! - [`voiding`]: tokens that are void before they expire.
//!
//! What must never happen here: a token that another key signed, or none, or with another algorithm, being taken for one
//! of this service.

mod numeric_date;
mod ring;
pub mod rotation;
pub mod voiding;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use foodflow_domain::TenantId;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Header, Validation, decode_header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::ring::Ring;
use crate::config::Config;

/// Who issues and accepts the tokens.
const ISSUER: &str = "foodflow";
/// Whom the tokens are for.
const AUDIENCE: &str = "foodflow";
/// The type of the tokens (RFC 9068), which tells them from every other JWT that a key may have signed.
const TOKEN_TYPE: &str = "at+jwt";
/// Most bytes of a token.
const TOKEN_BYTES_MAX: usize = 8_192;
/// How far the clock of another process that issues tokens may be ahead.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);
/// How often the files of the keys are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same where a token names a key that is unknown: it may be a new one.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a token states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Who acts: the actor of every event.
    pub sub: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's short name.
    pub tenant_slug: String,
    /// What may be done, as `resource:action`.
    pub permissions: Vec<String>,
    /// Its own id.
    pub jti: Uuid,
    /// The session that it was issued to; it is valid only while that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// When it was issued, in seconds since 1970 with three digits of their fraction: a revocation tells tokens of one
    /// second apart.
    #[serde(with = "numeric_date")]
    pub iat: Timestamp,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
}

/// Claims of a new token, without a session.
#[must_use]
pub fn claims(slug: &str, actor: &str, permissions: &[String], now: Timestamp, valid_s: i64) -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: actor.to_owned(),
        tenant: TenantId::of_slug(slug),
        tenant_slug: slug.to_owned(),
        permissions: permissions.to_vec(),
        jti: Uuid::now_v7(),
        sid: None,
        iat: numeric_date::rounded(now),
        exp: now.as_second().saturating_add(valid_s),
    }
}

/// The keys with which tokens are signed and checked. They follow their files: a key that was rotated by another process is
/// in force here within a second.
pub struct TokenKeys {
    files: KeyFiles,
    ring: RwLock<Arc<Ring>>,
    began: Instant,
    /// When the files were last looked at, in milliseconds since `began`.
    looked_ms: AtomicU64,
}

/// Where the keys are.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    /// The private key that signs (PKCS 8, PEM).
    pub signing: PathBuf,
    /// The folder of older public keys (PEM), each of which goes on to be good for checking.
    pub retired: PathBuf,
}

impl KeyFiles {
    /// Those of the settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { signing: config.access_key(), retired: config.retired_access_keys() }
    }
}

impl TokenKeys {
    /// Reads the keys; makes the one that signs where there is none, readable by the owner alone.
    ///
    /// # Errors
    /// Where a file cannot be read or written, or holds no Ed25519 key.
    pub fn open(files: KeyFiles) -> anyhow::Result<Self> {
        let ring = RwLock::new(Arc::new(Ring::open(&files)?));
        Ok(Self { files, ring, began: Instant::now(), looked_ms: AtomicU64::new(0) })
    }

    /// Signs a token.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn issue(&self, claims: &Claims) -> anyhow::Result<String> {
        self.ring(LOOK_EVERY).sign(claims)
    }

    /// The claims of a token that is valid by itself: whether it was revoked is another question.
    ///
    /// # Errors
    /// What is wrong with it, in words that quote nothing of it.
    pub fn check(&self, token: &str) -> Result<Claims, String> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(format!("it has more than {TOKEN_BYTES_MAX} bytes"));
        }
        let header = decode_header(token).map_err(|error| error.to_string())?;
        let key_id = check_header(&header)?;
        let mut ring = self.ring(LOOK_EVERY);
        if !ring.knows(key_id) {
            ring = self.ring(LOOK_AGAIN);
        }
        let key = ring.decoding(key_id).ok_or("no key of this service signed it")?;
        let claims: Claims = jsonwebtoken::decode(token, key, &validation())
            .map(|data| data.claims)
            .map_err(|error| error.to_string())?;
        if claims.iat.duration_since(Timestamp::now()) > AHEAD_MAX {
            return Err("it is issued in the future".to_owned());
        }
        Ok(claims)
    }

    /// The public keys, as a JWK set (RFC 7517).
    #[must_use]
    pub fn public(&self) -> JwkSet {
        self.ring(LOOK_EVERY).public()
    }

    /// The keys, read anew where the files have changed and were not looked at for `every`.
    fn ring(&self, every: Duration) -> Arc<Ring> {
        let known = || Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner));
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let now_ms = milliseconds(self.began.elapsed());
        let looked_ms = self.looked_ms.load(Ordering::Relaxed);
        let is_due = now_ms.saturating_sub(looked_ms) >= milliseconds(every);
        let is_mine = || {
            self.looked_ms.compare_exchange(looked_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if !is_due || !is_mine() {
            return known();
        }
        match known().renewed(&self.files) {
            Ok(None) => known(),
            Ok(Some(ring)) => {
                let ring = Arc::new(ring);
                *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&ring);
                ring
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the keys of tokens have changed and cannot be read"
                );
                known()
            }
        }
    }
}

/// The key that a header names.
fn check_header(header: &Header) -> Result<&str, String> {
    let kind = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    if kind.strip_prefix("application/").unwrap_or(&kind) != TOKEN_TYPE {
        return Err(format!("its type is not `{TOKEN_TYPE}`"));
    }
    if header.alg != Algorithm::EdDSA {
        return Err("it is signed with another algorithm than EdDSA".to_owned());
    }
    if header.crit.is_some() {
        return Err("its header names extensions as critical; none is known".to_owned());
    }
    header.kid.as_deref().ok_or_else(|| "its header names no key".to_owned())
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    validation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::rotation::rotate;

    fn files(folder: &tempfile::TempDir) -> KeyFiles {
        KeyFiles { signing: folder.path().join("access-key.pem"), retired: folder.path().join("access-keys") }
    }

    #[test]
    fn a_token_states_what_it_was_issued_with() {
        let folder = tempfile::tempdir().unwrap();
        let keys = TokenKeys::open(files(&folder)).unwrap();
        let now = Timestamp::now();
        let sid = Some(Uuid::new_v4());
        let stated = Claims { sid, ..claims("harbor-vale", "driver", &["lots:read".to_owned()], now, 60) };
        let token = keys.issue(&stated).unwrap();
        assert_eq!(keys.check(&token).unwrap(), stated);
        let header = decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(header.kid, keys.public().keys[0].common.key_id);
        assert_ne!(stated.jti, claims("harbor-vale", "driver", &[], now, 60).jti);
        let early = Claims { iat: now + SignedDuration::from_secs(120), ..stated.clone() };
        assert!(keys.check(&keys.issue(&early).unwrap()).unwrap_err().contains("in the future"));
    }

    #[test]
    fn a_rotated_key_goes_on_to_check_and_signs_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let keys = TokenKeys::open(files.clone()).unwrap();
        let issue = |keys: &TokenKeys| {
            keys.issue(&claims("harbor-vale", "driver", &[], Timestamp::now(), 60)).unwrap()
        };
        let old = issue(&keys);
        let rotated = rotate(&files, false).unwrap();
        assert_eq!(decode_header(&old).unwrap().kid, Some(rotated.retired.clone()));
        let other_process = TokenKeys::open(files.clone()).unwrap();
        let new = issue(&other_process);
        assert_eq!(decode_header(&new).unwrap().kid, Some(rotated.key.clone()));
        std::thread::sleep(LOOK_AGAIN);
        // The process that knew the old key alone learns of the new one by its token.
        for keys in [&keys, &other_process] {
            assert!(keys.check(&old).is_ok() && keys.check(&new).is_ok());
            assert_eq!(keys.public().keys.len(), 2);
        }
        assert_eq!(decode_header(issue(&keys)).unwrap().kid, Some(rotated.key));
        std::fs::remove_file(rotated.kept.unwrap()).unwrap();
        std::thread::sleep(LOOK_EVERY);
        assert!(keys.check(&old).unwrap_err().contains("no key of this service"));
        assert!(keys.check(&new).is_ok());
    }

    #[test]
    fn a_key_that_others_may_know_is_void_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let keys = TokenKeys::open(files.clone()).unwrap();
        let old = keys.issue(&claims("harbor-vale", "driver", &[], Timestamp::now(), 60)).unwrap();
        let rotated = rotate(&files, true).unwrap();
        assert_eq!(rotated.kept, None);
        assert!(TokenKeys::open(files).unwrap().check(&old).is_err());
        std::thread::sleep(LOOK_EVERY);
        assert!(keys.check(&old).is_err());
    }

    #[test]
    fn keys_that_cannot_be_read_leave_the_known_ones_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let keys = TokenKeys::open(files.clone()).unwrap();
        let token = keys.issue(&claims("harbor-vale", "driver", &[], Timestamp::now(), 60)).unwrap();
        std::fs::write(&files.signing, "no key").unwrap();
        std::thread::sleep(LOOK_EVERY);
        assert!(keys.check(&token).is_ok());
        let error = TokenKeys::open(files).map(drop).unwrap_err();
        assert!(format!("{error:#}").contains("access-key.pem"), "{error:#}");
    }
}
