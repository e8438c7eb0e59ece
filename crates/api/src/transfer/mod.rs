//! Import and export of a plant's history: real records in, everything back out.
//!
//! An import goes through the ordinary write path, one command per record, so that nothing can be brought in that
//! could not have been sent over HTTP. What must never happen here: a record that is counted twice because its
//! file was read twice, or one that is dropped without a word.
//!
//! - [`lines`]: lines of bounded length;
//! - [`ndjson`], [`csv`]: from lines to records;
//! - [`record`], [`outcome`]: a record, and what became of it;
//! - [`identity`]: the command id of a record, the same for every run of the same file;
//! - [`names`]: from the names and numbers that a plant uses to ids;
//! - [`touch`]: which records may be carried out side by side;
//! - [`importer`]: carries out one record;
//! - [`schedule`]: carries out a file, in an order that no record can tell from its own;
//! - [`rehearsal`]: a log that takes everything and keeps nothing, for a dry run;
//! - [`results`]: the line-by-line result file;
//! - [`rebuild`]: from the events of a commit back to its command;
//! - [`export`]: a tenant's log as the lines that import reads.

pub mod csv;
pub mod export;
pub mod identity;
pub mod importer;
pub mod lines;
pub mod names;
pub mod ndjson;
pub mod outcome;
pub mod rebuild;
pub mod record;
pub mod rehearsal;
pub mod results;
pub mod schedule;
pub mod touch;
