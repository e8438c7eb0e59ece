//! The documented columns of each kind of file (`docs/IMPORT.md`).

use clap::ValueEnum;

/// What a CSV file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One receiving a row.
    Receipts,
    /// One input or output a row, grouped by `transformation`.
    Transformations,
    /// One lot a row, grouped by `shipment`.
    Shipments,
}

/// A documented column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnRule {
    /// Its name.
    pub name: &'static str,
    /// Whether the header must name it.
    pub is_required: bool,
}

const fn required(name: &'static str) -> ColumnRule {
    ColumnRule { name, is_required: true }
}

const fn optional(name: &'static str) -> ColumnRule {
    ColumnRule { name, is_required: false }
}

const RECEIPTS: &[ColumnRule] = &[
    required("batch_number"),
    optional("ingredient"),
    optional("product"),
    optional("supplier"),
    required("quantity"),
    required("unit"),
    required("location"),
    required("received_at"),
    optional("production_date"),
    optional("expiry_date"),
    optional("sscc"),
    optional("document_type"),
    optional("document_number"),
    optional("key"),
];

const TRANSFORMATIONS: &[ColumnRule] = &[
    required("transformation"),
    required("role"),
    required("batch_number"),
    required("item"),
    optional("supplier"),
    required("quantity"),
    required("unit"),
    optional("sku_code"),
    required("location"),
    optional("line"),
    required("occurred_at"),
    optional("loss"),
    optional("loss_unit"),
    optional("production_date"),
    optional("expiry_date"),
];

const SHIPMENTS: &[ColumnRule] = &[
    required("shipment"),
    required("batch_number"),
    optional("item"),
    optional("supplier"),
    required("quantity"),
    required("unit"),
    required("from_location"),
    required("to_location"),
    required("shipped_at"),
    optional("sscc"),
    optional("document_type"),
    optional("document_number"),
];

/// How like two names must be for one to be suggested in the place of the other, 0 to 1.
const LIKENESS_MIN: f64 = 0.7;

impl Kind {
    /// The command that each document becomes.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Receipts => "receipts",
            Self::Transformations => "transformations",
            Self::Shipments => "shipments",
        }
    }

    /// The column with the plant's own number of the document, by which rows are grouped.
    #[must_use]
    pub const fn number_column(self) -> Option<&'static str> {
        match self {
            Self::Receipts => None,
            Self::Transformations => Some("transformation"),
            Self::Shipments => Some("shipment"),
        }
    }

    /// The column with the event time.
    #[must_use]
    pub const fn time_column(self) -> &'static str {
        match self {
            Self::Receipts => "received_at",
            Self::Transformations => "occurred_at",
            Self::Shipments => "shipped_at",
        }
    }

    /// The documented columns.
    #[must_use]
    pub const fn columns(self) -> &'static [ColumnRule] {
        match self {
            Self::Receipts => RECEIPTS,
            Self::Transformations => TRANSFORMATIONS,
            Self::Shipments => SHIPMENTS,
        }
    }
}

/// What the columns of one file are, from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the file holds.
    pub kind: Kind,
    /// Names in the order of the file; `None` for one without a name, which must stay empty.
    pub columns: Vec<Option<&'static str>>,
}

/// Reads the header; `kind` where it is given rather than found.
///
/// # Errors
/// The columns, as the file writes them, with what is wrong with each.
pub fn read_header(cells: &[String], kind: Option<Kind>) -> Result<Header, Vec<(String, String)>> {
    let written: Vec<String> = cells.iter().map(|cell| canonical(cell)).collect();
    let has = |name: &str| written.iter().any(|found| found == name);
    let all = [Kind::Receipts, Kind::Transformations, Kind::Shipments];
    let telling = |kind: &Kind| kind.number_column().map_or_else(|| has(kind.time_column()), has);
    let Some(kind) = kind.or_else(|| all.into_iter().rev().find(telling)) else {
        let detail = "no column tells what the file holds: `received_at`, `transformation` or `shipment`; \
                      name it with --kind, or see docs/IMPORT.md for the columns";
        return Err(vec![(cells.first().cloned().unwrap_or_default(), detail.to_owned())]);
    };
    let mut errors = Vec::new();
    let mut columns: Vec<Option<&'static str>> = Vec::new();
    for (cell, name) in cells.iter().zip(&written) {
        let rule = kind.columns().iter().find(|rule| rule.name == name);
        match rule {
            Some(rule) if columns.contains(&Some(rule.name)) => {
                errors.push((cell.clone(), "the header names this column twice".to_owned()));
            }
            None if !name.is_empty() => errors.push((cell.clone(), unknown(kind, name))),
            _ => {}
        }
        columns.push(rule.map(|rule| rule.name));
    }
    for rule in kind.columns().iter().filter(|rule| rule.is_required && !columns.contains(&Some(rule.name))) {
        errors.push((rule.name.to_owned(), "the header lacks this column".to_owned()));
    }
    if errors.is_empty() { Ok(Header { kind, columns }) } else { Err(errors) }
}

/// A column's name as the documentation writes it.
fn canonical(cell: &str) -> String {
    cell.trim().to_lowercase().replace([' ', '-'], "_")
}

fn unknown(kind: Kind, name: &str) -> String {
    let names: Vec<&str> = kind.columns().iter().map(|rule| rule.name).collect();
    let hint = match nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", names.join(", ")),
    };
    format!("a file of {} has no such column; {hint}", kind.command())
}

/// The most alike of `known`, where any is alike.
#[must_use]
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness =
        |other: &str| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    known
        .iter()
        .map(|other| (likeness(other), *other))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header, Vec<(String, String)>> {
        read_header(&text.split(',').map(str::to_owned).collect::<Vec<_>>(), None)
    }

    #[test]
    fn the_header_tells_what_the_file_holds() {
        let receipts = header("Batch Number,INGREDIENT,quantity,unit,location,Received-At,").unwrap();
        assert_eq!(receipts.kind, Kind::Receipts);
        assert_eq!(receipts.columns[0], Some("batch_number"));
        assert_eq!(receipts.columns[6], None);
        let shipments = "shipment,batch_number,quantity,unit,from_location,to_location,shipped_at";
        assert_eq!(header(shipments).unwrap().kind, Kind::Shipments);
    }

    #[test]
    fn what_the_documentation_does_not_name_is_refused_by_its_name() {
        let errors = header("batch_number,ingredient,quantity,unit,locaton,received_at,unit").unwrap_err();
        let texts: Vec<_> = errors.iter().map(|(column, detail)| format!("{column}: {detail}")).collect();
        assert!(
            texts[0].starts_with("locaton:") && texts[0].ends_with("did you mean `location`?"),
            "{texts:?}"
        );
        assert_eq!(texts[1], "unit: the header names this column twice");
        assert_eq!(texts[2], "location: the header lacks this column");
        assert!(header("name,amount").is_err());
    }
}
