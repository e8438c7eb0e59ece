//! A refusal by the domain: a stable code for programs, a sentence for people.

/// A refusal that every interface can show.
///
/// `code` is stable and has a section in `docs/ERRORS.md`; the error's `Display` says what to do.
pub trait DomainProblem: std::error::Error + Send + Sync + 'static {
    /// Stable code, such as `batch-held`.
    fn code(&self) -> &'static str;
}
