//! The write operations of the contract, one after the other. Each names its permission and its body.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::access::{Access, LotsRestrict, LotsWrite, MasterDataWrite};
use super::command::{CommandAnswer, CommandRequest};
use super::problem::Problem;
use super::{App, PathId};
use crate::bodies::batches::{AdjustmentBody, BarBody, DisposeBody, HoldBody, RecallBody, ReleaseBody};
use crate::bodies::documents::{CorrectionBody, InputsBody, ReceiptBody, ShipmentBody, TransformationBody};
use crate::bodies::master_data::{
    CustomerBody, IngredientBody, LocationBody, ProductBody, RecipeBody, SkuBody, SupplierBody,
};

write_operation!(record_location, post, "/v1/locations", LocationBody, LocationBody, MasterDataWrite, "master data", created: "Register a place.");
write_operation!(record_supplier, post, "/v1/suppliers", SupplierBody, SupplierBody, MasterDataWrite, "master data", created: "Register a supplier.");
write_operation!(add_customer, post, "/v1/suppliers/{id}/customers", CustomerBody, CustomerBody, MasterDataWrite, "master data", on "Id of the supplier": "State that a supplier supplies another one.");
write_operation!(record_ingredient, post, "/v1/ingredients", IngredientBody, IngredientBody, MasterDataWrite, "master data", created: "Register an ingredient.");
write_operation!(record_product, post, "/v1/products", ProductBody, ProductBody, MasterDataWrite, "master data", created: "Register a product.");
write_operation!(set_recipe, put, "/v1/products/{id}/recipe", RecipeBody, RecipeBody, MasterDataWrite, "master data", on "Id of the product": "Put a recipe into force.");
write_operation!(record_sku, post, "/v1/skus", SkuBody, SkuBody, MasterDataWrite, "master data", created: "Register a stock keeping unit.");
write_operation!(record_receipt, post, "/v1/receipts", ReceiptBody, ReceiptBody, LotsWrite, "events of lots", created: "Record a receiving.");
write_operation!(correct_receipt, post, "/v1/receipts/{id}/correction", CorrectionBody<ReceiptBody>, CorrectionBody<ReceiptBody>, LotsWrite, "corrections", on "Id of the receipt": "Declare a receiving an error.");
write_operation!(record_transformation, post, "/v1/transformations", TransformationBody, TransformationBody, LotsWrite, "events of lots", created: "Record a transformation.");
write_operation!(add_inputs, post, "/v1/transformations/{id}/inputs", InputsBody, InputsBody, LotsWrite, "events of lots", on "Id of the transformation": "Add inputs that were not recorded at first.");
write_operation!(correct_transformation, post, "/v1/transformations/{id}/correction", CorrectionBody<TransformationBody>, CorrectionBody<TransformationBody>, LotsWrite, "corrections", on "Id of the transformation": "Declare a transformation an error.");
write_operation!(record_shipment, post, "/v1/shipments", ShipmentBody, ShipmentBody, LotsWrite, "events of lots", created: "Record a shipping.");
write_operation!(correct_shipment, post, "/v1/shipments/{id}/correction", CorrectionBody<ShipmentBody>, CorrectionBody<ShipmentBody>, LotsWrite, "corrections", on "Id of the shipment": "Declare a shipping an error.");
write_operation!(hold_batch, post, "/v1/batches/{id}/hold", HoldBody, BarBody, LotsRestrict, "restrictions", on "Id of the lot": "Put a lot on hold.");
write_operation!(release_batch, post, "/v1/batches/{id}/release", ReleaseBody, BarBody, LotsRestrict, "restrictions", on "Id of the lot": "Release a lot.");
write_operation!(dispose_batch, post, "/v1/batches/{id}/dispose", DisposeBody, BarBody, LotsRestrict, "restrictions", on "Id of the lot": "Dispose of a lot.");
write_operation!(recall_batch, post, "/v1/batches/{id}/recall", RecallBody, BarBody, LotsRestrict, "restrictions", on "Id of the lot": "Recall a lot.");
write_operation!(adjust_batch, post, "/v1/batches/{id}/adjustments", AdjustmentBody, AdjustmentBody, LotsWrite, "events of lots", on "Id of the lot": "Sample, waste or count a lot.");

/// The write operations.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(record_location))
        .routes(routes!(record_supplier))
        .routes(routes!(add_customer))
        .routes(routes!(record_ingredient))
        .routes(routes!(record_product))
        .routes(routes!(set_recipe))
        .routes(routes!(record_sku))
        .routes(routes!(record_receipt))
        .routes(routes!(correct_receipt))
        .routes(routes!(record_transformation))
        .routes(routes!(add_inputs))
        .routes(routes!(correct_transformation))
        .routes(routes!(record_shipment))
        .routes(routes!(correct_shipment))
        .routes(routes!(hold_batch))
        .routes(routes!(release_batch))
        .routes(routes!(dispose_batch))
        .routes(routes!(recall_batch))
        .routes(routes!(adjust_batch))
}
