//! A user: a person's account, from invitation to erasure.
//!
//! The aggregate decides on what others have found out: that a password fits, that a code is right. It keeps count of
//! wrong logins, and which sessions may still go on.

mod commands;
mod decide;
mod events;
mod logins;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use commands::{LoginProof, Proof, UserCommand};
pub use events::{
    ForeignIdentity, ForeignIdentityLinked, ForeignIdentityUnlinked, InvitationAccepted, LoginRefusal,
    LoginRefused, OneTimeToken, PasswordChange, PasswordChanged, PasswordResetRequested, Profile,
    ProfileChanged, RolesChanged, SecondFactorBegun, SecondFactorDisabled, SecondFactorEnabled, UserErased,
    UserEvent, UserForgotten, UserInvited, UserLoggedIn, UserRegistered, UserStatusChanged,
};

use super::IdentityError;
use crate::aggregate;
use crate::ids::{RoleId, SessionId, UserId};
use crate::personal::Personal;

/// Wrong logins in a row that are looked at without a pause.
pub const FREE_FAILURES: u32 = 5;
/// The first pause, in seconds; each further wrong login doubles it.
pub const LOCK_S_FIRST: i64 = 30;
/// The longest pause, in seconds.
pub const LOCK_S_MAX: i64 = 3_600;
/// Newest sessions that a user's account remembers; older ones end.
pub const SESSIONS_MAX: usize = 20;
/// Identities at foreign providers that a user may have.
pub const IDENTITIES_MAX: usize = 10;
/// How long an invitation is good, in hours.
pub const INVITATION_HOURS: i64 = 7 * 24;
/// How long the token of a reset is good, in hours.
pub const RESET_HOURS: i64 = 1;

/// How a user stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// There is no such user.
    #[default]
    Unknown,
    /// Invited, and has not accepted.
    Invited,
    /// May log in.
    Active,
    /// May not log in.
    Deactivated,
    /// Erased, for good.
    Forgotten,
}

impl UserStatus {
    /// The word that it is written as.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Forgotten => "forgotten",
        }
    }
}

/// A second factor: codes of an authenticator (RFC 6238).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The secret, in base 32.
    pub secret: Personal<String>,
    /// Whether it was proved, and is asked for.
    pub is_enabled: bool,
    /// The last time step of which a code was used.
    pub last_step: u64,
    /// SHA-256 of each recovery code that was not used.
    pub recovery_hashes: Personal<BTreeSet<String>>,
}

impl SecondFactor {
    /// Whether a recovery code of this hash is good.
    pub(super) fn recovers(&self, recovery_hash: &str) -> bool {
        self.recovery_hashes.value().is_some_and(|hashes| hashes.contains(recovery_hash))
    }

    fn spend(&mut self, recovery_hash: &str) {
        if let Some(hashes) = self.recovery_hashes.value() {
            let mut left = hashes.clone();
            left.remove(recovery_hash);
            self.recovery_hashes = Personal::new(self.recovery_hashes.person(), left);
        }
    }
}

/// State of a user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// How the user stands.
    pub status: UserStatus,
    /// What stands for the e-mail address.
    pub email_index: Option<Uuid>,
    /// Hash of the password.
    pub password: Option<Personal<String>>,
    /// The user's roles.
    pub role_ids: BTreeSet<RoleId>,
    /// The invitation, until it was accepted.
    pub invitation: Option<OneTimeToken>,
    /// The token of a reset, until it was used.
    pub reset: Option<OneTimeToken>,
    /// Wrong logins in a row.
    pub failures: u32,
    /// Until when no login is looked at.
    pub locked_until: Option<Timestamp>,
    /// The newest sessions, oldest first; some of them may have ended.
    pub session_ids: Vec<SessionId>,
    /// The second factor.
    pub second_factor: Option<SecondFactor>,
    /// Who the user is elsewhere.
    pub identities: Vec<ForeignIdentity>,
    /// Whether the erasure is done.
    pub is_erased: bool,
}

impl User {
    /// Refuses what does not exist.
    ///
    /// # Errors
    /// `NotFound` where there is no such user.
    pub fn present(&self, user_id: UserId) -> Result<(), IdentityError> {
        match self.status {
            UserStatus::Unknown => Err(IdentityError::NotFound { what: "user", id: user_id.0 }),
            _ => Ok(()),
        }
    }

    /// Refuses who may not act.
    ///
    /// # Errors
    /// `NotFound` where there is no such user, `UserNotActive` where the user is invited, deactivated or forgotten.
    pub fn active(&self, user_id: UserId) -> Result<(), IdentityError> {
        self.present(user_id)?;
        match self.status {
            UserStatus::Active => Ok(()),
            status => Err(IdentityError::UserNotActive { user_id, status: status.as_str() }),
        }
    }

    /// The session that ends when a further one starts.
    #[must_use]
    pub fn crowded_out(&self) -> Option<SessionId> {
        self.session_ids.first().copied().filter(|_| self.session_ids.len() >= SESSIONS_MAX)
    }

    /// Whether the second factor is asked for.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.second_factor.as_ref().is_some_and(|factor| factor.is_enabled)
    }

    fn evolve(&mut self, event: UserEvent) {
        match event {
            UserEvent::Registered(data) => {
                self.status = UserStatus::Active;
                self.email_index = Some(data.email_index);
                self.password = Some(data.password);
                self.role_ids = data.role_ids;
            }
            UserEvent::Invited(data) => {
                self.status = UserStatus::Invited;
                self.email_index = Some(data.email_index);
                self.role_ids = data.role_ids;
                self.invitation = Some(data.invitation);
            }
            UserEvent::InvitationAccepted(data) => {
                self.status = UserStatus::Active;
                self.password = data.password;
                self.invitation = None;
            }
            UserEvent::ProfileChanged(data) => {
                // What was sent to the other address is good no more.
                if self.email_index != Some(data.email_index) {
                    self.invitation = None;
                    self.reset = None;
                }
                self.email_index = Some(data.email_index);
            }
            UserEvent::PasswordChanged(data) => {
                self.password = Some(data.password);
                self.reset = None;
                self.failures = 0;
                self.locked_until = None;
                self.session_ids.clear();
            }
            UserEvent::PasswordResetRequested(data) => self.reset = Some(data.reset),
            UserEvent::LoggedIn(data) => self.logged_in(data),
            UserEvent::LoginRefused(data) => {
                self.failures = data.failures;
                self.locked_until = data.locked_until;
            }
            UserEvent::RolesChanged(data) => self.role_ids = data.role_ids,
            UserEvent::Deactivated(_) => {
                self.status = UserStatus::Deactivated;
                self.invitation = None;
                self.reset = None;
                self.session_ids.clear();
            }
            UserEvent::Reactivated(_) => {
                self.status = UserStatus::Active;
                self.failures = 0;
                self.locked_until = None;
            }
            UserEvent::SecondFactorBegun(data) => {
                let (is_enabled, last_step) = (false, 0);
                let recovery_hashes = Personal::new(data.secret.person(), BTreeSet::new());
                self.second_factor =
                    Some(SecondFactor { secret: data.secret, is_enabled, last_step, recovery_hashes });
            }
            UserEvent::SecondFactorEnabled(data) => {
                if let Some(factor) = &mut self.second_factor {
                    factor.is_enabled = true;
                    factor.last_step = data.totp_step;
                    factor.recovery_hashes = data.recovery_hashes;
                }
            }
            UserEvent::SecondFactorDisabled(_) => self.second_factor = None,
            UserEvent::ForeignIdentityLinked(data) => self.identities.push(data.identity),
            UserEvent::ForeignIdentityUnlinked(data) => {
                self.identities.retain(|identity| *identity != data.identity);
                self.session_ids.clear();
            }
            UserEvent::Forgotten(_) => *self = Self { status: UserStatus::Forgotten, ..Self::default() },
            UserEvent::Erased(_) => self.is_erased = true,
        }
    }

    fn logged_in(&mut self, data: UserLoggedIn) {
        self.failures = 0;
        self.locked_until = None;
        if self.session_ids.len() >= SESSIONS_MAX {
            self.session_ids.remove(0);
        }
        self.session_ids.push(data.session_id);
        if let Some(factor) = &mut self.second_factor {
            factor.last_step = data.totp_step.unwrap_or(factor.last_step).max(factor.last_step);
            if let Some(used) = data.recovery_hash.as_ref().and_then(Personal::value) {
                factor.spend(used);
            }
        }
    }

    /// Until when no login is looked at after that many wrong ones in a row.
    fn lock(failures: u32, now: Timestamp) -> Option<Timestamp> {
        let doublings = failures.checked_sub(FREE_FAILURES)?;
        let pause_s = LOCK_S_FIRST.saturating_mul(1_i64 << doublings.min(20)).min(LOCK_S_MAX);
        now.checked_add(SignedDuration::from_secs(pause_s)).ok()
    }
}

aggregate!(User, "identity", "user", UserCommand, UserEvent, IdentityError);
