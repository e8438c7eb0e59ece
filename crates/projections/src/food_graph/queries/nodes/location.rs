//! Places.

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{NodeView, Page, PageRequest, Relations, one, page, text_filters};
use super::properties::Properties;
use crate::changes::Label;
use crate::graph::{GraphStore, StoreError};

/// A place as it stands today.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LocationView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What kind of place.
    #[serde(rename = "type")]
    pub location_type: String,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// Where it is (WGS 84).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub coordinates: Option<CoordinatesView>,
    /// Global location number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub gln: Option<String>,
    /// Recorded time of its first event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Recorded time of its last event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Version of its stream; the `ETag`.
    pub version: u64,
}

/// A point on the earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct CoordinatesView {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl NodeView for LocationView {
    const LABEL: Label = Label::Location;

    fn read(properties: Properties<'_>, _: &Relations) -> Result<Self, StoreError> {
        let stamp = properties.stamp()?;
        let coordinates = properties
            .point("coordinates")
            .map(|(latitude, longitude)| CoordinatesView { latitude, longitude });
        Ok(Self {
            id: properties.id(),
            name: properties.text("name")?,
            location_type: properties.text("type")?,
            address: properties.optional_text("address"),
            coordinates,
            gln: properties.optional_text("gln"),
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            version: stamp.version,
        })
    }
}

/// Which locations are listed: those that equal everything given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationFilters {
    /// Its name.
    pub name: Option<String>,
    /// What kind of place.
    pub location_type: Option<String>,
    /// Global location number.
    pub gln: Option<String>,
}

/// The location, where it exists.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn location(
    store: &dyn GraphStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<LocationView>, StoreError> {
    one(store, tenant, id).await
}

/// A page of locations.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn locations(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: LocationFilters,
    request: PageRequest,
) -> Result<Page<LocationView>, StoreError> {
    let filters =
        text_filters([("name", filters.name), ("type", filters.location_type), ("gln", filters.gln)]);
    page(store, tenant, filters, request).await
}
