//! Locations, suppliers, ingredients, products and SKUs: the nodes that lots refer to.
//!
//! Their edges hold from when they were recorded. A recipe replaces the one before: the edges of the former are
//! retired, never removed.

use foodflow_domain::food_graph::ingredient::{IngredientEvent, IngredientRegistered};
use foodflow_domain::food_graph::location::{LocationEvent, LocationRegistered};
use foodflow_domain::food_graph::product::{ProductEvent, ProductRecipeSet, ProductRegistered};
use foodflow_domain::food_graph::sku::{SkuEvent, SkuRegistered};
use foodflow_domain::food_graph::supplier::{SupplierCustomerAdded, SupplierEvent, SupplierRegistered};

use super::event::{Event, node, optional_text, text};
use crate::changes::{Change, EdgeType, Label, Properties, Value};

type Changes = Vec<Change>;

/// A place.
pub(super) fn location(event: &Event<'_>, data: LocationEvent, changes: &mut Changes) {
    let LocationEvent::Registered(LocationRegistered {
        location_id,
        name,
        location_type,
        address,
        coordinates,
        gln,
    }) = data;
    let properties = Properties::from([
        ("name", text(name)),
        ("type", text(location_type)),
        ("address", optional_text(address.as_ref())),
        ("coordinates", coordinates.map(|point| Value::Point(point.latitude, point.longitude))),
        ("gln", optional_text(gln.as_ref())),
    ]);
    changes.push(event.created(node(Label::Location, location_id), properties));
}

/// A supplier, and whom it supplies.
pub(super) fn supplier(event: &Event<'_>, data: SupplierEvent, changes: &mut Changes) {
    match data {
        SupplierEvent::Registered(data) => supplier_registered(event, data, changes),
        SupplierEvent::CustomerAdded(SupplierCustomerAdded { supplier_id, customer_id }) => {
            let key = node(Label::Supplier, supplier_id);
            let customer = node(Label::Supplier, customer_id);
            changes.push(event.patched(key, Properties::new()));
            changes.push(event.master_edge(EdgeType::SuppliesTo, key, customer, 0).added());
        }
    }
}

fn supplier_registered(event: &Event<'_>, data: SupplierRegistered, changes: &mut Changes) {
    let SupplierRegistered { supplier_id, name, country, risk_score, certifications, location_id } = data;
    let key = node(Label::Supplier, supplier_id);
    let properties = Properties::from([
        ("name", text(name)),
        ("country", text(country)),
        ("risk_score", risk_score.map(Value::Float)),
        ("certifications", Some(Value::Texts(certifications))),
    ]);
    changes.push(event.created(key, properties));
    changes.extend(
        location_id
            .map(|at| event.master_edge(EdgeType::LocatedAt, key, node(Label::Location, at), 0).added()),
    );
}

/// An ingredient, simple or composite.
pub(super) fn ingredient(event: &Event<'_>, data: IngredientEvent, changes: &mut Changes) {
    let IngredientEvent::Registered(IngredientRegistered {
        ingredient_id,
        name,
        allergens,
        origin_country,
        supplier_ids,
        contains,
    }) = data;
    let key = node(Label::Ingredient, ingredient_id);
    let properties = Properties::from([
        ("name", text(name)),
        ("allergens", Some(Value::Texts(allergens))),
        ("origin_country", optional_text(origin_country.as_ref())),
    ]);
    changes.push(event.created(key, properties));
    changes.extend(supplier_ids.into_iter().enumerate().map(|(line, supplier)| {
        event.master_edge(EdgeType::SourcedFrom, key, node(Label::Supplier, supplier), line).added()
    }));
    changes.extend(contains.into_iter().enumerate().map(|(line, component)| {
        let part = node(Label::Ingredient, component.ingredient_id);
        event.master_edge(EdgeType::Contains, key, part, line).with_percent(component.percent).added()
    }));
}

/// A product and its recipe.
pub(super) fn product(event: &Event<'_>, data: ProductEvent, changes: &mut Changes) {
    match data {
        ProductEvent::Registered(data) => product_registered(event, data, changes),
        ProductEvent::RecipeSet(data) => recipe_set(event, data, changes),
    }
}

fn product_registered(event: &Event<'_>, data: ProductRegistered, changes: &mut Changes) {
    let ProductRegistered { product_id, name, category, brand, gtin, food_traceability_list, location_ids } =
        data;
    let key = node(Label::Product, product_id);
    let properties = Properties::from([
        ("name", text(name)),
        ("category", text(category)),
        ("brand", optional_text(brand.as_ref())),
        ("gtin", optional_text(gtin.as_ref())),
        ("food_traceability_list", Some(Value::Bool(food_traceability_list))),
    ]);
    changes.push(event.created(key, properties));
    changes.extend(location_ids.into_iter().enumerate().map(|(line, location)| {
        event.master_edge(EdgeType::ProducedAt, key, node(Label::Location, location), line).added()
    }));
}

fn recipe_set(event: &Event<'_>, data: ProductRecipeSet, changes: &mut Changes) {
    let ProductRecipeSet { product_id, version, ingredients } = data;
    let key = node(Label::Product, product_id);
    changes.push(event.patched(key, Properties::from([("recipe_version", text(version))])));
    changes.push(event.retire_from(key, &[EdgeType::Contains]));
    changes.extend(ingredients.into_iter().enumerate().map(|(line, part)| {
        let ingredient = node(Label::Ingredient, part.ingredient_id);
        let edge = event.master_edge(EdgeType::Contains, key, ingredient, line);
        edge.with_percent(Some(part.percent)).added()
    }));
}

/// A stock keeping unit.
pub(super) fn sku(event: &Event<'_>, data: SkuEvent, changes: &mut Changes) {
    let SkuEvent::Registered(SkuRegistered { sku_id, product_id, sku_code, size, unit }) = data;
    let key = node(Label::Sku, sku_id);
    let properties = Properties::from([
        ("product_id", text(product_id)),
        ("sku_code", text(sku_code)),
        ("size", text(size)),
        ("unit", text(unit)),
    ]);
    changes.push(event.created(key, properties));
    changes.push(event.master_edge(EdgeType::HasSku, node(Label::Product, product_id), key, 0).added());
}
