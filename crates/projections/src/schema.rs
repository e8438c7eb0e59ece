//! Shapes of answers that belong to other crates or are written in their own way, for the OpenAPI document.

use utoipa::ToSchema;

/// An amount as it is answered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct Quantity {
    /// Exact decimal.
    #[schema(pattern = r"^-?[0-9]+(\.[0-9]+)?$", examples("12.5"))]
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

/// An exact fraction from 0, reduced.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written in its own way")]
pub struct Fraction {
    /// Whole number.
    #[schema(pattern = "^[0-9]+$", examples("1"))]
    numerator: String,
    /// Whole number above 0.
    #[schema(pattern = "^[1-9][0-9]*$", examples("3"))]
    denominator: String,
    /// The nearest float.
    #[schema(minimum = 0)]
    value: f64,
}

/// How a lot stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LotStatus {
    /// It may move.
    Available,
    /// All of it is on hold.
    Held,
    /// It is recalled.
    Recalled,
    /// Nothing is left of it.
    Consumed,
    /// It was destroyed.
    Disposed,
}

/// How a lot came to be.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LotOrigin {
    /// It came in.
    Received,
    /// It was made.
    Produced,
}

/// As known when.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum KnownPoint {
    /// What was recorded up to this position.
    Position(u64),
    /// `now`, or a recorded time.
    Other(String),
}
