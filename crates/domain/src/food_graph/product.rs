//! A product and its recipe.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use crate::ids::{IngredientId, LocationId, ProductId};
use crate::{Context, aggregate, event_set};

/// A product became known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRegistered {
    /// Its id.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// Its category, in the tenant's own words.
    pub category: String,
    /// Its brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Global trade item number, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    /// Whether it is on the FDA's food traceability list (FSMA 204).
    #[serde(default)]
    pub food_traceability_list: bool,
    /// Where it is produced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub location_ids: Vec<LocationId>,
}

/// One line of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeLine {
    /// The ingredient.
    pub ingredient_id: IngredientId,
    /// Its share in percent, above 0 to 100.
    pub percent: Decimal,
}

/// A version of the recipe is in force from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRecipeSet {
    /// The product.
    pub product_id: ProductId,
    /// The tenant's name of the version.
    pub version: String,
    /// Its lines.
    pub ingredients: Vec<RecipeLine>,
}

event_set! {
    /// Events of a product.
    pub enum ProductEvent {
        /// It became known.
        Registered(ProductRegistered) = "foodflow.food_graph.product.registered.v1",
        /// A recipe came into force.
        RecipeSet(ProductRecipeSet) = "foodflow.food_graph.product.recipe_set.v1",
    }
}

/// What may be asked of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductCommand {
    /// Make it known.
    Register(ProductRegistered),
    /// Put a recipe into force.
    SetRecipe(ProductRecipeSet),
}

/// State of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// What was registered; `None` before that.
    pub registered: Option<ProductRegistered>,
    /// The recipe in force.
    pub recipe: Option<ProductRecipeSet>,
}

impl Product {
    fn decide(&self, command: ProductCommand, _: &Context) -> Result<Vec<ProductEvent>, FoodGraphError> {
        match command {
            ProductCommand::Register(data) if self.registered.is_some() => {
                Err(FoodGraphError::AlreadyExists { what: "product", id: data.product_id.to_string() })
            }
            ProductCommand::Register(data) => Ok(vec![ProductEvent::Registered(data)]),
            ProductCommand::SetRecipe(data) if self.registered.is_none() => {
                Err(FoodGraphError::NotFound { what: "product", id: data.product_id.0 })
            }
            ProductCommand::SetRecipe(data) => Ok(vec![ProductEvent::RecipeSet(data)]),
        }
    }

    fn evolve(&mut self, event: ProductEvent) {
        match event {
            ProductEvent::Registered(data) => self.registered = Some(data),
            ProductEvent::RecipeSet(data) => self.recipe = Some(data),
        }
    }
}

aggregate!(Product, "food_graph", "product", ProductCommand, ProductEvent, FoodGraphError);
