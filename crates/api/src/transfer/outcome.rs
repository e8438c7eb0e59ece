//! What became of a record, and how a refusal is told: by line and column.

use foodflow_commands::CommandError;
use serde::Serialize;
use uuid::Uuid;

use crate::bodies::FieldError;
use crate::bodies::named::NamedError;

/// Where in a line something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Column {
    /// The column of a CSV file, by its name.
    Named(String),
    /// The character of an NDJSON line, from 1.
    Character(usize),
}

/// Something that is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineError {
    /// The line, from 1.
    pub line: u64,
    /// The column, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    /// JSON pointer into the body, where the line holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl LineError {
    /// About a whole line.
    pub fn line(line: u64, detail: impl Into<String>) -> Self {
        Self { line, column: None, pointer: None, detail: detail.into() }
    }

    /// About a cell of a CSV file.
    pub fn cell(line: u64, column: &str, detail: impl Into<String>) -> Self {
        Self { column: Some(Column::Named(column.to_owned())), ..Self::line(line, detail) }
    }

    /// For people, e.g. `line 14, column "supplier": no supplier is named "Spicehub"`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { line, detail, .. } = self;
        match (&self.column, self.pointer.as_deref()) {
            (Some(Column::Named(name)), _) => format!("line {line}, column \"{name}\": {detail}"),
            (Some(Column::Character(number)), _) => format!("line {line}, character {number}: {detail}"),
            (None, Some(pointer)) if !pointer.is_empty() => format!("line {line}, {pointer}: {detail}"),
            _ => format!("line {line}: {detail}"),
        }
    }
}

/// Why a record was not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code: those of the HTTP interface, and those of `docs/IMPORT.md`.
    pub code: &'static str,
    /// What is wrong, one or more.
    pub errors: Vec<LineError>,
}

impl Refusal {
    /// A line that is not what the file's format takes.
    #[must_use]
    pub fn invalid_line(error: LineError) -> Self {
        Self { code: "invalid-line", errors: vec![error] }
    }

    /// For people: every error as a sentence.
    #[must_use]
    pub fn detail(&self) -> String {
        self.errors.iter().map(LineError::sentence).collect::<Vec<_>>().join("; ")
    }
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in the log.
    Accepted(Box<Recorded>),
    /// It does not.
    Refused(Refusal),
}

/// A record that stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// True where it stood there before.
    pub repeated: bool,
    /// Id of the document or resource.
    pub id: Uuid,
    /// The lot, of receipts and of what is done to a lot.
    pub batch_id: Option<Uuid>,
    /// The lots that a transformation made.
    pub batch_ids: Option<Vec<Uuid>>,
    /// Log position.
    pub position: u64,
}

/// Why a command is not carried out: for good, or only now.
#[derive(Debug)]
pub enum Failure {
    /// It is refused, with what is wrong where in the body.
    Refused(&'static str, Vec<FieldError>),
    /// A store does not answer or holds something unexpected: no fault of the record.
    Stopped(anyhow::Error),
    /// Others were faster or too many commands wait: worth another try.
    TryAgain(CommandError),
}

impl From<NamedError> for Failure {
    fn from(error: NamedError) -> Self {
        let one = |pointer: &str, detail: String| vec![FieldError { pointer: pointer.to_owned(), detail }];
        match error {
            NamedError::UnknownCommand(_) => Self::Refused("unknown-command", one("", error.to_string())),
            NamedError::InvalidBody(errors) => Self::Refused("invalid-body", errors),
            NamedError::Command(error) => {
                let (code, detail) = (error.code(), error.to_string());
                match &error {
                    CommandError::Refused { pointer, .. }
                    | CommandError::NotFound { pointer, .. }
                    | CommandError::Invalid { pointer, .. } => Self::Refused(code, one(pointer, detail)),
                    CommandError::CommandIdReused => {
                        let detail = "this key stands for another record, which was recorded before";
                        Self::Refused(code, one("", detail.to_owned()))
                    }
                    CommandError::Overloaded { .. } | CommandError::VersionConflict => Self::TryAgain(error),
                    _ => Self::Stopped(error.into()),
                }
            }
        }
    }
}
