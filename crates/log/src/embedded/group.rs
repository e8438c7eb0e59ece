//! One group of commits in one transaction.
//!
//! Each commit is decided on its own, in order, against the ends of the streams inside the transaction: a
//! commit that lost its race is left out, and its neighbours go on. A run is written whole or not at all.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use foodflow_domain::TenantId;
use sqlx::{Row, SqliteConnection};

use super::reader::key;
use crate::event_log::{AppendError, Appended, Commit, NewMessage, Partition, Position};

/// Most rows of one INSERT: beyond some dozens, more rows per statement gain nothing.
const INSERT_ROWS_MAX: usize = 64;

/// Takes the write lock, then answers the head (key -1) and the end of each asked stream (its index) that
/// is not where its first commit expects it. Ordinarily none: that keeps the answer at one row.
const BEGIN_AND_ENDS: &str = "BEGIN IMMEDIATE;
SELECT -1, (SELECT coalesce(max(position), 0) FROM message)
UNION ALL
SELECT key, position FROM (
    SELECT asked.key, asked.value ->> 2 AS expected, coalesce((
        SELECT position FROM message WHERE tenant = unhex(asked.value ->> 0) AND stream = asked.value ->> 1
        ORDER BY message.expected DESC LIMIT 1), 0) AS position
    FROM json_each(?1) AS asked)
WHERE position <> expected";

/// The INSERT of `n` rows, at index `n - 1`. Few texts, so that SQLite prepares each only once.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut sql =
        "INSERT INTO message (position, tenant, stream, expected, recorded_at, payload) VALUES ".to_owned();
    let mut separator = "";
    let one_more = |_| {
        // Writing to a string cannot fail.
        let _ = write!(sql, "{separator}(?, ?, ?, ?, ?, ?)");
        separator = ", ";
        sql.clone()
    };
    (0..INSERT_ROWS_MAX).map(one_more).collect()
});

/// A message of the group that is to be written.
struct Accepted {
    commit: usize,
    message: usize,
    stream: usize,
    position: u64,
}

/// Commits on their way through one transaction.
pub(super) struct Group {
    commits: Vec<Commit>,
    /// Where the log must end, in front of a run.
    after: Option<Position>,
    /// Each touched stream once.
    streams: Streams,
    /// Per commit, per message: index in `streams`.
    touched: Vec<Vec<usize>>,
    outcomes: Vec<Result<Appended, AppendError>>,
    accepted: Vec<Accepted>,
}

/// The touched streams of a group, by number.
#[derive(Default)]
struct Streams {
    numbers: HashMap<(TenantId, String), usize>,
    /// The stream as text; what its first commit expects.
    asked: Vec<(TenantId, String, u64)>,
}

impl Streams {
    fn number_of(&mut self, tenant: TenantId, message: &NewMessage) -> usize {
        let next = self.asked.len();
        let stream = message.stream.to_string();
        let number = *self.numbers.entry((tenant, stream.clone())).or_insert(next);
        if number == next {
            self.asked.push((tenant, stream, message.expected.0));
        }
        number
    }

    fn to_json(&self) -> String {
        let asked = self.asked.iter().map(|(tenant, stream, expected)| {
            serde_json::json!([tenant.0.simple().to_string(), stream, expected])
        });
        serde_json::Value::from_iter(asked).to_string()
    }
}

impl Group {
    pub(super) fn new(commits: Vec<Commit>) -> Self {
        Self::of(None, commits)
    }

    /// Commits that stand or fall together, in this order behind `after`.
    pub(super) fn run(after: Position, commits: Vec<Commit>) -> Self {
        Self::of(Some(after), commits)
    }

    fn of(after: Option<Position>, commits: Vec<Commit>) -> Self {
        let mut streams = Streams::default();
        let touched = commits
            .iter()
            .map(|commit| commit.messages.iter().map(|one| streams.number_of(commit.tenant, one)).collect())
            .collect();
        Self { commits, after, streams, touched, outcomes: Vec::new(), accepted: Vec::new() }
    }

    /// How many commits it has.
    pub(super) const fn len(&self) -> usize {
        self.commits.len()
    }

    /// Position of the last accepted message, once begun; `None` where every commit was refused.
    pub(super) fn last(&self) -> Option<u64> {
        self.accepted.last().map(|one| one.position)
    }

    /// An outcome per commit, in their order; of a run, those up to the first that is refused.
    pub(super) fn into_outcomes(self) -> Vec<Result<Appended, AppendError>> {
        self.outcomes
    }

    /// Begins the transaction and decides every commit.
    pub(super) async fn begin(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let rows = sqlx::query(BEGIN_AND_ENDS).bind(self.streams.to_json()).fetch_all(connection).await?;
        let mut ends: Vec<u64> = self.streams.asked.iter().map(|(_, _, expected)| *expected).collect();
        let mut head = 0;
        for row in rows {
            let (number, position): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            match usize::try_from(number) {
                Ok(number) => ends[number] = position.cast_unsigned(),
                Err(_) => head = position.cast_unsigned(),
            }
        }
        self.decide(head, ends);
        Ok(())
    }

    fn decide(&mut self, mut head: u64, mut ends: Vec<u64>) {
        if let Some(expected) = self.after.filter(|after| after.0 != head) {
            self.outcomes.push(Err(AppendError::Moved { partition: Partition(0), expected }));
            return;
        }
        for (index, (commit, streams)) in self.commits.iter().zip(&self.touched).enumerate() {
            let moved_on = |(message, stream): &(&NewMessage, &usize)| ends[**stream] != message.expected.0;
            if let Some((lost, _)) = commit.messages.iter().zip(streams).find(moved_on) {
                let (stream, expected) = (lost.stream.clone(), lost.expected);
                self.outcomes.push(Err(AppendError::Conflict { stream, expected }));
                if self.after.is_some() {
                    self.accepted.clear();
                    return;
                }
                continue;
            }
            let first = Position(head + 1);
            for (message, stream) in streams.iter().copied().enumerate() {
                head += 1;
                ends[stream] = head;
                self.accepted.push(Accepted { commit: index, message, stream, position: head });
            }
            self.outcomes.push(Ok(Appended { first, last: Position(head) }));
        }
    }

    /// Writes the accepted messages.
    pub(super) async fn insert(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        for rows in self.accepted.chunks(INSERT_ROWS_MAX) {
            let mut statement = sqlx::query(INSERTS[rows.len() - 1].as_str());
            for row in rows {
                let commit = &self.commits[row.commit];
                let message = &commit.messages[row.message];
                statement = statement
                    .bind(row.position.cast_signed())
                    .bind(key(commit.tenant))
                    .bind(self.streams.asked[row.stream].1.clone())
                    .bind(message.expected.0.cast_signed())
                    .bind(commit.recorded_at.as_microsecond())
                    .bind(message.payload.to_vec());
            }
            statement.execute(&mut *connection).await?;
        }
        Ok(())
    }
}
