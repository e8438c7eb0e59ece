//! Lots and master data, one by one and in pages.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use foodflow_projections::food_graph::queries::nodes;
use foodflow_projections::page::Page;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::access::{Access, LotsRead, MasterDataRead};
use super::problem::Problem;
use super::reads::parameters;
use super::tables::{AsOfQuery, page_request};
use super::view::{Standing, answer, standing, tagged};
use super::{App, PathId};

/// Declares the two reads of a kind of node: one by its id, and a page of them by filters.
macro_rules! node_reads {
    ($one:ident, $many:ident, $query:ident, $filters:ident, $view:ident, $permission:ident, $what:literal, $tag:literal, $path:literal, $paths:literal,
     { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        #[doc = concat!("Which page of the ", $what, "s is asked for.")]
        #[derive(Debug, Clone, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $query {
            $($(#[$attribute])* $field: Option<$type>,)*
            /// Only what comes after this id: `next` of the page before.
            #[serde(rename = "page[after]")]
            page_after: Option<Uuid>,
            /// Items of a page, 1 to 500; 50 where absent.
            #[serde(rename = "page[size]")]
            page_size: Option<usize>,
            /// As it stood at this recorded time (RFC 3339) or position.
            as_of: Option<String>,
        }

        #[doc = concat!("One ", $what, ".")]
        #[utoipa::path(get, path = $path, tag = $tag, summary = concat!("One ", $what, "."), security(("bearer" = [])),
            params(("id" = Uuid, Path, description = concat!("Id of the ", $what)), AsOfQuery),
            responses(
                (status = 200, description = "With its properties and relations", body = nodes::$view),
            ))]
        async fn $one(
            State(app): State<App>,
            access: Access<$permission>,
            PathId(id): PathId,
            headers: HeaderMap,
            query: Result<Query<AsOfQuery>, QueryRejection>,
        ) -> Result<Response, Problem> {
            let as_of = parameters(query)?.as_of;
            let Standing { store, position, .. } =
                standing(&app, &app.models.graph, access.tenant, &headers, as_of.as_deref()).await?;
            let found = nodes::$one(store.as_ref(), access.tenant, id).await?;
            let view = found.ok_or_else(|| Problem::not_found(format!(concat!("there is no ", $what, " {}"), id)))?;
            Ok(tagged(position, u64::try_from(view.version).ok(), &view))
        }

        #[doc = concat!("A page of ", $what, "s, in order of id.")]
        #[utoipa::path(get, path = $paths, tag = $tag, summary = concat!("A page of ", $what, "s, in order of id."), params($query), security(("bearer" = [])),
            responses(
                (status = 200, description = "`items`, and `next` to hand to `page[after]`", body = Page<nodes::$view>),
            ))]
        async fn $many(
            State(app): State<App>,
            access: Access<$permission>,
            headers: HeaderMap,
            query: Result<Query<$query>, QueryRejection>,
        ) -> Result<Response, Problem> {
            let $query { $($field,)* page_after, page_size, as_of } = parameters(query)?;
            let request = page_request(page_after, page_size)?;
            let Standing { store, position, .. } =
                standing(&app, &app.models.graph, access.tenant, &headers, as_of.as_deref()).await?;
            let filters = nodes::$filters { $($field,)* };
            let page = nodes::$many(store.as_ref(), access.tenant, filters, request).await?;
            Ok(answer(position, &page))
        }
    };
}

node_reads!(batch, batches, BatchesQuery, BatchFilters, BatchView, LotsRead, "lot", "traceability", "/v1/batches/{id}", "/v1/batches", {
    /// Traceability lot code.
    batch_number: String,
    /// `available`, `held`, `recalled`, `consumed` or `disposed`.
    status: String,
    /// What it is a lot of.
    product_id: Uuid,
    /// What it is a lot of.
    ingredient_id: Uuid,
    /// Immediate previous source.
    supplier_id: Uuid,
    /// Where it was received or made.
    location_id: Uuid,
});

node_reads!(location, locations, LocationsQuery, LocationFilters, LocationView, MasterDataRead, "location", "master data", "/v1/locations/{id}", "/v1/locations", {
    /// Name.
    name: String,
    /// Kind of place.
    #[serde(rename = "type")]
    location_type: String,
    /// Global location number.
    gln: String,
});

node_reads!(supplier, suppliers, SuppliersQuery, SupplierFilters, SupplierView, MasterDataRead, "supplier", "master data", "/v1/suppliers/{id}", "/v1/suppliers", {
    /// Name.
    name: String,
    /// Country.
    country: String,
});

node_reads!(ingredient, ingredients, IngredientsQuery, IngredientFilters, IngredientView, MasterDataRead, "ingredient", "master data", "/v1/ingredients/{id}", "/v1/ingredients", {
    /// Name.
    name: String,
    /// Country of origin.
    origin_country: String,
});

node_reads!(product, products, ProductsQuery, ProductFilters, ProductView, MasterDataRead, "product", "master data", "/v1/products/{id}", "/v1/products", {
    /// Name.
    name: String,
    /// Category.
    category: String,
    /// Brand.
    brand: String,
    /// Global trade item number.
    gtin: String,
});

node_reads!(sku, skus, SkusQuery, SkuFilters, SkuView, MasterDataRead, "SKU", "master data", "/v1/skus/{id}", "/v1/skus", {
    /// The product that it packs.
    product_id: Uuid,
    /// Code.
    sku_code: String,
});

/// Lots and master data.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(batch))
        .routes(routes!(batches))
        .routes(routes!(location))
        .routes(routes!(locations))
        .routes(routes!(supplier))
        .routes(routes!(suppliers))
        .routes(routes!(ingredient))
        .routes(routes!(ingredients))
        .routes(routes!(product))
        .routes(routes!(products))
        .routes(routes!(sku))
        .routes(routes!(skus))
}
