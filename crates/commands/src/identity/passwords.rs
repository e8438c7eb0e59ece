//! Passwords: hashed with Argon2id, a few at a time, and never a weak one.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use foodflow_domain::identity::session::SessionEnd;
use foodflow_domain::identity::user::{User, UserCommand};
use foodflow_domain::ids::UserId;
use foodflow_log::StreamId;
use tokio::sync::Semaphore;

use super::held::Held;
use super::{Sender, end_sessions};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// Fewest characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Most bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Memory for one hash, in KiB; with the passes and lanes, what OWASP recommends for Argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of salt.
const SALT_BYTES: usize = 16;
/// Hashes that are computed at once; more wait their turn.
const AT_ONCE: usize = 2;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// A hash of nobody's password: who is unknown is refused after as much work as who is known.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let mut secret = [0_u8; 32];
    // Without randomness the hash still fits no password that anybody has.
    let _ = getrandom::fill(&mut secret);
    hash_now(&foodflow_log::hex::Hex(secret).to_string()).unwrap_or_default()
});

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &str) -> Result<String, CommandError> {
    let failed = |error| CommandError::Internal { reason: format!("cannot hash a password: {error}") };
    let salt = SaltString::encode_b64(&super::secrets::random_bytes::<SALT_BYTES>()?).map_err(failed)?;
    Ok(argon2().hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

/// Runs `work` beside the others, on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CommandError> {
    let internal = |reason: String| CommandError::Internal { reason };
    let _place = PLACES.acquire().await.map_err(|error| internal(error.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(error.to_string()))
}

/// The hash of a password, in PHC format.
///
/// # Errors
/// `Internal` where it cannot be computed.
pub async fn hash(password: String) -> Result<String, CommandError> {
    apart(move || hash_now(&password)).await?
}

/// Whether a password fits a hash; without a hash it never does, after as much work.
///
/// # Errors
/// `Internal` where it cannot be computed.
pub async fn fits(password: String, hash: Option<String>) -> Result<bool, CommandError> {
    let verify = move || {
        let text = hash.as_deref().unwrap_or(&NOBODY);
        let fits = PasswordHash::new(text)
            .is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok());
        fits && hash.is_some()
    };
    apart(verify).await
}

/// What is wrong with a password, for whoever chose it; `about` is what others know of that person.
#[must_use]
pub fn weakness(password: &str, about: &[&str]) -> Option<String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Some(format!("must have at most {PASSWORD_BYTES_MAX} bytes"));
    }
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Some(format!("must have at least {PASSWORD_CHARS_MIN} characters"));
    }
    let estimate = zxcvbn::zxcvbn(password, about);
    if estimate.score() >= zxcvbn::Score::Three {
        return None;
    }
    let advice =
        estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
    let advice = advice.unwrap_or_else(|| "Add another word or two. Uncommon words are better.".to_owned());
    Some(format!("is too easy to guess: {advice}"))
}

/// `POST /v1/me/password`: another password for whoever knows the present one. A wrong one is written down, and counts:
/// see [`wrong_proof`](super::wrong_proof).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// By what the change is allowed.
    pub by: Allowance,
    /// The user.
    pub user_id: UserId,
    /// Hash of the new password.
    pub password: String,
    /// Where from.
    pub origin: Sender,
}

/// By what a change of password is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowance {
    /// The present password, and whether it was right.
    Present(bool),
    /// A token: SHA-256 of it.
    Token(String),
}

impl Operation for Change {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.by {
            Allowance::Present(_) => "me/password",
            Allowance::Token(_) => "password-resets/use",
        };
        reply_of::<User>(operation, self.user_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.user_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { by, user_id, password, origin } = self.clone();
        let session_ids = unit.load::<User>(user_id.0).await?.session_ids.clone();
        let is_refused = by == Allowance::Present(false);
        let command = match by {
            Allowance::Present(fits) => {
                UserCommand::ChangePassword { user_id, fits, password, origin: origin.clone() }
            }
            Allowance::Token(token_hash) => {
                UserCommand::Reset { user_id, token_hash, password, origin: origin.clone() }
            }
        };
        unit.decide::<User>(user_id.0, command, "").await?;
        if is_refused {
            return Ok(());
        }
        end_sessions(unit, &session_ids, SessionEnd::PasswordChanged, &origin).await
    }
}

/// `POST /v1/password-resets`: a token to set another password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestReset {
    /// The user.
    pub user_id: UserId,
    /// SHA-256 of the token.
    pub token_hash: String,
    /// What whoever asks holds.
    pub held: Held,
    /// Where from.
    pub origin: Sender,
}

impl Operation for RequestReset {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("users/password-reset", self.user_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.user_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, token_hash, origin, held } = self.clone();
        let role_ids = unit.load::<User>(user_id.0).await?.role_ids.clone();
        held.may_change(unit, &role_ids).await?;
        unit.decide::<User>(user_id.0, UserCommand::RequestReset { user_id, token_hash, origin }, "").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let hash = hash("correct horse battery staple".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let ask = |password: &str, hash: Option<&String>| fits(password.to_owned(), hash.cloned());
        assert!(ask("correct horse battery staple", Some(&hash)).await.unwrap());
        assert!(!ask("correct horse battery stapl", Some(&hash)).await.unwrap());
        assert!(!ask("correct horse battery staple", None).await.unwrap());
        assert!(!ask("", Some(&String::new())).await.unwrap());
    }

    #[test]
    fn what_is_easy_to_guess_is_refused_with_advice() {
        let about = ["maria@harbor-vale.example", "Maria", "harbor-vale"];
        for weak in [
            "short",
            "password123",
            "qwertyuiop12",
            "aaaaaaaaaaaaaa",
            "maria@harbor-vale.example",
            "harbor-vale1",
        ] {
            assert!(weakness(weak, &about).is_some(), "{weak}");
        }
        assert!(weakness(&"x1Q".repeat(100), &about).unwrap().contains("at most"));
        assert_eq!(weakness("violet-otter-cobalt-29", &about), None);
    }
}
