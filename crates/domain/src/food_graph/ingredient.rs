//! An ingredient, simple or composite.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use crate::ids::{IngredientId, SupplierId};
use crate::{Context, aggregate, event_set};

/// A component of a composite ingredient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The ingredient that it contains.
    pub ingredient_id: IngredientId,
    /// Its share in percent, 0 to 100, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Decimal>,
}

/// An ingredient became known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngredientRegistered {
    /// Its id.
    pub ingredient_id: IngredientId,
    /// Its name.
    pub name: String,
    /// Allergens that it contains.
    pub allergens: Vec<String>,
    /// Country of origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_country: Option<String>,
    /// Who supplies it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplier_ids: Vec<SupplierId>,
    /// What it is composed of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<Component>,
}

event_set! {
    /// Events of an ingredient.
    pub enum IngredientEvent {
        /// It became known.
        Registered(IngredientRegistered) = "foodflow.food_graph.ingredient.registered.v1",
    }
}

/// What may be asked of an ingredient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IngredientCommand {
    /// Make it known.
    Register(IngredientRegistered),
}

/// State of an ingredient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingredient {
    /// What was registered; `None` before that.
    pub registered: Option<IngredientRegistered>,
}

impl Ingredient {
    fn decide(
        &self,
        command: IngredientCommand,
        _: &Context,
    ) -> Result<Vec<IngredientEvent>, FoodGraphError> {
        let IngredientCommand::Register(data) = command;
        if self.registered.is_some() {
            return Err(FoodGraphError::AlreadyExists {
                what: "ingredient",
                id: data.ingredient_id.to_string(),
            });
        }
        Ok(vec![IngredientEvent::Registered(data)])
    }

    fn evolve(&mut self, event: IngredientEvent) {
        let IngredientEvent::Registered(data) = event;
        self.registered = Some(data);
    }
}

aggregate!(Ingredient, "food_graph", "ingredient", IngredientCommand, IngredientEvent, FoodGraphError);
