//! From the driver's errors to the port's. A message here must never hold a value of a row.

use neo4rs::Neo4jErrorKind;

use super::STORE;
use crate::graph::StoreError;

/// Codes by which the server refuses values, not statements.
const REFUSALS: [&str; 4] = [
    "Neo.ClientError.Schema.ConstraintValidationFailed",
    "Neo.ClientError.Statement.ArgumentError",
    "Neo.ClientError.Statement.ArithmeticError",
    "Neo.ClientError.Statement.TypeError",
];

/// What the server says of such a value; it has no code of its own.
const TOO_LARGE_TO_INDEX: &str = "Property value is too large to index";

/// The server does not answer, or refuses.
pub(super) fn unavailable(reason: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable { store: STORE, reason: reason.to_string() }
}

/// The changes are none that the server can hold.
pub(super) fn unfit(reason: impl std::fmt::Display) -> StoreError {
    StoreError::Unfit { store: STORE, reason: reason.to_string() }
}

/// What is stored is not what this store writes.
pub(super) fn corrupt(reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { store: STORE, reason: reason.to_string() }
}

impl From<neo4rs::Error> for StoreError {
    fn from(error: neo4rs::Error) -> Self {
        match error {
            neo4rs::Error::DeserializationError(error) => corrupt(error),
            error => unavailable(error),
        }
    }
}

impl From<neo4rs::DeError> for StoreError {
    fn from(error: neo4rs::DeError) -> Self {
        corrupt(error)
    }
}

/// What the server did not write of the changes that are projected: refused for what they are, or not done. What it says
/// of a value may quote it, so that only its code is told.
pub(super) fn not_written(error: neo4rs::Error) -> StoreError {
    match &error {
        neo4rs::Error::Neo4j(refused) if REFUSALS.contains(&refused.code()) => unfit(refused.code()),
        neo4rs::Error::Neo4j(refused) if refused.message().starts_with(TOO_LARGE_TO_INDEX) => {
            unfit("a value is larger than an index takes")
        }
        neo4rs::Error::StringTooLong
        | neo4rs::Error::MapTooBig
        | neo4rs::Error::BytesTooBig
        | neo4rs::Error::ListTooLong => unfit(error),
        _ => error.into(),
    }
}

/// Whether the same transaction may succeed when it is tried again: a deadlock, a full memory pool.
pub(super) fn is_transient(error: &neo4rs::Error) -> bool {
    matches!(error, neo4rs::Error::Neo4j(error) if error.kind() == Neo4jErrorKind::Transient)
}
