//! The second factor: codes of an authenticator (RFC 6238), and recovery codes.

use std::collections::BTreeSet;

use foodflow_domain::identity::user::{Proof, SecondFactor, User, UserCommand};
use foodflow_domain::ids::UserId;
use foodflow_log::StreamId;
use jiff::Timestamp;
use totp_rs::{Algorithm, Secret, TOTP};

use super::held::Held;
use super::{Sender, secrets};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// Digits of a code.
const DIGITS: usize = 6;
/// Seconds that a code is shown.
const STEP_S: u64 = 30;
/// Steps before and after the present one whose code is taken, for clocks that differ.
const STEPS_BESIDE: u64 = 1;
/// Bytes of a secret.
const SECRET_BYTES: usize = 20;
/// Recovery codes that a user gets.
const RECOVERY_CODES: usize = 10;
/// Characters of recovery codes: none that is taken for another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

fn internal(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::Internal { reason: format!("second factor: {error}") }
}

fn totp(secret: &str, account: &str, issuer: &str) -> Result<TOTP, CommandError> {
    let secret = Secret::Encoded(secret.to_owned()).to_bytes().map_err(|error| internal(&error))?;
    let plain = |text: &str| text.replace(':', " ");
    TOTP::new(Algorithm::SHA1, DIGITS, 1, STEP_S, secret, Some(plain(issuer)), plain(account))
        .map_err(|error| internal(&error))
}

/// A new secret, in base 32.
///
/// # Errors
/// `Internal` where the system has no randomness.
pub fn new_secret() -> Result<String, CommandError> {
    Ok(Secret::Raw(secrets::random_bytes::<SECRET_BYTES>()?.to_vec()).to_encoded().to_string())
}

/// The address that authenticators read: `otpauth://totp/…`.
///
/// # Errors
/// `Internal` where the secret is none.
pub fn address(secret: &str, account: &str, issuer: &str) -> Result<String, CommandError> {
    Ok(totp(secret, account, issuer)?.get_url())
}

/// New recovery codes.
///
/// # Errors
/// `Internal` where the system has no randomness.
pub fn recovery_codes() -> Result<Vec<String>, CommandError> {
    let code = |_| {
        let bytes = secrets::random_bytes::<16>()?;
        let text: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Ok(format!("{}-{}-{}-{}", &text[..4], &text[4..8], &text[8..12], &text[12..]))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// What the log keeps of a recovery code.
#[must_use]
pub fn recovery_hash(code: &str) -> String {
    secrets::hash(&code.trim().to_ascii_lowercase())
}

/// What a code proves: digits are one of the authenticator, anything else a recovery code.
///
/// # Errors
/// `Internal` where the secret is none.
pub fn proof(
    factor: Option<&SecondFactor>,
    code: Option<&str>,
    now: Timestamp,
) -> Result<Proof, CommandError> {
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else { return Ok(Proof::None) };
    let Some(factor) = factor else { return Ok(Proof::Wrong) };
    if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Proof::Recovery { recovery_hash: recovery_hash(code) });
    }
    let Some(secret) = factor.secret.value() else { return Ok(Proof::Wrong) };
    let (totp, present) = (totp(secret, "", "")?, now.as_second().unsigned_abs() / STEP_S);
    for step in present.saturating_sub(STEPS_BESIDE)..=present + STEPS_BESIDE {
        if totp.generate(step * STEP_S) == code {
            return Ok(Proof::Totp { step });
        }
    }
    Ok(Proof::Wrong)
}

/// What is asked about a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactorChange {
    /// `POST /v1/me/second-factor`: this secret, in base 32, to be proved.
    Begin(String),
    /// `POST /v1/me/second-factor/enable`: it is proved.
    Enable {
        /// What was found out about the code.
        proof: Proof,
        /// SHA-256 of each recovery code.
        recovery_hashes: BTreeSet<String>,
    },
    /// `POST /v1/me/second-factor/disable`, `POST /v1/users/{id}/second-factor/disable`.
    Disable {
        /// What was found out about the code; `None` where an administrator asks.
        proof: Option<Proof>,
        /// Why.
        reason: String,
    },
}

/// Changes a user's second factor. A wrong code that would disable it is written down, and counts: see
/// [`wrong_proof`](super::wrong_proof).
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeFactor {
    /// The user.
    pub user_id: UserId,
    /// What is asked.
    pub change: FactorChange,
    /// What whoever asks holds; absent where it is their own account.
    pub held: Option<Held>,
    /// Where from.
    pub origin: Sender,
}

impl Operation for ChangeFactor {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.change {
            FactorChange::Begin(_) => "second-factor",
            FactorChange::Enable { .. } => "second-factor/enable",
            FactorChange::Disable { .. } => "second-factor/disable",
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
        let Self { user_id, change, origin, held } = self.clone();
        if let Some(held) = held {
            let role_ids = unit.load::<User>(user_id.0).await?.role_ids.clone();
            held.may_change(unit, &role_ids).await?;
        }
        let command = match change {
            FactorChange::Begin(secret) => UserCommand::BeginSecondFactor { user_id, secret, origin },
            FactorChange::Enable { proof, recovery_hashes } => {
                UserCommand::EnableSecondFactor { user_id, proof, recovery_hashes, origin }
            }
            FactorChange::Disable { proof, reason } => {
                UserCommand::DisableSecondFactor { user_id, proof, reason, origin }
            }
        };
        unit.decide::<User>(user_id.0, command, "").await
    }
}

#[cfg(test)]
mod tests {
    use foodflow_domain::ids::PersonId;
    use foodflow_domain::personal::Personal;

    use super::*;

    #[test]
    fn a_code_is_that_of_the_present_step_or_of_one_beside() {
        // The secret and time of RFC 6238, appendix B: of its eight digits the last six.
        let secret = Personal::new(PersonId::default(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
        let recovery_hashes = BTreeSet::from([recovery_hash("abcd-efgh-jkmn-pqrs")]);
        let recovery_hashes = Personal::new(PersonId::default(), recovery_hashes);
        let factor = SecondFactor { secret, is_enabled: true, last_step: 0, recovery_hashes };
        let at = |second| Timestamp::from_second(second).unwrap();
        let ask = |code: &str, second| proof(Some(&factor), Some(code), at(second)).unwrap();
        let step = 1_111_111_109 / 30;
        assert_eq!(ask("081804", 1_111_111_109), Proof::Totp { step });
        assert_eq!(ask(" 081804 ", 1_111_111_109 + 30), Proof::Totp { step });
        assert_eq!(ask("081804", 1_111_111_109 + 60), Proof::Wrong);
        assert_eq!(ask("081805", 1_111_111_109), Proof::Wrong);
        let Proof::Recovery { recovery_hash } = ask("ABCD-efgh-jkmn-pqrs", 0) else { panic!() };
        assert!(factor.recovery_hashes.value().unwrap().contains(&recovery_hash));
        assert_eq!(proof(Some(&factor), None, at(0)).unwrap(), Proof::None);
        assert_eq!(proof(None, Some("081804"), at(0)).unwrap(), Proof::Wrong);
    }

    #[test]
    fn recovery_codes_differ_and_an_address_names_the_account() {
        let codes: BTreeSet<String> = recovery_codes().unwrap().into_iter().collect();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let address = address(&new_secret().unwrap(), "maria@harbor-vale.example", "FoodFlow").unwrap();
        assert!(address.starts_with("otpauth://totp/FoodFlow:maria"), "{address}");
    }
}
