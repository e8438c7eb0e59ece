//! Lots.

use foodflow_domain::{Quantity, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{NodeView, Page, PageRequest, Relations, one, page, text_filters};
use super::properties::Properties;
use crate::changes::Label;
use crate::graph::{GraphStore, StoreError};
use crate::schema;

/// A lot as it stands today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchView {
    /// Its id.
    pub id: Uuid,
    /// The traceability lot code.
    pub batch_number: String,
    /// What it is a lot of, where that is a product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub product_id: Option<Uuid>,
    /// What it is a lot of, where that is an ingredient.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ingredient_id: Option<Uuid>,
    /// What it is packed as.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sku_id: Option<Uuid>,
    /// The immediate previous source of a received lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub supplier_id: Option<Uuid>,
    /// How much came in or was made.
    #[schema(value_type = schema::Quantity)]
    pub quantity: Quantity,
    /// What it still holds.
    #[schema(value_type = schema::Quantity)]
    pub remaining: Quantity,
    /// `available`, `held`, `recalled`, `consumed` or `disposed`.
    #[schema(value_type = schema::LotStatus)]
    pub status: String,
    /// Date of production.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, nullable = false)]
    pub production_date: Option<Date>,
    /// Expiry date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, nullable = false)]
    pub expiry_date: Option<Date>,
    /// Where it was received or made.
    pub location_id: Uuid,
    /// `received` or `produced`.
    #[schema(value_type = schema::LotOrigin)]
    pub origin: String,
    /// Event time of its origin (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// The line it was made on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub line: Option<String>,
    /// Serial shipping container code of a received lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sscc: Option<String>,
    /// When its origin was declared an error with nothing in its place (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub retired_at: Option<Timestamp>,
    /// Recorded time of its first event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Recorded time of its last event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Version of its stream; the `ETag`.
    pub version: u64,
}

impl NodeView for BatchView {
    const LABEL: Label = Label::Batch;

    fn read(properties: Properties<'_>, _: &Relations) -> Result<Self, StoreError> {
        let stamp = properties.stamp()?;
        Ok(Self {
            id: properties.id(),
            batch_number: properties.text("batch_number")?,
            product_id: properties.optional_id("product_id")?,
            ingredient_id: properties.optional_id("ingredient_id")?,
            sku_id: properties.optional_id("sku_id")?,
            supplier_id: properties.optional_id("supplier_id")?,
            quantity: properties.quantity("quantity_exact")?,
            remaining: properties.quantity("remaining_exact")?,
            status: properties.text("status")?,
            production_date: properties.date("production_date"),
            expiry_date: properties.date("expiry_date"),
            location_id: properties.required_id("location_id")?,
            origin: properties.text("origin")?,
            occurred_at: properties.instant("occurred_at")?,
            line: properties.optional_text("line"),
            sscc: properties.optional_text("sscc"),
            retired_at: properties.optional_instant("retired_at"),
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            version: stamp.version,
        })
    }
}

/// Which lots are listed: those that equal everything given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchFilters {
    /// The traceability lot code.
    pub batch_number: Option<String>,
    /// The documented word.
    pub status: Option<String>,
    /// What it is a lot of.
    pub product_id: Option<Uuid>,
    /// What it is a lot of.
    pub ingredient_id: Option<Uuid>,
    /// The immediate previous source.
    pub supplier_id: Option<Uuid>,
    /// Where it was received or made.
    pub location_id: Option<Uuid>,
}

/// The lot, where it exists.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn batch(
    store: &dyn GraphStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<BatchView>, StoreError> {
    one(store, tenant, id).await
}

/// A page of lots.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn batches(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: BatchFilters,
    request: PageRequest,
) -> Result<Page<BatchView>, StoreError> {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    let filters = text_filters([
        ("batch_number", filters.batch_number),
        ("status", filters.status),
        ("product_id", id(filters.product_id)),
        ("ingredient_id", id(filters.ingredient_id)),
        ("supplier_id", id(filters.supplier_id)),
        ("location_id", id(filters.location_id)),
    ]);
    page(store, tenant, filters, request).await
}
