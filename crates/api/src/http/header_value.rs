//! Headers of which a request may carry one.

use axum::http::{HeaderMap, HeaderValue};

use super::problem::Problem;

/// The value of a header, where there is one.
///
/// # Errors
/// Where it is given twice: which of them counts, nobody could tell.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Problem::invalid_parameter(name, "is given twice")),
    }
}
