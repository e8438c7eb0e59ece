//! Products and their recipes.

use foodflow_domain::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{NodeView, Page, PageRequest, Relations, one, page, text_filters};
use super::properties::{Properties, percent};
use crate::changes::{EdgeType, Label};
use crate::graph::{GraphStore, StoreError};

/// A product as it stands today.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProductView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Its brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub brand: Option<String>,
    /// Global trade item number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub gtin: Option<String>,
    /// Whether it is on the FDA's food traceability list.
    pub food_traceability_list: bool,
    /// Where it is produced.
    pub location_ids: Vec<Uuid>,
    /// How it is packed and sold.
    pub sku_ids: Vec<Uuid>,
    /// The recipe in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recipe: Option<RecipeView>,
    /// Recorded time of its first event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Recorded time of its last event (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Version of its stream; the `ETag`.
    pub version: u64,
}

/// The recipe in force.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecipeView {
    /// The tenant's name of the version.
    pub version: String,
    /// Its lines.
    pub ingredients: Vec<RecipeLineView>,
}

/// One line of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecipeLineView {
    /// The ingredient.
    pub ingredient_id: Uuid,
    /// Its share in percent.
    pub percent: f64,
}

impl NodeView for ProductView {
    const LABEL: Label = Label::Product;
    const OUTGOING: &'static [EdgeType] = &[EdgeType::Contains, EdgeType::HasSku, EdgeType::ProducedAt];

    fn read(properties: Properties<'_>, relations: &Relations) -> Result<Self, StoreError> {
        let id = properties.id();
        let stamp = properties.stamp()?;
        let lines = relations.edges(id, EdgeType::Contains).filter_map(|edge| {
            Some(RecipeLineView { ingredient_id: edge.to.id, percent: percent(edge.percent?) })
        });
        let recipe = properties.optional_text("recipe_version");
        Ok(Self {
            id,
            name: properties.text("name")?,
            category: properties.text("category")?,
            brand: properties.optional_text("brand"),
            gtin: properties.optional_text("gtin"),
            food_traceability_list: properties.bool("food_traceability_list"),
            location_ids: relations.target_ids(id, EdgeType::ProducedAt),
            sku_ids: relations.target_ids(id, EdgeType::HasSku),
            recipe: recipe.map(|version| RecipeView { version, ingredients: lines.collect() }),
            created_at: stamp.created_at,
            updated_at: stamp.updated_at,
            version: stamp.version,
        })
    }
}

/// Which products are listed: those that equal everything given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFilters {
    /// Its name.
    pub name: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Its brand.
    pub brand: Option<String>,
    /// Global trade item number.
    pub gtin: Option<String>,
}

/// The product, where it exists.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn product(
    store: &dyn GraphStore,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<ProductView>, StoreError> {
    one(store, tenant, id).await
}

/// A page of products.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn products(
    store: &dyn GraphStore,
    tenant: TenantId,
    filters: ProductFilters,
    request: PageRequest,
) -> Result<Page<ProductView>, StoreError> {
    let filters = text_filters([
        ("name", filters.name),
        ("category", filters.category),
        ("brand", filters.brand),
        ("gtin", filters.gtin),
    ]);
    page(store, tenant, filters, request).await
}
