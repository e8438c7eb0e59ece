//! From the driver's errors to the port's. A message here must never hold a value of a row.

use neo4rs::Neo4jErrorKind;

use super::STORE;
use crate::graph::StoreError;

/// The server does not answer, or refuses.
pub(super) fn unavailable(reason: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable { store: STORE, reason: reason.to_string() }
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

/// Whether the same transaction may succeed when it is tried again: a deadlock, a full memory pool.
pub(super) fn is_transient(error: &neo4rs::Error) -> bool {
    matches!(error, neo4rs::Error::Neo4j(error) if error.kind() == Neo4jErrorKind::Transient)
}
