//! What documents declare, by the names of lots, items and places.

use foodflow_domain::Quantity;
use foodflow_domain::food_graph::batch::{Balance, Origin, Status};
use foodflow_domain::food_graph::facts::{Item, LotQuantity, OutputFacts, ReceiptFacts, TransformationFacts};
use foodflow_domain::quantity::parse_decimal;
use jiff::Timestamp;
use uuid::Uuid;

/// The id of what goes by this name.
pub(crate) fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// `2026-` + the rest of a time without seconds, e.g. `03-09 16:20`.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-{}:00Z", text.replace(' ', "T")).parse().unwrap()
}

/// A quantity from e.g. `12.5 KGM`.
pub(crate) fn amount(text: &str) -> Quantity {
    let (value, unit) = text.split_once(' ').unwrap();
    Quantity::new(parse_decimal(value).unwrap(), unit.parse().unwrap())
}

/// An output: lot number, `product …` or `ingredient …`, amount.
pub(crate) type Output<'a> = (&'a str, Item, &'a str);

pub(crate) fn product(name: &str) -> Item {
    Item::Product(id(name).into())
}

pub(crate) fn ingredient(name: &str) -> Item {
    Item::Ingredient(id(name).into())
}

pub(super) fn lines(lines: &[(&str, &str)]) -> Vec<LotQuantity> {
    lines
        .iter()
        .map(|(lot, quantity)| LotQuantity { batch_id: id(lot).into(), quantity: amount(quantity) })
        .collect()
}

/// A lot with so much left.
pub(super) fn after(remaining: Quantity) -> Balance {
    Balance { remaining, status: Status::Available }
}

/// A transformation, as it is declared.
pub(crate) fn mixing(
    inputs: &[(&str, &str)],
    outputs: &[Output<'_>],
    occurred_at: Timestamp,
) -> TransformationFacts {
    let outputs = outputs.iter().map(|&(lot, item, quantity)| OutputFacts {
        batch_id: id(lot).into(),
        batch_number: lot.to_owned(),
        item,
        sku_id: None,
        quantity: amount(quantity),
        production_date: None,
        expiry_date: None,
    });
    TransformationFacts {
        inputs: lines(inputs),
        outputs: outputs.collect(),
        location_id: id("Plant A").into(),
        line: None,
        occurred_at,
        loss: None,
        documents: vec![],
    }
}

pub(super) fn made(document: &str, facts: &TransformationFacts, output: &OutputFacts) -> Origin {
    Origin {
        document_id: id(document),
        batch_number: output.batch_number.clone(),
        item: output.item,
        supplier_id: None,
        sku_id: output.sku_id,
        quantity: output.quantity,
        location_id: facts.location_id,
        line: facts.line.clone(),
        occurred_at: facts.occurred_at,
        production_date: output.production_date,
        expiry_date: output.expiry_date,
        sscc: None,
        documents: vec![],
    }
}

pub(super) fn came(document: &str, facts: &ReceiptFacts) -> Origin {
    Origin {
        document_id: id(document),
        batch_number: facts.batch_number.clone(),
        item: facts.item,
        supplier_id: facts.supplier_id,
        sku_id: None,
        quantity: facts.quantity,
        location_id: facts.location_id,
        line: None,
        occurred_at: facts.received_at,
        production_date: facts.production_date,
        expiry_date: facts.expiry_date,
        sscc: facts.sscc.clone(),
        documents: vec![],
    }
}
