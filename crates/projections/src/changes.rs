//! What a projection may ask of a graph store. Changes are data; stores derive their statements from them.

use std::collections::BTreeMap;

use foodflow_domain::Quantity;
use foodflow_log::Position;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

/// A node label of the traceability graph, as documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// A lot.
    Batch,
    /// An ingredient.
    Ingredient,
    /// A place.
    Location,
    /// A product.
    Product,
    /// A stock keeping unit.
    Sku,
    /// A supplier.
    Supplier,
}

impl Label {
    /// Every label.
    pub const ALL: &'static [Self] =
        &[Self::Batch, Self::Ingredient, Self::Location, Self::Product, Self::Sku, Self::Supplier];

    /// The documented name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "Batch",
            Self::Ingredient => "Ingredient",
            Self::Location => "Location",
            Self::Product => "Product",
            Self::Sku => "SKU",
            Self::Supplier => "Supplier",
        }
    }

    /// Reads the documented name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|label| label.as_str() == name).copied()
    }
}

/// A relationship type: the nine documented ones and those that the domain adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeType {
    /// Product → Ingredient (recipe), Ingredient → Ingredient (composite).
    Contains,
    /// Product → SKU.
    HasSku,
    /// Product → Location (master data), Batch → Location (a lot made there, with quantity).
    ProducedAt,
    /// Ingredient → Supplier.
    SourcedFrom,
    /// Batch → Product.
    OfProduct,
    /// Batch (output) → Batch (input).
    UsesIngredient,
    /// Batch → Location (consignee).
    ShippedTo,
    /// Supplier → Supplier (customer).
    SuppliesTo,
    /// Supplier → Location.
    LocatedAt,
    /// Added: Batch → Ingredient.
    OfIngredient,
    /// Added: Batch → Supplier.
    SuppliedBy,
    /// Added: Batch → SKU.
    OfSku,
    /// Added: Batch → Location (a lot received there, with quantity).
    ReceivedAt,
    /// Added: Batch → Location, with `kind` sample, waste, count or dispose, and quantity.
    AdjustedAt,
}

impl EdgeType {
    /// Every type.
    pub const ALL: &'static [Self] = &[
        Self::Contains,
        Self::HasSku,
        Self::ProducedAt,
        Self::SourcedFrom,
        Self::OfProduct,
        Self::UsesIngredient,
        Self::ShippedTo,
        Self::SuppliesTo,
        Self::LocatedAt,
        Self::OfIngredient,
        Self::SuppliedBy,
        Self::OfSku,
        Self::ReceivedAt,
        Self::AdjustedAt,
    ];

    /// The relationship's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasSku => "HAS_SKU",
            Self::ProducedAt => "PRODUCED_AT",
            Self::SourcedFrom => "SOURCED_FROM",
            Self::OfProduct => "OF_PRODUCT",
            Self::UsesIngredient => "USES_INGREDIENT",
            Self::ShippedTo => "SHIPPED_TO",
            Self::SuppliesTo => "SUPPLIES_TO",
            Self::LocatedAt => "LOCATED_AT",
            Self::OfIngredient => "OF_INGREDIENT",
            Self::SuppliedBy => "SUPPLIED_BY",
            Self::OfSku => "OF_SKU",
            Self::ReceivedAt => "RECEIVED_AT",
            Self::AdjustedAt => "ADJUSTED_AT",
        }
    }

    /// Reads the relationship's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|edge| edge.as_str() == name).copied()
    }
}

/// A value of a node's property. An absent property is not stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// A whole number.
    Integer(i64),
    /// A float, only where the documented schema says so.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A day.
    Date(Date),
    /// An instant (UTC).
    Instant(Timestamp),
    /// WGS 84 point: latitude, longitude in degrees.
    Point(f64, f64),
}

/// The properties of a node; `None` removes a property.
pub type Properties = BTreeMap<&'static str, Option<Value>>;

/// A node of the graph, by label and id within a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// Its label.
    pub label: Label,
    /// Its id.
    pub id: Uuid,
}

/// An edge as the graph keeps it. Edges are never deleted, only retired.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Its own id, derived from event, ends and line, so that a redelivery writes the same edge.
    pub id: Uuid,
    /// Its type.
    pub edge_type: EdgeType,
    /// Where it starts.
    pub from: NodeKey,
    /// Where it ends.
    pub to: NodeKey,
    /// What it says about an amount: in the unit that was declared. Percent of a recipe is in `percent`.
    pub quantity: Option<Quantity>,
    /// Share in percent of a recipe line or component.
    pub percent: Option<rust_decimal::Decimal>,
    /// For `AdjustedAt`: `sample`, `waste`, `count`, `dispose`.
    pub kind: Option<String>,
    /// Number of the input or line within its event, from 0: the edges from one input to several outputs
    /// share it, and its quantity counts once.
    pub line: u32,
    /// The document that declares it: receipt, transformation, shipment.
    pub document_id: Option<Uuid>,
    /// Event time.
    pub occurred_at: Timestamp,
    /// Recorded time.
    pub recorded_at: Timestamp,
    /// Recorded position.
    pub position: Position,
    /// The event that says so.
    pub event_id: Uuid,
    /// Type of that event.
    pub event_type: String,
    /// The correction that retired it, where one did.
    pub retired: Option<Retirement>,
}

/// When and by what an edge was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// Recorded position of the correction.
    pub position: Position,
    /// Recorded time of the correction.
    pub recorded_at: Timestamp,
    /// The correcting event.
    pub event_id: Uuid,
    /// Type of that event.
    pub event_type: String,
}

/// One change to the graph of one tenant.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Sets properties of a node, which is made where it does not exist.
    MergeNode {
        /// The node.
        key: NodeKey,
        /// Properties to set or remove.
        properties: Properties,
    },
    /// Adds an edge between nodes that exist or are merged in the same batch.
    MergeEdge(Box<Edge>),
    /// Retires every edge of `document_id` with a position lower than the retirement's, not retired yet.
    RetireDocument {
        /// The document that was declared an error.
        document_id: Uuid,
        /// Only edges of these types.
        edge_types: &'static [EdgeType],
        /// When and by what.
        retirement: Retirement,
    },
    /// Retires every edge of these types that starts at `from`, with a lower position, not retired yet.
    RetireFrom {
        /// Where the edges start.
        from: NodeKey,
        /// Only edges of these types.
        edge_types: &'static [EdgeType],
        /// When and by what.
        retirement: Retirement,
    },
}
