//! Why a command was not carried out.

use foodflow_domain::{DomainProblem, ProblemKind};
use foodflow_log::LogError;
use foodflow_log::personal::PersonalError;
use uuid::Uuid;

/// A command that was not carried out; nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The domain refuses it.
    #[error("{detail}")]
    Refused {
        /// Stable code.
        code: &'static str,
        /// A sentence for people.
        detail: String,
        /// JSON pointer to the part of the body that is refused; empty for the whole.
        pointer: String,
    },
    /// Something that the command refers to does not exist for the tenant.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
        /// JSON pointer to the reference; empty where the path names it.
        pointer: String,
    },
    /// The body contradicts itself or what it refers to.
    #[error("{detail}")]
    Invalid {
        /// JSON pointer.
        pointer: String,
        /// What is wrong.
        detail: String,
    },
    /// Whoever asks would give, take or take over what they do not hold.
    #[error(
        "this reaches further than the token does, which lacks {}: nobody gives permissions that they do not hold, or \
         changes who holds more",
        quoted(missing)
    )]
    BeyondOwnPermissions {
        /// Names of the permissions that are missing, in order.
        missing: Vec<String>,
        /// JSON pointer; empty where the path names what holds them.
        pointer: String,
    },
    /// Another payload came under a command id that was used.
    #[error("the idempotency key was used for another command; use a new one")]
    CommandIdReused,
    /// The aggregate is not at the version that the client expects.
    #[error("the resource is at version {actual}, not at the expected {expected}; read it again")]
    PreconditionFailed {
        /// What the client expects.
        expected: String,
        /// Where it is.
        actual: u64,
    },
    /// Others kept winning the race for the same aggregates.
    #[error("others changed the same resources at the same time; try again")]
    VersionConflict,
    /// It would write about a person who was forgotten.
    #[error("the person was forgotten, and nothing more is written about them")]
    PersonForgotten,
    /// Too many commands wait.
    #[error("the service is busy; try again in {retry_after_s} s")]
    Overloaded {
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// The log cannot be reached, or its answer was lost for good.
    #[error(
        "the command could not be recorded: {reason}; it is safe to repeat it with the same idempotency key"
    )]
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// A defect of this program or of the log's content.
    #[error("internal error: {reason}")]
    Internal {
        /// What went wrong.
        reason: String,
    },
}

/// Names for a sentence.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl CommandError {
    /// A refusal by the domain, at `pointer` of the body.
    pub fn refused(error: &impl DomainProblem, pointer: impl Into<String>) -> Self {
        let pointer = pointer.into();
        match error.kind() {
            ProblemKind::NotFound { what, id } => Self::NotFound { what, id, pointer },
            ProblemKind::Invalid => Self::Invalid { pointer, detail: error.to_string() },
            ProblemKind::Refused => Self::Refused { code: error.code(), detail: error.to_string(), pointer },
        }
    }

    /// The stable code, with a section in `docs/ERRORS.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            Self::NotFound { .. } => "not-found",
            Self::Invalid { .. } => "invalid-body",
            Self::BeyondOwnPermissions { .. } => "beyond-own-permissions",
            Self::CommandIdReused => "command-id-reused",
            Self::PreconditionFailed { .. } => "precondition-failed",
            Self::VersionConflict => "version-conflict",
            Self::PersonForgotten => "person-forgotten",
            Self::Overloaded { .. } => "overloaded",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal { .. } => "internal",
        }
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Corrupt { .. } => Self::Internal { reason: error.to_string() },
            _ => Self::Unavailable { reason: error.to_string() },
        }
    }
}

impl From<PersonalError> for CommandError {
    fn from(error: PersonalError) -> Self {
        match error {
            PersonalError::Forgotten { .. } => Self::PersonForgotten,
            error if error.is_passing() => Self::Unavailable { reason: error.to_string() },
            error => Self::Internal { reason: error.to_string() },
        }
    }
}
