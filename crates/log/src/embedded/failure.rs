//! What a failure of SQLite means to the caller of the log.

use std::path::Path;

use crate::event_log::LogError;

/// SQLite's primary result codes that this adapter tells apart.
pub(super) mod code {
    pub(in crate::embedded) const BUSY: i32 = 5;
    pub(in crate::embedded) const READONLY: i32 = 8;
    pub(in crate::embedded) const CORRUPT: i32 = 11;
    pub(in crate::embedded) const CANTOPEN: i32 = 14;
    pub(in crate::embedded) const CONSTRAINT: i32 = 19;
    pub(in crate::embedded) const NOTADB: i32 = 26;
}

/// The primary result code of `error`, where SQLite gave one.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// What `error` means for a log that is open.
pub(super) fn log_error(path: &Path, error: &sqlx::Error) -> LogError {
    let place = || path.display().to_string();
    match primary_code(error) {
        Some(code::CORRUPT | code::NOTADB | code::CONSTRAINT) => {
            LogError::Corrupt { place: place(), reason: error.to_string() }
        }
        Some(code::BUSY) => LogError::Unavailable {
            reason: format!("another process has been writing to {} for too long: {error}", place()),
        },
        _ => LogError::Unavailable { reason: format!("{}: {error}", place()) },
    }
}
