//! How failures of PostgreSQL become failures of the store.

use foodflow_log::Position;
use sqlx::postgres::PgDatabaseError;

use crate::store::StoreError;

/// The store's name.
pub(super) const STORE: &str = "postgres";

/// Classes of SQLSTATE that are about the data: it cannot be represented, violates a constraint, or exceeds what a
/// program may ask of the server, such as the size of an index entry.
const REFUSALS: [&str; 3] = ["22", "23", "54"];
/// What the codes are called that data meets.
const CONDITIONS: [(&str, &str); 14] = [
    ("22001", "string_data_right_truncation"),
    ("22003", "numeric_value_out_of_range"),
    ("22007", "invalid_datetime_format"),
    ("22008", "datetime_field_overflow"),
    ("22009", "invalid_time_zone_displacement_value"),
    ("22021", "character_not_in_repertoire"),
    ("22P02", "invalid_text_representation"),
    ("22P03", "invalid_binary_representation"),
    ("22P05", "untranslatable_character"),
    ("23502", "not_null_violation"),
    ("23503", "foreign_key_violation"),
    ("23505", "unique_violation"),
    ("23514", "check_violation"),
    ("54000", "program_limit_exceeded"),
];

/// What PostgreSQL did not do. What the server says may quote a row, but never a password.
#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(super) fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => corrupt(error.to_string()),
        error => StoreError::Unavailable { store: STORE, reason: error.to_string() },
    }
}

/// What PostgreSQL did not write of the changes of `table`: refused for what they are, or not done. What the server says
/// of a value may quote it, so that only names are told: of the condition, and of what it is about.
pub(super) fn not_written(table: &str, error: sqlx::Error) -> StoreError {
    let reason = match &error {
        sqlx::Error::Database(refused) => {
            refused.try_downcast_ref().and_then(|refused| refusal(table, refused))
        }
        sqlx::Error::Encode(_) => {
            Some(format!("a value for table {table} is larger than the protocol takes"))
        }
        _ => None,
    };
    match reason {
        Some(reason) => StoreError::Unfit { store: STORE, reason },
        None => unavailable(error),
    }
}

/// Why the data is refused, where it is the data.
fn refusal(table: &str, refused: &PgDatabaseError) -> Option<String> {
    let code = refused.code();
    if !REFUSALS.iter().any(|class| code.starts_with(class)) {
        return None;
    }
    let mut reason = format!("table {table}: SQLSTATE {code}");
    if let Some((_, condition)) = CONDITIONS.iter().find(|(known, _)| *known == code) {
        reason.push_str(&format!(" ({condition})"));
    }
    for (what, name) in [("column", refused.column()), ("constraint", refused.constraint())] {
        if let Some(name) = name {
            reason.push_str(&format!(", {what} {name}"));
        }
    }
    Some(reason)
}

/// What is stored and cannot be read.
pub(super) fn corrupt(reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { store: STORE, reason: reason.into() }
}

/// A position as PostgreSQL holds it: a signed 64-bit integer.
///
/// # Errors
/// `Unavailable` for a position that it cannot hold.
pub(super) fn to_stored(position: Position) -> Result<i64, StoreError> {
    i64::try_from(position.0).map_err(|_| StoreError::Unavailable {
        store: STORE,
        reason: format!("position {position} is beyond what the store can hold"),
    })
}

/// A stored position.
///
/// # Errors
/// `Corrupt` for one below 0.
pub(super) fn from_stored(position: i64) -> Result<Position, StoreError> {
    u64::try_from(position).map(Position).map_err(|_| corrupt(format!("position {position}")))
}

/// What cannot be done, and what to do about it.
pub(super) fn refused(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { store: STORE, reason: reason.into() }
}

/// What cannot be done with the generations that there are.
pub(super) fn wrong_generations(reason: impl Into<String>) -> StoreError {
    StoreError::Generations { store: STORE, reason: reason.into() }
}
