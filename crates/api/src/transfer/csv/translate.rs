//! From the words of a plant to those of the contract, remembering which cell said what.
//!
//! Everything that is wrong with a document is found in one go, so that a person corrects a file once.

use foodflow_projections::graph::StoreError;
use serde_json::{Map, Value, json};

use super::Reading;
use super::columns::Kind;
use super::document::{Document, Row};
use super::draft::Draft;
use crate::bodies::FieldError;
use crate::transfer::names::{self, Names};
use crate::transfer::outcome::{Column, LineError, Refusal};

/// A document in the words of the contract.
#[derive(Debug)]
pub struct Translation {
    /// The body.
    pub body: Value,
    cells: Vec<(String, u64, &'static str)>,
    line: u64,
}

impl Translation {
    /// Where in the file the errors of a body are.
    #[must_use]
    pub fn place(&self, errors: Vec<FieldError>) -> Vec<LineError> {
        let one = |FieldError { pointer, detail }: FieldError| {
            let holds = |part: &str| {
                pointer == part || pointer.strip_prefix(part).is_some_and(|rest| rest.starts_with('/'))
            };
            let cell = self.cells.iter().filter(|(part, ..)| holds(part)).max_by_key(|(part, ..)| part.len());
            let (line, column) = cell.map_or((self.line, None), |(_, line, column)| (*line, Some(*column)));
            LineError {
                line,
                column: column.map(|name| Column::Named(name.to_owned())),
                pointer: None,
                detail,
            }
        };
        errors.into_iter().map(one).collect()
    }
}

/// Why a document has no translation.
#[derive(Debug)]
pub enum Untranslated {
    /// It is wrong.
    Refused(Refusal),
    /// The read model does not answer.
    Store(StoreError),
}

/// Translates a document.
///
/// # Errors
/// Everything that is wrong with it; or that the read model does not answer.
pub async fn translate(
    document: &Document,
    names: &Names,
    reading: &Reading,
) -> Result<Translation, Untranslated> {
    let mut draft = Draft { names, reading, errors: Vec::new(), code: None, cells: Vec::new() };
    draft.errors.extend(document.rows.iter().flat_map(|row| row.problems.iter().cloned()));
    let body = match document.kind {
        Kind::Receipts => draft.receipt(&document.rows[0]).await,
        Kind::Transformations => draft.transformation(document).await,
        Kind::Shipments => draft.shipment(document).await,
    }
    .map_err(Untranslated::Store)?;
    if draft.errors.is_empty() {
        return Ok(Translation { body, cells: draft.cells, line: document.rows[0].line });
    }
    Err(Untranslated::Refused(Refusal { code: draft.code.unwrap_or("invalid-body"), errors: draft.errors }))
}

impl Draft<'_> {
    async fn receipt(&mut self, row: &Row) -> Result<Value, StoreError> {
        let mut body = Map::new();
        self.required(row, "batch_number", "/batch_number");
        self.copy(row, "batch_number", "/batch_number".to_owned(), &mut body);
        let item = match (row.text("ingredient"), row.text("product")) {
            (Some(_), None) => Some(("ingredient", names::Kind::Ingredient)),
            (None, Some(_)) => Some(("product", names::Kind::Product)),
            (given, _) => {
                let detail = if given.is_some() {
                    "fill this or \"ingredient\", not both"
                } else {
                    "fill this or \"product\""
                };
                let column = if given.is_some() { "product" } else { "ingredient" };
                if row.problems.is_empty() {
                    self.wrong(row, column, "invalid-body", detail);
                }
                None
            }
        };
        if let Some((column, kind)) = item {
            let field = format!("{column}_id");
            if let Some(id) = self.name(row, column, kind, &format!("/{field}")).await? {
                body.insert(field, json!(id));
            }
        }
        if let Some(id) = self.name(row, "supplier", names::Kind::Supplier, "/supplier_id").await? {
            body.insert("supplier_id".to_owned(), json!(id));
        }
        body.insert("quantity".to_owned(), json!(self.quantity(row, ["quantity", "unit"], "/quantity")));
        self.place(row, "location", &mut body).await?;
        self.instant(row, "received_at", &mut body);
        self.dates(row, "", &mut body);
        self.copy(row, "sscc", "/sscc".to_owned(), &mut body);
        if let Some(reference) = self.document_reference(row) {
            body.insert("documents".to_owned(), json!([reference]));
            self.cells.push(("/documents/0/type".to_owned(), row.line, "document_type"));
            self.cells.push(("/documents/0/number".to_owned(), row.line, "document_number"));
        }
        Ok(Value::Object(body))
    }

    async fn taken(&mut self, row: &Row, pointer: &str) -> Result<Value, StoreError> {
        let lot = self.lot(row, pointer).await?;
        let quantity = self.quantity(row, ["quantity", "unit"], &format!("{pointer}/quantity"));
        Ok(json!({"batch_id": lot, "quantity": quantity}))
    }

    async fn made(&mut self, row: &Row, at: &str) -> Result<Value, StoreError> {
        let mut output = Map::new();
        self.required(row, "batch_number", at);
        self.copy(row, "batch_number", format!("{at}/batch_number"), &mut output);
        if let Some(item) = self.required(row, "item", &format!("{at}/product_id")) {
            self.cells.push((format!("{at}/ingredient_id"), row.line, "item"));
            let found = self.names.item(item).await;
            if let Some((kind, id)) = self.found(row, "item", found)? {
                output.insert(format!("{}_id", kind.word()), json!(id));
            }
        }
        if let Some(id) = self.name(row, "sku_code", names::Kind::Sku, &format!("{at}/sku_id")).await? {
            output.insert("sku_id".to_owned(), json!(id));
        }
        if row.text("supplier").is_some() {
            self.wrong(row, "supplier", "invalid-body", "what is made here has no supplier; leave it empty");
        }
        let quantity = self.quantity(row, ["quantity", "unit"], &format!("{at}/quantity"));
        output.insert("quantity".to_owned(), json!(quantity));
        self.dates(row, at, &mut output);
        Ok(Value::Object(output))
    }

    async fn transformation(&mut self, document: &Document) -> Result<Value, StoreError> {
        let mut body = Map::new();
        let rows = &document.rows;
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for row in rows {
            match row.text("role").map(str::to_lowercase).as_deref() {
                Some("input") => {
                    for column in ["sku_code", "production_date", "expiry_date"] {
                        if row.text(column).is_some() {
                            let detail = "what is used has its own already; leave it empty";
                            self.wrong(row, column, "invalid-body", detail);
                        }
                    }
                    inputs.push(self.taken(row, &format!("/inputs/{}", inputs.len())).await?);
                }
                Some("output") => outputs.push(self.made(row, &format!("/outputs/{}", outputs.len())).await?),
                Some(other) => {
                    self.wrong(
                        row,
                        "role",
                        "invalid-body",
                        format!("`{other}` is neither `input` nor `output`"),
                    );
                }
                None if row.problems.is_empty() => {
                    self.wrong(row, "role", "invalid-body", "must be `input` or `output`");
                }
                None => {}
            }
        }
        for pointer in ["/inputs", "/outputs"] {
            self.cells.push((pointer.to_owned(), rows[0].line, "role"));
        }
        body.insert("inputs".to_owned(), json!(inputs));
        body.insert("outputs".to_owned(), json!(outputs));
        let telling = self.telling(rows, "location");
        self.place(telling, "location", &mut body).await?;
        let telling = self.telling(rows, "line");
        self.copy(telling, "line", "/line".to_owned(), &mut body);
        let telling = self.telling(rows, "occurred_at");
        self.instant(telling, "occurred_at", &mut body);
        let (loss, unit) = (self.telling(rows, "loss"), self.telling(rows, "loss_unit"));
        let telling = if loss.text("loss").is_some() { loss } else { unit };
        if telling.text("loss").is_some() || telling.text("loss_unit").is_some() {
            body.insert("loss".to_owned(), json!(self.quantity(telling, ["loss", "loss_unit"], "/loss")));
        }
        body.insert("documents".to_owned(), json!([own_number(document)]));
        Ok(Value::Object(body))
    }

    async fn shipment(&mut self, document: &Document) -> Result<Value, StoreError> {
        let mut body = Map::new();
        let rows = &document.rows;
        let mut lines = Vec::new();
        let mut documents = vec![own_number(document)];
        for row in rows {
            lines.push(self.taken(row, &format!("/lines/{}", lines.len())).await?);
            if let Some(reference) = self.document_reference(row).filter(|one| !documents.contains(one)) {
                let at = format!("/documents/{}", documents.len());
                self.cells.push((format!("{at}/type"), row.line, "document_type"));
                self.cells.push((format!("{at}/number"), row.line, "document_number"));
                documents.push(reference);
            }
        }
        body.insert("lines".to_owned(), json!(lines));
        body.insert("documents".to_owned(), json!(documents));
        for column in ["from_location", "to_location"] {
            let telling = self.telling(rows, column);
            self.place(telling, column, &mut body).await?;
        }
        let telling = self.telling(rows, "shipped_at");
        self.instant(telling, "shipped_at", &mut body);
        let telling = self.telling(rows, "sscc");
        self.copy(telling, "sscc", "/sscc".to_owned(), &mut body);
        Ok(Value::Object(body))
    }
}

/// The plant's own number of a document, kept as a reference that can be searched for.
fn own_number(document: &Document) -> Value {
    json!({"type": document.kind.number_column(), "number": document.number})
}
