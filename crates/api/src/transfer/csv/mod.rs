//! A plant's own files: receipts, transformations and shipments, a row each or grouped by the plant's number.
//!
//! - [`columns`]: the documented columns, and which of them a file has;
//! - [`split`]: from lines to rows of cells;
//! - [`cells`]: what stands in a cell;
//! - [`document`]: the rows of one document, and its command id;
//! - `draft`: what every translation does;
//! - [`translate`]: from names and numbers to the words of the contract;
//! - this file: from a file to its documents.

pub mod cells;
pub mod columns;
pub mod document;
mod draft;
pub mod split;
pub mod translate;

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use foodflow_domain::TenantId;
use jiff::tz::TimeZone;

use super::identity::Unnamed;
use super::outcome::{LineError, Refusal};
use super::record::Record;
use columns::{Header, Kind, read_header};
use document::{Document, Row};
use split::{RawRow, Rows};

/// Most rows of one document: more lots than an operation takes.
const DOCUMENT_ROWS_MAX: usize = 1_000;

/// How the cells of a file are read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The zone of times that are written without an offset.
    pub zone: TimeZone,
    /// Whether `12,5` is a number: where semicolons delimit cells.
    pub takes_comma: bool,
}

/// The documents of a file.
pub struct Documents<R> {
    rows: Rows<R>,
    header: Header,
    tenant: TenantId,
    zone: TimeZone,
    unnamed: Unnamed,
    ahead: Option<Row>,
}

/// Why a file is not read at all.
#[derive(Debug)]
pub enum Unreadable {
    /// It cannot be read.
    Io(io::Error),
    /// Its header is not understood.
    Header(Refusal),
}

impl<R: BufRead> Documents<R> {
    /// Reads the header of a file whose cells are delimited so; its kind where it is given rather than found.
    ///
    /// # Errors
    /// Where the file cannot be read, or its header is not understood.
    pub fn open(
        reader: R,
        tenant: TenantId,
        delimiter: u8,
        kind: Option<Kind>,
        zone: TimeZone,
    ) -> Result<Self, Unreadable> {
        let mut rows = Rows::new(reader, delimiter);
        let refuse =
            |line, detail: &str| Unreadable::Header(Refusal::invalid_line(LineError::line(line, detail)));
        let Some(RawRow { line, cells, .. }) = rows.next_row().map_err(Unreadable::Io)? else {
            return Err(refuse(1, "the file is empty; its first line must name the columns"));
        };
        let cells = cells.map_err(|detail| refuse(line, &detail))?;
        let cells: Result<Vec<String>, _> = cells.into_iter().map(String::from_utf8).collect();
        let cells = cells.map_err(|_| refuse(line, NOT_UTF8))?;
        let header = read_header(&cells, kind).map_err(|errors| {
            let errors =
                errors.iter().map(|(column, detail)| LineError::cell(line, column, detail)).collect();
            Unreadable::Header(Refusal { code: "invalid-header", errors })
        })?;
        Ok(Self { rows, header, tenant, zone, unnamed: Unnamed::default(), ahead: None })
    }

    /// What the file holds.
    pub const fn kind(&self) -> Kind {
        self.header.kind
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let Some(first) = self.row()? else { return Ok(None) };
        let kind = self.header.kind;
        let Some(column) = kind.number_column() else {
            return Ok(Some(self.record(None, vec![first])));
        };
        let Some(number) = first.text(column).map(str::to_owned) else {
            let mut errors = first.problems;
            if errors.is_empty() {
                errors.push(LineError::cell(
                    first.line,
                    column,
                    "must not be empty: it says what the row belongs to",
                ));
            }
            return Ok(Some(Record::refused(first.line, Refusal { code: "invalid-line", errors })));
        };
        let mut rows = vec![first];
        let mut left_out = 0_usize;
        while let Some(row) = self.row()? {
            if row.text(column) != Some(&number) {
                self.ahead = Some(row);
                break;
            }
            if rows.len() < DOCUMENT_ROWS_MAX {
                rows.push(row);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            let detail = format!("{column} `{number}` has more than {DOCUMENT_ROWS_MAX} rows");
            let line = rows[0].line;
            rows[0].problems.push(LineError::cell(line, column, detail));
        }
        Ok(Some(self.record(Some(number), rows)))
    }

    fn record(&mut self, number: Option<String>, rows: Vec<Row>) -> Record {
        let line = rows[0].line;
        match Document::new(self.tenant, self.header.kind, number, rows, &self.zone, &mut self.unnamed) {
            Ok(document) => document.into_record(),
            Err(refusal) => Record::refused(line, refusal),
        }
    }

    fn row(&mut self) -> io::Result<Option<Row>> {
        if let Some(row) = self.ahead.take() {
            return Ok(Some(row));
        }
        Ok(self.rows.next_row()?.map(|raw| read_row(&self.header, raw)))
    }
}

const NOT_UTF8: &str = "is not UTF-8; save the file as \"CSV UTF-8\"";

fn read_row(header: &Header, raw: RawRow) -> Row {
    let RawRow { line, last_line, cells } = raw;
    let mut row = Row { line, last_line, cells: BTreeMap::new(), problems: Vec::new() };
    let cells = match cells {
        Ok(cells) => cells,
        Err(detail) => {
            row.problems.push(LineError::line(line, detail));
            return row;
        }
    };
    if cells.len() > header.columns.len() {
        let detail = format!(
            "{} cells under {} columns; put a cell that contains the delimiter in quotation marks",
            cells.len(),
            header.columns.len()
        );
        row.problems.push(LineError::line(line, detail));
    }
    for (cell, column) in cells.into_iter().zip(&header.columns) {
        let name = column.unwrap_or("");
        match String::from_utf8(cell) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => match column {
                Some(column) => {
                    row.cells.insert(column, text.trim().to_owned());
                }
                None => row.problems.push(LineError::cell(
                    line,
                    name,
                    "the column has no name, so it must be empty",
                )),
            },
            Err(_) => row.problems.push(LineError::cell(line, name, NOT_UTF8)),
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::super::record::Work;
    use super::*;

    const SHIPMENTS: &str = "shipment,batch_number,quantity,unit,from_location,to_location,shipped_at\n";

    fn read(text: &str) -> Vec<Record> {
        let documents = Documents::open(text.as_bytes(), TenantId::of_slug("a"), b',', None, TimeZone::UTC);
        let mut documents = documents.map_err(|_| "unreadable").unwrap();
        std::iter::from_fn(|| documents.next_record().unwrap()).collect()
    }

    fn document(record: &Record) -> &Document {
        match &record.work {
            Work::Document(document) => document,
            work => panic!("no document: {work:?}"),
        }
    }

    #[test]
    fn adjoining_rows_of_one_number_are_one_document() {
        let text = format!(
            "{SHIPMENTS}S1,L1,5,KGM,A,B,2026-03-01T08:00:00Z\nS1,L2,5,KGM,,,\n\nS2,L1,1,KGM,A,B,2026-03-02 08:00\n"
        );
        let records = read(&text);
        let spans: Vec<_> = records.iter().map(|record| (record.line, record.last_line)).collect();
        assert_eq!(spans, [(2, 3), (5, 5)]);
        assert_eq!(document(&records[0]).rows.len(), 2);
        let again = read(&text.replace("L2", "L9"));
        let ids = |records: &[Record]| records.iter().map(|r| document(r).identity).collect::<Vec<_>>();
        assert_eq!(ids(&records)[0].command_id, ids(&again)[0].command_id, "the number names it");
        assert_ne!(
            ids(&records)[0].command_hash,
            ids(&again)[0].command_hash,
            "and its content is told apart"
        );
        assert_eq!(ids(&records)[1], ids(&again)[1]);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_refused_alone() {
        let text = format!(
            "{SHIPMENTS},L1,5,KGM,A,B,\nS1,L1,5,KGM,A,B,2026-03-01T08:00:00Z,x\n\"S2,L1\nS3,L1,1,KGM,A,B,2026-03-02T08:00:00Z\n"
        );
        let records = read(&text);
        let detail = |record: &Record| match &record.work {
            Work::Refused(refusal) => refusal.detail(),
            work => panic!("taken: {work:?}"),
        };
        assert!(detail(&records[0]).starts_with("line 2, column \"shipment\": must not be empty"));
        assert!(!document(&records[1]).rows[0].problems.is_empty());
        assert!(detail(&records[2]).contains("not closed"), "{}", detail(&records[2]));
        assert_eq!(document(&records[3]).number.as_deref(), Some("S3"));
    }
}
