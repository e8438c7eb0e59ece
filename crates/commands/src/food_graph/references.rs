//! What must exist before something refers to it. Master data is never deleted, so that a look is enough.

use foodflow_domain::StreamAggregate;
use foodflow_domain::food_graph::facts::Item;
use foodflow_domain::food_graph::ingredient::Ingredient;
use foodflow_domain::food_graph::location::Location;
use foodflow_domain::food_graph::product::Product;
use foodflow_domain::food_graph::sku::Sku;
use foodflow_domain::food_graph::supplier::Supplier;
use foodflow_domain::ids::{LocationId, SkuId, SupplierId};
use uuid::Uuid;

use crate::error::CommandError;
use crate::unit::{Stop, Unit};

/// Refuses where the stream of `id` holds nothing.
///
/// # Errors
/// `NotFound` at `pointer`.
pub async fn require<A: StreamAggregate>(
    unit: &mut Unit<'_>,
    what: &'static str,
    id: Uuid,
    pointer: &str,
) -> Result<(), Stop> {
    if unit.peek::<A>(id).await?.version == 0 {
        return Err(CommandError::NotFound { what, id, pointer: pointer.to_owned() }.into());
    }
    Ok(())
}

/// Requires a location.
///
/// # Errors
/// `NotFound` at `pointer`.
pub async fn location(unit: &mut Unit<'_>, id: LocationId, pointer: &str) -> Result<(), Stop> {
    require::<Location>(unit, "location", id.0, pointer).await
}

/// Requires a supplier.
///
/// # Errors
/// `NotFound` at `pointer`.
pub async fn supplier(unit: &mut Unit<'_>, id: SupplierId, pointer: &str) -> Result<(), Stop> {
    require::<Supplier>(unit, "supplier", id.0, pointer).await
}

/// Requires the product or ingredient of a lot; `pointer` is that of the object that names it.
///
/// # Errors
/// `NotFound`.
pub async fn item(unit: &mut Unit<'_>, item: Item, pointer: &str) -> Result<(), Stop> {
    match item {
        Item::Ingredient(id) => {
            require::<Ingredient>(unit, "ingredient", id.0, &format!("{pointer}/ingredient_id")).await
        }
        Item::Product(id) => {
            require::<Product>(unit, "product", id.0, &format!("{pointer}/product_id")).await
        }
    }
}

/// Requires a SKU, and that it packs the product of the lot; `pointer` is that of the object that names it.
///
/// # Errors
/// `NotFound`, or `Invalid` where it packs another product.
pub async fn sku(unit: &mut Unit<'_>, id: SkuId, item: Item, pointer: &str) -> Result<(), Stop> {
    let pointer = format!("{pointer}/sku_id");
    let loaded = unit.peek::<Sku>(id.0).await?;
    let Some(sku) = &loaded.state.registered else {
        return Err(CommandError::NotFound { what: "SKU", id: id.0, pointer }.into());
    };
    if item != Item::Product(sku.product_id) {
        let detail = format!("SKU {} packs product {}, not what the lot is of", sku.sku_code, sku.product_id);
        return Err(CommandError::Invalid { pointer, detail }.into());
    }
    Ok(())
}
