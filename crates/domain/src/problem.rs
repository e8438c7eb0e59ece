//! A refusal by the domain: a stable code for programs, a sentence for people.

use uuid::Uuid;

/// A refusal that every interface can show.
///
/// `code` is stable and has a section in `docs/ERRORS.md`; the error's `Display` says what to do.
pub trait DomainProblem: std::error::Error + Send + Sync + 'static {
    /// Stable code, such as `batch-held`.
    fn code(&self) -> &'static str;

    /// What kind of refusal it is.
    fn kind(&self) -> ProblemKind {
        ProblemKind::Refused
    }
}

/// What kind of refusal a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A rule of the domain speaks against it.
    Refused,
    /// The command contradicts itself or what it refers to.
    Invalid,
    /// Nothing with this id exists for the tenant.
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
}
