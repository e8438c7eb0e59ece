//! A supplier and whom it supplies: the tiers of the supply chain.

use serde::{Deserialize, Serialize};

use super::FoodGraphError;
use crate::ids::{LocationId, SupplierId};
use crate::{Context, aggregate, event_set};

/// A supplier became known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupplierRegistered {
    /// Its id.
    pub supplier_id: SupplierId,
    /// Its name.
    pub name: String,
    /// Its country.
    pub country: String,
    /// Risk score of the tenant's own scale, 0 (none) upward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_score: Option<f64>,
    /// Certifications that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certifications: Vec<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
}

/// The supplier supplies another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierCustomerAdded {
    /// Who supplies.
    pub supplier_id: SupplierId,
    /// Who is supplied.
    pub customer_id: SupplierId,
}

event_set! {
    /// Events of a supplier.
    pub enum SupplierEvent {
        /// It became known.
        Registered(SupplierRegistered) = "foodflow.food_graph.supplier.registered.v1",
        /// It supplies another supplier.
        CustomerAdded(SupplierCustomerAdded) = "foodflow.food_graph.supplier.customer_added.v1",
    }
}

/// What may be asked of a supplier.
#[derive(Debug, Clone, PartialEq)]
pub enum SupplierCommand {
    /// Make it known.
    Register(SupplierRegistered),
    /// State that it supplies another supplier.
    AddCustomer(SupplierCustomerAdded),
}

/// State of a supplier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Supplier {
    /// What was registered; `None` before that.
    pub registered: Option<SupplierRegistered>,
    /// Whom it supplies.
    pub customers: Vec<SupplierId>,
}

impl Supplier {
    fn decide(&self, command: SupplierCommand, _: &Context) -> Result<Vec<SupplierEvent>, FoodGraphError> {
        match command {
            SupplierCommand::Register(data) if self.registered.is_some() => {
                Err(FoodGraphError::AlreadyExists { what: "supplier", id: data.supplier_id.to_string() })
            }
            SupplierCommand::Register(data) => Ok(vec![SupplierEvent::Registered(data)]),
            SupplierCommand::AddCustomer(data) if self.registered.is_none() => {
                Err(FoodGraphError::NotFound { what: "supplier", id: data.supplier_id.0 })
            }
            SupplierCommand::AddCustomer(data) if self.customers.contains(&data.customer_id) => {
                let id = format!("{} of supplier {}", data.customer_id, data.supplier_id);
                Err(FoodGraphError::AlreadyExists { what: "customer", id })
            }
            SupplierCommand::AddCustomer(data) => Ok(vec![SupplierEvent::CustomerAdded(data)]),
        }
    }

    fn evolve(&mut self, event: SupplierEvent) {
        match event {
            SupplierEvent::Registered(data) => self.registered = Some(data),
            SupplierEvent::CustomerAdded(data) => self.customers.push(data.customer_id),
        }
    }
}

aggregate!(Supplier, "food_graph", "supplier", SupplierCommand, SupplierEvent, FoodGraphError);
