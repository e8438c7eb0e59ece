//! Ingredients, simple and composite.

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{NodeView, Page, PageRequest, Relations, one, page, text_filters};
use super::properties::{Properties, percent};
use crate::changes::{EdgeType, Label};
use crate::graph::{GraphStore, StoreError};

/// An ingredient as it stands today.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct IngredientView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Allergens that it contains.
    pub allergens: Vec<String>,
    /// Country of origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin_country: Option<String>,
    /// Who supplies it.
    pub supplier_ids: Vec<Uuid>,
    /// What it is composed of.
    pub contains: Vec<ComponentView>,
    /// Recorded time of its first event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Recorded time of its last event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Version of its stream; the `ETag`.
    pub version: u64,
}

/// A component of a composite ingredient.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComponentView {
    /// The ingredient that it contains.
    pub ingredient_id: Uuid,
    /// Its share in percent, if stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub percent: Option<f64>,
}

impl NodeView for IngredientView {
    const LABEL: Label = Label::Ingredient;
    const OUTGOING: &'static [EdgeType] = &[EdgeType::SourcedFrom, EdgeType::Contains];

    fn read(properties: Properties<'_>, relations: &Relations) -> Result<Self, StoreError> {
        let id = properties.id();
        let stamp = properties.stamp()?;
        let components = relations.edges(id, EdgeType::Contains);
        let components = components
            .map(|edge| ComponentView { ingredient_id: edge.to.id, percent: edge.percent.map(percent) });
        Ok(Self {
            id,
            name: properties.text("name")?,
            allergens: properties.texts("allergens"),
            origin_country: properties.optional_text("origin_country"),
            supplier_ids: relations.target_ids(id, EdgeType::SourcedFrom),
            contains: components.collect(),
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            version: stamp.version,
        })
    }
}

/// Which ingredients are listed: those that equal everything given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngredientFilters {
    /// Its name.
    pub name: Option<String>,
    /// Country of origin.
    pub origin_country: Option<String>,
}

/// The ingredient, where it exists.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn ingredient(
    store: &dyn GraphStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<IngredientView>, StoreError> {
    one(store, tenant, id).await
}

/// A page of ingredients.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn ingredients(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: IngredientFilters,
    request: PageRequest,
) -> Result<Page<IngredientView>, StoreError> {
    let filters = text_filters([("name", filters.name), ("origin_country", filters.origin_country)]);
    page(store, tenant, filters, request).await
}
