//! Locations, suppliers, ingredients, products and SKUs.

use foodflow_domain::food_graph::ingredient::{
    Component, Ingredient, IngredientCommand, IngredientRegistered,
};
use foodflow_domain::food_graph::location::{Coordinates, Location, LocationCommand, LocationRegistered};
use foodflow_domain::food_graph::product::{
    Product, ProductCommand, ProductRecipeSet, ProductRegistered, RecipeLine,
};
use foodflow_domain::food_graph::sku::{Sku, SkuCommand, SkuRegistered};
use foodflow_domain::food_graph::supplier::{
    Supplier, SupplierCommand, SupplierCustomerAdded, SupplierRegistered,
};
use foodflow_domain::ids::{IngredientId, LocationId, ProductId, SkuId, SupplierId};
use foodflow_log::StreamId;

use super::{chosen_or_derived, references, reply_of, take_name};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply};
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/locations`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterLocation {
    /// The id that the client chose.
    pub id: Option<LocationId>,
    /// Name.
    pub name: String,
    /// Kind of place.
    pub location_type: String,
    /// Postal address.
    pub address: Option<String>,
    /// Where it is.
    pub coordinates: Option<Coordinates>,
    /// Global location number.
    pub gln: Option<String>,
}

impl RegisterLocation {
    fn id(&self, meta: &CommandMeta) -> LocationId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "location").into()
    }
}

impl Operation for RegisterLocation {
    type Primary = Location;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("locations", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Location>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let location_id = self.id(unit.meta);
        let Self { name, location_type, address, coordinates, gln, .. } = self.clone();
        let data = LocationRegistered { location_id, name, location_type, address, coordinates, gln };
        unit.create::<Location>(location_id.0, LocationCommand::Register(data), "/id").await
    }
}

/// `POST /v1/suppliers`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterSupplier {
    /// The id that the client chose.
    pub id: Option<SupplierId>,
    /// Name.
    pub name: String,
    /// Country.
    pub country: String,
    /// Risk score.
    pub risk_score: Option<f64>,
    /// Certifications.
    pub certifications: Vec<String>,
    /// Where it is.
    pub location_id: Option<LocationId>,
}

impl RegisterSupplier {
    fn id(&self, meta: &CommandMeta) -> SupplierId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "supplier").into()
    }
}

impl Operation for RegisterSupplier {
    type Primary = Supplier;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("suppliers", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Supplier>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        if let Some(id) = self.location_id {
            references::location(unit, id, "/location_id").await?;
        }
        let supplier_id = self.id(unit.meta);
        let Self { name, country, risk_score, certifications, location_id, .. } = self.clone();
        let data = SupplierRegistered { supplier_id, name, country, risk_score, certifications, location_id };
        unit.create::<Supplier>(supplier_id.0, SupplierCommand::Register(data), "/id").await
    }
}

/// `POST /v1/suppliers/{id}/customers`: the supplier supplies another one.
#[derive(Debug, Clone, PartialEq)]
pub struct AddCustomer {
    /// Who supplies.
    pub supplier_id: SupplierId,
    /// Who is supplied.
    pub customer_id: SupplierId,
}

impl Operation for AddCustomer {
    type Primary = Supplier;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("suppliers/customers", self.supplier_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Supplier>(self.supplier_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        if self.supplier_id == self.customer_id {
            let detail = "a supplier does not supply itself".to_owned();
            return Err(CommandError::Invalid { pointer: "/supplier_id".to_owned(), detail }.into());
        }
        references::require::<Supplier>(unit, "supplier", self.supplier_id.0, "").await?;
        references::supplier(unit, self.customer_id, "/supplier_id").await?;
        let data = SupplierCustomerAdded { supplier_id: self.supplier_id, customer_id: self.customer_id };
        unit.decide::<Supplier>(self.supplier_id.0, SupplierCommand::AddCustomer(data), "/supplier_id").await
    }
}

/// `POST /v1/ingredients`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterIngredient {
    /// The id that the client chose.
    pub id: Option<IngredientId>,
    /// Name.
    pub name: String,
    /// Allergens.
    pub allergens: Vec<String>,
    /// Country of origin.
    pub origin_country: Option<String>,
    /// Who supplies it.
    pub supplier_ids: Vec<SupplierId>,
    /// What it is composed of.
    pub contains: Vec<Component>,
}

impl RegisterIngredient {
    fn id(&self, meta: &CommandMeta) -> IngredientId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "ingredient").into()
    }
}

impl Operation for RegisterIngredient {
    type Primary = Ingredient;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("ingredients", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Ingredient>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        for (index, id) in self.supplier_ids.iter().enumerate() {
            references::supplier(unit, *id, &format!("/supplier_ids/{index}")).await?;
        }
        for (index, part) in self.contains.iter().enumerate() {
            let pointer = format!("/contains/{index}/ingredient_id");
            references::require::<Ingredient>(unit, "ingredient", part.ingredient_id.0, &pointer).await?;
        }
        let ingredient_id = self.id(unit.meta);
        let Self { name, allergens, origin_country, supplier_ids, contains, .. } = self.clone();
        let data =
            IngredientRegistered { ingredient_id, name, allergens, origin_country, supplier_ids, contains };
        unit.create::<Ingredient>(ingredient_id.0, IngredientCommand::Register(data), "/id").await
    }
}

/// `POST /v1/products`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterProduct {
    /// The id that the client chose.
    pub id: Option<ProductId>,
    /// Name.
    pub name: String,
    /// Category.
    pub category: String,
    /// Brand.
    pub brand: Option<String>,
    /// Global trade item number.
    pub gtin: Option<String>,
    /// Whether it is on the food traceability list.
    pub food_traceability_list: bool,
    /// Where it is produced.
    pub location_ids: Vec<LocationId>,
}

impl RegisterProduct {
    fn id(&self, meta: &CommandMeta) -> ProductId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "product").into()
    }
}

impl Operation for RegisterProduct {
    type Primary = Product;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("products", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Product>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        for (index, id) in self.location_ids.iter().enumerate() {
            references::location(unit, *id, &format!("/location_ids/{index}")).await?;
        }
        let product_id = self.id(unit.meta);
        let Self { name, category, brand, gtin, food_traceability_list, location_ids, .. } = self.clone();
        let data = ProductRegistered {
            product_id,
            name,
            category,
            brand,
            gtin,
            food_traceability_list,
            location_ids,
        };
        unit.create::<Product>(product_id.0, ProductCommand::Register(data), "/id").await
    }
}

/// `PUT /v1/products/{id}/recipe`.
#[derive(Debug, Clone, PartialEq)]
pub struct SetRecipe {
    /// The product.
    pub product_id: ProductId,
    /// Name of the version.
    pub version: String,
    /// Its lines.
    pub ingredients: Vec<RecipeLine>,
}

impl Operation for SetRecipe {
    type Primary = Product;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("products/recipe", self.product_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Product>(self.product_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        references::require::<Product>(unit, "product", self.product_id.0, "").await?;
        for (index, line) in self.ingredients.iter().enumerate() {
            let pointer = format!("/ingredients/{index}/ingredient_id");
            references::require::<Ingredient>(unit, "ingredient", line.ingredient_id.0, &pointer).await?;
        }
        let Self { product_id, version, ingredients } = self.clone();
        let data = ProductRecipeSet { product_id, version, ingredients };
        unit.decide::<Product>(product_id.0, ProductCommand::SetRecipe(data), "").await
    }
}

/// `POST /v1/skus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterSku {
    /// The id that the client chose.
    pub id: Option<SkuId>,
    /// The product that it packs.
    pub product_id: ProductId,
    /// Code, unique within the tenant.
    pub sku_code: String,
    /// Size of the pack.
    pub size: String,
    /// Unit of the size.
    pub unit: String,
}

impl RegisterSku {
    fn id(&self, meta: &CommandMeta) -> SkuId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "sku").into()
    }
}

impl Operation for RegisterSku {
    type Primary = Sku;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("skus", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Sku>(self.id(meta).0)]
    }

    async fn run(&self, work: &mut Unit<'_>) -> Result<(), Stop> {
        references::require::<Product>(work, "product", self.product_id.0, "/product_id").await?;
        let sku_id = self.id(work.meta);
        let Self { product_id, sku_code, size, unit, .. } = self.clone();
        let data = SkuRegistered { sku_id, product_id, sku_code: sku_code.clone(), size, unit };
        work.create::<Sku>(sku_id.0, SkuCommand::Register(data), "/id").await?;
        take_name(work, "SKU code", &sku_code, sku_id.0, "/sku_code").await
    }
}
