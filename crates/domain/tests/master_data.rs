//! Locations, suppliers, ingredients, products and SKUs.

use foodflow_domain::food_graph::FoodGraphError;
use foodflow_domain::food_graph::ingredient::{Ingredient, IngredientCommand, IngredientEvent};
use foodflow_domain::food_graph::location::{Location, LocationCommand, LocationEvent};
use foodflow_domain::food_graph::product::{Product, ProductCommand, ProductEvent, ProductRecipeSet};
use foodflow_domain::food_graph::sku::{Sku, SkuCommand, SkuEvent};
use foodflow_domain::food_graph::supplier::{
    Supplier, SupplierCommand, SupplierCustomerAdded, SupplierEvent,
};

use crate::events::samples;
use crate::support::{decide, id, replay};

fn exists<T>(what: &'static str, number: u128) -> Result<T, FoodGraphError> {
    Err(FoodGraphError::AlreadyExists { what, id: id::<uuid::Uuid>(number).to_string() })
}

#[test]
fn a_location_is_registered_once() {
    let data = samples::location();
    let event = LocationEvent::Registered(data.clone());
    let register = || LocationCommand::Register(data.clone());
    assert_eq!(decide::<Location>(&[], register()), Ok(vec![event.clone()]));
    assert_eq!(decide::<Location>(std::slice::from_ref(&event), register()), exists("location", 30));
    assert_eq!(replay::<Location>(&[event]).registered, Some(data));
}

#[test]
fn an_ingredient_is_registered_once() {
    let data = samples::ingredient();
    let event = IngredientEvent::Registered(data.clone());
    let register = || IngredientCommand::Register(data.clone());
    assert_eq!(decide::<Ingredient>(&[], register()), Ok(vec![event.clone()]));
    assert_eq!(decide::<Ingredient>(std::slice::from_ref(&event), register()), exists("ingredient", 10));
    assert_eq!(replay::<Ingredient>(&[event]).registered, Some(data));
}

#[test]
fn a_sku_is_registered_once() {
    let data = samples::sku();
    let event = SkuEvent::Registered(data.clone());
    let register = || SkuCommand::Register(data.clone());
    assert_eq!(decide::<Sku>(&[], register()), Ok(vec![event.clone()]));
    assert_eq!(decide::<Sku>(std::slice::from_ref(&event), register()), exists("SKU", 12));
    assert_eq!(replay::<Sku>(&[event]).registered, Some(data));
}

#[test]
fn a_product_is_registered_once_and_its_recipe_replaced() {
    let registered = ProductEvent::Registered(samples::product());
    let register = || ProductCommand::Register(samples::product());
    let recipe = |version: &str| ProductRecipeSet { version: version.to_owned(), ..samples::recipe() };
    let known = vec![registered.clone()];
    let cooked = vec![registered.clone(), ProductEvent::RecipeSet(recipe("1"))];
    assert_eq!(decide::<Product>(&[], register()), Ok(vec![registered]));
    assert_eq!(decide::<Product>(&known, register()), exists("product", 11));
    let unknown = FoodGraphError::NotFound { what: "product", id: id(11) };
    assert_eq!(decide::<Product>(&[], ProductCommand::SetRecipe(recipe("1"))), Err(unknown));
    for given in [&known, &cooked] {
        let set = decide::<Product>(given, ProductCommand::SetRecipe(recipe("2")));
        assert_eq!(set, Ok(vec![ProductEvent::RecipeSet(recipe("2"))]));
    }
    assert_eq!(replay::<Product>(&known).recipe, None);
    assert_eq!(replay::<Product>(&cooked).recipe, Some(recipe("1")));
}

#[test]
fn a_supplier_is_registered_once_and_supplies_each_customer_once() {
    let registered = SupplierEvent::Registered(samples::supplier());
    let register = || SupplierCommand::Register(samples::supplier());
    let link = |customer| SupplierCustomerAdded { supplier_id: id(20), customer_id: id(customer) };
    let add = |customer| SupplierCommand::AddCustomer(link(customer));
    let known = vec![registered.clone()];
    let linked = vec![registered.clone(), SupplierEvent::CustomerAdded(link(21))];
    assert_eq!(decide::<Supplier>(&[], register()), Ok(vec![registered]));
    assert_eq!(decide::<Supplier>(&known, register()), exists("supplier", 20));
    let unknown = FoodGraphError::NotFound { what: "supplier", id: id(20) };
    assert_eq!(decide::<Supplier>(&[], add(21)), Err(unknown));
    assert_eq!(decide::<Supplier>(&known, add(21)), Ok(vec![SupplierEvent::CustomerAdded(link(21))]));
    assert_eq!(decide::<Supplier>(&linked, add(22)), Ok(vec![SupplierEvent::CustomerAdded(link(22))]));
    let both: (uuid::Uuid, uuid::Uuid) = (id(21), id(20));
    let twice =
        FoodGraphError::AlreadyExists { what: "customer", id: format!("{} of supplier {}", both.0, both.1) };
    assert_eq!(decide::<Supplier>(&linked, add(21)), Err(twice));
    assert_eq!(replay::<Supplier>(&linked).customers, [id(21)]);
}
