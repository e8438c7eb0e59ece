//! Nodes with their documented properties and relations, one by one and in pages.
//!
//! They show today's state. A page loads the relations of all its nodes in one call per direction.

mod batch;
mod ingredient;
mod location;
mod page;
mod product;
mod properties;
mod sku;
mod supplier;

pub use batch::{BatchFilters, BatchView, batch, batches};
pub use ingredient::{ComponentView, IngredientFilters, IngredientView, ingredient, ingredients};
pub use location::{CoordinatesView, LocationFilters, LocationView, location, locations};
pub use page::{Page, PageRequest};
pub use product::{ProductFilters, ProductView, RecipeLineView, RecipeView, product, products};
pub use sku::{SkuFilters, SkuView, sku, skus};
pub use supplier::{SupplierFilters, SupplierView, supplier, suppliers};
