//! What is decided about a login, and about passwords and codes that are wrong.

use jiff::Timestamp;

use super::commands::{LoginProof, Proof};
use super::decide::about;
use super::events::{LoginRefusal, LoginRefused, UserEvent, UserLoggedIn};
use super::{SecondFactor, User, UserStatus};
use crate::identity::session::LoginMethod;
use crate::identity::{IdentityError, Origin};
use crate::ids::{SessionId, UserId};
use crate::personal::Personal;

impl User {
    pub(super) fn log_in(
        &self,
        user_id: UserId,
        session_id: SessionId,
        proof: LoginProof,
        origin: Option<Personal<Origin>>,
        now: Timestamp,
    ) -> UserEvent {
        let in_event = |method, totp_step, recovery_hash| UserLoggedIn {
            user_id,
            session_id,
            method,
            totp_step,
            recovery_hash,
            origin: origin.clone(),
        };
        match self.judge(&proof, now) {
            Err(reason @ (LoginRefusal::Password | LoginRefusal::Code)) => {
                self.wrong(user_id, reason, origin, now)
            }
            Err(reason) => {
                let (failures, locked_until) = (self.failures, self.locked_until);
                UserEvent::LoginRefused(LoginRefused { user_id, reason, failures, locked_until, origin })
            }
            Ok(method) => UserEvent::LoggedIn(match (method, proof) {
                (LoginMethod::PasswordAndTotp, LoginProof::Password { second: Proof::Totp { step }, .. }) => {
                    in_event(method, Some(step), None)
                }
                (
                    LoginMethod::PasswordAndRecoveryCode,
                    LoginProof::Password { second: Proof::Recovery { recovery_hash }, .. },
                ) => in_event(method, None, Some(about(user_id, recovery_hash))),
                _ => in_event(method, None, None),
            }),
        }
    }

    /// A password or code that was wrong, at a login or where a session asks for it once more: each counts.
    pub(super) fn wrong(
        &self,
        user_id: UserId,
        reason: LoginRefusal,
        origin: Option<Personal<Origin>>,
        now: Timestamp,
    ) -> UserEvent {
        let failures = self.failures.saturating_add(1);
        let locked_until = Self::lock(failures, now);
        UserEvent::LoginRefused(LoginRefused { user_id, reason, failures, locked_until, origin })
    }

    /// Refuses where too many were wrong, as a login would be.
    pub(super) fn unlocked(&self, now: Timestamp) -> Result<(), IdentityError> {
        match self.locked_until {
            Some(until) if until > now => Err(IdentityError::UserLocked { until }),
            _ => Ok(()),
        }
    }

    /// How somebody logs in with this proof; a code that nobody asks for is not looked at.
    #[must_use]
    pub fn method_of(&self, proof: &LoginProof) -> LoginMethod {
        match proof {
            LoginProof::Foreign(_) => LoginMethod::Oidc,
            LoginProof::Password { .. } if !self.has_second_factor() => LoginMethod::Password,
            LoginProof::Password { second: Proof::Recovery { .. }, .. } => {
                LoginMethod::PasswordAndRecoveryCode
            }
            LoginProof::Password { .. } => LoginMethod::PasswordAndTotp,
        }
    }

    /// Why a login with this proof would be refused now; `None` where it would not.
    #[must_use]
    pub fn refusal(&self, proof: &LoginProof, now: Timestamp) -> Option<LoginRefusal> {
        self.judge(proof, now).err()
    }

    fn judge(&self, proof: &LoginProof, now: Timestamp) -> Result<LoginMethod, LoginRefusal> {
        if self.locked_until.is_some_and(|until| until > now) {
            return Err(LoginRefusal::Locked);
        }
        match (self.status, proof) {
            (UserStatus::Active, LoginProof::Foreign(identity)) => {
                let is_linked = self.identities.contains(identity);
                if is_linked { Ok(self.method_of(proof)) } else { Err(LoginRefusal::Identity) }
            }
            (_, LoginProof::Password { fits: false, .. }) => Err(LoginRefusal::Password),
            (UserStatus::Active, LoginProof::Password { second, .. }) => {
                match self.second_factor.as_ref().filter(|factor| factor.is_enabled) {
                    Some(_) if *second == Proof::None => Err(LoginRefusal::CodeMissing),
                    Some(factor) if !is_good(factor, second) => Err(LoginRefusal::Code),
                    _ => Ok(self.method_of(proof)),
                }
            }
            _ => Err(LoginRefusal::NotActive),
        }
    }
}

/// Whether a code is good for this factor: none is good twice.
pub(super) fn is_good(factor: &SecondFactor, proof: &Proof) -> bool {
    match proof {
        Proof::Totp { step } => *step > factor.last_step,
        Proof::Recovery { recovery_hash } => factor.recovers(recovery_hash),
        Proof::None | Proof::Wrong => false,
    }
}
