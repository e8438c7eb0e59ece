//! Stock keeping units.

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{NodeView, Page, PageRequest, Relations, one, page, text_filters};
use super::properties::Properties;
use crate::changes::Label;
use crate::graph::{GraphStore, StoreError};

/// A stock keeping unit as it stands today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SkuView {
    /// Its id.
    pub id: Uuid,
    /// The product that it packs.
    pub product_id: Uuid,
    /// Code, unique within the tenant.
    pub sku_code: String,
    /// Size of the pack.
    pub size: String,
    /// Unit of the size.
    pub unit: String,
    /// Recorded time of its first event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Recorded time of its last event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Version of its stream; the `ETag`.
    pub version: u64,
}

impl NodeView for SkuView {
    const LABEL: Label = Label::Sku;

    fn read(properties: Properties<'_>, _: &Relations) -> Result<Self, StoreError> {
        let stamp = properties.stamp()?;
        Ok(Self {
            id: properties.id(),
            product_id: properties.required_id("product_id")?,
            sku_code: properties.text("sku_code")?,
            size: properties.text("size")?,
            unit: properties.text("unit")?,
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            version: stamp.version,
        })
    }
}

/// Which stock keeping units are listed: those that equal everything given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkuFilters {
    /// The product that it packs.
    pub product_id: Option<Uuid>,
    /// Its code.
    pub sku_code: Option<String>,
}

/// The stock keeping unit, where it exists.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn sku(store: &dyn GraphStore, tenant: TenantId, id: Uuid) -> Result<Option<SkuView>, StoreError> {
    one(store, tenant, id).await
}

/// A page of stock keeping units.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn skus(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: SkuFilters,
    request: PageRequest,
) -> Result<Page<SkuView>, StoreError> {
    let filters = text_filters([
        ("product_id", filters.product_id.map(|id| id.to_string())),
        ("sku_code", filters.sku_code),
    ]);
    page(store, tenant, filters, request).await
}
