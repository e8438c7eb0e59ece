//! Places, suppliers, ingredients, products and SKUs.

use foodflow_domain::food_graph::ingredient::{IngredientEvent, IngredientRegistered};
use foodflow_domain::food_graph::location::{LocationEvent, LocationRegistered};
use foodflow_domain::food_graph::product::{ProductEvent, ProductRegistered};
use foodflow_domain::food_graph::sku::{SkuEvent, SkuRegistered};
use foodflow_domain::food_graph::supplier::{SupplierCustomerAdded, SupplierEvent, SupplierRegistered};
use foodflow_projections::food_graph::queries::Known;

use super::{World, id, told};

impl World {
    pub(crate) async fn location(&mut self, name: &str) {
        let event = LocationEvent::Registered(LocationRegistered {
            location_id: id(name).into(),
            name: name.to_owned(),
            location_type: "warehouse".to_owned(),
            address: None,
            coordinates: None,
            gln: None,
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn supplier(&mut self, name: &str) {
        let event = SupplierEvent::Registered(SupplierRegistered {
            supplier_id: id(name).into(),
            name: name.to_owned(),
            country: "IN".to_owned(),
            risk_score: None,
            certifications: vec![],
            location_id: None,
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn supplies(&mut self, supplier: &str, customer: &str) -> Known {
        let event = SupplierEvent::CustomerAdded(SupplierCustomerAdded {
            supplier_id: id(supplier).into(),
            customer_id: id(customer).into(),
        });
        self.commit(vec![told(id(supplier), &event)]).await
    }

    pub(crate) async fn ingredient(&mut self, name: &str) {
        let event = IngredientEvent::Registered(IngredientRegistered {
            ingredient_id: id(name).into(),
            name: name.to_owned(),
            allergens: vec![],
            origin_country: None,
            supplier_ids: vec![],
            contains: vec![],
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn product(&mut self, name: &str) {
        let event = ProductEvent::Registered(ProductRegistered {
            product_id: id(name).into(),
            name: name.to_owned(),
            category: "deli".to_owned(),
            brand: None,
            gtin: None,
            food_traceability_list: true,
            location_ids: vec![],
        });
        self.commit(vec![told(id(name), &event)]).await;
    }

    pub(crate) async fn sku(&mut self, name: &str, product: &str) -> Known {
        let event = SkuEvent::Registered(SkuRegistered {
            sku_id: id(name).into(),
            product_id: id(product).into(),
            sku_code: name.to_owned(),
            size: "400".to_owned(),
            unit: "GRM".to_owned(),
        });
        self.commit(vec![told(id(name), &event)]).await
    }
}
