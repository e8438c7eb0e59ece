//! Why identity refuses a command.

use jiff::Timestamp;
use uuid::Uuid;

use crate::ids::{RoleId, UserId};
use crate::problem::{DomainProblem, ProblemKind};

/// A refusal by an aggregate of identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nothing with this id exists for the tenant.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// Something with this id exists.
    #[error("{what} {id} already exists")]
    AlreadyExists {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// A name or an address that somebody else has.
    #[error("the {what} is taken")]
    Taken {
        /// What kind of name.
        what: &'static str,
    },
    /// A token that was not issued, was used, or is too old.
    #[error("the {what} is not valid: it was used, is too old, or was never issued; ask for a new one")]
    TokenInvalid {
        /// What kind of token.
        what: &'static str,
    },
    /// Something that only an active user may do.
    #[error("user {user_id} is {status}")]
    UserNotActive {
        /// The user.
        user_id: UserId,
        /// What the user is instead.
        status: &'static str,
    },
    /// A reactivation of what is active, an acceptance of what was accepted.
    #[error("{what} {id} is {status} already")]
    AlreadySo {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
        /// What it is.
        status: &'static str,
    },
    /// A password or code after too many wrong ones.
    #[error("too many wrong passwords or codes; try again after {until}")]
    UserLocked {
        /// Until when.
        until: Timestamp,
    },
    /// The tenant would have no administrator left.
    #[error("user {user_id} is the last administrator; make somebody else one first")]
    LastAdministrator {
        /// The user.
        user_id: UserId,
    },
    /// A change to a role that the program defines.
    #[error("role {role_id} is built in and does not change; define another one")]
    RoleBuiltIn {
        /// The role.
        role_id: RoleId,
    },
    /// A permission that there is not.
    #[error("there is no permission `{name}`; `GET /v1/permissions` lists them")]
    UnknownPermission {
        /// Its name.
        name: String,
    },
    /// The second factor was not set up, or is set up already.
    #[error("the second factor is {status}")]
    SecondFactor {
        /// What it is.
        status: &'static str,
    },
    /// A code of the second factor that is wrong, or was used.
    #[error("the code is not right, or was used already; wait for the next one")]
    CodeInvalid,
    /// A password that is not the present one.
    #[error("the present password is not right")]
    PasswordWrong,
    /// A session that has ended.
    #[error("session {session_id} has ended; log in again")]
    SessionEnded {
        /// The session.
        session_id: Uuid,
    },
    /// More identities at foreign providers than a user may have.
    #[error("user {user_id} logs in at {max} foreign providers already, which is as many as may be")]
    TooManyIdentities {
        /// The user.
        user_id: UserId,
        /// How many there may be.
        max: usize,
    },
    /// More keys than a service account may have.
    #[error("service account {id} has {max} keys; revoke one first")]
    TooManyKeys {
        /// The service account.
        id: Uuid,
        /// How many it may have.
        max: usize,
    },
}

impl DomainProblem for IdentityError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::AlreadyExists { .. } => "already-exists",
            Self::Taken { .. } => "name-taken",
            Self::TokenInvalid { .. } => "token-invalid",
            Self::UserNotActive { .. } => "user-not-active",
            Self::AlreadySo { .. } => "already-so",
            Self::UserLocked { .. } => "user-locked",
            Self::LastAdministrator { .. } => "last-administrator",
            Self::RoleBuiltIn { .. } => "role-built-in",
            Self::UnknownPermission { .. } => "unknown-permission",
            Self::SecondFactor { .. } => "second-factor",
            Self::CodeInvalid => "code-invalid",
            Self::PasswordWrong => "password-wrong",
            Self::SessionEnded { .. } => "session-ended",
            Self::TooManyIdentities { .. } => "too-many-identities",
            Self::TooManyKeys { .. } => "too-many-keys",
        }
    }

    fn kind(&self) -> ProblemKind {
        match self {
            Self::NotFound { what, id } => ProblemKind::NotFound { what, id: *id },
            Self::UnknownPermission { .. } => ProblemKind::Invalid,
            _ => ProblemKind::Refused,
        }
    }
}
