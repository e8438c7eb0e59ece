//! The one writer: takes what waits, writes it in one transaction, answers.
//!
//! Commits that must keep an order among them come as a run, which has a transaction of its own.
//!
//! No answer leaves before its transaction has ended. After any failure the connection is thrown away, so
//! that no half-open transaction can reach the next group.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::watch;

use super::failure::log_error;
use super::file;
use super::group::Group;
use crate::event_log::{AppendError, Appended};
use crate::head::raise;
use crate::queue::{Taken, Taker};

pub(super) struct Writer {
    path: PathBuf,
    connection: Option<SqliteConnection>,
    waiting: Taker,
    head: Arc<watch::Sender<u64>>,
}

impl Writer {
    pub(super) const fn new(
        path: PathBuf,
        connection: SqliteConnection,
        waiting: Taker,
        head: Arc<watch::Sender<u64>>,
    ) -> Self {
        Self { path, connection: Some(connection), waiting, head }
    }

    /// Writes until the log closes and nothing waits; gives back the connection for the last checkpoint.
    pub(super) async fn run(mut self) -> Option<SqliteConnection> {
        while let Some(taken) = self.waiting.take().await {
            // A caller that no longer listens finds out by loading.
            match taken {
                Taken::Group(commits, answers) => {
                    let outcomes = self.write(Group::new(commits)).await;
                    for (answer, outcome) in answers.into_iter().zip(outcomes) {
                        let _ = answer.send(outcome);
                    }
                }
                Taken::Run(after, commits, answer) => {
                    let outcomes = self.write(Group::run(after, commits)).await;
                    let mut outcomes = outcomes.into_iter().map(|one| one.map(|appended| appended.last));
                    let _ = answer.send(outcomes.try_fold(after, |_, last| last));
                }
            }
            // Those just answered often have their next commit ready: let them queue up for one group.
            tokio::task::yield_now().await;
        }
        self.connection
    }

    /// Writes one group; an outcome per commit, in their order.
    async fn write(&mut self, mut group: Group) -> Vec<Result<Appended, AppendError>> {
        match self.transact(&mut group).await {
            Ok(()) => {
                if let Some(last) = group.last() {
                    raise(&self.head, last);
                }
                group.into_outcomes()
            }
            Err(failure) => {
                if let Some(connection) = self.connection.take() {
                    // Its own failure adds nothing: the next connection starts from what the file holds.
                    let _ = connection.close().await;
                }
                self.failed(group, &failure)
            }
        }
    }

    async fn transact(&mut self, group: &mut Group) -> Result<(), Failure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(file::connect_writer(&self.path).await.map_err(Failure::NothingAppended)?),
        };
        group.begin(connection).await.map_err(Failure::NothingAppended)?;
        if group.last().is_none() {
            let rollback = sqlx::query("ROLLBACK").execute(&mut *connection).await;
            return rollback.map(drop).map_err(Failure::NothingAppended);
        }
        group.insert(connection).await.map_err(Failure::NothingAppended)?;
        let commit = sqlx::query("COMMIT").execute(&mut *connection).await;
        commit.map(drop).map_err(Failure::OutcomeUnknown)
    }

    fn failed(&self, group: Group, failure: &Failure) -> Vec<Result<Appended, AppendError>> {
        let commits = group.len();
        match failure {
            Failure::NothingAppended(error) => {
                let reason = log_error(&self.path, error);
                tracing::error!(commits, error = %reason, "a group of commits was not written");
                (0..commits).map(|_| Err(AppendError::Log(reason.clone()))).collect()
            }
            Failure::OutcomeUnknown(error) => {
                let reason = log_error(&self.path, error).to_string();
                tracing::error!(commits, error = %reason, "the outcome of a group of commits is unknown");
                let outcomes = group.into_outcomes().into_iter();
                outcomes
                    .map(|one| one.and_then(|_| Err(AppendError::Unknown { reason: reason.clone() })))
                    .collect()
            }
        }
    }
}

/// How a group's transaction went wrong.
enum Failure {
    /// Before its COMMIT: SQLite has dropped all of it.
    NothingAppended(sqlx::Error),
    /// At its COMMIT: it may be on disk.
    OutcomeUnknown(sqlx::Error),
}
