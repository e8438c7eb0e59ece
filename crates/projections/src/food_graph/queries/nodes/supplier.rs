//! Suppliers and whom they supply.

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{NodeView, Page, PageRequest, Relations, one, page, text_filters};
use super::properties::Properties;
use crate::changes::{EdgeType, Label};
use crate::graph::{GraphStore, StoreError};

/// A supplier as it stands today.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SupplierView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its country.
    pub country: String,
    /// Risk score of the tenant's own scale, 0 (none) upward.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub risk_score: Option<f64>,
    /// Certifications that it holds.
    pub certifications: Vec<String>,
    /// Whom it supplies.
    pub customer_ids: Vec<Uuid>,
    /// Who supplies it.
    pub supplier_ids: Vec<Uuid>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub location_id: Option<Uuid>,
    /// Recorded time of its first event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Recorded time of its last event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Version of its stream; the `ETag`.
    pub version: u64,
}

impl NodeView for SupplierView {
    const LABEL: Label = Label::Supplier;
    const OUTGOING: &'static [EdgeType] = &[EdgeType::SuppliesTo, EdgeType::LocatedAt];
    const INCOMING: &'static [EdgeType] = &[EdgeType::SuppliesTo];

    fn read(properties: Properties<'_>, relations: &Relations) -> Result<Self, StoreError> {
        let id = properties.id();
        let stamp = properties.stamp()?;
        Ok(Self {
            id,
            name: properties.text("name")?,
            country: properties.text("country")?,
            risk_score: properties.float("risk_score"),
            certifications: properties.texts("certifications"),
            customer_ids: relations.target_ids(id, EdgeType::SuppliesTo),
            supplier_ids: relations.source_ids(id, EdgeType::SuppliesTo),
            location_id: relations.edges(id, EdgeType::LocatedAt).last().map(|edge| edge.to.id),
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            version: stamp.version,
        })
    }
}

/// Which suppliers are listed: those that equal everything given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SupplierFilters {
    /// Its name.
    pub name: Option<String>,
    /// Its country.
    pub country: Option<String>,
}

/// The supplier, where it exists.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn supplier(
    store: &dyn GraphStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<SupplierView>, StoreError> {
    one(store, tenant, id).await
}

/// A page of suppliers.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn suppliers(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: SupplierFilters,
    request: PageRequest,
) -> Result<Page<SupplierView>, StoreError> {
    let filters = text_filters([("name", filters.name), ("country", filters.country)]);
    page(store, tenant, filters, request).await
}
