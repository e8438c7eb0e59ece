//! The rows of one document, and the command id that they stand for.

use std::collections::BTreeMap;

use foodflow_domain::TenantId;
use foodflow_log::PayloadHash;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::cells;
use super::columns::Kind;
use crate::http::command::command_id;
use crate::transfer::identity::{Unnamed, of_number};
use crate::transfer::outcome::{LineError, Refusal};
use crate::transfer::record::{Identity, Record, Work};
use crate::transfer::touch::{Touch, lot_number};

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its first line, from 1.
    pub line: u64,
    /// Its last line.
    pub last_line: u64,
    /// What stands in its cells, by column; empty ones are left out.
    pub cells: BTreeMap<&'static str, String>,
    /// What is wrong with the row as such.
    pub problems: Vec<LineError>,
}

impl Row {
    /// What stands in a cell; `None` where it is empty.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(String::as_str)
    }
}

/// A receipt, transformation or shipment in the words of the plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// The plant's own number of it, where the kind has one.
    pub number: Option<String>,
    /// Its rows, at least one.
    pub rows: Vec<Row>,
    /// Under which id.
    pub identity: Identity,
}

/// What the hash of a document covers: its cells as they stand, and the zone where a time depends on it.
#[derive(Serialize)]
struct Content<'a> {
    command: &'a str,
    rows: Vec<&'a BTreeMap<&'static str, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'a str>,
}

impl Document {
    /// Names a document.
    ///
    /// # Errors
    /// Where it has a key that cannot be one, or cannot be named.
    pub fn new(
        tenant: TenantId,
        kind: Kind,
        number: Option<String>,
        rows: Vec<Row>,
        zone: &TimeZone,
        unnamed: &mut Unnamed,
    ) -> Result<Self, Refusal> {
        let line = rows[0].line;
        let rows_hash = content_hash(kind, &rows, None);
        let is_local = rows.iter().filter_map(|row| row.text(kind.time_column())).any(cells::is_local);
        let zone_name = zone.iana_name().filter(|_| is_local);
        let command_id = match (&number, rows[0].text("key")) {
            (Some(number), _) => of_number(tenant, kind.command(), number),
            (None, Some(key)) => command_id(tenant, key)
                .map_err(|detail| Refusal::invalid_line(LineError::cell(line, "key", detail)))?,
            (None, None) => unnamed
                .next(tenant, rows_hash)
                .map_err(|detail| Refusal::invalid_line(LineError::line(line, detail)))?,
        };
        let identity = Identity { command_id, command_hash: content_hash(kind, &rows, zone_name) };
        Ok(Self { kind, number, rows, identity })
    }

    /// As a record of its file.
    #[must_use]
    pub fn into_record(self) -> Record {
        let numbers = self.rows.iter().filter_map(|row| row.text("batch_number")).map(lot_number);
        let writes = numbers.chain([self.identity.command_id.0]).collect();
        Record {
            line: self.rows[0].line,
            last_line: self.rows.last().map_or(self.rows[0].line, |row| row.last_line),
            touch: Touch { writes, ..Touch::default() },
            work: Work::Document(Box::new(self)),
        }
    }
}

fn content_hash(kind: Kind, rows: &[Row], time_zone: Option<&str>) -> PayloadHash {
    let rows = rows.iter().map(|row| &row.cells).collect();
    let content = Content { command: kind.command(), rows, time_zone };
    // Texts by text keys: nothing in it can fail to be written.
    PayloadHash::of(&serde_json::to_vec(&content).unwrap_or_default())
}
