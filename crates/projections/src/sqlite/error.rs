//! How failures of SQLite become failures of the store.

use foodflow_log::Position;

use crate::store::StoreError;

/// The store's name.
pub(crate) const STORE: &str = "embedded";

/// The part of SQLite's result codes that says the kind.
const PRIMARY_CODE: i32 = 0xff;
/// SQLite's codes for data that it cannot hold: too big, a constraint, a type.
const REFUSALS: [i32; 3] = [18, 19, 20];

/// What SQLite did not do.
#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => corrupt(error.to_string()),
        error => StoreError::Unavailable { store: STORE, reason: error.to_string() },
    }
}

/// What SQLite did not write of the changes that are projected: refused for what they are, or not done. It names what is
/// violated, and quotes no value.
#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(crate) fn not_written(error: sqlx::Error) -> StoreError {
    let refused = error.as_database_error().filter(|refused| {
        let code = refused.code().and_then(|code| code.parse::<i32>().ok());
        code.is_some_and(|code| REFUSALS.contains(&(code & PRIMARY_CODE)))
    });
    match refused {
        Some(refused) => StoreError::Unfit { store: STORE, reason: refused.message().to_owned() },
        None => unavailable(error),
    }
}

/// What is stored and cannot be read.
pub(crate) fn corrupt(reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { store: STORE, reason: reason.into() }
}

/// A position as SQLite holds it: a signed 64-bit integer.
///
/// # Errors
/// `Unavailable` for a position that it cannot hold.
pub(crate) fn to_stored(position: Position) -> Result<i64, StoreError> {
    i64::try_from(position.0).map_err(|_| StoreError::Unavailable {
        store: STORE,
        reason: format!("position {position} is beyond what the store can hold"),
    })
}

/// A stored position.
///
/// # Errors
/// `Corrupt` for one below 0.
pub(crate) fn from_stored(position: i64) -> Result<Position, StoreError> {
    u64::try_from(position).map(Position).map_err(|_| corrupt(format!("position {position}")))
}
