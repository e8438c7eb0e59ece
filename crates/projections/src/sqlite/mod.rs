//! What the embedded stores share: a store in SQLite files, one for each generation, whatever is in them.
//!
//! `synchronous=NORMAL` is enough: a power cut may take the last transactions back, each whole and with its checkpoint,
//! and the projection reads them from the log again. The log is the truth; nothing may be known to such a file
//! alone. Every operation looks which generation is live, at the cost of a `stat`: another process may have switched.
//!
//! - [`contents`]: what is in the files of one store: the part that each store writes itself;
//! - [`store`]: the store, as its port says;
//! - [`slot`], [`connections`]: one generation's file and its connections;
//! - [`mod@pointer`]: which generation is live;
//! - [`generations`], [`tenant`]: filling one beside the live one, and switching, also for one tenant;
//! - [`claim`]: checkpoints, and who may write; [`identity`]: which store this is;
//! - [`bulk`], [`error`]: statements for many rows; failures.

pub(crate) mod bulk;
pub(crate) mod claim;
pub(crate) mod connections;
pub mod contents;
pub(crate) mod error;
mod generations;
mod identity;
mod pointer;
mod slot;
pub mod store;
mod tenant;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use self::error::{corrupt, unavailable};
use crate::store::StoreError;

/// An id as its 16 bytes.
pub(crate) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Reads an id.
///
/// # Errors
/// `Corrupt` where the column does not hold 16 bytes.
pub(crate) fn uuid(row: &SqliteRow, column: usize) -> Result<Uuid, StoreError> {
    let bytes: &[u8] = row.try_get(column).map_err(unavailable)?;
    Uuid::from_slice(bytes).map_err(|error| corrupt(error.to_string()))
}

/// Which of the tables and indexes that `definition` makes are not there: all of them where `PRAGMA user_version` is
/// another than `layout`.
///
/// # Errors
/// `Unavailable` where the file cannot be read.
pub(crate) async fn missing_objects(
    connection: &mut SqliteConnection,
    layout: i64,
    definition: &str,
) -> Result<Vec<String>, StoreError> {
    let present: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE (SELECT user_version FROM pragma_user_version) = ?",
    )
    .bind(layout)
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let defined =
        definition.split("IF NOT EXISTS ").skip(1).filter_map(|rest| rest.split_whitespace().next());
    Ok(defined.filter(|name| !present.iter().any(|one| one == name)).map(str::to_owned).collect())
}
