//! A stock keeping unit: one way in which a product is packed and sold.

use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use crate::ids::{ProductId, SkuId};
use crate::{Context, aggregate, event_set};

/// A SKU became known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuRegistered {
    /// Its id.
    pub sku_id: SkuId,
    /// The product that it packs.
    pub product_id: ProductId,
    /// Code, unique within the tenant.
    pub sku_code: String,
    /// Size of the pack, e.g. `400`.
    pub size: String,
    /// Unit of the size, e.g. `GRM`.
    pub unit: String,
}

event_set! {
    /// Events of a SKU.
    pub enum SkuEvent {
        /// It became known.
        Registered(SkuRegistered) = "foodflow.food_graph.sku.registered.v1",
    }
}

/// What may be asked of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkuCommand {
    /// Make it known.
    Register(SkuRegistered),
}

/// State of a SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    /// What was registered; `None` before that.
    pub registered: Option<SkuRegistered>,
}

impl Sku {
    fn decide(&self, command: SkuCommand, _: &Context) -> Result<Vec<SkuEvent>, FoodGraphError> {
        let SkuCommand::Register(data) = command;
        if self.registered.is_some() {
            return Err(FoodGraphError::AlreadyExists { what: "SKU", id: data.sku_id.to_string() });
        }
        Ok(vec![SkuEvent::Registered(data)])
    }

    fn evolve(&mut self, event: SkuEvent) {
        let SkuEvent::Registered(data) = event;
        self.registered = Some(data);
    }
}

aggregate!(Sku, "food_graph", "sku", SkuCommand, SkuEvent, FoodGraphError);
