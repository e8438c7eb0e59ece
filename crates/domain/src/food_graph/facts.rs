//! The key data elements that documents declare, shared by commands and events.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{BatchId, IngredientId, LocationId, ProductId, SkuId, SupplierId};
use crate::quantity::{Dimension, Quantity, Unit};

/// What a lot is a lot of. Written as `{"ingredient_id": …}` or `{"product_id": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Item {
    /// An ingredient.
    #[serde(rename = "ingredient_id")]
    Ingredient(IngredientId),
    /// A product.
    #[serde(rename = "product_id")]
    Product(ProductId),
}

impl Item {
    /// The id, whichever kind it is.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Ingredient(id) => id.0,
            Self::Product(id) => id.0,
        }
    }
}

/// A reference document, e.g. type `bill-of-lading`, `purchase-order`, `certificate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentReference {
    /// Kind of document.
    #[serde(rename = "type")]
    pub document_type: String,
    /// Its number.
    pub number: String,
}

/// A receiving, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFacts {
    /// The lot that came in.
    pub batch_id: BatchId,
    /// The traceability lot code.
    pub batch_number: String,
    /// What it is a lot of.
    pub item: Item,
    /// The immediate previous source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_id: Option<SupplierId>,
    /// How much came in.
    pub quantity: Quantity,
    /// Where.
    pub location_id: LocationId,
    /// Event time.
    pub received_at: Timestamp,
    /// Date of production, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_date: Option<Date>,
    /// Expiry date, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Date>,
    /// Serial shipping container code, as on the pallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sscc: Option<String>,
    /// Reference documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentReference>,
}

/// An amount of one lot: an input of a transformation or a line of a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotQuantity {
    /// The lot.
    pub batch_id: BatchId,
    /// How much of it.
    pub quantity: Quantity,
}

/// A lot that a transformation makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFacts {
    /// The new lot.
    pub batch_id: BatchId,
    /// The traceability lot code that is assigned here.
    pub batch_number: String,
    /// What it is a lot of.
    pub item: Item,
    /// The stock keeping unit it is packed as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<SkuId>,
    /// How much was made.
    pub quantity: Quantity,
    /// Date of production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_date: Option<Date>,
    /// Expiry date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Date>,
}

/// A transformation, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformationFacts {
    /// What went in; one lot may stand in several lines.
    pub inputs: Vec<LotQuantity>,
    /// What came out.
    pub outputs: Vec<OutputFacts>,
    /// Where.
    pub location_id: LocationId,
    /// On which line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Event time.
    pub occurred_at: Timestamp,
    /// What was lost on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Quantity>,
    /// Reference documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentReference>,
}

impl TransformationFacts {
    /// Output ÷ input in percent, two decimals, where all lines share one dimension of measure.
    #[must_use]
    pub fn yield_percent(&self) -> Option<Decimal> {
        let total_in = total(self.inputs.iter().map(|line| line.quantity))?;
        let total_out = total(self.outputs.iter().map(|line| line.quantity))?.to(total_in.unit).ok()?;
        let hundred = Decimal::ONE_HUNDRED;
        (!total_in.is_zero()).then(|| (total_out.value * hundred / total_in.value).round_dp(2).normalize())
    }
}

/// The sum of quantities of one dimension, in the first one's unit; `None` where they do not add up.
#[must_use]
pub fn total(quantities: impl IntoIterator<Item = Quantity>) -> Option<Quantity> {
    let mut quantities = quantities.into_iter();
    let first = quantities.next()?;
    quantities.try_fold(first, |sum, next| sum.plus(next).ok())
}

/// The dimension that all quantities share.
#[must_use]
pub fn common_dimension(quantities: impl IntoIterator<Item = Unit>) -> Option<Dimension> {
    let mut units = quantities.into_iter();
    let first = units.next()?.dimension();
    units.all(|unit| unit.dimension() == first).then_some(first)
}

/// A shipping, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentFacts {
    /// What was shipped; one lot may stand in several lines.
    pub lines: Vec<LotQuantity>,
    /// From where.
    pub from_location_id: LocationId,
    /// To where: the consignee.
    pub to_location_id: LocationId,
    /// Event time.
    pub shipped_at: Timestamp,
    /// Serial shipping container code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sscc: Option<String>,
    /// Reference documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentReference>,
}
