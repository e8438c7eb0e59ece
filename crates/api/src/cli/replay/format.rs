//! Events as JSON or as a table, written one by one: nothing is held back.

use std::io::{self, Write as _};

use foodflow_log::Partition;
use serde::Serialize;

use super::Format;
use super::table;
use crate::cli::output::Output;
use crate::http::events::PositionedEvent;

/// Prints events in one format.
pub(super) struct Printer {
    output: Output,
    format: Format,
    shows_partition: bool,
    printed: u64,
}

/// A CloudEvent with its place in the log, as extension attributes.
#[derive(Serialize)]
struct PlacedEvent<'a> {
    #[serde(flatten)]
    event: &'a PositionedEvent,
    partition: Partition,
}

impl Printer {
    pub(super) fn new(output: Output, format: Format, shows_partition: bool) -> Self {
        Self { output, format, shows_partition, printed: 0 }
    }

    pub(super) fn begin(&mut self) -> io::Result<()> {
        match self.format {
            Format::Cloudevents => self.output.write_all(b"["),
            Format::Ndjson => Ok(()),
            Format::Table => writeln!(self.output, "{}", table::header(self.shows_partition)),
        }
    }

    pub(super) fn event(&mut self, partition: Partition, event: &PositionedEvent) -> io::Result<()> {
        match self.format {
            Format::Cloudevents => {
                self.output.write_all(if self.printed == 0 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(&mut self.output, &PlacedEvent { event, partition })?;
            }
            Format::Ndjson => {
                serde_json::to_writer(&mut self.output, &PlacedEvent { event, partition })?;
                self.output.write_all(b"\n")?;
            }
            Format::Table => {
                let shown = self.shows_partition.then_some(partition);
                writeln!(self.output, "{}", table::row(shown, event))?;
            }
        }
        self.printed += 1;
        Ok(())
    }

    /// Ends the output and answers how many events it holds.
    pub(super) fn end(mut self) -> io::Result<u64> {
        if self.format == Format::Cloudevents {
            self.output.write_all(b"\n]\n")?;
        }
        self.output.finish()?;
        Ok(self.printed)
    }
}
