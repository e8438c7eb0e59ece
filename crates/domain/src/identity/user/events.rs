//! What happened to a user.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event_set;
use crate::identity::Origin;
use crate::identity::session::LoginMethod;
use crate::ids::{RoleId, SessionId, UserId};
use crate::personal::Personal;

/// Who a user is. `Debug` does not say it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The address by which the user logs in, in lower case.
    pub email: String,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

/// A token that is good once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeToken {
    /// SHA-256 of it, in hexadecimal digits.
    pub token_hash: String,
    /// Until when it may be used.
    pub expires_at: Timestamp,
}

/// Somebody at a foreign provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignIdentity {
    /// The provider.
    pub issuer: String,
    /// What stands for the subject there: a keyed hash.
    pub subject_index: Uuid,
}

/// A user was registered with a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRegistered {
    /// The user.
    pub user_id: UserId,
    /// Who that is.
    pub profile: Personal<Profile>,
    /// What stands for the e-mail address: a keyed hash.
    pub email_index: Uuid,
    /// Hash of the password (Argon2id, PHC format).
    pub password: Personal<String>,
    /// The user's roles.
    pub role_ids: BTreeSet<RoleId>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user was invited, or invited again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserInvited {
    /// The user.
    pub user_id: UserId,
    /// Who that is.
    pub profile: Personal<Profile>,
    /// What stands for the e-mail address: a keyed hash.
    pub email_index: Uuid,
    /// The user's roles.
    pub role_ids: BTreeSet<RoleId>,
    /// Roles of an earlier invitation that are gone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<RoleId>,
    /// The invitation.
    pub invitation: OneTimeToken,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user accepted the invitation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvitationAccepted {
    /// The user.
    pub user_id: UserId,
    /// Hash of the password (Argon2id, PHC format); absent where the user came by a foreign provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Personal<String>>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// Who a user is was written anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// The user.
    pub user_id: UserId,
    /// Who that is now.
    pub profile: Personal<Profile>,
    /// What stands for the e-mail address: a keyed hash.
    pub email_index: Uuid,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// By what a password was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordChange {
    /// The user knew the one before.
    Change,
    /// The user had the token of a reset.
    Reset,
}

/// A user has another password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// The user.
    pub user_id: UserId,
    /// Hash of the password (Argon2id, PHC format).
    pub password: Personal<String>,
    /// By what.
    pub by: PasswordChange,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user may set another password with a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PasswordResetRequested {
    /// The user.
    pub user_id: UserId,
    /// The token.
    pub reset: OneTimeToken,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user logged in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserLoggedIn {
    /// The user.
    pub user_id: UserId,
    /// The session that started.
    pub session_id: SessionId,
    /// How.
    pub method: LoginMethod,
    /// The time step of the code that was used; no code of it or before is good again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_step: Option<u64>,
    /// SHA-256 of the recovery code that was used; it is not good again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_hash: Option<Personal<String>>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginRefusal {
    /// The password is wrong.
    Password,
    /// The code of the second factor is wrong or was used.
    Code,
    /// The password is right; the code of the second factor is missing.
    CodeMissing,
    /// A foreign provider vouches for somebody else.
    Identity,
    /// There were too many wrong ones.
    Locked,
    /// The user is invited or deactivated.
    NotActive,
}

/// A login was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoginRefused {
    /// The user.
    pub user_id: UserId,
    /// Why.
    pub reason: LoginRefusal,
    /// Wrong ones in a row.
    pub failures: u32,
    /// Until when no login is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Timestamp>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user has other roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolesChanged {
    /// The user.
    pub user_id: UserId,
    /// The roles now.
    pub role_ids: BTreeSet<RoleId>,
    /// Those that are new.
    pub added: BTreeSet<RoleId>,
    /// Those that are gone.
    pub removed: BTreeSet<RoleId>,
    /// Why: it is about the user.
    pub reason: Personal<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user may log in no more, or again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserStatusChanged {
    /// The user.
    pub user_id: UserId,
    /// Why: it is about the user.
    pub reason: Personal<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user began to set up a second factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondFactorBegun {
    /// The user.
    pub user_id: UserId,
    /// The secret of the codes (RFC 6238), in base 32.
    pub secret: Personal<String>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user proved the second factor: from now on it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondFactorEnabled {
    /// The user.
    pub user_id: UserId,
    /// The time step of the code that proved it.
    pub totp_step: u64,
    /// SHA-256 of each recovery code; people copy them by hand, so they are shorter than other tokens.
    pub recovery_hashes: Personal<BTreeSet<String>>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A second factor is no longer asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondFactorDisabled {
    /// The user.
    pub user_id: UserId,
    /// Why: it is about the user.
    pub reason: Personal<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user logs in at a foreign provider as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignIdentityLinked {
    /// The user.
    pub user_id: UserId,
    /// Who that is there.
    pub identity: ForeignIdentity,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A user logs in at a foreign provider no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignIdentityUnlinked {
    /// The user.
    pub user_id: UserId,
    /// Who that was there.
    pub identity: ForeignIdentity,
    /// Why: it is about the user.
    pub reason: Personal<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A person is to be erased: what reads this shows nothing of the person any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserForgotten {
    /// The user.
    pub user_id: UserId,
    /// On what ground, e.g. `request of the person (GDPR Art. 17)`. It outlives the person's data, so it names nobody.
    pub reason: String,
    /// The roles that the user had.
    pub role_ids: BTreeSet<RoleId>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A person was erased: the keys are gone, and what was erased was looked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserErased {
    /// The user.
    pub user_id: UserId,
    /// What was erased, never what it was: a signed record (JSON).
    pub record: String,
    /// Signature over the record (Ed25519), in hexadecimal digits.
    pub signature: String,
    /// The key that signed it: its id in the trail of audit keys.
    pub key_id: String,
}

event_set! {
    /// Events of a user.
    pub enum UserEvent {
        /// Registered with a password.
        Registered(UserRegistered) = "foodflow.identity.user.registered.v1",
        /// Invited, or invited again.
        Invited(UserInvited) = "foodflow.identity.user.invited.v1",
        /// The invitation was accepted.
        InvitationAccepted(InvitationAccepted) = "foodflow.identity.user.invitation_accepted.v1",
        /// Who the user is was written anew.
        ProfileChanged(ProfileChanged) = "foodflow.identity.user.profile_changed.v1",
        /// Another password.
        PasswordChanged(PasswordChanged) = "foodflow.identity.user.password_changed.v1",
        /// A token to set another password.
        PasswordResetRequested(PasswordResetRequested) = "foodflow.identity.user.password_reset_requested.v1",
        /// Logged in.
        LoggedIn(UserLoggedIn) = "foodflow.identity.user.logged_in.v1",
        /// A login was refused.
        LoginRefused(LoginRefused) = "foodflow.identity.user.login_refused.v1",
        /// Other roles.
        RolesChanged(RolesChanged) = "foodflow.identity.user.roles_changed.v1",
        /// No more logins.
        Deactivated(UserStatusChanged) = "foodflow.identity.user.deactivated.v1",
        /// Logins again.
        Reactivated(UserStatusChanged) = "foodflow.identity.user.reactivated.v1",
        /// A second factor is being set up.
        SecondFactorBegun(SecondFactorBegun) = "foodflow.identity.user.second_factor_begun.v1",
        /// A second factor is asked for.
        SecondFactorEnabled(SecondFactorEnabled) = "foodflow.identity.user.second_factor_enabled.v1",
        /// A second factor is no longer asked for.
        SecondFactorDisabled(SecondFactorDisabled) = "foodflow.identity.user.second_factor_disabled.v1",
        /// Logs in at a foreign provider as well.
        ForeignIdentityLinked(ForeignIdentityLinked) = "foodflow.identity.user.foreign_identity_linked.v1",
        /// Logs in at a foreign provider no more.
        ForeignIdentityUnlinked(ForeignIdentityUnlinked) = "foodflow.identity.user.foreign_identity_unlinked.v1",
        /// To be erased.
        Forgotten(UserForgotten) = "foodflow.identity.user.forgotten.v1",
        /// Erased.
        Erased(UserErased) = "foodflow.identity.user.erased.v1",
    }
}
