//! The files of the embedded log: finding, creating and recognising them.
//!
//! A file that this program does not know is never changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::failure::{code, log_error, primary_code};
use crate::event_log::LogError;

/// What a file of this program is made of, and known by.
pub(super) struct Layout {
    /// What it is, for people.
    what: &'static str,
    schema: &'static str,
    /// `PRAGMA application_id`.
    application_id: i64,
    /// `PRAGMA user_version` that this program writes.
    version: i64,
}

/// The log itself: `FFLG`.
pub(super) const LOG: Layout = Layout {
    what: "event log",
    schema: include_str!("../../../../schemas/embedded/log.sql"),
    application_id: 0x4646_4C47,
    version: 1,
};
/// The records beside it: `FFRC`.
pub(super) const RECORDS: Layout = Layout {
    what: "file of records",
    schema: include_str!("../../../../schemas/embedded/records.sql"),
    application_id: 0x4646_5243,
    version: 1,
};
/// How long a statement waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Switching a new file to WAL cannot wait for another process, so opening tries again: for 5 s at most.
const OPEN_TRIES: u32 = 100;
const OPEN_RETRY: Duration = Duration::from_millis(50);

/// What every connection to the file at `path` has in common.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// A connection of the writer, to a file that [`open`] has accepted.
pub(super) async fn connect_writer(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(path)
        // KiB, negative by SQLite's convention: the ends of streams lie all over the index.
        .pragma("cache_size", "-16384")
        // Pages: 16 MiB of WAL before it is copied into the file.
        .pragma("wal_autocheckpoint", "4000")
        // Bytes of WAL that are kept after a burst.
        .pragma("journal_size_limit", "67108864")
        .connect()
        .await
}

/// Opens the log's file at `path` for writing, and creates it with its folder where there is none.
pub(super) async fn open(path: &Path) -> Result<SqliteConnection, LogError> {
    prepare(path, &LOG).await?;
    connect_writer(path).await.map_err(|error| cannot_open(path, &LOG, &error))
}

/// Makes sure that a file of this layout is at `path`, and creates it with its folder where there is none.
pub(super) async fn prepare(path: &Path, layout: &Layout) -> Result<(), LogError> {
    create_folder(path).await?;
    let mut tries = 1;
    loop {
        match accept(path, layout).await {
            Ok(None) => return Ok(()),
            Ok(Some(reason)) => return Err(LogError::Configuration { reason }),
            Err(error) if primary_code(&error) == Some(code::BUSY) && tries < OPEN_TRIES => {
                tries += 1;
                tokio::time::sleep(OPEN_RETRY).await;
            }
            Err(error) => return Err(cannot_open(path, layout, &error)),
        }
    }
}

fn cannot_open(path: &Path, layout: &Layout, error: &sqlx::Error) -> LogError {
    let (shown, what) = (path.display(), layout.what);
    let reason = match primary_code(error) {
        Some(code::NOTADB) => format!("{shown} is not a FoodFlow {what}: {error}. Choose another file"),
        Some(code::CANTOPEN) => format!(
            "{shown} cannot be opened: {error}. It must be a file, and this user must be able to write to its folder"
        ),
        Some(code::READONLY) => {
            format!(
                "{shown} cannot be written: {error}. This user must be able to write to the file and its folder"
            )
        }
        _ => return log_error(path, error),
    };
    LogError::Configuration { reason }
}

/// Creates the file's folder and makes sure that its name is on disk, as SQLite does for the file only.
async fn create_folder(path: &Path) -> Result<(), LogError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let missing: Vec<PathBuf> =
        folder.ancestors().take_while(|one| !one.exists()).map(Path::to_owned).collect();
    let created = async {
        tokio::fs::create_dir_all(folder).await?;
        if cfg!(unix) {
            for parent in missing.iter().filter_map(|one| one.parent()) {
                tokio::fs::File::open(parent).await?.sync_all().await?;
            }
        }
        std::io::Result::Ok(())
    };
    created.await.map_err(|error| LogError::Configuration {
        reason: format!(
            "the folder {} cannot be created: {error}. Choose one that this user may write to",
            folder.display()
        ),
    })
}

/// Lays a new file out; answers why the file cannot be of this layout, if so.
async fn accept(path: &Path, layout: &Layout) -> Result<Option<String>, sqlx::Error> {
    let mut connection = options(path).create_if_missing(true).connect().await?;
    // Looked at before anything is locked or changed: the file may belong to another program.
    let mut refusal = Identity::of(&mut connection).await?.refusal(path, layout);
    if refusal.is_none() {
        refusal = lay_out(&mut connection, path, layout).await?;
    }
    connection.close().await?;
    Ok(refusal)
}

async fn lay_out(
    connection: &mut SqliteConnection,
    path: &Path,
    layout: &Layout,
) -> Result<Option<String>, sqlx::Error> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await?;
    if mode != "wal" {
        return Ok(Some(format!(
            "{} is on a file system without SQLite's write-ahead log (it stays in mode `{mode}`). Choose a local disk",
            path.display()
        )));
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let identity = Identity::of(&mut transaction).await?;
    if identity.is_new() {
        sqlx::raw_sql(layout.schema).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(identity.refusal(path, layout))
}

/// What an SQLite file says of itself.
struct Identity {
    application: i64,
    version: i64,
    objects: i64,
}

impl Identity {
    async fn of(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let (application, version, objects) = sqlx::query_as(
            "SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
             FROM pragma_application_id a, pragma_user_version v",
        )
        .fetch_one(connection)
        .await?;
        Ok(Self { application, version, objects })
    }

    const fn is_new(&self) -> bool {
        self.application == 0 && self.version == 0 && self.objects == 0
    }

    fn refusal(&self, path: &Path, layout: &Layout) -> Option<String> {
        let (shown, what) = (path.display(), layout.what);
        if self.is_new() {
            return None;
        }
        if self.application != layout.application_id {
            return Some(format!(
                "{shown} is a database of another program, not a FoodFlow {what}. Choose another file"
            ));
        }
        (self.version != layout.version).then(|| {
            let (found, known) = (self.version, layout.version);
            format!(
                "{shown} has schema version {found}, and this program knows version {known}. \
                 Use the FoodFlow version that wrote it, or a newer one"
            )
        })
    }
}
