//! What every translation of a document does: reads cells, looks names up, and notes what is wrong where.

use foodflow_projections::graph::StoreError;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Reading;
use super::cells;
use super::document::Row;
use crate::transfer::names::{self, NameError, Names};
use crate::transfer::outcome::LineError;

/// A translation in the making.
pub(super) struct Draft<'a> {
    pub(super) names: &'a Names,
    pub(super) reading: &'a Reading,
    pub(super) errors: Vec<LineError>,
    /// The code of the refusal, where every error has the same.
    pub(super) code: Option<&'static str>,
    pub(super) cells: Vec<(String, u64, &'static str)>,
}

impl Draft<'_> {
    pub(super) fn wrong(&mut self, row: &Row, column: &str, code: &'static str, detail: impl Into<String>) {
        self.code = if self.errors.is_empty() || self.code == Some(code) { Some(code) } else { None };
        self.errors.push(LineError::cell(row.line, column, detail));
    }

    /// A cell that must not be empty; notes that it says what stands at `pointer`.
    pub(super) fn required<'r>(
        &mut self,
        row: &'r Row,
        column: &'static str,
        pointer: &str,
    ) -> Option<&'r str> {
        self.cells.push((pointer.to_owned(), row.line, column));
        let text = row.text(column);
        // Where the row itself cannot be read, that is said already.
        if text.is_none() && row.problems.is_empty() {
            self.wrong(row, column, "invalid-body", "must not be empty");
        }
        text
    }

    pub(super) fn read<T>(
        &mut self,
        row: &Row,
        column: &'static str,
        pointer: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.cells.push((pointer.to_owned(), row.line, column));
        match read(row.text(column)?) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.wrong(row, column, "invalid-body", detail);
                None
            }
        }
    }

    pub(super) fn quantity(&mut self, row: &Row, columns: [&'static str; 2], pointer: &str) -> Option<Value> {
        let [amount, unit] = columns;
        let takes_comma = self.reading.takes_comma;
        self.required(row, unit, &format!("{pointer}/unit"));
        self.required(row, amount, pointer);
        let unit = self.read(row, unit, &format!("{pointer}/unit"), cells::unit);
        let value = self.read(row, amount, pointer, |text| cells::decimal(text, takes_comma));
        Some(json!({"value": value?, "unit": unit?}))
    }

    pub(super) fn instant(&mut self, row: &Row, column: &'static str, body: &mut Map<String, Value>) {
        let zone = self.reading.zone.clone();
        let pointer = format!("/{column}");
        self.required(row, column, &pointer);
        if let Some(at) = self.read(row, column, &pointer, |text| cells::instant(text, &zone)) {
            body.insert(column.to_owned(), json!(at));
        }
    }

    pub(super) fn dates(&mut self, row: &Row, at: &str, body: &mut Map<String, Value>) {
        for column in ["production_date", "expiry_date"] {
            if let Some(date) = self.read(row, column, &format!("{at}/{column}"), cells::date) {
                body.insert(column.to_owned(), json!(date));
            }
        }
    }

    pub(super) fn copy(
        &mut self,
        row: &Row,
        column: &'static str,
        pointer: String,
        body: &mut Map<String, Value>,
    ) {
        if let Some(text) = row.text(column) {
            body.insert(column.to_owned(), json!(text));
        }
        self.cells.push((pointer, row.line, column));
    }

    /// The outcome of looking a name up; an error that is the row's own is noted.
    pub(super) fn found<T>(
        &mut self,
        row: &Row,
        column: &'static str,
        found: Result<T, NameError>,
    ) -> Result<Option<T>, StoreError> {
        match found {
            Ok(value) => Ok(Some(value)),
            Err(NameError::Store(error)) => Err(error),
            Err(NameError::Refused(code, detail)) => {
                self.wrong(row, column, code, detail);
                Ok(None)
            }
        }
    }

    /// What a name stands for; `None` where the cell is empty or wrong.
    pub(super) async fn name(
        &mut self,
        row: &Row,
        column: &'static str,
        kind: names::Kind,
        pointer: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        self.cells.push((pointer.to_owned(), row.line, column));
        let Some(name) = row.text(column) else { return Ok(None) };
        let found = self.names.one(kind, name).await;
        self.found(row, column, found)
    }

    pub(super) async fn place(
        &mut self,
        row: &Row,
        column: &'static str,
        body: &mut Map<String, Value>,
    ) -> Result<(), StoreError> {
        let field = format!("{column}_id");
        let pointer = format!("/{field}");
        self.required(row, column, &pointer);
        if let Some(id) = self.name(row, column, names::Kind::Location, &pointer).await? {
            body.insert(field, json!(id));
        }
        Ok(())
    }

    pub(super) fn document_reference(&mut self, row: &Row) -> Option<Value> {
        match (row.text("document_type"), row.text("document_number")) {
            (Some(kind), Some(number)) => Some(json!({"type": kind, "number": number})),
            (None, None) => None,
            (given, _) => {
                let missing = if given.is_some() { "document_number" } else { "document_type" };
                self.wrong(
                    row,
                    missing,
                    "invalid-body",
                    "a document has a type and a number: fill both or neither",
                );
                None
            }
        }
    }

    /// The row that says what counts for a whole document: the first that fills the cell. Others may repeat it.
    pub(super) fn telling<'r>(&mut self, rows: &'r [Row], column: &'static str) -> &'r Row {
        let mut filled = rows.iter().filter_map(|row| Some((row, row.text(column)?)));
        let Some((first, text)) = filled.next() else { return &rows[0] };
        for (row, _) in filled.filter(|(_, other)| *other != text) {
            let line = first.line;
            let detail = format!("differs from line {line}; it counts for all rows of the document");
            self.wrong(row, column, "invalid-body", detail);
        }
        first
    }

    /// The lot that a row refers to.
    pub(super) async fn lot(&mut self, row: &Row, pointer: &str) -> Result<Option<Uuid>, StoreError> {
        let supplier_id = self.name(row, "supplier", names::Kind::Supplier, pointer).await?;
        let mut item_ids = Vec::new();
        if let Some(item) = row.text("item") {
            item_ids = self.names.find(names::Kind::Product, item).await?;
            item_ids.extend(self.names.find(names::Kind::Ingredient, item).await?);
            if item_ids.is_empty() {
                let found = self.names.item(item).await;
                self.found(row, "item", found.map(|_| ()))?;
                return Ok(None);
            }
        }
        if supplier_id.is_none() && row.text("supplier").is_some() {
            return Ok(None);
        }
        let Some(number) = self.required(row, "batch_number", pointer) else { return Ok(None) };
        let found = self.names.lot(number, &item_ids, supplier_id).await;
        self.found(row, "batch_number", found)
    }
}
