//! Shapes of the contract that belong to other crates, for the OpenAPI document.

use utoipa::ToSchema;
use uuid::Uuid;

/// An amount as a client may write it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct QuantityIn {
    /// Decimal, as a string or a number; at most 12 digits before and 9 after the point.
    #[schema(value_type = DecimalIn)]
    value: String,
    /// UN/ECE Rec 20 code.
    unit: Unit,
}

/// A decimal as a string or a number.
#[derive(ToSchema)]
#[schema(examples("12.5"))]
#[serde(untagged)]
pub enum DecimalIn {
    /// As a string.
    Text(String),
    /// As a number.
    Number(f64),
}

/// An amount as it is answered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct Quantity {
    /// Decimal.
    #[schema(examples("12.5"))]
    value: String,
    /// UN/ECE Rec 20 code.
    unit: Unit,
}

/// UN/ECE Rec 20 codes that are understood.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum Unit {
    /// Milligram.
    Mgm,
    /// Gram.
    Grm,
    /// Kilogram.
    Kgm,
    /// Metric ton.
    Tne,
    /// Pound.
    Lbr,
    /// Ounce.
    Onz,
    /// Millilitre.
    Mlt,
    /// Litre.
    Ltr,
    /// Hectolitre.
    Hlt,
    /// Cubic metre.
    Mtq,
    /// US gallon.
    Gll,
    /// Each.
    Ea,
    /// Case.
    Cs,
    /// Pallet.
    Pf,
}

/// An amount of one lot.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct LotQuantity {
    /// The lot.
    batch_id: Uuid,
    /// How much of it; above 0.
    quantity: QuantityIn,
}

/// A reference document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct DocumentReference {
    /// Kind of document.
    #[schema(rename = "type")]
    document_type: String,
    /// Its number.
    number: String,
}

/// A point on the earth (WGS 84), in degrees.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct Coordinates {
    /// −90 to 90.
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    /// −180 to 180.
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
}

/// How stock is adjusted.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum AdjustmentKind {
    /// Drawn for the laboratory.
    Sample,
    /// Spoiled or spilled.
    Waste,
    /// Physical stock found.
    Count,
}
