//! What may be asked of a user.

use std::collections::BTreeSet;
use std::fmt;

use uuid::Uuid;

use super::events::{ForeignIdentity, Profile, UserErased, UserRegistered};
use crate::identity::Origin;
use crate::ids::{RoleId, SessionId, UserId};
use crate::personal::Personal;

/// What was found out about the second factor of a login.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing was given.
    None,
    /// A code that is right for this time step.
    Totp {
        /// The time step.
        step: u64,
    },
    /// A recovery code: SHA-256 of it.
    Recovery {
        /// The hash.
        recovery_hash: String,
    },
    /// A code that is wrong.
    Wrong,
}

/// What was found out about a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginProof {
    /// A password.
    Password {
        /// Whether it fits the hash.
        fits: bool,
        /// The second factor.
        second: Proof,
    },
    /// A foreign provider vouches for this identity.
    Foreign(ForeignIdentity),
}

/// What may be asked of a user. `Debug` shows what is asked and of whom, nothing else: the rest is secret, or about a
/// person.
#[derive(Clone, PartialEq)]
pub enum UserCommand {
    /// Register with a password.
    Register(UserRegistered),
    /// Invite, or invite again with another token.
    Invite {
        /// The user.
        user_id: UserId,
        /// Who that is.
        profile: Profile,
        /// What stands for the e-mail address.
        email_index: Uuid,
        /// The user's roles.
        role_ids: BTreeSet<RoleId>,
        /// SHA-256 of the invitation's token.
        token_hash: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Accept the invitation with its token.
    Accept {
        /// The user.
        user_id: UserId,
        /// SHA-256 of the token.
        token_hash: String,
        /// Hash of the password.
        password: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Write anew who the user is.
    ChangeProfile {
        /// The user.
        user_id: UserId,
        /// Who that is.
        profile: Profile,
        /// What stands for the e-mail address.
        email_index: Uuid,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Change the password.
    ChangePassword {
        /// The user.
        user_id: UserId,
        /// Whether the present one was given.
        fits: bool,
        /// Hash of the new one.
        password: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Issue a token to set another password.
    RequestReset {
        /// The user.
        user_id: UserId,
        /// SHA-256 of the token.
        token_hash: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Set another password with the token of a reset.
    Reset {
        /// The user.
        user_id: UserId,
        /// SHA-256 of the token.
        token_hash: String,
        /// Hash of the password.
        password: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Log in, or be refused; both are written down.
    LogIn {
        /// The user.
        user_id: UserId,
        /// The session that would start.
        session_id: SessionId,
        /// What was found out.
        proof: LoginProof,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Give other roles.
    ChangeRoles {
        /// The user.
        user_id: UserId,
        /// The roles.
        role_ids: BTreeSet<RoleId>,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// End every session, and let no other start.
    Deactivate {
        /// The user.
        user_id: UserId,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Let sessions start again.
    Reactivate {
        /// The user.
        user_id: UserId,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Begin to set up a second factor.
    BeginSecondFactor {
        /// The user.
        user_id: UserId,
        /// The secret, in base 32.
        secret: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Prove the second factor.
    EnableSecondFactor {
        /// The user.
        user_id: UserId,
        /// What was found out about the code.
        proof: Proof,
        /// SHA-256 of each recovery code.
        recovery_hashes: BTreeSet<String>,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Ask for the second factor no more.
    DisableSecondFactor {
        /// The user.
        user_id: UserId,
        /// What was found out about the code; `None` where an administrator asks.
        proof: Option<Proof>,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Log in at a foreign provider as well; who is invited accepts thereby, with the invitation's token.
    LinkIdentity {
        /// The user.
        user_id: UserId,
        /// Who that is there.
        identity: ForeignIdentity,
        /// SHA-256 of the invitation's token; `None` where the account is one's own already.
        token_hash: Option<String>,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Log in at foreign providers no more: every session ends.
    UnlinkIdentities {
        /// The user.
        user_id: UserId,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Erase the person.
    Forget {
        /// The user.
        user_id: UserId,
        /// On what ground; it names nobody.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Write down that the person was erased.
    Erase(UserErased),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Totp { .. } => "Totp",
            Self::Recovery { .. } => "Recovery",
            Self::Wrong => "Wrong",
        })
    }
}

impl fmt::Debug for UserCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, user_id) = match self {
            Self::Register(data) => ("Register", &data.user_id),
            Self::Invite { user_id, .. } => ("Invite", user_id),
            Self::Accept { user_id, .. } => ("Accept", user_id),
            Self::ChangeProfile { user_id, .. } => ("ChangeProfile", user_id),
            Self::ChangePassword { user_id, .. } => ("ChangePassword", user_id),
            Self::RequestReset { user_id, .. } => ("RequestReset", user_id),
            Self::Reset { user_id, .. } => ("Reset", user_id),
            Self::LogIn { user_id, .. } => ("LogIn", user_id),
            Self::ChangeRoles { user_id, .. } => ("ChangeRoles", user_id),
            Self::Deactivate { user_id, .. } => ("Deactivate", user_id),
            Self::Reactivate { user_id, .. } => ("Reactivate", user_id),
            Self::BeginSecondFactor { user_id, .. } => ("BeginSecondFactor", user_id),
            Self::EnableSecondFactor { user_id, .. } => ("EnableSecondFactor", user_id),
            Self::DisableSecondFactor { user_id, .. } => ("DisableSecondFactor", user_id),
            Self::LinkIdentity { user_id, .. } => ("LinkIdentity", user_id),
            Self::UnlinkIdentities { user_id, .. } => ("UnlinkIdentities", user_id),
            Self::Forget { user_id, .. } => ("Forget", user_id),
            Self::Erase(data) => ("Erase", &data.user_id),
        };
        write!(f, "{what}({user_id})")
    }
}
