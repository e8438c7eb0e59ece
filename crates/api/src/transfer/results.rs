//! The line-by-line result file, and the totals.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use uuid::Uuid;

use super::outcome::{LineError, Outcome};
use super::record::{Record, Work};

/// What became of one record, as a line of the result file.
#[derive(Debug, Serialize)]
struct ResultLine<'a> {
    file: &'a str,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_line: Option<u64>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_ids: Option<&'a [Uuid]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "<[LineError]>::is_empty")]
    errors: &'a [LineError],
}

/// How many records ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Recorded by this run; in a dry run, those that would be.
    pub recorded: u64,
    /// Recorded by an earlier run.
    pub repeated: u64,
    /// Not recorded.
    pub refused: u64,
}

impl Totals {
    /// All records.
    #[must_use]
    pub const fn records(self) -> u64 {
        self.recorded + self.repeated + self.refused
    }

    /// Together with others.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            recorded: self.recorded + other.recorded,
            repeated: self.repeated + other.repeated,
            refused: self.refused + other.refused,
        }
    }
}

/// Where results are written, if anywhere.
pub struct Results {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    is_dry_run: bool,
}

impl Results {
    /// Starts a result file, in the place of an older one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn create(path: &Path, is_dry_run: bool) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| {
            format!("cannot write the results to {}; choose another file with --results", path.display())
        })?;
        Ok(Self { path: path.to_owned(), file: Some(BufWriter::new(file)), is_dry_run })
    }

    /// Writes none.
    #[must_use]
    pub fn none(is_dry_run: bool) -> Self {
        Self { path: PathBuf::new(), file: None, is_dry_run }
    }

    /// Writes what became of a record of `file`, and counts it.
    ///
    /// # Errors
    /// Where the result file cannot be written.
    pub fn write(
        &mut self,
        file: &str,
        record: &Record,
        outcome: &Outcome,
        totals: &mut Totals,
    ) -> anyhow::Result<()> {
        let mut line = ResultLine {
            file,
            line: record.line,
            last_line: Some(record.last_line).filter(|last| *last != record.line),
            status: "refused",
            command: command_of(record),
            id: None,
            batch_id: None,
            batch_ids: None,
            position: None,
            code: None,
            detail: None,
            errors: &[],
        };
        match outcome {
            Outcome::Accepted(recorded) => {
                (line.id, line.batch_id) = (Some(recorded.id), recorded.batch_id);
                line.batch_ids = recorded.batch_ids.as_deref();
                // What a dry run takes in stands nowhere.
                line.position = Some(recorded.position).filter(|_| recorded.repeated || !self.is_dry_run);
                if recorded.repeated {
                    line.status = "repeated";
                    totals.repeated += 1;
                } else {
                    line.status = if self.is_dry_run { "accepted" } else { "recorded" };
                    totals.recorded += 1;
                }
            }
            Outcome::Refused(refusal) => {
                (line.code, line.detail) = (Some(refusal.code), Some(refusal.detail()));
                line.errors = &refusal.errors;
                totals.refused += 1;
            }
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = serde_json::to_writer(&mut *file, &line).map_err(std::io::Error::from);
        written
            .and_then(|()| file.write_all(b"\n"))
            .with_context(|| format!("cannot write the results to {}", self.path.display()))
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// Where the result file cannot be written.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().with_context(|| format!("cannot write the results to {}", self.path.display()))
    }
}

fn command_of(record: &Record) -> Option<&str> {
    match &record.work {
        Work::Refused(_) => None,
        Work::Command(command) => Some(&command.name),
        Work::Document(document) => Some(document.kind.command()),
    }
}
