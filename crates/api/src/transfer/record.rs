//! A record of a file: what is to be carried out, under which command id.

use foodflow_domain::ids::CommandId;
use foodflow_log::PayloadHash;

use super::csv::document::Document;
use super::outcome::Refusal;
use super::touch::Touch;

/// Under which id a record is carried out, so that it counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The command's id.
    pub command_id: CommandId,
    /// Hash of the record as it was given.
    pub command_hash: PayloadHash,
}

/// A record, and where it stands.
#[derive(Debug)]
pub struct Record {
    /// Its first line, from 1.
    pub line: u64,
    /// Its last line.
    pub last_line: u64,
    /// What it asks for.
    pub work: Work,
    /// What it depends on and what depends on it.
    pub touch: Touch,
}

/// What a record asks for.
#[derive(Debug)]
pub enum Work {
    /// Nothing that can be understood.
    Refused(Refusal),
    /// A command in the words of the contract.
    Command(Box<Command>),
    /// A document in the words of the plant.
    Document(Box<Document>),
}

/// A command in the words of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Under which id.
    pub identity: Identity,
    /// Path of the contract without `/v1/`.
    pub name: String,
    /// Its body, as given.
    pub body: String,
}

impl Record {
    /// A record that is refused before it is tried.
    #[must_use]
    pub fn refused(line: u64, refusal: Refusal) -> Self {
        Self { line, last_line: line, work: Work::Refused(refusal), touch: Touch::default() }
    }
}
